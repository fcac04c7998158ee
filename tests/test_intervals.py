"""Intervals of shares, means and correlations, held against other ways to compute them."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import atanh, comb, erfc, isclose, sqrt, tanh

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.intervals import FEWEST, Interval, Z, correlation, mcnemar, mean, share

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


@pytest.mark.parametrize(("low", "high", "holds"), [(-0.1, 0.1, True), (0.0, 0.1, True), (-0.1, 0.0, True),
                                                    (0.01, 0.1, False), (-0.1, -0.01, False)])  # fmt: skip
def test_whether_an_interval_holds_zero(low: float, high: float, *, holds: bool) -> None:
    """Its ends belong to it."""
    assert Interval((low + high) / 2, low, high, 9).holds_zero is holds


parted = st.tuples(st.integers(0, 60), st.integers(0, 60))


@given(parted)
def test_mcnemar_is_a_sum_over_all_splits(counts: tuple[int, int]) -> None:
    """The probability of every split at least as unequal, one by one, in fractions."""
    one, other = counts
    n = one + other
    chance = sum(
        (Fraction(comb(n, k), 2**n) for k in range(n + 1) if abs(n - 2 * k) >= abs(one - other)), start=Fraction(0)
    )
    assert mcnemar(one, other) == pytest.approx(float(chance), rel=1e-12)
    assert mcnemar(other, one) == mcnemar(one, other)


@pytest.mark.parametrize("each", [0, 1, 7, 3000])
def test_what_is_equal_has_no_reason_to_differ(each: int) -> None:
    """Nothing speaks against both being right equally often."""
    assert mcnemar(each, each) == 1.0


@pytest.mark.parametrize("n", [2, 11, 500, 6001])
def test_it_falls_as_the_counts_part(n: int) -> None:
    """Of the same number of pairs, a more unequal split is always less probable; never less than 0."""
    found = [mcnemar(n // 2 + step, n - n // 2 - step) for step in range(min(n // 2, 60) + 1)]
    assert all(0 < later < earlier for earlier, later in itertools.pairwise(found[1:]))
    assert found[0] == 1.0


def test_thousands_of_pairs_are_no_trouble() -> None:
    """Near the normal distribution where that is near, the least odds where it is not, 0 below what a number holds."""
    assert mcnemar(5196, 4804) == pytest.approx(erfc((392 - 1) / sqrt(2 * 10_000)), rel=1e-2)
    assert mcnemar(1000, 0) == pytest.approx(2.0**-999, rel=1e-12)
    assert mcnemar(9000, 0) == 0.0


def test_mcnemar_as_text_books_have_it() -> None:
    """Computed by hand: 1 of 6, (1 + 6) * 2 / 64; and 5 of 20, from tables of the binomial."""
    assert mcnemar(1, 5) == 0.21875
    assert mcnemar(15, 5) == pytest.approx(0.0414, abs=5e-5)
