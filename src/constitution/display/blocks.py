"""What a view is made of. A page is built once; `terminal` and `html` draw the same blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Tone: TypeAlias = Literal["plain", "strong", "quiet", "name", "good", "bad", "warn"]


@dataclass(frozen=True, slots=True)
class Span:
    """A few words in one tone. The tone is never the only sign of what they mean."""

    text: str
    tone: Tone = "plain"


Line: TypeAlias = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """A text beside its label."""

    label: str
    line: Line


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a text: a word diff, or both texts where that is easier to read."""

    label: str
    """Of the diff."""
    before: str
    after: str
    names: tuple[str, str] | None = None
    """Of the two texts; None where the first one stands above already."""


@dataclass(frozen=True, slots=True)
class Column:
    """Of a table."""

    title: str
    numbers: bool = False
    """Numbers stand to the right."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; the first column names the row."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Line, ...], ...]
    total: tuple[Line, ...] = ()
    """The last row, parted from the others."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole."""

    name: str
    count: int
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Shares:
    """Parts that add up, as one bar and a table."""

    title: str
    parts: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks that belong together."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks that are folded away; a terminal leaves them out."""

    label: str
    blocks: tuple[Block, ...]


Block: TypeAlias = Said | Change | Table | Shares | Section | Fold


@dataclass(frozen=True, slots=True)
class Page:
    """A whole view."""

    head: Line
    blocks: tuple[Block, ...]


def line(*parts: str | Span) -> Line:
    """Spans of texts; what is not a span is plain."""
    return tuple(Span(part) if isinstance(part, str) else part for part in parts)
