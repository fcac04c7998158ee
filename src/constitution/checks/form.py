"""Checks of how an answer is set down: digits, numbered lines, its end, JSON, Markdown, the script."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field
from pydantic_core import from_json

from constitution.checks import reading
from constitution.checks.base import Checked, Named


class NoDigits(Named):
    """Holds no digit or other number sign of any script."""

    def _check(self, text: str) -> Checked:
        at = reading.kinds(text).find("d")
        return Checked(True, None, "no digit") if at < 0 else Checked(False, (at, at + 1), f"digit {text[at]!r}")


_STEP = re.compile(
    r"^[ \t>*_#-]*+(?:step[ \t]+|\()?(\d{1,4})(?:[.):](?=[\s*_]|\Z)|[ \t]+[-–—])", re.IGNORECASE | re.MULTILINE
)


class NumberedSteps(Named):
    """Holds at least `min` lines numbered 1, 2, 3 ... in this order."""

    min: Annotated[int, Field(ge=1)] = 2

    def _check(self, text: str) -> Checked:
        most, reached, start, place = 0, 0, 0, None
        for step in _STEP.finditer(text):
            number = int(step[1])
            if number == 1:
                reached, start = 1, step.start(1)
            elif number == reached + 1:
                reached = number
            if reached > most:
                most, place = reached, (start, step.end(1))
        return Checked(most >= self.min, place, f"{most} numbered steps, at least {self.min} asked")


_AFTER_MARK = "\"'”’»)]}*_`」』）】"
_QUESTION = "?？؟;⁇‽⁈⁉"


def _closes(char: str) -> bool:
    return char in _AFTER_MARK or char.isspace() or unicodedata.category(char) in {"So", "Sk", "Mn", "Me", "Cf"}


class EndsWithQuestion(Named):
    """Ends with a question mark; white space, closing quotes and emoji may follow it."""

    def _check(self, text: str) -> Checked:
        end = len(text)
        while end and _closes(text[end - 1]):
            end -= 1
        start = end
        while start and text[start - 1] in _QUESTION + "!":
            start -= 1
        if any(char in _QUESTION for char in text[start:end]):
            return Checked(True, (start, end), "ends with a question")
        return Checked(False, (end - 1, end) if end else None, "does not end with a question")


class Json(Named):
    """Is one JSON value and nothing else (of the kind `type`, if given); in a code fence it is not."""

    type: Literal["object", "array"] | None = None

    def _check(self, text: str) -> Checked:
        try:
            value = from_json(text.strip().encode(), allow_inf_nan=False, cache_strings="none")
        except ValueError as error:
            return Checked(False, None, f"not JSON: {error}")
        kind = "object" if isinstance(value, dict) else "array" if isinstance(value, list) else "other"
        if self.type and kind != self.type:
            return Checked(False, None, f"JSON {kind}, {self.type} asked")
        return Checked(True, None, f"JSON {kind}")


# Both begin with a character that is rare in prose, so that a search may leap: the first is used on "\n" + text.
_LINE_MARK = re.compile(
    r"""\n[ \t]*+(?:
    (?P<heading>\#{1,6}[ \t]++\S)
    | (?P<rule>(?:-{3,}+|\*{3,}+|_{3,}+)[ \t\r]*+$)
    | (?P<bullet>[-*+•][ \t]++\S)
    | (?P<quotation>>[ \t]*+[^\s])
    | (?P<table>\|[ \t]*+:?-++:?[ \t]*+\|)
    | (?P<fence>`{3}|~{3})
    )""",
    re.MULTILINE | re.VERBOSE,
)
_INLINE_MARK = re.compile(
    r"""[`*_\[](?:
    (?P<code>(?<=`)[^`\n]++`)
    | (?P<bold>(?<=\*)\*(?=\S)[^*\n]++(?<=\S)\*\* | (?<=(?<!\w)_)_(?=\S)[^_\n]++(?<=\S)__(?!\w))
    | (?P<italic>(?<=(?<![\w*])\*)(?=[^\s*])[^*\n]++(?<=\S)\*(?![\w*]) | (?<=(?<!\w)_)(?=[^\s_])[^_\n]++(?<=\S)_(?!\w))
    | (?P<link>(?<=\[)[^\[\]\n]++\]\([^()\n]*+\))
    )""",
    re.VERBOSE,
)


class NoMarkdown(Named):
    """Holds no Markdown: no heading, rule, bullet, block quote, table, code, bold, italic, link. "1." may stand."""

    def _check(self, text: str) -> Checked:
        if line := _LINE_MARK.search(f"\n{text}"):
            return Checked(False, (line.start(), line.end() - 1), f"Markdown: {line.lastgroup}")
        if inline := _INLINE_MARK.search(text):
            return Checked(False, inline.span(), f"Markdown: {inline.lastgroup}")
        return Checked(True, None, "no Markdown")


_SCRIPTS = MappingProxyType(
    {
        "latin": ("LATIN",), "cyrillic": ("CYRILLIC",), "greek": ("GREEK",), "arabic": ("ARABIC",),
        "hebrew": ("HEBREW",),
        "armenian": ("ARMENIAN",), "georgian": ("GEORGIAN",), "ethiopic": ("ETHIOPIC",), "devanagari": ("DEVANAGARI",),
        "bengali": ("BENGALI",), "tamil": ("TAMIL",), "telugu": ("TELUGU",), "thai": ("THAI",), "hangul": ("HANGUL",),
        "hiragana": ("HIRAGANA",), "katakana": ("KATAKANA", "KATAKANA-HIRAGANA"), "han": ("CJK", "IDEOGRAPHIC"),
        "japanese": ("CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"),
    }
)  # fmt: skip


def _script(letter: str) -> str:
    """The first word of the letter's Unicode name, which names its script."""
    names = unicodedata.name(letter, "").split()
    wide = len(names) > 1 and names[0] in {"FULLWIDTH", "HALFWIDTH"}
    return names[1 if wide else 0] if names else ""


class Script(Named):
    """At least the share `min_share` of its letters are of the script; an answer without letters is not."""

    script: Literal[
        "latin", "cyrillic", "greek", "arabic", "hebrew", "armenian", "georgian", "ethiopic", "devanagari", "bengali",
        "tamil", "telugu", "thai", "hangul", "hiragana", "katakana", "han", "japanese",
    ]  # fmt: skip
    min_share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.9
    """Share of the letters, above 0 and at most 1."""

    def _check(self, text: str) -> Checked:
        letters = Counter({char: n for char, n in Counter(text).items() if unicodedata.category(char)[0] == "L"})
        if not letters:
            return Checked(False, None, "no letters")
        strange = {char for char in letters if _script(char) not in _SCRIPTS[self.script]}
        share = 1 - sum(letters[char] for char in strange) / letters.total()
        note = f"{share:.0%} of the letters are {self.script}, {self.min_share:.0%} asked"
        if share >= self.min_share:
            return Checked(True, None, note)
        at = next(place for place, char in enumerate(text) if char in strange)
        return Checked(False, (at, at + 1), note)
