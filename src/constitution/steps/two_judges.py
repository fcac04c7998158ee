"""Two judges on the same pairs: how often they agree. Pure; a pair is known by what was compared, not by its place."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from constitution.digest import digest_bytes
from constitution.intervals import Interval, share
from constitution.records import ChainResult, Trace
from constitution.steps.label import Court, Labelling, outcome_of
from constitution.steps.label_sums import judged_pairs

_TIE = 0
_NONE = 2
"""No label: unreadable, or the orders disagree."""


@dataclass(frozen=True, slots=True)
class JudgeAgreement:
    """What two judges said of the pairs that both were asked about."""

    agree: int = 0
    """Both prefer the same text."""
    disagree: int = 0
    one_tie: int = 0
    """One decided, and the other found a tie."""
    both_tie: int = 0
    no_label: int = 0
    """One of the two verdicts is unreadable, or changes with the order."""
    only_one: int = 0
    """Pairs that only one of them was asked about."""

    @property
    def pairs(self) -> int:
        """All that both were asked about."""
        return self.agree + self.disagree + self.one_tie + self.both_tie + self.no_label

    @property
    def share(self) -> Interval | None:
        """How often they agree where both decided; judges that guess agree in half of the pairs."""
        return share(self.agree, self.agree + self.disagree)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "pairs": self.pairs, "share": None if self.share is None else asdict(self.share)}


@dataclass
class VerdictIndex:
    """The verdicts of one judge: 9 bytes a pair."""

    labelling: Labelling
    keys: array[int] = field(default_factory=lambda: array("Q"))
    """Digests of record, sample and both texts, whatever their order."""
    sides: array[int] = field(default_factory=lambda: array("b"))
    """1 where the text is better that is the lesser string, -1 where the other one is."""

    def count(self, result: ChainResult) -> None:
        """Take the verdicts of one chain."""
        if not isinstance(result, Trace) or not (result.judged or result.scored):
            return
        court, texts = Court(result, self.labelling), result.texts
        for a, b in judged_pairs(result, court):
            found = court.verdict(a, b)
            if found is not None:
                one, other = texts[a], texts[b]
                key = digest_bytes("judged pair", result.record, result.sample, *sorted((one, other)), size=8)
                outcome = outcome_of(found, self.labelling)
                side = 1 if (found.better == "a") == (one < other) else -1
                self.keys.append(int.from_bytes(key, "big"))
                self.sides.append(side if outcome == "decided" else _TIE if outcome == "tie" else _NONE)


def agreement(first: VerdictIndex, second: VerdictIndex) -> JudgeAgreement:
    """How often two judges agree. Of a pair that stands twice in a run, its first place counts."""
    import numpy as np

    keys, places = [], []
    for index in (first, second):
        found, where = np.unique(np.frombuffer(index.keys, dtype=np.uint64), return_index=True)
        keys.append(found)
        places.append(where)
    both, mine, theirs = np.intersect1d(keys[0], keys[1], assume_unique=True, return_indices=True)
    one = np.frombuffer(first.sides, dtype=np.int8)[places[0][mine]]
    other = np.frombuffer(second.sides, dtype=np.int8)[places[1][theirs]]
    codes, numbers = np.unique(np.stack([one, other]), axis=1, return_counts=True)
    counts: Counter[str] = Counter()
    for (said, told), number in zip(codes.T.tolist(), numbers.tolist(), strict=True):
        counts[_named(said, told)] += number
    return JudgeAgreement(**counts, only_one=len(keys[0]) + len(keys[1]) - 2 * len(both))


def _named(one: int, other: int) -> str:
    if _NONE in (one, other):
        return "no_label"
    if _TIE in (one, other):
        return "both_tie" if one == other else "one_tie"
    return "agree" if one == other else "disagree"
