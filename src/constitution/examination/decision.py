"""The verdict on a judge, in one line: the first of VERDICTS that holds, since what comes earlier spoils the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias, get_args

from constitution.examination.figures import Figures
from constitution.intervals import Interval
from constitution.verdicts import JudgeRead

AT_LEAST = 0.6
"""Accuracy that is asked for."""
ENOUGH = 200
"""Pairs from which a judge can pass."""
UNREADABLE = 0.1
FLIPS = 0.5
CHANCE = 0.5
GAIN = 0.1
"""From the principle. Fewer pairs than ENOUGH that leave so much of it possible do not tell that there is none."""

Outcome: TypeAlias = Literal[
    "unreadable", "position-locked", "inverted", "length-like", "deaf", "too weak", "passed", "too few to tell"
]
VERDICTS: tuple[Outcome, ...] = get_args(Outcome)


def decide(
    figures: Figures, checks: Figures | None, at_least: float = AT_LEAST, read: JudgeRead = "pairwise"
) -> tuple[Outcome, str]:
    """The verdict, and why, in one sentence.

    Args:
        figures: of all pairs.
        checks: of the pairs made by code, where they were asked; there alone is a judge called deaf, since elsewhere a
            good answer is better under any principle.
        at_least: the accuracy that is asked for, 0 to 1.
        read: the read that labels. The principle is shown and hidden side by side, so that `scoring` is never called
            deaf: it says nothing of a judge that examines each answer alone.
    """
    unreadable, flips, accuracy = figures.unreadable, figures.flips, figures.accuracy
    if unreadable is not None and unreadable.value > UNREADABLE:
        return "unreadable", f"{percent(unreadable.value)} of its reads cannot be read, at most 10 % may be"
    if flips is not None and flips.value > FLIPS:
        return (
            "position-locked",
            f"its verdict changes with the order of the answers on {percent(flips.value)} of pairs",
        )
    if read == "scoring":
        checks = None
    if accuracy is None:
        return "too few to tell", "no pair could be read"
    if accuracy.high < CHANCE:
        return "inverted", f"it is right on {_told(accuracy)} of pairs, less often than a coin"
    if (why := _length_like(figures)) is not None:
        return "length-like", why
    if checks is not None and (why := _deaf(checks)) is not None:
        return "deaf", why
    if accuracy.high < at_least:
        return "too weak", f"it is right on {_told(accuracy)} of pairs, {percent(at_least)} were asked for"
    if accuracy.low < at_least:
        why = f"it is right on {_told(accuracy)} of {figures.pairs:,} pairs: {percent(at_least)} lies between"
        return "too few to tell", why
    if figures.pairs < ENOUGH:
        return (
            "too few to tell",
            f"it is right on {_told(accuracy)}, but of only {figures.pairs:,} pairs; {ENOUGH} tell",
        )
    if checks is not None and (gain := next(_no_gain(checks), None)) is not None:
        why = (
            f"the principle's gain is {points(gain[0])} on only {gain[0].n:,} of the pairs made by code; {ENOUGH} tell"
        )
        return "too few to tell", why
    return "passed", f"it is right on {_told(accuracy)} of {figures.pairs:,} pairs, {percent(at_least)} were asked for"


def _length_like(figures: Figures) -> str | None:
    over, longer_wrong = figures.over_longer, figures.longer_wrong
    if over is None or longer_wrong is None or over.low > 0 or longer_wrong.high >= CHANCE:
        return None
    return (
        f"it is no better than taking the longer answer, and right on {_told(longer_wrong)} where that is the wrong one"
    )


def _deaf(checks: Figures) -> str | None:
    for gain, than in _no_gain(checks):
        if gain.n >= ENOUGH or gain.high < GAIN:
            shown = f"its verdicts with the principle shown are no better than with it {than}"
            return f"{shown}: {points(gain)} on the pairs made by code"
    return None


def _no_gain(checks: Figures) -> Iterator[tuple[Interval, str]]:
    """Gains from the principle that may be none, and over what. An interval below 0 is no gain either."""
    for gain, than in ((checks.shown_hidden, "hidden"), (checks.shown_exchanged, "exchanged for another")):
        if gain is not None and gain.low <= 0:
            yield gain, than


def percent(value: float) -> str:
    """A share as people write it."""
    return f"{100 * value:.1f} %".replace(".0 %", " %")


def points(difference: Interval) -> str:
    """A difference of shares in points, with its interval."""
    return f"{100 * difference.value:+.1f} points ({100 * difference.low:+.1f} to {100 * difference.high:+.1f})"


def _told(interval: Interval) -> str:
    return f"{percent(interval.value)} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"
