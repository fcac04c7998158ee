"""Label: pairs of judged candidates, by policy. Pure functions of a trace; no engine is asked.

The verdict on the very two texts decides which of them is chosen. A tie, a verdict that cannot be read, and one that
changes with the order are reasons to drop a pair, never a coin flip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import fsum
from typing import Literal, TypeAlias, get_args

from constitution.digest import digest
from constitution.records import Candidate, Dropped, PreferencePair, Trace
from constitution.steps.filter import leaks, normalised, same_text, trigram_jaccard
from constitution.verdicts import (
    BAND,
    EQUAL,
    Judged,
    JudgeRead,
    Opinion,
    Scored,
    Verdict,
    opinions,
    opinions_of_scores,
    verdict,
)

CandidatePolicy: TypeAlias = Literal["best_worst", "all", "against_draft"]
CANDIDATE_POLICIES: tuple[str, ...] = get_args(CandidatePolicy)
VerdictOutcome: TypeAlias = Literal["decided", "tie", "inconsistent", "unreadable"]
DROPPED: dict[str, str] = {"tie": "tie", "inconsistent": "order_inconsistent", "unreadable": "unreadable"}
"""Why a pair is dropped whose verdict gives no label: one of REASONS, by what the verdict gives."""


@dataclass(frozen=True, slots=True)
class Labelling:
    """How verdicts become labels; a change of it asks no judge."""

    policy: CandidatePolicy = "best_worst"
    band: float = BAND
    """A margin nearer to 0 than this is a tie."""
    clamp: float | None = None
    """Keeps each principle's p between 1 - clamp and clamp."""
    keep_inconsistent: bool = False
    """Keep pairs whose orders disagree."""
    read: JudgeRead | None = None
    """Which of a trace's reads labels its pairs; None = side by side where there are such reads."""


def outcome_of(found: Verdict, labelling: Labelling) -> VerdictOutcome:
    """What a verdict is good for: `decided` gives a label, the others give none."""
    if found.better is None:
        return "unreadable"
    if found.better == "tie":
        return "tie"
    return "inconsistent" if found.position_consistent is False and not labelling.keep_inconsistent else "decided"


def usable_candidates(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Those that can be a side of a pair (law 8), without the ones that say what an earlier one says."""
    found: list[Candidate] = []
    for candidate in candidates:
        text = candidate.text
        if candidate.unusable or not normalised(text) or leaks(text):
            continue
        if not any(same_text(text, other.text) for other in found):
            found.append(candidate)
    return tuple(found)


def compared(usable: Sequence[Candidate], policy: CandidatePolicy) -> tuple[tuple[Candidate, Candidate], ...]:
    """The pairs that a policy needs a verdict on."""
    if policy == "against_draft":
        return tuple((usable[0], other) for other in usable[1:])
    return tuple(combinations(usable, 2))


class Court:
    """The verdicts of one trace, by the numbers of its texts."""

    def __init__(self, trace: Trace, labelling: Labelling) -> None:
        self.labelling = labelling
        self._judged: dict[tuple[int, int], Judged] = {(each.a, each.b): each for each in trace.judged}
        wanted = labelling.read
        self._scored: dict[int, Scored] = {each.number: each for each in trace.scored if wanted in (None, each.read)}
        self.read: JudgeRead = wanted or (
            "pairwise" if trace.judged else trace.scored[0].read if trace.scored else "pairwise"
        )

    def verdict(self, a: int, b: int, under: Sequence[str] | None = None) -> Verdict | None:
        """On two texts, turned to `a`; None if nobody was asked.

        Args:
            a: number of the first text.
            b: number of the second.
            under: ids of the principles that count, where a text was scored under others too; None = all.
        """
        clamp = self.labelling.clamp
        if self.read == "pairwise":
            straight, turned = self._judged.get((a, b)), self._judged.get((b, a))
            if straight is not None:
                return self._of(opinions(straight, clamp), asked=bool(straight.readings))
            if turned is not None:
                return self._of(opinions(turned, clamp), asked=bool(turned.readings)).turned
            return None
        if a in self._scored and b in self._scored:
            found = opinions_of_scores(self._scored[a], self._scored[b], clamp)
            if under is not None and self.read == "scoring":
                found = tuple(opinion for opinion in found if opinion.principle in under)
            return self._of(found, asked=True)
        return None

    def _of(self, found: tuple[Opinion, ...], *, asked: bool) -> Verdict:
        return verdict(found, self.labelling.band) if asked else EQUAL

    def standing(self, number: int, others: Sequence[int]) -> tuple[int, float]:
        """Wins less losses of a text against others, and the sum of its margins."""
        verdicts = [self.verdict(number, other) for other in others if other != number]
        points = {"a": 1, "b": -1}
        wins = sum(points.get(str(each.better), 0) for each in verdicts if each is not None)
        margins = fsum(each.margin for each in verdicts if each is not None and each.margin is not None)
        return wins, margins


def labelled_pairs(trace: Trace, labelling: Labelling) -> tuple[PreferencePair | Dropped, ...]:
    """All pairs that the policy proposes of a trace's candidates, each kept or dropped with its reason."""
    usable = usable_candidates(trace.candidates)
    if len(usable) < 2:
        return ()
    court = Court(trace, labelling)
    if labelling.policy != "best_worst":
        return tuple(
            _label(trace, index, *pair, court) for index, pair in enumerate(compared(usable, labelling.policy))
        )
    numbers = [candidate.number for candidate in usable]
    standing = {number: court.standing(number, numbers) for number in numbers}
    # Between equals the text decides, never its place in the list.
    ranked = sorted(usable, key=lambda each: (*(-part for part in standing[each.number]), digest("order", each.text)))
    best, worst = ranked[0], ranked[-1]
    found = court.verdict(best.number, worst.number)
    level = standing[best.number] == standing[worst.number]
    if found is not None and (found.better == "b" or (found.better == "a" and level)):
        return (Dropped("circular", f"candidates {best.number} and {worst.number}"),)
    return (_label(trace, 0, best, worst, court),)


def _label(trace: Trace, index: int, a: Candidate, b: Candidate, court: Court) -> PreferencePair | Dropped:
    found = court.verdict(a.number, b.number)
    where = f"candidates {a.number} and {b.number}"
    if found is None:
        return Dropped("unverified", where)
    outcome = outcome_of(found, court.labelling)
    if outcome != "decided":
        return Dropped(DROPPED[outcome], where)
    chosen, rejected, said = (a, b, found) if found.better == "a" else (b, a, found.turned)
    return PreferencePair(
        record=trace.record,
        sample=trace.sample,
        index=index,
        conversation=trace.conversation,
        chosen=chosen.text,
        rejected=rejected.text,
        principles=tuple(opinion.principle for opinion in said.by_principle if opinion.principle),
        rounds=(rejected.number, chosen.number),
        similarity=trigram_jaccard(rejected.text, chosen.text),
        tags=trace.tags,
        metadata=trace.metadata,
        tools=trace.tools,
        judge=court.read,
        margin=said.margin,
        p_chosen=said.p,
        position_consistent=said.position_consistent,
        votes=said.by_principle,
    )
