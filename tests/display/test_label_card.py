"""The label card as a person sees it: every figure, in any width, and on the page of documentation."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from constitution.display import draw, page_html
from constitution.display.blocks import Page
from constitution.display.labels import MOST_PRINCIPLES, agreement_blocks, label_blocks
from constitution.intervals import Interval
from constitution.records import Trace
from constitution.steps.label import Labelling
from constitution.steps.label_card import Examined, LabelCard
from constitution.steps.label_measures import MEASURES
from constitution.steps.label_sums import LabelSums
from constitution.steps.two_judges import JudgeAgreement
from tests.display.seen import Seen, printed
from tests.steps.judged_traces import judged_traces, labellings

DOCS = Path(__file__).parents[2] / "docs" / "label-card.md"
EXAMINED = Examined("deaf", False, "It does not read the principle.", "demo", ("checks",), Interval(0.6, 0.5, 0.7, 90))


def card_of(results: list[Trace], labelling: Labelling, examined: Examined | None) -> LabelCard:
    """Of some chains."""
    sums = LabelSums()
    for result in results:
        sums.count(result, labelling)
    return LabelCard(sums, "org/judge", labelling, examined, uncounted=2)


cards = st.builds(card_of, st.lists(judged_traces(), max_size=6), labellings, st.sampled_from([None, EXAMINED]))


@given(cards, st.sampled_from([60, 80, 120]))
def test_it_fits(card: LabelCard, width: int) -> None:
    """Every figure and every principle stands there, and no line is wider than the terminal."""
    page = Page((), tuple(label_blocks(card)))
    shown = printed(draw(page), width=width, colours=False)
    assert all(cell_len(line) <= width for line in shown.splitlines())
    words = " ".join(shown.split())
    assert "2 chunks are not finished" in words
    assert ("not examined" in words) == (card.examined is None)
    html = " ".join(Seen(page_html(page)).text.split())
    for measure, _ in card.figures():
        assert measure.title in html
    assert all(each.id in html for each in card.by_principle)


def test_what_is_bad_says_so_without_colours() -> None:
    """A mark before the value, and a line that says what it means."""
    sums = LabelSums()
    sums.pairs.update(judged=10, unreadable=8, decided=2, ordered=2)
    shown = printed(draw(Page((), tuple(label_blocks(LabelCard(sums))))))
    assert "! 80.0 %" in shown
    assert "look at these before you train" in shown
    sums.pairs.update(judged=90, decided=90, ordered=90)
    shown = printed(draw(Page((), tuple(label_blocks(LabelCard(sums))))))
    assert "!" not in shown


def test_many_principles_are_cut() -> None:
    """The ones asked most often stay, and the title says how many there are."""
    sums = LabelSums()
    sums.pairs.update(judged=9, decided=9)
    for number in range(MOST_PRINCIPLES + 5):
        sums.principles[f"p{number}"] = LabelSums().pairs + sums.pairs.__class__(asked=number + 1, readable=1)
    shown = printed(draw(Page((), tuple(label_blocks(LabelCard(sums))))))
    assert f"{MOST_PRINCIPLES} of {MOST_PRINCIPLES + 5}" in shown
    assert "p24 " in shown
    assert "p4 " not in shown


@pytest.mark.parametrize(
    ("counts", "titles"),
    [
        ({}, set()),
        ({"with_verdict": 3}, {"with verdict"}),
        ({"meant_wins": 3}, {"meant wins"}),
        ({"with_verdict": 3, "meant_wins": 3}, {"meant wins"}),
    ],
    ids=str,
)
def test_a_rate_that_nothing_was_counted_for_has_no_column(counts: dict[str, int], titles: set[str]) -> None:
    """One principle alone is the verdict: that it agrees with it says nothing."""
    sums = LabelSums()
    sums.pairs.update(judged=4, decided=4)
    sums.principles["kind"] = Counter(asked=4, readable=4, **counts)
    sums.principles["mute"] = Counter(asked=4)
    shown = printed(draw(Page((), tuple(label_blocks(LabelCard(sums))))))
    assert {title for title in ("with verdict", "meant wins") if title in shown} == titles


@pytest.mark.parametrize("found", [JudgeAgreement(), JudgeAgreement(agree=3, disagree=1, one_tie=2)])
def test_two_judges(found: JudgeAgreement) -> None:
    """How often they agree; where nothing was decided by both, that."""
    shown = " ".join(printed(draw(Page((), tuple(agreement_blocks(found, "runs/other"))))).split())
    assert "runs/other" in shown
    assert ("agrees in 75.0 %" in shown) == (found.agree == 3)
    assert ("no pair was decided by both" in shown) == (found.agree == 0)


def test_the_page_names_every_figure() -> None:
    """By its title and by its name in Python, with the threshold of the mark where it has one."""
    rows = {row.split("|")[2].strip(" `"): row for row in DOCS.read_text().splitlines() if row.count("|") == 5}
    for measure in MEASURES:
        assert rows[measure.name].split("|")[1].strip() == measure.title
        bad = any(measure.bad(Interval(x, x, x, 9)) for x in (0.0, 1.0))
        assert ("`!`" in rows[measure.name]) == bad
        assert hasattr(LabelCard, measure.name)
