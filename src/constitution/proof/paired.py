"""Numbers that belong to prompts, and what changed between two sides that answered the same ones.

Answers to one prompt are not independent of each other, so everything is counted by prompt: the mean of its answers,
then the mean over prompts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean

from constitution.intervals import Interval

DRAWS = 4000
"""Of the bootstrap."""
FEWEST_MOVED = 6
"""Prompts that must differ before a change is told: six that all move one way have p = 0.03 by the sign test."""


def by_prompt(values: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    """The mean of each prompt's numbers, by its id; prompts that have none are left out."""
    found: dict[str, list[float]] = defaultdict(list)
    for prompt, value in values:
        if value is not None:
            found[prompt].append(value)
    return {prompt: fmean(each) for prompt, each in found.items()}


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed, paired by prompt."""

    by: Interval
    moved: int
    """Prompts whose mean is another one."""

    @property
    def told(self) -> bool:
        """Whether this many prompts can tell that something changed."""
        return not self.by.holds_zero and self.moved >= FEWEST_MOVED


def difference(before: Mapping[str, float], after: Mapping[str, float]) -> Difference | None:
    """After minus before, over the prompts that have both; None where none has."""
    changes = [after[prompt] - before[prompt] for prompt in sorted(before.keys() & after.keys())]
    if not changes:
        return None
    return Difference(bootstrap(changes), sum(change != 0 for change in changes))


def bootstrap(values: Sequence[float]) -> Interval:
    """The mean of some numbers; the interval holds 95 % of the means of samples drawn from them with replacement."""
    draw = Random(0)  # noqa: S311 - no secret: the same numbers shall give the same interval
    means = sorted(fmean(draw.choices(values, k=len(values))) for _ in range(DRAWS))
    value = fmean(values)
    low, high = means[round(0.025 * DRAWS)], means[round(0.975 * DRAWS) - 1]
    return Interval(value, min(low, value), max(high, value), len(values))
