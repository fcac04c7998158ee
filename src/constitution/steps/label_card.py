"""The label card: what a judge's labels are worth, figure by figure, each with its 95 % interval. Pure.

Source of the flip rate: Lee et al. 2023 (arXiv 2309.00267), appendix B; of the calibration error: Guo et al. 2017
(arXiv 1706.04599).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from constitution.intervals import Interval, correlation, mean, share
from constitution.steps.label import Labelling
from constitution.steps.label_measures import MEASURES, Measure
from constitution.steps.label_sums import BINS, PARTS, LabelSums

Found: TypeAlias = Interval | None


@dataclass(frozen=True, slots=True)
class ByPrinciple:
    """What one principle said of the pairs that it was asked about."""

    id: str
    asked: int
    unreadable: Interval | None
    ties: Interval | None
    """Of those that can be read."""
    flips: Interval | None
    with_verdict: Interval | None
    """Of those that it and the verdict of several decided, in both orders: how often both prefer the same text."""
    meant_wins: Interval | None
    """Of those that it decided, in both orders: how often the text wins that was made to be the better one."""


@dataclass(frozen=True, slots=True)
class Sureness:
    """Pairs that people decided, of which the judge was about as sure."""

    low: float
    """Probability of the text that the judge prefers, at least."""
    high: float
    pairs: int
    sure: float
    """Its mean."""
    right: Interval
    """How often people prefer the same text; a tie is half right."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What an examination of the judge found: the part of `examination.json` that a card tells."""

    verdict: str
    passed: bool
    why: str
    judge: str
    sets: tuple[str, ...]
    accuracy: Interval | None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Examined:
        """Read an examination as it is kept. Raises `KeyError`, `TypeError` or `ValueError` where it is none."""
        accuracy = data["figures"]["accuracy"]
        return cls(
            str(data["verdict"]),
            bool(data["passed"]),
            str(data["why"]),
            str(data["judge"]["name"]),
            tuple(str(each["name"]) for each in data["sets"]),
            None if accuracy is None else Interval(**accuracy),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "sets": list(self.sets)}


