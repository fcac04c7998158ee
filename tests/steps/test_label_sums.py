"""Counts of what judges did: additive, the same whichever way round a pair is, and those of a slow second count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from math import isfinite, log2
from typing import get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.messages import Better, user
from constitution.records import Candidate, ChainResult, Draft, Revision, Round, Trace
from constitution.steps.agreement import Agreement, agreement
from constitution.steps.label import Court, Labelling
from constitution.steps.label_card import LabelCard
from constitution.steps.label_sums import PARTS, LabelSums
from constitution.verdicts import Judged, Opinion, Read, Reading, Scored, Verdict, sigmoid
from tests.steps.judged_traces import chains, judged_traces, labellings, numbered, renumbered, turned


def counted(results: Iterable[ChainResult], labelling: Labelling) -> LabelSums:
    """Of some chains."""
    sums = LabelSums()
    for result in results:
        sums.count(result, labelling)
    return sums


@given(st.lists(chains, max_size=8), labellings, st.data())
def test_parts_add_up_to_the_whole(results: list[ChainResult], labelling: Labelling, data: st.DataObject) -> None:
    """Cut anywhere, written and read again, in any order: the very same counts."""
    place = data.draw(st.integers(0, len(results)))
    total = LabelSums()
    for part in (results[place:], results[:place]):
        total.add(LabelSums.from_json(orjson.loads(orjson.dumps(counted(part, labelling).to_json()))))
    whole = counted(results, labelling)
    assert total.to_json() == whole.to_json()
    assert LabelCard(total).to_json() == LabelCard(whole).to_json()


@given(st.lists(judged_traces(), max_size=5), labellings)
def test_turning_pairs_round_changes_nothing(results: list[Trace], labelling: Labelling) -> None:
    """Neither the order in which a verdict names two texts nor their numbers is in any count."""
    plain = counted(results, labelling).to_json()
    assert counted(map(turned, results), labelling).to_json() == plain
    assert counted(map(renumbered, results), labelling).to_json() == plain


@given(st.lists(judged_traces(), max_size=6), labellings)
def test_outcomes_add_up(results: list[Trace], labelling: Labelling) -> None:
    """Each pair in one place; what is counted of some is no more than all."""
    sums = counted(results, labelling)
    pairs = sums.pairs
    assert pairs["judged"] == sum(pairs[name] for name in ("decided", "tie", "inconsistent", "unreadable"))
    assert pairs["flips"] >= pairs["flips_first"] + pairs["flips_second"]
    assert pairs["inconsistent"] <= pairs["flips"] <= pairs["ordered"] <= pairs["judged"]
    assert pairs["both_reads"] == sum(
        pairs[f"reads_{name}"] for name in ("agree", "disagree", "one_tie", "both_tie")
    )  # fmt: skip
    assert sums.margins.total() <= pairs["decided"]
    for counts in sums.principles.values():
        assert counts["with_verdict"] + counts["against_verdict"] <= counts["readable"] <= counts["asked"]


def seen_of(results: Sequence[Trace], labelling: Labelling) -> list[tuple[Trace, int, int, Verdict]]:
    """Every verdict, by trying all pairs of numbers."""
    found = []
    for trace in results:
        court = Court(trace, labelling)
        judged = {(each.a, each.b) for each in trace.judged} | {(each.b, each.a) for each in trace.judged}
        numbers = [each.number for each in trace.scored if each.read == court.read]
        for a, b in combinations(range(3), 2):
            asked = (a, b) in judged if court.read == "pairwise" else {a, b} <= set(numbers)
            said = court.verdict(a, b)
            assert (said is not None) == asked
            if said is not None:
                found.append((trace, a, b, said))
    return found


def text(trace: Trace, number: int) -> str:
    """By its number."""
    if trace.candidates:
        return next(each.text for each in trace.candidates if each.number == number)
    if not number:
        assert trace.draft is not None
        return trace.draft.text
    revision = trace.rounds[number - 1].revision
    assert revision is not None
    return revision.text


def stands(said: Verdict, labelling: Labelling) -> bool:
    """Whether a verdict gives a label."""
    return said.better in ("a", "b") and (said.position_consistent is not False or labelling.keep_inconsistent)


def ratio(values: Iterable[bool]) -> float | None:
    """The share of the true ones."""
    found = list(values)
    return sum(found) / len(found) if found else None


@given(st.lists(judged_traces(), max_size=6), labellings)
def test_figures_of_pairs(results: list[Trace], labelling: Labelling) -> None:
    """Each as a plain count over a list of verdicts has it."""
    card = LabelCard(counted(results, labelling))
    seen = seen_of(results, labelling)
    readable = [each for each in seen if each[3].better is not None]
    labels = [(trace, a, b, said.better == "a") for trace, a, b, said in seen if stands(said, labelling)]
    longer = [((len(text(t, a)) > len(text(t, b))) == a_wins) for t, a, b, a_wins in labels]
    meant = [a_wins == _a_is_meant(t, a, b) for t, a, b, a_wins in labels if _a_is_meant(t, a, b) is not None]
    expected = {
        "decided": ratio(stands(said, labelling) for *_, said in seen),
        "ties": ratio(said.better == "tie" for *_, said in readable),
        "unreadable": ratio(said.better is None for *_, said in seen),
        "flips": ratio(not said.position_consistent for *_, said in readable if said.position_consistent is not None),
        "longer_wins": ratio(longer),
        "meant_wins": ratio(meant),
    }
    told = {name: getattr(card, name) for name in expected}
    assert {name: None if each is None else each.value for name, each in told.items()} == pytest.approx(expected)
    bits = [0.0 if said.p in (0, 1) else _bits(said.p or 0.0) for *_, said in readable]
    assert (card.entropy.value if card.entropy else 0.0) == pytest.approx(sum(bits) / (len(bits) or 1), abs=2 / PARTS)


def _bits(p: float) -> float:
    return sum(-each * log2(each) for each in (p, 1 - p) if each > 0)


def _a_is_meant(trace: Trace, a: int, b: int) -> bool | None:
    if not trace.candidates:
        return a > b
    sides = {each.number: each.side for each in trace.candidates}
    return None if "text" not in (sides[a], sides[b]) else sides[a] == "text"


@given(st.lists(judged_traces(), max_size=6), labellings)
def test_the_correlation_with_length(results: list[Trace], labelling: Labelling) -> None:
    """Pearson's over all readable pairs, each of them both ways round."""
    card = LabelCard(counted(results, labelling))
    points = []
    for trace, a, b, said in seen_of(results, labelling):
        if said.p is not None:
            points.append((2 * said.p - 1, len(text(trace, a)) - len(text(trace, b))))
    spread = (sum(x * x for x, _ in points) * sum(y * y for _, y in points)) ** 0.5
    if len(points) < 4 or sum(x * x for x, _ in points) < 1e-3:
        return
    assert card.length_correlation is not None
    assert card.length_correlation.value == pytest.approx(sum(x * y for x, y in points) / spread, abs=0.01)


