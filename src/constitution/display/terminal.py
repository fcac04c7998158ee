"""Pages on a terminal, and as plain text where the output is none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from constitution.display import blocks
from constitution.display.blocks import Block, Page, Span
from constitution.display.chains import pair_blocks
from constitution.display.runs import checks_block, reasons_block, sums_block
from constitution.display.words import Part, readable_diff, shown
from constitution.records import PreferencePair

PLAIN_WIDTH = 10_000
"""Of an output that is no terminal: what reads it breaks lines itself."""
INDENT = 10
"""Of what stands beside a label."""
BAR = 60
"""Most characters of a bar."""
_GLYPHS = "█▓▒░·"
"""Of the shares of a bar: they differ without colour too."""
_STYLES = {
    "plain": "",
    "strong": "bold",
    "quiet": "dim",
    "name": "cyan",
    "good": "green",
    "bad": "red",
    "warn": "yellow",
}
_SHARES = ("green", "cyan", "yellow", "red", "dim")


def console(*, stderr: bool = False) -> Console:
    """A console that parses no markup in what it is given; what is no terminal gets its lines whole."""
    made = Console(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = PLAIN_WIDTH
    return made


def draw(page: Page) -> RenderableType:
    """A whole page."""
    head = [_text(page.head), Text("")] if page.head else []
    return Group(*head, *_spaced(page.blocks))


def draw_blocks(parts: Iterable[Block]) -> RenderableType:
    """Some blocks of a page."""
    return Group(*_spaced(tuple(parts)))


def _spaced(parts: tuple[Block, ...]) -> list[RenderableType]:
    """Tables and sections stand apart from their neighbours."""
    drawn: list[RenderableType] = []
    apart = False
    for part in parts:
        if isinstance(part, blocks.Fold):
            continue
        wide = isinstance(part, blocks.Table | blocks.Shares | blocks.Section)
        if drawn and (wide or apart):
            drawn.append(Text(""))
        drawn.append(_draw(part))
        apart = wide
    return drawn


def _draw(part: Block) -> RenderableType:
    match part:
        case blocks.Said():
            return Hanging(_text(part.line), part.label)
        case blocks.Change():
            return _Changed(part)
        case blocks.Table():
            return _Grid(part)
        case blocks.Shares():
            return _Shares(part)
        case blocks.Section():
            return Group(*_spaced(part.blocks))
        case blocks.Fold():
            return Group()


def _toned(text: str, style: str) -> Text:
    return Text.assemble((shown(text), style))


def _text(spans: Iterable[Span]) -> Text:
    return Text.assemble(*((shown(span.text), _STYLES[span.tone]) for span in spans))


class Hanging:
    """A text beside its label: lines that are broken stay to the right of it, and nothing is padded."""

    def __init__(self, text: Text, label: str = "", indent: int = INDENT) -> None:
        self.text = text
        self.label = label
        self.indent = indent

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = max(20, options.max_width - self.indent)
        for number, row in enumerate(self.text.wrap(console, width) or [Text("")]):
            head = (self.label if not number else "").ljust(self.indent) if row.plain.strip() or not number else ""
            row.rstrip()
            yield Segment(head, console.get_style("dim"))
            yield from row.render(console)
            yield Segment.line()


class _Changed:
    """A word diff where colours show; both texts where they do not, or where a diff cannot be read."""

    def __init__(self, change: blocks.Change) -> None:
        self.change = change

    def __rich_console__(self, console: Console, _: ConsoleOptions) -> RenderResult:
        change = self.change
        parts = readable_diff(change.before, change.after) if colours(console) else None
        if parts is not None:
            yield Hanging(words(parts), change.label)
        elif change.names is None:
            yield Hanging(_toned(change.after, "green"), change.label)
        else:
            yield Hanging(_toned(change.before, "red"), change.names[0])
            yield Hanging(_toned(change.after, "green"), change.names[1])


def colours(console: Console) -> bool:
    """Whether a console shows colours."""
    return console.color_system is not None and not console.no_color


def words(parts: Iterable[Part]) -> Text:
    """A word diff: what went is struck out and red, what came is underlined and green."""
    made = Text()
    for part in parts:
        if part.kind == "equal":
            made.append(part.text)
            continue
        word = part.text.lstrip()
        made.append(part.text[: len(part.text) - len(word)])
        made.append(word, "red strike" if part.kind == "gone" else "green underline")
    return made


class _Shares:
    """A bar, where there is a terminal, and the table that says what it means."""

    def __init__(self, shares: blocks.Shares) -> None:
        self.shares = shares

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        parts, total = self.shares.parts, sum(part.count for part in self.shares.parts)
        drawn = console.is_terminal and total > 0
        if drawn:
            cells = spread([part.count for part in parts], min(BAR, options.max_width))
            yield Text.assemble(
                *((glyph * cell, style) for glyph, cell, style in zip(_GLYPHS, cells, _SHARES, strict=True))
            )
        made = _grid(console)
        name = f"  {self.shares.title}" if drawn else self.shares.title
        for number, foot in enumerate((name, f"{total:,}", "", "")):
            right = number in (1, 2)
            made.add_column("", footer=foot, justify="right" if right else "left", no_wrap=number < 3)
        for part, glyph, style in zip(parts, _GLYPHS, _SHARES, strict=True):
            named = Text.assemble((f"{glyph} " if drawn else "", style), part.name)
            share = f"{100 * part.count / total:.0f} %" if total else ""
            made.add_row(named, f"{part.count:,}", share, Text(part.meaning, "dim"))
        made.show_footer = True
        yield from _rows(made, console, options)


def spread(counts: list[int], width: int) -> list[int]:
    """Cells of a bar that fill it exactly, by largest remainder; what is there has at least one cell."""
    total = sum(counts)
    cells = [max(1, width * count // total) if count else 0 for count in counts]
    while sum(cells) > width:
        cells[cells.index(max(cells))] -= 1
    rest = sorted(range(len(counts)), key=lambda n: (-(width * counts[n] % total), n))
    for n in [n for n in rest if counts[n]] * width:
        if sum(cells) >= width:
            break
        cells[n] += 1
    return cells


def _grid(console: Console) -> Table:
    """A table without frame; lines under its head and over its foot where there is a terminal."""
    return Table(
        box=box.SIMPLE if console.is_terminal else None, pad_edge=False, show_edge=False, show_header=False,
        header_style="dim", footer_style="bold", padding=(0, 1, 0, 0) if console.is_terminal else (0, 2, 0, 0),
    )  # fmt: skip


def _rows(table: Table, console: Console, options: ConsoleOptions) -> RenderResult:
    """A table; without blanks at the ends of its lines where there is no terminal."""
    if console.is_terminal:
        yield table
        return
    for row in console.render_lines(table, options, pad=False):
        yield Segment("".join(segment.text for segment in row).rstrip())
        yield Segment.line()


class _Grid:
    """A table under its title."""

    def __init__(self, table: blocks.Table) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = self.table
        made = _grid(console)
        made.show_header = any(column.title for column in table.columns)
        made.show_footer = bool(table.total)
        for column, foot in zip(table.columns, table.total or [()] * len(table.columns), strict=True):
            side: Literal["left", "right"] = "right" if column.numbers else "left"
            made.add_column(column.title, _text(foot), justify=side, no_wrap=column.numbers, overflow="fold")
        for row in table.rows:
            made.add_row(*map(_text, row))
        yield Text(table.title, "bold")
        yield from _rows(made, console, options)


def table(title: str) -> Table:
    """A table as all views have it, with its first column.

    Args:
        title: of the first column.
    """
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    made.add_column(title, style="", overflow="fold")
    return made


def pair_view(pair: PreferencePair, texts: Mapping[str, str]) -> RenderableType:
    """One pair: prompt, principles, and rejected against chosen.

    Args:
        pair: the pair.
        texts: what each principle says, by id.
    """
    return draw_blocks(pair_blocks(pair, texts))


def sums_table(summary: Mapping[str, Any]) -> RenderableType:
    """Inputs by outcome; they add up."""
    return draw_blocks([sums_block(summary)])


def reasons_table(reasons: Mapping[str, int], meanings: Mapping[str, str], title: str) -> RenderableType:
    """Reasons with their counts, most frequent first."""
    return draw_blocks([reasons_block(reasons, meanings, title)])


def checks_table(checks: Mapping[str, Mapping[str, int]]) -> RenderableType:
    """By principle: how many drafts and how many last revisions keep it, counted by code."""
    return draw_blocks([checks_block(checks)])
