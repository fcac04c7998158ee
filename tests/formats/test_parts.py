"""Parts: rows in order, files of bounded size, errors that come out where rows go in."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution.errors import StoreError
from constitution.formats.parts import Part

SCHEMA = pa.schema([("id", pa.int64()), ("text", pa.string())])


def part(folder: Path, file_bytes: int = 10_000, format: Any = "parquet") -> Part:
    return Part(folder, "train", SCHEMA, format, file_bytes)


def rows(count: int, size: int = 10) -> list[dict[str, Any]]:
    return [{"id": number, "text": "x" * size} for number in range(count)]


@settings(max_examples=25)
@given(st.lists(st.integers(0, 3000), max_size=40), st.integers(1, 6000))
def test_all_rows_in_order_in_files_of_a_size(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], file_bytes: int
) -> None:
    """Each row is in one file, in order; a file ends with the row that fills it, and none is empty but an only one."""
    made = part(tmp_path_factory.mktemp("parts"), file_bytes)
    given_rows = [{"id": number, "text": "x" * size} for number, size in enumerate(sizes)]
    for row in given_rows:
        made.add(row)
    made.close()
    held = [pq.read_table(file.path).to_pylist() for file in made.files]
    assert [row for rows in held for row in rows] == given_rows
    assert [len(rows) for rows in held] == [file.rows for file in made.files]
    assert all(held) or held == [[]]
    for found in held[:-1]:
        assert sum(len(row["text"]) + 50 for row in found) >= file_bytes
        assert sum(len(row["text"]) for row in found[:-1]) < file_bytes
    assert [file.path.name for file in made.files] == [f"train-{n:05d}.parquet" for n in range(len(held))]
    assert made.rows == len(sizes)


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_no_rows(tmp_path: Path, format: str) -> None:
    """One valid empty file, with its columns where the format has them."""
    made = part(tmp_path, format=format)
    made.close()
    (file,) = made.files
    assert (file.rows, file.path.exists()) == (0, True)
    if format == "parquet":
        assert pq.read_schema(file.path).names == SCHEMA.names


def test_an_error_comes_out_where_rows_go_in(tmp_path: Path) -> None:
    """A folder that cannot be written is told while rows are added, and nothing hangs."""
    (tmp_path / "file").write_text("x")
    made = part(tmp_path / "file")

    def fill() -> None:
        for row in rows(2000):
            made.add(row)
        made.close()

    with pytest.raises(StoreError, match="cannot write"):
        fill()


def test_a_row_that_does_not_fit_is_told(tmp_path: Path) -> None:
    """What breaks in the writing thread is raised in the caller's."""
    made = part(tmp_path)
    made.add({"id": "no number", "text": "x"})
    with pytest.raises(pa.ArrowInvalid):
        made.close()


def test_stop_removes_the_file_in_work(tmp_path: Path) -> None:
    """After a stop no half file and no thread is left."""
    before = threading.active_count()
    made = part(tmp_path, file_bytes=10_000_000)
    for row in rows(500):
        made.add(row)
    made.stop()
    assert threading.active_count() == before
    assert not list(tmp_path.iterdir())


def test_the_queue_is_bounded(tmp_path: Path) -> None:
    """However many rows wait, few batches do."""
    made = part(tmp_path, file_bytes=10**9)
    for row in rows(3000, 100):
        made.add(row)
        assert made._queue.qsize() <= 2
    made.close()
