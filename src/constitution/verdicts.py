"""Verdicts: what a judge said of answers, read by read, and what follows from it. Pure: no model is asked.

A read is one question to the judge. A margin above 0 means that `a` is better, and p = sigmoid(margin). Nothing here is
decided by position, by chance or by a default: what cannot be read is unreadable, what is undecided is a tie.

Sources: soft labels from the log-probabilities of the two labels, Bai et al. 2022 (arXiv 2212.08073), section 4.1; both
orders and their mean, Lee et al. 2023 (arXiv 2309.00267), section 2.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import exp, fsum, isnan, log
from typing import Literal, TypeAlias, get_args

from constitution.messages import Better

JudgeRead: TypeAlias = Literal["pairwise", "scoring", "value"]
JUDGE_READS: tuple[str, ...] = get_args(JudgeRead)
"""Two answers side by side; one answer at a time; a number for each answer from a callable."""

BAND = 0.2
"""A margin nearer to 0 than this is a tie."""
_MOST = 1e100
"""A number beyond this is none: sums of such numbers overflow."""


@dataclass(frozen=True, slots=True)
class Read:
    """One answer of the judge to one question."""

    turned: bool = False
    """Pairwise: `b` stood first. Scoring: the question was `asks_broken`, where no is good."""
    logprobs: tuple[float | None, float | None] = (None, None)
    """Natural-log probabilities of the two labels as they were asked: first and second answer, or yes and no."""
    word: str | None = None
    """What a judge without log-probabilities wrote."""
    vote: Literal[-1, 0, 1] | None = None
    """What its word says of `a`: better, neither, worse; None where it cannot be read, or where there is no word."""
    value: float | None = None
    """The number of a callable."""
    thought: str | None = None
    """What it wrote before it decided."""

    @property
    def log_odds(self) -> float | None:
        """Turned to `a`, or to good; None where a label is missing, -inf or no number."""
        if self.value is not None:
            return _number(self.value)
        first, second = map(_number, self.logprobs)
        if first is None or second is None:
            return None
        return second - first if self.turned else first - second

    @property
    def label_mass(self) -> float | None:
        """How probable it was that one of the two labels is said at all: 0 to 1. None without log-probabilities."""
        given = [exp(min(0.0, logprob)) for logprob in self.logprobs if logprob is not None and not isnan(logprob)]
        return min(1.0, fsum(given)) if given else None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the judge said under one principle: of a pair, or of one answer."""

    principle: str
    """The principle's id."""
    reads: tuple[Read, ...]
    """Both orders, or both wordings."""
    rank: int = 0
    """Place of its level among the constitution's: 0 is the highest; principles without one stand lowest."""
    weight: float = 1.0

    @property
    def margin(self) -> float | None:
        """Mean of the reads' log-odds; None where one of them is unreadable."""
        odds = [read.log_odds for read in self.reads]
        known = [each for each in odds if each is not None]
        return fsum(known) / len(known) if known and len(known) == len(odds) else None

    @property
    def vote(self) -> int | None:
        """Of a judge that answers in words: +1 for `a`, -1 for `b`, 0 where its words differ; None if unreadable."""
        votes = {read.vote for read in self.reads}
        if not votes or None in votes:
            return None
        (vote, *more) = votes
        return 0 if more else vote


@dataclass(frozen=True, slots=True)
class Judged:
    """All readings of one pair of texts of a trace."""

    a: int
    """Number of the text: of a candidate, or of the round that made it (0 = draft)."""
    b: int
    read: JudgeRead
    readings: tuple[Reading, ...]
    """Empty where the two texts are the same."""


