"""What every view shows of a text: its plain characters, and what went and what came between two texts."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["equal", "gone", "come"]

DIFF_FROM = 0.4
"""Likeness of two texts, 0 to 1, from which a word diff is easier to read than both of them."""
MOST_MATCHES = 40_000
"""Places where a word of one text stands in the other. A text that repeats itself has more (500 times the same word
took nine seconds to compare), and so has one of some 1,500 words: both texts are shown then."""
MOST_CHARACTERS = 20_000
"""Of one text in a view; the rest is counted."""

_OWN_WORD = "\u2e80-\u9fff\uf900-\ufaff"
"""Chinese and Japanese characters: no spaces part their words, so each stands for one."""
_TOKEN = re.compile(rf"(\s*)([{_OWN_WORD}]|[^\W{_OWN_WORD}]+|[^\w\s]|\Z)")
_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?")
_JOINERS = "\u200c\u200d"
"""Persian, Hindi and emoji need them, and they move nothing on a screen."""


@dataclass(frozen=True, slots=True)
class Part:
    """A run of words in a word diff."""

    kind: Kind
    """`gone` stands in the first text only, `come` in the second only."""
    text: str


def safe(text: str) -> str:
    """Text without escape sequences, control characters and direction marks; line breaks stay, tabs become spaces."""
    plain = _ESCAPE.sub("", text).expandtabs(4)
    return "".join(c for c in plain if c in "\n" + _JOINERS or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))


def beginning(text: str, most: int = 48) -> str:
    """How a text begins, on one line, in at most so many characters and three points."""
    said = " ".join(safe(text).split())
    return said if len(said) <= most else said[:most].rstrip() + "..."


def shown(text: str) -> str:
    """`safe`, cut where a text is too long for a view."""
    if len(text) <= MOST_CHARACTERS:
        return safe(text)
    return safe(text[:MOST_CHARACTERS]) + f" ... (cut here: {len(text):,} characters)"


def word_diff(before: str, after: str) -> tuple[Part, ...]:
    """What went and what came, in words: `equal` and `gone` make `before`, `equal` and `come` make `after`."""
    return _diff(_TOKEN.findall(before), _TOKEN.findall(after))[0]


def readable_diff(before: str, after: str) -> tuple[Part, ...] | None:
    """The word diff of what a view shows of two texts; None where reading both of them is easier."""
    old, new = _TOKEN.findall(shown(before)), _TOKEN.findall(shown(after))
    often = Counter(word for _, word in new)
    if sum(count * often[word] for word, count in Counter(word for _, word in old).items()) > MOST_MATCHES:
        return None
    parts, likeness = _diff(old, new)
    return parts if likeness >= DIFF_FROM else None


_Token: TypeAlias = tuple[str, str]
"""Spaces, and the word or mark behind them."""


def _diff(old: list[_Token], new: list[_Token]) -> tuple[tuple[Part, ...], float]:
    matcher = SequenceMatcher(None, [word for _, word in old], [word for _, word in new], autojunk=False)
    runs = matcher.get_opcodes()
    parts: list[Part] = []
    for number, (operation, a, b, c, d) in enumerate(runs):
        inside = 0 < number < len(runs) - 1
        if operation == "equal" and not (inside and _lonely(old[a:b])):
            for (space, word), (other, _) in zip(old[a:b], new[c:d], strict=True):
                parts += (
                    [Part("equal", space + word)] if space == other else [*_changed(space, other), Part("equal", word)]
                )
        else:
            parts += _changed("".join(map("".join, old[a:b])), "".join(map("".join, new[c:d])))
    return _joined(parts), matcher.ratio()


def _joined(parts: list[Part]) -> tuple[Part, ...]:
    """Neighbours of one kind as one part; between two equal parts what went stands before what came."""
    made: list[Part] = []
    texts = {"gone": "", "come": ""}
    equal = ""
    for part in [*parts, Part("equal", "")]:
        if part.kind == "equal" and not any(texts.values()):
            equal += part.text
        elif part.kind == "equal":
            made += [Part("equal", equal)] * bool(equal) + _changed(texts["gone"], texts["come"])
            texts, equal = {"gone": "", "come": ""}, part.text
        else:
            texts[part.kind] += part.text
    return (*made, *[Part("equal", equal)] * bool(equal))


def _lonely(tokens: list[_Token]) -> bool:
    """Whether two changes are easier to read as one than with these words between them."""
    return sum(word.isalnum() for _, word in tokens) < 2


def _changed(gone: str, come: str) -> list[Part]:
    return [Part("gone", gone)] * bool(gone) + [Part("come", come)] * bool(come)
