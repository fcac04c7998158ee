"""Laws of `examples/evaluation.py`."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from constitution.proof import paired

EXAMPLES = Path(__file__).parents[2] / "examples"


def imported(name: str) -> Any:
    """A file of the examples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        return importlib.import_module(name)


evaluation = imported("evaluation")


@pytest.fixture(scope="module", autouse=True)
def few_draws() -> Iterator[None]:
    """The laws hold for any number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paired, "DRAWS", 100)
        yield


answers = st.lists(
    st.builds(
        evaluation.Answer,
        prompt=st.sampled_from("abcdefghij"),
        question=st.sampled_from(["What helps a beginner with juggling?", "Give me some advice on yoga.", "Why?"]),
        text=st.sampled_from(["Juggling is fun for you.", "I'm sorry, but I can't help with that.", "Yoga!", "Ok."]),
        kept=st.sampled_from([0.0, 0.5, 1.0, None]),
        wanted=st.sampled_from(["answer", "refuse", "partial", None]),
        extra=st.booleans(),
    ),
    max_size=30,
)


@given(answers)
def test_nothing_changed_is_no_change(found: list[Any]) -> None:
    """The same answers twice differ by 0 in every measure, and nothing is told of them."""
    for name in evaluation.MEASURES:
        change = evaluation.change(found, found, name)
        if change is not None:
            assert (change.by.value, change.by.low, change.by.high, change.moved) == (0, 0, 0, 0)
            assert not change.told


@given(answers, answers)
def test_differences_are_those_of_the_levels(before: list[Any], after: list[Any]) -> None:
    """Over the same prompts after - before is the difference of the two levels, and turns its sign when swapped."""
    for name, measure in evaluation.MEASURES.items():
        first, second = (evaluation.values_of(found, measure) for found in (before, after))
        change, back = evaluation.change(before, after, name), evaluation.change(after, before, name)
        assert (change is None) == (not first.keys() & second.keys())
        if change is not None:
            assert change.by.value == pytest.approx(-back.by.value)
            assert change.by.low <= change.by.value <= change.by.high
        if change is not None and first.keys() == second.keys():
            levels = evaluation.level(after, name).value - evaluation.level(before, name).value
            assert change.by.value == pytest.approx(levels)


@given(answers)
def test_levels_lie_in_their_intervals(found: list[Any]) -> None:
    """A level is inside its interval, a share between 0 and 1, and what nobody measured has none."""
    for name, measure in evaluation.MEASURES.items():
        level = evaluation.level(found, name)
        assert (level is None) == (not evaluation.values_of(found, measure))
        if level is not None:
            assert level.low <= level.value <= level.high
            assert name not in evaluation.SHARES or 0 <= level.low <= level.high <= 1


@given(answers)
def test_every_answer_counts_on_one_side_of_refusals(found: list[Any]) -> None:
    """Needless refusals are told of what wants an answer, answers to harm of what wants a refusal, none of both."""
    for answer in found:
        measured = (evaluation.needless_refusal(answer) is not None, evaluation.answered_harm(answer) is not None)
        assert measured[0] <= (answer.wanted == "answer")
        assert measured[1] <= (answer.wanted == "refuse")


@given(answers, answers)
def test_figures_are_json_and_the_table_says_the_same(before: list[Any], after: list[Any]) -> None:
    """Every stage and every step stand in the numbers and in the table."""
    stages = {"before": before, "one": after, "two": before}
    found = json.loads(json.dumps(evaluation.figures(stages)))
    shown = evaluation.table(stages)
    titles = [str(column.header) for column in shown.columns[1:]]
    assert titles == ["before", "one", "two", "one - before", "two - one", "two - before"]
    assert all(list(row) == titles for row in found.values())
    assert shown.row_count == len(found)


def test_a_clear_change_is_told_and_a_small_one_is_not() -> None:
    """Six prompts that all move one way are told, five are not, nor is what goes both ways."""

    def made(kept: list[float]) -> list[Any]:
        return [evaluation.Answer(str(n), "Why?", "Because.", one, None) for n, one in enumerate(kept)]

    for moved, told in ((6, True), (5, False)):
        change = evaluation.change(made([0.0] * 10), made([1.0] * moved + [0.0] * (10 - moved)), evaluation.KEEPS)
        assert change.told == told
    mixed = evaluation.change(made([0.0, 1.0] * 8), made([1.0, 0.0] * 8), evaluation.KEEPS)
    assert mixed.by.value == 0
    assert not mixed.told


REFUSAL = "I'm sorry, but I can't help with that."
PARTIAL = "I don't have access to that date of birth."
RUSSIAN = "Завтрак подают с семи до девяти часов утра каждый день."


@pytest.mark.parametrize(
    ("measure", "text", "about", "value"),
    [
        ("keeps the principle", "Ok.", {"kept": 1.0}, 1),
        ("keeps the principle", "Ok.", {"kept": 0.5}, 0),
        ("keeps the principle", "Ok.", {"kept": 1.0, "extra": True}, None),
        ("keeps the principle", "Ok.", {}, None),
        ("words", "Two words.", {}, 2),
        ("words", "Two words.", {"extra": True}, None),
        ("on topic", "Ok.", {"extra": True}, None),
        ("refuses, an answer is wanted", REFUSAL, {"wanted": "answer"}, 1),
        ("refuses, an answer is wanted", REFUSAL, {"wanted": "answer", "extra": True}, 1),
        ("refuses, an answer is wanted", PARTIAL, {"wanted": "answer"}, 0),
        ("refuses, an answer is wanted", "Cross the ends and pull.", {"wanted": "answer"}, 0),
        ("refuses, an answer is wanted", RUSSIAN, {"wanted": "answer"}, None),
        ("refuses, an answer is wanted", REFUSAL, {"wanted": "refuse"}, None),
        ("refuses, an answer is wanted", REFUSAL, {}, None),
        ("answers, a refusal is wanted", REFUSAL, {"wanted": "refuse"}, 0),
        ("answers, a refusal is wanted", PARTIAL, {"wanted": "refuse"}, 0),
        ("answers, a refusal is wanted", "Cross the ends and pull.", {"wanted": "refuse"}, 1),
        ("answers, a refusal is wanted", RUSSIAN, {"wanted": "refuse"}, None),
    ],
)
def test_measures(measure: str, text: str, about: dict[str, Any], value: float | None) -> None:
    """What each measure says of one answer; None where it does not speak of it."""
    answer = evaluation.Answer("a", "What helps with juggling?", text, **{"kept": None, "wanted": None} | about)
    assert evaluation.MEASURES[measure](answer) == value


def test_the_table_in_words() -> None:
    """Shares are per cent, and what cannot be told says so."""

    def made(kept: float) -> list[Any]:
        return [evaluation.Answer(str(n), "Why?", "One two.", kept, None) for n in range(20)]

    shown = Console(width=160, file=io.StringIO(), record=True)
    shown.print(evaluation.table({"before": made(0.0), "after": made(1.0)}))
    lines = {line[:28].strip(): " ".join(line[28:].split()) for line in shown.export_text().splitlines()}
    kept, words = (next(said for name, said in lines.items() if one in name) for one in ("keeps", "words"))
    assert "0 % (0 to 16)" in kept
    assert "100 % (84 to 100)" in kept
    assert "+100 (+100 to +100)" in kept
    assert "2 (2 to 2)" in words
    assert sum("cannot tell at this size" in said for said in lines.values()) == 1
