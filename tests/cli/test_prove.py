"""`constitution prove`: what a terminal and a program see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from constitution.cli.app import app

SMALL = "--model scripted --only revision,judge --limit 10"
pytestmark = pytest.mark.slow


def run(line: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    done = CliRunner().invoke(app, line.split())
    return done.exit_code, done.stdout, done.stderr


def test_verdicts_and_the_report_are_told(tmp_path: Path) -> None:
    """A line a claim, and where the report lies; of a principle that every draft keeps nothing is claimed."""
    code, told, _ = run(f"prove {SMALL} --principle sixty-words --out {tmp_path}/p")
    assert code == 0
    assert "cannot tell at this size: Revised answers are about the question" in told
    assert str(tmp_path / "p" / "report.md") in told.replace("\n", "")
    assert (tmp_path / "p" / "report.md").read_text().startswith("# What a constitution does to scripted\n")


def test_json_for_programs(tmp_path: Path) -> None:
    """One object on stdout, the record that lies in the folder; what goes on is told on stderr."""
    code, told, beside = run(f"prove {SMALL} --principle sixty-words --json --out {tmp_path}/p")
    assert code == 0
    assert json.loads(told) == json.loads((tmp_path / "p" / "proof.json").read_text())
    assert "drafts: 10 records" in beside


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--only revision,jury", "--only jury: expected some of revision, judge, training"),
        ("--principle warmth", "--principle warmth: code can decide speak-to-the-reader"),
        ("--constitution balanced", "take --constitution verifiable"),
        ("--only training", "has no weights to train here"),
        ("", "no principle is kept in 25 to 65 %"),
    ],
)
def test_wrong_use_is_told(tmp_path: Path, more: str, message: str) -> None:
    """Exit code 2, one line, and no traceback."""
    code, told, beside = run(f"prove {SMALL} {more} --out {tmp_path}/p")
    assert (code, told.count("Traceback")) == (2, 0)
    assert message in beside
