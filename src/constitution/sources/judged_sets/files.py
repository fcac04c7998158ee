"""Rows of a local file or of a data set of the hub, as items; problems come with their place before anything starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from constitution.errors import Problem, PromptFileError
from constitution.examination.items import Item, JudgedSet
from constitution.sources.judged_sets.rows import REPEATED, LeftOut, Rows
from constitution.sources.prompts.arrays import array_rows
from constitution.sources.prompts.entries import RawRow
from constitution.sources.prompts.files import streamed
from constitution.sources.prompts.json_lines import LineError, column_of, lines, parse_object, place, too_long
from constitution.sources.prompts.prompt_file import BOM
from constitution.sources.prompts.sets import explained
from constitution.store.scan import Problems


@dataclass(frozen=True, slots=True)
class HubSet:
    """Where a published set lies on the hub."""

    name: str
    split: str
    configs: tuple[str | None, ...] = (None,)
    """All of these, one after the other."""
    folder: str | None = None
    revision: str | None = None


def file_set(path: str, rows: Rows, published: tuple[str, ...] = ()) -> JudgedSet:
    """The set in a local file: JSON lines or a JSON array, also packed.

    Raises:
        PromptFileError: the file cannot be read, or rows are malformed, each with its line.
    """
    return _collected(path, file_rows(path), rows, published)


def hub_set(where: HubSet, rows: Rows, published: tuple[str, ...] = ()) -> JudgedSet:
    """The set on the hub, without downloading it first; code that comes with one never runs.

    Raises:
        PromptFileError: it is not there, may not be read, or its rows are malformed.
    """
    return _collected(where.name, _hub_rows(where), rows, published)


def file_rows(path: str) -> Iterator[RawRow]:
    """The rows of a local file.

    Raises:
        PromptFileError: it cannot be read, or is of a kind that holds no such rows.
    """
    with streamed(path) as (stream, kind):
        if kind == "array":
            yield from array_rows(stream, path)
        elif kind == "lines":
            for number, offset, _, raw in lines(stream, 0, 1):
                body = raw.removeprefix(BOM) if offset == 0 else raw
                if body and not body.isspace():
                    yield RawRow(_parsed(body), body, path, number)
        else:
            what = (
                f"is {kind}; pairs are read from JSON lines, one object on each line, or from a JSON array of objects"
            )
            raise PromptFileError((Problem(path, 0, 0, "", what),))


def _parsed(raw: bytes) -> Mapping[str, Any] | LineError:
    try:
        too_long(raw)
        return parse_object(raw)
    except LineError as error:
        return error


def _hub_rows(where: HubSet) -> Iterator[RawRow]:
    from datasets import load_dataset

    for config in where.configs:
        name = f"{where.name} ({', '.join(part for part in (config, where.split) if part)})"
        with explained(where.name):
            found = load_dataset(
                where.name, config, data_dir=where.folder, split=where.split, revision=where.revision, streaming=True
            )
            rows = iter(found.with_format(None))
        number = 0
        while True:
            with explained(name, number + 1):
                row = next(rows, None)
            if row is None:
                break
            number += 1
            yield RawRow(row, b"", f"{name}: row {number}", typed=False)


def _collected(source: str, found: Iterable[RawRow], rows: Rows, published: tuple[str, ...]) -> JudgedSet:
    """All items, or every problem."""
    problems = Problems(source)
    items: dict[str, Item] = {}
    seen: set[str] = set()
    left: Counter[str] = Counter()
    for row in found:
        try:
            item = _item(row, rows, items, seen)
        except LeftOut as reason:
            left[str(reason)] += 1
        except LineError as error:
            column = error.column or (column_of(row.raw, error.path) if row.line and error.path else 0)
            problems.add(Problem(row.file, row.line, column, place(error.path), error.message))
        else:
            items[item.id] = item
            seen.add(item.digest)
    problems.throw()
    if not items:
        raise PromptFileError((Problem(source, 0, 0, "", _nothing(left)),))
    return JudgedSet(rows.set, tuple(items.values()), source, published, tuple(sorted(left.items())))


def _item(row: RawRow, rows: Rows, items: Mapping[str, Item], seen: set[str]) -> Item:
    """The item of a row, other than all before it."""
    if isinstance(row.value, LineError):
        raise row.value
    item = rows.item(row.value, row.place)
    if item.digest in seen:
        raise LeftOut(REPEATED)
    if item.id in items:
        raise LineError(("id",), f'the id "{item.id}" stands at {items[item.id].place} too; give each its own')
    return item


def _nothing(left: Counter[str]) -> str:
    why = ", ".join(f"{count:,} rows: {reason}" for reason, count in sorted(left.items()))
    return f"holds no pair that a judge can be examined on ({why})" if why else "holds no pair"
