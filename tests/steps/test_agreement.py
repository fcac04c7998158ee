"""Agreement with people: every pair is counted once, and the interval is Wilson's."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.messages import Better, user
from constitution.records import Candidate, Failure, Trace
from constitution.steps.agreement import Agreement, agreement, verdict_on_two
from constitution.steps.label import Labelling
from constitution.verdicts import Judged, Read, Reading, Scored

BETTER = st.sampled_from(get_args(Better))


def trace(margins: tuple[float | None, float | None] | None, people: Better | None, texts: str = "xy") -> Trace:
    """A pair whose two orders have these log-odds for `a`; None where it was not judged."""
    candidates = tuple(Candidate(number, text, given=True, attempts=0) for number, text in enumerate(texts))
    made = Trace("r", 0, (user("u"),), None, candidates=candidates, preferred=people)
    if margins is None:
        return replace(made, reason="too_long")
    straight, turned = margins
    reads = (
        Read(turned=False, logprobs=(None if straight is None else straight - 9, -9.0)),
        Read(turned=True, logprobs=(-9.0, None if turned is None else turned - 9)),
    )
    return replace(made, judged=(Judged(0, 1, "pairwise", (Reading("p", reads),)),))


CASES: dict[str, tuple[Trace, str]] = {
    "both a": (trace((1.0, 2.0), "a"), "agree"),
    "both b": (trace((-1.0, -2.0), "b"), "agree"),
    "the other": (trace((1.0, 2.0), "b"), "disagree"),
    "tie": (trace((0.05, 0.1), "a"), "tie"),
    "orders cancel": (trace((1.0, -1.0), "a"), "tie"),
    "orders differ": (trace((3.0, -1.0), "a"), "inconsistent"),
    "unreadable": (trace((1.0, None), "a"), "unreadable"),
    "not judged": (trace(None, "a"), "not_judged"),
    "people tie": (trace((1.0, 2.0), "tie"), "people_tie"),
    "people tie, orders differ": (trace((3.0, -1.0), "tie"), "people_tie"),
    "same text": (trace(None, "b", texts="xx"), "tie"),
}


@pytest.mark.parametrize(("one", "name"), CASES.values(), ids=CASES.keys())
def test_each_pair_is_counted_once(one: Trace, name: str) -> None:
    """Under the one name that says what became of it."""
    assert agreement([one], Labelling()) == Agreement(**{name: 1})


def test_a_failed_pair_is_counted_too() -> None:
    """People said something of it, and no verdict came; of another one nobody said anything."""
    failed = Failure("r", 0, "judge", "RequestRefused", "no", preferred="a")
    assert agreement([failed, replace(failed, preferred=None)], Labelling()) == Agreement(not_judged=1)
    assert agreement([replace(failed, preferred="tie")], Labelling()) == Agreement(not_judged=1)


def test_ties_of_both() -> None:
    """Where people and the judge find neither better is counted among what people tie."""
    found = agreement([trace((0.1, -0.1), "tie"), trace((2.0, 2.0), "tie")], Labelling())
    assert found == Agreement(people_tie=2, both_tie=1)
    assert found.pairs == 2


def test_pairs_without_a_label_are_passed_over() -> None:
    """Nobody said anything of them."""
    assert agreement([trace((1.0, 2.0), None), trace(None, None)], Labelling()) == Agreement()


def test_labelling_bears_on_it() -> None:
    """A wider band makes ties, kept inconsistent pairs count by their mean, and the read is chosen."""
    close, differing = trace((1.0, 1.0), "a"), trace((3.0, -1.0), "a")
    assert agreement([close], Labelling(band=1.5)) == Agreement(tie=1)
    assert agreement([differing], Labelling(keep_inconsistent=True)) == Agreement(agree=1)
    scored = tuple(
        Scored(number, "scoring", (Reading("p", (Read(logprobs=(odds - 9, -9.0)),)),))
        for number, odds in enumerate((0.0, 4.0))
    )
    both = replace(close, scored=scored)
    assert agreement([both], Labelling(read="scoring")) == Agreement(disagree=1)
    assert agreement([both], Labelling(read="pairwise")) == Agreement(agree=1)


@given(st.lists(st.tuples(st.sampled_from(list(CASES)), BETTER), max_size=30), st.booleans())
def test_it_adds_up(chosen: list[tuple[str, Better]], keep: bool) -> None:
    """All that people said something of is in exactly one count, whatever the order."""
    traces = [replace(CASES[name][0], preferred=people) for name, people in chosen]
    found = agreement(traces, Labelling(keep_inconsistent=keep))
    assert found.pairs == len(traces)
    assert found == agreement(reversed(traces), Labelling(keep_inconsistent=keep))
    assert found.decided <= found.judged <= found.pairs
    assert found.both_tie <= found.people_tie
    if found.accuracy is not None:
        low, high = found.interval
        assert 0 <= low <= found.accuracy <= high <= 1


def test_nothing_decided() -> None:
    """No share is made up where there is none."""
    assert Agreement().accuracy is None
    assert Agreement(tie=9).interval == (0.0, 1.0)
    assert sum(getattr(Agreement(), field.name) for field in fields(Agreement)) == 0


@pytest.mark.parametrize(
    ("found", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (300, 438, 0.6399, 0.7267)],
    ids=str,
)
def test_its_interval_is_wilsons(found: int, of: int, low: float, high: float) -> None:
    """As tables of the interval give it; ties and unreadable pairs do not bear on it."""
    made = Agreement(agree=found, disagree=of - found, tie=3, unreadable=2, people_tie=5)
    assert list(made.interval) == pytest.approx([low, high], abs=1e-4)


def test_one_text_has_no_verdict() -> None:
    """A trace of one answer is no pair."""
    one = trace((1.0, 1.0), "a")
    assert verdict_on_two(replace(one, candidates=one.candidates[:1]), Labelling()) is None
