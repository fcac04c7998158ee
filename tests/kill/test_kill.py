"""Law 5: kill it at any instant, run it again: the same rows, nothing twice, next to nothing asked again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from constitution.run.merge import merge
from tests.kill.driver import GROUP
from tests.scripted_runs import TINY, journal_lines, prompts, repeated, sealed_files, write_prompts

pytestmark = [pytest.mark.kill, pytest.mark.skipif(sys.platform == "win32", reason="children are forked")]

REPOSITORY = Path(__file__).parents[2]
IN_FLIGHT = 3


def _start(**given: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.kill.driver", json.dumps(given)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )


def _seen(process: subprocess.Popen[str]) -> Any:
    out, _ = process.communicate(timeout=600)
    assert process.returncode == 0
    return json.loads(out)


def _job(folder: Path, records: int, in_flight: int, chunk_size: int, latency_ms: float) -> dict[str, Any]:
    constitution = folder / "tiny.yaml"
    constitution.write_text(TINY)
    again = {"id": None, "prompt": "The same."}
    rows = [*prompts(records), again, again]
    return {
        "constitution": str(constitution),
        "prompts": str(write_prompts(folder / "prompts.jsonl", rows)),
        "latency_ms": latency_ms,
        "settings": {"rounds": 1, "in_flight": in_flight, "chunk_size": chunk_size},
    }


def _assert_valid(folder: Path, paid: set[str]) -> None:
    """Every answer and every record once, and all of them."""
    lines = journal_lines(folder)
    answers, records = ([line[name] for line in lines if name in line] for name in ("key", "done"))
    assert not repeated(answers)
    assert not repeated(records)
    assert set(answers) <= paid
    assert len(paid - set(answers)) == 1  # the request that the engine refuses: an error is never an answer


@pytest.mark.timeout(600)
def test_killed_at_every_append_commit_and_rename(tmp_path: Path) -> None:
    """A small run killed at each moment of its life ends with the files of an uninterrupted one."""
    job = _job(tmp_path, records=7, in_flight=IN_FLIGHT, chunk_size=4, latency_ms=1)
    whole = _seen(_start(mode="whole", job=job, folder=str(tmp_path)))
    assert whole["how"] == "0"
    files, paid = sealed_files(Path(whole["out"])), set(whole["asked"])
    points = range(1, whole["points"] + 1)
    halves = [_start(mode="points", job=job, folder=str(tmp_path), points=list(points[part::2])) for part in (0, 1)]
    seen = [run for half in halves for run in _seen(half)]

    killed = [run for run in seen if run["how"][0] == "killed"]
    assert len(killed) >= 0.7 * len(points)  # a busy disk groups more in one commit, and ends before the last points
    for run in seen:
        first, second = run["asked"]
        assert run["how"][1] == "0", run["at"]
        assert sealed_files(Path(run["out"])) == files, run["at"]
        assert not repeated(first), run["at"]
        assert not repeated(second), run["at"]
        assert set(first) | set(second) == paid, run["at"]
        assert len(set(first) & set(second)) <= IN_FLIGHT + 2 * GROUP, run["at"]
        _assert_valid(Path(run["out"]), paid)


@pytest.mark.timeout(600)
def test_killed_at_random_moments(tmp_path: Path) -> None:
    """A larger run killed fifty times at random moments ends with the files of an uninterrupted one."""
    in_flight = 20
    job = _job(tmp_path, records=120, in_flight=in_flight, chunk_size=25, latency_ms=20)
    whole = _seen(_start(mode="whole", job=job, folder=str(tmp_path)))
    files, paid = sealed_files(Path(whole["out"])), set(whole["asked"])
    job["seconds"] = whole["seconds"] * 0.5
    halves = [_start(mode="moments", job=job, folder=str(tmp_path), kills=25, seed=seed) for seed in (0, 1)]
    seen = [run for half in halves for run in _seen(half)]

    assert sum(run["how"].count("killed") for run in seen) == 50
    for run in seen:
        asked = [key for session in run["asked"] for key in session]
        assert run["how"][-1] == "0"
        assert sealed_files(Path(run["out"])) == files
        assert set(asked) == paid
        assert len(asked) - len(paid) <= run["how"].count("killed") * (in_flight + 2 * GROUP)
        _assert_valid(Path(run["out"]), paid)


@pytest.mark.timeout(600)
def test_a_killed_shard_merges_to_the_run_in_one_piece(tmp_path: Path) -> None:
    """One of two shards, killed all over its life and started again, merges with the other to the same run."""
    job = _job(tmp_path, records=11, in_flight=IN_FLIGHT, chunk_size=3, latency_ms=1)
    files = sealed_files(Path(_seen(_start(mode="whole", job=job, folder=str(tmp_path)))["out"]))
    first, second = ({**job, "settings": {**job["settings"], "shard": f"{i}/2"}} for i in (0, 1))
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    other = _seen(_start(mode="whole", job=first, folder=str(folders[0])))
    points = _seen(_start(mode="whole", job=second, folder=str(folders[1])))["points"]
    every = list(range(1, points, max(1, points // 16)))
    seen = _seen(_start(mode="points", job=second, folder=str(folders[1]), points=every))
    assert sum(run["how"][0] == "killed" for run in seen) >= 0.7 * len(every)
    for run in seen:
        assert run["how"][1] == "0", run["at"]
        merged = tmp_path / f"merged-{run['at']}"
        merge([Path(run["out"]), Path(other["out"])], merged)
        assert sealed_files(merged) == files, run["at"]
