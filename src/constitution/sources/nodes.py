"""YAML values that know their place. Plain scalars have the core types of YAML 1.2, so `no` is text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from constitution.errors import Problem

Kind: TypeAlias = Literal["text", "integer", "number", "truth", "nothing", "date"]
Path: TypeAlias = tuple[str | int, ...]

_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?")

KINDS: Mapping[Kind, str] = {
    "text": "text",
    "integer": "a number",
    "number": "a number",
    "truth": "true or false",
    "nothing": "empty",
    "date": "a date",
}
"""What each kind is called in a problem."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written."""

    file: str
    line: int
    """1-based; 0 = the whole file."""
    column: int
    path: Path

    def problem(self, message: str, key: str | None = None) -> Problem:
        """A problem at this place, or with a key of the mapping that stands here."""
        path = self.path if key is None else (*self.path, key)
        return Problem(self.file, self.line, self.column, show(path), message)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, number, truth value, date or nothing."""

    place: Place
    text: str
    """As it is written, without quotes."""
    kind: Kind


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping and what it holds."""

    key: Place
    value: Node


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping; its keys are text, each once."""

    place: Place
    entries: Mapping[str, Entry]


Node: TypeAlias = Scalar | Sequence | Table


@dataclass(frozen=True, slots=True)
class Date:
    """Stands in plain data for an unquoted date, which other readers of YAML do not take for text."""

    text: str


def show(path: Path) -> str:
    """A path as people write it: `principles[2].weight`."""
    out = ""
    for step in path:
        out += f"[{step}]" if isinstance(step, int) else f".{short(step)}" if out else short(step)
    return out


def short(text: str) -> str:
    """Text of a file as it stands in a problem: one line, of a length to read, nothing that moves a terminal."""
    if len(text) > 60:
        text = text[:57] + "..."
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def kind_of(text: str) -> Kind:
    """The YAML 1.2 core type of a plain scalar; dates are told apart because other readers do so."""
    if text in _NOTHING:
        return "nothing"
    if text in _TRUTH:
        return "truth"
    if _INTEGER.fullmatch(text):
        return "integer"
    if _NUMBER.fullmatch(text):
        return "number"
    return "date" if _DATE.fullmatch(text) else "text"


def plain(node: Node) -> Any:
    """The node as plain data: str, int, float, bool, None, Date, list, dict."""
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    if isinstance(node, Table):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    if node.kind == "text":
        return node.text
    if node.kind == "nothing":
        return None
    if node.kind == "truth":
        return _TRUTH[node.text]
    return Date(node.text) if node.kind == "date" else _number(node.text)


def _number(text: str) -> int | float:
    if len(text) > 300 and _INTEGER.fullmatch(text):
        return float("-inf") if text.startswith("-") else float("inf")  # far past what any key takes
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    return float(text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf").replace(".n", "n")
                 .replace(".N", "n"))  # fmt: skip
