"""Verdicts: numbers out of reads, clamps, bands, levels, scores; what cannot be read is never a number."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product
from math import exp, inf, isfinite, log, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.verdicts import (
    BAND,
    EQUAL,
    Judged,
    Opinion,
    Read,
    Reading,
    Scored,
    Verdict,
    opinions,
    opinions_of_scores,
    rank_of,
    scores,
    sigmoid,
    verdict,
)
from tests.judges import read_numbers, readings

UNREADABLE = (None, inf, -inf, nan, 1e200, -1e200)


def odds(margin: float | None, rank: int = 0, weight: float = 1.0, name: str = "p") -> Opinion:
    """An opinion in log-odds, the same in both orders."""
    return Opinion(name, margin, None, (margin, margin), rank, weight)


def vote(said: int | None, rank: int = 0, weight: float = 1.0) -> Opinion:
    """An opinion in words."""
    number = None if said is None else float(said)
    return Opinion("p", None, said, (number, number), rank, weight)


def both(forth: tuple[float | None, float | None], back: tuple[float | None, float | None]) -> Judged:
    """A pair that was read under one principle, in both orders."""
    return Judged(0, 1, "pairwise", (Reading("p", (Read(False, forth), Read(True, back))),))


@pytest.mark.parametrize(("turned", "expected"), [(False, 2.0), (True, -2.0)])
def test_log_odds_are_turned_to_a(turned: bool, expected: float) -> None:
    """The first label less the second; the other way round where `b` stood first."""
    assert Read(turned, (-1.0, -3.0)).log_odds == expected


@pytest.mark.parametrize(("place", "missing"), list(product((0, 1), UNREADABLE)))
def test_what_is_missing_is_unreadable(place: int, missing: float | None) -> None:
    """One label that is missing, infinite or no number makes the read, the reading and the verdict unreadable."""
    broken = (missing, -1.0) if place == 0 else (-1.0, missing)
    assert Read(False, broken).log_odds is None
    found = verdict(opinions(both((-0.1, -3.0), broken)))
    assert (found.better, found.margin, found.p) == (None, None, None)
    assert found.by_principle[0].margin is None


@pytest.mark.parametrize("missing", UNREADABLE)
def test_a_number_that_is_none(missing: float | None) -> None:
    """A callable's NaN or infinity is unreadable; beside a number too."""
    texts = [Scored(n, "value", (Reading("", (Read(value=v),)),)) for n, v in enumerate((missing, 3.0))]
    assert scores(texts[0]).total is None
    assert verdict(opinions_of_scores(texts[0], texts[1])).better is None
    assert verdict(opinions_of_scores(texts[1], texts[0])).better is None


@given(st.floats(), st.floats())
def test_values_near_the_largest_float_give_no_infinite_margin(a: float, b: float) -> None:
    """Whatever a callable gives, a margin is a number or unreadable."""
    texts = [Scored(n, "value", (Reading("", (Read(value=v),)),)) for n, v in enumerate((a, b))]
    found = verdict(opinions_of_scores(texts[0], texts[1]))
    assert found.margin is None or isfinite(found.margin)


@pytest.mark.parametrize(
    ("logprobs", "mass"),
    [
        ((log(0.5), log(0.25)), 0.75),
        ((log(0.5), None), 0.5),
        ((log(0.5), -inf), 0.5),
        ((log(0.5), nan), 0.5),
        ((None, None), None),
        ((nan, None), None),
        ((-inf, -inf), 0.0),
        ((0.0, 0.0), 1.0),
        ((800.0, -1.0), 1.0),
    ],
)
def test_label_mass(logprobs: tuple[float | None, float | None], mass: float | None) -> None:
    """How probable either label was: what is missing adds nothing, and nothing is more than 1."""
    assert Read(logprobs=logprobs).label_mass == (None if mass is None else pytest.approx(mass))


@given(read_numbers, read_numbers, st.booleans())
def test_label_mass_lies_between_0_and_1(first: float | None, second: float | None, turned: bool) -> None:
    """Whatever an engine gives."""
    mass = Read(turned, (first, second)).label_mass
    assert mass is None or 0 <= mass <= 1


def test_the_margin_is_the_mean_of_both_orders() -> None:
    """And p is its sigmoid."""
    found = verdict(opinions(both((-1.0, -2.0), (-4.0, -1.0))))
    assert (found.better, found.margin) == ("a", 2.0)
    assert found.p == pytest.approx(1 / (1 + exp(-2.0)))
    assert found.by_principle[0].orders == (1.0, 3.0)


