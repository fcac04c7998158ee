"""Files as bytes: which of them can be read again, how they are opened, copied and replaced in one step."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO

from constitution.errors import Problem, PromptFileError, StoreError
from constitution.store.disk import sync_folder

_BLOCK = 1 << 20


def seekable(path: str | os.PathLike[str]) -> bool:
    """Whether prompts can be read from this path more than once, and from any place.

    Not so for `-` (standard input), pipes, and everything under `/dev` and `/proc`, even where it is a file just now:
    another process sees something else there. `copy_stream` makes a file of such a source.

    Raises:
        PromptFileError: There is nothing at that path, or it cannot be looked at.
    """
    name = os.fspath(path)
    if name == "-" or os.path.abspath(name).startswith(("/dev/", "/proc/")):  # noqa: PTH100 - links must not be followed
        return False
    try:
        mode = Path(name).stat().st_mode
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from None
    return S_ISREG(mode) or S_ISDIR(mode)  # a folder is told apart when it is opened


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading; a pipe would hang or lose its bytes, so it is refused.

    Raises:
        PromptFileError: It cannot be opened, or is no regular file.
    """
    if not seekable(path):
        raise PromptFileError((Problem(str(path), 0, 0, "", "is no regular file; copy it into one first"),))
    try:
        file = path.open("rb", buffering=1 << 18)
    except (OSError, ValueError) as error:
        raise _unreadable(str(path), error) from None
    with file:
        yield file


def copy_stream(path: str | os.PathLike[str], to: Path) -> None:
    """Copy a source that cannot seek, byte by byte, to a file that can; `-` is standard input.

    Raises:
        PromptFileError: The source cannot be read.
        StoreError: The file cannot be written.
    """
    name = os.fspath(path)
    with replacing(to) as write:
        try:
            source = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115 - standard input stays open
            try:
                while block := source.read(_BLOCK):
                    write(block)
            finally:
                if name != "-":
                    source.close()
        except OSError as error:
            raise _unreadable(name, error) from None


@contextmanager
def replacing(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Write a file that takes its place at the end, whole and synced to disk; after an error nothing has changed.

    Raises:
        StoreError: It cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")

    def write(data: bytes) -> None:
        with _storing(path):
            file.write(data)

    with _storing(path):
        file = temporary.open("wb")
    try:
        with file:
            yield write
            with _storing(path):
                file.flush()
                os.fsync(file.fileno())
        with _storing(path):
            temporary.replace(path)
            sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _storing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f'cannot write "{path}": {error.strerror or error}') from None


def _unreadable(name: str, error: OSError | ValueError) -> PromptFileError:
    if isinstance(error, FileNotFoundError):
        what = "there is no such file"
    elif isinstance(error, IsADirectoryError):
        what = "is a folder; name a file of prompts in it"
    elif isinstance(error, PermissionError):
        what = "may not be read; look at its permissions"
    else:
        what = f"cannot be read: {(isinstance(error, OSError) and error.strerror) or error}"
    return PromptFileError((Problem(name, 0, 0, "", what),))
