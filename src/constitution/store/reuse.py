"""Answers of another run as a cache: its journals, indexed on disk by request key."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import orjson

from constitution.errors import StoreError
from constitution.store.journal import AnswerEvent, read_journal


class ReuseIndex:
    """Finds answers of a finished or unfinished run by key; the index is a file, memory stays flat.

    Args:
        run: the folder of the other run; it is only read.
        index: where the index may stand until `close`; what a killed process left there is replaced.

    Raises:
        StoreError: if it is no run, or the index cannot be written.
        JournalCorrupt: if one of its journals is damaged in the middle.
    """

    def __init__(self, run: str | os.PathLike[str], index: Path) -> None:
        folder = Path(run)
        journals = sorted((folder / "journal").glob("*.jsonl"))
        if not (folder / "manifest.json").exists() and not journals:
            raise StoreError(f"{folder}: no run to reuse answers from; name the folder of a run")
        self._path = index
        self._path.unlink(missing_ok=True)
        self._index = sqlite3.connect(self._path, check_same_thread=False)
        try:
            self._fill(journals)
        except sqlite3.Error as error:
            self.close()
            raise StoreError(f"{index}: cannot write the index of reused answers: {error}") from None
        except BaseException:
            self.close()
            raise

    def _fill(self, journals: Iterable[Path]) -> None:
        self._index.execute("PRAGMA journal_mode=OFF")
        self._index.execute("PRAGMA synchronous=OFF")
        self._index.execute("CREATE TABLE answers (key TEXT PRIMARY KEY, line BLOB) WITHOUT ROWID")
        for journal in journals:
            events = read_journal(journal).answers.values()
            self._index.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?)", ((e.key, e.line()) for e in events))
        self._index.commit()

    def get(self, key: str) -> AnswerEvent | None:
        """The answer to the request with this key, if that run has one."""
        row = self._index.execute("SELECT line FROM answers WHERE key = ?", (key,)).fetchone()
        return None if row is None else AnswerEvent.read(orjson.loads(row[0]))

    def close(self) -> None:
        """Delete the index."""
        self._index.close()
        self._path.unlink(missing_ok=True)
