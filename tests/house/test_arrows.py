"""Arrows point down only, and a wrong import is seen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).with_name("lint-imports")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on a copy of the package."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [str(LINT), "--no-cache"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The package and its contracts."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_contracts_are_kept(copied: Path) -> None:
    """The package as it is keeps every contract."""
    done = lint(copied)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("steps/draft.py", "import constitution.run.chain"),
        ("recipes/critique_revise.py", "import asyncio"),
        ("messages.py", "from pathlib import Path"),
        ("run/worker.py", "import vllm"),
        ("templates.py", "import constitution.checks"),
        ("steps/revise.py", "def late() -> None:\n    from constitution.checks import build"),
        ("store/journal.py", "import constitution.api"),
    ],
)
def test_planted_wrong_import_is_seen(copied: Path, file: str, line: str) -> None:
    """Each kind of wrong import breaks a contract, inside functions too."""
    path = copied / "src" / "constitution" / file
    path.write_text(f"{path.read_text()}\n{line}\n")
    done = lint(copied)
    assert done.returncode != 0
    assert "BROKEN" in done.stdout
