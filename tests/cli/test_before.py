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


def test_a_preview_tells_what_the_run_will_give(folder: Path) -> None:
    """Rates with intervals, three pairs, and a run that goes on; nothing but the run's own words on stderr."""
    done = run(f"{GENERATE} --preview 4")
    assert done.exit_code == 0, done.output
    for said in (
        "pairs for each 100 prompts",
        "95 % interval",
        "4 of 12 prompts",
        "1 dropped as duplicate",
        "without --preview",
    ):
        assert said in done.stdout
    assert done.stdout.count("prompt    ") == 3
    told = json.loads(run(f"{GENERATE} --preview 4 --json").stdout)
    assert told["pairs"]["value"] == 100
    assert told["totals"]["pairs"]["high"] == 12
    assert run(GENERATE).exit_code == 0
    assert json.loads(run("show out --json").stdout)["pending"] == 0


def test_a_preview_without_a_pair_ends_with_1(folder: Path) -> None:
    """Where every answer is unusable, the run would give nothing."""
    done = run(f"{GENERATE} --preview 4 --set roles.draft.max_tokens=1 --set engine.max_context=2330")
    assert done.exit_code == 1
    assert "too_long" in done.stdout


def test_a_preview_that_its_limit_stops_at_once_tells_the_limit_alone(folder: Path) -> None:
    """Exit 1; that no record is finished is no mistake of the user's."""
    done = run(f"{GENERATE} --preview 4 --max-total-tokens 1")
    assert done.exit_code == 1
    assert "stopped by --max-total-tokens 1" in done.stderr
    assert "no drawn record" not in done.stderr


@pytest.mark.parametrize("other", ["--retry-failed", "--dry-run"])
def test_a_preview_goes_with_nothing_else(other: str, folder: Path) -> None:
    """Refused with exit 2 before a folder is made."""
    done = run(f"{GENERATE} --preview 4 {other}")
    assert done.exit_code == 2
    assert f"--preview does not go with {other}" in done.stderr
    assert not (folder / "out").exists()


def test_a_limit_stops_the_run_and_says_how_it_goes_on(folder: Path) -> None:
    """Exit 1; the same command with a higher limit ends with 0."""
    done = run(f"{GENERATE} --max-total-tokens 3000")
    assert done.exit_code == 1
    assert "stopped by --max-total-tokens 3,000" in done.stderr
    assert "higher limit goes on" in done.stderr
    assert json.loads(run("show out --json").stdout)["pending"] > 0
    assert run(f"{GENERATE} --max-total-tokens 1000000").exit_code == 0


def test_what_to_type_next_names_the_limit(folder: Path) -> None:
    """The run's own file holds the limit: without a higher one the command would stop at once."""
    done = run(f"{GENERATE} --max-total-tokens 3000")
    said = "constitution generate out/run.yaml --max-total-tokens HIGHER goes on with the run"
    assert said in " ".join(done.stdout.split())
    assert run("generate out/run.yaml").exit_code == 1
    assert run("generate out/run.yaml --max-total-tokens 1000000").exit_code == 0


def test_a_limit_in_money_needs_prices(folder: Path) -> None:
    """Exit 2, and what to type."""
    done = run(f"{GENERATE} --max-cost 1")
    assert done.exit_code == 2
    assert "--set prices.prompt=" in done.stderr
    prices = "--set prices.prompt=1 --set prices.output=1"
    assert run(f"{GENERATE} {prices} --max-cost 0.0001").exit_code == 1
    assert run(f"{GENERATE} {prices} --max-cost 10").exit_code == 0


def test_retry_failed_of_a_run_without_failures_is_the_run(folder: Path) -> None:
    """Nothing is opened again."""
    assert run(GENERATE).exit_code == 0
    assert run(f"{GENERATE} --retry-failed").exit_code == 0