@dataclass(frozen=True, slots=True)
class Scored:
    """All readings of one text of a trace."""

    number: int
    """As `Judged.a`."""
    read: JudgeRead
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one principle says of a pair."""

    principle: str
    margin: float | None
    """Natural-log odds that `a` is better; None where it is unreadable, or said in words."""
    vote: int | None = None
    """Of a judge that answers in words: +1, 0, -1."""
    orders: tuple[float | None, float | None] = (None, None)
    """The same in each order: `a` first, then `b` first. A word counts as its vote."""
    rank: int = 0
    weight: float = 1.0

    @property
    def readable(self) -> bool:
        """Whether it says anything."""
        return self.margin is not None or self.vote is not None

    @property
    def turned(self) -> Opinion:
        """The same of the pair the other way round."""
        first, second = self.orders
        return replace(
            self,
            margin=_negated(self.margin),
            vote=None if self.vote is None else -self.vote,
            orders=(_negated(second), _negated(first)),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which of two answers is better, by how much, and why."""

    better: Better | None
    """None: it cannot be read."""
    margin: float | None
    """Natural-log odds that `a` is better, 0 for a tie; None where unreadable, or where a judge answers in words."""
    p: float | None
    """Probability that `a` is better, 0 to 1; 0, 1/2 or 1 where a judge answers in words. None where unreadable."""
    rank: int | None = None
    """Of the level that decided; None for a tie."""
    position_consistent: bool | None = None
    """Whether both orders prefer the same answer; None where no orders were asked."""
    by_principle: tuple[Opinion, ...] = ()

    @property
    def turned(self) -> Verdict:
        """The verdict on the pair the other way round: the margin is exactly the negative."""
        better: dict[Better | None, Better | None] = {"a": "b", "b": "a"}
        return replace(
            self,
            better=better.get(self.better, self.better),
            margin=_negated(self.margin),
            p=None if self.p is None else sigmoid(-self.margin) if self.margin is not None else 1 - self.p,
            by_principle=tuple(opinion.turned for opinion in self.by_principle),
        )


@dataclass(frozen=True, slots=True)
class Scores:
    """How well one answer keeps each principle."""

    by_principle: tuple[tuple[str, float | None], ...]
    """Principle id and natural-log odds that the answer keeps it; None where unreadable."""
    total: float | None
    """One number, 0 to 1: the sum of w x p by level, w = 1, 1/4, 1/16 ... from the highest, normalised. For a callable
    its own number. None where a level has nothing readable."""
    readings: tuple[Reading, ...] = ()

    def p(self, principle: str) -> float | None:
        """Probability that the answer keeps a principle, 0 to 1. Raises `KeyError` for one that was not asked."""
        odds = dict(self.by_principle)[principle]
        return None if odds is None else sigmoid(odds)


EQUAL = Verdict("tie", 0.0, 0.5)
"""Of two texts that are the same: nobody is asked."""


def sigmoid(margin: float) -> float:
    """The probability of a margin: 0 to 1."""
    if margin >= 0:
        return 1 / (1 + exp(-margin))
    return exp(margin) / (1 + exp(margin))


def _number(given: float | None) -> float | None:
    """A number that can be reckoned with, or None."""
    return given if given is not None and abs(given) <= _MOST else None


def _negated(number: float | None) -> float | None:
    return None if number is None else 0.0 - number


def opinions(judged: Judged, clamp: float | None = None) -> tuple[Opinion, ...]:
    """What each principle says of a pair that was read side by side.

    Args:
        judged: the reads of both orders.
        clamp: keeps each principle's p between 1 - clamp and clamp (the paper's 0.6: 0.4 to 0.6, after a chain of
            thought); above 0.5 and below 1.
    """
    return tuple(_opinion(reading, clamp) for reading in judged.readings)


def opinions_of_scores(a: Scored, b: Scored, clamp: float | None = None) -> tuple[Opinion, ...]:
    """What each principle says of two answers that were scored one at a time: log-odds(a) - log-odds(b).

    Args:
        a: the first answer.
        b: the second.
        clamp: as in `opinions`; the numbers of a callable have no probability and are left as they are.
    """
    clamp = None if a.read == "value" else clamp
    others = {reading.principle: reading for reading in b.readings}
    found = []
    for mine in a.readings:
        if mine.principle in others:
            theirs = others[mine.principle].margin
            margin = None if mine.margin is None or theirs is None else mine.margin - theirs
            found.append(Opinion(mine.principle, clamped(margin, clamp), rank=mine.rank, weight=mine.weight))
    return tuple(found)


def _opinion(reading: Reading, clamp: float | None) -> Opinion:
    by_turn = {read.turned: read for read in reading.reads}
    if any(read.word is not None for read in reading.reads):
        said = {turn: None if read.vote is None else float(read.vote) for turn, read in by_turn.items()}
        return Opinion(
            reading.principle, None, reading.vote, (said.get(False), said.get(True)), reading.rank, reading.weight
        )
    odds = {turn: clamped(read.log_odds, clamp) for turn, read in by_turn.items()}
    margin = reading.margin
    if margin is not None and clamp is not None:  # what decides and what says whether the orders agree is the same
        known = [each for each in (clamped(read.log_odds, clamp) for read in reading.reads) if each is not None]
        margin = fsum(known) / len(known)
    return Opinion(reading.principle, margin, None, (odds.get(False), odds.get(True)), reading.rank, reading.weight)


