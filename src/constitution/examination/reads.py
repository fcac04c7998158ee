"""What a judge's reads of one item come to: verdicts and scores, the better answer always as `a`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from constitution.examination.items import Item
from constitution.examination.questions import QUESTIONS, Question
from constitution.records import Trace
from constitution.verdicts import (
    BAND,
    Judged,
    Opinion,
    Read,
    Reading,
    Scored,
    Verdict,
    opinions,
    opinions_of_scores,
    sigmoid,
    verdict,
)

SCORES: Mapping[str | None, float | None] = {"a": 1.0, "tie": 0.5, "b": 0.0, None: None}
"""What a verdict counts. A tie gives no label; it counts what a coin would get, so that chance is one half."""


@dataclass(frozen=True)
class ItemReads:
    """All that a judge said of one item."""

    item: Item
    readings: Mapping[Question, Reading]
    """Side by side, in both orders; the better answer is `a`."""
    scored: tuple[Scored, Scored] | None = None
    """The better answer alone, and the worse one."""
    band: float = BAND
    """A margin nearer to 0 than this is a tie."""

    @classmethod
    def of(cls, item: Item, asked: Sequence[Question], trace: Trace, band: float = BAND) -> ItemReads:
        """The reads of a trace that `Examiner.flow` made."""
        (judged,) = trace.judged
        scored = (trace.scored[0], trace.scored[1]) if len(trace.scored) == 2 else None
        return cls(item, dict(zip(asked, judged.readings, strict=True)), scored, band)

    @cached_property
    def pairwise(self) -> Mapping[Question, tuple[Opinion, Verdict]]:
        """Of each question what was said, and the verdict."""
        found = {}
        for question in QUESTIONS:
            if question in self.readings:
                (opinion,) = opinions(Judged(0, 1, "pairwise", (self.readings[question],)))
                found[question] = (opinion, verdict((opinion,), self.band))
        return found

    @cached_property
    def scoring(self) -> Verdict | None:
        """The verdict of the two answers examined alone; None where nobody was asked."""
        return None if self.scored is None else verdict(opinions_of_scores(*self.scored), self.band)

    def score(self, question: Question) -> float | None:
        """1 if the better answer won under a question, 0 if it lost, 1/2 for a tie; None if unreadable or not asked."""
        return SCORES[self.pairwise[question][1].better] if question in self.pairwise else None

    @property
    def scoring_score(self) -> float | None:
        """The same of the scoring read."""
        return None if self.scoring is None else SCORES[self.scoring.better]

    @property
    def p(self) -> float | None:
        """Probability that the judge's own question gives the better answer; ties too have one. None for words."""
        margin = self.readings["asked"].margin
        return None if margin is None else sigmoid(margin)

    @property
    def scoring_p(self) -> float | None:
        """The same of the scoring read."""
        if self.scored is None:
            return None
        margin = opinions_of_scores(*self.scored)[0].margin
        return None if margin is None else sigmoid(margin)

    @property
    def flipped(self) -> bool | None:
        """Whether the two orders of the judge's own question disagree; None where they cannot be read."""
        first, second = self._orders
        return None if first is None or second is None else (first > 0) != (second > 0) or (first < 0) != (second < 0)

    @property
    def first_of_flip(self) -> bool | None:
        """Where the orders disagree: whether the answer that stood first won in both; None where neither did."""
        first, second = self._orders
        if not self.flipped or first is None or second is None or first * second == 0:
            return None
        return first > 0

    @property
    def _orders(self) -> tuple[float | None, float | None]:
        """How much the better answer was preferred where it stood first, and where it stood second."""
        return self.pairwise["asked"][0].orders

    def to_json(self) -> dict[str, Any]:
        """All that was said, as a row: what each question scored, and how sure the judge was of the better answer."""
        own = None if self.item.principle is None else self.item.principle.id
        return {
            "set": self.item.set,
            "id": self.item.id,
            "principle": own,
            "longer": self.item.longer,
            **{question: self.score(question) for question in QUESTIONS},
            "scoring": self.scoring_score,
            "p": self.p,
            "scoring_p": self.scoring_p,
            "flipped": self.flipped,
        }

    def readable(self) -> Iterator[bool]:
        """Of each read side by side whether it can be read."""
        for reading in self.readings.values():
            yield from (_readable(read) for read in reading.reads)

    def scoring_readable(self) -> Iterator[bool]:
        """Of each read of one answer whether it can be read."""
        yield from (_readable(read) for read in self._scoring_reads())

    def label_mass(self) -> Iterator[float]:
        """Of each read side by side how probable it was that a label is said at all."""
        for reading in self.readings.values():
            yield from (mass for read in reading.reads if (mass := read.label_mass) is not None)

    def wordings_agree(self) -> Iterator[bool]:
        """Of each answer alone whether both wordings say the same of it: good or not."""
        for scored in self.scored or ():
            for reading in scored.readings:
                odds = [read.log_odds for read in reading.reads]
                if len(odds) == 2 and odds[0] is not None and odds[1] is not None:
                    yield (odds[0] > 0) == (odds[1] > 0)

    def _scoring_reads(self) -> Iterator[Read]:
        for scored in self.scored or ():
            for reading in scored.readings:
                yield from reading.reads


def _readable(read: Read) -> bool:
    return read.vote is not None if read.word is not None else read.log_odds is not None
