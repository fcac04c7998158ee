"""Shards of a run in processes of their own, merged: the run that one process makes, row by row."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution import Run, ScriptedEngine
from constitution.errors import InputError, SettingsError, StoreError
from constitution.run.merge import merge
from constitution.sources.run_file import read_run
from tests.scripted_runs import rows, sealed_files, tiny

RECORDS = [f"Question {number}?" for number in [*range(21), *range(9)]]
SETTINGS: dict[str, Any] = {"rounds": 1, "chunk_size": 4, "in_flight": 6}


def make(folder: Path, name: str, records: list[str] = RECORDS, **options: Any) -> Run:
    return tiny(folder).generate(records, folder / name, model=ScriptedEngine(), **{**SETTINGS, **options})


def shards(folder: Path, count: int, **options: Any) -> list[Path]:
    return [make(folder, f"shard-{i}", shard=f"{i}/{count}", **options).path for i in range(count)]


def drops(path: Path) -> list[Any]:
    files = [file for kind in ("dropped", "failed") for file in sorted((path / kind).iterdir())]
    return [json.loads(line) for file in files for line in file.read_bytes().splitlines()]


@given(
    st.lists(st.integers(0, 12), min_size=4, max_size=30), st.integers(2, 4), st.integers(1, 4), st.booleans()
)  # duplicates fall into any two shards
@settings(deadline=None, max_examples=12)
def test_merged_shards_equal_the_run_in_one_piece(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], count: int, size: int, keep: bool
) -> None:
    """Rows, drops, sums and settings are those of one process, whichever shards repeats fall into."""
    folder = tmp_path_factory.mktemp("shards")
    records = [f"question {number}" for number in numbers]
    count = min(count, -(-len(records) // size))
    options: dict[str, Any] = {"records": records, "chunk_size": size, "keep_duplicates": keep}
    whole = make(folder, "whole", **options)
    merge(shards(folder, count, **options), folder / "merged")
    merged = Run.open(folder / "merged")
    assert sealed_files(merged.path) == sealed_files(whole.path)
    assert drops(merged.path) == drops(whole.path)
    assert rows(merged) == rows(whole)
    one, other = merged.summary(), whole.summary()
    assert {**one, "seconds": 0} == {**other, "seconds": 0}
    mine, theirs = (json.loads((run.path / "manifest.json").read_text()) for run in (merged, whole))
    assert mine["settings"] == theirs["settings"]
    assert mine["plan"]["digest"] == theirs["plan"]["digest"]


def test_a_shard_has_its_own_chunks(tmp_path: Path) -> None:
    """Each shard is a run of its own that adds up; together they have every input once."""
    parts = [Run.open(path).summary() for path in shards(tmp_path, 3)]
    whole = make(tmp_path, "whole").summary()
    assert sum(part["inputs"] for part in parts) == whole["inputs"]
    assert all(part["pending"] == 0 for part in parts)
    for name in ("paired", "fine", "dropped", "failed"):
        assert sum(part[name] for part in parts) == whole[name]


def test_the_merged_run_goes_on_and_is_reused(tmp_path: Path) -> None:
    """A merged run is a run: the same call finds it complete, and another takes its answers."""
    merge(shards(tmp_path, 2), tmp_path / "merged")
    before = sealed_files(tmp_path / "merged")
    again = make(tmp_path, "merged")
    assert again.complete
    assert sealed_files(again.path) == before
    other = make(tmp_path, "other", reuse=str(tmp_path / "merged"))
    assert other.summary()["tokens"] == {}
    assert rows(other) == rows(again)


def test_missing_chunks_are_named(tmp_path: Path) -> None:
    """A shard that is absent, and one that is not complete, are told with what to do; nothing is written."""
    parts = shards(tmp_path, 3)
    with pytest.raises(InputError, match=r"not among the folders: shard 2/3"):
        merge(parts[:2], tmp_path / "merged")
    sealed = next((parts[1] / "shards").glob("*.json"))
    sealed.unlink()
    with pytest.raises(InputError, match=r"shard 1/3\): 1 of its own are missing; run its command again"):
        merge(parts, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rounds": 2}, "they differ in rounds"),
        ({"seed": 5}, "they differ in seed"),
        ({"chunk_size": 5}, "has another plan"),
        ({"records": RECORDS[:-1]}, "has another plan"),
    ],
)
def test_parts_of_other_runs_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    """Shards of another plan, or with other settings, are no parts of the same run."""
    first = make(tmp_path, "one", shard="0/2").path
    second = make(tmp_path, "two", **{"shard": "1/2", **options}).path
    with pytest.raises(InputError, match=message):
        merge([first, second], tmp_path / "merged")


def test_a_chunk_that_two_folders_have(tmp_path: Path) -> None:
    """The same rows twice are one; other rows for one chunk are refused."""
    parts = shards(tmp_path, 2)
    shutil.copytree(parts[0], tmp_path / "copy")
    merge([*parts, tmp_path / "copy"], tmp_path / "merged")
    seal = min((tmp_path / "copy" / "shards").glob("*.json"))
    seal.write_text(seal.read_text().replace('"sha256": "', '"sha256": "0'))
    with pytest.raises(InputError, match="chunk 0 has other rows in"):
        merge([*parts, tmp_path / "copy"], tmp_path / "again")


def test_a_damaged_shard_is_not_copied(tmp_path: Path) -> None:
    """A shard whose bytes are not those that were sealed is refused, and no run stands in the new folder."""
    parts = shards(tmp_path, 2)
    shard = min((parts[1] / "shards").glob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    with pytest.raises(StoreError, match="not what was sealed"):
        merge(parts, tmp_path / "merged")
    with pytest.raises(StoreError, match="no run here"):
        Run.open(tmp_path / "merged")


@pytest.mark.parametrize("shard", ["2/2", "1", "a/2", "0/0", "-1/2"])
def test_shards_that_are_none(tmp_path: Path, shard: str) -> None:
    """A shard is i/n with i from 0 to n-1."""
    with pytest.raises((SettingsError, InputError), match="shard"):
        make(tmp_path, "run", shard=shard)


def test_a_shard_without_a_chunk(tmp_path: Path) -> None:
    """More processes than chunks: those without work say so before the engine starts."""
    with pytest.raises(InputError, match="has nothing to do"):
        make(tmp_path, "run", shard="9/10")


def test_the_run_file_of_a_merged_run_needs_no_part(tmp_path: Path) -> None:
    """It names the merged folder's own copy of the prompts."""
    parts = shards(tmp_path, 2)
    merge(parts, tmp_path / "whole")
    (source,) = read_run(tmp_path / "whole" / "run.yaml").prompts
    assert Path(source.source) == tmp_path / "whole" / "input.jsonl"


def test_shards_made_at_other_speeds_are_one_run(tmp_path: Path) -> None:
    """What may change when a run goes on may also differ between its shards."""
    parts = [
        tiny(tmp_path).generate(
            RECORDS, tmp_path / f"part-{number}", model="scripted", shard=f"{number}/2", engine=engine, **SETTINGS
        )
        for number, engine in enumerate(({"latency_ms": 0}, {"latency_ms": 1}))
    ]
    merge([part.path for part in parts], tmp_path / "whole")
    assert Run.open(tmp_path / "whole").complete
