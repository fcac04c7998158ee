"""What a size can tell: the smallest true difference that an interval of 95 % shows in four of five studies.

Before anything is measured, from sizes alone; `benchmarks/sizes.py` draws such studies and counts. Everything here is
the normal approximation of one idea: a difference is told where it lies `Z` standard errors from 0, and a share `power`
of studies see it there where the true one is `Z` + z(power) standard errors large, 2.80 of them for four in five (Bloom
1995, "Minimum detectable effects", Evaluation Review 19). So it is 1.43 times half the width of the interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist

from constitution.intervals import Z

POWER = 0.8
"""Share of the studies that tell a difference of the size that is given here."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Two models that answer the same prompts, and the share of answers that keep a principle."""

    prompts: int
    each: int
    """Answers of each model to each prompt."""
    base: float
    """Share of the first model, above 0 and below 1."""
    rho: float = 0.0
    """Correlation of two answers of one model to one prompt: 0 if prompts are all alike, 1 if one answer says all."""
    shared: float = 0.0
    """Correlation of what the prompts do to the first model with what they do to the second; 0 is the worst case."""
    falls: bool = False
    """Whether the second model keeps it less often."""

    def error(self, difference: float) -> float:
        """Standard error of the difference, second less first, where the true one is so large.

        The variance of one model's mean is base (1 - base) (rho + (1 - rho) / each) / prompts, by the design effect of
        samples in clusters (Kish 1965, "Survey Sampling"); of the difference, their sum less twice what both share,
        since it is paired by prompt. For evaluations in prompts and answers, Miller 2024, "Adding Error Bars to Evals"
        (arXiv 2411.00640).
        """
        other = self.base - difference if self.falls else self.base + difference
        first, second = self.base * (1 - self.base), max(0.0, other * (1 - other))
        own = self.rho + (1 - self.rho) / self.each
        variance = (first + second) * own - 2 * self.shared * self.rho * sqrt(first * second)
        return sqrt(max(0.0, variance) / self.prompts)

    def smallest(self, power: float = POWER) -> float:
        """The smallest true difference, as a share, that is told in a share `power` of studies.

        Raises:
            ValueError: not even the largest possible one is.
        """
        many = Z + _z(power)
        return _least(lambda difference: many * self.error(difference), self.base if self.falls else 1 - self.base)

    def stays(self, power: float = POWER) -> float:
        """The narrowest limit, as a share, that an interval shows to hold where nothing changes.

        The interval must end inside on both sides, so each may miss in half of 1 - power only (two one-sided tests;
        Schuirmann 1987, "A comparison of the two one-sided tests procedure and the power approach", Journal of
        Pharmacokinetics and Biopharmaceutics 15; here with 2.5 % on each side).
        """
        return (Z + _z((1 + power) / 2)) * self.error(0)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How often a judge is right, against a share that is known."""

    pairs: int
    target: float = 0.5
    """What Wilson's interval shall lie above."""

    def smallest(self, power: float = POWER) -> float:
        """How far above the target the accuracy must be, as a share, to be told in a share `power` of studies.

        Wilson's interval leaves the target out where the accuracy lies `Z` of the target's own standard errors from it
        (the score test), so the first term is the target's and the second that of the true accuracy (Fleiss, Levin and
        Paik 2003, "Statistical Methods for Rates and Proportions", chapter 2). Below the target it is as far for 0.5.

        Raises:
            ValueError: not even an accuracy of 1 is told.
        """
        own = Z * sqrt(self.target * (1 - self.target) / self.pairs)
        return _least(lambda by: own + _z(power) * _error(self.target + by, self.pairs), 1 - self.target)


@dataclass(frozen=True, slots=True)
class TwoWays:
    """Two ways of asking about the same pairs, or of revising the same drafts."""

    pairs: int
    differ: float
    """Share of pairs that exactly one of the two has right."""

    def smallest(self, power: float = POWER) -> float:
        """The smallest true difference of the two shares, as a share, that is told in a share `power` of studies.

        A pair counts 1, 0 or -1, with variance differ - difference^2 (Connor 1987, "Sample size for testing differences
        in proportions for the paired-sample design", Biometrics 43, who leaves the second term out where nothing
        differs). The half pairs of Agresti and Min's interval are left out.

        Raises:
            ValueError: not even a difference as large as `differ` is told.
        """
        many = (Z + _z(power)) ** 2 / self.pairs
        found = sqrt(many * self.differ / (1 + many))
        if found > self.differ:
            raise ValueError(f"{self.pairs} pairs of which {self.differ:.0%} differ tell nothing; take more pairs")
        return found


Design = Answers | Accuracy | TwoWays


def in_each(studies: int, power: float = POWER) -> float:
    """The power that one study needs if each of some independent ones shall tell it in a share `power` of cases."""
    return exp(log(power) / studies)


def pairs_for_one(flipped: float) -> float:
    """How many pairs stand for one clean pair where a share of labels is the wrong way round: 1 / (1 - 2 flipped)^2.

    A pair pulls the model by 1 - 2 flipped of the clean pull in the mean, with the same noise around it; signal over
    noise grows with the root of the pairs. The factor stands in the bound of Chowdhury, Kini and Natarajan 2024,
    "Provably Robust DPO" (arXiv 2403.00409), and in the lower bound of Aslam and Decatur 1996, "On the sample
    complexity of noise-tolerant learning", Information Processing Letters 57. A rule of thumb: it counts pairs, not
    steps.

    Raises:
        ValueError: `flipped` is not from 0 to below 0.5, where nothing is left to learn.
    """
    if not 0 <= flipped < 0.5:
        raise ValueError(f"flipped is {flipped}; a share from 0 to below 0.5 leaves something to learn")
    return 1 / (1 - 2 * flipped) ** 2


def _z(power: float) -> float:
    return NormalDist().inv_cdf(power)


def _error(share: float, n: int) -> float:
    return sqrt(max(0.0, share * (1 - share)) / n)


def _least(needed: Callable[[float], float], most: float) -> float:
    """The least difference that is as large as is needed at that difference, by halving."""
    if needed(most) > most:
        raise ValueError("no difference can be told at this size; take more prompts or pairs")
    low, high = 0.0, most
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if needed(middle) > middle else (low, middle)
    return high
