"""What the command says before a run is paid for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_commands import CONSTITUTION, GENERATE, run

DRY = "generate --constitution c.yaml --prompts p.jsonl --model scripted --dry-run"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a constitution and prompts, and in it."""
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(CONSTITUTION)
    Path("p.jsonl").write_text("".join(json.dumps({"prompt": f"question {i}"}) + "\n" for i in [*range(12), 0]))
    return tmp_path


def test_a_dry_run_shows_prompts_tokens_and_drops(folder: Path) -> None:
    """On stdout alone, without a folder and without --out."""
    done = run(f"{DRY} --set prices.prompt=1 --set prices.output=2 --tokens-per-second 1000")
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    for said in ("question 0", "duplicate", "⟨draft, at most 512 tokens⟩", "prompt tokens", "cost", "time"):
        assert said in done.stdout
    assert sorted(path.name for path in folder.iterdir()) == ["c.yaml", "p.jsonl"]


def test_a_dry_run_as_json(folder: Path) -> None:
    """Every number, and nothing else on stdout."""
    done = run(f"{DRY} --json --out out")
    told = json.loads(done.stdout)
    assert (told["inputs"], told["asked"], told["dropped"]) == (13, 12, {"duplicate": 1})
    assert run(GENERATE).exit_code == 0
    assert json.loads(run("show out --json").stdout)["tokens"]["draft"]["prompt"] == told["drafts"]


def test_a_dry_run_refuses_what_the_run_would_refuse(folder: Path) -> None:
    """Exit 2 and the reason."""
    done = run(DRY.replace("p.jsonl", "none.jsonl"))
    assert done.exit_code == 2
    assert "none.jsonl" in done.stderr


def test_generate_tells_its_sums_as_json(folder: Path) -> None:
    """`--json` prints what `show --json` prints."""
    done = run(f"{GENERATE} --json")
    assert json.loads(done.stdout)["paired"] == json.loads(run("show out --json").stdout)["paired"]
