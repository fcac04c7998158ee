"""The intervals against what they are by definition, and against what they promise."""

from __future__ import annotations

from math import comb, sqrt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution.examination.intervals import BINS, calibration, difference, share
from constitution.intervals import Z

scores = st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=60)
units = st.lists(st.floats(0, 1), min_size=1, max_size=60)


def test_of_nothing_nothing_is_said() -> None:
    """No number is made up."""
    assert share([]) is None
    assert difference([]) is None
    assert calibration([]) is None


@given(units)
def test_a_share_lies_in_its_interval(values: list[float]) -> None:
    """Which lies between 0 and 1."""
    found = share(values)
    assert found is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.n == len(values)


@given(st.integers(1, 300), st.data())
def test_a_share_has_wilsons_ends(n: int, data: st.DataObject) -> None:
    """Each end is a share that lies Z of its own standard errors from what was seen."""
    right = data.draw(st.integers(0, n))
    found = share([1.0] * right + [0.0] * (n - right))
    assert found is not None
    for end in (found.low, found.high):
        if 0 < end < 1:
            assert abs(found.value - end) == pytest.approx(Z * sqrt(end * (1 - end) / n), abs=1e-9)


@pytest.mark.parametrize("n", [30, 200, 438])
def test_a_share_covers(n: int) -> None:
    """Of all samples of n pairs, 95 of a hundred give an interval that holds the true share, by exact count."""
    ends = [share([1.0] * right + [0.0] * (n - right)) for right in range(n + 1)]
    covered = []
    for p in [place / 40 for place in range(4, 37)]:
        chance = [comb(n, right) * p**right * (1 - p) ** (n - right) for right in range(n + 1)]
        covered.append(sum(c for c, found in zip(chance, ends, strict=True) if found and found.low <= p <= found.high))
    assert min(covered) > 0.92
    assert sum(covered) / len(covered) == pytest.approx(0.95, abs=0.01)


@given(scores)
def test_ties_never_make_a_share_surer(values: list[float]) -> None:
    """Its interval is that of zeros and ones with the same mean, which vary more."""
    n = len(values)
    found = share(values)
    assert found is not None
    centre = (found.value + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * sqrt(found.value * (1 - found.value) / n + Z * Z / (4 * n * n))
    assert found.high - found.low == pytest.approx(2 * half, abs=1e-9)
    assert (found.low + found.high) / 2 == pytest.approx(centre, abs=1e-9)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=60))
def test_a_difference_is_the_mean_of_differences(pairs: list[tuple[float, float]]) -> None:
    """Inside its interval; the other way round it is the negative, and so is the interval."""
    found, turned = difference(pairs), difference([(b, a) for a, b in pairs])
    assert found is not None
    assert turned is not None
    assert found.value == pytest.approx(sum(a - b for a, b in pairs) / len(pairs))
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert turned.low == pytest.approx(-found.high)
    assert turned.high == pytest.approx(-found.low)


def test_a_difference_has_the_ends_of_agresti_and_min() -> None:
    """Computed by hand: 40 pairs, 12 right only before, 5 right only after, half a pair added to each cell."""
    pairs = [(1.0, 0.0)] * 12 + [(0.0, 1.0)] * 5 + [(1.0, 1.0)] * 15 + [(0.0, 0.0)] * 8
    n, b, c = 42, 12.5, 5.5
    middle, half = (b - c) / n, Z * sqrt(b + c - (b - c) ** 2 / n) / n
    found = difference(pairs)
    assert found is not None
    assert found.low == pytest.approx(middle - half)
    assert found.high == pytest.approx(middle + half)


def test_pairs_that_are_all_alike_leave_room() -> None:
    """No interval has width 0, however alike the pairs are."""
    for pairs in ([(1.0, 1.0)] * 20, [(1.0, 0.0)] * 20):
        found = difference(pairs)
        assert found is not None
        assert found.high - found.low > 0.05


def test_a_difference_covers() -> None:
    """Of 400 samples of 120 pairs, about 95 of a hundred give an interval that holds the true difference."""
    chance = Random(7)
    held = 0
    for _ in range(400):
        pairs = [chance.choices([(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.0, 0.0)], [3, 1, 4, 2])[0] for _ in range(120)]
        found = difference(pairs)
        held += found is not None and found.low <= 0.2 <= found.high
    assert 0.92 <= held / 400 <= 0.98


@settings(max_examples=20)
@given(units)
def test_calibration_is_what_its_definition_says(ps: list[float]) -> None:
    """Bin by bin, the slow way; 0 to 1/2, and 1 only for a judge that is sure and wrong."""
    bins: dict[int, list[float]] = {}
    for p in ps:
        bins.setdefault(min(BINS - 1, int((max(p, 1 - p) - 0.5) * 2 * BINS)), []).append(p)
    error = 0.0
    for inside in bins.values():
        right = sum(0.5 if p == 0.5 else p > 0.5 for p in inside) / len(inside)
        sure = sum(max(p, 1 - p) for p in inside) / len(inside)
        error += len(inside) / len(ps) * abs(right - sure)
    found = calibration(ps)
    assert found is not None
    assert found.value == pytest.approx(error, abs=1e-9)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_calibration_of_judges_that_are_known() -> None:
    """Sure and right: 0. Sure and wrong: 1. As sure as it is right: near 0. Again the same."""
    assert calibration([1.0] * 50) == calibration([1.0] * 50)
    sure, wrong, fair = calibration([1.0] * 50), calibration([0.0] * 50), calibration(([0.75] * 3 + [0.25]) * 100)
    assert sure is not None
    assert wrong is not None
    assert fair is not None
    assert (sure.value, wrong.value) == (0, 1)
    assert fair.value == pytest.approx(0)
