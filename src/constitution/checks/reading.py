"""Reads a text by code: kinds of characters, words, phrases, sentences, quotations.

Every function takes any `str` (lone surrogates and NUL too) and needs time in proportion to its length. What a word and
a sentence are stands in docs/checks.md. Knows nothing of principles.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]

# One letter for each kind of character, so that plain expressions over kinds keep the places of the text:
# w letter, d digit, i letter that is a word by itself, m goes on with a word (marks, joiners, _), ' apostrophe,
# - hyphen, space (and what else parts words), o anything else.
_APOSTROPHES = "'’＇"
_HYPHENS = "-‐‑"
_PARTING = "—―\u200b"
_ALONE = re.compile(
    "[\u3005\u3006\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)
_REMEMBERED = 20_000


def _kind(char: str) -> str:
    if char in _APOSTROPHES:
        return "'"
    if char in _HYPHENS:
        return "-"
    if char in _PARTING or char.isspace():
        return " "
    category = unicodedata.category(char)
    if category[0] == "L":
        return "i" if _ALONE.match(char) else "w"
    if category[0] == "N":
        return "d"
    return "m" if category[0] == "M" or category in {"Cf", "Pc"} else "o"


class _Kinds(dict[int, str]):
    """Kind of each code point, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        kind = _kind(chr(code))
        if len(self) < _REMEMBERED:
            self[code] = kind
        return kind


_KINDS = _Kinds()


def kinds(text: str) -> str:
    """The kind of each character of `text`, one letter for each, at the same places."""
    return text.translate(_KINDS)


_RUN = re.compile(r"i|[^i ]+")
_WORDY = re.compile(r"[wdi]")


def words(text: str) -> Iterator[Span]:
    """The words of `text`: what stands between white space or em dashes and holds a letter or a digit.

    Each Han, Hiragana and Katakana character is a word by itself.
    """
    read = kinds(text)
    for run in _RUN.finditer(read):
        if _WORDY.search(read, run.start(), run.end()):
            yield run.span()


def has_word(read: str, start: int, end: int) -> bool:
    """Whether a word begins in `[start, end)` of a text whose kinds are `read`."""
    return _WORDY.search(read, start, end) is not None


def phrase(text: str, *, ignore_case: bool) -> re.Pattern[str]:
    """An expression for a phrase: any white space between its words, either apostrophe, composed or decomposed letters.

    Raises:
        ValueError: the phrase is blank.
    """
    if not text.strip():
        raise ValueError("a phrase must hold more than white space")
    forms = sorted({unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)})
    spelled = [
        r"\s++".join(re.sub(f"[{_APOSTROPHES}]", f"[{_APOSTROPHES}]", re.escape(word)) for word in form.split())
        for form in forms
    ]
    return re.compile("|".join(spelled), re.IGNORECASE if ignore_case else 0)


def _joined(read: str, at: int) -> bool:
    """Whether the characters before and after the place `at` belong to one word."""
    if not 0 < at < len(read):
        return False
    before, after = read[at - 1], read[at]
    if after == "m":
        return before in "wdmi"
    if after in "'-":
        return before in "wdm" and at + 1 < len(read) and read[at + 1] in "wd"
    if before in "'-":
        return after in "wd" and at > 1 and read[at - 2] in "wdm"
    return before in "wdm" and after in "wd"


def whole(read: str, start: int, end: int) -> bool:
    """Whether `[start, end)` cuts no word in two; an edge that is no letter needs nothing beside it."""
    return not (_starts_inside(read, start) or (read[end - 1] in "wdmi" and _joined(read, end)))


def _starts_inside(read: str, start: int) -> bool:
    return read[start] in "wd" and _joined(read, start)


_GOES_ON = re.compile(r"[wdm]*+")


def find(pattern: re.Pattern[str], text: str, read: str) -> Span | None:
    """The first place where the phrase stands as whole words; `read` are the kinds of `text`."""
    at = 0
    while found := pattern.search(text, at):
        if whole(read, *found.span()):
            return found.span()
        at = found.start() + 1
        if _starts_inside(read, found.start()):
            rest = _GOES_ON.match(read, at)
            at = rest.end() if rest else at
    return None


_QUOTED = re.compile(r'"[^"\n]*"|“[^“”\n]*”|«[^«»\n]*»|「[^「」\n]*」|`[^`\n]*`')


def own_voice(text: str) -> str:
    """`text` with quotations and inline code blanked out, every other character at its place."""
    return _QUOTED.sub(lambda quoted: " " * len(quoted[0]), text)


