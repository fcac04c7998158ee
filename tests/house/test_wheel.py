"""The built wheel works with the sources out of reach, shipped files included."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys, pathlib, constitution
where, out = sys.argv[1:]
assert pathlib.Path(constitution.__file__).is_relative_to(where), constitution.__file__
for name in ("balanced", "harmless", "helpful", "honest", "verifiable"):
    assert len(constitution.Constitution.load(name).principles) >= 10, name
from constitution.cli.demo import _shipped
prompts = _shipped()
assert pathlib.Path(prompts).is_relative_to(where), prompts
run = constitution.Constitution.load("verifiable").generate(prompts, out, model="scripted")
assert constitution.examine("scripted", "checks", limit=20).figures.pairs == 20
print(run.summary()["paired"])
"""


@pytest.mark.slow
def test_wheel_works_without_the_sources(tmp_path: Path) -> None:
    """Build, unpack elsewhere, run: constitutions, templates and prompts come along."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(site), str(tmp_path / "run")],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 32
