"""Files as bytes: which of them can be read again, what they are, how they are opened, unpacked and replaced."""

from __future__ import annotations

import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gzip import BadGzipFile, GzipFile
from io import BufferedReader, RawIOBase
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any, BinaryIO, Literal, TypeAlias, cast

from constitution.errors import Problem, PromptFileError, StoreError
from constitution.sources.prompts.source import PACKED
from constitution.store.disk import sync_folder

Kind: TypeAlias = Literal["text", "lines", "array", "csv", "parquet", "gz", "zst"]
HEAD = 64
"""Bytes at the start of a file that tell what it is."""

_BUFFER = 1 << 18
_STEP = 2048
"""Bytes of a zst archive that are unpacked at a time: they never become more than some tens of megabytes."""
_MAGIC: dict[bytes, Kind] = {b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst", b"PAR1": "parquet"}
_FOREIGN = {
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
    b"PK\x03\x04": "a zip archive or an Excel sheet; unpack it, or save the sheet as CSV",
    b"BZh": "a bzip2 archive; unpack it, or pack it with gzip or zstd",
    b"\xfd7zXZ": "an xz archive; unpack it, or pack it with gzip or zstd",
    b"%PDF": "a PDF file; rows are read from text",
}
"""How files begin that are often taken for text."""
_ONE_OBJECT = re.compile(rb"(\xef\xbb\xbf)?\s*\{[ \t]*[\r\n]")


def seekable(path: str | os.PathLike[str]) -> bool:
    """Whether prompts can be read from this path more than once, and from any place.

    Not so for `-` (standard input), pipes, and everything under `/dev` and `/proc`, even where it is a file just now:
    another process sees something else there.

    Raises:
        PromptFileError: There is nothing at that path, or it cannot be looked at.
    """
    name = os.fspath(path)
    if name == "-" or os.path.abspath(name).startswith(("/dev/", "/proc/")):  # noqa: PTH100 - links must not be followed
        return False
    try:
        mode = Path(name).stat().st_mode
    except (OSError, ValueError) as error:
        raise unreadable(name, error) from None
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
        file = path.open("rb", buffering=_BUFFER)
    except (OSError, ValueError) as error:
        raise unreadable(str(path), error) from None
    with file:
        yield file


@contextmanager
def streamed(name: str) -> Iterator[tuple[BufferedReader, Kind]]:
    """Open a file, a pipe, or standard input (`-`) for one reading, unpacked; the kind is that of what is in it.

    Raises:
        PromptFileError: It cannot be opened or read, is damaged, or is of a kind that holds no prompts.
    """
    path = Path(name).expanduser()
    try:
        file = sys.stdin.buffer if name == "-" else path.open("rb", buffering=_BUFFER)
    except (OSError, ValueError) as error:
        raise unreadable(name, error) from None
    stream = file if isinstance(file, BufferedReader) else BufferedReader(cast("RawIOBase", file))
    try:
        with _read(name):
            kind = kind_of(name, stream.peek(HEAD))
            inner = stream
            if kind in ("gz", "zst"):
                inner = _unpacked(stream, kind)
                kind = kind_of(name, inner.peek(HEAD))
            if kind in ("gz", "zst"):
                raise PromptFileError((Problem(name, 0, 0, "", "is packed twice; unpack it once"),))
            yield inner, kind
    finally:
        if name != "-":
            file.close()
        elif stream is not file and not stream.closed:
            stream.detach()


@contextmanager
def _read(name: str) -> Iterator[None]:
    """Errors of the bytes themselves; those of their meaning pass."""
    from zstandard import ZstdError

    broken = "is cut off or damaged; fetch or pack it again"
    try:
        yield
    except (BadGzipFile, EOFError, zlib.error, ZstdError) as error:
        raise PromptFileError((Problem(name, 0, 0, "", f"the archive {broken} ({error})"),)) from None
    except OSError as error:
        raise unreadable(name, error) from None


def _unpacked(stream: BufferedReader, kind: Kind) -> BufferedReader:
    return BufferedReader(cast("RawIOBase", GzipFile(fileobj=stream)) if kind == "gz" else _Zst(stream), _BUFFER)


class _Zst(RawIOBase):
    """A zst archive of any number of frames. The library's own reader takes one that is cut off for a whole one."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._frame: Any = None
        self._rest = b""
        self._ready = b""
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while self._at == len(self._ready):
            block = self._rest or self._packed.read(_STEP)
            if not block:
                if self._frame is not None:
                    raise EOFError("it ends in the middle of a frame")
                return 0
            self._unpack(block)
        size = min(len(buffer), len(self._ready) - self._at)
        buffer[:size] = memoryview(self._ready)[self._at : self._at + size]
        self._at += size
        return size

    def _unpack(self, block: bytes) -> None:
        from zstandard import ZstdDecompressor

        if self._frame is None:
            self._frame = ZstdDecompressor().decompressobj()
        self._ready, self._rest, self._at = self._frame.decompress(block), b"", 0
        if self._frame.eof:
            self._rest, self._frame = self._frame.unused_data, None


def kind_of(name: str, head: bytes) -> Kind:
    """What a file is, by its first bytes and by its name.

    Raises:
        PromptFileError: It holds no prompts that could be read.
    """
    for start, what in _FOREIGN.items():
        if head.startswith(start):
            raise PromptFileError((Problem(name, 0, 0, "", f"the file is {what}"),))
    for start, kind in _MAGIC.items():
        if head.startswith(start):
            return kind
    stem = name.lower()
    for ending in PACKED:
        stem = stem.removesuffix(ending)
    if head and stem.endswith((".parquet", ".pq")):
        raise PromptFileError((Problem(name, 0, 0, "", "is no parquet file, whatever its name says"),))
    if stem.endswith((".csv", ".tsv")):
        return "csv"
    if stem.endswith(".txt"):
        return "text"
    if _ONE_OBJECT.match(head):
        what = "is one JSON object over several lines; rows are a JSON array of objects, or one object on each line"
        raise PromptFileError((Problem(name, 1, 0, "", what),))
    return "array" if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[") else "lines"


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


def unreadable(name: str, error: OSError | ValueError) -> PromptFileError:
    """The error for a file that cannot be opened or read."""
    if isinstance(error, FileNotFoundError):
        what = "there is no such file"
    elif isinstance(error, IsADirectoryError):
        what = "is a folder; name a file in it"
    elif isinstance(error, PermissionError):
        what = "may not be read; look at its permissions"
    else:
        what = f"cannot be read: {(isinstance(error, OSError) and error.strerror) or error}"
    return PromptFileError((Problem(name, 0, 0, "", what),))
