"""Rows in batches of bounded size: a column of one Arrow batch holds at most 2 GB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

MOST_ROWS = 1000
MOST_BYTES = 128 << 20
"""Far below what a column holds, and what a writer takes at a time."""


def in_batches(
    rows: Iterable[dict[str, Any]], most_rows: int = MOST_ROWS, most_bytes: int | None = None
) -> Iterator[list[dict[str, Any]]]:
    """Cut rows into batches, each of at most `most_rows` rows and `most_bytes` of text, or of one row.

    Args:
        rows: JSON values.
        most_rows: in a batch.
        most_bytes: in a batch, at most four for each character; MOST_BYTES if not given.
    """
    limit = MOST_BYTES if most_bytes is None else most_bytes
    batch: list[dict[str, Any]] = []
    held = 0
    for row in rows:
        size = _size(row)
        if batch and (len(batch) == most_rows or held + size > limit):
            yield batch
            batch, held = [], 0
        batch.append(row)
        held += size
    if batch:
        yield batch


def _size(value: object) -> int:
    """Bytes of all texts in a value, counted high."""
    if isinstance(value, str):
        return len(value) if value.isascii() else 4 * len(value)
    if isinstance(value, dict):
        return sum(_size(key) + _size(held) for key, held in value.items())
    if isinstance(value, list | tuple):
        return sum(map(_size, value))
    return 8
