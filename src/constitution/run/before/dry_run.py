"""A dry run: what a run would ask, and what it may cost, without an engine, a folder or a token."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from constitution.engine import Capabilities, ModelRole, Request
from constitution.engines.counting import Uncalled, uncalled
from constitution.engines.models import Named
from constitution.errors import InputError, RecordError, StoreError
from constitution.messages import Prompt
from constitution.records import Failure, Trace
from constitution.run.before.supposing import Outlook, Supposer, Weigh, Weight
from constitution.run.chain import Chains, Served, refuse_impossible
from constitution.run.examined import examined_pairs
from constitution.run.generate import Job
from constitution.run.inputs import plan_inputs
from constitution.run.opened import OpenedRun
from constitution.run.prices import UNIT, Price, prices
from constitution.store.folder import RunFolder
from constitution.store.plan import PlannedRecord, read_chunk

EXAMPLES = 3
"""Records whose prompts are shown."""


@dataclass(frozen=True, slots=True)
class Range:
    """From the least to the most."""

    least: float
    once: float
    """The most where no answer has to be asked for again."""
    most: float

    def over(self, rate: float) -> Range:
        """Divided by a rate."""
        return Range(self.least / rate, self.once / rate, self.most / rate)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a prompt, as it is shown."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One request of an example."""

    stage: str
    round: int
    turns: tuple[Turn, ...]
    """What is not known yet stands there as its stage and its most tokens."""
    text: str | None = None
    """All of it as the chat template writes it, where all of it is known."""
    at_most: int = 0
    """Tokens of the answer."""


@dataclass(frozen=True, slots=True)
class Example:
    """What one record would be asked."""

    record: str
    principles: tuple[str, ...]
    """Ids of the drawn ones, in order."""
    requests: tuple[Shown, ...]


