"""A JSON array, cut into its items without reading it whole; each item is then parsed as strictly as a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from constitution.errors import Problem, PromptFileError
from constitution.sources.prompts.entries import RawRow
from constitution.sources.prompts.json_lines import MAX_LINE, LineError, as_text, parse_object, too_long
from constitution.sources.prompts.turns import any_json

_BLOCK = 1 << 18
_OUTSIDE = re.compile(rb'[\[\]{}",]')
_INSIDE = re.compile(rb'["\\]')


class _Cutter:
    """Finds where the items of an array end, block by block. It knows nesting and texts; the rest is left to JSON."""

    def __init__(self) -> None:
        self.item = bytearray()
        """What of the current item was read; cut behind `MAX_LINE`, so that its length tells."""
        self.depth = -1
        """Objects and lists around the current place; -1 outside of the array."""
        self.ended = False
        self._in_text = False
        self._escaped = False

    def feed(self, block: bytes) -> Iterator[bytes]:
        """Take in a block; gives the items that end in it, the last one where the array ends."""
        start = at = 0
        while at < len(block) and not self.ended:
            if self._escaped:
                self._escaped, at = False, at + 1
                continue
            match = (_INSIDE if self._in_text else _OUTSIDE).search(block, at)
            if match is None:
                break
            at = match.end()
            if self._ends_item(match[0]):
                self._keep(block[start : match.start()])
                yield bytes(self.item)
                self.item.clear()
                start = at
            elif self.depth == 0 and match[0] == b"[" and not self.item.strip() and self._first:
                start, self._first = at, False
        self._keep(block[at if self.ended else start :])

    _first = True

    def _keep(self, part: bytes) -> None:
        self.item += part[: max(0, MAX_LINE + 2 - len(self.item))]

    def _ends_item(self, mark: bytes) -> bool:
        if self._in_text:
            self._escaped = mark == b"\\"
            self._in_text = mark != b'"'
        elif mark == b'"':
            self._in_text = True
        elif mark in b"[{":
            self.depth += 1
        elif mark in b"]}":
            self.depth -= 1
            self.ended = self.depth < 0
            return self.ended
        else:
            return self.depth == 0
        return False


def array_rows(stream: BinaryIO, name: str) -> Iterator[RawRow]:
    """Read the rows of a JSON array: objects, or texts.

    Args:
        stream: From its beginning on.
        name: Of the file, for places.

    Raises:
        PromptFileError: The array does not end, or more stands behind it.
    """
    cutter = _Cutter()
    number, empty = 0, False
    while block := stream.read(_BLOCK):
        if cutter.ended:
            _refuse_more(block, name)
        for item in cutter.feed(block):
            number += 1
            empty = cutter.ended and number == 1 and not item.strip()
            if not empty:
                yield _row(item, f"{name}: row {number}")
        if cutter.ended:
            _refuse_more(bytes(cutter.item), name)
    if not cutter.ended:
        what = f"the JSON array ends in the middle of row {number + 1}: it is cut off, or a quote or bracket is missing"
        raise PromptFileError((Problem(name, 0, 0, "", what),))


def _refuse_more(rest: bytes, name: str) -> None:
    if rest.strip():
        what = (
            "more stands behind the end of the JSON array; a file is one array, or has one object on each line (JSONL)"
        )
        raise PromptFileError((Problem(name, 0, 0, "", what),))


def _row(item: bytes, place: str) -> RawRow:
    raw = item.strip()
    value: Mapping[str, Any] | LineError
    try:
        too_long(raw)
        value = {"prompt": any_json(as_text(raw))} if raw.startswith(b'"') else parse_object(raw)
    except LineError as error:
        # Columns within an item tell nobody anything.
        value = LineError(error.path, error.message if raw else "is empty: a comma too many, or a row that is missing")
    return RawRow(value, raw, place)
