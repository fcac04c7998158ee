"""Shards: traces come back whole, and what is not what was sealed is not read."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import orjson
import pytest

from constitution.errors import StoreError
from constitution.messages import assistant, system, user
from constitution.records import (
    SCHEMA_VERSION,
    ChainResult,
    Critique,
    Draft,
    Failure,
    Finding,
    Revision,
    Round,
    Trace,
)
from constitution.store import shards
from constitution.store.shards import is_sealed, read_shard, read_sums, seal
from constitution.store.sums import Sums

FULL = Trace(
    record="a",
    sample=2,
    conversation=(system("s"), user("u\0\n😀"), assistant("x"), user("")),
    draft=Draft("d", given=False, reasoning="hm", attempts=3),
    rounds=(
        Round(1, "p", Critique("c", Finding(True, False, 3, "f"), True, "r", 2), Revision("n", "equal", "Here:", 0.25)),
        Round(2, "q", None, None, "empty"),
    ),
    tags=("one", "two"),
    metadata='{"a":[1,null]}',
    constitution="digest",
)
RESULTS: list[ChainResult] = [
    FULL,
    Trace("b", 0, (user("?"),), None, reason="too_long"),
    Failure("c", 1, "revise", "RequestRefused", "no", 2),
]


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """A sealed shard."""
    path = tmp_path / "00000.parquet"
    seal(path, RESULTS, Sums(), 3)
    return path


def test_every_field_of_a_trace_comes_back(shard: Path) -> None:
    """Traces and failures survive the file, in their order."""
    assert list(read_shard(shard)) == RESULTS


def test_the_same_rows_are_the_same_bytes(shard: Path, tmp_path: Path) -> None:
    """A shard that is sealed again is the same file."""
    seal(tmp_path / "again.parquet", RESULTS, Sums(), 3)
    assert (tmp_path / "again.parquet").read_bytes() == shard.read_bytes()


def test_a_shard_without_rows_is_a_shard(tmp_path: Path) -> None:
    """A chunk of duplicates alone has no chain."""
    path = tmp_path / "00000.parquet"
    seal(path, [], Sums(), 2)
    assert list(read_shard(path)) == []


def test_sums_come_back_whole(tmp_path: Path) -> None:
    """Every counter survives, zeros aside."""
    sums = Sums(pairs_proposed=3, pairs_kept=2)
    sums.outcomes["paired"] = 2
    sums.reasons["empty"] = 1
    sums.pairs_dropped["equal"] = 1
    sums.signs["preambles"] = 4
    seal(tmp_path / "00000.parquet", [], sums, 3)
    assert read_sums(tmp_path / "00000.parquet") == sums


@pytest.mark.parametrize("suffix", [".parquet", ".json"])
def test_half_of_the_pair_is_not_sealed(suffix: str, shard: Path) -> None:
    """Only both files together seal a chunk."""
    assert is_sealed(shard)
    shard.with_suffix(suffix).unlink()
    assert not is_sealed(shard)


@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda data: data + b"x", lambda _: b"", lambda _: b"PAR1" * 4]
)
def test_a_shard_that_was_changed_is_refused(change: object, shard: Path) -> None:
    """Its bytes are compared with the digest that was sealed."""
    assert callable(change)
    shard.write_bytes(change(shard.read_bytes()))
    with pytest.raises(StoreError, match=f"{shard}: the shard is not what was sealed; delete it"):
        list(read_shard(shard))


def test_damaged_sums_are_told(shard: Path) -> None:
    """No traceback where the file beside the shard is broken."""
    shard.with_suffix(".json").write_text("{")
    with pytest.raises(StoreError, match="json: cannot read it"):
        read_sums(shard)
    shard.with_suffix(".json").write_bytes(orjson.dumps({"sha256": ""}))
    with pytest.raises(StoreError, match="json: cannot read it"):
        list(read_shard(shard))


def test_rows_of_a_newer_schema_are_refused() -> None:
    """An older version does not guess."""
    row = shards.to_row(FULL) | {"schema_version": SCHEMA_VERSION + 1}
    with pytest.raises(StoreError, match="install a newer"):
        shards.from_row(row)


def test_a_full_disk_leaves_no_half_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the shard cannot be made durable, nothing stands under its name."""

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    path = tmp_path / "00000.parquet"
    with pytest.raises(StoreError, match=f"{path}: cannot write: No space left"):
        seal(path, RESULTS, Sums(), 3)
    assert not path.exists()
