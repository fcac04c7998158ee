"""Tables: CSV and parquet, row by row; and what a table may hold that JSON cannot."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from math import isfinite
from typing import Any, BinaryIO

import orjson

from constitution.errors import Problem, PromptFileError
from constitution.sources.prompts.columns import check_table, known_names
from constitution.sources.prompts.entries import RawRow
from constitution.sources.prompts.json_lines import MAX_LINE, LineError, as_text, lines, survey, too_long
from constitution.sources.prompts.reading import Reading

DELIMITERS = (",", ";", "\t")
_ROWS = 64
"""Rows of parquet that are decoded at a time."""


def csv_rows(stream: BinaryIO, name: str, reading: Reading) -> Iterator[RawRow]:
    """Read a CSV table whose first line names the columns; the delimiter is the one that stands there most often.

    Args:
        stream: From its beginning on.
        name: Of the file, for places.
        reading: Columns that the user named.

    Raises:
        PromptFileError: It is no CSV, no UTF-8, or has no column for the prompt.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))
    feed = _Lines(stream, name)
    header = next(feed, "")
    if not header.strip():
        what = "is empty" if not header else "the first line is blank; it must name the columns"
        raise PromptFileError((Problem(name, 0, 0, "", what),))
    delimiter = max(DELIMITERS, key=header.count)
    try:
        first = next(csv.reader([header], delimiter=delimiter))
    except csv.Error as error:
        raise PromptFileError((Problem(name, 1, 0, "", _broken(error)),)) from None
    names = [column or f"column {number}" for number, column in enumerate(first, start=1)]
    columns = _header(names, name, reading)
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        line = feed.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise PromptFileError((Problem(name, line, 0, "", _broken(error)),)) from None
        if any(cells):
            yield _csv_row(columns, cells, name, line)


class _Lines:
    """Lines of text for the CSV reader, their ends kept, counted."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._lines = lines(stream, 0, 1, ends=True)
        self._name = name
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        self.number, start, _, raw = next(self._lines)
        try:
            too_long(raw)
            return as_text(raw.removeprefix(b"\xef\xbb\xbf") if start == 0 else raw)
        except LineError as error:
            raise PromptFileError((Problem(self._name, self.number, error.column, "", error.message),)) from None


def _header(names: list[str], file: str, reading: Reading) -> list[str]:
    twice = next((column for column in names if names.count(column) > 1), None)
    if twice is not None:
        raise PromptFileError((Problem(file, 1, 0, "", f'the column "{twice}" stands twice; rename one of them'),))
    meant = known_names(names, reading)
    columns = [meant[column] for column in names]
    try:
        check_table(columns, reading)
    except LineError as error:
        hint = "; does the first line name the columns? It must"
        raise PromptFileError((Problem(file, 1, 0, "", error.message + hint),)) from None
    return columns


def _csv_row(columns: Sequence[str], cells: list[str], name: str, line: int) -> RawRow:
    value: Mapping[str, Any] | LineError
    if len(cells) == len(columns):
        value = {column: cell or None for column, cell in zip(columns, cells, strict=True)}
    else:
        what = f"has {len(cells)} cells, the first line names {len(columns)} columns"
        value = LineError((), f"{what}; cells that hold the delimiter or line breaks stand in quotes")
    return RawRow(value, orjson.dumps(cells), name, line, typed=False)


def _broken(error: csv.Error) -> str:
    told = str(error)
    if "limit" in told:
        told = f"a cell is longer than {MAX_LINE:,} characters"
    elif "unexpected end" in told:
        told = "the file ends within quotes"
    elif "new-line" in told:
        told = "a carriage return stands where no line ends; save the file with the line ends of Unix or Windows"
    return f"cannot be read as CSV from here on: {told}; a quote within a cell is written twice, and closed at its end"


def parquet_rows(stream: BinaryIO, name: str, reading: Reading, note: Callable[[str], None]) -> Iterator[RawRow]:
    """Read parquet batch by batch.

    Args:
        stream: A file that can seek.
        name: Of the file, for places.
        reading: Columns that the user named.
        note: Is told what is left out.

    Raises:
        PromptFileError: It is damaged, or has no column for the prompt.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(stream, buffer_size=1 << 20, pre_buffer=False)
        names = file.schema_arrow.names
        columns = TableColumns(names, name, reading, note)
        number = 0
        for batch in file.iter_batches(batch_size=_ROWS):
            for row in batch.to_pylist():
                number += 1
                yield columns.row(row, number)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:  # no UTF-8, no date
        first = next(iter(str(error).splitlines()), "")[:200]
        what = f"the parquet file is damaged, or in a form that cannot be read; fetch or write it again ({first})"
        raise PromptFileError((Problem(name, 0, 0, "", what),)) from None


class TableColumns:
    """The columns of a table that is no text: names as we know them, and values that JSON can hold."""

    def __init__(self, names: Sequence[str], file: str, reading: Reading, note: Callable[[str], None]) -> None:
        """Look at the names.

        Raises:
            PromptFileError: None could be the prompt, or a named one is missing.
        """
        twice = next((name for name in names if list(names).count(name) > 1), None)
        if twice is not None:
            raise PromptFileError((Problem(file, 0, 0, "", f'the column "{twice}" stands twice; rename one of them'),))
        self._names = known_names(names, reading)
        self._file = file
        self._note = note
        try:
            check_table([self._names[name] for name in names], reading)
        except LineError as error:
            raise PromptFileError((Problem(file, 0, 0, "", error.message),)) from None

    def row(self, row: Mapping[str, Any], number: int) -> RawRow:
        """One row, from 1 on."""
        value: dict[str, Any] | LineError = {
            self._names.get(name, name): self._plain(cell, name) for name, cell in row.items()
        }
        raw = orjson.dumps(value)
        try:
            too_long(raw)
            survey(value)
        except LineError as error:
            value = error
        return RawRow(value, raw, f"{self._file}: row {number}", typed=False)

    def _plain(self, value: Any, column: str) -> Any:
        """A value as JSON can hold it: dates as text, no bytes, and no nulls in objects, which all rows share there."""
        if isinstance(value, Mapping):
            members = {str(key): self._plain(inner, column) for key, inner in value.items()}
            return {key: inner for key, inner in members.items() if inner is not None}
        if isinstance(value, list | tuple):
            return [self._plain(inner, column) for inner in value]
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return value if isfinite(value) else None
        if isinstance(value, datetime | date | time):
            return value.isoformat()
        if isinstance(value, bytes | bytearray | memoryview):
            self._note(f'{self._file}: the bytes in column "{column}" are left out (images, sound, files)')
            return None
        return str(value)