def clamped(odds: float | None, clamp: float | None) -> float | None:
    """Log-odds whose probability lies between 1 - clamp and clamp; as they are without a clamp."""
    if odds is None or clamp is None:
        return odds
    most = log(clamp / (1 - clamp))
    return max(-most, min(most, odds))


def verdict(found: Iterable[Opinion], band: float = BAND) -> Verdict:
    """One verdict out of the opinions of several principles; levels are lexicographic.

    Within a level counts the weighted mean of what is readable. A lower level speaks only where every higher one ties.
    A level with nothing readable makes the verdict unreadable unless a higher one has decided. Words have no margin:
    they count +1, 0, -1, and have no band.
    """
    every = tuple(found)
    undecided: list[Opinion] = []
    for rank, group in groupby(sorted(every, key=lambda opinion: opinion.rank), key=lambda opinion: opinion.rank):
        readable = [opinion for opinion in group if opinion.readable and opinion.weight > 0]
        if not readable:
            return Verdict(None, None, None, by_principle=every)
        words = any(opinion.vote is not None for opinion in readable)
        margin = _mean([(_said(opinion), opinion.weight) for opinion in readable])
        if margin != 0 and (words or abs(margin) >= band):
            better: Better = "a" if margin > 0 else "b"
            sure = (1.0 if margin > 0 else 0.0) if words else sigmoid(margin)
            return Verdict(better, None if words else margin, sure, rank, _consistent(readable), every)
        undecided.extend(readable)
    words = any(opinion.vote is not None for opinion in every)
    return Verdict("tie", None if words else 0.0, 0.5, None, _consistent(undecided), every)


def _said(opinion: Opinion) -> float:
    said = opinion.vote if opinion.margin is None else opinion.margin
    assert said is not None
    return float(said)


def _mean(weighted: Sequence[tuple[float, float]]) -> float:
    most = max(weight for _, weight in weighted)  # weights may be as large as numbers are
    return fsum(value * (weight / most) for value, weight in weighted) / fsum(weight / most for _, weight in weighted)


def order_means(found: Verdict) -> tuple[float, float] | None:
    """What each order says of `a`, where it stands first and where it stands second: means of the level that decided.

    Of a tie those of all that is readable. None where no orders were asked, or where one is unreadable.
    """
    if found.better is None:
        return None
    deciding = (each for each in found.by_principle if found.rank is None or each.rank == found.rank)
    return _order_means([each for each in deciding if each.readable and each.weight > 0])


def _order_means(deciding: Sequence[Opinion]) -> tuple[float, float] | None:
    sides = []
    for order in (0, 1):
        said = [(opinion.orders[order], opinion.weight) for opinion in deciding]
        known = [(value, weight) for value, weight in said if value is not None]
        if not known:
            return None
        sides.append(_mean(known))
    return sides[0], sides[1]


def _consistent(deciding: Sequence[Opinion]) -> bool | None:
    """Whether the level means of the two orders prefer the same answer."""
    sides = _order_means(deciding)
    if sides is None:
        return None
    return (sides[0] > 0) == (sides[1] > 0) and (sides[0] < 0) == (sides[1] < 0)


def scores(scored: Scored) -> Scores:
    """One answer under several principles, as a vector and as one number."""
    by_principle = tuple((reading.principle, reading.margin) for reading in scored.readings)
    if scored.read == "value":
        return Scores((), scored.readings[0].margin if scored.readings else None, scored.readings)
    levels: list[float | None] = []
    for _, group in groupby(sorted(scored.readings, key=lambda each: each.rank), key=lambda each: each.rank):
        known = [
            (sigmoid(reading.margin), reading.weight)
            for reading in group
            if reading.margin is not None and reading.weight > 0
        ]
        levels.append(_mean(known) if known else None)
    shares = [0.25**place for place in range(len(levels))]
    known_levels = [level for level in levels if level is not None]
    whole = bool(levels) and len(known_levels) == len(levels)
    total = fsum(s * p for s, p in zip(shares, known_levels, strict=True)) / fsum(shares) if whole else None
    return Scores(by_principle, total, scored.readings)


def rank_of(level: str | None, levels: Sequence[str]) -> int:
    """Place of a level, 0 the highest; principles without a level stand below all that have one."""
    return len(levels) if level is None else list(levels).index(level)
