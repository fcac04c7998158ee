"""Rows of data sets with tools: each turn with its own keys, read by `datasets`, templates and trainers as they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution.formats.kinds import preference, sft, traces
from constitution.formats.rows import Shape, table, write_rows
from constitution.messages import Conversation, assistant, user
from constitution.records import Draft, Failure, Revision, Round, Trace
from constitution.steps.pair import Pairing
from constitution.steps.settle import Settler
from constitution.store import batches
from tests import tool_conversations
from tests.strategies import HOSTILE
from tests.tiny_tokenizer import tiny_tokenizer
from tests.tool_conversations import CONVERSATION, TALKED, TOOLS, as_dicts, calls, result, text, trl_template

TOOLED = Shape(tools=True)
SETTLER = Settler(Pairing(), {})
LOADING = """
import json, os, sys
sys.modules["constitution"] = None  # whoever loads the rows need not have it
import datasets
datasets.disable_progress_bars()
path, builder = sys.argv[1:]
rows = datasets.load_dataset(builder, data_files=path, split="train", cache_dir=os.environ["CACHE"])
print(json.dumps({"features": {name: repr(kind) for name, kind in rows.features.items()}, "rows": list(rows)}))
"""


def trace(record: str, conversation: Conversation = CONVERSATION, tools: object = TOOLS, **changes: Any) -> Trace:
    made = Trace(
        record, 0, conversation, Draft("Three."), (Round(1, "p0", revision=Revision("Three metres, I hear.")),),
        tools=None if tools is None else text(tools),
    )  # fmt: skip
    return replace(made, **changes)


def rows_of(kind: Any, *found: Trace | Failure, shape: Shape = TOOLED) -> list[dict[str, Any]]:
    return [row for chain in found for row in kind.rows((chain,), SETTLER, shape)]


MIXED = (
    trace("both"),
    trace("plain", (user("And now?"),), None),
    trace("goes on", TALKED),
    trace("no tools named", (user("x"), calls("Look:"), result("", tool_call_id="1")), None),
    trace("tools alone", (user("x"),)),
)


@given(st.lists(st.tuples(tool_conversations.conversations(), st.none() | tool_conversations.tool_lists), max_size=3))
@settings(max_examples=40)
def test_rows_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[Conversation, list[Any] | None]]
) -> None:
    """Every key of every turn and tool, no key more, in its order, through both formats and all kinds."""
    chains = [trace(f"r{n}", conversation, tools) for n, (conversation, tools) in enumerate(found)]
    folder = tmp_path_factory.mktemp("rows")
    for kind in (preference, sft, traces):
        name = kind.name
        made = rows_of(kind, *chains)
        schema = kind.schema(TOOLED)
        write_rows(made, schema, folder / f"{name}.parquet", "parquet")
        write_rows(made, schema, folder / f"{name}.jsonl", "jsonl")
        lines = (folder / f"{name}.jsonl").read_bytes().split(b"\n")[:-1]
        assert [ordered(json.loads(line)) for line in lines] == [ordered(row) for row in made]
        back = pq.read_table(folder / f"{name}.parquet").to_pylist()
        said = "messages" if name != "preference" else "prompt"
        for row, chain in zip(back, chains, strict=True):
            decoded = [json.loads(turn) for turn in row[said]]
            expected = as_dicts(chain.conversation) + (
                [{"role": "assistant", "content": chain.final}] * (name == "sft")
            )
            assert ordered(decoded) == ordered(expected)
            tools = None if row["tools"] is None else [json.loads(tool) for tool in row["tools"]]
            assert text(tools) == (chain.tools or "null")


def ordered(value: Any) -> str:
    return json.dumps(value)


@pytest.mark.parametrize("kind", [preference, sft, traces], ids=lambda kind: kind.name)
def test_without_tools_the_columns_are_what_they_were(kind: Any) -> None:
    """No column and no type is there for tools that no input has."""
    turns = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    plain = kind.schema(Shape())
    assert "tools" not in plain.names
    said = [name for name in ("messages", "prompt", "chosen", "rejected") if name in plain.names]
    assert {plain.field(name).type for name in said} == {turns}
    tooled = kind.schema(TOOLED)
    assert [name for name in tooled.names if name != "tools"] == plain.names
    assert {tooled.field(name).type for name in [*said, "tools"]} == {pa.list_(pa.json_())}
    for shape in (Shape(), TOOLED):
        (row,) = rows_of(kind, trace("plain", (user("And now?"),), None), shape=shape)
        assert set(row) == set(kind.schema(shape).names)
        assert row[said[0]][0] == {"role": "user", "content": "And now?"}
        assert row.get("tools") is None


def test_columns_of_tools() -> None:
    """They stand beside what they belong to."""
    assert preference.schema(TOOLED).names[:5] == ["prompt", "chosen", "rejected", "tools", "id"]
    assert sft.schema(TOOLED).names[:3] == ["messages", "tools", "id"]
    assert traces.schema(TOOLED).names[:5] == ["id", "sample", "messages", "tools", "tags"]


def test_failures_have_rows_too() -> None:
    """A chain that failed has no turns and no tools."""
    (row,) = rows_of(traces, Failure("c", 0, "draft", "RecordError", "no tool role"))
    assert (row["messages"], row["tools"], row["reason"]) == ([], None, "RecordError")
    assert table([row], traces.schema(TOOLED)).num_rows == 1


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same rows as `load_dataset` gives them from each format."""
    folder = tmp_path_factory.mktemp("loaded")
    hostile = tuple(
        trace(f"h{n}", (user(said), calls("", [call_of(said)]), result(said))) for n, said in enumerate(HOSTILE)
    )
    made = rows_of(preference, *MIXED, *hostile)
    found: dict[str, Any] = {"made": made}
    for format, builder in (("parquet", "parquet"), ("jsonl", "json")):
        path = folder / f"preference.{format}"
        write_rows(made, preference.schema(TOOLED), path, format)  # type: ignore[arg-type]  # mypy sees a plain str
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "CACHE": str(folder / "cache")}
        done = subprocess.run(
            [sys.executable, "-c", LOADING, path, builder], capture_output=True, check=False, env=environment, text=True
        )
        assert done.returncode == 0, done.stderr
        found[format] = json.loads(done.stdout)
    return found