_CLOSERS = "\"'”’»)]}*_`」』）】"
_SPACED = ".!?…؟۔।‽"
_UNSPACED = "。！？｡"
_NEVER_LAST = (
    "mr mrs ms mx dr prof st mt rev gen sen rep gov capt lt col sgt hon fr e.g i.e eg ie vs cf viz approx ca dept est"
)
_NOT_AFTER = "".join(rf"(?<!\b{re.escape(word)}\.)" for word in _NEVER_LAST.split())
_MARK = f"[{_SPACED}{_UNSPACED}]"
_END = re.compile(
    rf"""
    {_MARK}(?<!{_MARK}{{2}})                          # the first mark of a run
    (?: (?<=[{_UNSPACED}])(?P<wide>){_MARK}*+
      | (?<=\.)(?!{_MARK})(?i:{_NOT_AFTER})           # a full stop alone: not an abbreviation's
      | (?:(?<!\.)|(?={_MARK})){_MARK}*+ )
    (?P<closed>[{re.escape(_CLOSERS)}]*+)
    (?(wide)|(?=\s|\Z))
    """,
    re.VERBOSE,
)
_SPACE = re.compile(r"\s*+")
_GAP = re.compile(r"[\n\r\v\f\x85\u2028\u2029]\s*+")
_HEADING = re.compile(r"#{1,6}[ \t]")
_ITEM = re.compile(r"(?:[-*+•]|\d{1,4}[.)]|#{1,6})[ \t]")
_BEFORE_NUMBERS = frozenset({"no", "nos", "fig", "figs", "p", "pp", "vol", "ch", "sec", "eq", "art"})
_SOMETIMES_LAST = frozenset({"etc", "inc", "ltd", "co", "corp", "jr", "sr", "bros", "al", "a.m", "p.m"})
_DOTTED = re.compile(r"[^\W\d_](?:\.[^\W\d_])+")
_LONGEST_ABBREVIATION = 24


def _blocks(text: str) -> Iterator[Span]:
    """Paragraphs, headings and list items."""
    start = len(text) - len(text.lstrip())
    for gap in _GAP.finditer(text, start):
        blank = len(f"{gap[0]}.".splitlines()) > 2  # more than one line ends in this gap
        if blank or _ITEM.match(text, gap.end()) or _HEADING.match(text, start):
            yield start, gap.start()
            start = gap.end()
    yield start, len(text)


def _abbreviates(token: str, after: str, *, first: bool) -> bool:
    """Whether the full stop after `token` belongs to it; `first`: nothing stands before it in its block."""
    if token.isdigit():
        return first
    low = token.casefold()
    if low in _BEFORE_NUMBERS:
        return after.isdigit()
    if low in _SOMETIMES_LAST:
        return after.islower()
    if len(token) == 1:
        return token.isupper() and low != "i"
    return _DOTTED.fullmatch(token) is not None


def _ends(text: str, read: str, block: Span, mark: re.Match[str]) -> bool:
    """Whether a sentence ends at `mark`."""
    space = _SPACE.match(text, mark.end(), block[1])
    next_at = space.end() if space else mark.end()
    if next_at >= block[1] or mark["wide"] is not None:
        return True
    after, closed = text[next_at], mark["closed"]
    marks = mark[0].removesuffix(closed)
    if marks == ".":
        start = max(block[0], read.rfind(" ", max(0, mark.start() - _LONGEST_ABBREVIATION), mark.start()) + 1)
        token = text[max(start, mark.start() - _LONGEST_ABBREVIATION) : mark.start()].lstrip("(\"'“‘[*_")
        return not _abbreviates(token, after, first=start == block[0])
    if "…" in marks or marks.startswith(".."):
        return not after.islower()
    return not (closed and after.islower())


def sentences(text: str) -> Iterator[Span]:
    """The sentences of `text` that hold a word.

    One ends at a full stop, question or exclamation mark before white space (Chinese and Japanese marks need none), at
    a blank line, and before a list item or heading; not after an abbreviation, an initial, or a list item's number.
    """
    read = kinds(text)
    for start, end in _blocks(text):
        begin, seen, worded = start, start, False
        for mark in _END.finditer(text, start, end):
            worded = worded or has_word(read, seen, mark.end())
            seen = mark.end()
            if worded and _ends(text, read, (start, end), mark):
                yield begin, seen
                space = _SPACE.match(text, seen, end)
                begin, worded = space.end() if space else seen, False
        if worded or has_word(read, seen, end):
            yield begin, begin + len(text[begin:end].rstrip())
