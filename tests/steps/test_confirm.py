"""Confirming: what code or a judge says of a pair, and what becomes of it under each setting."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.checks import Checked
from constitution.messages import user
from constitution.records import REASONS, Candidate, CheckResult, Dropped, PreferencePair, Trace
from constitution.steps.confirm import FLAGS, IF_TIE, IF_WORSE, Confirming, IfTie, IfWorse, check_results, confirm
from constitution.steps.label import Labelling
from constitution.verdicts import Judged, Read, Reading, Scored, sigmoid

PAIR = PreferencePair("r", 0, 0, (user("Q?"),), "New.", "Old.", ("p",), (0, 3), 0.25, flags=("before",))
TRACE = Trace("r", 0, (user("Q?"),), None)


def checked(*results: tuple[bool, bool]) -> PreferencePair:
    """The pair with what each check says of the rejected and of the chosen text."""
    return replace(PAIR, checks=tuple(CheckResult(f"p{n}", *result) for n, result in enumerate(results)))


def judged(margin: float | None, spread: float = 0.0) -> Trace:
    """A trace whose judge gives the chosen text, number 3, this margin over the draft."""
    told: tuple[tuple[float | None, float | None], ...] = ((None, 0.0), (None, 0.0))
    if margin is not None:
        told = ((0.0, -(margin + spread)), (-(margin - spread), 0.0))
    reads = tuple(Read(bool(place), each) for place, each in enumerate(told))
    return replace(TRACE, judged=(Judged(3, 0, "pairwise", (Reading("q", reads),)),))


def told(pair: PreferencePair | Dropped) -> tuple[str, ...]:
    """The reason, or the flags."""
    return (pair.reason,) if isinstance(pair, Dropped) else pair.flags


BETTER, WORSE, BOTH, NEITHER = (False, True), (True, False), (True, True), (False, False)


@pytest.mark.parametrize("if_worse", IF_WORSE)
@pytest.mark.parametrize("if_tie", IF_TIE)
@pytest.mark.parametrize(
    ("results", "found"),
    [
        ((), "better"),
        ((BETTER,), "better"),
        ((BETTER, BOTH), "better"),
        ((BOTH,), "tie"),
        ((NEITHER, BOTH), "tie"),
        ((WORSE,), "worse"),
        ((BOTH, WORSE), "worse"),
        ((BETTER, WORSE), "mixed"),
    ],
)
def test_checks(results: tuple[tuple[bool, bool], ...], found: str, if_worse: IfWorse, if_tie: IfTie) -> None:
    """One check that the chosen text breaks and the rejected one keeps is worse; none that it alone keeps is a tie."""
    made = confirm(checked(*results), TRACE, Confirming("check", if_worse, if_tie), Labelling())
    worse = {"drop": ("check_worse",), "keep": ("before",), "flag": ("before", "check_worse")}
    expected = {
        "better": ("before",),
        "tie": {"drop": ("tie",), "keep": ("before",), "flag": ("before", "check_tie")}[if_tie],
        "worse": {**worse, "flip": ("before", "flipped")}[if_worse],
        "mixed": {**worse, "flip": ("check_worse",)}[if_worse],
    }
    assert told(made) == expected[found]
    if isinstance(made, PreferencePair) and if_worse != "flip":
        assert replace(made, flags=PAIR.flags) == checked(*results)


def test_what_is_worse_is_named() -> None:
    """The principles whose checks are broken; a dropped tie says who found it."""
    made = confirm(checked(WORSE, BOTH, WORSE), TRACE, Confirming("check"), Labelling())
    assert made == Dropped("check_worse", "p0, p2")
    assert confirm(checked(BOTH), TRACE, Confirming("check", "drop", "drop"), Labelling()) == Dropped(
        "tie", "check_tie"
    )


def test_nobody_confirms() -> None:
    """The pair stays as it was made, whatever checks and judge say."""
    assert confirm(checked(WORSE), judged(-3.0), Confirming("none", "drop", "drop"), Labelling()) == checked(WORSE)


@pytest.mark.parametrize(
    ("margin", "spread", "found"),
    [
        (1.0, 0.0, "better"),
        (-1.0, 0.0, "worse"),
        (0.1, 0.0, "tie"),
        (0.0, 5.0, "tie"),
        (None, 0.0, "unreadable"),
        (1.0, 2.0, "order_inconsistent"),
        (-1.0, 2.0, "order_inconsistent"),
    ],
)
@pytest.mark.parametrize(("if_worse", "if_tie"), list(product(IF_WORSE, IF_TIE)))
def test_a_judge(margin: float | None, spread: float, found: str, if_worse: IfWorse, if_tie: IfTie) -> None:
    """Better stays; worse and ties go as they are set; what cannot be read or wavers is no confirmation."""
    made = confirm(PAIR, judged(margin, spread), Confirming("judge", if_worse, if_tie), Labelling())
    expected = {
        "better": ("before",),
        "tie": {"drop": ("tie",), "keep": ("before",), "flag": ("before", "judged_tie")}[if_tie],
        "worse": {
            "drop": ("judged_worse",),
            "keep": ("before",),
            "flag": ("before", "judged_worse"),
            "flip": ("before", "flipped"),
        }[if_worse],
        "unreadable": ("unreadable",),
        "order_inconsistent": ("order_inconsistent",),
    }
    assert told(made) == expected[found]
    if isinstance(made, Dropped):
        assert made.reason in REASONS
        return
    assert set(made.flags) - {"before"} <= set(FLAGS)
    assert made.judge == "pairwise"
    assert [vote.principle for vote in made.votes] == ["q"]
    assert made.position_consistent is (True if spread == 0 else margin == 0 and spread == 0)


@given(st.floats(0.2, 30), st.sampled_from([1, -1]), st.booleans())
def test_the_verdict_is_that_of_the_chosen_text(size: float, sign: int, flip: bool) -> None:
    """Margin and p on the row are of the text that is chosen now; a pair that is turned round has them turned too."""
    made = confirm(PAIR, judged(sign * size), Confirming("judge", "flip" if flip else "keep"), Labelling())
    assert isinstance(made, PreferencePair)
    turned = flip and sign < 0
    assert (made.chosen, made.rejected, made.rounds) == (
        ("Old.", "New.", (3, 0)) if turned else ("New.", "Old.", (0, 3))
    )
    margin = size if turned else sign * size
    assert made.margin == pytest.approx(margin)
    assert made.p_chosen == sigmoid(made.margin or 0.0)
    assert made.votes[0].margin == made.margin
    assert made.principles == PAIR.principles


def test_a_flip_turns_what_checks_say() -> None:
    """So that a row's checks are of its own chosen text; once is enough."""
    made = confirm(checked(WORSE, BOTH), TRACE, Confirming("check", "flip"), Labelling())
    assert isinstance(made, PreferencePair)
    assert made.checks == (CheckResult("p0", False, True), CheckResult("p1", True, True))
    assert (made.chosen, made.rejected, made.rounds) == ("Old.", "New.", (3, 0))
    again = confirm(replace(made, flags=()), TRACE, Confirming("check", "drop", "drop"), Labelling())
    assert isinstance(again, PreferencePair)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=4))
