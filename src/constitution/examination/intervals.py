"""How far some pairs tell of all that are like them: intervals that hold 95 times of a hundred."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt
from random import Random

from constitution.intervals import Interval, Z, mean

BINS = 5
"""Of confidence, from 0.5 to 1; as ten of p, since a swap of the two answers turns p into 1 - p."""
RESAMPLES = 1000


def share(values: Sequence[float]) -> Interval | None:
    """The mean of numbers from 0 to 1, ties that count 1/2 among them, with Wilson's interval; None of nothing."""
    return mean(fsum(values) / len(values), len(values)) if values else None


def difference(pairs: Sequence[tuple[float, float]]) -> Interval | None:
    """The mean of first less second, both from 0 to 1 and measured on the same pair of answers; None of nothing.

    Wald's interval for paired shares after half a pair was added to each of the four ways in which two reads can be
    right or wrong (Agresti and Min 2005, "Simple improved confidence intervals for comparing matched proportions",
    Statistics in Medicine 24): so pairs that are all alike give no interval of width 0.
    """
    n = len(pairs)
    if not n:
        return None
    each = [first - second for first, second in pairs]
    value = fsum(each) / n
    centre = fsum(each) / (n + 2)
    spread = (fsum(one * one for one in each) + 1) / (n + 2) - centre * centre
    half = Z * sqrt(spread / (n + 2))
    return Interval(value, min(value, max(-1.0, centre - half)), max(value, min(1.0, centre + half)), n)


def calibration(ps: Sequence[float]) -> Interval | None:
    """How far a judge's sureness is from being right as often: the expected calibration error; None of nothing.

    Answers are put into BINS bins of equal width by confidence, max(p, 1 - p); the error is the mean over all of
    |share right - mean confidence| of their bin (Guo et al. 2017, arXiv 1706.04599). p of exactly 1/2 is half right.
    The interval holds the middle 95 % of RESAMPLES samples drawn again from the pairs; few pairs in a bin look worse
    calibrated than they are, and the samples drawn again more so.

    Args:
        ps: probability that the judge gave the better answer, for each pair.
    """
    if not ps:
        return None
    placed = [_placed(p) for p in ps]
    value = _error(placed)
    chance = Random(len(ps))  # noqa: S311 - the same draws for the same number of pairs, and no secret
    found = sorted(_error(chance.choices(placed, k=len(placed))) for _ in range(RESAMPLES))
    tail = int(0.025 * RESAMPLES)
    return Interval(value, min(value, found[tail]), max(value, found[RESAMPLES - 1 - tail]), len(ps))


def _placed(p: float) -> tuple[int, float]:
    """The bin of one answer, and how much surer than right it is."""
    confidence = max(p, 1 - p)
    right = 0.5 if p == 0.5 else float(p > 0.5)
    return min(BINS - 1, int((confidence - 0.5) * 2 * BINS)), confidence - right


def _error(placed: Sequence[tuple[int, float]]) -> float:
    sums = [0.0] * BINS
    for bin, over in placed:
        sums[bin] += over
    return fsum(map(abs, sums)) / len(placed)
