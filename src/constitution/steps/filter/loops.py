"""Loops: how much of a text says the same thing over and over; linear in the text, however long a round is."""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

LOOP_SHARE = 0.5
"""A text is a loop if at least this share of its words stands in loops."""
LOOP_TIMES = 5
"""Something that stands fewer times in a row is no loop: a chorus, a refrain, a list with equal entries."""
LOOP_WORDS = 40
"""Words that a loop has at least, all of its rounds together."""
GRAM = 4
"""Words that must be the same to count as said again."""

_PERIODS = 3
"""How many lengths of a round are tried."""
_LEAST_AGAIN = LOOP_WORDS - LOOP_WORDS // LOOP_TIMES - GRAM
"""Runs of words that the shortest loop says again."""
_LONG = 64
"""A longer run of letters is no word: its characters are looked at one by one."""
_FENCE = re.compile(r"^[ \t]*(```+|~~~+)", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*(?:[-*+•]|\(?\d{1,4}[.)、])[ \t]+", re.MULTILINE)
_TABLE = re.compile(r"^[ \t]*\|.*$", re.MULTILINE)
_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[^\w\s\-=*~.#|+,;:…·─━═│_]")
"""Words and signs; not what rulers, tables and pauses are made of."""
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Loop:
    """Something that stands many times in a row."""

    unit: tuple[str, ...]
    """What returns, in lower case."""
    times: int
    words: int
    """Of all rounds together."""

    def __str__(self) -> str:
        said = " ".join(self.unit)
        return f'"{said if len(said) <= 60 else said[:57] + "..."}" {self.times} times in a row'


@dataclass(frozen=True, slots=True)
class Loops:
    """All loops of a text."""

    found: tuple[Loop, ...] = ()
    words: int = 0
    """Of the text, without its blocks of code."""

    @property
    def share(self) -> float:
        """Of the words, 0 to 1."""
        return sum(loop.words for loop in self.found) / self.words if self.words else 0.0

    @property
    def units(self) -> tuple[str, ...]:
        """Every word that returns."""
        return tuple(word for loop in self.found for word in loop.unit)

    @property
    def longest(self) -> Loop | None:
        """The one with the most words."""
        return max(self.found, key=lambda loop: loop.words, default=None)


@lru_cache(maxsize=128)
def loops(text: str, *, fold_digits: bool = False) -> Loops:
    """Find what stands many times in a row.

    Blocks of code that are closed are left out, and so are numbers and bullets before the entries of a list.

    Args:
        text: any text; scripts without spaces are read by the character.
        fold_digits: whether all numbers are one: a loop may count its rounds. Tables are left out then.
    """
    prose = _BULLET.sub("", _without_code(text))
    if fold_digits:
        folded = _DIGITS.sub("0", _TABLE.sub("", prose))
        if folded == prose:
            return loops(text)
        prose = folded
    tokens = _tokens(prose)
    found = [loop for stretch in _said_again(tokens) for loop in _loops_in(tokens, *stretch)]
    return Loops(tuple(found), len(tokens))


def stands_in(loop: Loop, text: str) -> bool:
    """Whether a text has what a loop says, word by word."""
    return f" {' '.join(loop.unit)} " in f" {' '.join(_tokens(text))} "


def _without_code(text: str) -> str:
    """A text without its fenced blocks; one that is never closed is text like any other."""
    if "```" not in text and "~~~" not in text:
        return text
    kept: list[str] = []
    at, opened = 0, None
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif fence.group(1).startswith(opened.group(1)):
            kept.append(text[at : opened.start()])
            at, opened = fence.end(), None
    kept.append(text[at:])
    return "\n".join(kept)


def _tokens(text: str) -> list[str]:
    lower = text.lower()
    tokens: list[str] = _TOKEN.findall(lower)
    if lower.isascii() and max(map(len, tokens), default=0) <= _LONG:
        return tokens
    found: list[str] = []
    for token in tokens:
        if token[0] >= "\u2e80" or len(token) > _LONG:
            found.extend(token)
        else:
            found.append(token)
    return found


def _said_again(tokens: Sequence[str]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Stretches in which every run of GRAM words was said before: begin, end, and how far before it mostly was.

    In a loop that is as long as its rounds, or shorter where a round says something twice itself.
    """
    grams = list(zip(*(tokens[shift:] for shift in range(GRAM)), strict=False))
    if len(grams) - len(set(grams)) < _LEAST_AGAIN:  # most texts end here
        return
    last: dict[tuple[str, ...], int] = {}
    distances: list[int] = []
    for at, gram in enumerate(grams):
        distances.append(at - last.get(gram, at))
        last[gram] = at
    at = 0
    for again, group in groupby(distances, key=bool):
        stretch = list(group)
        if again and len(stretch) >= _LEAST_AGAIN:
            usual = Counter(stretch).most_common(_PERIODS)
            yield at, at + len(stretch) + GRAM - 1, tuple(period for period, _ in usual)
        at += len(stretch)


def _loops_in(tokens: Sequence[str], start: int, end: int, periods: Sequence[int]) -> list[Loop]:
    """The loops of one stretch: of the periods that it may have, the one that explains most of it."""
    best: list[Loop] = []
    for period in periods:
        found: list[Loop] = []
        at = start
        same = map(operator.eq, tokens[start:end], tokens[start - period :])
        for again, group in groupby(same):
            length = sum(1 for _ in group)
            words = length + period
            if again and words >= max(LOOP_WORDS, LOOP_TIMES * period):
                found.append(Loop(tuple(tokens[at - period : at]), words // period, words))
            at += length
        if sum(loop.words for loop in found) > sum(loop.words for loop in best):
            best = found
    return best
