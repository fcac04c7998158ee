"""Drops: one row for each input that gave neither a pair nor a fine answer, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from constitution.errors import StoreError
from constitution.formats.rows import Shape
from constitution.records import REASONS, ChainResult, Failure, Trace
from constitution.steps.pair import Settled
from constitution.steps.settle import Settler

if TYPE_CHECKING:
    import pyarrow as pa

name = "drops"


def schema(_: Shape) -> pa.Schema:
    """Columns: what became of the input and why, where it stood, what was asked and what the model first said."""
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [
            ("id", text), ("outcome", text), ("reason", text), ("meaning", text), ("detail", text), ("place", text),
            ("stage", text), ("attempts", pa.int32()), ("prompt", text), ("draft", text), ("tags", pa.list_(text)),
            ("metadata", text),
        ]
    )  # fmt: skip


def rows(chains: tuple[ChainResult, ...], settler: Settler, _: Shape) -> Iterator[dict[str, Any]]:
    """The row of one input, if it was dropped or failed under the policy of this export."""
    settled = settler.input(chains)
    if settled.outcome == "dropped":
        yield _dropped(chains, settled)
    elif settled.outcome == "failed":
        yield _failed(chains)


def turned_away(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of inputs that were dropped before their first token, from a chunk's `dropped/CHUNK.jsonl`.

    Such a line names the place of the input; those of other dropped inputs, whose traces are in the shard, do not.

    Raises:
        StoreError: if the file cannot be read.
    """
    if not path.exists():
        return
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        try:
            said: dict[str, Any] = orjson.loads(line)
            id, reason, prompt = said["id"], said["reason"], said["prompt"]
            if "line" in said:
                told = {name: said[name] for name in ("detail", "tags", "metadata") if said.get(name)}
                yield _row(id, "dropped", reason, place=_place(said), prompt=prompt, **told)
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise StoreError(f"{path}:{number}: is no dropped input ({error}); restore the file") from None


def _place(said: dict[str, Any]) -> str:
    """Where the input stood, without the folders of this machine."""
    place = str(said.get("place") or f"line {said['line']}")
    return place.rpartition("/")[2] if place.startswith(("/", ".", "~")) else place


def _row(id: str, outcome: str, reason: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id, "outcome": outcome, "reason": reason, "meaning": REASONS.get(reason), "detail": None, "place": None,
        "stage": None, "attempts": None, "prompt": None, "draft": None, "tags": [], "metadata": None, **more,
    }  # fmt: skip


def _dropped(chains: tuple[ChainResult, ...], settled: Settled) -> dict[str, Any]:
    """The first chain that was dropped speaks for its input."""
    trace = next(chain for chain in chains if isinstance(chain, Trace))
    return _row(
        trace.record,
        "dropped",
        settled.reason or "",
        detail=settled.detail or None,
        prompt=_said(trace),
        draft=trace.first_text,
        tags=list(trace.tags),
        metadata=trace.metadata,
    )


def _failed(chains: tuple[ChainResult, ...]) -> dict[str, Any]:
    failure = next(chain for chain in chains if isinstance(chain, Failure))
    trace = next((chain for chain in chains if isinstance(chain, Trace)), None)
    row = _row(failure.record, "failed", failure.error, detail=failure.message, stage=failure.stage,
               attempts=failure.attempts)  # fmt: skip
    if trace is None:
        return row
    return row | {
        "prompt": _said(trace),
        "draft": trace.first_text,
        "tags": list(trace.tags),
        "metadata": trace.metadata,
    }


def _said(trace: Trace) -> str:
    """The last turn, as `dropped/` has it."""
    return trace.conversation[-1].content if trace.conversation else ""
