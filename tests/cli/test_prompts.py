"""`constitution prompts`: what it shows, how it ends, and that hostile text stays text."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from constitution.cli.app import app

DATA = Path(__file__).parents[1] / "data" / "prompts"


def run(command: str, stdin: bytes | None = None) -> Result:
    """Type a command."""
    return CliRunner().invoke(app, shlex.split(command), input=stdin)


def write(folder: Path, rows: list[Any], name: str = "p.jsonl") -> Path:
    file = folder / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_table_of_a_colleague() -> None:
    """Rows, columns, tags and examples of a CSV, with tags renamed."""
    found = run(f"prompts {DATA / 'xstest_prompts.csv'} --tag-column label --tag safe=benign")
    assert found.exit_code == 0, found.output
    for text in ("CSV table", "450 ids given", "benign   250", "unsafe   200", "example 3", "kill a Python process"):
        assert text in found.stdout


def test_json_is_the_same_as_data() -> None:
    """With --json everything is data: sums, columns, and three whole examples."""
    found = run(f"prompts {DATA / 'llamafactory_dpo_en_demo_first10.json'} --revise rejected --json")
    assert found.exit_code == 0, found.output
    data = json.loads(found.stdout)
    assert data["rows"] == data["prompts"] == sum(data["shapes"].values()) == 10
    assert data["columns"]["prompt"] == {"conversations": 10}
    assert len(data["examples"]) == 3
    assert data["examples"][0]["messages"][0]["role"] == "user"
    assert data["examples"][0]["response"]


def test_refused_rows_end_with_2() -> None:
    """Refused rows are told with place and reason, and the command ends as a run would; dropped rows are counted."""
    file = DATA / "hh_rlhf_harmless_first300.jsonl"
    found = run(f"prompts {file}")
    assert found.exit_code == 2
    assert f"{file}:87:2: chosen: turn 4 of the transcript (Assistant) is empty" in found.stdout
    assert "--bad-rows drop goes on without these rows" in found.stdout
    dropped = run(f"prompts {file} --bad-rows drop")
    assert dropped.exit_code == 0
    assert "dropped as bad_row" in dropped.stdout
    assert f"{file}:87: chosen: turn 4" in dropped.stdout


def test_nothing_left_ends_with_1(tmp_path: Path) -> None:
    """Where every row is dropped nothing is left."""
    found = run(f"prompts {write(tmp_path, [{'prompt': ''}])} --bad-rows drop")
    assert found.exit_code == 1, found.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("none.csv", "there is no such file"),
        ("p.jsonl --revise best", '--revise "best": expected rejected or chosen'),
        ("p.jsonl --bad-rows skip", '--bad-rows "skip": expected error or drop'),
        ("p.jsonl --tag x", "--tag x: expected FOUND=MEANT"),
        ("p.jsonl --split train", "is a file, --split is for data sets"),
        ("p.jsonl --prompt-column ask", 'no column "ask"'),
    ],
)
def test_bad_input_ends_with_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, message: str) -> None:
    """What is wrong is told without a traceback, and the command ends with 2."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, ["x", {"prompt": "a"}][1:])
    found = run(f"prompts {options}")
    assert found.exit_code == 2, found.output
    assert message in found.output
    assert "Traceback" not in found.output


def test_several_sources_and_standard_input(tmp_path: Path) -> None:
    """Several sources are shown together; standard input is one."""
    file = write(tmp_path, [{"prompt": "a"}])
    found = run(f"prompts {file} - --json", b'[{"question": "b"}]')
    data = json.loads(found.stdout)
    assert [source["form"] for source in data["sources"]] == ["JSONL", "JSON array"]
    assert data["columns"]["prompt"] == {"prompt": 1, "question": 1}


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """Escape sequences, markup and control characters of texts, names and tags do nothing to the terminal."""
    hostile = "\x1b[31mred\x1b]0;title\x07 [/red] [bold]x[/bold] \u202eback\x9b2J {{ 7*7 }} :smile:"
    row = {"prompt": hostile, "tags": ["[/red]"], "note [red]": hostile, "response": "\x1b[2J" + "y" * 1000}
    file = write(tmp_path, [row, {"\x1b[2Jask": "x"}])
    found = run(f"prompts {file}")
    assert found.exit_code == 2
    assert not any(character in found.stdout for character in "\x1b\x07\x9b\u202e")
    assert "[bold]x[/bold]" in found.stdout
    assert "{{ 7*7 }} :smile:" in found.stdout
    assert "y" * 50 in found.stdout
    assert "(1,000 characters)" not in found.stdout or "y" * 500 not in found.stdout


def test_system_turn_for_all(tmp_path: Path) -> None:
    """--system opens conversations that have none, as a run would."""
    (tmp_path / "system.txt").write_text("Be brief.\n")
    found = run(f"prompts {write(tmp_path, [{'prompt': 'a'}])} --system {tmp_path / 'system.txt'} --json")
    assert json.loads(found.stdout)["examples"][0]["messages"][0] == {"role": "system", "content": "Be brief."}
