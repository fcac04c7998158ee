"""A chunk has one lease: workers of one run never both write to it."""

from __future__ import annotations

from pathlib import Path

from constitution.store.folder import RunFolder
from tests.scripted_runs import prompts, sealed_files, tiny


def test_a_chunk_that_another_worker_has_is_left_to_it(tmp_path: Path) -> None:
    """The others are sealed; when it is given back, the same call makes it, and the rows are those of one worker."""
    whole = tiny(tmp_path).generate(prompts(9), tmp_path / "whole", model="scripted", chunk_size=3)
    out = tmp_path / "run"
    (out / "journal").mkdir(parents=True)
    (out / "shards").mkdir()
    lease = RunFolder(out).lease(1)
    assert lease is not None
    assert RunFolder(out).lease(1) is None
    run = tiny(tmp_path).generate(prompts(9), out, model="scripted", chunk_size=3)
    assert not run.complete
    assert sorted(path.name for path in (out / "shards").glob("*.parquet")) == ["00000.parquet", "00002.parquet"]
    assert run.summary()["pending"] == 3
    lease.give_back(sealed=False)
    assert tiny(tmp_path).generate(prompts(9), out, model="scripted", chunk_size=3).complete
    assert sealed_files(out) == sealed_files(whole.path)


def test_sealed_chunks_leave_no_lock(tmp_path: Path) -> None:
    """A finished run has no lease files."""
    run = tiny(tmp_path).generate(prompts(7), tmp_path / "run", model="scripted", chunk_size=2)
    assert list((run.path / "journal").glob("*.lock")) == []
