"""Rows for supervised fine-tuning: the last good revision of each chain, drafts that were found fine, best candidates.

Source: TRL, "Dataset formats and types", language modeling, conversational (`messages`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from constitution.formats.rows import Shape, answer, message_type, tool_cells, tool_columns, turns
from constitution.records import ChainResult, PreferencePair, Trace
from constitution.steps.filter import Sieve
from constitution.steps.pair import Settled
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
    """One row for each chain that gave a pair, or that found its draft fine, unless a filter drops its last text."""
    for chain in chains:
        settled = settler.chain(chain)
        if isinstance(chain, Trace) and (text := _text(chain, settled, settler.pairing.sieve)) is not None:
            yield {
                "messages": turns(chain.conversation) + answer(text),
                **tool_cells(chain.tools, shape),
                "id": chain.record,
                "sample": chain.sample,
                "principle_ids": _principles(chain, settled),
                "fine": settled.outcome == "fine",
                "tags": list(chain.tags),
                "metadata": chain.metadata,
            }


def _kept(settled: Settled) -> list[PreferencePair]:
    return [proposal for proposal in settled.proposals if isinstance(proposal, PreferencePair)]


def _text(chain: Trace, settled: Settled, sieve: Sieve) -> str | None:
    """What is worth learning of a chain; None where nothing is.

    Of candidates the chosen one of the pair with the largest margin. A last revision that a kept pair rejects, since it
    was found worse than what it revises, is not.
    """
    kept = _kept(settled)
    if chain.candidates:
        return max(kept, key=lambda pair: pair.margin or 0.0).chosen if kept else None
    if settled.outcome not in ("paired", "fine") or any(pair.rejected == chain.final for pair in kept):
        return None
    return chain.final if sieve.alone(chain) is None else None


def _principles(chain: Trace, settled: Settled) -> list[str]:
    if chain.candidates:
        return list(max(_kept(settled), key=lambda pair: pair.margin or 0.0).principles)
    return [round.principle for round in chain.good_rounds]
