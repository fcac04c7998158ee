"""Files of rows: JSON lines, one an answer, a pair or a cost."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from constitution.api import Run
from constitution.checks import Check, keeps
from constitution.errors import StoreError
from constitution.proof.topic import subject_of, takes_up
from constitution.store.disk import write_atomically


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write a file of rows, whole or not at all.

    Raises:
        StoreError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file; none where there is no file.

    Raises:
        StoreError: it holds something else.
    """
    try:
        return [orjson.loads(line) for line in path.read_bytes().splitlines()]
    except FileNotFoundError:
        return []
    except orjson.JSONDecodeError as error:
        raise StoreError(f"{path}: is no file of rows: {error}; delete it, it is made again") from None


def exported(run: Run, out: Path) -> list[dict[str, Any]]:
    """The preference rows of a run as they stand in the files of its export, which is made anew."""
    import pyarrow.parquet as pq

    shutil.rmtree(out, ignore_errors=True)
    run.export(out, "preference")
    return [row for file in sorted(out.rglob("*.parquet")) for row in pq.read_table(file).to_pylist()]


def measured(question: str, text: str, checks: tuple[Check, ...]) -> dict[str, Any]:
    """What code says of an answer: whether it keeps a principle, is about its question, and how long it is."""
    kept, on_topic = keeps(checks, text), takes_up(question, text) if subject_of(question) else None
    return {
        "text": text,
        "kept": kept,
        "on_topic": on_topic,
        "kept_on_topic": None if on_topic is None else kept and on_topic,
        "words": len(text.split()),
    }
