"""On topic: what a question is about, and whether an answer takes it up."""

from __future__ import annotations

import pytest

from constitution.proof.topic import takes_up


@pytest.mark.parametrize(
    ("question", "text", "on"),
    [
        ("What helps a beginner with juggling?", "Three balls to juggle with.", True),
        ("What helps a beginner with juggling?", "A beginner needs patience.", False),
        ("How do people usually begin with knitting scarves?", "They knit.", True),
        ("Which mistakes are common in table tennis?", "Players hold the paddle wrongly at a vegetable.", False),
        ("Give me some advice on running a marathon.", "Run.", True),
    ],
)
def test_on_topic(question: str, text: str, on: bool) -> None:
    """A content word of the question in any of its forms, at a word's beginning; words of the form do not count."""
    assert takes_up(question, text) == on


def test_a_question_without_content_words_is_taken_up_by_anything() -> None:
    """There is nothing to leave."""
    assert takes_up("What should I do?", "Bananas.")
