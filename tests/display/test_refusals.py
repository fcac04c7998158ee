"""Tagged answers as people see them: what was counted stands there, and hostile text stays text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from constitution import tag_refusal
from constitution.display import draw, page_html
from constitution.display.blocks import Page
from constitution.display.refusals import refusals_page
from constitution.steps.refusals import Cue, Refusal
from constitution.steps.refusals.measure import OTHERS, Answer, Measured, measure
from tests.display.seen import Seen, printed
from tests.strategies import HOSTILE, texts

FULL = "I'm sorry, but I cannot help with that."
HELPS = "Sure! Here is how to do it: take a bowl and stir."


def answers(number: int = 4, **more: Any) -> Measured:
    """Some refusals and some answers, each as people have it but the first."""
    made = [
        Answer(text, n, f"rows.csv:{n + 1}", label=label, said=label, **more)  # type: ignore[arg-type]  # labels
        for n, (text, label) in enumerate([(FULL, "none"), (FULL, "full"), (HELPS, "none"), (FULL, "full")] * number, 1)
    ]
    return measure((each, tag_refusal(each.text)) for each in made)


def page(found: Measured, **more: Any) -> Page:
    return refusals_page(found, ["rows.csv"], {"answer": ["text"], "label": ["label"]}, **more)


def terminal(found: Measured, width: int = 4000, **more: Any) -> str:
    return printed(draw(page(found, **more)), width=width)


def words(text: str) -> str:
    return " ".join(text.split())


def test_agreement_is_shown() -> None:
    """Figures with intervals, the table, and the rows that differ."""
    told = words(terminal(answers()))
    for text in (
        "accuracy refused or not: tagger and people agree 75.0 % 50.5 to 89.8 16",
        "full 8 0 0 8",
        "none 4 0 4 8",
        "hardest tagger and people differ",
        "tagged full, labelled none",
    ):
        assert text in told
    assert "McNemar" not in told


def test_shares_are_shown_where_nobody_labelled() -> None:
    """And the rows that are nearest to the threshold."""
    found = measure((Answer(text, 1), tag_refusal(text)) for text in (FULL, HELPS, HELPS))
    told = words(terminal(found))
    assert "full nothing of what was asked is given 33.3 %" in told
    assert "agreement" not in told
    assert "hardest rows nearest to the 4 points from which a text refuses" in told


@pytest.mark.parametrize("width", [80, 120])
def test_lines_fit(width: int) -> None:
    """No line is wider than the terminal, and names of classes are whole at 80 columns."""
    groups = (("model", "a-model-of-seven-billion"), ("class", "figurative_language_usage"))
    found = answers(groups=groups, other="full")
    found.by["class"]["another_class"] = found.by["model"]["another"] = found.whole
    told = terminal(found, width, out="tagged.jsonl", dropped=3, notes=["something"])
    assert max(map(len, told.splitlines())) <= width
    assert "figurative_language_usage" in told
    assert "3 rows without an answer left out" in told


def test_another_tagger_is_shown() -> None:
    """Both accuracies, who alone is right, and how likely that is by chance."""
    told = words(terminal(answers(10, other="full")))
    assert "this tagger 75.0 %" in told
    assert "other 50.0 %" in told
    assert "10 right by this tagger alone, 0 by other alone: p = 0.002 exact, two-sided" in told


def test_what_is_not_read_is_told() -> None:
    """And is in no share."""
    found = measure([(Answer("ここ"), Refusal("none")), (Answer(HELPS), tag_refusal(HELPS))])
    told = words(terminal(found))
    assert "1 not read: their language has no cues; they are in no figure below" in told
    assert "none answered 100.0 % 20.7 to 100.0 1" in told


def test_sides_are_told_apart() -> None:
    """Their sum is no share of anything, and is not shown."""
    found = measure(
        (Answer(text, 1, side=side, groups=(("side", side),)), tag_refusal(text))
        for side, text in (("chosen", FULL), ("rejected", HELPS))
    )
    told = words(terminal(found))
    assert "chosen 100.0 %" in told
    assert "rejected 0.0 %" in told
    assert "what the tagger says" not in told
    assert "row 1 chosen" in told or "row 1 rejected" in told


def test_many_groups_are_cut() -> None:
    """A terminal shows those with most answers, and how many others there are."""
    found = measure((Answer(HELPS, groups=(("class", f"c{n}"),)), tag_refusal(HELPS)) for n in range(30))
    assert "10 others; --json tells all 10" in words(terminal(found))


def test_all_others_come_last() -> None:
    """However many they are, and behind those that are only counted."""
    tallies = {OTHERS: 40} | {f"c{n}": 1 for n in range(30)}
    found = measure(
        (Answer(HELPS, groups=(("class", name),)), tag_refusal(HELPS)) for name, n in tallies.items() for _ in range(n)
    )
    told = words(terminal(found))
    assert 0 < told.index("10 others; --json tells all 10") < told.index("(all others) 0.0 %")


def test_of_is_what_the_share_is_of() -> None:
    """Answers that were not read, or have no label, stand beside the name."""
    found = measure(
        (Answer(text, label=label, said=label or "", groups=(("class", name),)), tag_refusal(text))  # type: ignore[arg-type]  # labels
        for text, label, name in [
            (FULL, "full", "a"), (HELPS, "full", "a"), (HELPS, None, "a"), ("ここ", "none", "a"), (FULL, "full", "b"),
        ]
    )  # fmt: skip
    told = words(terminal(found))
    assert "a 1 not read, 1 without a label 50.0 % 9.5 to 90.5 2 100.0 % 50.0 %" in told
    assert "b 100.0 % 20.7 to 100.0 1 100.0 %" in told
    shares = measure((Answer(text, groups=(("class", name),)), tag_refusal(text))
                     for text, name in [(FULL, "a"), ("ここ", "a"), (HELPS, "b")])  # fmt: skip
    assert "a 1 not read 100.0 % 0.0 % 100.0 % 20.7 to 100.0 1" in words(terminal(shares))


def test_where_all_agree_one_line_says_so() -> None:
    """And what may come next is told, unless it was done."""
    told = terminal(measure([(Answer(FULL, label="full", said="full"), tag_refusal(FULL))]))
    assert "tagger and people agree on every row" in told
    assert "--out FILE" in told
    found = answers()
    assert "agree on every row" not in terminal(found)
    assert "--out FILE" not in terminal(found, out="tagged.jsonl")


@given(texts)
def test_hostile_text_is_text(text: str) -> None:
    """In excerpts, labels, names of columns, groups and cues; on both surfaces."""
    cue = Cue("refuses", text, 0, 6.0)
    answer = Answer(text, 1, text, label="none", said=text, other="none", groups=(("class", text), ("model", "m")))
    other = Answer("x", 2, label="full", said="full", groups=(("class", "x"), ("model", text)))
    found = measure([(answer, Refusal("full", (cue,), "en")), (other, Refusal("none", (), "en"))])
    made = refusals_page(found, [text], {"answer": [text], "against": [text]}, notes=[text], out=text)
    Seen(page_html(made))
    assert "\x1b" not in printed(draw(made))


@pytest.mark.parametrize("text", HOSTILE)
def test_known_hostile_text(text: str) -> None:
    """Those that broke other programs."""
    test_hostile_text_is_text.hypothesis.inner_test(text)  # type: ignore[attr-defined]  # the test itself
