"""Checks of what an answer says: how much, with which phrases, in whose voice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from constitution.checks import reading
from constitution.checks.base import Checked, Named
from constitution.checks.reading import Span

_COUNTED_TO = 10_000
"""Where counting stops when the verdict no longer depends on it."""

Count = Annotated[int, Field(ge=0)]


class _Counted(Named):
    min: Count | None = None
    """Fewest, inclusive."""
    max: Count | None = None
    """Most, inclusive."""

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is more than max {self.max}")
        return self

    def _judge(self, text: str, spans: Iterator[Span], what: str) -> Checked:
        most = max(_COUNTED_TO, self.min or 0, (self.max or 0) + 1)
        found = list(islice(spans, most))
        count = f"{len(found)} {what}" if len(found) < most else f"{len(found)} or more {what}"
        if self.max is not None and len(found) > self.max:
            return Checked(False, (found[self.max][0], len(text.rstrip())), f"{count}, at most {self.max} asked")
        if self.min is not None and len(found) < self.min:
            return Checked(False, None, f"{count}, at least {self.min} asked")
        return Checked(True, None, count)


class Words(_Counted):
    """Holds at least `min` and at most `max` words."""

    def _check(self, text: str) -> Checked:
        return self._judge(text, reading.words(text), "words")


class Sentences(_Counted):
    """Holds at least `min` and at most `max` sentences."""

    def _check(self, text: str) -> Checked:
        return self._judge(text, reading.sentences(text), "sentences")


Phrase = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
Phrases = Annotated[tuple[Phrase, ...], Field(min_length=1, max_length=100)]


class _Phrases(Named):
    ignore_case: bool = True
    """Whether capitals and small letters are the same."""
    _patterns: tuple[re.Pattern[str], ...] = PrivateAttr(default=())

    def _compile(self, phrases: tuple[str, ...], form: str = "%s") -> None:
        compiled = (reading.phrase(phrase, ignore_case=self.ignore_case) for phrase in phrases)
        self._patterns = tuple(re.compile(form % f"(?:{pattern.pattern})", pattern.flags) for pattern in compiled)


class StartsWith(_Phrases):
    """Starts with one of the phrases `any_of`, after white space, as whole words."""

    any_of: Phrases

    def model_post_init(self, _context: object) -> None:
        """Compile the phrases once."""
        self._compile(self.any_of)

    def _check(self, text: str) -> Checked:
        read = reading.kinds(text)
        start = len(text) - len(text.lstrip())
        for pattern in self._patterns:
            found = pattern.match(text, start)
            if found and reading.whole(read, *found.span()):
                return Checked(True, found.span(), "starts as asked")
        return Checked(False, (start, start + 1) if start < len(text) else None, "starts otherwise")


class EndsWith(_Phrases):
    """Ends with one of the phrases `any_of`, before white space, as whole words."""

    any_of: Phrases

    def model_post_init(self, _context: object) -> None:
        """Compile the phrases once."""
        self._compile(self.any_of, r"%s\Z")

    def _check(self, text: str) -> Checked:
        read = reading.kinds(text)
        end = len(text.rstrip())
        for pattern in self._patterns:
            found = pattern.search(text, 0, end)
            if found and reading.whole(read, *found.span()):
                return Checked(True, found.span(), "ends as asked")
        return Checked(False, (end - 1, end) if end else None, "ends otherwise")


class _Contains(_Phrases):
    of: Phrases

    def model_post_init(self, _context: object) -> None:
        """Compile the phrases once."""
        self._compile(self.of)

    def _places(self, text: str) -> Iterator[tuple[str, Span | None]]:
        read = reading.kinds(text)
        for phrase, pattern in zip(self.of, self._patterns, strict=True):
            yield phrase, reading.find(pattern, text, read)


class ContainsAll(_Contains):
    """Holds every one of the phrases `of`, as whole words."""

    def _check(self, text: str) -> Checked:
        for phrase, place in self._places(text):
            if place is None:
                return Checked(False, None, f"{phrase!r} is missing")
        return Checked(True, None, "holds all that is asked")


class ContainsAny(_Contains):
    """Holds at least one of the phrases `of`, as whole words."""

    def _check(self, text: str) -> Checked:
        for phrase, place in self._places(text):
            if place is not None:
                return Checked(True, place, f"holds {phrase!r}")
        return Checked(False, None, "holds none of what is asked")


class ContainsNone(_Contains):
    """Holds none of the phrases `of` as whole words."""

    def _check(self, text: str) -> Checked:
        for phrase, place in self._places(text):
            if place is not None:
                return Checked(False, place, f"holds {phrase!r}")
        return Checked(True, None, "holds none of them")


def _listed(words: str) -> re.Pattern[str]:
    return re.compile("|".join(re.sub("'", "['’]", word) for word in words.split()), re.IGNORECASE)


# Longer forms first: the first alternative that matches at a place is the one that is looked at.
_READER = MappingProxyType(
    {
        "en": _listed("yourselves yourself yours your you're you'll you've you'd y'all you"),
        "fr": _listed("vous-mêmes vous-même vous votre vos vôtres vôtre toi-même toi tu te tes"),
    }
)


class SpeaksToReader(Named):
    """Speaks to the reader: a pronoun of the second person outside quotations. An imperative alone does not count."""

    language: Literal["en", "fr"] = "en"

    def _check(self, text: str) -> Checked:
        voice = reading.own_voice(text)
        place = reading.find(_READER[self.language], voice, reading.kinds(voice))
        return Checked(place is not None, place, "speaks to the reader" if place else "does not speak to the reader")


_MYSELF = re.compile(r"(?<![A-Za-z])(?:(?i:myself|my|me|i['’](?:m|ll|ve|d))|I)(?![A-Za-z])")
# With a capital, since "at this stage I think" speaks in the first person and "Stage I" does not.
_NUMBERED_THINGS = frozenset(
    {"War", "Type", "Phase", "Part", "Chapter", "Class", "Act", "Stage", "Grade", "Level", "Title", "Volume", "Book"}
)
_LAST_WORD = re.compile(r"[^\W\d_]+\Z")


def _first_person(text: str) -> Span | None:
    """The first pronoun of the first person singular outside quotations."""
    voice = reading.own_voice(text)
    read = reading.kinds(voice)
    for found in _MYSELF.finditer(voice):
        start, end = found.span()
        if reading.whole(read, start, end) and not (end - start == 1 and _is_number(voice, start)):
            return start, end
    return None


def _is_number(voice: str, at: int) -> bool:
    """Whether the letter I at `at` is a numeral, the letter of a list item or part of a term like I/O: no pronoun."""
    if "/" in voice[max(0, at - 1) : at + 2]:
        return True
    before = voice[max(0, at - 12) : at]
    if voice[at + 1 : at + 2] in {".", ")"} and not before.rpartition("\n")[2].strip(" (*"):
        return True
    last = _LAST_WORD.search(before.rstrip())
    return last is not None and last[0] in _NUMBERED_THINGS


class FirstPerson(Named):
    """Holds no first person singular outside quotations (`allowed: false`), or at least one (`required: true`)."""

    allowed: bool = True
    required: bool = False

    @model_validator(mode="after")
    def _meaning(self) -> Self:
        if self.allowed != self.required:
            raise ValueError(
                "write allowed: false (no first person) or required: true (at least one), not both or neither"
            )
        return self

    def _check(self, text: str) -> Checked:
        place = _first_person(text)
        return Checked((place is not None) == self.required, place, "first person" if place else "no first person")
