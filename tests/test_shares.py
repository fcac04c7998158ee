"""Shares of a mix: exact, nested, and never more than there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.errors import SettingsError
from constitution.shares import check_weights, shares

parts = st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0.5, 1.0, 2.0, 3.0, 7.5])), min_size=1, max_size=5)


@given(parts, st.integers(1, 120))
def test_a_larger_mix_contains_the_smaller(parts: list[tuple[int, float]], total: int) -> None:
    """One more place goes to exactly one part, and no part ever gives back."""
    counts, weights = zip(*parts, strict=True)
    less, more = shares(counts, weights, total), shares(counts, weights, total + 1)
    assert sum(less) == min(total, sum(counts))
    assert sum(more) - sum(less) in (0, 1)
    assert all(a <= b <= count for a, b, count in zip(less, more, counts, strict=True))


@given(st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.0, 7.5]), min_size=1, max_size=5), st.integers(1, 200))
def test_shares_are_kept(weights: list[float], total: int) -> None:
    """Where nothing runs short, each part is within one place of its exact share for each other part."""
    taken = shares([total] * len(weights), weights, total)
    for number, weight in zip(taken, weights, strict=True):
        assert abs(number - total * weight / sum(weights)) < len(weights)


@given(parts)
def test_largest_mix_of_exact_shares(parts: list[tuple[int, float]]) -> None:
    """Without a total the mix is the nested one of its size, one part is used up, and one more place would hurt it."""
    counts, weights = zip(*parts, strict=True)
    taken = shares(counts, weights)
    assert any(number == count for number, count in zip(taken, counts, strict=True))
    total = sum(taken)
    if total:
        endless = shares([total + 5] * len(counts), weights, total)
        assert all(number <= count for number, count in zip(endless, counts, strict=True))
        assert sum(endless) == total


def test_known_shares() -> None:
    """Two to one of nine is six and three; a small part ends the exact mix."""
    assert shares([100, 100], [2, 1], 9) == (6, 3)
    assert shares([100, 2], [2, 1], 9) == (7, 2)
    assert shares([100, 2], [2, 1]) == (5, 2)
    assert shares([0, 5], [1, 1]) == (0, 0)


@pytest.mark.parametrize(
    ("weights", "message"), [([1.0], "1 weights for 2 runs"), ([1.0, 0.0], "not above 0"), ([1.0, float("nan")], "nan")]
)
def test_weights_refused(weights: list[float], message: str) -> None:
    """Weights must be as many as the parts, and above 0."""
    with pytest.raises(SettingsError, match=message):
        check_weights(weights, 2, "runs")
