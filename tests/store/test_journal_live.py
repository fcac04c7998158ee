"""Reading a journal that a run is appending to."""

from __future__ import annotations

import threading
from pathlib import Path

from constitution.engine import Completion
from constitution.store.journal import AnswerEvent, read_journal


def test_half_a_line_is_not_read_in_two_pieces(tmp_path: Path) -> None:
    """`show` on a live run never takes a line that is just being written for a damaged one."""
    path = tmp_path / "00000.jsonl"
    path.touch()
    line = AnswerEvent("00" * 16, "r", "draft", 1, Completion("word " * 3000)).line()
    done = threading.Event()

    def append() -> None:
        with path.open("ab", buffering=0) as file:
            for _ in range(400):
                middle = len(line) // 2
                file.write(line[:middle])
                file.write(line[middle:])
        done.set()

    writer = threading.Thread(target=append)
    writer.start()
    while not done.is_set():
        read_journal(path)
    writer.join()
    assert list(read_journal(path).answers) == ["00" * 16]
