"""Tables: CSV and parquet, row by row; and what a table may hold that JSON cannot."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from io import BufferedReader, FileIO
from math import isfinite
from tempfile import TemporaryFile
from typing import Any, BinaryIO, TypeAlias

import orjson

from constitution.errors import Problem, PromptFileError
from constitution.sources.prompts.columns import check_table, known_names
from constitution.sources.prompts.entries import RawRow
from constitution.sources.prompts.json_lines import MAX_LINE, LineError, as_text, lines, survey, too_long
from constitution.sources.prompts.reading import Reading

DELIMITERS = (",", ";", "\t")
_ROWS = 64
"""Rows of parquet that are decoded at a time."""


Header: TypeAlias = Callable[[list[str]], list[str]]
"""Names of a table's columns as we know them, or an error."""


def csv_rows(stream: BinaryIO, name: str, reading: Reading) -> Iterator[RawRow]:
    """Read a CSV table of prompts; arguments and errors as in `csv_table`, with the columns that the user named."""
    return csv_table(stream, name, lambda names: _header(names, name, reading))


def csv_table(stream: BinaryIO, name: str, header: Header) -> Iterator[RawRow]:
    """Read a CSV table whose first line names the columns; the delimiter is the one that stands there most often.

    Args:
        stream: From its beginning on.
        name: Of the file, for places.
        header: Is told the names of the columns, once.

    Raises:
        PromptFileError: It is no CSV, no UTF-8, or `header` refuses it.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))
    feed = _Lines(stream, name)
    top = next(feed, "")
    if not top.strip():
        what = "is empty" if not top else "the first line is blank; it must name the columns"
        raise PromptFileError((Problem(name, 0, 0, "", what),))
    delimiter = max(DELIMITERS, key=top.count)
    try:
        first = next(csv.reader([top], delimiter=delimiter))
    except csv.Error as error:
        raise PromptFileError((Problem(name, 1, 0, "", _broken(error)),)) from None
    columns = header([column or f"column {number}" for number, column in enumerate(first, start=1)])
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


def refuse_repeated(names: Sequence[str], file: str, line: int = 0) -> None:
    """Refuse a table of which two columns have one name.

    Raises:
        PromptFileError: it is one.
    """
    twice = next((name for name in names if list(names).count(name) > 1), None)
    if twice is not None:
        raise PromptFileError((Problem(file, line, 0, "", f'the column "{twice}" stands twice; rename one of them'),))


def _header(names: list[str], file: str, reading: Reading) -> list[str]:
    refuse_repeated(names, file, 1)
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


def parquet_rows(
    stream: BufferedReader, name: str, header: Callable[[Sequence[str]], TableColumns]
) -> Iterator[RawRow]:
    """Read parquet batch by batch, from its end; what cannot seek is put into a temporary file first.

    Args:
        stream: From its beginning on.
        name: Of the file, for places.
        header: Is told the names of the columns, once.

    Raises:
        PromptFileError: It is damaged, or `header` refuses it.
    """
    if isinstance(stream.raw, FileIO) and stream.seekable():
        yield from _parquet(stream, name, header)
        return
    with TemporaryFile(prefix="constitution-") as file:
        while block := stream.read(1 << 20):
            file.write(block)
        file.seek(0)
        yield from _parquet(file, name, header)


def _parquet(stream: Any, name: str, header: Callable[[Sequence[str]], TableColumns]) -> Iterator[RawRow]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(stream, buffer_size=1 << 20, pre_buffer=False)
        columns = header(file.schema_arrow.names)
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

    def __init__(self, names: Mapping[str, str], file: str, note: Callable[[str], None]) -> None:
        """Take the names as they stand there, each with the one that we know it by."""
        self._names = names
        self._file = file
        self._note = note

    @classmethod
    def of_prompts(cls, names: Sequence[str], file: str, reading: Reading, note: Callable[[str], None]) -> TableColumns:
        """Look at the names of a table of prompts.

        Raises:
            PromptFileError: None could be the prompt, or a named one is missing.
        """
        refuse_repeated(names, file)
        known = known_names(names, reading)
        try:
            check_table([known[name] for name in names], reading)
        except LineError as error:
            raise PromptFileError((Problem(file, 0, 0, "", error.message),)) from None
        return cls(known, file, note)

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
