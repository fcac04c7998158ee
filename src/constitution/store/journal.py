"""The journal: every answer that was paid for, one line each, on disk before anything is built on it for good.

Lines are appended to a file for each chunk and made durable in groups (one second or 256 events, whichever comes
first) by a thread of their own, so that the event loop never waits for a disk.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from constitution.engine import Completion
from constitution.errors import JournalCorrupt, RequestRefused, StoreError
from constitution.store.disk import sync_folder

GROUP_EVENTS = 256
GROUP_SECONDS = 1.0
MAX_UNWRITTEN = 256
"""Admission of new records waits while more events than this are not on disk."""
REUSED = "reused:"
"""Opens the `engine` of an answer that was copied from another run: it was paid for there."""

_sync = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True)
class AnswerEvent:
    """One answer, as a journal line holds it."""

    key: str
    record: str
    stage: str
    attempt: int
    completion: Completion
    engine: str = ""

    @property
    def reused(self) -> bool:
        """Whether it was copied from another run."""
        return self.engine.startswith(REUSED)

    def line(self) -> bytes:
        """The event as one JSON line.

        Raises:
            RequestRefused: if the answer is no valid Unicode text.
        """
        said = self.completion
        try:
            return orjson.dumps(
                {
                    "key": self.key,
                    "record": self.record,
                    "stage": self.stage,
                    "attempt": self.attempt,
                    "text": said.text,
                    "token_ids": said.token_ids,
                    "finish_reason": said.finish_reason,
                    "logprobs": said.logprobs,
                    "reasoning": said.reasoning,
                    "prompt_tokens": said.prompt_tokens,
                    "cached_tokens": said.cached_tokens,
                    **({} if said.told_output is None else {"told_output": said.told_output}),
                    "engine": self.engine,
                },
                option=orjson.OPT_APPEND_NEWLINE,
            )
        except TypeError as error:
            raise RequestRefused(f"the answer cannot be written as JSON: {error}") from None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> AnswerEvent:
        """An event from a parsed line.

        Raises:
            KeyError, TypeError, ValueError: if it is none. An error is never an answer.
        """
        if not isinstance(data["key"], str) or not isinstance(data["text"], str):
            raise TypeError("key and text are texts")
        if data["finish_reason"] not in ("stop", "length"):
            raise ValueError("an answer ends by itself or by its length")
        logprobs = data["logprobs"]
        completion = Completion(
            text=data["text"],
            token_ids=tuple(data["token_ids"]),
            finish_reason=data["finish_reason"],
            logprobs=None if logprobs is None else tuple(logprobs),
            reasoning=data["reasoning"],
            prompt_tokens=data["prompt_tokens"],
            cached_tokens=data["cached_tokens"],
            told_output=data.get("told_output"),
        )
        return cls(data["key"], data["record"], data["stage"], data["attempt"], completion, data["engine"])


@dataclass(frozen=True, slots=True)
class DoneEvent:
    """One finished record."""

    record: str
    outcome: str
    reason: str | None = None
    failures: tuple[tuple[int, str, str, str, int], ...] = ()
    """Sample, stage, class of the error, message, attempts of each chain that failed."""
    pairs: tuple[str | None, ...] = ()
    """Of each pair that it proposed: None if it was kept, else why it was dropped."""

    def line(self) -> bytes:
        """The event as one JSON line."""
        data = {
            "done": self.record,
            "outcome": self.outcome,
            "reason": self.reason,
            "failures": self.failures,
            "pairs": self.pairs,
        }
        return orjson.dumps(data, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> DoneEvent:
        """An event from a parsed line."""
        failures = tuple((int(f[0]), str(f[1]), str(f[2]), str(f[3]), int(f[4])) for f in data["failures"])
        return cls(data["done"], data["outcome"], data["reason"], failures, tuple(data["pairs"]))


@dataclass
class JournalContent:
    """What a journal holds."""

    answers: dict[str, AnswerEvent] = field(default_factory=dict)
    done: dict[str, DoneEvent] = field(default_factory=dict)
    length: int = 0
    """Bytes up to the end of the last good line."""
    newline_missing: bool = False


def read_journal(path: Path) -> JournalContent:
    """Read a journal without changing it; a torn end is left out.

    Of answers to the same request the first counts.

    Raises:
        JournalCorrupt: if a line before the last one is damaged.
        StoreError: if it cannot be read.
    """
    try:
        return _read(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot read the journal: {error.strerror}") from None


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines up to where the file ends now: a run may be appending, and half a line must not be read in two pieces."""
    left = os.fstat(file.fileno()).st_size
    while left > 0 and (raw := file.readline(left)):
        left -= len(raw)
        yield raw


def _read(path: Path) -> JournalContent:
    content = JournalContent()
    bad: int | None = None
    offset = 0
    with path.open("rb") as file:
        for number, raw in enumerate(_lines(file), start=1):
            offset += len(raw)
            if not raw.strip(b" \t\r\n\0"):
                continue
            if bad is not None:
                raise JournalCorrupt(
                    f"{path}:{bad}: damaged line in the middle of the journal; nothing was changed. Restore the file, "
                    "or move it away to have its records asked again"
                )
            event = _parse(raw)
            if event is None:
                bad = number
                continue
            content.length = offset
            content.newline_missing = not raw.endswith(b"\n")
            if isinstance(event, AnswerEvent):
                content.answers.setdefault(event.key, event)
            else:
                content.done[event.record] = event
    return content


