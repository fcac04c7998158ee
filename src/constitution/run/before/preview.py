"""A preview: some records of a run, drawn by hash over its whole input, run for real; and what they tell of the rest.

Their answers stand in the run's own journals, so that the whole run asks none of them again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from constitution.errors import InputError
from constitution.records import ChainResult, PreferencePair
from constitution.run.before.intervals import Estimate, mean, ratio, share
from constitution.run.drawing import Drawn
from constitution.run.generate import Job
from constitution.run.opened import OpenedRun
from constitution.run.prices import Price, cost, prices
from constitution.run.replay import replay
from constitution.steps.settle import by_input
from constitution.store.journal import DoneEvent, read_journal
from constitution.store.shards import read_shard
from constitution.store.sums import Sums


@dataclass(frozen=True, repr=False)
class Preview:
    """What a run will give, told by some of its records."""

    inputs: int
    dropped: Mapping[str, int]
    """Inputs that are dropped before their first token, by reason: known exactly."""
    population: int
    """The others: what every share below is of."""
    drawn: int
    finished: int
    """Of the drawn."""
    outcomes: Mapping[str, int]
    """Of the finished."""
    pairs: Estimate
    """Kept pairs for each hundred prompts."""
    reasons: Mapping[str, Estimate]
    """Of dropped and failed prompts: how many of a hundred."""
    tokens: Mapping[str, Estimate]
    """`prompt`, `cached` and `sampled` tokens for each kept pair."""
    totals: Mapping[str, Estimate]
    """Of the whole run: `pairs`, and `prompt`, `cached` and `sampled` tokens."""
    cost: Estimate | None
    """Money for the whole run, where every role has prices."""
    seconds: float | None
    """Of the whole run, from the time that the preview took: rough, and more than a full engine will need."""
    examples: tuple[PreferencePair, ...]
    """Kept pairs, in the order of the input."""

    def __repr__(self) -> str:
        pairs = self.totals["pairs"]
        most = "any number" if pairs.high is None else f"{pairs.high:,.0f}"
        return (
            f"<Preview: {self.finished:,} of {self.population:,} prompts finished, {pairs.low:,.0f} to {most} pairs of "
            "the whole run>"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass
class _One:
    """One drawn record."""

    done: DoneEvent
    sums: Sums = field(default_factory=Sums)

    def count(self, name: str) -> int:
        return sum(counts[name] for counts in self.sums.tokens.values())

    @property
    def pairs(self) -> int:
        return self.done.pairs.count(None)


def preview_of(job: Job) -> Preview:
    """What the finished ones of the records that a job has drawn tell.

    Raises:
        StoreError: a journal cannot be read.
        InputError: none of them is finished.
    """
    assert job.drawn is not None
    run = OpenedRun.read(job.run.out, job.own_checks)
    return summed(run, job.drawn, prices(job.run, job.recipe.roles), job.seconds_each)


def summed(run: OpenedRun, drawn: Drawn, price: Mapping[str, Price] | None, seconds_each: float | None) -> Preview:
    """What the finished ones of the drawn records tell.

    Args:
        run: the run's folder.
        drawn: its records.
        price: of each role.
        seconds_each: how long a record took.

    Raises:
        StoreError: a journal cannot be read.
        InputError: none of them is finished.
    """
    found = list(_finished(run, drawn))
    if not found:
        raise InputError(f"{run.folder.path}: no drawn record is finished; the same command goes on")
    count, population, seed = len(found), max(drawn.population, len(found)), str(run.manifest.plan["digest"])
    kept = [one.pairs for one in found]
    reasons = Counter(one.done.reason for one in found if one.done.reason is not None)
    columns = {name: [one.count(key) for one in found] for name, key in _TOKENS.items()}
    each: Sequence[float] = [1.0] * count
    money = None if price is None else [cost(price, one.sums.tokens) for one in found]
    per_prompt = _pairs(kept, population, _most_pairs(run.manifest.settings))
    return Preview(
        inputs=drawn.population + sum(drawn.dropped.values()),
        dropped=drawn.dropped,
        population=drawn.population,
        drawn=len(drawn.places),
        finished=count,
        outcomes=dict(Counter(one.done.outcome for one in found)),
        pairs=per_prompt.times(100),
        reasons={reason: share(n, count, population).times(100) for reason, n in reasons.most_common()},
        tokens={name: ratio(column, kept, population, f"{seed} {name}") for name, column in columns.items()},
        totals={
            "pairs": per_prompt.times(population),
            **{
                name: ratio(column, each, population, f"{seed} {name}", scale=population)
                for name, column in columns.items()
            },
        },
        cost=None if money is None else ratio(money, each, population, f"{seed} cost", scale=population),
        seconds=None if seconds_each is None else seconds_each * population,
        examples=tuple(_kept_pairs(run, drawn)),
    )


_TOKENS = {"prompt": "prompt", "cached": "cached", "sampled": "output"}


def _pairs(kept: Sequence[int], population: int, most: int) -> Estimate:
    """Pairs for each prompt: a share where none can give more than one, else a mean."""
    return share(sum(kept), len(kept), population) if most == 1 else mean(kept, most, population)


def _most_pairs(settings: Mapping[str, Any]) -> int:
    """The most pairs that a prompt may give, by the run's policy."""
    rounds = settings.get("rounds", 1)
    of_chain = {"first_last": 1, "adjacent": rounds}.get(settings["pairs"], rounds * (rounds + 1) // 2)
    return int(settings["samples"] * of_chain)


def _finished(run: OpenedRun, drawn: Drawn) -> Iterator[_One]:
    """The drawn records that are finished, from the journals: those of sealed chunks stand there too."""
    for chunk, ids in _by_chunk(drawn).items():
        path = run.folder.journal(chunk)
        if not path.exists():
            continue
        content = read_journal(path)
        ones = {id: _One(content.done[id]) for id in ids if id in content.done}
        for event in content.answers.values():
            if event.record in ones:
                ones[event.record].sums.count_event(event)
        yield from ones.values()


def _by_chunk(drawn: Drawn) -> dict[int, list[str]]:
    chunks: dict[int, list[str]] = {}
    for chunk, _, id in drawn.places:
        chunks.setdefault(chunk, []).append(id)
    return chunks


def _kept_pairs(run: OpenedRun, drawn: Drawn) -> Iterator[PreferencePair]:
    for chunk, ids in _by_chunk(drawn).items():
        wanted = set(ids)
        results: Iterator[ChainResult] = (
            read_shard(run.folder.shard(chunk))
            if run.folder.sealed(chunk)
            else replay(run.folder, run.manifest, run.principles, chunk)
        )
        for chains in by_input(result for result in results if result.record in wanted):
            for proposal in run.settler.input(chains).proposals:
                if isinstance(proposal, PreferencePair):
                    yield proposal
