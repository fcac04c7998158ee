"""A chunk at work: its answers on disk, its results in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import orjson

from constitution.engine import Completion, Request
from constitution.records import ChainResult, Dropped, Failure
from constitution.run.drops import Lost
from constitution.run.standing import unjournalled
from constitution.steps.pair import Settled
from constitution.steps.settle import by_input
from constitution.store.disk import write_atomically
from constitution.store.folder import RunFolder
from constitution.store.journal import REUSED, AnswerEvent, DoneEvent, JournalContent, Journals
from constitution.store.plan import ChunkPlan, PlannedRecord
from constitution.store.shards import read_shard
from constitution.store.sums import Sums


class Reuse(Protocol):
    """Answers of another run."""

    def get(self, key: str) -> AnswerEvent | None:
        """The answer to a request with this key."""


@dataclass
class OpenChunk:
    """A chunk at work: its answers on disk, its results in memory."""

    plan: ChunkPlan
    journals: Journals
    content: JournalContent
    reuse: Reuse | None
    engine: str
    records: Iterator[tuple[int, PlannedRecord]]
    sums: Sums = field(default_factory=Sums)
    results: dict[int, tuple[ChainResult, ...]] = field(default_factory=dict)
    lost: dict[int, Lost] = field(default_factory=dict)
    turned_away: list[PlannedRecord] = field(default_factory=list)
    sampled: int = 0
    kept: dict[str, tuple[ChainResult, ...]] = field(default_factory=dict)
    """Results out of the shard of a chunk that is opened again, by record."""
    wanted: int | None = None
    """How many of its records are to be done now; None for all."""

    def __post_init__(self) -> None:
        for event in self.content.answers.values():
            self.sums.count_event(event)

    def reopen(self, folder: RunFolder) -> None:
        """Take what stands in the chunk's shard, but for records with a failed chain, and say so in the folder.

        Raises:
            StoreError: the shard cannot be read, or the folder not be written.
        """
        number = self.plan.number
        lost = unjournalled(folder, number, self.sums)
        write_atomically(folder.reopened(number), orjson.dumps(lost.to_json()))
        self.sums.add(lost)
        for chains in by_input(read_shard(folder.shard(number))):
            if not any(isinstance(chain, Failure) for chain in chains):
                self.kept[chains[0].record] = chains

    def get(self, request: Request, attempt: int) -> Completion | None:
        """The journalled answer, else another run's, which is copied into this journal."""
        event = self.content.answers.get(request.key)
        if event is None and self.reuse is not None:
            found = self.reuse.get(request.key)
            if found is not None:
                engine = found.engine if found.reused else REUSED + found.engine
                event = AnswerEvent(request.key, request.record, request.stage, attempt, found.completion, engine)
                self._keep(event)
        return None if event is None else event.completion

    def put(self, request: Request, attempt: int, completion: Completion) -> None:
        """Journal an answer."""
        self._keep(AnswerEvent(request.key, request.record, request.stage, attempt, completion, self.engine))
        self.sampled += completion.output_tokens

    def _keep(self, event: AnswerEvent) -> None:
        self.journals.append(self.plan.number, event.line())
        self.sums.count_event(event)

    def finish(self, record: str, results: Sequence[ChainResult], settled: Settled) -> None:
        """Journal that a record is finished."""
        failures = tuple(
            (result.sample, result.stage, result.error, result.message, result.attempts)
            for result in results
            if isinstance(result, Failure)
        )
        pairs = tuple(pair.reason if isinstance(pair, Dropped) else None for pair in settled.proposals)
        done = DoneEvent(record, settled.outcome, settled.reason, failures, pairs)
        self.journals.append(self.plan.number, done.line())

    @property
    def finished(self) -> bool:
        """Whether every record that is wanted has its results."""
        return self.complete or len(self.results) == self.wanted

    @property
    def complete(self) -> bool:
        """Whether every record has its results."""
        return len(self.results) + len(self.turned_away) == self.plan.records


def writable(result: ChainResult) -> ChainResult:
    """A failure whose message can be written as UTF-8, whatever an engine quoted in it."""
    if not isinstance(result, Failure):
        return result
    return replace(result, message=result.message.encode("utf-8", "backslashreplace").decode())
