"""Pages as HTML for notebooks. Every text is hostile: it is escaped, and no attribute is ever made of one.

No script, no ids, nothing from elsewhere. Where a notebook takes the styles away (one that is not trusted), `<ins>`,
`<del>`, tables and `<details>` still say what they mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from constitution.display import blocks
from constitution.display.blocks import Block, Line, Page, Span
from constitution.display.colours import STYLE
from constitution.display.words import Part, readable_diff, shown


def page_html(page: Page) -> str:
    """A whole page, styles included."""
    head = _tag("div", "head", _spans(page.head)) if page.head else ""
    return f"<style>{STYLE}</style>" + _tag("div", "view", head + _all(page.blocks))


def _all(parts: Iterable[Block]) -> str:
    return "".join(map(_block, parts))


def _block(part: Block) -> str:
    match part:
        case blocks.Said():
            return _said(part.label, _spans(part.line))
        case blocks.Change():
            return _change(part)
        case blocks.Table():
            return _table(part)
        case blocks.Shares():
            return _shares(part)
        case blocks.Section():
            return _tag("section", "part", _all(part.blocks))
        case blocks.Fold():
            return _tag("details", "fold", f"<summary>{_text(part.label)}</summary>" + _all(part.blocks))


def _tag(name: str, kind: str, inside: str) -> str:
    """An element; name and kind are words of this module, `inside` is HTML."""
    return f'<{name} class="cst-{kind}">{inside}</{name}>'


def _text(text: str) -> str:
    """A text as HTML: without control characters, escaped, each line on its own line with or without styles."""
    return escape(shown(text)).replace("\n", "<br>")


def _spans(spans: Iterable[Span]) -> str:
    return "".join(_span(span) for span in spans if span.text)


def _span(span: Span) -> str:
    if span.tone == "plain":
        return _text(span.text)
    return _tag("strong" if span.tone == "strong" else "span", span.tone, _text(span.text))


def _said(label: str, inside: str) -> str:
    """A text beside its label; the text finds its own direction."""
    return _tag(
        "div", "said", _tag("div", "label", _text(label) + " ") + f'<div class="cst-text" dir="auto">{inside}</div>'
    )


def _change(change: blocks.Change) -> str:
    parts = readable_diff(change.before, change.after)
    if parts is not None:
        return _said(change.label, "".join(map(_word, parts)))
    after = _tag("span", "good", _text(change.after))
    if change.names is None:
        return _said(change.label, after)
    return _said(change.names[0], _tag("span", "bad", _text(change.before))) + _said(change.names[1], after)


def _word(part: Part) -> str:
    if part.kind == "equal":
        return _text(part.text)
    return _tag("del" if part.kind == "gone" else "ins", part.kind, _text(part.text))


def _table(table: blocks.Table) -> str:
    sides = ["number" if column.numbers else "word" for column in table.columns]
    heads = "".join(
        f'<th scope="col" class="cst-{side}">{_text(column.title)}</th>'
        for side, column in zip(sides, table.columns, strict=True)
    )
    head = f"<thead><tr>{heads}</tr></thead>" if any(column.title for column in table.columns) else ""
    rows = "".join(_row(row, sides) for row in table.rows)
    total = f"<tfoot>{_row(table.total, sides)}</tfoot>" if table.total else ""
    return _grid(table.title, f"{head}<tbody>{rows}</tbody>{total}")


def _grid(title: str, inside: str) -> str:
    return f'<table class="cst-grid"><caption>{_text(title)}</caption>{inside}</table>'


def _row(cells: tuple[Line, ...], sides: list[str]) -> str:
    first = f'<th scope="row" class="cst-word">{_spans(cells[0])}</th>'
    rest = (_tag("td", side, _spans(cell)) for cell, side in zip(cells[1:], sides[1:], strict=True))
    return f"<tr>{first}{''.join(rest)}</tr>"


def _shares(shares: blocks.Shares) -> str:
    """A bar without words, and the table that says what it means."""
    total = sum(part.count for part in shares.parts)
    bar = "".join(
        f'<span class="cst-share cst-share{number}" style="width:{100 * part.count / total:.3f}%"></span>'
        for number, part in enumerate(shares.parts)
        if part.count
    )
    rows = "".join(
        f'<tr><th scope="row" class="cst-word"><span class="cst-key cst-share{number}"></span>{_text(part.name)}</th>'
        f'<td class="cst-number">{part.count:,}</td>'
        f'<td class="cst-number">{f"{100 * part.count / total:.0f} %" if total else ""}</td>'
        f'<td class="cst-word cst-quiet">{_text(part.meaning)}</td></tr>'
        for number, part in enumerate(shares.parts)
    )
    foot = (
        f'<tfoot><tr><th scope="row" class="cst-word">{_text(shares.title)}</th>'
        f'<td class="cst-number">{total:,}</td><td></td><td></td></tr></tfoot>'
    )
    return _tag("div", "bar", bar) + f'<table class="cst-grid"><tbody>{rows}</tbody>{foot}</table>'
