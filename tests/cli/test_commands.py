"""The commands: what they print, what they write, how they end."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

import constitution
from constitution.cli.app import app

CONSTITUTION = """
schema: 1
name: tiny
version: "1.0"
principles:
  - {id: short, text: Answers are short., critique: Where is it long?, revision: Shorten it., check: {words: {max: 8}}}
  - {id: kind, text: Answers are kind., critique: Where is it unkind?, revision: Make it kinder.}
  - {id: plain, text: Answers are plain., critique: Where is it not plain?, revision: Make it plainer.}
"""


def run(command: str) -> Result:
    """Type a command."""
    return CliRunner().invoke(app, shlex.split(command))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a constitution and prompts, and in it."""
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(CONSTITUTION)
    Path("p.jsonl").write_text("".join(json.dumps({"prompt": f"question {i}"}) + "\n" for i in range(12)))
    return tmp_path


GENERATE = "generate --constitution c.yaml --prompts p.jsonl --model scripted --out out"


def test_generate_then_show_then_export(folder: Path) -> None:
    """The whole way by commands: a run, its sums, its rows."""
    made = run(GENERATE)
    assert made.exit_code == 0, made.output
    shown = json.loads(run("show out --json").stdout)
    assert shown["inputs"] == 12
    assert sum(shown[name] for name in ("paired", "fine", "dropped", "failed", "pending")) == 12
    assert shown["pairs"]["proposed"] == shown["pairs"]["kept"] + sum(shown["pairs"]["dropped"].values())
    for kind, rows in (("preference", shown["paired"]), ("sft", shown["paired"]), ("traces", 12)):
        done = run(f"export out --to {kind} --out data")
        assert done.exit_code == 0, done.output
        assert pq.read_table(folder / "data" / kind / "train-00000.parquet").num_rows == rows
    assert run("export out --to sft --out data --format jsonl").exit_code == 0
    assert len((folder / "data" / "sft" / "train-00000.jsonl").read_text().splitlines()) == shown["paired"]


def test_the_version() -> None:
    """Alone on its line."""
    done = run("--version")
    assert (done.exit_code, done.stdout) == (0, f"{constitution.__version__}\n")


def test_verbose_behind_two_dashes_is_a_text(folder: Path) -> None:
    """What stands there is no option."""
    done = run("revise --model scripted --constitution c.yaml --json -- --verbose")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["prompt"][-1]["content"] == "--verbose"


def test_the_same_command_again_asks_nothing(folder: Path) -> None:
    """A finished run is left as it is."""
    assert run(GENERATE).exit_code == 0
    before = {path: path.read_bytes() for path in folder.rglob("*.parquet")}
    assert run(GENERATE).exit_code == 0
    assert {path: path.read_bytes() for path in folder.rglob("*.parquet")} == before


def test_changed_settings_are_refused_with_the_command_to_type(folder: Path) -> None:
    """Exit 2, the settings named, and a command that works."""
    assert run(GENERATE).exit_code == 0
    refused = run(f"{GENERATE} --rounds 1")
    assert refused.exit_code == 2
    assert "rounds was 2, is 1" in refused.stderr
    assert "--reuse out" in refused.stderr
    again = run(GENERATE.replace("--out out", "--out out-2 --reuse out") + " --rounds 1")
    assert again.exit_code == 0, again.output
    assert json.loads(run("show out-2 --json").stdout)["tokens"] == {}


