"""Candidates and verdicts in a shard: what was said comes back, number for number."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.messages import Better, user
from constitution.records import Candidate, Failure, Trace
from constitution.store.judged_rows import judged_cells, judged_columns, read_judged
from constitution.store.shards import from_row, read_shard, seal, to_row, trace_schema
from constitution.store.sums import Sums
from constitution.verdicts import JUDGE_READS, Judged, Read, Reading, Scored
from tests.strategies import texts, traces

numbers = st.one_of(st.none(), st.floats(allow_nan=False))
small = st.integers(0, 40)
reads = st.builds(
    Read,
    st.booleans(),
    st.tuples(numbers, numbers),
    st.one_of(st.none(), texts, st.just("")),
    st.sampled_from([None, -1, 0, 1]),
    numbers,
    st.one_of(st.none(), texts),
)
readings = st.builds(Reading, texts, st.lists(reads, max_size=3).map(tuple), small, st.floats(0, 1e9))
every = st.lists(readings, max_size=3).map(tuple)
candidates = st.builds(
    Candidate,
    small,
    st.one_of(texts, st.just("")),
    st.booleans(),
    st.one_of(st.none(), texts),
    st.integers(0, 3),
    st.one_of(st.none(), texts),
    st.sampled_from([None, "text", "negation"]),
    st.sampled_from([None, "empty", "truncated"]),
)
kinds = st.sampled_from(JUDGE_READS)
ODDS = (Read(False, (-0.5, None)), Read(True, (-inf, 0.0), thought="T"))
FULL = Trace(
    "r", 0, (user("Q?"),), None,
    candidates=(Candidate(0, "One.", True, None, 0), Candidate(1, "Two.", False, "hm", 2, "p", "negation", "empty")),
    judged=(
        Judged(1, 0, "pairwise", (Reading("p", ODDS, 2, 0.5),)),
        Judged(0, 1, "pairwise", ()),
    ),
    scored=(Scored(1, "value", (Reading("", (Read(value=-7.25),)),)), Scored(0, "scoring", ())),
)  # fmt: skip


def stored(trace: Trace) -> Trace:
    """A trace through the types of a shard."""
    back = from_row(pa.Table.from_pylist([to_row(trace)], schema=trace_schema()).to_pylist()[0])
    assert isinstance(back, Trace)
    return back


@given(
    traces(),
    st.lists(candidates, max_size=3).map(tuple),
    st.lists(st.builds(Judged, small, small, kinds, every), max_size=3).map(tuple),
    st.lists(st.builds(Scored, small, kinds, every), max_size=3).map(tuple),
    st.sampled_from([None, "a", "b", "tie"]),
)
def test_whatever_was_judged_comes_back(
    trace: Trace,
    own: tuple[Candidate, ...],
    judged: tuple[Judged, ...],
    scored: tuple[Scored, ...],
    preferred: Better | None,
) -> None:
    """In memory and through Parquet's types: every field, None and empty kept apart."""
    full = replace(trace, candidates=own, judged=judged, scored=scored, preferred=preferred)
    assert from_row(to_row(full)) == full
    assert stored(full) == full


def test_a_sealed_file(tmp_path: Path) -> None:
    """The whole way, beside chains that failed."""
    failed = Failure("c", 1, "judge", "RequestRefused", "no", 2)
    liked = replace(failed, preferred="b")
    seal(tmp_path / "00000.parquet", [FULL, failed, liked], Sums(), 3)
    assert list(read_shard(tmp_path / "00000.parquet")) == [FULL, failed, liked]


def test_no_number_stays_none() -> None:
    """NaN is no number before and after."""
    (judged,) = stored(
        replace(FULL, judged=(Judged(0, 1, "pairwise", (Reading("p", (Read(False, (nan, 0.0)),)),)),))
    ).judged
    assert judged.readings[0].reads[0].log_odds is None


def test_rows_without_a_judge_hold_empty_lists() -> None:
    """And those of older versions no columns at all."""
    empty: dict[str, list[object] | None] = {"candidates": [], "judged": [], "scored": [], "preferred": None}
    assert judged_cells(None) == empty
    assert judged_cells(Trace("r", 0, (user("Q?"),), None)) == empty
    none: dict[str, object] = {"candidates": (), "judged": (), "scored": (), "preferred": None}
    assert read_judged({}) == read_judged(empty) == read_judged(dict.fromkeys(empty)) == none


def test_the_columns_are_those_of_the_cells() -> None:
    """No field of a cell is without a column, down to the last."""

    def names(kind: pa.DataType) -> object:
        if pa.types.is_list(kind):
            return names(kind.value_type)
        if pa.types.is_struct(kind):
            return {kind.field(place).name: names(kind.field(place).type) for place in range(kind.num_fields)}
        return None

    def keys(value: object) -> object:
        if isinstance(value, list):
            return keys(value[0]) if value else None
        return {name: keys(inner) for name, inner in value.items()} if isinstance(value, dict) else None

    assert {name: names(kind) for name, kind in judged_columns()} == keys(judged_cells(FULL))


@pytest.mark.parametrize("side", ["text", "negation", None])
def test_sides(side: str | None) -> None:
    """The principle of a side stands beside it, under the name that rows have for it."""
    trace = replace(FULL, candidates=(Candidate(0, "One.", principle="p", side=side),))  # type: ignore[arg-type]  # one of Side
    assert judged_cells(trace)["candidates"][0]["principle_id"] == "p"
    assert stored(trace) == trace
