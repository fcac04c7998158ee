"""A figure: one number of the proof, with its interval and the rows that it can be counted from again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, Literal, Self, TypeAlias

from constitution.examination.intervals import difference as paired_shares
from constitution.intervals import Interval, mean
from constitution.proof import paired
from constitution.proof.paired import Difference, bootstrap, by_prompt

Row: TypeAlias = Mapping[str, Any]
"""A line of a file of rows."""
Of: TypeAlias = Callable[[Row], float | None]
"""A number that a row has; None where it does not speak of it."""
Part: TypeAlias = Literal["base", "revision", "judge", "training"]
Unit: TypeAlias = Literal["share", "points", "words", "tokens", "error", "nats"]
"""Of a share 0 to 1; `points` is a difference of shares; nats are of log-probabilities."""


@dataclass(frozen=True, slots=True)
class Key:
    """Which number it is."""

    part: Part
    cell: str
    """Whose rows: an arm, a round, a question; `A - B` of a difference."""
    measure: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One number."""

    seed: int
    principle: str
    key: Key
    by: Interval
    unit: Unit
    rows: str
    """The file that it is counted from, in the folder of the proof."""
    moved: int | None = None
    """Of a difference: how many prompts or pairs changed."""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        data = asdict(self)
        return {**data.pop("key"), **{name: value for name, value in data.items() if value is not None}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        own = dict(data)
        key = Key(own.pop("part"), own.pop("cell"), own.pop("measure"))
        return cls(key=key, **{**own, "by": Interval(**own["by"])})


@dataclass(frozen=True, slots=True)
class Counter:
    """Makes figures of one part, seed and principle from its rows."""

    part: Part
    seed: int
    principle: str
    rows: str

    def share(self, cell: str, measure: str, rows: Iterable[Row], of: Of) -> list[Figure]:
        """A share over prompts, with Wilson's interval; nothing of no rows."""
        values = list(_by_prompt(rows, of).values())
        found = mean(fmean(values), len(values)) if values else None
        return self._made(cell, measure, found, "share")

    def mean(self, cell: str, measure: str, rows: Iterable[Row], of: Of, unit: Unit) -> list[Figure]:
        """A mean over prompts, with the bootstrap."""
        values = list(_by_prompt(rows, of).values())
        return self._made(cell, measure, bootstrap(values) if values else None, unit)

    def change(
        self, cell: str, measure: str, before: Iterable[Row], after: Iterable[Row], of: Of, unit: Unit = "points"
    ) -> list[Figure]:
        """After minus before, paired by prompt, with the bootstrap."""
        found = paired.difference(_by_prompt(before, of), _by_prompt(after, of))
        return self.told(cell, measure, found, unit)

    def told(self, cell: str, measure: str, found: Difference | None, unit: Unit = "points") -> list[Figure]:
        """A difference that was counted already."""
        if found is None:
            return []
        return self._made(cell, measure, found.by, unit, found.moved)

    def shares_differ(self, cell: str, measure: str, pairs: Sequence[tuple[float, float]]) -> list[Figure]:
        """First less second of numbers from 0 to 1 on the same pair of answers (Agresti and Min)."""
        return self._made(cell, measure, paired_shares(pairs), "points", sum(one != other for one, other in pairs))

    def number(self, cell: str, measure: str, found: Interval | None, unit: Unit) -> list[Figure]:
        """A number with an interval of its own."""
        return self._made(cell, measure, found, unit)

    def _made(
        self, cell: str, measure: str, found: Interval | None, unit: Unit, moved: int | None = None
    ) -> list[Figure]:
        if found is None:
            return []
        return [Figure(self.seed, self.principle, Key(self.part, cell, measure), found, unit, self.rows, moved)]


def _by_prompt(rows: Iterable[Row], of: Of) -> dict[str, float]:
    return by_prompt((row["prompt"], of(row)) for row in rows)


def share_of(name: str) -> Of:
    """What a row has under a name: true, false, or a number."""

    def of(row: Row) -> float | None:
        value = row[name]
        return None if value is None else float(value)

    return of
