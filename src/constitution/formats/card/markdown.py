"""Markdown in which text is data: no prompt, principle or name can end a fence, a cell or a page.

Source: GitHub Flavored Markdown, "Fenced code blocks", "Code spans", "Tables (extension)".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_TICKS = re.compile("`+")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|&~$!@])")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def shown(text: str) -> str:
    """Text with what cannot be seen, or turns the direction of writing, written by its number; line breaks stay."""
    lines = text.replace("\r\n", "\n")
    return "".join(
        f"\\u{ord(each):04x}" if unicodedata.category(each) in _HIDDEN and each not in "\n\t" else each
        for each in lines
    )


def fence(text: str, language: str = "text") -> str:
    """A block of code that holds the text, whatever is in it."""
    inside = shown(text).rstrip("\n")
    ticks = "`" * max(3, _longest(inside) + 1)
    return f"{ticks}{language}\n{inside}\n{ticks}"


def code(text: str) -> str:
    """A span of code on one line, in prose and in cells of tables."""
    inside = " ".join(shown(text).split())
    if not inside:
        return ""
    if "|" in inside:  # a code span in a cell cannot hold a bar that reads the same outside of it
        return escaped(inside)
    ticks = "`" * (_longest(inside) + 1)
    room = " " if inside[0] == "`" or inside[-1] == "`" else ""
    return f"{ticks}{room}{inside}{room}{ticks}"


def escaped(text: str) -> str:
    """Prose in which nothing is markup, on one line; not for the beginning of a paragraph."""
    return _SPECIAL.sub(r"\\\1", " ".join(shown(text).split()))


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, right: int = 1) -> str:
    """A table; cells are Markdown already.

    Args:
        head: names of the columns.
        rows: one cell for each column; whole numbers get commas.
        right: how many columns from the left are text; those behind it stand to the right.
    """
    lines = [_row(head), _row(["---" if column < right else "---:" for column in range(len(head))])]
    lines += [_row([f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row]) for row in rows]
    return "\n".join(lines)


def details(summary: str, body: str) -> str:
    """A part that a reader opens."""
    return f"<details>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _longest(text: str) -> int:
    return max((len(run) for run in _TICKS.findall(text)), default=0)