def test_no_reads_are_unreadable() -> None:
    """A principle without reads says nothing, in numbers and in words."""
    assert Reading("p", ()).margin is None
    assert Reading("p", ()).vote is None


@pytest.mark.parametrize(
    ("votes", "expected"), [((1, 1), 1), ((-1, -1), -1), ((1, -1), 0), ((1, None), None), ((None, None), None)]
)
def test_words_vote_where_they_agree(votes: tuple[int | None, int | None], expected: int | None) -> None:
    """Both orders the same: a vote; another one: 0; one that cannot be read: unreadable."""
    reads = tuple(Read(bool(place), word="A", vote=said) for place, said in enumerate(votes))  # type: ignore[arg-type]
    (found,) = opinions(Judged(0, 1, "pairwise", (Reading("p", reads),)))
    assert (found.vote, found.margin) == (expected, None)


@pytest.mark.parametrize(
    ("margin", "band", "better"),
    [
        (0.2, 0.2, "a"),
        (0.19, 0.2, "tie"),
        (-0.2, 0.2, "b"),
        (-0.19, 0.2, "tie"),
        (0.0, 0.0, "tie"),
        (-0.0, 0.0, "tie"),
        (1e-9, 0.0, "a"),
        (-1e-9, 0.0, "b"),
        (0.25, BAND, "a"),
    ],
)
def test_the_band(margin: float, band: float, better: str) -> None:
    """A margin nearer to 0 than the band is a tie with margin 0; exactly 0 is one under any band."""
    found = verdict([odds(margin)], band)
    assert found.better == better
    assert found.margin == (0.0 if better == "tie" else margin)
    assert found.rank == (None if better == "tie" else 0)


@pytest.mark.parametrize(
    ("found", "better", "p"),
    [([1], "a", 1.0), ([-1], "b", 0.0), ([0], "tie", 0.5), ([1, -1], "tie", 0.5), ([1, -1, 1], "a", 1.0)],
)
def test_words_have_no_margin_and_no_band(found: list[int], better: str, p: float) -> None:
    """p is 0, 1/2 or 1, and any majority decides."""
    said = verdict([vote(one) for one in found], band=100.0)
    assert (said.better, said.margin, said.p) == (better, None, p)


def test_weights_within_a_level() -> None:
    """The weighted mean of what is readable; what is not takes no part."""
    assert verdict([odds(1.0, weight=3.0), odds(-1.0), odds(None, weight=100.0)]).margin == pytest.approx(0.5)
    assert verdict([vote(1), vote(-1, weight=2.0)]).better == "b"


def test_the_margin_of_one_principle_is_its_own_whatever_its_weight() -> None:
    """No rounding of a weight comes into it."""
    for weight in (0.1, 1 / 3, 7.0, 1e308):
        assert verdict([odds(0.3, weight=weight)]).margin == 0.3


def test_huge_weights_are_weights() -> None:
    """As large as a constitution may write them."""
    assert verdict([odds(2.0, weight=1e308), odds(1.0, weight=1e308), odds(-5.0, weight=1.0)]).margin == 1.5


def test_a_higher_level_decides_alone() -> None:
    """The verdict has the margin, p and rank of the level that decided, and all opinions."""
    said = (odds(0.3, 0), odds(-9.0, 1), odds(-9.0, 2))
    found = verdict(said)
    assert (found.better, found.margin, found.p, found.rank) == ("a", 0.3, sigmoid(0.3), 0)
    assert found.by_principle == said


def test_a_lower_level_speaks_where_the_higher_ties() -> None:
    """And only there."""
    assert verdict([odds(-9.0, 1), odds(0.1, 0)]).better == "b"
    assert verdict([odds(-9.0, 1), odds(0.1, 0)]).rank == 1


def test_an_unreadable_level_hides_what_is_below() -> None:
    """Unless a higher one has decided."""
    assert verdict([odds(0.1, 0), odds(None, 1), odds(9.0, 2)]).better is None
    assert verdict([odds(0.5, 0), odds(None, 1), odds(9.0, 2)]).better == "a"
    assert verdict([vote(0, 0), vote(None, 1), vote(1, 2)]).better is None


def test_no_level_decides() -> None:
    """A tie with margin 0 and p 1/2."""
    told = (odds(0.1, 0), odds(-0.1, 1))
    assert verdict(told) == Verdict("tie", 0.0, 0.5, None, True, told)
    assert Verdict("tie", 0.0, 0.5) == EQUAL


