"""Dropped and failed inputs and dropped pairs of a chunk as JSON lines that a person can read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from constitution.records import REASONS, ChainResult, Dropped, Failure, Trace
from constitution.steps.pair import Settled
from constitution.store.disk import write_atomically
from constitution.store.folder import RunFolder
from constitution.store.plan import PlannedRecord

MOST_LOOKED_AT = 1000
"""Failures that are read to tell why inputs failed."""


@dataclass(frozen=True, slots=True)
class Lost:
    """An input that gave neither a pair nor a fine answer, or that gave fewer pairs than it might have."""

    chains: Sequence[ChainResult]
    settled: Settled


def loses(settled: Settled) -> bool:
    """Whether something of an input is dropped or failed."""
    return settled.outcome in ("dropped", "failed") or any(isinstance(pair, Dropped) for pair in settled.proposals)


def write_drops(
    folder: RunFolder,
    chunk: int,
    lost: Iterable[Lost],
    turned_away: Iterable[PlannedRecord],
) -> None:
    """Write `dropped/CHUNK.jsonl`, `dropped_pairs/CHUNK.jsonl` and `failed/CHUNK.jsonl`; one without a line goes.

    Args:
        folder: of the run.
        chunk: its number.
        lost: inputs that lose something, in input order.
        turned_away: inputs that were dropped before their first token.

    Raises:
        StoreError: if the folder cannot be written.
    """
    dropped: list[dict[str, Any]] = [_turned_away(record) for record in turned_away]
    failed: list[dict[str, Any]] = []
    pairs: list[dict[str, Any]] = []
    for one in lost:
        pairs.extend(_pairs(one))
        if one.settled.outcome == "dropped":
            dropped.append(_dropped(one.chains, one.settled))
        elif one.settled.outcome == "failed":
            failed.extend(_failed(one.chains))
    _write(folder.path / "dropped" / f"{chunk:05d}.jsonl", dropped)
    _write(folder.path / "dropped_pairs" / f"{chunk:05d}.jsonl", pairs)
    _write(folder.path / "failed" / f"{chunk:05d}.jsonl", failed)


def causes(folder: RunFolder) -> dict[str, str]:
    """One message of each class of error that failed inputs of sealed chunks, of the first ones in input order."""
    found: dict[str, str] = {}
    for error, message in islice(_failures(folder), MOST_LOOKED_AT):
        found.setdefault(error, message)
    return found


def _failures(folder: RunFolder) -> Iterator[tuple[str, str]]:
    """Class and message by the lines of `failed/`; these files are for people, who may have changed them."""
    for path in sorted((folder.path / "failed").glob("*.jsonl")):
        with suppress(OSError, orjson.JSONDecodeError, KeyError, TypeError), path.open("rb") as file:
            for row in map(orjson.loads, file):
                yield str(row["error"]), str(row["message"])


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


def _dropped(chains: Sequence[ChainResult], settled: Settled) -> dict[str, Any]:
    reason = settled.reason or ""
    trace = next(result for result in chains if isinstance(result, Trace))
    return {
        "id": trace.record,
        "reason": reason,
        "meaning": REASONS[reason],
        **({"detail": settled.detail} if settled.detail else {}),
        "prompt": trace.conversation[-1].content,
        "draft": trace.first_text,
        "principles": trace.principles,
        "revisions": [round.revision.text for round in trace.rounds if round.revision],
        **({"candidates": [candidate.text for candidate in trace.candidates]} if trace.candidates else {}),
    }


def _pairs(one: Lost) -> Iterator[dict[str, Any]]:
    """The dropped pairs of an input, with their texts where both are texts to train on."""
    traces = {chain.sample: chain for chain in one.chains if isinstance(chain, Trace)}
    for pair in one.settled.proposals:
        if isinstance(pair, Dropped):
            trace = traces[pair.sample]
            rejected, chosen = (None, None) if pair.rounds is None else map(trace.texts.get, pair.rounds)
            yield {
                "id": trace.record,
                "sample": pair.sample,
                "rounds": pair.rounds,
                "reason": pair.reason,
                "meaning": REASONS[pair.reason],
                **({"detail": pair.detail} if pair.detail else {}),
                "rejected": rejected,
                "chosen": chosen,
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
