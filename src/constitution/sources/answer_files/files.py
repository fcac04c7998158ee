"""Rows of files as answers, one file after the other; problems come with their place, and nothing is held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from io import BufferedReader
from typing import Any

from constitution.errors import Problem, PromptFileError
from constitution.sources.answer_files.labels import EXPECTED, label_of
from constitution.sources.answer_files.named import Found, Named, columns_of
from constitution.sources.answer_files.texts import text_of
from constitution.sources.prompts.arrays import array_rows
from constitution.sources.prompts.entries import RawRow
from constitution.sources.prompts.files import Kind, streamed
from constitution.sources.prompts.json_lines import (
    LineError,
    as_text,
    column_of,
    lines,
    parse_object,
    place,
    too_long,
)
from constitution.sources.prompts.prompt_file import BOM
from constitution.sources.prompts.reading import BadRows
from constitution.sources.prompts.tables import TableColumns, csv_table, parquet_rows, refuse_repeated
from constitution.steps.refusals.measure import NOT_STATED, Answer, Label
from constitution.steps.wanted import NOT_READ
from constitution.store.scan import Problems

DROP = "--bad-rows drop goes on without such rows, and counts them"
MOST_SHAPES = 1_000
"""Sets of keys of which it is remembered what each is."""
MOST_UNKNOWN = 12
"""Different unknown labels that a message lists."""


class AnswerFiles:
    """The answers of files; what was seen on the way can be asked for after the last one."""

    def __init__(
        self, files: Sequence[str], named: Named, *, bad_rows: BadRows = "error", limit: int | None = None
    ) -> None:
        """Take files of rows.

        Args:
            files: in their order; `-` is standard input.
            named: what the user says about columns.
            bad_rows: whether a row without an answer is an error, or left out.
            limit: the most rows to read.
        """
        self.dropped = 0
        """Rows that were left out."""
        self.rows = 0
        """Rows that were read."""
        self.without_draft = 0
        """Of our traces and drops, rows that have no draft: nothing was answered there."""
        self.columns: dict[str, dict[str, None]] = {"answer": {}, "label": {}, "against": {}, "model": {}, "class": {}}
        """Names of columns by what they are, in the order in which they were found."""
        self.left_out: dict[str, None] = {}
        """What is to be known of columns."""
        short = [file.rpartition("/")[2] for file in files]
        self._files = tuple(files)
        self._names = dict(zip(files, short if len(set(short)) == len(set(files)) else files, strict=True))
        """What each is called where answers are counted by it."""
        self._named = named
        self._bad_rows = bad_rows
        self._limit = limit
        self._problems = Problems(files[0] if len(files) == 1 else "answers")
        self._unknown: dict[str, Counter[str]] = {}
        self._first: dict[str, RawRow] = {}

    def __iter__(self) -> Iterator[Answer]:
        """Each answer; those of one row in the order of its columns.

        Raises:
            PromptFileError: a file cannot be read, holds no row, or it is unclear which column is what; rows have no
                answer, or labels are unknown: all of these are told at the end, and answers come up to the first.
        """
        for file in self._files:
            before = self.rows
            for answers in self._file(file):
                if not self._problems.count and not self._unknown:
                    yield from answers
            if self.rows == before and not self._full:
                raise PromptFileError((Problem(file, 0, 0, "", "holds no row"),))
        self._problems.throw(hint=DROP)
        self._refuse_unknown()

    @property
    def _full(self) -> bool:
        return self._limit is not None and self.rows >= self._limit

    def _file(self, file: str) -> Iterator[list[Answer]]:
        with streamed(file) as (stream, kind):
            shapes: dict[tuple[str, ...], Found] = {}
            rows = self._rows(stream, file, kind, shapes)
            number = 0
            while not self._full and (row := next(rows, None)) is not None:
                self.rows += 1
                number += 1
                try:
                    answers = self._answers(row, number, file, shapes)
                    self.without_draft += not answers
                    yield answers
                except LineError as error:
                    self._bad(row, error)

    def _rows(
        self, stream: BufferedReader, file: str, kind: Kind, shapes: dict[tuple[str, ...], Found]
    ) -> Iterator[RawRow]:
        """The rows of one file; of a table it is known before the first what its columns are."""

        def header(names: Sequence[str]) -> list[str]:
            refuse_repeated(names, file, int(kind == "csv"))
            try:
                shapes[tuple(names)] = self._columns(names)
            except LineError as error:
                raise PromptFileError((Problem(file, int(kind == "csv"), 0, "", error.message),)) from None
            return list(names)

        def table(names: Sequence[str]) -> TableColumns:
            return TableColumns(dict(zip(header(names), names, strict=True)), file, self._note)

        if kind == "csv":
            return csv_table(stream, file, header)
        if kind == "parquet":
            return parquet_rows(stream, file, table)
        if kind == "array":
            return (_of_answer(row, file) for row in array_rows(stream, file))
        return _line_rows(stream, file, plain=kind == "text")

    def _note(self, what: str) -> None:
        self.left_out[what] = None

    def _answers(self, row: RawRow, number: int, file: str, shapes: dict[tuple[str, ...], Found]) -> list[Answer]:
        """The answers of a row, with its number in the file.

        Raises:
            LineError: it has none.
            PromptFileError: it is the first row, and nobody knows which column is what.
        """
        if isinstance(row.value, LineError):
            raise row.value
        names = tuple(row.value)
        found = shapes.get(names)
        if found is None:
            try:
                found = self._columns(names)
            except LineError as error:
                if not shapes:
                    raise PromptFileError((_problem(row, error),)) from None
                raise
            if len(shapes) < MOST_SHAPES:
                shapes[names] = found
        if found.answers == ("draft",) and "outcome" in row.value and _is_blank(row.value["draft"]):
            return []
        label, said = self._label(row, found.label)
        other, _ = self._label(row, found.against)
        groups = self._groups(row.value, found, file)
        id = row.value.get(found.id) if found.id is not None else None
        return [
            Answer(
                text_of(row.value[name], (name,)), number, row.place, None if id is None else str(id),
                name.strip().lower() if len(found.answers) > 1 else "", label, said, other,
                ((("side", name.strip().lower()),) if len(found.answers) > 1 else ()) + groups,
            )
            for name in found.answers
        ]  # fmt: skip

    def _columns(self, names: Sequence[str]) -> Found:
        """What the columns are. Labels stand in one column: the first that was found."""
        found = columns_of(names, self._named, next(iter(self.columns["label"]), None))
        for role, columns in (
            ("answer", found.answers), ("label", (found.label,)), ("against", (found.against,)),
            ("model", (found.model,)), ("class", (found.category,)),
        ):  # fmt: skip
            self.columns[role] |= dict.fromkeys(column for column in columns if column is not None)
        if found.own is not None:
            self._note(f'the column "{found.own}" holds tags of ours, no labels; --label {found.own} takes it for one')
        return found

    def _label(self, row: RawRow, column: str | None) -> tuple[Label | None, str]:
        """A label, and how it stands there; an unknown one is remembered."""
        assert not isinstance(row.value, LineError)
        value = None if column is None else row.value.get(column)
        if column is None or value is None or (isinstance(value, str) and not value.strip()):
            return None, ""
        said = " ".join(str(value).split())[:40]
        if said.lower() == NOT_READ:
            return None, ""
        label = label_of(value)
        if label is None:
            self._first.setdefault(column, row)
            counts = self._unknown.setdefault(column, Counter())
            counts[said if said in counts or len(counts) < MOST_UNKNOWN else "others"] += 1
        return label, said

    def _groups(self, value: Mapping[str, Any], found: Found, file: str) -> tuple[tuple[str, str], ...]:
        groups = [
            (by, _name(value.get(column)))
            for by, column in (("model", found.model), ("class", found.category))
            if column is not None
        ]
        return (*groups, ("file", self._names[file])) if len(self._files) > 1 else tuple(groups)

    def _bad(self, row: RawRow, error: LineError) -> None:
        if self._bad_rows == "drop":
            self.dropped += 1
        else:
            self._problems.add(_problem(row, error))

    def _refuse_unknown(self) -> None:
        """Refuse labels that mean nothing here, all at once.

        Raises:
            PromptFileError: there are some.
        """
        problems = []
        for column, counts in self._unknown.items():
            row = self._first[column]
            values = ", ".join(f'"{value}" ({count:,})' for value, count in counts.most_common())
            if column == self._named.against:
                mend = "write them so, or name another column (--against)"
            else:
                mend = "write them so, name another column (--label), or none: --label -"
            problems.append(
                Problem(row.file, row.line, 0, column, f"unknown labels: {values}; expected {EXPECTED}: {mend}")
            )
        if problems:
            raise PromptFileError(tuple(problems))


def _of_answer(row: RawRow, file: str) -> RawRow:
    """A row of an array of texts, or of what is no row; they are read as prompts."""
    if isinstance(row.value, LineError):
        return replace(row, value=_no_row(row.value, row.raw, file))
    return replace(row, value={"text": row.value["prompt"]}) if row.raw.startswith(b'"') else row


def _no_row(error: LineError, body: bytes, file: str) -> LineError:
    """What is told of a line or an item that is no object: what a row of answers looks like."""
    if not error.message.startswith("expected a JSON object"):
        return error
    message = 'expected a JSON object like {"text": "..."}'
    if not body.lstrip().startswith((b"[", b'"')) and file == "-":
        message += "; plain text and CSV are known by their names: write them to a file in .txt or .csv first"
    elif not body.lstrip().startswith((b"[", b'"')):
        message += "; plain text, one answer a line, wants a name in .txt, a table one in .csv"
    return LineError(error.path, message, error.column)


def _is_blank(draft: object) -> bool:
    """Whether an exported trace or drop has no first answer: it failed before, or was turned away."""
    text = draft.get("text") if isinstance(draft, Mapping) else draft
    return text is None or (isinstance(text, str) and not text.strip())


def _name(value: object) -> str:
    """A value that answers are counted by."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))[:100] or NOT_STATED
    return NOT_STATED if value is None else str(value).strip()[:100] or NOT_STATED


def _problem(row: RawRow, error: LineError) -> Problem:
    in_json = row.line and row.typed and error.path and not error.column
    column = column_of(row.raw, error.path) if in_json else error.column
    return Problem(row.file, row.line, column, place((*row.path, *error.path)), error.message)


def _line_rows(stream: BufferedReader, file: str, *, plain: bool) -> Iterator[RawRow]:
    """Lines of JSON objects, or of plain text, of which each is an answer."""
    for number, offset, _, raw in lines(stream, 0, 1):
        body = raw.removeprefix(BOM) if offset == 0 else raw
        if not body or body.isspace():
            continue
        value: Mapping[str, Any] | LineError
        try:
            too_long(body)
            value = {"text": as_text(body)} if plain else parse_object(body)
        except LineError as error:
            value = _no_row(error, body, file)
        yield RawRow(value, body, file, number, typed=not plain)
