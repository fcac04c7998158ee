"""Shards of version 2 hold tools and calls; those of version 1 are still read."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.messages import user
from constitution.records import SCHEMA_VERSION, ChainResult, Failure, Trace
from constitution.store import batches
from constitution.store.folder import Manifest
from constitution.store.shards import from_row, read_shard, seal, to_row, trace_schema
from constitution.store.sums import Sums
from tests import strategies, tool_conversations
from tests.store.test_shards import FULL, RESULTS
from tests.tool_conversations import CONVERSATION, TOOLS, text

WITH_TOOLS = replace(FULL, conversation=CONVERSATION, tools=text(TOOLS))


@given(strategies.traces(), tool_conversations.conversations(), st.none() | tool_conversations.tool_lists)
def test_tools_and_calls_survive_a_row(trace: Trace, conversation: Any, tools: list[Any] | None) -> None:
    """Text for text, in memory and through Parquet's types; a turn without calls has none afterwards."""
    full = replace(trace, conversation=conversation, tools=None if tools is None else text(tools))
    row = to_row(full)
    assert from_row(row) == full
    table = pa.Table.from_pylist([row], schema=trace_schema())
    assert from_row(table.to_pylist()[0]) == full


NEW = ("tools", "candidates", "judged", "scored", "preferred")
"""Columns that version 1 did not have; version 2 had tools."""


def old_schema() -> pa.Schema:
    """The columns of version 1."""
    now = trace_schema()
    message = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    kept = [field.with_type(message) if field.name == "messages" else field for field in now if field.name not in NEW]
    return pa.schema(kept)


def old_row(result: ChainResult) -> dict[str, Any]:
    """A row as version 1 wrote it."""
    row = to_row(result)
    messages = [{"role": turn["role"], "content": turn["content"]} for turn in row["messages"]]
    return {key: held for key, held in row.items() if key not in NEW} | {"messages": messages, "schema_version": 1}


def test_a_shard_of_version_1_is_read(tmp_path: Path) -> None:
    """Its traces and failures have no tools and no calls."""
    path = tmp_path / "00000.parquet"
    pq.write_table(pa.Table.from_pylist([old_row(result) for result in RESULTS], schema=old_schema()), path)
    assert pq.read_schema(path).names == [
        "id", "sample", "messages", "tags", "metadata", "draft", "rounds", "reason", "failure", "constitution",
        "schema_version",
    ]  # fmt: skip
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    beside = {"rows": len(RESULTS), "inputs": 3, "sha256": sha256, "sums": Sums().to_json()}
    path.with_suffix(".json").write_bytes(orjson.dumps(beside))
    assert list(read_shard(path)) == RESULTS


def test_a_shard_of_version_2_is_read(tmp_path: Path) -> None:
    """It knew neither candidates nor verdicts."""
    path = tmp_path / "00000.parquet"
    schema = pa.schema([field for field in trace_schema() if field.name not in NEW[1:]])
    rows = [to_row(result) | {"schema_version": 2} for result in RESULTS]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    beside = {"rows": len(RESULTS), "inputs": 3, "sha256": sha256, "sums": Sums().to_json()}
    path.with_suffix(".json").write_bytes(orjson.dumps(beside))
    assert list(read_shard(path)) == RESULTS


def test_a_manifest_of_version_1_is_read(tmp_path: Path) -> None:
    """And keeps its version."""
    Manifest({}, {}, {}, {}, {}, schema_version=1).write(tmp_path / "manifest.json")
    assert Manifest.read(tmp_path / "manifest.json").schema_version == 1
    assert SCHEMA_VERSION == 3


def test_rows_without_tools_hold_nulls() -> None:
    """So that they can be told from rows with none to call."""
    row = to_row(FULL)
    assert row["tools"] is None
    assert {turn["extra"] for turn in row["messages"]} == {None}
    assert to_row(Failure("c", 1, "revise", "RequestRefused", "no", 2))["tools"] is None


def test_a_chunk_of_many_bytes_is_written_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One column of one batch holds 2 GB at most; nothing is lost where a chunk holds more."""
    monkeypatch.setattr(batches, "MOST_BYTES", 5000)
    results: list[ChainResult] = [replace(WITH_TOOLS, record=f"r{n}", metadata="x" * 1500) for n in range(10)]
    seal(tmp_path / "00000.parquet", results, Sums(), 10)
    assert pq.ParquetFile(tmp_path / "00000.parquet").num_row_groups >= 4
    assert list(read_shard(tmp_path / "00000.parquet")) == results


@given(st.lists(st.text(max_size=40), max_size=30), st.integers(1, 8), st.integers(1, 300))
def test_batches_hold_all_rows_in_order(texts: list[str], most_rows: int, most_bytes: int) -> None:
    """No batch is empty or has too many rows; one with too many bytes has a single row."""
    rows = [{"id": "i", "said": [{"text": text, "n": 1}]} for text in texts]
    made = list(batches.in_batches(rows, most_rows, most_bytes))
    assert [row for batch in made for row in batch] == rows
    for batch in made:
        assert 1 <= len(batch) <= most_rows
        assert len(batch) == 1 or sum(len(row["said"][0]["text"].encode()) for row in batch) <= most_bytes


def test_a_batch_ends_before_the_row_that_would_be_too_much() -> None:
    """By bytes as by rows."""
    rows = [{"a": "x" * size} for size in (10, 10, 100, 1)]
    assert [len(batch) for batch in batches.in_batches(rows, 10, 22)] == [2, 1, 1]
    assert [len(batch) for batch in batches.in_batches(rows, 3, 1000)] == [3, 1]
    assert list(batches.in_batches([])) == []


def test_a_trace_with_an_empty_conversation_of_tools_survives() -> None:
    """No tools at all and an empty text are not the same."""
    bare = Trace("r", 0, (user("x"),), None, tools="[]")
    assert from_row(to_row(bare)) == bare
