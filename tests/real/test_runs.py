"""Whole runs on the real vLLM in float32: the same rows whatever happens, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from constitution import Constitution, Run
from constitution.errors import ConstitutionError
from constitution.run.merge import merge
from tests.real_engine import OPTIONS, EngineHost
from tests.scripted_runs import sealed_files
from tests.tool_conversations import CONVERSATION, TALKED, TOOLS, as_dicts

pytestmark = pytest.mark.engine

COMMAND = str(Path(sys.executable).with_name("constitution"))
PROMPTS = [
    "How do I keep basil alive on a windowsill?", "Why does bread rise?", "How can I remember names better?",
    "What should I pack for a day in the mountains?", "How do I thank a colleague?", "Why do cats purr?",
    "How do I fall asleep earlier?", "What is a good first book about stars?",
]  # fmt: skip
TOKENS = 24
SETTINGS: dict[str, Any] = {
    "rounds": 1,
    "seed": 5,
    "chunk_size": 3,
    # so small a model ends an answer of 24 tokens only where it is told to
    "roles": {
        "draft": {"max_tokens": TOKENS, "temperature": 0.8, "stop": [".", ",", "?", "!"]},
        "critique": {"max_tokens": TOKENS, "temperature": 0.8},
        "revise": {"max_tokens": TOKENS, "temperature": 0.8, "stop": [".", ",", "?", "!"]},
    },
}


def rows(folder: Path) -> list[dict[str, Any]]:
    """Every row of a run, in the order of ids."""
    tables = [pq.read_table(path).to_pylist() for path in sorted((folder / "shards").glob("*.parquet"))]
    found: list[dict[str, Any]] = [row for table in tables for row in table]
    return sorted(found, key=lambda row: str(row["id"]))


def journal_lines(folder: Path) -> list[dict[str, Any]]:
    """Every whole line of every journal."""
    found = []
    for path in (folder / "journal").glob("*.jsonl"):
        for line in path.read_bytes().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
    return found


@pytest.fixture(scope="module")
def whole(engine_host: EngineHost, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nothing interrupts."""
    out = tmp_path_factory.mktemp("whole") / "run"
    run = Constitution.load("verifiable").generate(PROMPTS, out, model=engine_host.engine, **SETTINGS)
    assert run.complete
    return out


def test_a_whole_run_adds_up_and_keeps_the_cache_warm(whole: Path) -> None:
    """Sums add up; later stages take prompt tokens from the prefix cache."""
    summary = Run.open(whole).summary()
    assert summary["inputs"] == len(PROMPTS)
    assert sum(summary[name] for name in ("paired", "fine", "dropped", "failed", "pending")) == len(PROMPTS)
    assert summary["failed"] == summary["pending"] == 0
    assert summary["tokens"]["critique"]["cached"] > 0
    assert summary["tokens"]["revise"]["cached"] > 0
    assert summary["models"]["draft"]


@pytest.mark.parametrize("how", ["one at a time", "shuffled"])
def test_the_same_rows_in_other_company(whole: Path, engine_host: EngineHost, tmp_path: Path, how: str) -> None:
    """One chain at a time, or the input in another order: the same texts in float32."""
    prompts = PROMPTS if how == "one at a time" else [PROMPTS[i] for i in (3, 7, 0, 5, 2, 6, 1, 4)]
    settings = {**SETTINGS, "in_flight": 1 if how == "one at a time" else 3}
    Constitution.load("verifiable").generate(prompts, tmp_path / "run", model=engine_host.engine, **settings)
    assert rows(tmp_path / "run") == rows(whole)


def test_shards_merge_to_the_run_in_one_piece(whole: Path, engine_host: EngineHost, tmp_path: Path) -> None:
    """Two shards made one after the other, merged: the rows of one process, byte by byte; cached counts may differ."""
    parts = [tmp_path / "part-0", tmp_path / "part-1"]
    for number, part in enumerate(parts):
        settings = {**SETTINGS, "shard": f"{number}/2"}
        Constitution.load("verifiable").generate(PROMPTS, part, model=engine_host.engine, **settings)
    merge(parts, tmp_path / "merged")
    merged, one = (
        {name: data for name, data in sealed_files(folder).items() if not name.endswith(".json")}
        for folder in (tmp_path / "merged", whole)
    )
    assert merged == one


