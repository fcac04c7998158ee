"""Runs on the scripted engine, as the tests of store and runner make them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from constitution import Completion, Constitution, Request, Run, ScriptedEngine

TINY = """\
schema: 1
name: tiny
version: "1.0"
principles:
  - {id: short, text: Answers are short., critique: Say where it is long., revision: Write it shorter.,
     check: {words: {max: 8}}}
  - {id: kind, text: Answers are kind., critique: Say where it is unkind., revision: Write it kinder.}
  - {id: plain, text: Answers are plain., critique: Say where it is not plain., revision: Write it plainer.}
"""


def tiny(folder: Path, text: str = TINY, name: str = "tiny.yaml") -> Constitution:
    """A small constitution, from a file."""
    path = folder / name
    path.write_text(text)
    return Constitution.load(path)


def prompts(number: int) -> list[dict[str, Any]]:
    """Prompts with given ids `r0`, `r1` ..."""
    return [{"id": f"r{index}", "prompt": f"Question {index}?"} for index in range(number)]


def write_prompts(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Prompts as a file."""
    path.write_bytes(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))
    return path


class LoggingEngine(ScriptedEngine):
    """Writes the key of each request to a file before it answers; a SIGKILL leaves the file as it is."""

    def __init__(self, log: Path, **options: Any) -> None:
        super().__init__(**options)
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def answer(self, request: Request) -> Completion:
        """Log, then answer."""
        os.write(self._log, f"{request.key}\n".encode())
        return await super().answer(request)


class KeepingEngine(ScriptedEngine):
    """Keeps every request, for runs of a few records."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.asked: list[Request] = []

    async def answer(self, request: Request) -> Completion:
        """Keep, then answer."""
        self.asked.append(request)
        return await super().answer(request)


def rows(run: Run | Path) -> list[Any]:
    """Every row of the sealed shards, in input order."""
    opened = run if isinstance(run, Run) else Run.open(run)
    return list(opened.traces())


def sealed_files(folder: Path) -> dict[str, bytes]:
    """Everything that a run seals, byte by byte."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for name in ("shards", "dropped", "dropped_pairs", "failed")
        for path in sorted((folder / name).iterdir())
        if not path.name.startswith(".")
    }


def journal_lines(folder: Path) -> list[dict[str, Any]]:
    """Every line of every journal; each must be whole."""
    lines: list[dict[str, Any]] = []
    for path in sorted((folder / "journal").glob("*.jsonl")):
        data = path.read_bytes()
        assert not data or data.endswith(b"\n")
        lines.extend(orjson.loads(line) for line in data.splitlines())
    return lines


def repeated(values: Iterable[str]) -> list[str]:
    """Values that come more than once."""
    return [value for value, count in Counter(values).items() if count > 1]