def call_of(said: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "look", "arguments": {said: [said, {"deep": None}, 3, True]}}}


def test_datasets_reads_parquet_as_it_was_written(loaded: dict[str, Any]) -> None:
    """In a process without this library: messages and tools are lists of objects, nothing added, nothing lost."""
    features = loaded["parquet"]["features"]
    for name in ("prompt", "chosen", "rejected", "tools"):
        assert features[name] == "List(Json(decode=True))"
    assert ordered(loaded["parquet"]["rows"]) == ordered(loaded["made"])


def test_datasets_reads_lines_as_they_were_written(loaded: dict[str, Any]) -> None:
    """Turns keep their keys where the first ten megabytes hold turns of both kinds."""
    assert loaded["jsonl"]["features"]["prompt"] == "List(Json(decode=True))"
    assert ordered([row["prompt"] for row in loaded["jsonl"]["rows"]]) == ordered(
        [row["prompt"] for row in loaded["made"]]
    )
    assert [row["tools"] for row in loaded["jsonl"]["rows"]] == [row["tools"] for row in loaded["made"]]


@pytest.mark.parametrize("name", ["qwen2_5", "qwen3", "llama3_1", "glm4moe", "gemma4_v5"])
def test_rows_go_through_chat_templates(loaded: dict[str, Any], name: str) -> None:
    """`prompt + chosen` with the row's tools, beside rows that have none; a row without shows no word of tools."""
    tokenizer = tiny_tokenizer(trl_template(name))
    for row in loaded["parquet"]["rows"]:
        whole = tokenizer.apply_chat_template(row["prompt"] + row["chosen"], tools=row["tools"], tokenize=False)
        assert "Three metres, I hear." in whole
        assert ("river_level" in whole) == (row["id"] != "plain")
        if row["id"] == "plain":
            turns = as_dicts((user("And now?"), assistant(row["chosen"][0]["content"])))
            bare = tokenizer.apply_chat_template(turns, tokenize=False)
            assert whole == bare


def test_batches_end_by_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that would pass what a column holds go into another batch; none is lost."""
    monkeypatch.setattr(batches, "MOST_BYTES", 20_000)
    found = [trace(f"r{n}", (user("x" * 3000), *CONVERSATION[2:])) for n in range(20)]
    made = rows_of(preference, *found)
    assert write_rows(made, preference.schema(TOOLED), tmp_path / "a.parquet", "parquet") == 20
    with pq.ParquetFile(tmp_path / "a.parquet") as file:
        assert file.num_row_groups >= 4
        assert [row["id"] for row in file.read().to_pylist()] == [row["id"] for row in made]


def test_a_file_without_rows_has_the_columns(tmp_path: Path) -> None:
    """Zero pairs are an empty valid file."""
    assert write_rows([], preference.schema(TOOLED), tmp_path / "none.parquet", "parquet") == 0
    empty = pq.read_table(tmp_path / "none.parquet")
    assert (empty.num_rows, empty.schema.field("tools").type) == (0, pa.list_(pa.json_()))
