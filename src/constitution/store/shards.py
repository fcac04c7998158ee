"""Sealed shards: the traces of a chunk as Parquet with a fixed schema, and its sums beside it.

A shard is written to a temporary name, synced, renamed; then its `.json` with the sha256. The pair of files is sealed
when the second one stands. Where a chunk is sealed again, the new shard waits under another name until the new `.json`
stands: at each moment the shard is the one of the two files whose sha256 the `.json` has. Rows hold no times, engines,
cached counts, chunks or positions.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from constitution.errors import StoreError
from constitution.messages import Message
from constitution.records import (
    SCHEMA_VERSION,
    ChainResult,
    Critique,
    Draft,
    Failure,
    Finding,
    Revision,
    Round,
    Trace,
)
from constitution.store.batches import in_batches
from constitution.store.disk import cannot_write, sync_folder, write_atomically
from constitution.store.judged_rows import judged_cells, judged_columns, read_judged
from constitution.store.sums import Sums

if TYPE_CHECKING:
    import pyarrow as pa


_MEND = "delete it and its .json, then run the same command again: the rows are made from the journal"


def trace_schema() -> pa.Schema:
    """The columns of a shard."""
    import pyarrow as pa

    text, flag, small = pa.string(), pa.bool_(), pa.int32()
    message = pa.struct([("role", text), ("content", text), ("extra", text)])
    draft = pa.struct([("text", text), ("given", flag), ("reasoning", text), ("attempts", small)])
    finding = pa.struct([("applies", flag), ("violates", flag), ("severity", small), ("critique", text)])
    critique = pa.struct(
        [("text", text), ("finding", finding), ("truncated", flag), ("reasoning", text), ("attempts", small)]
    )
    revision = pa.struct(
        [
            ("text", text), ("defect", text), ("preamble", text), ("similarity", pa.float64()),
            ("reasoning", text), ("attempts", small),
        ]
    )  # fmt: skip
    round = pa.struct(
        [
            ("number", small), ("principle_id", text), ("critique", critique), ("revision", revision),
            ("unusable", text),
        ]
    )  # fmt: skip
    failure = pa.struct([("stage", text), ("error", text), ("message", text), ("attempts", small)])
    return pa.schema(
        [
            ("id", text), ("sample", small), ("messages", pa.list_(message)), ("tools", text),
            ("tags", pa.list_(text)), ("metadata", text), ("draft", draft), ("rounds", pa.list_(round)),
            ("reason", text), ("failure", failure), ("constitution", text), ("schema_version", small),
            *judged_columns(),
        ]
    )  # fmt: skip


def to_row(result: ChainResult) -> dict[str, Any]:
    """One chain as a row of the shard."""
    if isinstance(result, Failure):
        failure = {"stage": result.stage, "error": result.error, "message": result.message, "attempts": result.attempts}
        return {
            "id": result.record, "sample": result.sample, "messages": [], "tools": None, "tags": [], "metadata": None,
            "draft": None, "rounds": [], "reason": None, "failure": failure, "constitution": "",
            "schema_version": SCHEMA_VERSION, **judged_cells(None), "preferred": result.preferred,
        }  # fmt: skip
    draft = result.draft
    return {
        "id": result.record,
        "sample": result.sample,
        "messages": [
            {"role": message.role, "content": message.content, "extra": message.extra}
            for message in result.conversation
        ],
        "tools": result.tools,
        "tags": list(result.tags),
        "metadata": result.metadata,
        "draft": None
        if draft is None
        else {"text": draft.text, "given": draft.given, "reasoning": draft.reasoning, "attempts": draft.attempts},
        "rounds": [_round_row(round) for round in result.rounds],
        "reason": result.reason,
        "failure": None,
        "constitution": result.constitution,
        "schema_version": SCHEMA_VERSION,
        **judged_cells(result),
    }


def _round_row(round: Round) -> dict[str, Any]:
    critique, revision = round.critique, round.revision
    finding = critique.finding if critique else None
    return {
        "number": round.number,
        "principle_id": round.principle,
        "critique": None
        if critique is None
        else {
            "text": critique.text,
            "finding": None
            if finding is None
            else {
                "applies": finding.applies,
                "violates": finding.violates,
                "severity": finding.severity,
                "critique": finding.critique,
            },
            "truncated": critique.truncated,
            "reasoning": critique.reasoning,
            "attempts": critique.attempts,
        },
        "revision": None
        if revision is None
        else {
            "text": revision.text,
            "defect": revision.defect,
            "preamble": revision.preamble,
            "similarity": revision.similarity,
            "reasoning": revision.reasoning,
            "attempts": revision.attempts,
        },
        "unusable": round.unusable,
    }


def from_row(row: dict[str, Any]) -> ChainResult:
    """The inverse of `to_row`, of rows of older schemas too.

    Raises:
        StoreError: if a newer version wrote the row.
    """
    if row["schema_version"] > SCHEMA_VERSION:
        raise StoreError(
            f"this run has rows of schema {row['schema_version']}, this version reads up to {SCHEMA_VERSION}; "
            "install a newer constitution-rlaif"
        )
    if row["failure"] is not None:
        return Failure(row["id"], row["sample"], **row["failure"], preferred=row.get("preferred"))
    return Trace(
        record=row["id"],
        sample=row["sample"],
        conversation=tuple(Message(**message) for message in row["messages"]),
        draft=None if row["draft"] is None else Draft(**row["draft"]),
        rounds=tuple(_read_round(round) for round in row["rounds"]),
        reason=row["reason"],
        tags=tuple(row["tags"]),
        metadata=row["metadata"],
        constitution=row["constitution"],
        tools=row.get("tools"),
        **read_judged(row),
    )


def _read_round(row: dict[str, Any]) -> Round:
    critique = row["critique"]
    if critique is not None:
        finding = critique["finding"]
        critique = Critique(**{**critique, "finding": None if finding is None else Finding(**finding)})
    revision = None if row["revision"] is None else Revision(**row["revision"])
    return Round(row["number"], row["principle_id"], critique, revision, row["unusable"])


def sha256_of(path: Path) -> str:
    """The digest of a file's bytes, as seals hold it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(path: Path, results: Sequence[ChainResult], sums: Sums, inputs: int) -> None:
    """Write a chunk's rows and its sums; it is sealed when this returns.

    Args:
        path: the shard's Parquet file; its `.json` stands beside it.
        results: all chains of the chunk in input order.
        sums: counts of the chunk.
        inputs: how many inputs the chunk holds, duplicates included.

    Raises:
        StoreError: if the folder cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = trace_schema()
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            with pq.ParquetWriter(file, schema, compression="zstd") as writer:
                for batch in in_batches(map(to_row, results), max(1, len(results))):
                    writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            file.flush()
            os.fsync(file.fileno())
        sha256 = sha256_of(temporary)
        again = is_sealed(path)
        if again:
            _end_seal(path)
        temporary.replace(_waiting(path) if again else path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from None
    seal = {"rows": len(results), "inputs": inputs, "sha256": sha256, "sums": sums.to_json()}
    write_atomically(path.with_suffix(".json"), orjson.dumps(seal, option=orjson.OPT_INDENT_2))
    if again:
        try:
            _end_seal(path)
        except OSError as error:
            raise cannot_write(path, error) from None


def _end_seal(path: Path) -> None:
    """Put a shard that waits into its place, if its seal stands: also that of a session which was killed before it."""
    waiting = _waiting(path)
    if waiting.exists() and sha256_of(waiting) == read_seal(path)["sha256"]:
        waiting.replace(path)
        sync_folder(path.parent)


def _waiting(path: Path) -> Path:
    """Where a new shard waits for its seal."""
    return path.with_name(f".{path.name}.new")


def sealed_file(path: Path) -> Path:
    """The file of a sealed shard: the one whose sha256 stands in its seal.

    Raises:
        StoreError: there is none.
    """
    for _ in range(2):  # a run may be sealing the chunk again between two looks
        expected = read_seal(path)["sha256"]
        for file in (path, _waiting(path)):
            if file.exists() and sha256_of(file) == expected:
                return file
    raise StoreError(f"{path}: the shard is not what was sealed; {_MEND}")


def is_sealed(path: Path) -> bool:
    """Whether the shard and its sums stand."""
    return path.exists() and path.with_suffix(".json").exists()


def read_sums(path: Path) -> Sums:
    """The sums beside a sealed shard.

    Raises:
        StoreError: if they cannot be read.
    """
    return Sums.from_json(read_seal(path)["sums"])


def read_seal(path: Path) -> dict[str, Any]:
    """What stands beside a sealed shard: rows, inputs, sha256, sums.

    Raises:
        StoreError: if it cannot be read.
    """
    beside = path.with_suffix(".json")
    try:
        seal: dict[str, Any] = orjson.loads(beside.read_bytes())
        seal["sha256"], seal["sums"]["pairs"]["proposed"]
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise StoreError(f"{beside}: cannot read it: {error}; delete it, then run the same command again") from None
    return seal


def read_shard(path: Path) -> Iterator[ChainResult]:
    """The chains of a sealed shard, in input order.

    Raises:
        StoreError: if the file is not what was sealed.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(sealed_file(path)) as file:
            for batch in file.iter_batches(batch_size=512):
                for row in batch.to_pylist():
                    yield from_row(row)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path}: cannot read the shard: {error}; {_MEND}") from None