def test_a_flipped_pair_is_never_worse(results: list[tuple[bool, bool]]) -> None:
    """What `flip` keeps would pass the same checks."""
    made = confirm(checked(*results), TRACE, Confirming("check", "flip"), Labelling())
    if isinstance(made, PreferencePair):
        again = confirm(replace(made, flags=PAIR.flags), TRACE, Confirming("check", "drop"), Labelling())
        assert isinstance(again, PreferencePair)


def test_a_vote_in_words_turns_with_the_pair() -> None:
    """p 0 becomes 1; there is no margin."""
    words = tuple(Read(turned, word="B", vote=-1) for turned in (False, True))
    trace = replace(TRACE, judged=(Judged(3, 0, "pairwise", (Reading("q", words),)),))
    made = confirm(PAIR, trace, Confirming("judge", "flip"), Labelling())
    assert isinstance(made, PreferencePair)
    assert (made.chosen, made.margin, made.p_chosen, made.votes[0].vote) == ("Old.", None, 1.0, 1)


def test_a_pair_that_nobody_was_asked_about() -> None:
    """Other numbers are other texts."""
    asked = judged(1.0)
    other = replace(PAIR, rounds=(0, 2))
    assert confirm(other, asked, Confirming("judge"), Labelling()) == Dropped("unverified", "texts 0 and 2")
    assert confirm(PAIR, TRACE, Confirming("judge", "keep", "keep"), Labelling()) == Dropped(
        "unverified", "texts 0 and 3"
    )


def test_the_labelling_counts() -> None:
    """Band, clamp, inconsistent pairs and which read decides."""
    how = Confirming("judge", "drop", "drop")
    assert told(confirm(PAIR, judged(1.0), how, Labelling(band=2.0))) == ("tie",)
    kept = confirm(PAIR, judged(1.0, 2.0), how, Labelling(keep_inconsistent=True))
    assert isinstance(kept, PreferencePair)
    assert kept.position_consistent is False
    clamped = confirm(PAIR, judged(9.0), how, Labelling(clamp=0.6))
    assert isinstance(clamped, PreferencePair)
    assert clamped.p_chosen == pytest.approx(0.6)
    values = tuple(
        Scored(number, "value", (Reading("", (Read(value=worth),)),)) for number, worth in ((0, 5.0), (3, 1.0))
    )
    both = replace(judged(1.0), scored=values)
    assert told(confirm(PAIR, both, how, Labelling(read="value"))) == ("judged_worse",)
    assert told(confirm(PAIR, both, how, Labelling())) == ("before",)


class Holds:
    """A check by one word."""

    def __init__(self, word: str) -> None:
        self.word = word

    def __call__(self, text: str) -> Checked:
        """Whether the word stands in a text."""
        return Checked(self.word in text)


def test_checks_of_all_drawn_principles() -> None:
    """In the order of drawing, each once; of candidates those of the principle that made them."""
    checks = {"b": (Holds("x"), Holds("y")), "a": (Holds("z"),), "unused": (Holds("x"),)}
    trace = replace(
        TRACE,
        candidates=(
            Candidate(0, "t", principle="b"),
            Candidate(1, "u", principle="a"),
            Candidate(2, "v", principle="b"),
        ),
    )
    assert check_results(trace, "x y", "x z", checks) == (CheckResult("b", True, False), CheckResult("a", False, True))
