"""Reads what a view shows, as a browser and a terminal would."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from io import StringIO

from rich.console import Console, RenderableType

TAGS = {"div", "section", "span", "strong", "ins", "del", "br", "details", "summary", "style"} | {
    "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td",
}  # fmt: skip
ATTRIBUTES = {
    "class": re.compile(r"cst-[a-z]+[0-4]?( cst-[a-z]+[0-4]?)?"),
    "dir": re.compile("auto"),
    "scope": re.compile("row|col"),
    "style": re.compile(r"width:[0-9]{1,3}\.[0-9]{3}%"),
}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Seen(HTMLParser):
    """Refuses everything that the views have no use for, and keeps the text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text = ""
        self.unfolded = ""
        """The text without what is folded away."""
        self.diff: dict[str, str] = {"ins": "", "del": ""}
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        for name, value in attrs:
            assert ATTRIBUTES[name].fullmatch(value or ""), (name, value)
        if tag == "br":
            self.handle_data("\n")
        else:
            self.open.append(tag)
        if tag in ("div", "td", "th", "caption"):
            self.handle_data("\n")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.text += data
        if "details" not in self.open:
            self.unfolded += data
        for tag in set(self.open) & set(self.diff):
            self.diff[tag] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"an instruction: {data}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data}")


def printed(what: RenderableType, *, width: int = 100, colours: bool = False) -> str:
    """What a terminal gets; `colours` = one that shows them."""
    out = StringIO()
    Console(
        file=out, width=width, markup=False, highlight=False, emoji=False, force_terminal=colours, legacy_windows=False,
        color_system="truecolor" if colours else None,
    ).print(what)  # fmt: skip
    return out.getvalue()


def without_colours(text: str) -> str:
    """What stands there when colours are taken away; any other escape sequence stays."""
    return _COLOURS.sub("", text)
