"""Files that are there whole or not at all, and last."""

from __future__ import annotations

import os
from pathlib import Path

from constitution.errors import StoreError


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a whole file under a temporary name, sync it, and rename it into place.

    Raises:
        StoreError: if it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from None


def cannot_write(path: Path, error: OSError) -> StoreError:
    """The error of a disk that takes no more, with what to do."""
    return StoreError(
        f"{path}: cannot write: {error.strerror or error}. What was answered is in the journal: make room or mend the "
        "disk, then run the same command again"
    )
