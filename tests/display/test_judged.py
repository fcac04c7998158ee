"""Verdicts, scores and agreement as people see them: the same on both surfaces, and hostile text stays text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution import Completion, Constitution, Request, Scores, ScriptedEngine, Verdict
from constitution.display import agreement_blocks, page_html
from constitution.display.blocks import Page
from constitution.display.terminal import draw_blocks
from constitution.display.words import shown
from constitution.errors import RequestRefused
from constitution.steps.agreement import Agreement
from tests.display.seen import Seen, printed
from tests.scripted_judges import PRINCIPLES, judge, oracle
from tests.strategies import HOSTILE, texts

MINE = Constitution(PRINCIPLES)
answers = texts.filter(lambda text: "\0" not in text)


def verdict(a: str = "x", b: str = "y", script: Callable[[Request], Any] = oracle, **way: Any) -> Verdict:
    (found,) = MINE.judge(["u"], [a], [b], model=ScriptedEngine(script), **way)  # type: ignore[misc]  # a list
    assert isinstance(found, Verdict)
    return found


def words(text: str) -> str:
    return " ".join(text.split())


def seen(found: Verdict | Scores) -> tuple[str, str]:
    """What a notebook and a terminal show, spaces folded."""
    return words(Seen(found._repr_html_()).text), words(printed(found, width=4000))


@given(answers, answers, st.sampled_from([{}, {"read": "scoring"}, {"mode": "think"}, {"mode": "text"}]))
def test_hostile_text_is_text(a: str, b: str, way: dict[str, Any]) -> None:
    """Answers stand on both surfaces whole, and make no markup, no attribute and no escape sequence."""
    for told in seen(verdict(a, b, **way)):
        assert words(shown(a)) in told
        assert words(shown(b)) in told


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\0" not in text])
def test_hostile_scores(text: str) -> None:
    """So do answers that are scored, and thoughts of the judge."""
    found = MINE.score("u", text, model=ScriptedEngine(oracle))
    assert isinstance(found, Scores)
    assert all(words(shown(text)) in told for told in seen(found))

    def thinking(request: Request) -> Completion:
        return Completion(f"A {text} Z") if request.stage == "think" else oracle(request)

    thoughts = Seen(verdict(script=thinking, mode="think")._repr_html_())
    assert words(shown(f"A {text} Z")) in words(thoughts.text)
    assert words(shown(f"A {text} Z")) not in words(thoughts.unfolded)


def half(*_: str) -> float:
    return 0.5


def missing(_: Request) -> Completion:
    return Completion("?", logprobs=(None, -1.0))


def refusing(_: Request) -> Completion:
    raise RequestRefused("not <b>this</b>")


SHOWN: dict[str, tuple[Verdict, str]] = {
    "better": (verdict(script=judge(lambda first, _: 0.9 if first == "x" else 0.1)),
               "verdict a is better by the level first p(a) = 0.90, margin +2.20"),
    "tie": (verdict(script=judge(half)), "verdict tie: neither is better"),
    "orders": (verdict(script=judge(lambda first, _: 0.99 if first == "x" else 0.6)), "the two orders differ"),
    "words": (verdict(mode="text", script=judge(lambda first, _: 0.9 if first == "x" else 0.1)),
              "verdict a is better by the level first tokens"),
    "unreadable": (verdict(script=missing), "verdict unreadable: the judge's verdict cannot be read"),
    "failed": (verdict(script=refusing), "verdict failed: RequestRefused (judge, asked once): not <b>this</b>"),
    "same": (verdict("x", "x."), "verdict tie: neither is better"),
}  # fmt: skip


@pytest.mark.parametrize(("found", "expected"), SHOWN.values(), ids=SHOWN.keys())
def test_what_became_of_it(found: Verdict, expected: str) -> None:
    """Both surfaces say it in the same words."""
    for told in seen(found):
        assert expected in told


def test_principles() -> None:
    """Each has its row: what it says, how sure, whether the orders agree, and its text."""
    _, told = seen(verdict(script=judge(lambda first, _: 0.9 if first == "x" else 0.1)))
    assert "principle says p(a) orders kind a 0.90 agree Be kind. short a 0.90 agree Be short." in told
    _, told = seen(verdict(script=judge(lambda *_: 0.9)))
    assert "kind tie 0.50 differ Be kind." in told
    scored = MINE.score("u", "x", model=ScriptedEngine(judge(half, lambda _: 0.25)))
    assert isinstance(scored, Scores)
    assert "kind 0.25 Be kind. short 0.25 Be short." in seen(scored)[1]


def test_a_function_has_no_principles() -> None:
    """No empty table stands there."""
    found = MINE.judge("u", "xx", "y", judge=lambda _, responses: [len(text) for text in responses])
    assert isinstance(found, Verdict)
    assert all("principle" not in told and "a is better p(a) = 0.73, margin +1.00" in told for told in seen(found))


def agreed(found: Agreement) -> tuple[str, str]:
    blocks = agreement_blocks(found)
    return words(Seen(page_html(Page((), blocks))).text), words(printed(draw_blocks(blocks), width=4000))


def test_agreement() -> None:
    """One line with the interval, and a table that adds up."""
    found = Agreement(agree=60, disagree=20, tie=10, inconsistent=5, unreadable=1, people_tie=4, both_tie=3)
    for told in agreed(found):
        assert "agreement 75.0 % (64.5 to 83.2) of 80 pairs that both decided; 100 in all" in told
        assert "agree 60" in told
        assert "people tie 4 people find neither better; so does it for 3" in told
        assert "all 100" in told
        assert "not judged" not in told
    assert all("no pair that both people and the judge decided" in told for told in agreed(Agreement(tie=3)))
