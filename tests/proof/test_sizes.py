"""What sizes tell, by formula, against exact counts and against drawn studies, judged as the proof judges."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from math import exp, lgamma, log, log1p, sqrt
from pathlib import Path
from random import Random
from statistics import fmean

import pytest
from benchmarks.sizes import EACH, MCNEMAR, STAYS, TOLD, Row, answers, checked, claimed, learned, rows
from hypothesis import given
from hypothesis import strategies as st

from constitution.intervals import share
from constitution.proof import paired
from constitution.proof.sizes import POWER, Accuracy, Answers, Design, TwoWays, in_each, pairs_for_one

DRAWN = Path(__file__).parents[2] / "docs" / "sizes.json"
STUDIES = 150
NEAR = 0.1
"""Three standard errors of a share of 0.8 in so many studies."""
SHORT = Answers(60, 2, 0.45, 0.3, 0.5)
OTHERS = (Accuracy(200), Accuracy(200, 0.6), TwoWays(200, 0.4))

designs = st.builds(
    Answers, st.integers(60, 500), st.integers(1, 8), st.floats(0.2, 0.7), st.floats(0, 0.6), st.floats(0, 0.6),
    st.booleans(),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paired, "DRAWS", 200)


def _told(design: Design, times: float = 1.0) -> float:
    """Share of drawn studies that tell so many times the smallest difference."""
    row, draw = Row(TOLD, design), Random(7)
    return fmean(claimed(row, times * row.difference, draw) for _ in range(STUDIES))


@pytest.mark.parametrize("design", [SHORT, *OTHERS], ids=str)
def test_four_studies_of_five_tell_it(design: Design) -> None:
    """By the statistics of the proof itself."""
    assert _told(design) == pytest.approx(POWER, abs=NEAR)


@pytest.mark.parametrize("design", [SHORT, *OTHERS], ids=str)
@pytest.mark.parametrize("times", [sqrt(2), 1 / sqrt(2)], ids=["too large", "too small"])
def test_a_formula_off_by_the_root_of_two_is_seen(design: Design, times: float) -> None:
    """So the test before this one can fail: one arm's variance for two, or answers counted for prompts."""
    assert abs(_told(design, times) - POWER) > NEAR


def test_where_nothing_differs_little_is_told() -> None:
    """One study in twenty, and a few more by chance; one that shows a limit which is reached is as rare."""
    assert checked(Row(TOLD, SHORT), STUDIES)["claimed_wrongly"] < 0.12
    stays = checked(Row(STAYS, replace(SHORT, shared=0.0)), STUDIES)
    assert stays["claimed"] == pytest.approx(POWER, abs=NEAR)
    assert stays["claimed_wrongly"] < 0.08


@pytest.mark.parametrize("n", [200, 438, 2312])
@pytest.mark.parametrize("target", [0.5, 0.6])
def test_an_accuracy_is_told_by_exact_count(n: int, target: float) -> None:
    """Over every number of right answers, with Wilson's interval."""
    right = target + Accuracy(n, target).smallest()
    ends = [share(found, n) for found in range(n + 1)]
    above = {found for found, end in enumerate(ends) if end and end.low > target}
    apart = above | {found for found, end in enumerate(ends) if end and end.high < target}
    assert sum(_chance(n, found, right) for found in above) == pytest.approx(POWER, abs=0.025)
    assert sum(_chance(n, found, target) for found in apart) == pytest.approx(0.05, abs=0.012)


def _chance(n: int, found: int, right: float) -> float:
    """Of so many right answers; by logarithms, since floats do not reach so far."""
    ways = lgamma(n + 1) - lgamma(found + 1) - lgamma(n - found + 1)
    return exp(ways + found * log(right) + (n - found) * log1p(-right))


@given(designs)
def test_the_smallest_lies_its_standard_errors_away(design: Answers) -> None:
    """1.960 + 0.842 of them, by the tables of the normal distribution; nothing smaller does."""
    found = design.smallest()
    assert found / design.error(found) == pytest.approx(2.8016, abs=1e-3)
    assert 0.9 * found / design.error(0.9 * found) < 2.8016


@given(designs)
def test_more_is_told_by_more(design: Answers) -> None:
    """More prompts, more answers, prompts that matter less or are shared more never need a larger difference."""
    found = design.smallest() + 1e-9
    assert replace(design, prompts=2 * design.prompts).smallest() < found
    assert replace(design, each=design.each + 1).smallest() <= found
    assert replace(design, rho=0.0).smallest() <= replace(design, shared=0.0).smallest() + 1e-9
    assert found <= replace(design, shared=0.0).smallest() + 2e-9