@pytest.mark.parametrize(
    ("orders", "consistent"),
    [((3.0, 1.0), True), ((-3.0, -1.0), True), ((3.0, -1.0), False), ((3.0, 0.0), False), ((0.0, 0.0), True)],
)
def test_orders_that_agree(orders: tuple[float, float], consistent: bool) -> None:
    """Whether both orders prefer the same answer; of the level that decided."""
    own = Opinion("p", sum(orders) / 2, None, orders)
    assert verdict([own, odds(-5.0, 1)]).position_consistent is consistent


def test_orders_of_a_level_are_taken_together() -> None:
    """One principle may waver where the level as a whole does not; an unreadable one takes no part."""
    steady, wavers = odds(3.0), Opinion("q", 0.5, None, (2.0, -1.0))
    assert verdict([steady, wavers]).position_consistent is True
    assert verdict([Opinion("r", None, None, (-50.0, None)), steady]).position_consistent is True
    assert verdict([steady, replace(wavers, weight=99.0)]).position_consistent is False


def test_a_tie_tells_the_orders_of_all_its_levels() -> None:
    """Not of the lowest alone."""
    wavers = Opinion("p", 0.1, None, (5.0, -4.8), 0)
    assert verdict([wavers, odds(0.1, 1)]).position_consistent is False
    assert verdict([odds(0.1, 0), odds(0.1, 1)]).position_consistent is True


def test_orders_turn_with_the_opinion() -> None:
    """What `a` first said of a is what `b` first says of the pair the other way round."""
    assert Opinion("p", 1.0, None, (3.0, -1.0)).turned.orders == (1.0, -3.0)
    assert Opinion("p", None, None, (3.0, None)).turned.orders == (None, -3.0)


def test_a_principle_without_weight_takes_no_part() -> None:
    """Neither in a mean nor in the orders; alone in its level it leaves nothing readable."""
    off = odds(-9.0, weight=0.0)
    assert verdict([odds(1.0), off]).better == "a"
    assert verdict([odds(1.0), off]).position_consistent is True
    assert verdict([off, odds(1.0, 1)]).better is None


def test_scores_have_no_orders() -> None:
    """So nothing is said of them."""
    texts = [Scored(n, "scoring", (Reading("p", (Read(False, (-1.0, -1.0 - n)),)),)) for n in (0, 1)]
    assert verdict(opinions_of_scores(texts[1], texts[0])) == Verdict(
        "a", 1.0, sigmoid(1.0), 0, None, (Opinion("p", 1.0),)
    )


@given(st.floats(0.501, 0.999), st.floats(-30, 30))
def test_the_clamp(clamp: float, margin: float) -> None:
    """p of each principle stays between 1 - clamp and clamp, and the sign stays; each order is clamped."""
    (found,) = opinions(both((0.0, -margin), (-margin, 0.0)), clamp)
    assert found.margin is not None
    assert 1 - clamp - 1e-9 <= sigmoid(found.margin) <= clamp + 1e-9
    assert (found.margin > 0, found.margin < 0) == (margin > 0, margin < 0)
    if 1 - clamp < sigmoid(margin) < clamp:
        assert found.margin == margin
    assert found.orders == (found.margin, found.margin)


def test_orders_agree_as_what_decides_has_it() -> None:
    """A clamp holds the orders too: a label and its consistency come of the same numbers."""
    loud, soft, other = (
        Reading(name, (Read(False, (odds, 0.0)), Read(True, (0.0, odds))))
        for name, odds in (("loud", 10.0), ("soft", -1.0), ("other", -1.0))
    )
    found = verdict(opinions(Judged(0, 1, "pairwise", (loud, soft, other)), 0.6), 0.1)
    assert found.better == "b"
    assert found.position_consistent
    split = Reading("split", (Read(False, (10.0, 0.0)), Read(True, (0.5, 0.0))))
    assert verdict(opinions(Judged(0, 1, "pairwise", (split,)), 0.6), 0.0).position_consistent is False


def test_the_clamp_is_for_each_principle() -> None:
    """Before the mean, so that one loud principle does not drown the others."""
    loud, soft = Reading("l", (Read(False, (-0.0, -30.0)),)), Reading("s", (Read(False, (-0.3, -0.0)),))
    pair = Judged(0, 1, "pairwise", (loud, soft))
    most = log(0.6 / 0.4)
    assert verdict(opinions(pair, 0.6), 0.0).margin == pytest.approx((most - 0.3) / 2)


@given(st.lists(readings(), max_size=5), st.floats(0, 3))
def test_turned_twice_is_the_same(made: list[Reading], band: float) -> None:
    """And no zero has a sign."""
    found = verdict(opinions(Judged(0, 1, "pairwise", tuple(made))), band)
    assert found.turned.turned == found
    assert "-0.0" not in str(found.turned.margin)


