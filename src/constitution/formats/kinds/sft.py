"""Rows for supervised fine-tuning: the last good revision of each chain, and drafts that were found fine.

Source: TRL, "Dataset formats and types", language modeling, conversational (`messages`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from constitution.formats.rows import Shape, answer, message_type, tool_cells, tool_columns, turns
from constitution.records import ChainResult, Trace
from constitution.steps.settle import Settler

if TYPE_CHECKING:
    import pyarrow as pa

name = "sft"


def schema(shape: Shape) -> pa.Schema:
    """Columns: the messages, and where they come from."""
    import pyarrow as pa

    return pa.schema(
        [
            ("messages", message_type(shape)), *tool_columns(shape), ("id", pa.string()), ("sample", pa.int32()),
            ("principle_ids", pa.list_(pa.string())), ("fine", pa.bool_()), ("tags", pa.list_(pa.string())),
            ("metadata", pa.string()),
        ]
    )  # fmt: skip


def rows(chains: tuple[ChainResult, ...], settler: Settler, shape: Shape) -> Iterator[dict[str, Any]]:
    """One row for each chain that gave a pair, or that found its draft fine."""
    for chain in chains:
        outcome = settler.chain(chain).outcome
        if isinstance(chain, Trace) and outcome in ("paired", "fine") and chain.final is not None:
            yield {
                "messages": turns(chain.conversation) + answer(chain.final),
                **tool_cells(chain.tools, shape),
                "id": chain.record,
                "sample": chain.sample,
                "principle_ids": [round.principle for round in chain.good_rounds],
                "fine": outcome == "fine",
                "tags": list(chain.tags),
                "metadata": chain.metadata,
            }
