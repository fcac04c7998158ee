"""What a run leaves in its folder, and what it never writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from constitution import Run, ScriptedEngine
from constitution.errors import StoreError
from tests.scripted_runs import prompts, rows, sealed_files, tiny

SECRET = "hf_abcdefSECRETghij"


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_no_file_holds_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens of the environment reach no file of a run."""
    for name in ("HF_TOKEN", "OPENAI_API_KEY", "WANDB_API_KEY"):
        monkeypatch.setenv(name, SECRET)
    run = tiny(tmp_path).generate(prompts(3), tmp_path / "run", model="scripted")
    assert not [name for name, data in _files(run.path).items() if SECRET.encode() in data]


def test_a_complete_run_leaves_its_files_and_no_other(tmp_path: Path) -> None:
    """No temporary file, no owner, a shard with its sums for each chunk."""
    run = tiny(tmp_path).generate(prompts(5), tmp_path / "run", model="scripted", chunk_size=3)
    assert sorted(_files(run.path)) == [
        "constitution.yaml", "input.jsonl", "journal/00000.jsonl", "journal/00001.jsonl", "manifest.json", "run.lock",
        "run.log", "run.yaml", "sessions.jsonl", "shards/00000.json", "shards/00000.parquet", "shards/00001.json",
        "shards/00001.parquet",
    ]  # fmt: skip


def test_the_manifest_never_changes_after_the_plan(tmp_path: Path) -> None:
    """Neither by the run's end nor by another session."""
    constitution = tiny(tmp_path)
    first: list[bytes] = []
    manifest = tmp_path / "run" / "manifest.json"
    run = constitution.generate(
        prompts(5), tmp_path / "run", model="scripted", on_progress=lambda _: first.append(manifest.read_bytes())
    )
    (run.path / "shards" / "00000.json").unlink()
    constitution.generate(prompts(5), tmp_path / "run", model="scripted")
    assert {*first, manifest.read_bytes()} == {first[0]}


def test_sealed_files_hold_no_time_engine_or_place(tmp_path: Path) -> None:
    """The same run in another folder, at another time, seals the same bytes."""
    constitution = tiny(tmp_path)
    one = constitution.generate(prompts(5), tmp_path / "one", model=ScriptedEngine(latency_ms=2))
    two = constitution.generate(prompts(5), tmp_path / "another place", model=ScriptedEngine())
    assert sealed_files(one.path) == sealed_files(two.path)


@pytest.mark.parametrize("name", ["with spaces", "größe 運行 🏃"])
def test_runs_live_under_any_name(name: str, tmp_path: Path) -> None:
    """Folder, prompts and constitution with spaces and other scripts; stopped, gone on with and opened again."""
    folder = tmp_path / name
    folder.mkdir()
    file = folder / f"{name}.txt"
    file.write_text("one\ntwo\n")
    constitution = tiny(folder, name=f"{name}.yaml")
    run = constitution.generate(file, folder / name, model="scripted")
    (run.path / "shards" / "00000.json").unlink()
    assert constitution.generate(file, folder / name, model="scripted").complete
    assert len(rows(Run.open(folder / name))) == 2


def test_a_folder_that_was_moved_opens_and_goes_on(tmp_path: Path) -> None:
    """Nothing in it depends on where it stands."""
    constitution = tiny(tmp_path)
    run = constitution.generate(["one", "two"], tmp_path / "here", model="scripted")
    was = rows(run)
    (run.path / "shards" / "00000.json").unlink()
    run.path.rename(tmp_path / "there")
    assert rows(Run.open(tmp_path / "there")) == was
    assert rows(constitution.generate(["one", "two"], tmp_path / "there", model="scripted")) == was


def test_what_is_no_run_does_not_open(tmp_path: Path) -> None:
    """An empty folder, a missing one and a file are told with their path."""
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "nothing", tmp_path / "file"):
        with pytest.raises(StoreError, match=re.escape(f"{path}: no run here")):
            Run.open(path)
