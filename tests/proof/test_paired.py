"""Statistics by prompt."""

from __future__ import annotations

import pytest

from constitution.proof import paired
from constitution.proof.paired import bootstrap, by_prompt, difference


def test_the_bootstrap_is_as_wide_as_theory_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 400 coins the interval of the mean is that of the normal distribution, and lies on both sides."""
    monkeypatch.setattr(paired, "DRAWS", 2000)
    found = bootstrap([0.0, 1.0] * 200)
    assert found.low == pytest.approx(0.451, abs=0.006)
    assert found.high == pytest.approx(0.549, abs=0.006)


def test_answers_to_one_prompt_count_as_one() -> None:
    """The mean of a prompt's answers, then of prompts: many answers to one prompt weigh no more."""
    found = by_prompt([("a", 1.0), ("a", 0.0), ("b", 1.0), ("c", None)])
    assert found == {"a": 0.5, "b": 1.0}


def test_a_difference_is_of_prompts_that_have_both() -> None:
    """A prompt that one side lacks is left out, and nothing in common is no difference."""
    found = difference({"a": 0.0, "b": 1.0}, {"b": 0.5, "c": 1.0})
    assert found is not None
    assert (found.by.value, found.by.n, found.moved) == (-0.5, 1, 1)
    assert difference({"a": 0.0}, {"b": 0.0}) is None