@dataclass(frozen=True, repr=False)
class DryRun:
    """What a run would ask. Every number is of the whole run."""

    inputs: int
    asked: int
    """Inputs of which something would be asked."""
    unsure: int
    """Of them those that only the running engine knows to fit or not to fit its context; the least is without them."""
    dropped: Mapping[str, int]
    """Inputs that would be dropped before their first token, by reason."""
    failed: Mapping[str, int]
    """Inputs that would fail before their first token, by the class of the error."""
    why_failed: str | None
    """The first of these errors."""
    exact: bool
    """Whether tokens are counted by the models' own tokenizers; else they are estimates."""
    drafts: int
    """Tokens of the prompts that are known: the first one of each chain, asked once."""
    requests: Range
    prompt: Range
    """Tokens."""
    sampled: Range
    """Tokens."""
    total: Range
    """Tokens of prompts and answers."""
    stages: Mapping[str, Mapping[str, Range]]
    """`requests`, `prompt` and `sampled` of each stage. The least of a stage need not go with the least of another."""
    cost: Range | None
    """Money, where every role has prices."""
    seconds: Range | None
    """Where a rate is known."""
    rate: float | None
    """Sampled tokens a second."""
    begun: Mapping[str, int] | None
    """What the folder of the run has paid for already, and how many inputs are `pending`; it is not taken off."""
    examples: tuple[Example, ...]
    examined: int = 0
    """Pairs on which the judge is examined before all this; what that takes is not counted here."""

    def __repr__(self) -> str:
        cost = "" if self.cost is None else f", cost {self.cost.least:,.2f} to {self.cost.most:,.2f}"
        return (
            f"<DryRun: {self.asked:,} of {self.inputs:,} inputs asked, {self.requests.least:,} to "
            f"{self.requests.most:,} requests, {self.total.least:,} to {self.total.most:,} tokens{cost}>"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass
class _Tally:
    """Sums over chains: by name the least, the most without repeats, and the most."""

    price: Mapping[str, Price] | None
    stages: tuple[str, ...]
    sums: dict[str, list[float]] = field(default_factory=dict)
    first: int = 0

    def __post_init__(self) -> None:
        self._weighs = dict(_weighs(self.stages, self.price))

    def add(self, outlook: Outlook, first: int, *, sure: bool) -> None:
        """Add one chain; of one that may not be asked at all the least is nothing."""
        self.first += first
        for name, (low, high) in self._weighs.items():
            sums = self.sums.setdefault(name, [0, 0, 0])
            sums[0] += outlook.least(low) if sure else 0
            sums[1] += outlook.most(high, again=False)
            sums[2] += outlook.most(high)

    def range(self, name: str) -> Range:
        """The sums of one name: whole numbers, but for money."""
        sums = self.sums.get(name, [0, 0, 0])
        return Range(*(sums if name == "cost" else map(round, sums)))


def _weighs(stages: tuple[str, ...], price: Mapping[str, Price] | None) -> Iterator[tuple[str, tuple[Weigh, Weigh]]]:
    """What is summed up: by name how requests weigh at the least and at the most."""
    each = {"requests": Weight(request=1), "prompt": Weight(prompt=1), "sampled": Weight(sampled=1)}
    for name, weight in (*each.items(), ("total", Weight(prompt=1, sampled=1))):
        yield name, (_everywhere(weight),) * 2
    for stage in stages:
        for name, weight in each.items():
            yield f"{stage} {name}", (_only(stage, weight),) * 2
    if price is not None:
        low = {role: Weight(0, one.least_prompt, one.output / UNIT) for role, one in price.items()}
        high = {role: Weight(0, one.most_prompt, one.output / UNIT) for role, one in price.items()}
        yield "cost", (_by_role(low), _by_role(high))


def _everywhere(weight: Weight) -> Weigh:
    return lambda _role, _stage: weight


def _only(stage: str, weight: Weight) -> Weigh:
    return lambda _role, other: weight if other == stage else Weight()


def _by_role(weights: Mapping[str, Weight]) -> Weigh:
    return lambda role, _stage: weights[role]


@dataclass
class _Seen:
    """What the reading of all inputs leaves."""

    tally: _Tally
    asked: int = 0
    unsure: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    why_failed: str | None = None
    examples: list[Example] = field(default_factory=list)


async def dry_run(
    job: Job, *, rate: float | None = None, on_progress: Callable[[int, int], None] | None = None
) -> DryRun:
    """Count what a run would ask. No engine is started, and nothing is written but a copy of prompts that goes again.

    Args:
        job: the run.
        rate: sampled tokens a second; else that of earlier sessions in the run's folder, where there were some.
        on_progress: is told how many inputs of how many are counted.

    Raises:
        InputError: as the run itself would.
        EngineStartError: the small model cannot be prepared.
    """
    counters = await asyncio.to_thread(_counters, job)
    with TemporaryDirectory(prefix="constitution-dry-run-") as folder:
        source, plan = await asyncio.to_thread(plan_inputs, job.run, job.items, RunFolder(folder), job.exclusion)
        mine = plan.of_shard(job.shard)
        if not mine:
            raise InputError(f"--shard {job.run.shard} has nothing to do: the input has {len(plan.chunks)} chunks")
        refuse_impossible(job.recipe, _served(counters, sure=False), next(read_chunk(source, plan, mine[0])).prompt)
        counting = _Counting(job, counters)
        total, done = sum(chunk.records for chunk in mine), 0
        for chunk in mine:
            for record in read_chunk(source, plan, chunk):
                await counting.record(record)
                done += 1
                if on_progress is not None:
                    on_progress(done, total)
                await asyncio.sleep(0)
    return _result(job, counting, total, rate)


def _counters(job: Job) -> dict[ModelRole, Uncalled]:
    """What counts for each role; one object for roles with the same model, as they share an engine."""
    models = job.models()
    names = {role: one.identity if isinstance(one, Named) else str(id(one)) for role, one in models.items()}
    made = {names[role]: one for role, one in models.items()}
    counters = {name: uncalled(one) for name, one in made.items()}
    return {role: counters[names[role]] for role in job.recipe.roles}


def _served(counters: Mapping[ModelRole, Uncalled], *, sure: bool) -> Served:
    """What counts, as the runner takes engines; with the least context that it surely has, or the most."""
    can = {
        role: Capabilities(one.model, one.context.least if sure else one.context.most, max_in_flight=1)
        for role, one in counters.items()
    }
    return Served(counters, can)


class _Counting:
    """Counts one record after another."""

    def __init__(self, job: Job, counters: Mapping[ModelRole, Uncalled]) -> None:
        self._job = job
        self._supposer = Supposer(self._chains(counters, sure=False), counters)
        known = all(one.context.least == one.context.most for one in counters.values())
        self._strict = None if known else self._chains(counters, sure=True)
        self.counters = counters
        self.seen = _Seen(_Tally(prices(job.run, job.recipe.roles), job.recipe.stages))

    def _chains(self, counters: Mapping[ModelRole, Uncalled], *, sure: bool) -> Chains:
        too_long = "skip" if sure else self._job.run.too_long
        return Chains(self._job.recipe, _served(counters, sure=sure), self._job.run.seed, too_long)

    async def record(self, record: PlannedRecord) -> None:
        """Count one input."""
        if record.dropped is not None:
            self.seen.dropped[record.dropped] += 1
            return
        verdicts = [await self._chain(record.prompt, sample) for sample in range(self._job.run.samples)]
        if "asked" in verdicts:
            self.seen.asked += 1
        elif "unsure" in verdicts:
            self.seen.asked += 1
            self.seen.unsure += 1
        else:
            kind, reason = verdicts[0].split(" ", 1)
            (self.seen.dropped if kind == "dropped" else self.seen.failed)[reason] += 1

    async def _chain(self, prompt: Prompt, sample: int) -> str:
        """Count one chain; what became of it."""
        try:
            result, asked = await self._supposer.whole(prompt, sample)
            if isinstance(result, Failure):
                self.seen.why_failed = self.seen.why_failed or f"'{prompt.id}': {result.message}"
                return f"failed {result.error}"
            if not asked:
                return f"dropped {result.reason}"
            assert isinstance(result, Trace)
            first = self._supposer.first(asked)
            fitting = replace(prompt, conversation=result.conversation)
            outlook = await self._supposer.outlook(fitting, sample, asked, first)
        except RecordError as error:
            self.seen.why_failed = self.seen.why_failed or f"'{prompt.id}': {error}"
            return f"failed {type(error).__name__}"
        sure = self._strict is None or await self._fits(prompt, sample)
        self.seen.tally.add(outlook, first, sure=sure)
        if len(self.seen.examples) < EXAMPLES and sample == 0:
            self.seen.examples.append(_example(self._supposer, prompt, result, asked))
        return "asked" if sure else "unsure"

    async def _fits(self, prompt: Prompt, sample: int) -> bool:
        """Whether a chain is asked as it is even where the context is the least that it may be."""
        assert self._strict is not None
        _, asked = await Supposer(self._strict, self.counters).whole(prompt, sample)
        return bool(asked)


def _example(supposer: Supposer, prompt: Prompt, result: Trace, asked: Sequence[Request]) -> Example:
    """What a record would be asked, with a name for each answer that is not known."""
    stages = len(supposer.chains.recipe.stages)
    names = {supposer.longest(one).text: f"⟨{one.stage}, at most {one.sampling.max_tokens:,} tokens⟩" for one in asked}
    shown = [
        Shown(
            stage=one.stage,
            round=-one.priority // stages,
            turns=tuple(Turn(turn.role, _named(turn.content, names)) for turn in one.messages),
            text=supposer.counters[one.role].shown(one) if number == 0 else None,
            at_most=one.sampling.max_tokens,
        )
        for number, one in enumerate(asked)
    ]
    return Example(prompt.id, result.principles, tuple(shown))


def _named(text: str, names: Mapping[str, str]) -> str:
    """A turn with a name for each answer in it that is not known: the judge's hold several."""
    for answer, name in names.items():
        text = text.replace(answer, name) if len(answer) > 1 else names.get(text, text)
    return text


def _result(job: Job, counting: _Counting, inputs: int, rate: float | None) -> DryRun:
    seen, tally = counting.seen, counting.seen.tally
    begun, measured = _begun(job)
    rate = rate or measured
    sampled = tally.range("sampled")
    return DryRun(
        inputs=inputs,
        asked=seen.asked,
        unsure=seen.unsure,
        dropped=dict(seen.dropped),
        failed=dict(seen.failed),
        why_failed=seen.why_failed,
        exact=all(counter.exact for counter in counting.counters.values()),
        drafts=tally.first,
        requests=tally.range("requests"),
        prompt=tally.range("prompt"),
        sampled=sampled,
        total=tally.range("total"),
        stages={
            stage: {name: tally.range(f"{stage} {name}") for name in ("requests", "prompt", "sampled")}
            for stage in tally.stages
        },
        cost=None if tally.price is None else tally.range("cost"),
        seconds=None if rate is None else sampled.over(rate),
        rate=rate,
        begun=begun,
        examples=tuple(seen.examples),
        examined=examined_pairs(job.run, job.recipe),
    )


def _begun(job: Job) -> tuple[dict[str, int] | None, float | None]:
    """What the folder of the run has paid for and has left to do, and how many tokens a second it sampled."""
    if not RunFolder(Path(job.run.out)).has_run:
        return None, None
    try:
        run = OpenedRun.read(job.run.out, job.own_checks)
        sums, seconds = run.sums(), run.seconds()
    except (StoreError, InputError):
        return None, None
    tokens = sums.tokens
    begun = {name: sum(counts[name] for counts in tokens.values()) for name in ("requests", "prompt", "output")}
    rate = begun["output"] / seconds if seconds and begun["output"] else None
    return begun | {"pending": run.inputs - sum(sums.outcomes.values())}, rate
