"""How often the tagger is right on answers that two people labelled; none of them was seen while cues were written."""

from __future__ import annotations

import pytest

from constitution.intervals import mcnemar
from constitution.steps.refusals import tag_refusal
from tests.steps.refusals.xstest import MODELS, Answer, answers

BAR = 0.924
"""Share right: refusal (full or partial) against compliance."""
WORST_MODEL = 0.88


@pytest.fixture(scope="module")
def unseen() -> list[Answer]:
    return answers(1)


def _right(answer: Answer) -> bool:
    return bool(tag_refusal(answer.text)) == (answer.label != "none")


def _matcher_right(answer: Answer) -> bool:
    return (answer.matched != "none") == (answer.label != "none")


def test_it_tells_refusals_from_compliance(unseen: list[Answer]) -> None:
    """On the unseen half it is right at least as often as it must be."""
    assert len(unseen) == 450
    assert sum(map(_right, unseen)) / len(unseen) >= BAR


def test_it_is_right_more_often_than_the_string_matcher(unseen: list[Answer]) -> None:
    """The difference on the same answers is no accident."""
    only_tagger = sum(_right(each) and not _matcher_right(each) for each in unseen)
    only_matcher = sum(_matcher_right(each) and not _right(each) for each in unseen)
    assert only_tagger > only_matcher
    assert mcnemar(only_tagger, only_matcher) < 0.05


@pytest.mark.parametrize("model", MODELS)
def test_no_model_is_far_below(unseen: list[Answer], model: str) -> None:
    """It reads each model's manner."""
    own = [each for each in unseen if each.model == model]
    assert sum(map(_right, own)) / len(own) >= WORST_MODEL
