"""`run.log` in a run's folder."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from constitution import ScriptedEngine
from constitution.engine import Request
from constitution.errors import EngineDeadError
from tests.scripted_runs import tiny


def test_a_run_says_what_happened_and_when(tmp_path: Path) -> None:
    """Inputs, model, each sealed chunk, the end; every line with its time in UTC; later sessions are appended."""
    tiny(tmp_path).generate(["a", "b", "c"], tmp_path / "run", model="scripted", chunk_size=2)
    lines = (tmp_path / "run" / "run.log").read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO constitution", line) for line in lines)
    text = "\n".join(lines)
    for said in (
        "3 inputs in 2 chunks, 2 to do",
        "answered by scripted",
        "sealed chunk 0",
        "sealed chunk 1",
        "complete",
    ):
        assert said in text


def test_the_error_that_ended_a_session_is_in_the_log(tmp_path: Path) -> None:
    """An engine that dies is told."""

    def dies(_: Request) -> Exception:
        return EngineDeadError("gone")

    with pytest.raises(EngineDeadError):
        tiny(tmp_path).generate(["a"], tmp_path / "run", model=ScriptedEngine(fault=dies))
    assert "ended by EngineDeadError: gone" in (tmp_path / "run" / "run.log").read_text()


def test_the_logger_is_left_as_it_was(tmp_path: Path) -> None:
    """No handler and no level stays behind."""
    ours = logging.getLogger("constitution")
    before = (list(ours.handlers), ours.level)
    tiny(tmp_path).generate(["a"], tmp_path / "run", model="scripted")
    assert (list(ours.handlers), ours.level) == before
