"""The figures of the label card in words: what each means, and what would be bad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from constitution.intervals import Interval

Unit: TypeAlias = Literal["share", "bits", "r"]
MANY_UNREADABLE = 0.1
MANY_FLIPS = 0.5


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of the card: what it is called, what it means, and what would be bad."""

    name: str
    title: str
    note: str
    """In a few words, for a terminal."""
    about: str
    """One or two sentences."""
    unit: Unit = "share"
    bad: Callable[[Interval], bool] = lambda _: False
    """Whether a figure is a reason to look before one trains on the labels."""


def _over(most: float, found: Interval) -> bool:
    return found.value > most


def _under(least: float, found: Interval) -> bool:
    return found.value < least


def _surely_under(least: float, found: Interval) -> bool:
    return found.high < least


def _far_from(middle: float, most: float, found: Interval) -> bool:
    """Whether the whole interval lies that far away."""
    return found.low > middle + most or found.high < middle - most


MEASURES = (
    Measure(
        "decided", "decided", "the others give no label",
        "Pairs of which the judge prefers one text, in both orders where it was asked in two. The others are ties, "
        "flips and unreadable ones: they have no label, and none is given one by chance.",
    ),
    Measure(
        "flips", "orders disagree", "over 50 %: goes by place",
        "Pairs in which the judge prefers one answer in one order and the other in the other order: the place "
        "decided, not the text. 0 is best; over 50 % the judge reads the place. Lee et al. 2023 (arXiv 2309.00267, "
        "table 4) report 18, 21 and 56 % for their large, small and smallest judge; these numbers are theirs, of "
        "other pairs.",
        bad=partial(_over, MANY_FLIPS),
    ),
    Measure(
        "flips_to_first", "of these, to the first", "50 %: likes no place",
        "Of the flips those in which the answer that stood first wins. Near 0 or 100 % the judge likes one place; Lee "
        "et al. saw 94 % of their large judge's flips go to the first.",
    ),
    Measure(
        "ties", "ties", "finds neither better",
        "Readable pairs in which the judge finds neither answer better. Many of them mean that the answers are alike, "
        "or that the judge cannot tell them apart.",
    ),
    Measure(
        "unreadable", "unreadable pairs", "over 10 %: no trust",
        "Pairs without a verdict: a label had no log-probability, or the judge's words name none. Over 10 % the judge "
        "does not understand what it is asked for.",
        bad=partial(_over, MANY_UNREADABLE),
    ),
    Measure(
        "unreadable_reads", "unreadable reads", "",
        "The same for single questions to the judge.",
        bad=partial(_over, MANY_UNREADABLE),
    ),
    Measure(
        "label_mass", "label mass", "near 100 % is good",
        "How probable it was that the judge says one of the two labels at all. Far under 100 % it wanted to say "
        "something else, and the odds of the two labels tell little.",
        bad=partial(_under, 0.5),
    ),
    Measure(
        "low_mass", "reads under 50 % mass", "near 0 is good",
        "Reads in which other words were more probable than both labels together.",
        bad=partial(_over, 0.5),
    ),
    Measure(
        "entropy", "entropy", "0: always sure, 1: never",
        "How unsure the labels are: 0 bits for a judge that is always sure, 1 bit for one that never is. Sure is not "
        "right: see the calibration, where there is one.",
        unit="bits",
    ),
    Measure(
        "longer_wins", "longer one wins", "50 %: no matter",
        "Decided pairs of different lengths in which the longer answer wins. Far from 50 % the labels teach length, "
        "unless the better answers are really longer.",
        bad=partial(_far_from, 0.5, 0.1),
    ),
    Measure(
        "length_correlation", "correlation with length", "0: none",
        "Correlation of the verdict (2p - 1) with the difference of lengths in characters, -1 to 1. Far from 0 the "
        "labels can be guessed from lengths alone.",
        unit="r", bad=partial(_far_from, 0.0, 0.3),
    ),
    Measure(
        "meant_wins", "meant to be better wins", "under 50 %: fails",
        "Decided pairs in which the judge prefers the text that was made to be better: the later revision, or the "
        "answer under the principle and not under its negation. Under 50 % either the making or the judge is turned "
        "round.",
        bad=partial(_surely_under, 0.5),
    ),
    Measure(
        "reads_agree", "two ways of asking agree", "50 %: chance",
        "Pairs that the judge decided both side by side and one answer at a time, in which both ways prefer the same "
        "answer. Near 50 % at least one of the two ways says nothing.",
        bad=partial(_surely_under, 0.5),
    ),
    Measure(
        "wordings_differ", "two wordings disagree", "near 0 is good",
        "Answers of which the question whether they are good and the question whether they are bad say different "
        "things. Over 50 % the judge likes a word, most often yes.",
        bad=partial(_over, 0.5),
    ),
    Measure(
        "people_agree", "people say the same", "50 %: chance",
        "Pairs that both people and the judge decided, in which they prefer the same answer. Near 50 % the judge "
        "guesses; people do not all agree with each other either, so 100 % is no aim.",
        bad=partial(_surely_under, 0.5),
    ),
)  # fmt: skip
"""The figures of the card, in its order; each is a property of `LabelCard` of the same name."""
PRINCIPLES = (
    "By principle: of the pairs that it was asked about, ties, flips and unreadable ones; how often it prefers what "
    "the verdict of all principles prefers, where it is not the only one; how often it prefers the text that was made "
    "to be better, of the pairs that it decides in both orders. A principle that nearly always ties, or flips in half "
    "of its pairs, says nothing."
)
CALIBRATION = (
    "Calibration error: the mean distance between how sure the judge is and how often people say the same, over five "
    "bins. 0 is best; 0.2 means that a judge which says 90 % is right in about 70 %. Few pairs in a bin make it look "
    "larger."
)
