"""An examination as people see it: the same figures on every surface, and no line too wide."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from constitution import Examination
from constitution.display import draw, examination_page, page_html
from constitution.examination.decision import VERDICTS, Outcome
from constitution.examination.items import JudgedSet
from constitution.run.background import background
from constitution.run.examine import Examining
from constitution.run.examine import examine as run
from constitution.steps.judge import JudgeMode
from constitution.verdicts import JudgeRead
from tests.display.seen import Seen, printed, without_colours
from tests.examination.judges import Judge, deaf, made
from tests.run.test_examine import PLAIN
from tests.strategies import HOSTILE


@pytest.fixture(scope="module")
def found() -> Examination:
    """Of a deaf judge, on two sets."""
    sets = (made(80), JudgedSet("other", made(30, "other").items, "elsewhere", ("Others got 50 %.",), (("empty", 2),)))
    made_of = background.call(run(Examining(sets, Judge(sets, deaf).engine(), "a judge", PLAIN)))
    return Examination(**{name: getattr(made_of, name) for name in made_of.__dataclass_fields__})


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_page_fits(found: Examination, width: int) -> None:
    """In every usual width, verdict and figures unbroken."""
    said = without_colours(printed(draw(examination_page(found)), width=width, colours=True))
    assert max(map(len, said.splitlines())) <= width
    assert said.startswith("deaf")
    for word in (
        "shown",
        "hidden",
        "exchanged",
        "negated",
        "taking the longer answer",
        "Others got 50 %.",
        "2 left out",
    ):
        assert word in " ".join(said.split())


def test_a_notebook_shows_the_same(found: Examination) -> None:
    """As HTML that holds nothing else, with what a terminal leaves out folded away."""
    seen = Seen(found._repr_html_())
    words = " ".join(seen.text.split())
    assert words.startswith("deaf its verdicts with the principle shown")
    assert "by principle: other" in words
    assert "p4" in words
    assert "by principle: other" not in printed(found)
    assert "by principle: checks" in printed(found)


def test_plain_text_and_repr(found: Examination) -> None:
    """For files, and for a prompt of Python."""
    assert found.text(72) == printed(found, width=72)
    assert repr(found).startswith("<Examination of a judge: deaf, its verdicts")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text(found: Examination, text: str) -> None:
    """Of judges, sets and principles: they come from users and files."""
    strange = replace(
        found, judge=replace(found.judge, name=text), sets=(replace(found.sets[0], name=text, source=text),),
        principles=tuple(replace(each, set=text, id=text) for each in found.principles),
    )  # fmt: skip
    Seen(page_html(examination_page(strange)))
    printed(draw(examination_page(strange)))


def test_a_scoring_examination_shows_no_flips(found: Examination) -> None:
    """What was not measured has no line."""
    bare = replace(found, figures=replace(found.figures, flips=None, flips_to_first=None, scoring=None))
    said = printed(draw(examination_page(bare)))
    assert "orders disagree" not in said
    assert "two reads" not in said
    assert "None" not in said


def test_what_was_not_read_is_told(found: Examination) -> None:
    """By reason."""
    said = printed(draw(examination_page(replace(found, unasked={"too_long": 3, "RequestRefused": 1}))))
    assert "1 RequestRefused, 3 too_long" in said


def next_step(found: Examination, **changed: Any) -> str:
    """The last words of the page."""
    said = " ".join(printed(draw(examination_page(replace(found, **changed))), width=200).split())
    return said.partition(" next ")[2]


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("read", ["pairwise", "scoring"])
@pytest.mark.parametrize("mode", ["direct", "think", "text"])
def test_a_judge_that_did_not_pass_has_a_next_step(
    found: Examination, verdict: Outcome, read: JudgeRead, mode: JudgeMode
) -> None:
    """Whatever the verdict is: a command with something else than what was just asked."""
    said = next_step(found, verdict=verdict, judge=replace(found.judge, read=read, mode=mode))
    assert said.startswith("constitution examine with ") == (verdict != "passed")
    assert f"--mode {mode}" not in said
    assert f"--read {read}" not in said
    assert ("--anyway" in said) == (verdict not in ("passed", "too few to tell"))


def test_the_next_step_is_one_that_may_help(found: Examination) -> None:
    """By verdict: words for a judge whose labels cannot be read, no order for one that goes by it, more pairs."""
    assert "--mode text" in next_step(found, verdict="unreadable")
    assert "--mode think, or --read scoring" in next_step(found, verdict="position-locked")
    assert "a lower --at-least" in next_step(found, verdict="too weak")
    few = [replace(each, asked=each.items - 1) for each in found.sets]
    assert "--limit" in next_step(found, verdict="too few to tell", sets=tuple(few))
    assert "--on NAME or --on FILE" in next_step(
        found, verdict="too few to tell", sets=tuple(replace(each, asked=each.items) for each in found.sets)
    )
