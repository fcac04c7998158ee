"""Whatever a user has goes in as it is: sources and Python values become one file that is read from any place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from constitution.errors import InputError, Problem, PromptFileError
from constitution.messages import Prompt
from constitution.sources.prompts.arrays import array_rows
from constitution.sources.prompts.entries import Entry, RawRow, understand, written
from constitution.sources.prompts.files import HEAD, kind_of, replacing, seekable, streamed, unreadable
from constitution.sources.prompts.json_lines import LineError, lines, too_long
from constitution.sources.prompts.prompt_file import BOM, FORMS, IN_PLACE, PromptFile, understand_line
from constitution.sources.prompts.reading import Reading
from constitution.sources.prompts.rows import check_system
from constitution.sources.prompts.sets import dataset_rows, folder_files, folder_rows, hub_rows, is_dataset
from constitution.sources.prompts.source import PromptSource
from constitution.sources.prompts.tables import TableColumns, csv_rows, parquet_rows
from constitution.sources.prompts.values import as_prompt, is_one_prompt, value_row
from constitution.store.scan import DROP, Problems

Note = Callable[[str], None]
Opens = Callable[[str, str], None]
Found = Entry | Problem


def in_place(sources: Sequence[PromptSource]) -> bool:
    """Whether prompts are read where they are: from one file of JSONL or plain text that can seek. Else a copy is made.

    Raises:
        PromptFileError: The file cannot be read, or is of a kind that holds no prompts.
    """
    if len(sources) != 1 or sources[0].where != "path":
        return False
    path = sources[0].path
    if not path.exists() or not seekable(path) or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return kind_of(str(path), file.read(HEAD)) in IN_PLACE
    except OSError as error:
        raise unreadable(str(path), error) from None


def intake(sources: Sequence[PromptSource], reading: Reading, copy: Path, *, note: Note | None = None) -> PromptFile:
    """Make a file of prompts of sources: the one file where it stands, or a copy of all of them, made in one reading.

    Args:
        sources: In their order.
        reading: What the user says about the rows.
        copy: The file to make, if one is needed, or to replace. Its folder exists.
        note: Is told what of the rows is left out.

    Raises:
        PromptFileError: A source cannot be read, or rows are bad and not to be dropped.
        SettingsError: The system text is blank or no text.
        StoreError: The copy cannot be written.
    """
    _refuse_parts(sources)
    if in_place(sources):
        return PromptFile(sources[0].path, reading)
    return _copied(read_sources(sources, reading, note), reading, copy)


def intake_items(items: Iterable[object], reading: Reading, copy: Path, *, note: Note | None = None) -> PromptFile:
    """Make a file of prompts of Python values, read once, one at a time.

    Args:
        items: A `Dataset` or `IterableDataset`, or values as `as_prompt` takes them; a single one is a list of one.
        reading: What the user says about the rows.
        copy: The file to make, or to replace. Its folder exists.
        note: Is told what of the rows is left out.

    Raises:
        PromptFileError: Values are no prompts, and are not to be dropped.
        SettingsError: The system text is blank or no text.
        StoreError: The copy cannot be written.
    """
    return _copied(read_items(items, reading, note), reading, copy)


def _copied(entries: Iterable[Found], reading: Reading, copy: Path) -> PromptFile:
    check_system(reading.system)
    problems = Problems("prompts")
    with replacing(copy) as write, _hinted_rows(problems):
        for entry in entries:
            line = entry if isinstance(entry, Problem) else _line(entry, reading)
            if isinstance(line, Problem):
                problems.add(line)
            elif not problems.count:
                write(line + b"\n")
        problems.throw()
    return PromptFile(copy, reading, copied=True)


def _line(entry: Entry, reading: Reading) -> bytes | Problem:
    """The line of the copy; what would make a longer one than a reader takes is bad."""
    line = written(entry)
    try:
        too_long(line)
    except LineError as error:
        found = understand(RawRow(error, line, entry.place), reading, entry.source)
        return found if isinstance(found, Problem) else written(found)
    return line


@contextmanager
def _hinted_rows(problems: Problems) -> Iterator[None]:
    """Say in an error about rows that one can go on without them."""
    try:
        yield
    except PromptFileError as error:
        if not problems.count:
            raise
        raise PromptFileError((*error.problems, Problem(error.problems[0].file, 0, 0, "", DROP))) from None


def read_sources(
    sources: Sequence[PromptSource], reading: Reading, note: Note | None = None, opens: Opens | None = None
) -> Iterator[Found]:
    """Read all rows of sources, one after the other: prompts, and problems where bad rows are not to be dropped.

    Args:
        sources: In their order.
        reading: What the user says about the rows.
        note: Is told what of the rows is left out.
        opens: Is told the name and the form of each file or data set that is opened.

    Raises:
        PromptFileError: A source cannot be read, or holds no row.
    """
    _refuse_parts(sources)
    for number, source in enumerate(sources):
        empty = True
        for found in _read(source, number, reading, note or _silent, opens or _silent):
            empty = False
            yield found
        if empty:
            raise PromptFileError((Problem(source.name, 0, 0, "", "holds no prompt"),))


def read_items(items: Iterable[object], reading: Reading, note: Note | None = None) -> Iterator[Found]:
    """Read Python values; see `intake_items`.

    Raises:
        PromptFileError: A data set has splits, or breaks while it is read.
    """
    if is_dataset(items):
        for row in dataset_rows(items, "prompts", reading, note or _silent):
            yield understand(row, reading)
        return
    for index, item in enumerate((items,) if is_one_prompt(items) else items):
        row, own = value_row(item, (index,), reading)
        yield understand(row, own)


def prompts_of(items: object, reading: Reading) -> list[Prompt]:
    """All prompts of a Python value: of one, of an iterable, of a data set.

    Raises:
        PromptFileError: there is none, or some are no prompts; all of these, not only the first.
        InputError: it is nothing of the kind.
    """
    if is_one_prompt(items):
        return [as_prompt(items, reading)[0]]
    if not isinstance(items, Iterable):
        raise InputError(f"expected a prompt or a list of prompts, found {type(items).__name__}")
    problems, found = Problems("prompts"), []
    for one in read_items(items, replace(reading, bad_rows="error")):
        if isinstance(one, Problem):
            problems.add(one)
        else:
            found.append(one.prompt)
    problems.throw()
    if not found:
        raise InputError("the list of prompts is empty")
    return found


def _silent(*_: str) -> None:
    pass


def _read(source: PromptSource, number: int, reading: Reading, note: Note, opens: Opens) -> Iterator[Found]:
    if source.where == "hub":
        opens(source.name, "data set of the hub")
        rows = hub_rows(source, reading, note)
    elif source.where == "path" and source.path.is_dir():
        files = folder_files(source)
        if files is not None:
            for file in files:
                yield from _read_file(str(file), number, reading, note, opens)
            return
        opens(source.name, "folder of a data set")
        rows = folder_rows(source, reading, note)
    else:
        yield from _read_file(source.name, number, reading, note, opens)
        return
    for row in rows:
        yield understand(row, reading, number)


def _refuse_parts(sources: Sequence[PromptSource]) -> None:
    """One file has no configurations, splits or revisions; in a mix the options are for those that have."""
    if len(sources) != 1 or sources[0].where == "hub" or sources[0].path.is_dir():
        return
    for option in ("config", "split", "revision"):
        if getattr(sources[0], option) is not None:
            what = f"is a file, --{option} is for data sets; leave it out"
            raise PromptFileError((Problem(sources[0].name, 0, 0, "", what),))


def _read_file(name: str, number: int, reading: Reading, note: Note, opens: Opens) -> Iterator[Found]:
    with streamed(name) as (stream, kind):
        opens(name, FORMS[kind])
        if kind in IN_PLACE:
            for *at, raw in lines(stream, 0, 1):
                body = raw.removeprefix(BOM) if at[1] == 0 else raw
                if body and not body.isspace():
                    yield understand_line(body, name, (at[0], at[1], at[2]), reading, number, plain=kind == "text")
            return
        rows = {
            "csv": lambda: csv_rows(stream, name, reading),
            "array": lambda: array_rows(stream, name),
            "parquet": lambda: parquet_rows(
                stream, name, lambda names: TableColumns.of_prompts(names, name, reading, note)
            ),
        }[kind]()
        for row in rows:
            yield understand(row, reading, number)
