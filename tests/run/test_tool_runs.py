"""Whole runs over conversations with tools beside plain ones."""

from __future__ import annotations

from pathlib import Path

from constitution import Constitution, Request, ScriptedEngine
from constitution.errors import RecordError
from constitution.messages import Prompt
from constitution.records import Trace
from tests.scripted_runs import KeepingEngine, journal_lines, rows, sealed_files, tiny
from tests.tool_conversations import CONVERSATION, TALKED, TOOLS, as_dicts, text

PROMPTS = [
    {"id": "calls", "messages": as_dicts(CONVERSATION), "tools": TOOLS},
    {"id": "plain", "prompt": "And now?"},
    {"id": "goes on", "messages": as_dicts(TALKED), "tools": TOOLS},
    {"id": "tools alone", "prompt": "How high is it?", "tools": TOOLS},
]


def constitution(folder: Path) -> Constitution:
    return tiny(folder)


def test_rows_hold_what_came_in(tmp_path: Path) -> None:
    """Conversations and tools reach every request and stand in the traces."""
    engine = KeepingEngine()
    run = constitution(tmp_path).generate(PROMPTS, tmp_path / "run", model=engine, rounds=1)
    found = {trace.record: trace for trace in rows(run)}
    assert [found["calls"].conversation, found["goes on"].conversation] == [CONVERSATION, TALKED]
    assert [found[id].tools for id in ("calls", "plain", "tools alone")] == [text(TOOLS), None, text(TOOLS)]
    for asked in engine.asked:
        assert asked.tools == found[asked.record].tools
        assert asked.messages[: len(found[asked.record].conversation)] == found[asked.record].conversation


def test_a_resume_makes_the_same_rows_and_leaves_the_journal(tmp_path: Path) -> None:
    """Shards that are lost are made again from the journal, byte for byte, without a request."""
    first = constitution(tmp_path).generate(PROMPTS, tmp_path / "run", model=ScriptedEngine(), rounds=2)
    before, journal = sealed_files(first.path), journal_lines(first.path)
    for path in (first.path / "shards").iterdir():
        path.unlink()
    engine = KeepingEngine()
    again = constitution(tmp_path).generate(PROMPTS, tmp_path / "run", model=engine, rounds=2)
    assert sealed_files(again.path) == before
    assert journal_lines(again.path) == journal
    assert engine.asked == []


def test_a_template_that_refuses_tools_fails_those_records_alone(tmp_path: Path) -> None:
    """With its reason; plain records go on."""

    def refuse(request: Request) -> Exception | None:
        return RecordError("the model's chat template cannot render the turns") if request.tools else None

    run = constitution(tmp_path).generate(PROMPTS, tmp_path / "run", model=ScriptedEngine(fault=refuse), rounds=1)
    sums = run.summary()
    assert (sums["failed"], sums["paired"], sums["pending"]) == (3, 1, 0)
    assert sums["reasons"] == {"RecordError": 3}


def test_given_answers_keep_the_conversation(tmp_path: Path) -> None:
    """A conversation with tools that ends with an answer starts at its critique."""
    prompt = {"id": "given", "messages": as_dicts(CONVERSATION), "tools": TOOLS, "response": "At three metres."}
    engine = KeepingEngine()
    run = constitution(tmp_path).generate([prompt], tmp_path / "run", model=engine, rounds=1)
    (trace,) = rows(run)
    assert isinstance(trace, Trace)
    assert Prompt("given", trace.conversation, tools=trace.tools).uses_tools
    assert [asked.stage for asked in engine.asked] == ["critique", "revise"]
    assert {asked.tools for asked in engine.asked} == {text(TOOLS)}
