"""Draft: when a text answer can be used."""

from __future__ import annotations

import pytest

from constitution.engine import Completion
from constitution.steps.draft import unusable_text


@pytest.mark.parametrize(
    ("completion", "whole", "reason"),
    [
        (Completion("Rest."), True, None),
        (Completion("42"), True, None),
        (Completion("\U0001f642"), True, None),
        (Completion(""), True, "empty"),
        (Completion(" \n\t"), False, "empty"),
        (Completion("..."), True, "empty"),
        (Completion("\u200b\ufeff"), True, "empty"),
        (Completion("", reasoning="Hm."), True, "only_thoughts"),
        (Completion("", finish_reason="length"), True, "empty"),
        (Completion("Half of", finish_reason="length"), True, "truncated"),
        (Completion("Half of", finish_reason="length"), False, None),
        (Completion("Rest.", reasoning="Hm."), True, None),
    ],
)
def test_unusable(completion: Completion, whole: bool, reason: str | None) -> None:
    """Nothing readable is empty, or only thoughts; a cut text cannot be used where it has to be whole."""
    assert unusable_text(completion, whole=whole) == reason
