"""Dropped and failed inputs of a chunk as JSON lines that a person can read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from constitution.records import REASONS, ChainResult, Failure, Outcome, Trace
from constitution.store.disk import write_atomically
from constitution.store.folder import RunFolder
from constitution.store.plan import PlannedRecord


@dataclass(frozen=True, slots=True)
class Lost:
    """An input that gave neither a pair nor a fine answer."""

    chains: Sequence[ChainResult]
    outcome: Outcome
    """`dropped` or `failed`."""
    reason: str


def write_drops(
    folder: RunFolder,
    chunk: int,
    lost: Iterable[Lost],
    turned_away: Iterable[PlannedRecord],
) -> None:
    """Write `dropped/CHUNK.jsonl` and `failed/CHUNK.jsonl`, each only where it has a line; one without goes.

    Args:
        folder: of the run.
        chunk: its number.
        lost: dropped and failed inputs in input order.
        turned_away: inputs that were dropped before their first token.

    Raises:
        StoreError: if the folder cannot be written.
    """
    dropped: list[dict[str, Any]] = [_turned_away(record) for record in turned_away]
    failed: list[dict[str, Any]] = []
    for one in lost:
        if one.outcome == "dropped":
            dropped.append(_dropped(one.chains, one.reason))
        else:
            failed.extend(_failed(one.chains))
    _write(folder.path / "dropped" / f"{chunk:05d}.jsonl", dropped)
    _write(folder.path / "failed" / f"{chunk:05d}.jsonl", failed)


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    if rows:
        write_atomically(path, b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))
    else:
        path.unlink(missing_ok=True)


def _turned_away(record: PlannedRecord) -> dict[str, Any]:
    assert record.dropped is not None
    said = record.prompt.conversation[-1].content if record.prompt.conversation else ""
    detail = {"detail": record.detail} if record.detail else {}
    return {"id": record.prompt.id, "reason": record.dropped, "meaning": REASONS[record.dropped], **detail,
            "line": record.line, "place": record.place, "prompt": said, "tags": record.prompt.tags,
            "metadata": record.prompt.metadata}  # fmt: skip


def _dropped(chains: Sequence[ChainResult], reason: str) -> dict[str, Any]:
    trace = next(result for result in chains if isinstance(result, Trace))
    return {
        "id": trace.record,
        "reason": reason,
        "meaning": REASONS[reason],
        "prompt": trace.conversation[-1].content,
        "draft": trace.first_text,
        "principles": trace.principles,
        "revisions": [round.revision.text for round in trace.rounds if round.revision],
        **({"candidates": [candidate.text for candidate in trace.candidates]} if trace.candidates else {}),
    }


def _failed(chains: Sequence[ChainResult]) -> Iterator[dict[str, Any]]:
    for result in chains:
        if isinstance(result, Failure):
            yield {
                "id": result.record,
                "sample": result.sample,
                "stage": result.stage,
                "error": result.error,
                "message": result.message,
                "attempts": result.attempts,
            }
