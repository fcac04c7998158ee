"""Candidates and what a judge said of them, as columns of a shard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constitution.records import Candidate, Trace
from constitution.verdicts import Judged, Read, Reading, Scored

if TYPE_CHECKING:
    import pyarrow as pa


def judged_columns() -> list[tuple[str, pa.DataType]]:
    """Names and types of the columns."""
    import pyarrow as pa

    text, small, number = pa.string(), pa.int32(), pa.float64()
    read = pa.struct(
        [
            ("turned", pa.bool_()), ("logprobs", pa.list_(number)), ("word", text), ("vote", small), ("value", number),
            ("thought", text),
        ]
    )  # fmt: skip
    reading = pa.struct([("principle_id", text), ("rank", small), ("weight", number), ("reads", pa.list_(read))])
    candidate = pa.struct(
        [
            ("number", small), ("text", text), ("given", pa.bool_()), ("reasoning", text), ("attempts", small),
            ("principle_id", text), ("side", text), ("unusable", text),
        ]
    )  # fmt: skip
    judged = pa.struct([("a", small), ("b", small), ("read", text), ("readings", pa.list_(reading))])
    scored = pa.struct([("number", small), ("read", text), ("readings", pa.list_(reading))])
    return [
        ("candidates", pa.list_(candidate)), ("judged", pa.list_(judged)), ("scored", pa.list_(scored)),
        ("preferred", text),
    ]  # fmt: skip


def judged_cells(trace: Trace | None) -> dict[str, Any]:
    """What a row has in those columns; empty lists for a chain that has no candidates and no judge."""
    if trace is None:
        return {"candidates": [], "judged": [], "scored": [], "preferred": None}
    return {
        "candidates": [_candidate_cell(candidate) for candidate in trace.candidates],
        "judged": [
            {"a": judged.a, "b": judged.b, "read": judged.read, "readings": [_cell(one) for one in judged.readings]}
            for judged in trace.judged
        ],
        "scored": [
            {"number": scored.number, "read": scored.read, "readings": [_cell(one) for one in scored.readings]}
            for scored in trace.scored
        ],
        "preferred": trace.preferred,
    }


def _candidate_cell(candidate: Candidate) -> dict[str, Any]:
    return {
        "number": candidate.number,
        "text": candidate.text,
        "given": candidate.given,
        "reasoning": candidate.reasoning,
        "attempts": candidate.attempts,
        "principle_id": candidate.principle,
        "side": candidate.side,
        "unusable": candidate.unusable,
    }


def _cell(reading: Reading) -> dict[str, Any]:
    return {
        "principle_id": reading.principle,
        "rank": reading.rank,
        "weight": reading.weight,
        "reads": [
            {
                "turned": read.turned,
                "logprobs": list(read.logprobs),
                "word": read.word,
                "vote": read.vote,
                "value": read.value,
                "thought": read.thought,
            }
            for read in reading.reads
        ],
    }


def read_judged(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a trace out of those columns; older rows have none of them."""
    return {
        "candidates": tuple(_candidate(cell) for cell in row.get("candidates") or ()),
        "judged": tuple(
            Judged(cell["a"], cell["b"], cell["read"], _readings(cell)) for cell in row.get("judged") or ()
        ),
        "scored": tuple(Scored(cell["number"], cell["read"], _readings(cell)) for cell in row.get("scored") or ()),
        "preferred": row.get("preferred"),
    }


def _candidate(cell: dict[str, Any]) -> Candidate:
    own = {name: value for name, value in cell.items() if name != "principle_id"}
    return Candidate(**own, principle=cell["principle_id"])


def _readings(cell: dict[str, Any]) -> tuple[Reading, ...]:
    return tuple(
        Reading(
            reading["principle_id"],
            tuple(Read(**{**read, "logprobs": tuple(read["logprobs"])}) for read in reading["reads"]),
            reading["rank"],
            reading["weight"],
        )
        for reading in cell["readings"]
    )