@given(st.lists(judged_traces(), max_size=6), labellings)
def test_figures_of_reads(results: list[Trace], labelling: Labelling) -> None:
    """Every read of every kind, whichever of them labels."""
    card = LabelCard(counted(results, labelling))
    readings = [each.readings for trace in results for each in trace.judged]
    readings += [each.readings for trace in results for each in trace.scored]
    reads = [read for group in readings for reading in group for read in reading.reads]
    masses = [read.label_mass for read in reads if read.label_mass is not None]
    assert (card.unreadable_reads.value if card.unreadable_reads else None) == pytest.approx(
        ratio(not _says_something(read) for read in reads)
    )
    assert (card.label_mass.value if card.label_mass else None) == (
        pytest.approx(sum(masses) / len(masses), abs=2 / PARTS) if masses else None
    )
    assert (card.low_mass.value if card.low_mass else None) == pytest.approx(ratio(mass < 0.5 for mass in masses))


def _says_something(read: Read) -> bool:
    if read.word is not None:
        return read.vote is not None
    values = read.logprobs if read.value is None else (read.value,)
    return all(each is not None and isfinite(each) for each in values)


@given(st.lists(judged_traces(), max_size=6), labellings)
def test_principles(results: list[Trace], labelling: Labelling) -> None:
    """By each: how often it was asked, what of it can be read, ties, and whose side it takes."""
    sums = counted(results, labelling)
    expected: dict[str, Counter[str]] = {}
    for trace, a, b, said in seen_of(results, labelling):
        for each in said.by_principle:
            if each.principle:
                counts = expected.setdefault(each.principle, Counter())
                counts.update(_said_by(each, said, labelling, _a_is_meant(trace, a, b)))
    for id, counts in expected.items():
        names = (
            "asked", "readable", "tie", "with_verdict", "against_verdict", "flips", "meant_wins", "meant_loses"
        )  # fmt: skip
        assert {name: sums.principles[id][name] for name in names} == {name: counts[name] for name in names}
    assert sums.principles.keys() == expected.keys()


