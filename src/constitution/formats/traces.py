"""Whole traces: every draft, critique and revision, as they stand in the run's shards, with what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from constitution.formats.rows import Shape
from constitution.records import ChainResult
from constitution.steps.settle import Settler
from constitution.store.shards import to_row, trace_schema

if TYPE_CHECKING:
    import pyarrow as pa

name = "traces"


def schema(_: Shape) -> pa.Schema:
    """The columns of a shard, and the outcome."""
    import pyarrow as pa

    return trace_schema().append(pa.field("outcome", pa.string()))


def rows(chains: tuple[ChainResult, ...], settler: Settler, _: Shape) -> Iterator[dict[str, Any]]:
    """One row for each chain."""
    for chain in chains:
        settled = settler.chain(chain)
        yield {**to_row(chain), "outcome": settled.outcome, "reason": settled.reason}
