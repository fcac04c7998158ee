"""The verdict: each by its own condition, and the first that holds wins."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from constitution.examination.decision import ENOUGH, VERDICTS, decide, percent
from constitution.examination.figures import Figures
from constitution.intervals import Interval


def figures(pairs: int = 400, **known: Any) -> Figures:
    """Figures of a judge that passes, but for what is given."""
    good = {
        "accuracy": at(0.8, 0.75, 0.85), "over_longer": at(0.3, 0.2, 0.4), "longer_wrong": at(0.8, 0.7, 0.9),
        "flips": at(0.1, 0.05, 0.15), "unreadable": at(0.0, 0.0, 0.01),
        "shown_hidden": at(0.3, 0.2, 0.4), "shown_exchanged": at(0.3, 0.2, 0.4),
    }  # fmt: skip
    return Figures(**{**{one.name: None for one in fields(Figures)}, **good, "pairs": pairs, **known})


def at(value: float, low: float, high: float) -> Interval:
    """An interval on 400 pairs."""
    return Interval(value, low, high, 400)


FAULTS: dict[str, dict[str, Any]] = {
    "unreadable": {"unreadable": at(0.101, 0.08, 0.12)},
    "position-locked": {"flips": at(0.501, 0.45, 0.55)},
    "inverted": {"accuracy": at(0.45, 0.4, 0.499)},
    "length-like": {"over_longer": at(0.01, -0.05, 0.07), "longer_wrong": at(0.1, 0.05, 0.15)},
    "deaf": {"shown_hidden": at(0.01, -0.03, 0.05)},
    "too weak": {"accuracy": at(0.55, 0.51, 0.599)},
}


def verdict(known: dict[str, Any], **more: Any) -> str:
    """Of one set of figures, for all pairs and for those made by code."""
    found = figures(**{**known, **more})
    return decide(found, found, 0.6)[0]


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_has_its_verdict(name: str) -> None:
    """Alone."""
    assert verdict(FAULTS[name]) == name


@pytest.mark.parametrize(
    ("earlier", "later"),
    [(one, other) for place, one in enumerate(FAULTS) for other in list(FAULTS)[place + 1 :]],
)
def test_the_first_fault_wins(earlier: str, later: str) -> None:
    """Of any two, in the order of VERDICTS; an accuracy that both need is that of the earlier one."""
    assert list(FAULTS) == list(VERDICTS[: len(FAULTS)])
    assert verdict({**FAULTS[later], **FAULTS[earlier]}) == earlier


@pytest.mark.parametrize(
    "edge",
    [
        {"unreadable": at(0.1, 0.08, 0.12)},
        {"flips": at(0.5, 0.45, 0.55)},
        {"over_longer": at(0.01, -0.05, 0.07)},
        {"longer_wrong": at(0.1, 0.05, 0.15)},
        {"over_longer": at(0.01, -0.05, 0.07), "longer_wrong": at(0.45, 0.4, 0.5)},
        {"shown_hidden": at(0.05, 0.001, 0.1)},
        {"accuracy": at(0.65, 0.6, 0.7)},
    ],
    ids=" ".join,
)
def test_the_edges_pass(edge: dict[str, Any]) -> None:
    """Just inside of every bound, or only half of length-like."""
    assert verdict(edge) == "passed"


def test_as_good_as_length_is_length_like() -> None:
    """A gain over it whose interval begins at 0 shows none."""
    assert verdict({"over_longer": at(0.1, 0.0, 0.2), "longer_wrong": at(0.1, 0.05, 0.15)}) == "length-like"


@pytest.mark.parametrize("high", [0.5, 0.55])
def test_chance_itself_is_not_inverted(high: float) -> None:
    """The upper bound must lie under one half; then it is too weak."""
    assert verdict({"accuracy": at(0.45, 0.4, high)}) == "too weak"


@pytest.mark.parametrize("gain", ["shown_hidden", "shown_exchanged"])
@pytest.mark.parametrize("interval", [at(0.0, 0.0, 0.0), at(0.1, -0.01, 0.2), at(-0.2, -0.3, -0.1)])
def test_no_gain_from_the_principle_is_deaf(gain: str, interval: Interval) -> None:
    """Also where it makes things worse, and for either of the two."""
    assert verdict({gain: interval}) == "deaf"


@pytest.mark.parametrize("gain", ["shown_hidden", "shown_exchanged"])
def test_few_pairs_tell_of_no_deafness(gain: str) -> None:
    """Where 10 points are still in the interval; below that, or from 200 pairs on, they do. Nor has it passed."""
    one, wide = Interval(1.0, -0.51, 1.0, 1), (0.05, -0.05, 0.1)
    assert verdict({gain: one}, pairs=1) == "too few to tell"
    assert verdict({gain: Interval(*wide, ENOUGH - 1)}, pairs=ENOUGH - 1) == "too few to tell"
    assert verdict({gain: Interval(*wide, ENOUGH)}) == "deaf"
    assert verdict({gain: Interval(0.0, -0.099, 0.099, ENOUGH - 1)}) == "deaf"
    known: dict[str, Any] = {gain: one}
    found = figures(**known)
    assert decide(found, found) == (
        "too few to tell",
        "the principle's gain is +100.0 points (-51.0 to +100.0) on only 1 of the pairs made by code; 200 tell",
    )


def test_one_open_gain_does_not_hide_another() -> None:
    """Deaf by either of the two is deaf."""
    assert verdict({"shown_hidden": Interval(0.1, -0.2, 0.4, 20), "shown_exchanged": at(0.0, -0.05, 0.05)}) == "deaf"


def test_deaf_is_said_of_checks_alone() -> None:
    """Gains of other pairs do not count, nor those of none."""
    silent = figures(shown_hidden=at(0.0, -0.1, 0.1))
    assert decide(silent, None)[0] == "passed"
    assert decide(silent, figures())[0] == "passed"
    assert decide(figures(), silent)[0] == "deaf"


def test_a_scoring_judge_is_never_deaf() -> None:
    """Its principle is shown and hidden in another read than the one that labels; the rest holds for it too."""
    silent = figures(shown_hidden=at(0.0, -0.1, 0.1))
    assert decide(silent, silent, read="scoring")[0] == "passed"
    assert decide(figures(), figures(shown_hidden=Interval(0.0, -1.0, 1.0, 1)), read="scoring")[0] == "passed"
    assert decide(silent, silent, 0.9, "scoring")[0] == "too weak"
    assert decide(silent, silent, read="pairwise")[0] == "deaf"


def test_too_few_tell_nothing() -> None:
    """Neither few pairs, nor an interval around what was asked for, nor no pair at all are passed."""
    assert verdict({}, pairs=ENOUGH - 1) == "too few to tell"
    assert verdict({}, pairs=ENOUGH) == "passed"
    assert verdict({"accuracy": at(0.62, 0.599, 0.7)}) == "too few to tell"
    assert decide(figures(pairs=0, accuracy=None), None) == ("too few to tell", "no pair could be read")


def test_why_names_the_figures() -> None:
    """In one sentence."""
    assert decide(figures(), None)[1] == "it is right on 80 % (75.0 to 85.0) of 400 pairs, 60 % were asked for"
    assert "-3.0 to +5.0" in decide(figures(), figures(shown_hidden=at(0.01, -0.03, 0.05)))[1]
    assert [percent(value) for value in (0.0, 0.5, 0.553, 1.0, 0.6)] == ["0 %", "50 %", "55.3 %", "100 %", "60 %"]
