"""Whole traces: every draft, critique and revision, as they stand in the run's shards, with what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from constitution.formats.rows import Shape, message_type, tool_cells, tool_columns, turns
from constitution.records import ChainResult, Dropped, Trace
from constitution.steps.settle import Settler
from constitution.store.shards import to_row, trace_schema

if TYPE_CHECKING:
    import pyarrow as pa

name = "traces"


def schema(shape: Shape) -> pa.Schema:
    """The columns of a shard, messages and tools as in the other kinds, the outcome, and the dropped pairs."""
    import pyarrow as pa

    said = {"messages": [("messages", message_type(shape))], "tools": tool_columns(shape)}
    columns = [column for field in trace_schema() for column in said.get(field.name, [field])]
    pair = pa.struct([("rounds", pa.list_(pa.int32())), ("reason", pa.string()), ("detail", pa.string())])
    return pa.schema([*columns, ("outcome", pa.string()), ("dropped_pairs", pa.list_(pair))])


def rows(chains: tuple[ChainResult, ...], settler: Settler, shape: Shape) -> Iterator[dict[str, Any]]:
    """One row for each chain."""
    for chain in chains:
        settled = settler.chain(chain)
        row = to_row(chain)
        row["messages"] = turns(chain.conversation) if isinstance(chain, Trace) else []
        row |= tool_cells(row.pop("tools"), shape)
        dropped = [
            {"rounds": pair.rounds and list(pair.rounds), "reason": pair.reason, "detail": pair.detail or None}
            for pair in settled.proposals
            if isinstance(pair, Dropped)
        ]
        yield row | {"outcome": settled.outcome, "reason": settled.reason, "dropped_pairs": dropped}
