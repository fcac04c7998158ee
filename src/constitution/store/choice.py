"""Choosing the inputs of a run: where, then draw, then limit. By content and hash, never by the order of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from constitution.digest import digest_bytes
from constitution.errors import SettingsError
from constitution.shares import check_weights, shares

if TYPE_CHECKING:
    from numpy import bool_, uint64
    from numpy.typing import NDArray

_NOT = "not "


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows of the input are inputs of the run."""

    where: tuple[str, ...] = ()
    """Conditions on tags, all of which must hold: `a`, `a,b` (one of them), `not a`."""
    draw: int | None = None
    """How many different prompts to draw."""
    limit: int | None = None
    """Then only the first so many records, repeats among them."""
    weights: tuple[float, ...] = ()
    """Shares of the sources in the draw; without a draw of the largest mix that holds them."""
    seed: int = 0
    """Of the draw."""

    def __post_init__(self) -> None:
        for name, number in (("--draw", self.draw), ("--limit", self.limit)):
            if number is not None and number < 1:
                raise SettingsError(f"{name} must be at least 1, found {number}")
        for condition in self.where:
            if not all(_names(condition)):
                raise SettingsError(f'--where "{condition}": expected a tag, several as a,b, or "not a"')
            if any(name.startswith(_NOT) for name in _names(condition)) or _excludes_several(condition):
                hint = 'give one condition for each: --where "not a" --where "not b"'
                raise SettingsError(f'--where "{condition}": "not" stands before one tag alone; {hint}')

    @property
    def draws(self) -> bool:
        """Whether some rows are left out by hash."""
        return self.draw is not None or bool(self.weights)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice that was made: whether one row is taken depends on nothing but the row."""

    where: tuple[str, ...] = ()
    seed: int = 0
    drawn: tuple[int, ...] = ()
    """For each source the greatest draw number that is taken, -1 for none; empty where all are."""

    def wants(self, tags: Sequence[str]) -> bool:
        """Whether the tags meet all conditions."""
        return all(_holds(condition, tags) for condition in self.where)

    def takes(self, tags: Sequence[str], key: bytes, source: int) -> bool:
        """Whether a row is an input (but for the limit)."""
        return self.wants(tags) and (not self.drawn or draw_number(self.seed, key) <= self.drawn[source])


def draw_number(seed: int, key: bytes) -> int:
    """The number by which a row is drawn, 64 bits; the least ones are taken. Repeats of a row have its number."""
    return int.from_bytes(digest_bytes("draw", seed, key.hex(), size=8), "big")


def draw(choice: Choice, numbers: NDArray[uint64], sources: NDArray[uint64] | None) -> tuple[int, ...]:
    """The greatest number that is taken of each source.

    Args:
        choice: what was asked for.
        numbers: the draw number of each row.
        sources: the source of each row; None where there is one.

    Raises:
        SettingsError: the weights do not go with the sources.
    """
    import numpy as np

    count = 1 if sources is None else max(len(choice.weights), int(sources.max(initial=0)) + 1)
    check_weights(choice.weights, count, "sources")
    parts = [np.unique(numbers if sources is None else numbers[sources == part]) for part in range(count)]
    if not choice.weights:
        every = np.unique(numbers)
        return (int(every[min(choice.draw or 0, len(every)) - 1]),) * count
    for number, part in enumerate(parts, start=1):
        if not len(part):
            raise SettingsError(f"source {number} of the mix has no prompt that could be taken; leave it out")
    taken = shares([len(part) for part in parts], choice.weights, choice.draw)
    return tuple(int(part[quota - 1]) if quota else -1 for part, quota in zip(parts, taken, strict=True))


def drawn_rows(
    thresholds: tuple[int, ...], numbers: NDArray[uint64], sources: NDArray[uint64] | None
) -> NDArray[bool_]:
    """Which rows are taken."""
    import numpy as np

    taken = np.zeros(len(numbers), dtype=bool)
    for source, threshold in enumerate(thresholds):
        if threshold >= 0:
            mine = numbers <= np.uint64(threshold)
            taken |= mine if sources is None else mine & (sources == source)
    return taken


def _names(condition: str) -> list[str]:
    body = condition.removeprefix(_NOT)
    return [body.strip()] if body != condition else [name.strip() for name in condition.split(",")]


def _excludes_several(condition: str) -> bool:
    """A tag may hold a comma, but nobody can tell such a one from two."""
    return condition.startswith(_NOT) and "," in condition


def _holds(condition: str, tags: Sequence[str]) -> bool:
    found = any(name in tags for name in _names(condition))
    return not found if condition.startswith(_NOT) else found
