"""A file of prompts, read line by line from any place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from constitution.errors import Problem, PromptFileError
from constitution.sources.prompts.entries import COPIED, Entry, RawRow, understand, unwritten
from constitution.sources.prompts.files import HEAD, kind_of, opened
from constitution.sources.prompts.json_lines import LineError, as_text, lines, parse_object, too_long
from constitution.sources.prompts.reading import Reading
from constitution.sources.prompts.rows import check_system
from constitution.sources.prompts.values import value_row

BOM = b"\xef\xbb\xbf"
IN_PLACE = ("lines", "text")
"""Kinds of files that can be read from any place."""
FORMS = {
    "lines": "JSONL",
    "text": "plain text, one prompt a line",
    "csv": "CSV table",
    "array": "JSON array",
    "parquet": "parquet table",
    "gz": "gzip archive",
    "zst": "zstd archive",
}


class PromptFile:
    """A file of prompts that is read where it is: plain text, one prompt a line, or JSONL; or a run's copy.

    Reading streams: never more than one line, of at most 4 MB, is in memory.
    """

    def __init__(self, path: str | os.PathLike[str], reading: Reading | None = None, *, copied: bool = False) -> None:
        """Name the file; nothing is opened yet.

        Args:
            path: A regular file (see `seekable`); plain text where the name ends in `.txt`.
            reading: What the user says about the rows.
            copied: Whether it is a copy that `intake` made: its rows are understood already.

        Raises:
            SettingsError: The system text is blank or no text.
        """
        self.reading = reading or Reading()
        check_system(self.reading.system)
        self.path = Path(path)
        self._name = str(self.path)
        self.copied = copied
        self.plain = not copied and self.path.suffix.lower() == ".txt"

    def read(
        self,
        offset: int = 0,
        line: int = 1,
        count: int | None = None,
        *,
        report: Callable[[Problem], None] | None = None,
    ) -> Iterator[Entry]:
        """Read prompts from a place on, in the order of the file. Blank lines are passed over.

        Args:
            offset: Byte at which a line begins: 0 or the `offset` or `next_offset` of an `Entry`.
            line: Number of that line.
            count: Most prompts to read; all without.
            report: Takes each bad line, which is then left out; without it the first one is raised. Where the reading
                wants bad rows dropped they are entries, and nothing is reported.

        Raises:
            PromptFileError: The file cannot be read or is no text; without `report` also a bad line.
        """
        left = -1 if count is None else count
        with opened(self.path) as file:
            if offset == 0 and not self.copied:
                self._refuse_other_kinds(file.read(HEAD))
            file.seek(offset)
            for number, start, following, raw in lines(file, offset, line):
                if left == 0:
                    return
                body = raw.removeprefix(BOM) if start == 0 else raw
                if not body or body.isspace():
                    continue
                found = self._entry(body, number, start, following)
                if isinstance(found, Problem):
                    if report is None:
                        raise PromptFileError((found,))
                    report(found)
                    continue
                yield found
                left -= 1

    def _refuse_other_kinds(self, head: bytes) -> None:
        kind = kind_of(str(self.path), head)
        if kind not in IN_PLACE:
            what = f"is a {FORMS[kind]}, which cannot be read from any place; `intake` makes a copy that can"
            raise PromptFileError((Problem(str(self.path), 0, 0, "", what),))

    def _entry(self, body: bytes, number: int, start: int, following: int) -> Entry | Problem:
        if self.copied:
            try:
                return unwritten(body, number, start, following)
            except LineError as error:
                return Problem(str(self.path), number, 0, "", error.message)
        at = (number, start, following)
        return understand_line(body, self._name, at, self.reading, plain=self.plain)


def understand_line(
    body: bytes, file: str, at: tuple[int, int, int], reading: Reading, source: int = 0, *, plain: bool
) -> Entry | Problem:
    """What one line of JSONL, or of plain text, is; it stands at a line number and between two offsets."""
    if not plain and body.startswith(COPIED) and (copied := _of_copy(body, file, at, reading, source)):
        return copied
    value: Mapping[str, Any] | LineError
    try:
        too_long(body)
        value = {"prompt": as_text(body)} if plain else parse_object(body)
    except LineError as error:
        value = error
    row = RawRow(value, body, file, at[0], offset=at[1], next_offset=at[2])
    if not plain:
        return understand(row, reading, source)
    # A plain line has no columns, and no places in it.
    plainly = Reading(system=reading.system, bad_rows=reading.bad_rows, answers=reading.answers)
    found = understand(row, plainly, source)
    if not isinstance(found, Problem):
        return found
    return replace(found, path="", column=value.column if isinstance(value, LineError) else 0)


def _of_copy(body: bytes, file: str, at: tuple[int, int, int], reading: Reading, source: int) -> Entry | Problem | None:
    """A line of a run's copy that is given as a source: what was understood of it then; None where it is none."""
    try:
        entry = unwritten(body, *at)
    except LineError:
        return None
    if entry.bad is not None:
        return replace(entry, source=source) if reading.bad_rows == "drop" else Problem(file, at[0], 0, "", entry.bad)
    row, own = value_row(entry.prompt, (), reading)
    row = replace(row, raw=body, file=file, line=at[0], offset=at[1], next_offset=at[2])
    return understand(row, own, source)
