"""Labels: which candidates can be a side, which are compared, what becomes of each verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.messages import user
from constitution.records import REASONS, Candidate, Dropped, PreferencePair, Trace
from constitution.steps.filter import trigram_jaccard
from constitution.steps.label import (
    CandidatePolicy,
    Court,
    Labelling,
    compared,
    labelled_pairs,
    usable_candidates,
)
from constitution.verdicts import EQUAL, Judged, JudgeRead, Read, Reading, Scored, sigmoid

TEXTS = ("Rest well tonight.", "Sleep for eight hours.", "Drink warm milk.", "Read a dull book.")


def reading(margin: float | None, spread: float = 0.0, name: str = "p", rank: int = 0) -> Reading:
    """A reading whose orders have log-odds `margin` plus and minus `spread`."""
    if margin is None:
        return Reading(name, (Read(False, (None, -1.0)), Read(True, (None, -1.0))), rank)
    return Reading(
        name,
        (Read(False, (0.0, -(margin + spread))), Read(True, (-(margin - spread), 0.0))),
        rank,
    )


def candidates(count: int = 4) -> tuple[Candidate, ...]:
    return tuple(Candidate(number, text) for number, text in enumerate(TEXTS[:count]))


def judged(margins: Mapping[tuple[int, int], float | None], spread: float = 0.0, count: int = 4) -> Trace:
    """A trace whose pairs have these margins."""
    made = tuple(Judged(a, b, "pairwise", (reading(margin, spread),)) for (a, b), margin in margins.items())
    return Trace(
        "r", 2, (user("Q?"),), None, candidates=candidates(count), judged=made, tags=("x",), metadata="{}", tools="[]"
    )


def by_worth(*worth: float) -> dict[tuple[int, int], float | None]:
    """Margins of a judge that gives each candidate a worth."""
    return {(a, b): worth[a] - worth[b] for a, b in combinations(range(len(worth)), 2)}


def told(trace: Trace, labelling: Labelling | None = None) -> list[str]:
    """Each proposal as `chosen>rejected` or as its reason."""
    made = labelled_pairs(trace, labelling or Labelling())
    return [each.reason if isinstance(each, Dropped) else f"{each.rounds[1]}>{each.rounds[0]}" for each in made]


@pytest.mark.parametrize(
    ("second", "usable"),
    [
        (Candidate(1, "Another answer."), [0, 1]),
        (Candidate(1, "", unusable="empty"), [0]),
        (Candidate(1, "Half of an", unusable="truncated"), [0]),
        (Candidate(1, "..."), [0]),
        (Candidate(1, "</think> Rest."), [0]),
        (Candidate(1, "rest well."), [0, 1]),
        (Candidate(1, " Rest  well!"), [0]),
    ],
)
def test_usable_candidates(second: Candidate, usable: list[int]) -> None:
    """Law 8: not empty, not cut, no leak, not what an earlier one says."""
    found = usable_candidates((Candidate(0, "Rest well."), second))
    assert [each.number for each in found] == usable


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("best_worst", [(0, 1), (0, 2), (1, 2)]),
        ("all", [(0, 1), (0, 2), (1, 2)]),
        ("against_draft", [(0, 1), (0, 2)]),
    ],
)
def test_what_is_compared(policy: CandidatePolicy, expected: list[tuple[int, int]]) -> None:
    """Every two, or each with the first usable one."""
    assert [(a.number, b.number) for a, b in compared(candidates(3), policy)] == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("best_worst", ["2>1"]),
        ("all", ["0>1", "2>0", "3>0", "2>1", "3>1", "2>3"]),
        ("against_draft", ["0>1", "2>0", "3>0"]),
    ],
)
def test_policies(policy: CandidatePolicy, expected: list[str]) -> None:
    """One pair of the two ends, every pair, or each with the draft: the better one is chosen."""
    assert told(judged(by_worth(2, 1, 4, 3)), Labelling(policy)) == expected


@pytest.mark.parametrize(
    ("margin", "spread", "expected"),
    [
        (1.0, 0.0, "0>1"),
        (-1.0, 0.0, "1>0"),
        (0.1, 0.0, "tie"),
        (0.0, 9.0, "tie"),
        (None, 0.0, "unreadable"),
        (1.0, 2.0, "order_inconsistent"),
        (-1.0, 2.0, "order_inconsistent"),
        (0.1, 5.0, "tie"),
    ],
)
@pytest.mark.parametrize("policy", ["best_worst", "all", "against_draft"])
def test_what_becomes_of_a_verdict(margin: float | None, spread: float, expected: str, policy: CandidatePolicy) -> None:
    """A label, or the reason why there is none."""
    assert told(judged({(0, 1): margin}, spread, 2), Labelling(policy)) == [expected]
    assert expected in (*REASONS, "0>1", "1>0")


def test_inconsistent_pairs_are_kept_on_request() -> None:
    """By their mean, marked as what they are; ties and unreadable ones stay out."""
    (made,) = labelled_pairs(judged({(0, 1): -1.0}, 2.0, 2), Labelling(keep_inconsistent=True))
    assert isinstance(made, PreferencePair)
    assert (made.rounds, made.margin, made.position_consistent) == ((0, 1), 1.0, False)
    assert told(judged({(0, 1): 0.1}, 2.0, 2), Labelling(keep_inconsistent=True)) == ["tie"]


def test_the_band_and_the_clamp_are_settings() -> None:
    """The same reads under another band are another label, without a judge; the clamp bounds p."""
    trace = judged({(0, 1): 1.0}, count=2)
    assert told(trace, Labelling(band=1.5)) == ["tie"]
    (made,) = labelled_pairs(trace, Labelling(clamp=0.6))
    assert isinstance(made, PreferencePair)
    assert made.p_chosen == pytest.approx(0.6)


@pytest.mark.parametrize("policy", ["best_worst", "all"])
@pytest.mark.parametrize("better", ["a", "b"])
def test_a_pair_has_everything(better: str, policy: CandidatePolicy) -> None:
    """Texts, numbers, verdict turned to the chosen text, and what the record brings."""
    trace = judged({(0, 1): 1.5 if better == "a" else -1.5}, count=2)
    (made,) = labelled_pairs(trace, Labelling(policy))
    assert isinstance(made, PreferencePair)
    chosen, rejected = (0, 1) if better == "a" else (1, 0)
    assert (made.chosen, made.rejected, made.rounds) == (TEXTS[chosen], TEXTS[rejected], (rejected, chosen))
    assert (made.margin, made.p_chosen, made.position_consistent) == (1.5, sigmoid(1.5), True)
    assert made.similarity == trigram_jaccard(made.chosen, made.rejected)
    assert (made.record, made.sample, made.index, made.conversation) == ("r", 2, 0, (user("Q?"),))
    assert (made.tags, made.metadata, made.tools, made.judge) == (("x",), "{}", "[]", "pairwise")
    assert [(vote.principle, vote.margin) for vote in made.votes] == [("p", 1.5)]
    assert (made.principles, made.checks, made.flags) == (("p",), (), ())


def test_pairs_are_numbered_by_their_place_among_the_proposed() -> None:
    """A dropped one has its number too."""
    made = labelled_pairs(judged(by_worth(1, 1, 3), count=3), Labelling("all"))
    assert [each.index for each in made if isinstance(each, PreferencePair)] == [1, 2]


@pytest.mark.parametrize("count", [0, 1])
def test_too_few(count: int) -> None:
    """No pair is proposed."""
    assert told(judged({}, count=count)) == []


def test_nobody_was_asked() -> None:
    """Pairs that another policy left out are unverified, never guessed from others."""
    asked = judged({(0, 1): 1.0, (0, 2): -1.0}, count=3)
    assert told(asked, Labelling("all")) == ["0>1", "2>0", "unverified"]
    assert told(asked, Labelling("best_worst")) == ["unverified"]
    assert told(judged({}, count=2)) == ["unverified"]


def test_a_circle_has_no_best() -> None:
    """Where the text that stands best loses against the one that stands worst, no pair is made."""
    rest = {(0, 2): 1.0, (0, 3): 1.0, (1, 2): -1.0, (1, 3): -1.0, (2, 3): 0.0}
    assert told(judged({(0, 1): -0.5, **rest})) == ["circular"]
    assert told(judged({(0, 1): 0.5, **rest})) == ["0>1"]


def test_wins_count_before_margins() -> None:
    """Best is who wins most often; the sum of margins only parts equals, then the first number does."""
    assert told(judged({(0, 1): 0.3, (0, 2): 0.3, (1, 2): 9.0}, count=3)) == ["0>2"]
    equal = {(0, 1): 0.3, (0, 2): -0.3, (1, 2): 0.5}
    assert told(judged(equal, count=3)) == ["1>2"]
    assert told(judged({(0, 1): 0.0, (0, 2): 0.0, (1, 2): 0.0}, count=3)) == ["tie"]


def test_losses_count_against_wins() -> None:
    """Of two with as many wins the one that lost less stands higher, whatever the margins."""
    margins = {(0, 1): 0.3, (0, 2): 9.0, (0, 3): -0.3, (1, 2): 0.3, (1, 3): 0.0, (2, 3): 0.0}
    lost_less = {(0, 1): 0.0, (0, 2): 9.0, (0, 3): -0.3, (1, 2): 0.3, (1, 3): 0.0, (2, 3): 0.0}
    assert told(judged(margins)) == ["0>2"]
    assert told(judged(lost_less)) == ["1>2"]


def test_a_verdict_is_found_in_either_order() -> None:
    """Turned to the text that is asked for; equal texts are a tie."""
    court = Court(judged({(1, 0): 2.0}, count=2), Labelling())
    forth, back = court.verdict(0, 1), court.verdict(1, 0)
    assert forth is not None
    assert back is not None
    assert (forth.margin, back.margin, forth.turned) == (-2.0, 2.0, back)
    same = Court(replace(judged({}), judged=(Judged(0, 1, "pairwise", ()),)), Labelling())
    assert same.verdict(0, 1) == same.verdict(1, 0) == EQUAL


def scored(kind: JudgeRead, *worth: float | None) -> Trace:
    """A trace whose texts were examined one at a time."""
    made = []
    for number, each in enumerate(worth):
        value = Reading("", (Read(value=each),))
        made.append(Scored(number, kind, (value if kind == "value" else reading(each),)))
    return replace(judged({}, count=len(worth)), scored=tuple(made))


@pytest.mark.parametrize("kind", ["scoring", "value"])
def test_scores_label_too(kind: JudgeRead) -> None:
    """Margins are differences; a text that cannot be read makes its pairs unreadable; there are no orders."""
    assert told(scored(kind, 1.0, 3.0, 2.0, -4.0), Labelling("all")) == ["1>0", "2>0", "0>3", "1>2", "1>3", "2>3"]
    assert told(scored(kind, 1.0, 3.0, 2.0, -4.0)) == ["1>3"]
    assert told(scored(kind, 1.0, 1.1)) == ["tie"]
    assert told(scored(kind, 1.0, None)) == ["unreadable"]
    (made,) = labelled_pairs(scored(kind, 1.0, 3.0), Labelling())
    assert isinstance(made, PreferencePair)
    assert (made.judge, made.margin, made.position_consistent) == (kind, 2.0, None)
    assert made.principles == (("p",) if kind == "scoring" else ())


def test_reads_side_by_side_go_before_scores() -> None:
    """Where a trace has both, unless a labelling names one."""
    both = replace(scored("scoring", 1.0, 5.0), judged=(Judged(0, 1, "pairwise", (reading(2.0),)),))
    assert told(both) == ["0>1"]
    assert told(both, Labelling(read="scoring")) == ["1>0"]
    assert told(both, Labelling(read="pairwise")) == ["0>1"]
    assert told(both, Labelling(read="value")) == ["unverified"]
    assert told(scored("scoring", 1.0, 5.0), Labelling(read="pairwise")) == ["unverified"]


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=4), st.sampled_from(["best_worst", "all", "against_draft"]))
def test_labels_follow_a_worth(worth: list[float], policy: CandidatePolicy) -> None:
    """A judge with one worth for each text never makes a circle, and no label goes against it."""
    for made in labelled_pairs(judged(by_worth(*worth), count=len(worth)), Labelling(policy)):
        if isinstance(made, Dropped):
            assert made.reason == "tie"
        else:
            assert worth[made.rounds[1]] - worth[made.rounds[0]] >= 0.2 - 1e-9