def test_by_hand() -> None:
    """Two models with 360 independent answers each; 2.8016^2 = 7.849."""
    before, after = 0.45, 0.45 + Answers(180, 2, 0.45).smallest()
    assert (after - before) ** 2 == pytest.approx(7.849 * (before * (1 - before) + after * (1 - after)) / 360, rel=1e-3)
    assert TwoWays(200, 0.4).smallest() ** 2 == pytest.approx(7.849 * (0.4 - 0.1233**2) / 200, rel=1e-3)
    assert Answers(180, 2, 0.3).stays() == pytest.approx((1.95996 + 1.28155) * sqrt(2 * 0.21 / 360), rel=1e-4)
    by = Accuracy(438, 0.6).smallest()
    half = 1.95996 * sqrt(0.24) + 0.84162 * sqrt((0.6 + by) * (0.4 - by))
    assert by == pytest.approx(half / sqrt(438), rel=1e-4)


def test_what_both_models_share_is_taken_off() -> None:
    """Half of rho 0.3 is as much as two answers to a prompt lose by it: 0.3 + 0.7 / 2 - 0.5 x 0.3 = 1 / 2."""
    assert Answers(180, 2, 0.45, 0.3, 0.5).error(0) == pytest.approx(Answers(180, 2, 0.45).error(0))


def test_falling_is_rising_of_the_others() -> None:
    """Of answers that break the principle."""
    assert Answers(180, 2, 0.9, 0.3, falls=True).smallest() == pytest.approx(Answers(180, 2, 0.1, 0.3).smallest())


def test_each_of_several() -> None:
    """Independent ones together have the power that was asked for."""
    assert in_each(3) ** 3 == pytest.approx(POWER)


@pytest.mark.parametrize("design", [Answers(40, 1, 0.9), Accuracy(16, 0.9), TwoWays(10, 0.1)], ids=str)
def test_sizes_that_tell_nothing_say_so(design: Design) -> None:
    """Not even the largest difference there can be."""
    with pytest.raises(ValueError, match="take more"):
        design.smallest()


def test_drawn_answers_are_what_was_said() -> None:
    """Their shares, how two of one prompt and one model correlate, and how the two models do."""
    design, true = Answers(40_000, 2, 0.45, 0.3, 0.5), 0.1
    before, after = ([value for _, value in side] for side in answers(design, true, Random(3)))
    assert fmean(before) == pytest.approx(0.45, abs=0.01)
    assert fmean(after) == pytest.approx(0.55, abs=0.01)
    assert _correlation(before[::2], before[1::2]) == pytest.approx(0.3, abs=0.02)
    assert _correlation(after[::2], after[1::2]) == pytest.approx(0.3, abs=0.02)
    assert _correlation(before[::2], after[1::2]) == pytest.approx(0.3 * 0.5, abs=0.02)


def _correlation(first: list[float], second: list[float]) -> float:
    one, other = fmean(first), fmean(second)
    both = fmean(a * b for a, b in zip(first, second, strict=True)) - one * other
    return both / sqrt(one * (1 - one) * other * (1 - other))


@pytest.mark.parametrize(("flipped", "pairs"), [(0.0, 1.0), (0.25, 4.0), (0.4, 25.0)])
def test_pairs_for_one_clean_pair(flipped: float, pairs: float) -> None:
    """One over the square of the signal that is left."""
    assert pairs_for_one(flipped) == pytest.approx(pairs)


@pytest.mark.parametrize("flipped", [-0.1, 0.5, 0.7])
def test_labels_without_signal_are_refused(flipped: float) -> None:
    """No number of pairs makes up for them."""
    with pytest.raises(ValueError, match="below"):
        pairs_for_one(flipped)


def test_four_times_the_pairs_make_up_for_a_quarter_flipped() -> None:
    """At the first step of learning; twice as many do not."""
    clean, noisy, twice, fourfold = (
        fmean(learned(pairs, flipped, 0.0, 1, Random(seed)) for seed in range(12))
        for pairs, flipped in ((120, 0.0), (120, 0.25), (240, 0.25), (480, 0.25))
    )
    assert fourfold == pytest.approx(clean, abs=0.015)
    assert noisy < twice < clean - 0.03


def test_what_was_drawn_is_what_the_formulas_say_today() -> None:
    """Row by row; if not, `python -m benchmarks.sizes --studies 2000 --out docs/sizes.json`, then `make docs`."""
    drawn = json.loads(DRAWN.read_text("utf-8"))["rows"]
    for row, found in zip(rows(), drawn, strict=True):
        assert (found["claim"], found["design"]) == (row.claim, type(row.design).__name__)
        assert found["sizes"] == asdict(row.design)
        assert found["difference"] == pytest.approx(row.difference, rel=1e-9)


def test_the_table_can_be_drawn_again() -> None:
    """One row of judged pairs, with the settings that stand beside it: the same numbers to the last digit."""
    drawn = json.loads(DRAWN.read_text("utf-8"))
    row = Row(TOLD, Accuracy(200, 0.6))
    assert checked(row, drawn["studies"]) in drawn["rows"]


def test_the_table_holds() -> None:
    """Every row came out near what was computed."""
    for row in json.loads(DRAWN.read_text("utf-8"))["rows"]:
        assert row["claimed"] == pytest.approx(POWER, abs=0.05), row
        assert row["claimed_wrongly"] < {TOLD: 0.075, EACH: 0.01, STAYS: 0.04, MCNEMAR: 0.06}[row["claim"]], row
