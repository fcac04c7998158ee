"""Law 5 for judged runs: killed among drafts or reads, run again: the same rows, nothing twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kill.driver import GROUP
from tests.run.test_judged_runs import JUDGED
from tests.scripted_runs import journal_lines, prompts, repeated, sealed_files, write_prompts

pytestmark = [pytest.mark.kill, pytest.mark.skipif(sys.platform == "win32", reason="children are forked")]

REPOSITORY = Path(__file__).parents[2]
IN_FLIGHT = 3
SIDE_BY_SIDE = 8
"""Most questions that one chain has in flight."""


def _seen(**given: Any) -> Any:
    command = [sys.executable, "-m", "tests.kill.driver", json.dumps(given)]
    return json.loads(subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, check=True, timeout=600).stdout)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "settings",
    [
        {"recipe": "ai_feedback", "candidates": 3, "judge_principles": 2, "pairs": "against_draft"},
        {"recipe": "contrast", "verify": "judge", "judge_mode": "think"},
    ],
    ids=["ai_feedback", "contrast"],
)
def test_killed_all_over_its_life(settings: dict[str, Any], tmp_path: Path) -> None:
    """At thirty moments: appends, commits and renames; it ends with the files of an uninterrupted run."""
    constitution = tmp_path / "judged.yaml"
    constitution.write_text(JUDGED)
    job = {
        "constitution": str(constitution),
        "prompts": str(write_prompts(tmp_path / "prompts.jsonl", prompts(6))),
        "latency_ms": 1,
        "settings": {"in_flight": IN_FLIGHT, "chunk_size": 4, "examine": 0, "anyway": True, **settings},
    }
    whole = _seen(mode="whole", job=job, folder=str(tmp_path))
    files, paid = sealed_files(Path(whole["out"])), set(whole["asked"])
    points = list(range(1, whole["points"], max(1, whole["points"] // 30)))
    seen = _seen(mode="points", job=job, folder=str(tmp_path), points=points)
    assert sum(run["how"][0] == "killed" for run in seen) >= 0.7 * len(points)  # a busy disk groups commits
    for run in seen:
        first, second = run["asked"]
        assert run["how"][1] == "0", run["at"]
        assert sealed_files(Path(run["out"])) == files, run["at"]
        assert not repeated(first), run["at"]
        assert not repeated(second), run["at"]
        assert set(first) | set(second) == paid, run["at"]
        assert len(set(first) & set(second)) <= IN_FLIGHT * SIDE_BY_SIDE + 2 * GROUP, run["at"]
        answers = [line["key"] for line in journal_lines(Path(run["out"])) if "key" in line]
        assert not repeated(answers), run["at"]
        assert set(answers) == paid, run["at"]
