"""Intervals of shares, means and correlations, held against other ways to compute them."""

from __future__ import annotations

from math import atanh, comb, isclose, sqrt, tanh

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.intervals import FEWEST, Z, correlation, mean, share

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts)
def test_a_share_lies_in_its_interval(count: tuple[int, int]) -> None:
    """Between 0 and 1, and no interval of a part has no width."""
    found = share(*count)
    assert found is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    assert found.n == count[1]


@given(counts)
def test_its_ends_are_those_of_the_score_test(count: tuple[int, int]) -> None:
    """At each end the share that was seen lies Z standard errors away: what Wilson's interval is."""
    found = share(*count)
    assert found is not None
    for end in (found.low, found.high):
        if 1e-9 < end < 1 - 1e-9:
            assert isclose(abs(found.value - end), Z * sqrt(end * (1 - end) / found.n), rel_tol=1e-6)


@pytest.mark.parametrize("p", [0.02, 0.3, 0.5, 0.8])
def test_it_covers(p: float) -> None:
    """Of samples of 50 it holds the true share in more than 92 of a hundred."""
    covered = 0.0
    for k in range(51):
        found = share(k, 50)
        assert found is not None
        covered += comb(50, k) * p**k * (1 - p) ** (50 - k) * (found.low <= p <= found.high)
    assert covered > 0.92


def test_nothing_has_no_interval() -> None:
    """No pairs, no number."""
    assert share(0, 0) is None
    assert mean(0.0, 0) is None
    assert correlation(0, 0, 0, 0) is None


numbers = st.lists(st.tuples(st.integers(-100, 100), st.integers(-100, 100)), min_size=FEWEST, max_size=60)


@given(numbers)
def test_a_correlation_is_that_of_pairs_taken_both_ways_round(pairs: list[tuple[int, int]]) -> None:
    """Pearson's, with Fisher's interval, of every pair and its negative."""
    both = [*pairs, *((-x, -y) for x, y in pairs)]
    squares = sum(x * x for x, _ in pairs), sum(y * y for _, y in pairs)
    found = correlation(*squares, sum(x * y for x, y in pairs), len(pairs))
    spread = sqrt(sum(x * x for x, _ in both) * sum(y * y for _, y in both))
    if found is None:
        assert spread == 0
        return
    value = sum(x * y for x, y in both) / spread
    assert isclose(found.value, value, abs_tol=1e-9)
    assert -1 <= found.low <= found.value <= found.high <= 1
    if abs(value) < 0.999:
        half = Z / sqrt(len(pairs) - 3)
        assert isclose(found.low, tanh(atanh(value) - half), abs_tol=1e-6)
        assert isclose(found.high, tanh(atanh(value) + half), abs_tol=1e-6)
