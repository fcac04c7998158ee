"""`constitution examine`: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from constitution import examine
from constitution.cli.app import app
from constitution.engines import models
from constitution.sources.constitution_file import read_constitution
from constitution.sources.judged_sets import DEFAULT, read_sets
from tests.examination.judges import Judge, honest


def run(command: str) -> Result:
    """Type a command."""
    return CliRunner().invoke(app, shlex.split(command))


@pytest.fixture
def honest_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """`scripted` is an honest judge of the default sets."""
    sets = read_sets(DEFAULT, read_constitution("balanced"))
    engine = Judge(sets, honest).engine
    monkeypatch.setattr(models, "_KINDS", {**models._KINDS, "scripted": lambda _name, _options: engine()})


def test_a_judge_that_passes_ends_with_0(honest_judge: None) -> None:
    """The page begins with the verdict."""
    done = run("examine --judge scripted:honest")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("passed  it is right on 100 %")
    assert "shown less hidden" in done.stdout or "less it" in done.stdout


def test_a_judge_that_does_not_ends_with_1(tmp_path: Path) -> None:
    """By its own accuracy, by what was asked for, or by too few pairs."""
    done = run(f"examine --judge scripted --limit 60 --out {tmp_path}/e")
    assert done.exit_code == 1
    assert not done.stdout.startswith("passed")
    assert sorted(path.name for path in (tmp_path / "e").iterdir()) == [
        "examination.json", "examination.lock", "examination.txt", "journal.jsonl", "reads.jsonl"
    ]  # fmt: skip
    page = (tmp_path / "e" / "examination.txt").read_text()
    assert page.split()[0] == done.stdout.split()[0]
    assert max(map(len, page.splitlines())) <= 100


def test_json_for_programs() -> None:
    """One object on stdout, the same as in Python."""
    done = run("examine --judge scripted --on checks --limit 20 --json")
    data = json.loads(done.stdout)
    assert data == json.loads(json.dumps(examine("scripted", "checks", limit=20).to_json()))
    assert data["passed"] is False
    assert data["sets"][0]["asked"] == 20
    assert done.exit_code == 1


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ("--on nothing", "neither a set"),
        ("--on hhh=none.jsonl", "none.jsonl: there is no such file"),
        ("--mode loud", "judge_mode"),
        ("--read aloud", "judge_read"),
        ("--at-least 60", "at_least is 60"),
        ("--constitution none", "none"),
        ("--set roles.judge.temperature=9", "roles.judge.temperature"),
    ],
)
def test_bad_input_ends_with_2(options: str, what: str) -> None:
    """And says what was expected; nothing is started."""
    done = run(f"examine --judge scripted {options}")
    assert done.exit_code == 2
    assert what in done.stderr
    assert not done.stdout


def test_problems_of_a_file_come_with_their_lines(tmp_path: Path) -> None:
    """All at once."""
    (tmp_path / "mine.jsonl").write_text('{"prompt": "a", "better": "b", "worse": 1}\n{\n')
    done = run(f"examine --judge scripted --on {tmp_path}/mine.jsonl")
    assert done.exit_code == 2
    assert "mine.jsonl:1:32: worse: expected a text" in done.stderr
    assert "mine.jsonl:2:1: " in done.stderr
