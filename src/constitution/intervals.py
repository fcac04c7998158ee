"""Shares and means with their 95 % intervals, and a test of two shares, from counts alone."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt, tanh

Z = 1.959963984540054
"""Of the normal distribution 2.5 % lie beyond it on each side."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A number, and the 95 % interval around it."""

    value: float
    low: float
    high: float
    n: int
    """How many it was measured on."""

    @property
    def holds_zero(self) -> bool:
        """Whether 0 lies in it."""
        return self.low <= 0 <= self.high


def share(found: int, of: int) -> Interval | None:
    """A share; None of nothing."""
    return mean(found / of, of) if of else None


def mean(value: float, n: int) -> Interval | None:
    """The mean of `n` numbers from 0 to 1; None of nothing.

    Wilson's score interval (Wilson 1927, "Probable inference", JASA 22). For numbers between 0 and 1 it is wider than
    it need be, since none with the same mean vary more than those that are 0 or 1.
    """
    if not n:
        return None
    centre = (value + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * sqrt(max(0.0, value * (1 - value)) / n + Z * Z / (4 * n * n))
    return Interval(value, min(value, max(0.0, centre - half)), max(value, min(1.0, centre + half)), n)


FEWEST = 4
"""Pairs of numbers from which a correlation has an interval."""


def correlation(xx: int, yy: int, xy: int, n: int) -> Interval | None:
    """Correlation of numbers whose means are 0, with Fisher's interval; None of too few, or where one never varies.

    Args:
        xx: sum of the squares of the first.
        yy: sum of the squares of the second.
        xy: sum of their products.
        n: how many pairs of numbers.
    """
    if n < FEWEST or not xx or not yy:
        return None
    value = max(-1.0, min(1.0, xy / sqrt(xx) / sqrt(yy)))
    if abs(value) == 1.0:
        return Interval(value, value, value, n)
    # tanh(atanh(r) +- h) by its sum formula, which needs no atanh of what is nearly 1.
    half = tanh(Z / sqrt(n - 3))
    return Interval(value, (value - half) / (1 - value * half), (value + half) / (1 + value * half), n)


def mcnemar(only_first: int, only_second: int) -> float:
    """How probable so unequal a split is where first and second are right equally often, 0 to 1.

    McNemar's test of two shares measured on the same pairs (McNemar 1947, "Note on the sampling error of the difference
    between correlated proportions or percentages", Psychometrika 12), two-sided and exact: twice the tail of the
    binomial distribution with p = 1/2, summed in whole numbers.

    Args:
        only_first: pairs that the first has right and the second wrong, at least 0.
        only_second: pairs that the second has right and the first wrong, at least 0.
    """
    n = only_first + only_second
    ways, tail = 1, 0
    for right in range(min(only_first, only_second) + 1):
        tail += ways
        ways = ways * (n - right) // (right + 1)
    return min(1.0, 2 * tail / (1 << n))