def _said_by(each: Opinion, said: Verdict, labelling: Labelling, a_is_meant: bool | None) -> Iterable[str]:
    yield "asked"
    if each.margin is None and each.vote is None:
        return
    yield "readable"
    value = each.margin if each.margin is not None else float(each.vote or 0)
    first, second = each.orders
    flips = first is not None and second is not None and (first > 0, first < 0) != (second > 0, second < 0)
    if flips:
        yield "flips"
    if value == 0 or (each.margin is not None and abs(value) < labelling.band):
        yield "tie"
        return
    if flips and not labelling.keep_inconsistent:
        return
    if a_is_meant is not None:
        yield "meant_wins" if (value > 0) == a_is_meant else "meant_loses"
    if stands(said, labelling) and sum(other.readable for other in said.by_principle) > 1:
        yield "with_verdict" if (value > 0) == (said.better == "a") else "against_verdict"


def odds(a: float, b: float) -> Judged:
    """A pair whose two orders say that much of `a`."""
    reads = (Read(False, (a, 0.0)), Read(True, (0.0, b)))
    return Judged(0, 1, "pairwise", (Reading("kind", reads),))


def two(*judged: Judged, scored: tuple[Scored, ...] = (), preferred: Better | None = None, record: str = "r") -> Trace:
    """A chain with two candidates, the second one longer."""
    return Trace(record, 0, (user("Why?"),), None, candidates=(Candidate(0, "Short."), Candidate(1, numbered(3))),
                 judged=judged, scored=scored, preferred=preferred)  # fmt: skip


def scored_as(a: float, b: float) -> tuple[Scored, ...]:
    """Both candidates examined alone, in two wordings that say the same."""
    return tuple(
        Scored(number, "scoring", (Reading("kind", (Read(False, (value, 0.0)), Read(True, (0.0, value)))),))
        for number, value in enumerate((a, b))
    )


def test_a_judge_that_goes_by_place() -> None:
    """Its flips are all to the first place, and none of its pairs has a label."""
    card = LabelCard(counted([two(odds(3, -3)), two(odds(2, -3))], Labelling()))
    assert card.flips is not None
    assert card.flips_to_first is not None
    assert (card.flips.value, card.flips_to_first.value) == (1.0, 1.0)
    assert card.sums.pairs["tie"] == card.sums.pairs["inconsistent"] == 1
    second = LabelCard(counted([two(odds(-3, 2))], Labelling()))
    assert second.flips_to_first is not None
    assert second.flips_to_first.value == 0.0


def contrasted(*pairs: tuple[float, float]) -> list[Trace]:
    """Chains whose first text was made to be better; what the two orders say of it."""
    sides = (Candidate(0, "Short.", side="text"), Candidate(1, numbered(3), side="negation"))
    return [replace(two(odds(*pair)), candidates=sides) for pair in pairs]


def test_what_was_meant_wins_where_a_principle_decides() -> None:
    """A pair whose two orders disagree is decided for nobody, as in the figure of all principles; unless it is kept."""
    results = contrasted((2, 2), (-2, -2), (9, -3), (0.1, 0.1))
    for keep, won, of in ((False, 1, 2), (True, 2, 3)):
        card = LabelCard(counted(results, Labelling(keep_inconsistent=keep)))
        (found,) = card.by_principle
        assert found.meant_wins == card.meant_wins
        assert found.meant_wins is not None
        assert found.meant_wins.value == pytest.approx(won / of)
        assert found.meant_wins.n == of


def test_a_principle_alone_is_the_verdict() -> None:
    """So it is not said how often it agrees with it; beside another one that can be read it is."""
    (alone,) = LabelCard(counted([two(odds(2, 2))], Labelling())).by_principle
    assert alone.with_verdict is None
    (kind,) = odds(2, 2).readings
    less, mute = (Read(False, (0.0, 0.5)), Read(True, (0.5, 0.0))), (Read(False), Read(True))
    both = two(Judged(0, 1, "pairwise", (kind, Reading("short", less))))
    rates = [each.with_verdict for each in LabelCard(counted([both], Labelling())).by_principle]
    assert [rate and rate.value for rate in rates] == [1.0, 0.0]
    one = two(Judged(0, 1, "pairwise", (kind, Reading("short", mute))))
    assert [each.with_verdict for each in LabelCard(counted([one], Labelling())).by_principle] == [None, None]


def test_another_band_recounts() -> None:
    """A margin of 1 is a label under a band of 0.2 and a tie under one of 2."""
    chain = two(odds(1, 1))
    assert counted([chain], Labelling(band=0.2)).pairs["decided"] == 1
    assert counted([chain], Labelling(band=2.0)).pairs["tie"] == 1


