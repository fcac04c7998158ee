"""Judges of known vice get their own verdict; an honest one passes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from constitution.errors import RecordError, SettingsError
from constitution.examination.items import Item, JudgedSet
from constitution.examination.record import Examination
from constitution.messages import user
from constitution.principles import Principles
from constitution.run.background import background
from constitution.run.examine import Examining, examine
from tests.examination import judges
from tests.examination.judges import Judge, Pairwise, made

PLAIN = Principles("plain", "1", ())


def examined(pairwise: Pairwise, sets: tuple[JudgedSet, ...] = (), yes: float = 0.0, **settings: Any) -> Examination:
    """The examination of a scripted judge."""
    sets = sets or (made(),)
    engine = Judge(sets, pairwise, yes=yes).engine()
    return background.call(examine(Examining(sets, engine, "scripted", PLAIN, **settings)))


@pytest.mark.parametrize("mode", ["direct", "think", "text"])
@pytest.mark.parametrize(
    ("vice", "verdict"),
    [
        (judges.unreadable, "unreadable"),
        (judges.first, "position-locked"),
        (judges.inverted, "inverted"),
        (judges.longer, "length-like"),
        (judges.deaf, "deaf"),
        (judges.weak, "too weak"),
        (judges.honest, "passed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_judge_gets_its_own_verdict(vice: Pairwise, verdict: str, mode: str) -> None:
    """By log-probabilities, after thoughts, and in words."""
    found = examined(vice, (made(260),), mode=mode, at_least=0.72)
    assert found.verdict == verdict, found.why
    assert found.passed == (verdict == "passed")


def test_an_honest_judge_needs_enough_pairs() -> None:
    """199 are too few, 200 are enough."""
    assert examined(judges.honest, (made(199),)).verdict == "too few to tell"
    assert examined(judges.honest, (made(200),)).verdict == "passed"


def test_a_judge_is_called_deaf_on_checks_alone() -> None:
    """Elsewhere a good answer is better under any principle; it is reported all the same."""
    found = examined(judges.deaf, (made(set="other"),))
    assert found.verdict == "passed"
    gain = found.figures.shown_hidden
    assert gain is not None
    assert gain.holds_zero


def test_a_random_judge_does_not_pass() -> None:
    """It is deaf, since a coin reads nothing."""
    assert examined(lambda seen: 2 * seen.coin).verdict == "deaf"


def test_what_the_honest_judge_is_measured_at() -> None:
    """Every figure where it is known: shown all right, negated all wrong, no flips, no ties."""
    figures = examined(judges.honest).figures
    values = {
        name: getattr(figures, name).value
        for name in ("accuracy", "longer_wrong", "shown", "negated", "flips", "ties", "unreadable", "scoring",
                     "reads_agree", "wordings_agree", "prefer_longer", "prefer_shorter", "shown_negated")
    }  # fmt: skip
    assert values == {
        "accuracy": 1, "longer_wrong": 1, "shown": 1, "negated": 0, "flips": 0, "ties": 0, "unreadable": 0,
        "scoring": 1, "reads_agree": 1, "wordings_agree": 1, "prefer_longer": 0.5, "prefer_shorter": 0.5,
        "shown_negated": 1,
    }  # fmt: skip
    assert figures.hidden is not None
    assert figures.hidden.low < 0.5 < figures.hidden.high
    assert figures.flips_to_first is None


def test_flips_tell_which_place_wins() -> None:
    """A judge that always takes the first answer gives ties, and every flip goes to the first."""
    figures = examined(judges.first).figures
    assert [figures.flips and figures.flips.value, figures.flips_to_first and figures.flips_to_first.value] == [1, 1]
    assert figures.accuracy is not None
    assert figures.accuracy.value == 0.5
    second = examined(lambda _: -3.0).figures
    assert second.flips_to_first is not None
    assert second.flips_to_first.value == 0


def test_the_mean_of_the_wordings_cancels_the_liking_for_yes() -> None:
    """A judge that says yes to everything is still right by the mean, and its wordings disagree."""
    figures = examined(judges.honest, yes=4.0).figures
    assert figures.scoring is not None
    assert figures.scoring.value == 1
    assert figures.wordings_agree is not None
    assert figures.wordings_agree.value == 0


def test_a_scoring_examination_is_of_the_scoring_read() -> None:
    """A judge that is blind side by side passes by the read that labels; there are no flips of it."""
    found = examined(judges.honest, read="scoring")
    assert found.verdict == "passed"
    assert found.figures.flips is None
    assert found.judge.read == "scoring"


@pytest.mark.parametrize("vice", [judges.first, judges.deaf])
def test_side_by_side_tells_nothing_of_a_scoring_judge(vice: Pairwise) -> None:
    """Right about each answer alone, it passes, also when it is judged again; side by side it would not."""
    found = examined(vice, read="scoring")
    assert found.verdict == found.judged_at(0.5).verdict == "passed", found.why
    assert found.figures.shown_hidden is not None
    assert found.figures.shown_hidden.holds_zero
    assert not examined(vice).passed


def test_ties_are_those_of_the_labels() -> None:
    """A margin inside the band of the run is a tie; it counts one half, and nothing where something was decided."""
    found = examined(judges.honest, (made(40),), band=2.5)
    assert found.band == 2.5
    assert found.figures.ties is not None
    assert found.figures.accuracy is not None
    assert (found.figures.ties.value, found.figures.accuracy.value) == (1, 0.5)
    assert found.figures.decided is None


def test_pairs_without_a_principle_are_asked_the_neutral_question() -> None:
    """And nothing of shown and hidden is made up for them."""
    bare = JudgedSet("bare", tuple(
        Item("bare", f"{n}", (user(f"q{n}"),), f"good {n}", f"bad {n}") for n in range(5)
    ), "made")  # fmt: skip
    figures = examined(judges.honest, (bare,)).figures
    assert figures.pairs == 5
    assert figures.shown is None
    assert figures.shown_hidden is None
    assert figures.scoring is None


def test_a_scoring_examination_needs_questions() -> None:
    """Of one answer alone; without them nothing is started."""
    bare = JudgedSet("bare", (Item("bare", "1", (user("q"),), "good", "bad"),), "made")
    with pytest.raises(SettingsError, match="take read pairwise"):
        examined(judges.honest, (bare,), read="scoring")


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"at_least": 0.0}, "at_least is 0.0"),
        ({"at_least": 1.0}, "at_least is 1.0"),
        ({"limit": 0}, "limit is 0"),
        ({"mode": "text", "read": "scoring"}, "compares pairs: take read pairwise"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], what: str) -> None:
    """Are refused before a model is asked."""
    with pytest.raises(SettingsError, match=what):
        examined(judges.honest, **settings)


def test_what_cannot_be_asked_is_counted() -> None:
    """Pairs that are too long are left out with their reason; if all are, that is an error."""
    big = Item("checks", "big", (user("q" * 4000),), "good", "bad", judges.principle_of(0))
    sets = (JudgedSet("checks", (*made(10).items, big), "made"),)
    job = Examining(sets, Judge(sets, judges.honest).engine(max_context=600), "scripted", PLAIN)
    found = background.call(examine(job))
    assert dict(found.unasked) == {"too_long": 1}
    assert found.figures.pairs == 10
    only = (JudgedSet("checks", (big,), "made"),)
    with pytest.raises(RecordError, match="not one of 1 pairs could be asked: every pair is too long"):
        background.call(examine(Examining(only, Judge(only, judges.honest).engine(max_context=600), "scripted", PLAIN)))


def test_no_running_loop_is_needed() -> None:
    """Nor forbidden: the work goes to the library's own loop."""

    async def inside() -> Examination:
        return await asyncio.to_thread(lambda: examined(judges.honest, (made(5),)))

    assert asyncio.run(inside()).figures.pairs == 5
