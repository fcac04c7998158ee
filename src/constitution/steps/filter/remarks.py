"""Remarks: what a text says of its own rewriting. A sure one at the end is taken off; any other is only found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from constitution.messages import Conversation
from constitution.steps.filter.remark_data import CHINESE, LANGUAGES, Talk
from constitution.steps.filter.text import normalised

CLOSING_LIMIT = 400
"""Characters: a last paragraph that is longer is part of the answer."""
QUOTED = 80
"""Characters of a remark that are told."""

_PARAGRAPHS = re.compile(r"\n[ \t]*\n")
_RULER = re.compile(r"\n[ \t]*(?:-{3,}|\*{3,}|_{3,})\s*\Z")
_NOTE = r"(?:please note|note|p\.?s|anmerkung|hinweis|remarque|nota|备注|注)[.:：]?[*_]{0,2}\s{0,2}(?:that )?"
_MARGIN = rf"[\s*_(\[（【~-]{{0,4}}(?:{_NOTE})?[*_]{{0,2}}"


@dataclass(frozen=True, slots=True)
class _Patterns:
    closing: re.Pattern[str]
    remarks: tuple[tuple[str, re.Pattern[str]], ...]
    """Each pattern once for each of its words."""
    rewriting: re.Pattern[str]


def _compiled(talk: Talk) -> _Patterns:
    words = talk.rewriting.split()
    asks = "|".join(re.escape(word).replace(r"\*", r"\w*") for word in words)
    return _Patterns(
        closing=re.compile(
            _MARGIN + "(?:" + "|".join(pattern.format_map(talk.words) for pattern in talk.closings) + ")", re.IGNORECASE
        ),
        remarks=tuple(
            (hint, re.compile(pattern.format_map(talk.words), re.IGNORECASE | re.MULTILINE))
            for hints, pattern in talk.remarks
            for hint in hints.split()
        ),
        rewriting=re.compile(asks if talk is CHINESE else rf"\b(?:{asks})(?!\w)", re.IGNORECASE),
    )


_TALKS = tuple(map(_compiled, LANGUAGES))
_REMARKS = tuple(remark for each in _TALKS for remark in each.remarks)


def strip_closing(text: str) -> tuple[str, str | None]:
    """Take a last paragraph like "I hope this revised answer is kinder." off the end.

    Only one that names the rewriting of an answer, and only where something is left.

    Returns:
        The answer without spaces at its ends, and what was stripped (None if nothing was).
    """
    whole = text.strip()
    end = len(whole)
    while (start := _closing_at(whole, end)) is not None:
        end = start
    if end == len(whole) or not normalised(whole[:end]):
        return whole, None
    return whole[:end], whole[end:].strip()


def _closing_at(whole: str, end: int) -> int | None:
    """Where a closing remark that ends at `end` begins, with the space and the ruler before it."""
    first = max(0, end - CLOSING_LIMIT)
    window = whole[first:end]
    last = next(reversed(list(_PARAGRAPHS.finditer(window))), None)
    if last is None or not any(each.closing.match(window, last.end()) for each in _TALKS):
        return None
    return first + len(_RULER.sub("", window[: last.start()]).rstrip())


@lru_cache(maxsize=128)
def remark(text: str) -> str | None:
    """A place where a text may speak of its own rewriting; None where there is none."""
    lower = text.lower()
    for pattern in dict.fromkeys([pattern for hint, pattern in _REMARKS if hint in lower]):
        found = pattern.search(text)
        if found is not None:
            said = " ".join(found.group().split())
            return said if len(said) <= QUOTED else said[: QUOTED - 3] + "..."
    return None


def asks_for_rewriting(conversation: Conversation) -> bool:
    """Whether a conversation is itself about rewriting something: an answer may then speak of it."""
    return any(each.rewriting.search(turn.content) for turn in conversation for each in _TALKS)
