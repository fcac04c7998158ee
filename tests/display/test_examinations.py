"""An examination as people see it: the same figures on every surface, and no line too wide."""

from __future__ import annotations

from dataclasses import replace

import pytest

from constitution import Examination
from constitution.display import draw, examination_page, page_html
from constitution.examination.items import JudgedSet
from constitution.run.background import background
from constitution.run.examine import Examining
from constitution.run.examine import examine as run
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