def _parse(raw: bytes) -> AnswerEvent | DoneEvent | None:
    try:
        data = orjson.loads(raw)
        return DoneEvent.read(data) if "done" in data else AnswerEvent.read(data)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, IndexError):
        return None


class Journals:
    """Appends events to the journals of open chunks and makes them durable in groups."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._condition = threading.Condition()
        self._files: dict[int, tuple[int, Path]] = {}
        self._pending: dict[int, list[bytes]] = {}
        self._appended = 0
        self._written = 0
        self._flush_to = 0
        """Events that somebody waits for: they are written at once."""
        self._stopping = False
        self._error: StoreError | None = None
        self._changed = asyncio.Event()
        self._thread = threading.Thread(target=self._commit_forever, name="constitution-journal", daemon=True)
        self._thread.start()

    def open(self, chunk: int, path: Path) -> JournalContent:
        """Read what a chunk's journal holds, cut a torn end, and get ready to append.

        Raises:
            JournalCorrupt: if a line before the last one is damaged; nothing is changed.
            StoreError: if it cannot be read or written.
        """
        new = not path.exists()
        content = JournalContent() if new else read_journal(path)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                _mend_end(handle, content)
            except OSError:
                os.close(handle)
                raise
            if new:
                sync_folder(path.parent)
        except OSError as error:
            raise _cannot_write(path, error) from None
        with self._condition:
            self._files[chunk] = (handle, path)
        return content

    def append(self, chunk: int, line: bytes) -> None:
        """Queue one line. Raises StoreError if the disk has failed before."""
        with self._condition:
            self._raise_if_failed()
            first = not self._pending
            self._pending.setdefault(chunk, []).append(line)
            self._appended += 1
            if first or self.unwritten >= GROUP_EVENTS:
                self._condition.notify_all()

    @property
    def unwritten(self) -> int:
        """Events that are not on disk yet."""
        return self._appended - self._written

    async def room(self) -> None:
        """Wait until at most `MAX_UNWRITTEN` events are unwritten."""
        if self._error is not None or self.unwritten > MAX_UNWRITTEN:
            await self._until(lambda: self.unwritten <= MAX_UNWRITTEN)

    async def synced(self) -> None:
        """Wait until everything that was appended so far is on disk."""
        target = self._appended
        with self._condition:
            self._flush_to = max(self._flush_to, target)
            self._condition.notify_all()
        await self._until(lambda: self._written >= target)

    async def _until(self, reached: Callable[[], bool]) -> None:
        while True:
            with self._condition:
                self._raise_if_failed()
                if reached():
                    return
                self._changed.clear()
            await self._changed.wait()

    def close_chunk(self, chunk: int) -> None:
        """Close a chunk's file; all of its lines must be synced."""
        with self._condition:
            handle, _ = self._files.pop(chunk)
        os.close(handle)

    def close(self) -> None:
        """Write what is queued, end the thread, close the files.

        Raises:
            StoreError: if something could not be written.
        """
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        self._thread.join()
        for chunk in list(self._files):
            self.close_chunk(chunk)
        self._raise_if_failed()

    def _raise_if_failed(self) -> None:
        if self._error is not None:
            raise StoreError(str(self._error))

    def _commit_forever(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._pending or self._stopping)
                self._condition.wait_for(self._due, timeout=GROUP_SECONDS)
                batch, self._pending = self._pending, {}
                stopping = self._stopping
            error = self._write(batch)
            with self._condition:
                self._error = error
                self._written += 0 if error else sum(len(lines) for lines in batch.values())
            with suppress(RuntimeError):  # the loop may be closed already: nobody waits then
                self._loop.call_soon_threadsafe(self._changed.set)
            if error is not None or stopping:
                return

    def _due(self) -> bool:
        return self._stopping or self._flush_to > self._written or self.unwritten >= GROUP_EVENTS

    def _write(self, batch: Mapping[int, list[bytes]]) -> StoreError | None:
        path: Path | None = None
        try:
            for chunk, lines in batch.items():
                handle, path = self._files[chunk]
                _write_all(handle, b"".join(lines))
                _sync(handle)
        except OSError as error:
            return _cannot_write(path, error)
        except Exception as error:  # noqa: BLE001 - a thread that dies in silence would leave its waiters hanging
            return StoreError(f"{path or 'journal'}: cannot write: {error!r}")
        return None


def _write_all(handle: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


def _mend_end(handle: int, content: JournalContent) -> None:
    """Cut what follows the last good line, and end that line."""
    if os.fstat(handle).st_size > content.length:
        os.ftruncate(handle, content.length)
    if content.newline_missing:
        _write_all(handle, b"\n")
    _sync(handle)


def _cannot_write(path: Path | None, error: OSError) -> StoreError:
    return StoreError(
        f"{path or 'journal'}: cannot write: {error.strerror or error}; what was written before is intact. "
        "Make room or mend the disk, then run the same command again"
    )