@dataclass(frozen=True)
class LabelCard:
    """What a judge's labels are worth. Rates are None where there is nothing to measure them on."""

    sums: LabelSums
    judge: str = ""
    """The model, or what stands for one."""
    labelling: Labelling = field(default_factory=Labelling)
    examined: Examined | None = None
    uncounted: int = 0
    """Chunks that have no counts yet: they are not finished."""

    def _share(self, found: str, of: str) -> Found:
        return share(self.sums.pairs[found], self.sums.pairs[of])

    @property
    def pairs(self) -> int:
        """Pairs of texts that the judge was asked about."""
        return self.sums.pairs["judged"]

    @property
    def readable(self) -> int:
        """Pairs with a verdict, ties among them."""
        return self.pairs - self.sums.pairs["unreadable"]

    @property
    def decided(self) -> Found:
        """Pairs with a label, of all."""
        return self._share("decided", "judged")

    @property
    def flips(self) -> Found:
        """Pairs whose orders prefer different texts, of those read in both orders."""
        return self._share("flips", "ordered")

    @property
    def flips_to_first(self) -> Found:
        """Of flips that prefer a place: those that prefer the first."""
        return share(self.sums.pairs["flips_first"], self.sums.pairs["flips_first"] + self.sums.pairs["flips_second"])

    @property
    def ties(self) -> Found:
        """Ties, of readable pairs."""
        return share(self.sums.pairs["tie"], self.readable)

    @property
    def unreadable(self) -> Found:
        """Pairs without a verdict, of all."""
        return self._share("unreadable", "judged")

    @property
    def unreadable_reads(self) -> Found:
        """Of all reads of all kinds."""
        return share(self._reads("unreadable"), self._reads("reads"))

    @property
    def label_mass(self) -> Found:
        """Mean probability that one of the two labels is said at all."""
        reads = self._reads("mass_reads")
        return mean(self._reads("mass") / PARTS / reads, reads) if reads else None

    @property
    def low_mass(self) -> Found:
        """Reads in which another word than the labels was more probable than both."""
        return share(sum(self._reads(f"mass_{tenth}") for tenth in range(5)), self._reads("mass_reads"))

    @property
    def entropy(self) -> Found:
        """Mean of -p log2 p - (1 - p) log2 (1 - p) over readable pairs, in bits."""
        return mean(self.sums.pairs["entropy"] / PARTS / self.readable, self.readable) if self.readable else None

    @property
    def longer_wins(self) -> Found:
        """Of decided pairs whose lengths differ: those in which the longer text wins."""
        return self._share("longer_wins", "lengths_differ")

    @property
    def length_correlation(self) -> Found:
        """Of 2p - 1 with the difference of lengths in characters, each pair taken both ways round."""
        pairs = self.sums.pairs
        return correlation(pairs["length_sure"], pairs["length_longer"], pairs["length_both"], pairs["length_pairs"])

    @property
    def meant_wins(self) -> Found:
        """Of decided pairs with a text that was made to be the better one: those that it wins."""
        return self._share("meant_wins", "meant_decided")

    @property
    def reads_agree(self) -> Found:
        """Of pairs that both reads decided: those in which they prefer the same text."""
        agree = self.sums.pairs["reads_agree"]
        return share(agree, agree + self.sums.pairs["reads_disagree"])

    @property
    def wordings_differ(self) -> Found:
        """Of answers asked about in two wordings: those of which the two say different things."""
        return share(self._reads("wordings_differ"), self._reads("wordings"))

    @property
    def people_agree(self) -> Found:
        """Of pairs that people and the judge decided: those in which both prefer the same text."""
        agree = self.sums.people["agree"]
        return share(agree, agree + self.sums.people["disagree"])

    @property
    def calibration_error(self) -> float | None:
        """Mean distance of how often it is right from how sure it is, over the bins; None without people's labels."""
        bins = self.sureness
        total = sum(each.pairs for each in bins)
        return sum(each.pairs * abs(each.right.value - each.sure) for each in bins) / total if total else None

    @property
    def sureness(self) -> tuple[Sureness, ...]:
        """Pairs that people decided, by how sure the judge was; bins without one are left out."""
        found = []
        for number in range(BINS):
            counts = self.sums.sureness.get(str(number), Counter())
            if n := counts["pairs"]:
                right = mean(counts["right_halves"] / 2 / n, n)
                assert right is not None
                low = 0.5 + number / (2 * BINS)
                found.append(Sureness(low, low + 1 / (2 * BINS), n, counts["sure"] / PARTS / n, right))
        return tuple(found)

    @property
    def by_principle(self) -> tuple[ByPrinciple, ...]:
        """Each principle that was asked, those asked most often first."""
        ordered = sorted(self.sums.principles.items(), key=lambda item: (-item[1]["asked"], item[0]))
        return tuple(_by_principle(id, counts) for id, counts in ordered)

    def figures(self) -> Iterator[tuple[Measure, Interval]]:
        """The figures that there is something to measure on."""
        for measure in MEASURES:
            found: Interval | None = getattr(self, measure.name)
            if found is not None:
                yield measure, found

    def to_json(self) -> dict[str, Any]:
        """Plain data: all figures, and the counts that they are made of."""
        return {
            "judge": self.judge,
            "labelling": asdict(self.labelling),
            "examination": None if self.examined is None else self.examined.to_json(),
            "pairs": self.pairs,
            "figures": {each.name: _plain(getattr(self, each.name)) for each in MEASURES},
            "calibration_error": self.calibration_error,
            "sureness": [asdict(each) for each in self.sureness],
            "principles": [asdict(each) for each in self.by_principle],
            "uncounted_chunks": self.uncounted,
            "counts": self.sums.to_json(),
        }

    def _reads(self, name: str) -> int:
        return sum(counts[name] for counts in self.sums.reads.values())


def _by_principle(id: str, counts: Counter[str]) -> ByPrinciple:
    readable = counts["readable"]
    return ByPrinciple(
        id,
        counts["asked"],
        share(counts["asked"] - readable, counts["asked"]),
        share(counts["tie"], readable),
        share(counts["flips"], counts["ordered"]),
        share(counts["with_verdict"], counts["with_verdict"] + counts["against_verdict"]),
        share(counts["meant_wins"], counts["meant_wins"] + counts["meant_loses"]),
    )


def _plain(found: Found) -> dict[str, Any] | None:
    return None if found is None else asdict(found)
