"""The journal: torn ends are cut, damage in the middle is refused, groups are durable, a full disk is loud."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
import pytest

from constitution import Completion
from constitution.errors import JournalCorrupt, RequestRefused, StoreError
from constitution.store import journal
from constitution.store.journal import AnswerEvent, DoneEvent, Journals, read_journal


def _answer(key: str, text: str = "yes", **said: object) -> bytes:
    return AnswerEvent(key, "r1", "draft", 1, Completion(text, **said), "e").line()  # type: ignore[arg-type]  # any field


LINES = _answer("a") + DoneEvent("r1", "dropped", "empty", (), ("equal",)).line() + _answer("b")


def _drive(path: Path, work: Callable[[Journals], Awaitable[None]]) -> None:
    async def run() -> None:
        journals = Journals(asyncio.get_running_loop())
        try:
            journals.open(0, path)
            await work(journals)
        finally:
            await asyncio.to_thread(journals.close)

    asyncio.run(run())


async def _nothing(_: Journals) -> None:
    pass


async def _until_written(journals: Journals) -> None:
    deadline = time.monotonic() + 20
    while journals.unwritten:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "event",
    [
        AnswerEvent(
            "k", "r", "critique", 2, Completion("a\u2028\n\0é😀", (1, 2), "length", (-0.5, None), "hm", 7, 3), "e"
        ),
        AnswerEvent("k", "r", "draft", 1, Completion("")),
    ],
)
def test_an_answer_comes_back_whole(event: AnswerEvent, tmp_path: Path) -> None:
    """Every field of an answer survives its line, whatever its text holds."""
    path = tmp_path / "0.jsonl"
    path.write_bytes(event.line())
    assert read_journal(path).answers == {event.key: event}


def test_a_finished_record_comes_back_whole(tmp_path: Path) -> None:
    """Outcome, reason, failures and pairs of a finished record survive its line."""
    event = DoneEvent("r", "failed", "RequestRefused", ((1, "draft", "RequestRefused", "no", 2),), (None, "equal"))
    path = tmp_path / "0.jsonl"
    path.write_bytes(event.line())
    assert read_journal(path).done == {"r": event}


TORN = {
    "half a line": b'{"key": "c", "rec',
    "half a line and a blank": b'{"key": "c", "rec\n\n  \n',
    "zeros": b"\0" * 512,
    "half a line and zeros": b'{"key"\0\0\0\0',
    "an error line": b'{"key": "c", "error": "refused"}\n',
    "an answer that ended by an error": _answer("c").replace(b'"stop"', b'"error"'),
    "a line that is no object": b"[1]\n",
    "half a character": "ü".encode()[:1],
}


@pytest.mark.parametrize("tail", TORN.values(), ids=TORN.keys())
def test_a_torn_end_is_cut(tail: bytes, tmp_path: Path) -> None:
    """What a crash left after the last good line goes, and the next line begins at a line's start."""
    path = tmp_path / "0.jsonl"
    path.write_bytes(LINES + tail)
    content = read_journal(path)
    assert path.read_bytes() == LINES + tail
    assert list(content.answers) == ["a", "b"]
    assert list(content.done) == ["r1"]

    async def append(journals: Journals) -> None:
        journals.append(0, _answer("c"))

    _drive(path, append)
    assert path.read_bytes() == LINES + _answer("c")


def test_a_missing_newline_is_added(tmp_path: Path) -> None:
    """A last line that is whole but for its newline is kept."""
    path = tmp_path / "0.jsonl"
    path.write_bytes(LINES[:-1])

    async def append(journals: Journals) -> None:
        journals.append(0, _answer("c"))

    _drive(path, append)
    assert path.read_bytes() == LINES + _answer("c")


@pytest.mark.parametrize(
    "bad", [b"{}\n", b"garbage\n", b"\0\0garbage\n", b'{"key": "c", "error": "no"}\n', b'{"done": 1}\n']
)
def test_damage_in_the_middle_is_refused(bad: bytes, tmp_path: Path) -> None:
    """A bad line before a good one is told with its place, and no byte changes."""
    path = tmp_path / "0.jsonl"
    path.write_bytes(_answer("a") + bad + _answer("b"))
    before = path.read_bytes()
    with pytest.raises(JournalCorrupt, match=rf"{path}:2: damaged line"):
        _drive(path, _nothing)
    assert path.read_bytes() == before


def test_the_first_answer_to_a_request_counts(tmp_path: Path) -> None:
    """Where a key stands twice, the rows were built on its first answer."""
    path = tmp_path / "0.jsonl"
    path.write_bytes(_answer("a", "first") + _answer("a", "second"))
    assert read_journal(path).answers["a"].completion.text == "first"


