"""YAML text to nodes: composed from the events of ruamel's parser, which constructs nothing.

Tags, aliases, duplicate keys and sizes are seen on the way, in one pass and without recursion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from constitution.errors import Problem
from constitution.sources.nodes import KINDS, Entry, Node, Path, Place, Scalar, Sequence, Table, kind_of, short

MAX_BYTES = 1_000_000
MAX_ALIASES = 100
MAX_NODES = 100_000
"""After every alias is written out."""
MAX_DEPTH = 50

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\ufeff")
_MARKS = (
    (b"\xef\xbb\xbf", "UTF-8 with a byte order mark"),
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_HINTS = (
    ("character '\\t'", "tabs cannot indent: use spaces"),
    ("mapping values are not allowed", "a text with a colon in it needs quotes, or `|` and a line of its own"),
    ("that cannot start any token", "a text that begins so needs quotes"),
    ("could not find expected ':'", "a key is followed by a colon; a long text goes under `|`, indented"),
    ("expected <block end>", "look at the indentation, and at quotes inside the text"),
    ("unexpected end of stream", "a quote or a bracket is never closed"),
    ("'<stream end>'", "a bracket is never closed"),
)


class _Stop(Exception):
    """Ends a reading; what was wrong is in the list of problems."""


def decode(data: bytes, file: str) -> tuple[str, list[Problem]]:
    """The text of a file that people write, or what keeps it from being one."""
    whole = Place(file, 0, 0, ())
    if len(data) > MAX_BYTES:
        return "", [whole.problem(f"is larger than {MAX_BYTES:,} bytes, the most that is read")]
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return "", [whole.problem(f"is {encoding}, expected plain UTF-8: save it as UTF-8 without a mark")]
    if (at := data.find(b"\x00")) >= 0:
        return "", [_at(data[:at], file, "holds a NUL byte, expected text in UTF-8 (is it UTF-16, or no text?)")]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        message = (
            f"byte 0x{data[error.start]:02X} is not UTF-8: save the file as UTF-8 (is it Latin-1 or Windows-1252?)"
        )
        return "", [_at(data[: error.start], file, message)]
    if bad := _UNPRINTABLE.search(text):
        message = f"holds the character U+{ord(bad[0]):04X}: leave it out, or write it as an escape in double quotes"
        return "", [_at(text[: bad.start()].encode(), file, message)]
    return text, []


def _at(before: bytes, file: str, message: str) -> Problem:
    lines = before.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return Problem(file, len(lines), len(lines[-1]) + 1, "", message)


def compose(data: bytes, file: str) -> tuple[Node | None, list[Problem]]:
    """Read one YAML document; every problem is told, and the node is None where reading had to stop.

    Args:
        data: what the file holds.
        file: its name in the problems.
    """
    text, problems = decode(data, file)
    if problems:
        return None, problems
    composer = _Composer(file, problems)
    try:
        return composer.compose(text), problems
    except _Stop:
        return None, problems


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    place: Place
    anchor: str | None
    is_table: bool
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    key: tuple[str, Place] | None = None
    keep: bool = True
    """Whether the value of the present key is kept (a key that repeats keeps its first)."""
    size: int = 1
    height: int = 1

    def next_path(self) -> Path:
        if self.is_table and self.key is None:
            return self.place.path
        return (*self.place.path, len(self.items) if self.key is None else self.key[0])

    def close(self) -> Node:
        return Table(self.place, self.entries) if self.is_table else Sequence(self.place, tuple(self.items))


class _Composer:
    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Node, int, int]] = {}
        self.nodes = 0
        self.aliases = 0
        self.root: Node | None = None

    def compose(self, text: str) -> Node:
        documents = 0
        for event in self._events(text):
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._stop(self._place(event), "a second document begins here, expected one document in a file")
                if event.version is not None or event.tags:
                    self._stop(Place(self.file, 1, 1, ()), "a % directive is not read: leave the line out")
            elif isinstance(event, MappingStartEvent | SequenceStartEvent):
                self._begin(event, is_table=isinstance(event, MappingStartEvent))
            elif isinstance(event, MappingEndEvent | SequenceEndEvent):
                self._end()
            elif isinstance(event, ScalarEvent):
                self._scalar(event)
            elif isinstance(event, AliasEvent):
                self._alias(event)
        if self.root is None:
            self._stop(Place(self.file, 0, 0, ()), "is empty, expected a mapping of keys to values")
        return self.root

    def _events(self, text: str) -> Iterator[Any]:
        line = 1
        try:
            # "safe" and pure: the scanner without the round-trip one's comment handling, which takes twice as long
            for event in YAML(typ="safe", pure=True).parse(text):
                line = event.end_mark.line + 1
                yield event
        except MarkedYAMLError as error:
            self._stop(*self._told(error))
        except Exception as error:  # noqa: BLE001 - ruamel raises ValueError, OverflowError, ... on some broken escapes
            self._stop(Place(self.file, line, 0, ()), f"what follows is not valid YAML ({error})")

    def _told(self, error: MarkedYAMLError) -> tuple[Place, str]:
        problem = " ".join(str(error.problem or error.context or "cannot be read").split())
        hint = next((f" ({hint})" for known, hint in _HINTS if known in problem), "")
        mark = error.problem_mark or error.context_mark
        begun = error.context_mark
        if begun is not None and mark is not None and begun.line < mark.line:
            problem = f"{error.context} that begins in line {begun.line + 1}, {problem}"
        place = Place(self.file, 0, 0, ()) if mark is None else Place(self.file, mark.line + 1, mark.column + 1, ())
        return place, f"is not valid YAML: {problem}{hint}"

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        path = self.stack[-1].next_path() if self.stack else ()
        return Place(self.file, mark.line + 1, mark.column + 1, path)

    def _stop(self, place: Place, message: str) -> NoReturn:
        self.problems.append(place.problem(message))
        raise _Stop

    def _count(self, place: Place, size: int) -> None:
        self.nodes += size
        if self.nodes > MAX_NODES:
            self._stop(place, f"more than {MAX_NODES:,} values (aliases written out), the most that is read")

    def _tag(self, event: Any, place: Place) -> None:
        if event.tag is not None:
            self.problems.append(place.problem(f'the tag "{short(event.tag)}" is not read: leave tags out'))

    def _begin(self, event: Any, *, is_table: bool) -> None:
        place = self._place(event)
        if self.stack and self.stack[-1].is_table and self.stack[-1].key is None:
            self._stop(place, "a list or mapping stands where a key is expected; keys are text")
        if len(self.stack) >= MAX_DEPTH:
            self._stop(place, f"is nested more than {MAX_DEPTH} deep, the most that is read")
        self._count(place, 1)
        self._tag(event, place)
        self.stack.append(_Open(place, event.anchor, is_table))

    def _end(self) -> None:
        done = self.stack.pop()
        self._add(done.close(), done.size, done.height, done.anchor)

    def _scalar(self, event: Any) -> None:
        place = self._place(event)
        self._count(place, 1)
        self._tag(event, place)
        is_plain = bool(event.implicit[0])
        top = self.stack[-1] if self.stack else None
        if top is not None and top.is_table and top.key is None:
            self._key(top, event.value, place, is_plain=is_plain)
            if event.anchor is not None:
                self.anchors[event.anchor] = (Scalar(place, event.value, "text"), 1, 0)
            return
        if is_plain and not event.value and top is not None and top.key is not None:
            place = Place(self.file, top.key[1].line, top.key[1].column, place.path)  # the event's is the next line
        if not is_plain and not _is_clean(event.value):
            self.problems.append(place.problem("holds U+0000 or half of a surrogate pair: write the character itself"))
        kind = kind_of(event.value) if is_plain else "text"
        self._add(Scalar(place, event.value, kind), 1, 0, event.anchor)

    def _key(self, top: _Open, text: str, place: Place, *, is_plain: bool) -> None:
        place = Place(place.file, place.line, place.column, (*top.place.path, text))
        top.key, top.keep = (text, place), True
        message = ""
        if not is_plain and not _is_clean(text):
            message = "a key holds U+0000 or half of a surrogate pair"
        elif is_plain and text == "<<":
            message = "merge keys (<<) are not read: write the keys out, or use `extends`"
        elif is_plain and kind_of(text) != "text":
            message = f'the key is {KINDS[kind_of(text)]}, expected text: write it in quotes, "{short(text)}"'
        elif text in top.entries:
            message = f"the key is given twice, first in line {top.entries[text].key.line}: keep one"
        if message:
            self.problems.append(place.problem(message))
            top.keep = False

    def _alias(self, event: Any) -> None:
        place = self._place(event)
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            self._stop(place, f"more than {MAX_ALIASES} aliases, the most that is read")
        if any(frame.anchor == event.anchor for frame in self.stack):
            self._stop(place, f"the alias *{short(event.anchor)} stands inside what it names")
        if event.anchor not in self.anchors:
            name = short(event.anchor)
            self._stop(place, f"the alias *{name} names nothing: no &{name} stands before it")
        node, size, height = self.anchors[event.anchor]
        self._count(place, size)
        if len(self.stack) + height > MAX_DEPTH:
            self._stop(place, f"is nested more than {MAX_DEPTH} deep, the most that is read")
        top = self.stack[-1] if self.stack else None
        if top is not None and top.is_table and top.key is None:
            if not isinstance(node, Scalar):
                self._stop(place, "a list or mapping stands where a key is expected; keys are text")
            self._key(top, node.text, place, is_plain=node.kind != "text")
            return
        self._add(node, size, height, None)

    def _add(self, node: Node, size: int, height: int, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = (node, size, height)
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        top.size += size
        top.height = max(top.height, height + 1)
        if not top.is_table:
            top.items.append(node)
            return
        assert top.key is not None
        if top.keep:
            top.entries[top.key[0]] = Entry(top.key[1], node)
        top.key = None


def _is_clean(text: str) -> bool:
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text))