@given(st.lists(st.tuples(st.sampled_from([1, -1, 0, None]), st.integers(0, 2)), min_size=1, max_size=5))
def test_votes_turn_as_margins_do(made: list[tuple[int | None, int]]) -> None:
    """p 1 becomes 0, a vote its opposite."""
    found = verdict([vote(said, rank) for said, rank in made])
    again = verdict([vote(said, rank).turned for said, rank in made])
    assert again == found.turned
    assert (found.p, again.p) in [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5), (None, None)]


@given(st.floats(-1000, 1000))
def test_sigmoid(margin: float) -> None:
    """Of any margin, without overflow; p of a margin and of its opposite are 1 together."""
    assert 0 <= sigmoid(margin) <= 1
    assert sigmoid(margin) + sigmoid(-margin) == pytest.approx(1)
    assert sigmoid(0.0) == 0.5


def reading(margin: float | None, rank: int = 0, weight: float = 1.0, name: str = "p") -> Reading:
    """A scoring reading of both wordings."""
    told = (None, None) if margin is None else (0.0, -margin)
    return Reading(name, (Read(False, told), Read(True, told[::-1])), rank, weight)


def test_a_score_is_the_mean_of_both_wordings() -> None:
    """Yes is good in one, no in the other: the liking for yes cancels."""
    liking = Reading("p", (Read(False, (0.0, -5.0)), Read(True, (0.0, -3.0))))
    assert scores(Scored(0, "scoring", (liking,))).by_principle == (("p", 1.0),)
    assert scores(Scored(0, "scoring", (liking,))).p("p") == sigmoid(1.0)


def test_one_number_by_level() -> None:
    """The sum of w x p, w = 1, 1/4, 1/16 from the highest level, normalised; within a level the weighted mean."""
    made = (
        reading(1.0, 5, 1.0, "c"), reading(-2.0, 0, 3.0, "a"), reading(2.0, 0, 1.0, "b"), reading(0.5, 2, 1.0, "d"),
    )  # fmt: skip
    high = (3 * sigmoid(-2.0) + sigmoid(2.0)) / 4
    expected = (high + sigmoid(0.5) / 4 + sigmoid(1.0) / 16) / (1 + 1 / 4 + 1 / 16)
    found = scores(Scored(0, "scoring", made))
    assert found.total == pytest.approx(expected)
    assert [name for name, _ in found.by_principle] == ["c", "a", "b", "d"]
    assert found.readings == made


def test_a_level_with_nothing_readable_has_no_number() -> None:
    """A principle that is unreadable beside a readable one takes no part; it is None in the vector."""
    half = scores(Scored(0, "scoring", (reading(None, 0), reading(1.0, 0, name="q"))))
    assert half.total == pytest.approx(sigmoid(1.0))
    assert half.p("p") is None
    assert scores(Scored(0, "scoring", (reading(1.0, 0), reading(None, 1)))).total is None
    assert scores(Scored(0, "scoring", ())).total is None
    with pytest.raises(KeyError):
        half.p("unknown")


def test_a_callable_gives_its_own_number() -> None:
    """No sigmoid, no principle."""
    found = scores(Scored(0, "value", (Reading("", (Read(value=7.5),)),)))
    assert (found.total, found.by_principle) == (7.5, ())
    assert scores(Scored(0, "value", ())).total is None


def test_scores_meet_by_principle() -> None:
    """Margins are of principles that both were asked about; rank and weight come with them."""
    a = Scored(0, "scoring", (reading(3.0, 1, 2.0, "p"), reading(1.0, 0, 1.0, "q"), reading(None, 0, 1.0, "s")))
    b = Scored(1, "scoring", (reading(1.0, 0, 1.0, "s"), reading(1.0, 1, 2.0, "p"), reading(9.0, 0, 1.0, "r")))
    assert opinions_of_scores(a, b) == (Opinion("p", 2.0, rank=1, weight=2.0), Opinion("s", None))


def test_ranks() -> None:
    """By place in the list of levels; without a level below all."""
    assert [rank_of(level, ("x", "y")) for level in ("x", "y", None)] == [0, 1, 2]
    assert rank_of(None, ()) == 0


def test_reads_in_any_order_are_the_same() -> None:
    """Which of the two was asked first does not matter."""
    chance = random.Random(0)
    for _ in range(20):
        one = Read(False, (-chance.random(), -chance.random()))
        other = Read(True, (-chance.random(), -chance.random()))
        pair = [Judged(0, 1, "pairwise", (Reading("p", reads),)) for reads in ((one, other), (other, one))]
        assert opinions(pair[0]) == opinions(pair[1])