def test_text_that_is_no_unicode_fails_its_record() -> None:
    """Half a surrogate pair cannot be written: an error of this one record."""
    with pytest.raises(RequestRefused, match="cannot be written"):
        _answer("a", "\ud800")


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When data was made durable."""
    times: list[float] = []

    def sync(handle: int) -> None:
        times.append(time.monotonic())
        os.fdatasync(handle)

    monkeypatch.setattr(journal, "_sync", sync)
    return times


def test_a_few_events_are_durable_within_a_second(tmp_path: Path, syncs: list[float]) -> None:
    """Three events in a row take one group commit, at most a second and a little later."""
    path = tmp_path / "0.jsonl"

    async def append(journals: Journals) -> None:
        syncs.clear()
        began = time.monotonic()
        for key in "abc":
            journals.append(0, _answer(key))
        await _until_written(journals)
        assert len(syncs) == 1
        assert 0.5 < syncs[0] - began < 5  # one second, and what a busy machine adds
        assert path.read_bytes().count(b"\n") == 3

    _drive(path, append)


def test_a_full_group_is_written_at_once(tmp_path: Path, syncs: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """256 events do not wait for the second to pass."""
    monkeypatch.setattr(journal, "GROUP_SECONDS", 60.0)

    async def append(journals: Journals) -> None:
        for key in range(journal.GROUP_EVENTS):
            journals.append(0, _answer(str(key)))
        await _until_written(journals)

    _drive(tmp_path / "0.jsonl", append)
    assert len(syncs) < 10


def test_who_waits_for_the_disk_does_not_wait_for_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`synced` writes what there is, once for all."""
    monkeypatch.setattr(journal, "GROUP_SECONDS", 60.0)
    path = tmp_path / "0.jsonl"

    async def append(journals: Journals) -> None:
        journals.append(0, _answer("a"))
        async with asyncio.timeout(20):
            await journals.synced()
        assert path.read_bytes() == _answer("a")
        journals.append(0, _answer("b"))
        await asyncio.sleep(0.1)
        assert journals.unwritten == 1  # the request of a while ago does not hurry later events

    _drive(path, append)


def test_admission_waits_while_the_disk_is_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more than 256 events unwritten `room` waits, and goes on when they are on disk."""
    release = threading.Event()

    def slow(handle: int, data: bytes) -> None:
        while not release.is_set():
            time.sleep(0.005)
        os.write(handle, data)

    monkeypatch.setattr(journal, "_write_all", slow)

    async def append(journals: Journals) -> None:
        for key in range(journal.MAX_UNWRITTEN):
            journals.append(0, _answer(str(key)))
        await asyncio.wait_for(journals.room(), 5)
        journals.append(0, _answer("one more"))
        try:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(journals.room(), 0.2)
        finally:
            release.set()
        await asyncio.wait_for(journals.room(), 20)
        assert journals.unwritten <= journal.MAX_UNWRITTEN

    _drive(tmp_path / "0.jsonl", append)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_disk_that_fails_is_loud(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failed write every door of the journal says so, names the file, and what was written stays."""
    path = tmp_path / "0.jsonl"
    path.write_bytes(LINES)

    async def append(journals: Journals) -> None:
        def fail(handle: int, data: bytes) -> int:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "write", fail)
        journals.append(0, _answer("c"))
        with pytest.raises(StoreError, match=str(path)):
            await asyncio.wait_for(journals.synced(), 10)
        with pytest.raises(StoreError, match=os.strerror(code)):
            journals.append(0, _answer("d"))
        with pytest.raises(StoreError):
            await journals.room()

    with pytest.raises(StoreError, match="intact"):
        _drive(path, append)
    monkeypatch.undo()
    assert path.read_bytes() == LINES


def test_a_commit_that_breaks_otherwise_is_loud_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends the journal's thread, nobody waits for it for ever."""

    def broken(handle: int, data: bytes) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(journal, "_write_all", broken)

    async def append(journals: Journals) -> None:
        journals.append(0, _answer("a"))
        with pytest.raises(StoreError, match="a bug"):
            await asyncio.wait_for(journals.synced(), 10)

    with pytest.raises(StoreError):
        _drive(tmp_path / "0.jsonl", append)


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes three bytes at a time gets all of them."""
    path, write = tmp_path / "0.jsonl", os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data)[:3]))

    async def append(journals: Journals) -> None:
        journals.append(0, _answer("a"))

    _drive(path, append)
    assert path.read_bytes() == _answer("a")


def test_a_journal_that_cannot_be_opened_is_an_error_with_its_path(tmp_path: Path) -> None:
    """A folder in the way of a journal is told, not a traceback."""
    path = tmp_path / "0.jsonl"
    path.mkdir()
    with pytest.raises(StoreError, match=str(path)):
        _drive(path, _nothing)


def test_lines_are_json_of_one_line_each() -> None:
    """A text with line breaks stays one line."""
    line = _answer("a", "one\ntwo\r\u2028three")
    assert line.count(b"\n") == 1
    assert orjson.loads(line)["text"] == "one\ntwo\r\u2028three"
