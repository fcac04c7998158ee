"""Agreement: how often verdicts say what people said of the same pairs. Pure; no judge ever sees what people said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from constitution.intervals import share
from constitution.messages import Better
from constitution.records import ChainResult, Trace
from constitution.steps.filter import same_text
from constitution.steps.label import Court, Labelling, outcome_of
from constitution.verdicts import EQUAL, Verdict


@dataclass(frozen=True, slots=True)
class Agreement:
    """Pairs of which people said something, each counted once."""

    agree: int = 0
    disagree: int = 0
    tie: int = 0
    """The judge finds neither better."""
    inconsistent: int = 0
    """The judge prefers one in one order and the other in the other."""
    unreadable: int = 0
    people_tie: int = 0
    """People found neither better; whatever the judge says."""
    both_tie: int = 0
    """Of those, the ones that the judge finds a tie too."""
    not_judged: int = 0
    """Dropped before the judge was asked (too long, no principle, an answer that is none), or ended by an error."""

    @property
    def pairs(self) -> int:
        """All of which people said something."""
        return self.judged + self.people_tie + self.not_judged

    @property
    def judged(self) -> int:
        """Those that people decided and the judge was asked about."""
        return self.decided + self.tie + self.inconsistent + self.unreadable

    @property
    def decided(self) -> int:
        """Those that both decided."""
        return self.agree + self.disagree

    @property
    def accuracy(self) -> float | None:
        """Share of `agree` among those that both decided, 0 to 1; None where there are none."""
        return self.agree / self.decided if self.decided else None

    @property
    def interval(self) -> tuple[float, float]:
        """Of `accuracy`, 95 %; 0 to 1 where nothing is known."""
        found = share(self.agree, self.decided)
        return (0.0, 1.0) if found is None else (found.low, found.high)


def verdict_on_two(chain: ChainResult, labelling: Labelling) -> Verdict | None:
    """The verdict on a chain's first two candidates; None where nobody was asked about them."""
    if not isinstance(chain, Trace) or len(chain.candidates) < 2:
        return None
    first, second = chain.candidates[:2]
    if same_text(first.text, second.text):
        return EQUAL
    return Court(chain, labelling).verdict(first.number, second.number)


def agreement(chains: Iterable[ChainResult], labelling: Labelling) -> Agreement:
    """Count the pairs of which people said something (`preferred`); others are passed over.

    Args:
        chains: judged pairs, and those that failed.
        labelling: how verdicts become labels. With `keep_inconsistent` the verdict of such a pair counts.
    """
    counts = dict.fromkeys(Agreement.__slots__, 0)
    for chain in chains:
        if chain.preferred is not None:
            for name in names_of(chain.preferred, verdict_on_two(chain, labelling), labelling):
                counts[name] += 1
    return Agreement(**counts)


def names_of(people: Better, found: Verdict | None, labelling: Labelling) -> tuple[str, ...]:
    """The counts of an `Agreement` that a pair belongs to.

    Args:
        people: what they said of it.
        found: the judge's verdict on it; None where it was not asked.
        labelling: how verdicts become labels.
    """
    if found is None:
        return ("not_judged",)
    if people == "tie":
        return ("people_tie", "both_tie") if found.better == "tie" else ("people_tie",)
    outcome = outcome_of(found, labelling)
    if outcome != "decided":
        return (outcome,)
    return ("agree",) if found.better == people else ("disagree",)
