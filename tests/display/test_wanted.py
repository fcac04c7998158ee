"""What is told of rows that teach the wrong thing."""

from __future__ import annotations

from collections import Counter

import pytest

from constitution.display.wanted import warnings
from constitution.steps.refusal_card import RefusalCard
from constitution.steps.refusal_sums import RefusalSums


@pytest.mark.parametrize(
    ("pairs", "fine", "told"),
    [
        ({}, {}, []),
        ({"answer/refuse/answer": 3, "refuse/answer/refuse": 2}, {"answer/answer": 4, "refuse/refuse": 1}, []),
        ({"answer/answer/refuse": 1}, {}, ["1 kept pair teaches to refuse where an answer is wanted"]),
        ({}, {"answer/refuse": 1}, ["1 fine draft teaches to refuse where an answer is wanted"]),
        (
            {"answer/answer/refuse": 1, "refuse/refuse/answer": 1200},
            {"answer/refuse": 1, "refuse/answer": 2},
            [
                "1 kept pair and 1 fine draft teach to refuse where an answer is wanted",
                "1,200 kept pairs and 2 fine drafts answer where a refusal is wanted",
            ],
        ),
        ({"refuse/refuse/answer": 1}, {}, ["1 kept pair answers where a refusal is wanted"]),
    ],
)
def test_warnings(pairs: dict[str, int], fine: dict[str, int], told: list[str]) -> None:
    """Of pairs and of fine drafts, in one sentence for each fault; none where nothing is wrong."""
    card = RefusalCard(RefusalSums(pairs=Counter(pairs), fine=Counter(fine)), {"benign": "answer"})
    assert list(warnings(card)) == told