def test_conversations_with_tools(engine_host: EngineHost, tmp_path: Path) -> None:
    """Calls and results go through the real engine as context, stand in the rows, and are told to be unseen."""
    inputs = [
        {"id": "ends-with-a-result", "messages": as_dicts(CONVERSATION), "tools": TOOLS},
        {"id": "goes-on", "messages": as_dicts(TALKED), "tools": TOOLS},
        {"id": "plain", "prompt": PROMPTS[0]},
    ]
    made = Constitution.load("verifiable").generate(inputs, tmp_path / "run", model=engine_host.engine, **SETTINGS)
    summary = made.summary()
    assert (summary["inputs"], summary["failed"], summary["pending"]) == (3, 0, 0)
    by_id = {row["id"]: row for row in made.to_dataset("traces")}
    assert by_id["goes-on"]["messages"] == as_dicts(TALKED)
    assert by_id["goes-on"]["tools"] == TOOLS
    assert by_id["plain"]["tools"] is None
    assert engine_host.engine.unseen > 0  # the small model's template shows no tools


def test_one_prompt_in_a_notebook(engine_host: EngineHost) -> None:
    """`revise` gives a draft and a round on the real engine; a list never raises for one record."""
    loaded = Constitution.load("verifiable")
    roles = SETTINGS["roles"]
    revised = loaded.revise("Why is the sky blue?", model=engine_host.engine, rounds=1, roles=roles)
    assert not isinstance(revised, list)
    assert revised.outcome in ("paired", "dropped")
    many = loaded.revise(["Why?", "word " * 3000], model=engine_host.engine, rounds=1, roles=roles)
    assert isinstance(many, list)
    assert many[1].reason == "too_long"


class Child:
    """The command in a process of its own, as a user would type it."""

    def __init__(self, model: Path, out: Path, prompts: Path) -> None:
        roles = [
            f"roles.{role}.{name}={value}" for role, own in SETTINGS["roles"].items() for name, value in own.items()
        ]
        engine = [f"engine.{name}={value}" for name, value in OPTIONS.items()]
        settings = [word for setting in roles + engine for word in ("--set", setting)]
        self.out = out
        self.process = psutil.Popen(
            [COMMAND, "generate", "--constitution", "verifiable", "--prompts", str(prompts), "--model", str(model),
             "--out", str(out), "--rounds", "1", "--seed", "5", "--chunk-size", "3", "--in-flight", "2", *settings],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def wait_for_answers(self, more_than: int) -> None:
        """Until the journal holds more answers than so many."""
        self._wait(lambda: sum("key" in line for line in journal_lines(self.out)) > more_than)

    def _wait(self, reached: Callable[[], bool], seconds: float = 300) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def family(self) -> list[psutil.Process]:
        """The processes below it."""
        found: list[psutil.Process] = self.process.children(recursive=True)
        return found

    def output(self) -> str:
        """What it printed, once it has ended."""
        text: bytes = self.process.communicate(timeout=300)[0]
        return text.decode(errors="replace")


def alive_after(seconds: float, processes: list[psutil.Process]) -> list[str]:
    """Those that still run so many seconds later."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [" ".join(_words(process)) for process in alive if process.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def prompts(tmp_path: Path) -> Iterator[Path]:
    """The prompts as a file."""
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in PROMPTS))
    yield path
    for process in psutil.process_iter():
        if any(str(tmp_path) in word for word in _words(process)):
            process.kill()


def _words(process: psutil.Process) -> list[str]:
    try:
        words: list[str] = process.cmdline()
    except psutil.Error:
        return []
    return words


@pytest.mark.kill
@pytest.mark.timeout(1500)
def test_killed_then_interrupted_then_whole(whole: Path, small_model: Path, prompts: Path, tmp_path: Path) -> None:
    """SIGKILL in mid-run leaves no engine; Ctrl-C ends with 130 and nothing failed; the same command gives the rows."""
    out = tmp_path / "run"
    killed = Child(small_model, out, prompts)
    killed.wait_for_answers(4)
    family = killed.family()
    assert family
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait(timeout=10)
    killed.process.stdout.close()
    assert alive_after(5, family) == []

    interrupted = Child(small_model, out, prompts)
    interrupted.wait_for_answers(sum("key" in line for line in journal_lines(out)) + 4)
    family = interrupted.family()
    os.killpg(interrupted.process.pid, signal.SIGINT)
    output = interrupted.output()
    assert interrupted.process.returncode == 130, output
    assert alive_after(5, family) == []
    assert "Traceback" not in output
    stopped = Run.open(out).summary()
    assert stopped["failed"] == 0
    assert stopped["pending"] > 0
    with pytest.raises(ConstitutionError, match="not complete"):
        Run.open(out).export(tmp_path / "data", "preference")

    finished = Child(small_model, out, prompts)
    output = finished.output()
    assert finished.process.returncode in (0, 1), output
    assert rows(out) == rows(whole)
    keys = [line["key"] for line in journal_lines(out) if "key" in line]
    assert len(keys) == len(set(keys))