def test_the_copied_run_file_runs_again(folder: Path) -> None:
    """`run.yaml` in the folder is enough to go on with the run, also where the folder was moved."""
    assert run(GENERATE).exit_code == 0
    again = run("generate out/run.yaml")
    assert again.exit_code == 0, again.output
    assert "out/" not in Path("out/run.yaml").read_text()
    Path("out").rename("moved")
    Path("moved/shards/00000.json").unlink()
    again = run("generate moved/run.yaml")
    assert again.exit_code == 0, again.output
    assert not Path("out").exists()
    assert Path("moved/shards/00000.json").exists()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("generate --constitution c.yaml --prompts p.jsonl --model scripted", "out: is needed"),
        ("generate --constitution nope --prompts p.jsonl --model scripted --out o", "nope"),
        ("generate --constitution c.yaml --prompts none.jsonl --model scripted --out o", "none.jsonl"),
        ("generate --constitution c.yaml --prompts p.jsonl --model ./none --out o", "no such folder"),
        ("generate --constitution c.yaml --prompts p.jsonl --model ftp://x#y --out o", "expected scripted"),
        ("generate --constitution c.yaml --prompts p.jsonl --model scripted --out o --rounds 0", "rounds"),
        ("generate --constitution c.yaml --prompts p.jsonl --model scripted --out o --pairs best", "first_last"),
        ("generate --constitution c.yaml --prompts p.jsonl --model scripted --out o --set engine.speed=3", "speed"),
        ("generate --constitution c.yaml --prompts p.jsonl --model scripted --out o --set nonsense", "NAME=VALUE"),
        ("generate --constitution c.yaml --prompts p.jsonl --model scripted --out o --set colour=red", "colour"),
        ("generate --constitution c.yaml --prompts p.jsonl --model scripted --out o --recipe magic", "magic"),
        ("generate --constitution c.yaml --prompts p.jsonl --model scripted --out o --verdict-first --no-critique",
         "verdict-first"),
        ("generate --constitution c.yaml --prompts p.jsonl --model scripted --out p.jsonl", "p.jsonl"),
        ("generate none.yaml", "none.yaml"),
        ("check none.yaml", "none.yaml"),
        ("check p.jsonl", "p.jsonl"),
    ],
)  # fmt: skip
def test_bad_input_is_told_before_anything_runs(folder: Path, command: str, says: str) -> None:
    """A clear message on stderr, no traceback, no run folder with answers."""
    done = run(command)
    assert done.exit_code in (1, 2), done.output
    assert done.exit_code == 2 or "cannot make" in done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.output
    assert not list(folder.rglob("manifest.json"))


def test_show_and_export_need_a_run(folder: Path) -> None:
    """A folder that is no run is told so."""
    for command in ("show .", "export . --to sft --out x"):
        done = run(command)
        assert done.exit_code == 1
        assert "no run here" in done.stderr


def test_export_refuses_what_it_does_not_know(folder: Path) -> None:
    """Kinds, formats and policies are checked."""
    assert run(GENERATE).exit_code == 0
    for options in ("--to nothing --out x", "--to sft --out x --format csv", "--to sft --out x --pairs best"):
        assert run(f"export out {options}").exit_code == 2, options


def test_export_with_another_policy_counts_its_own_pairs(folder: Path) -> None:
    """A pair policy changes without an engine."""
    assert run(GENERATE).exit_code == 0
    run("export out --to preference --out data --pairs all")
    first_last = json.loads(run("show out --json").stdout)["pairs"]["kept"]
    assert pq.read_table(folder / "data" / "preference" / "train-00000.parquet").num_rows > first_last


def test_schema_is_json(folder: Path) -> None:
    """`constitution schema` prints one JSON Schema."""
    assert json.loads(run("schema").stdout)["type"] == "object"


def test_check_tells_every_problem(folder: Path) -> None:
    """All problems at once, each with its place."""
    Path("bad.yaml").write_text("name: x\nversion: 1.10\nprinciples:\n  - {id: a, txt: b}\n  - {id: a, critique: b}\n")
    done = run("check bad.yaml")
    assert done.exit_code == 2
    lines = done.stderr.splitlines()
    assert any(line.startswith("bad.yaml:2:") and "quotes" in line for line in lines)
    assert any(line.startswith("bad.yaml:4:") and "did you mean 'text'" in line for line in lines)


def test_revise_shows_every_round(folder: Path) -> None:
    """One prompt, on the terminal."""
    done = run('revise "How do I boil an egg?" --constitution c.yaml --model scripted --rounds 2')
    assert done.exit_code == 0, done.output
    assert "round 1" in done.stdout
    assert "round 2" in done.stdout


def test_demo_on_the_scripted_engine(folder: Path) -> None:
    """The demo's own way, without a model: diffs, table, sums, files."""
    done = run("demo --model scripted --out demo")
    assert done.exit_code == 0, done.output
    assert "kept by principle" in done.stdout
    assert pq.read_table(folder / "demo" / "export" / "preference" / "train-00000.parquet").num_rows >= 32


def test_demo_says_so_when_few_prompts_give_a_pair(folder: Path) -> None:
    """Exit 1 with the reasons counted where fewer than half are paired."""
    Path("few.jsonl").write_text('{"prompt": "the same"}\n' * 6)
    done = run("demo --model scripted --prompts few.jsonl --out demo")
    assert done.exit_code == 1
    assert "fewer than half of the prompts gave a pair: duplicate 5" in done.stderr


def test_system_turn_goes_into_conversations_that_have_none(folder: Path) -> None:
    """`--system FILE` is part of the conversation from then on."""
    Path("s.txt").write_text("Be brief.\n")
    assert run(f"{GENERATE} --system s.txt").exit_code == 0
    run("export out --to preference --out data --format jsonl")
    row = json.loads((folder / "data" / "preference" / "train-00000.jsonl").read_text().splitlines()[0])
    assert row["prompt"][0] == {"role": "system", "content": "Be brief."}
