"""Phrases: the little language of the cue file, read into regular expressions that take time linear in the text.

A phrase is a run of words in lower case. `(a|b)` is one of several, `{name}` one of a list, a `?` after either says
that it may be missing, `word*` has any ending, and `...` stands for up to five words of the same clause.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

GAP = 5
"""Words that `...` stands for at most; in scripts without spaces three times as many characters."""
FEW = 4
"""Alternatives from which on they are parted by their first letter."""
ENDS = ".!?;:\n。！？；："
"""Characters that end a clause."""

_PIECE = re.compile(r"\.\.\.|[(){}|?]|[^\s(){}|?]+|\s+")


Head: TypeAlias = tuple[str | None, ...]
"""The first two words of a phrase, or its only one; None is any word."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One cue, ready to be looked for."""

    source: str
    expression: str
    """To be matched where a word begins; it has no groups of its own."""
    heads: frozenset[Head]
    """The words that it can begin with, in scripts without spaces the letters."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a phrase: its expression, whether it may be missing, and with which words it can begin."""

    expression: str
    heads: frozenset[Head]
    optional: bool = False


def phrase(source: str, lists: Mapping[str, str], spaced: bool = True) -> Phrase:
    """Read one phrase.

    Args:
        source: as the cue file has it.
        lists: what `{name}` stands for: phrases in one pair of brackets.
        spaced: whether the language parts its words with spaces.

    Raises:
        ValueError: a bracket is open, a list is unknown, or the phrase has no word that must be there.
    """
    reader = _Reader(source, lists, spaced)
    parts = reader.run()
    if reader.left:
        raise ValueError(f"cue '{source}': what is '{reader.left}' doing there?")
    if all(part.optional for part in parts):
        raise ValueError(f"cue '{source}': every word of it may be missing")
    heads = _heads(parts)
    if any(not head or head[0] is None for head in heads):
        raise ValueError(f"cue '{source}': it must begin with words that are written out")
    ending = r"(?![\w'])" if spaced else ""
    return Phrase(source, _joined(parts, spaced) + ending, heads)


class _Reader:
    """Reads a phrase from left to right."""

    def __init__(self, source: str, lists: Mapping[str, str], spaced: bool) -> None:
        self._source, self._lists, self._spaced = source, lists, spaced
        self._pieces = [piece for piece in _PIECE.findall(source) if not piece.isspace()]
        self._place = 0

    @property
    def left(self) -> str:
        return " ".join(self._pieces[self._place :])

    def _next(self) -> str | None:
        return self._pieces[self._place] if self._place < len(self._pieces) else None

    def _take(self, wanted: str | None = None) -> str:
        piece = self._next()
        if piece is None or (wanted is not None and piece != wanted):
            raise ValueError(f"cue '{self._source}': expected '{wanted or 'a word'}' before '{self.left}'")
        self._place += 1
        return piece

    def run(self) -> list[_Part]:
        """Parts up to the end, or up to a bracket or bar that closes them."""
        parts: list[_Part] = []
        while (piece := self._next()) is not None and piece not in ")|":
            part = self._part()
            if self._next() == "?":
                self._take()
                part = _Part(part.expression, part.heads, True)
            parts.append(part)
        return parts

    def _part(self) -> _Part:
        piece = self._take()
        if piece == "...":
            return _Part(_GAP_SPACED if self._spaced else _GAP_UNSPACED, frozenset({(None,), (None, None)}), True)
        if piece == "(":
            return self._either()
        if piece == "{":
            name = self._take()
            self._take("}")
            if name not in self._lists:
                raise ValueError(f"cue '{self._source}': there is no list '{name}'")
            return _Reader(self._lists[name], self._lists, self._spaced).run()[0]
        if piece in "}?|)":
            raise ValueError(f"cue '{self._source}': '{piece}' closes or follows nothing")
        word = re.escape(piece).replace(r"\*", r"[\w']*")
        return _Part(word, frozenset({self._head(piece)}))

    def _head(self, word: str) -> Head:
        if self._spaced:
            return (None,) if "*" in word else (word.rstrip(ENDS),)
        return tuple(None if letter == "*" else letter for letter in word[:2])

    def _either(self) -> _Part:
        runs = [self.run()]
        while self._next() == "|":
            self._take()
            runs.append(self.run())
        self._take(")")
        heads = frozenset(head for run in runs for head in _heads(run))
        return _Part(_one_of([_joined(run, self._spaced) for run in runs]), heads)


_GAP_SPACED = rf"[^\s{re.escape(ENDS)}]+(?: +[^\s{re.escape(ENDS)}]+){{0,{GAP - 1}}}"
_GAP_UNSPACED = rf"[^{re.escape(ENDS)}]{{1,{3 * GAP}}}"


def _heads(parts: list[_Part]) -> frozenset[Head]:
    """What a run of parts can begin with."""
    found: frozenset[Head] = frozenset({()})
    for part in parts:
        longer = {(*head, *more)[:2] for head in found if len(head) < 2 for more in part.heads}
        found = frozenset(head for head in found if len(head) == 2 or part.optional) | longer
    return found


def _one_of(expressions: list[str]) -> str:
    """One of several expressions, the first that matches; where all begin with a letter, parted by it for speed."""
    if len(expressions) < FEW or not all(each[0].isalpha() for each in expressions):
        return "(?:" + "|".join(expressions) + ")"
    by_letter: dict[str, list[str]] = {}
    for each in expressions:
        by_letter.setdefault(each[0], []).append(each[1:])
    return "(?:" + "|".join(f"{letter}(?:{'|'.join(rest)})" for letter, rest in by_letter.items()) + ")"


def _joined(parts: list[_Part], spaced: bool) -> str:
    """Parts one after the other; a part that may be missing takes its space along."""
    space = " +" if spaced else ""
    expression, begun = "", False
    for part in parts:
        if part.optional:
            expression += f"(?:{space}{part.expression})?" if begun else f"(?:{part.expression}{space})?"
        else:
            expression += (space if begun else "") + part.expression
            begun = True
    return expression
