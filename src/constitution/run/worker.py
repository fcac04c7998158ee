"""A worker: admit records, let each chain go on the moment its answer is there, seal chunks as they finish."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from constitution.errors import EngineDeadError
from constitution.messages import Prompt
from constitution.records import ChainResult, Failure
from constitution.run.breaker import Breaker
from constitution.run.chain import Chains
from constitution.run.drops import Lost, loses, write_drops
from constitution.run.log import logger
from constitution.run.open_chunk import OpenChunk, Reuse, writable
from constitution.sources.prompts import PromptFile
from constitution.steps.pair import Settled
from constitution.steps.settle import Settler
from constitution.store.folder import Lease, RunFolder
from constitution.store.journal import Journals
from constitution.store.plan import ChunkPlan, Plan, PlannedRecord, read_chunk
from constitution.store.shards import seal
from constitution.store.sums import Sums

MAX_OPEN_CHUNKS = 8
"""Chunks that a worker has open at a time, so that the end of one never drains the engine."""


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    done: int
    """Inputs that are finished, those of earlier sessions included."""
    total: int
    sums: Sums
    """Of all finished inputs."""
    output_tokens: int
    """Sampled in this session."""
    seconds: float
    """Since this session began."""
    done_before: int
    """Inputs that were finished when this session began."""


@dataclass
class Worker:
    """Runs the chunks of a plan that are not sealed yet."""

    folder: RunFolder
    plan: Plan
    source: PromptFile
    chains: Chains
    settler: Settler
    samples: int = 1
    shard: tuple[int, int] | None = None
    """Which chunks are this run's own; None = all."""
    only: Mapping[int, frozenset[int]] | None = None
    """Which records of which chunks are to be done, by their index; None for all of all."""
    again: frozenset[int] = frozenset()
    """Sealed chunks that are opened again and sealed again."""
    retry: bool = False
    """Whether failed records are asked again."""
    in_flight: int | None = None
    """Chains at work at a time; None = from the engine."""
    reuse: Reuse | None = None
    engine_name: str = ""
    repeats: Callable[[Prompt], str | None] | None = None
    """What of a prompt stands in an evaluation, for the detail of a dropped input."""
    on_progress: Callable[[Progress], None] | None = None

    def __post_init__(self) -> None:
        self._wake = asyncio.Event()
        self._open: dict[int, OpenChunk] = {}
        self._leases: dict[int, Lease] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._seals: set[asyncio.Task[None]] = set()
        self._fatal: BaseException | None = None
        self._stopped = False
        self._breaker = Breaker()
        self._cancelling = False
        self._flying = 0
        self._totals = Sums()
        self._sampled = 0
        self._started = time.monotonic()
        self._seconds = 0.0
        self._done = 0
        self._done_before = 0
        self._unsealed = 0
        self._total = 0
        self.engine_died = False
        """Whether an engine was found dead, also where a stop was asked for."""

    def stop(self) -> None:
        """Admit nothing more and cancel what is in flight; everything that was answered stays journalled.

        To be called on the worker's loop.
        """
        self._stopped = True
        self._wake.set()

    async def run(self, totals: Sums) -> bool:
        """Work until every chunk is sealed (every record of `only` done), or until `stop`.

        Args:
            totals: sums of the chunks that are sealed already.

        Returns:
            Whether it came to that end.

        Raises:
            EngineDeadError, StoreError, SettingsError: after what was answered is on disk.
        """
        self._totals = totals
        self._done = self._done_before = sum(totals.outcomes.values())
        own = [chunk for chunk in self.plan.of_shard(self.shard) if self.only is None or chunk.number in self.only]
        todo = [chunk.number for chunk in own if chunk.number in self.again or not self.folder.sealed(chunk.number)]
        self._total = sum(self._wanted(chunk) for chunk in own if self.only is None or chunk.number in todo)
        self._unsealed = len(todo)
        journals = Journals(asyncio.get_running_loop())
        try:
            await self._admit_all(todo, journals)
            while (self._tasks or self._seals) and not self._ending():
                await self._pause()
        finally:
            await self._end_tasks()
            try:
                await asyncio.to_thread(journals.close)
            finally:
                while self._leases:
                    self._leases.popitem()[1].give_back(sealed=False)
        if self._fatal is not None and not (self._stopped and isinstance(self._fatal, EngineDeadError)):
            raise self._fatal
        return not self._unsealed

    @property
    def seconds_each(self) -> float | None:
        """How long a record took in this session: seconds since it began, over the records that it finished."""
        finished = self._done - self._done_before
        return self._seconds / finished if finished > 0 else None

    def cap(self) -> int:
        """Chains at work at a time: 1.25 x what the engine takes, or what fits in 0.7 of its KV cache."""
        if self.in_flight is not None:
            return self.in_flight
        first = self.chains.served.capabilities[self.chains.recipe.roles[0]]
        cap = int(1.25 * first.max_in_flight)
        mean = self.chains.lengths.mean()
        if first.kv_tokens is not None and mean:
            cap = min(cap, int(0.7 * first.kv_tokens / mean))
        return max(1, cap)

    async def _admit_all(self, todo: Sequence[int], journals: Journals) -> None:
        for number in todo:
            while len(self._open) >= MAX_OPEN_CHUNKS and not self._ending():
                await self._pause()
            if self._ending():
                return
            lease = self.folder.lease(number)
            if lease is None:
                continue  # another worker of this run has it
            if self.folder.sealed(number) and number not in self.again:
                lease.give_back(sealed=True)
                self._unsealed -= 1
                continue
            self._leases[number] = lease
            chunk = await self._open_chunk(number, journals)
            for index, record in self._chosen(chunk):
                while self._flying and self._flying + self.samples > self.cap() and not self._ending():
                    await self._pause()
                await journals.room()
                if self._ending():
                    return
                self._admit(chunk, index, record)
            if chunk.complete:  # its last record was turned away
                self._spawn(partial(self._close, chunk), self._seals)

    def _wanted(self, chunk: ChunkPlan) -> int:
        return chunk.records if self.only is None else len(self.only[chunk.number])

    def _chosen(self, chunk: OpenChunk) -> Iterator[tuple[int, PlannedRecord]]:
        """The records of a chunk that are to be done."""
        if self.only is None:
            yield from chunk.records
            return
        left = len(self.only[chunk.plan.number])
        for index, record in chunk.records:
            if index in self.only[chunk.plan.number]:
                left -= 1
                yield index, record
            if not left:
                return

    def _ending(self) -> bool:
        return self._stopped or self._fatal is not None

    async def _pause(self) -> None:
        await self._wake.wait()
        self._wake.clear()

    async def _open_chunk(self, number: int, journals: Journals) -> OpenChunk:
        plan = self.plan.chunks[number]
        content = await asyncio.to_thread(journals.open, number, self.folder.journal(number))
        records = enumerate(read_chunk(self.source, self.plan, plan))
        wanted = None if self.only is None else self._wanted(plan)
        chunk = OpenChunk(plan, journals, content, self.reuse, self.engine_name, records, wanted=wanted)
        if number in self.again:
            await asyncio.to_thread(chunk.reopen, self.folder)
        self._open[number] = chunk
        return chunk

    def _admit(self, chunk: OpenChunk, index: int, record: PlannedRecord) -> None:
        if record.dropped is not None:
            if record.dropped == "contaminated" and self.repeats is not None:
                record = replace(record, detail=f'an evaluation prompt has "{self.repeats(record.prompt)}"')
            chunk.turned_away.append(record)
            self._settled(chunk, Settled("dropped", record.dropped))
            return
        self._flying += self.samples
        self._spawn(partial(self._record, chunk, index, record), self._tasks)

    def _spawn(self, work: Callable[[], Coroutine[Any, Any, None]], tasks: set[asyncio.Task[None]]) -> None:
        """Start work; it is made inside its task, so that a task cancelled before its start leaves nothing behind."""
        task = asyncio.get_running_loop().create_task(self._guard(work))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(lambda _: self._wake.set())

    async def _guard(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            if not self._cancelling:
                self._end(EngineDeadError("the engine cancelled a request that nobody had given up"))
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is ends the run, and `run` raises it
            self._end(error)

    def _end(self, error: Exception) -> None:
        """End the run with its first error; the death of an engine is noted even where it is not the first."""
        self.engine_died = self.engine_died or isinstance(error, EngineDeadError)
        if self._fatal is None:
            self._fatal = error

    async def _record(self, chunk: OpenChunk, index: int, record: PlannedRecord) -> None:
        prompt = record.prompt
        done = chunk.content.done.get(prompt.id)
        if done is not None and done.failures and self.retry:
            done = None
        kept = chunk.kept.get(prompt.id)
        failed = (
            {failure[0]: Failure(prompt.id, *failure, prompt.preferred) for failure in done.failures} if done else {}
        )
        try:
            results: Sequence[ChainResult]
            if kept is not None:
                results = kept
            elif self.samples == 1:
                results = [failed.get(0) or await self.chains.run(prompt, 0, chunk)]
            else:
                results = await self._samples(record, chunk, failed)
        finally:
            self._flying -= self.samples
        results = tuple(writable(result) for result in results)
        settled = self.settler.input(results)
        for result in results:
            chunk.sums.count_chain(result, self.settler.checks)
            if "judge" in self.chains.recipe.roles:
                chunk.sums.count_label(result, self.settler.pairing.labelling)
        chunk.sums.count_refusals(results, settled, self.settler.pairing.respond)
        if done is None and kept is None:
            chunk.finish(prompt.id, results, settled)
        else:
            self._done_before += 1
        chunk.results[index] = results
        if loses(settled):
            chunk.lost[index] = Lost(results, settled)
        self._settled(chunk, settled)
        if chunk.finished:
            self._spawn(partial(self._close, chunk), self._seals)
        if done is None and self._done < self._total:
            self._breaker.note(results)

    async def _samples(
        self, record: PlannedRecord, chunk: OpenChunk, failed: Mapping[int, Failure]
    ) -> Sequence[ChainResult]:
        async def one(sample: int) -> ChainResult:
            return failed.get(sample) or await self.chains.run(record.prompt, sample, chunk)

        results = await asyncio.gather(*(one(sample) for sample in range(self.samples)), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if not isinstance(result, BaseException)]

    def _settled(self, chunk: OpenChunk, settled: Settled) -> None:
        chunk.sums.count_input(settled)
        self._totals.count_input(settled)
        self._done += 1
        self._seconds = time.monotonic() - self._started
        if self.on_progress is not None:
            sampled = self._sampled + sum(chunk.sampled for chunk in self._open.values())
            self.on_progress(Progress(self._done, self._total, self._totals, sampled, self._seconds, self._done_before))

    async def _close(self, chunk: OpenChunk) -> None:
        """Let a chunk go: sealed where all of it is done."""
        await chunk.journals.synced()
        if chunk.complete:
            await self._seal(chunk)
        number = chunk.plan.number
        chunk.journals.close_chunk(number)
        self._sampled += chunk.sampled
        self._unsealed -= 1
        del self._open[number]
        self._leases.pop(number).give_back(sealed=chunk.complete)

    async def _seal(self, chunk: OpenChunk) -> None:
        """Seal a chunk whose journal is on disk."""
        results = [result for index in sorted(chunk.results) for result in chunk.results[index]]
        lost = [chunk.lost[index] for index in sorted(chunk.lost)]
        number = chunk.plan.number
        # Of a chunk that was sealed before, the shard decides: what a person reads beside it follows it.
        if number not in self.again:
            await asyncio.to_thread(write_drops, self.folder, number, lost, chunk.turned_away)
        await asyncio.to_thread(seal, self.folder.shard(number), results, chunk.sums, chunk.plan.records)
        if number in self.again:
            await asyncio.to_thread(write_drops, self.folder, number, lost, chunk.turned_away)
            self.folder.reopened(number).unlink(missing_ok=True)
        logger.info("sealed chunk %d: %s", number, dict(chunk.sums.outcomes))

    async def _end_tasks(self) -> None:
        """Cancel chains; let seals that have begun end, they take no answers any more."""
        self._cancelling = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*self._seals, return_exceptions=True)