def test_both_reads_of_the_same_pairs() -> None:
    """Agreement, disagreement, and ties of one or of both."""
    results = [
        two(odds(2, 2), scored=scored_as(3, 0)), two(odds(2, 2), scored=scored_as(0, 3)),
        two(odds(2, 2), scored=scored_as(3, 0)), two(odds(2, 2), scored=scored_as(1, 1)),
        two(odds(0, 0), scored=scored_as(1, 1)), two(odds(2, 2)),
    ]  # fmt: skip
    for read in ("pairwise", "scoring"):
        pairs = counted(results, Labelling(read=read)).pairs
        names = ("both_reads", "reads_agree", "reads_disagree", "reads_one_tie", "reads_both_tie")
        assert [pairs[name] for name in names] == [5, 2, 1, 1, 1]


def test_wordings() -> None:
    """An answer that is both good and broken is a yes to everything."""
    yes = Reading("kind", (Read(False, (2.0, 0.0)), Read(True, (2.0, 0.0))))
    card = LabelCard(counted([two(scored=(*scored_as(2, 2)[:1], Scored(1, "scoring", (yes,))))], Labelling()))
    assert card.wordings_differ is not None
    assert (card.wordings_differ.value, card.wordings_differ.n) == (0.5, 2)
    assert card.sums.reads["scoring"]["wordings_yes"] == 1


def test_people() -> None:
    """Each pair of theirs in one place."""
    results = [
        two(odds(2, 2), preferred="a"), two(odds(2, 2), preferred="b"), two(odds(0, 0), preferred="b"),
        two(odds(9, -3), preferred="a"), two(odds(float("nan"), 1), preferred="a"), two(preferred="a"),
        two(odds(0, 0), preferred="tie"), two(odds(2, 2), preferred="tie"), two(odds(1, 1)),
    ]  # fmt: skip
    people = counted(results, Labelling()).people
    assert dict(people) == {
        "agree": 1, "disagree": 1, "tie": 1, "inconsistent": 1, "unreadable": 1, "not_judged": 1, "people_tie": 2,
        "both_tie": 1,
    }  # fmt: skip


@given(st.lists(st.tuples(chains, st.sampled_from([*get_args(Better), None])), max_size=6), labellings)
def test_people_are_counted_as_their_agreement_is(
    given: list[tuple[ChainResult, Better | None]], labelling: Labelling
) -> None:
    """The card and the report of agreement say the same of the same chains."""
    results = [replace(chain, preferred=preferred) for chain, preferred in given]
    assert Agreement(**counted(results, labelling).people) == agreement(results, labelling)


def test_calibration() -> None:
    """A judge that says 88 % and is right in three of four is off by 13 points."""
    results = [two(odds(2, 2), preferred=each) for each in ("a", "a", "a", "b")]
    card = LabelCard(counted(results, Labelling()))
    assert card.calibration_error == pytest.approx(sigmoid(2) - 0.75, abs=1e-5)
    (bin,) = card.sureness
    assert (bin.pairs, bin.right.value) == (4, 0.75)
    assert bin.low == pytest.approx(0.8)
    ties = LabelCard(counted([two(odds(0, 0), preferred="a")], Labelling()))
    assert ties.calibration_error == pytest.approx(0.0)


def test_margins_have_their_bins() -> None:
    """By their size alone, and only those of labels."""
    sums = counted([two(odds(m, m)) for m in (0.1, 0.3, -0.3, 3, -30)], Labelling())
    assert dict(sums.margins) == {"0.5": 2, "4.0": 1, "more": 1}


def test_equal_texts_are_no_pair() -> None:
    """Two revisions that say the same were examined, and nothing is decided between them."""
    trace = Trace("r", 0, (user("Why?"),), Draft("Same."), (Round(1, "kind", revision=Revision("Same.")),))
    same = replace(trace, scored=scored_as(1, 2))
    assert not counted([same], Labelling()).pairs["judged"]
    assert counted([replace(same, draft=Draft("Other."))], Labelling()).pairs["judged"] == 1


def test_one_very_long_text_does_not_outweigh_all_others() -> None:
    """A difference beyond 100,000 characters counts as 100,000; counts stay under 64 bits."""
    trace = two(odds(2, 2))
    huge = replace(trace, candidates=(Candidate(0, "x" * 3_000_000), Candidate(1, "y")))
    assert counted([huge], Labelling()).pairs["length_longer"] == 100_000**2


def test_what_was_not_counted_is_nothing() -> None:
    """Counts of an older version lack names."""
    assert LabelSums.from_json({}) == LabelSums()
