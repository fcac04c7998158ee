"""A file of prompts, read line by line from any place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from constitution.errors import Problem, PromptFileError
from constitution.messages import Prompt
from constitution.sources.prompts.files import opened
from constitution.sources.prompts.json_lines import (
    JsonPath,
    LineError,
    as_text,
    column_of,
    lines,
    parse_object,
    place,
    too_long,
)
from constitution.sources.prompts.rows import check_system, prompt_of

_BOM = b"\xef\xbb\xbf"
_FOREIGN = {
    b"\xff\xfe": "is UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "is UTF-16 text; save it as UTF-8",
    b"\x1f\x8b": "is a gzip archive; unpack it first",
    b"\x28\xb5\x2f\xfd": "is a zstd archive; unpack it first",
    b"PK\x03\x04": "is a zip archive; unpack it first",
    b"PAR1": "is a parquet file; write its rows as JSONL first",
}
"""How files begin that are often taken for text."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One prompt of a file, with its place."""

    prompt: Prompt
    given_id: bool
    """Whether the file gives the id; else it is the digest of the content."""
    line: int
    """1-based."""
    offset: int
    """Of the line's first byte."""
    next_offset: int
    """Of the byte after the line's end."""
    place: str = ""
    """Where it stands for a person: `prompts.jsonl:12`, `train.parquet: row 12`."""
    source: int = 0
    """Number of its source, where a run has several."""
    bad: str | None = None
    """Why the row is no prompt; it then comes with an id and a conversation of what could be read."""


class PromptFile:
    """A file of prompts: plain text, one prompt a line, where the name ends in `.txt`; else JSONL.

    Reading streams: never more than one line, of at most 4 MB, is in memory.
    """

    def __init__(self, path: str | os.PathLike[str], *, system: str | None = None) -> None:
        """Name the file; nothing is opened yet.

        Args:
            path: A regular file (see `seekable`).
            system: Text of a system turn for conversations that have none; part of them, and of derived ids, from
                then on.

        Raises:
            SettingsError: The system text is blank or no text.
        """
        check_system(system)
        self.path = Path(path)
        self.system = system
        self.plain = self.path.suffix.lower() == ".txt"

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
            report: Takes each bad line, which is then left out; without it the first one is raised.

        Raises:
            PromptFileError: The file cannot be read or is no text; without `report` also a bad line.
        """
        left = -1 if count is None else count
        with opened(self.path) as file:
            if offset == 0:
                self._refuse_foreign(file)
            for number, start, following, raw in lines(file, offset, line):
                if left == 0:
                    return
                body = raw.removeprefix(_BOM) if start == 0 else raw
                if not body or body.isspace():
                    continue
                try:
                    prompt, given = self._parse(body)
                except LineError as error:
                    problem = self._problem(error, number, body)
                    if report is None:
                        raise PromptFileError((problem,)) from None
                    report(problem)
                    continue
                yield Entry(prompt, given, number, start, following)
                left -= 1

    def _parse(self, raw: bytes) -> tuple[Prompt, bool]:
        too_long(raw)
        return prompt_of({"prompt": as_text(raw)} if self.plain else parse_object(raw), self.system)

    def _problem(self, error: LineError, number: int, raw: bytes) -> Problem:
        path: JsonPath = () if self.plain else error.path  # a plain line has no inner places
        column = error.column or (column_of(raw, path) if path else 0)
        return Problem(str(self.path), number, column, place(path), error.message)

    def _refuse_foreign(self, file: BinaryIO) -> None:
        head = file.read(4)
        for start, what in _FOREIGN.items():
            if head.startswith(start):
                raise PromptFileError((Problem(str(self.path), 0, 0, "", f"the file {what}"),))
