"""Two judges on the same pairs: every pair in one place, whatever the order of runs, chains and texts."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from constitution.records import Trace
from constitution.steps.label import Court, Labelling, outcome_of
from constitution.steps.label_sums import judged_pairs
from constitution.steps.two_judges import JudgeAgreement, VerdictIndex, agreement
from tests.steps.judged_traces import judged_traces, labellings, renumbered, turned


def index(results: Iterable[Trace], labelling: Labelling) -> VerdictIndex:
    """Of some chains."""
    found = VerdictIndex(labelling)
    for result in results:
        found.count(result)
    return found


def said(results: Iterable[Trace], labelling: Labelling) -> dict[object, str]:
    """By what was compared: the text that won, or what else became of it; of repeats the first."""
    found: dict[object, str] = {}
    for trace in results:
        court, texts = Court(trace, labelling), trace.texts
        for a, b in judged_pairs(trace, court):
            verdict = court.verdict(a, b)
            assert verdict is not None
            outcome = outcome_of(verdict, labelling)
            won = texts[a if verdict.better == "a" else b] if outcome == "decided" else outcome
            found.setdefault((trace.record, trace.sample, frozenset((texts[a], texts[b]))), won)
    return found


def slowly(one: dict[object, str], other: dict[object, str]) -> JudgeAgreement:
    """The same by a walk over all pairs."""
    counts = dict.fromkeys(("agree", "disagree", "one_tie", "both_tie", "no_label"), 0)
    for key in one.keys() & other.keys():
        words = {one[key], other[key]}
        if words & {"unreadable", "inconsistent"}:
            counts["no_label"] += 1
        elif "tie" in words:
            counts["both_tie" if len(words) == 1 else "one_tie"] += 1
        else:
            counts["agree" if len(words) == 1 else "disagree"] += 1
    return JudgeAgreement(**counts, only_one=len(one.keys() ^ other.keys()))


runs = st.lists(judged_traces(), max_size=5)


@given(runs, runs, labellings)
def test_every_pair_in_one_place(one: list[Trace], other: list[Trace], labelling: Labelling) -> None:
    """As a walk over all pairs has it, and the same from either side."""
    found = agreement(index(one, labelling), index(other, labelling))
    assert found == slowly(said(one, labelling), said(other, labelling))
    assert agreement(index(other, labelling), index(one, labelling)) == found


@given(runs, labellings)
def test_a_judge_agrees_with_itself(results: list[Trace], labelling: Labelling) -> None:
    """Also where the other run names texts by other numbers and turns pairs round."""
    distinct = [trace for n, trace in enumerate(results) if trace.record not in {each.record for each in results[:n]}]
    same = [renumbered(turned(trace)) for trace in reversed(distinct)]
    found = agreement(index(distinct, labelling), index(same, labelling))
    assert (found.disagree, found.one_tie, found.only_one) == (0, 0, 0)
    assert found.share is None or found.share.value == 1.0


def test_nothing_agrees_with_nothing() -> None:
    """Runs without a pair share none."""
    found = agreement(VerdictIndex(Labelling()), VerdictIndex(Labelling()))
    assert found == JudgeAgreement()
    assert found.share is None
    assert found.to_json()["pairs"] == 0
