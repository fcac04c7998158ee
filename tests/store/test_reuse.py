"""The index of another run's answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from constitution import Completion
from constitution.errors import JournalCorrupt, StoreError
from constitution.store.journal import AnswerEvent
from constitution.store.reuse import ReuseIndex

EVENTS = [AnswerEvent(f"{n:032x}", f"r{n}", "draft", 1, Completion(f"text {n}"), "e") for n in range(5)]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's journals, two of them, with one answer in both."""
    folder = tmp_path / "old"
    (folder / "journal").mkdir(parents=True)
    (folder / "journal" / "00000.jsonl").write_bytes(b"".join(event.line() for event in EVENTS[:3]) + b'{"torn')
    (folder / "journal" / "00001.jsonl").write_bytes(b"".join(event.line() for event in EVENTS[2:]))
    return folder


def test_every_answer_is_found_by_its_key(run: Path, tmp_path: Path) -> None:
    """Whole answers come back; other keys have none; the index goes when it is closed."""
    index = ReuseIndex(run, tmp_path / "index")
    assert [index.get(event.key) for event in EVENTS] == EVENTS
    assert index.get("f" * 32) is None
    index.close()
    assert not (tmp_path / "index").exists()


def test_the_other_run_is_only_read(run: Path, tmp_path: Path) -> None:
    """Not even a torn end is mended there."""
    before = {path: path.read_bytes() for path in run.rglob("*.jsonl")}
    ReuseIndex(run, tmp_path / "index").close()
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_an_index_that_a_killed_process_left_is_replaced(run: Path, tmp_path: Path) -> None:
    """Whatever stands in its place."""
    (tmp_path / "index").write_text("half an index")
    index = ReuseIndex(run, tmp_path / "index")
    assert index.get(EVENTS[0].key) == EVENTS[0]
    index.close()


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    """With its path and what to name."""
    with pytest.raises(StoreError, match="no run to reuse answers from; name the folder"):
        ReuseIndex(tmp_path / "nothing", tmp_path / "index")


def test_damage_in_the_other_run_is_told(run: Path, tmp_path: Path) -> None:
    """With the place of the bad line; no index is left behind."""
    (run / "journal" / "00001.jsonl").write_bytes(b"bad\n" + EVENTS[0].line())
    with pytest.raises(JournalCorrupt, match=r"00001\.jsonl:1:"):
        ReuseIndex(run, tmp_path / "index")
    assert not (tmp_path / "index").exists()
