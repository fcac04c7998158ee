"""A filter looks at a pair and says what it saw, or nothing; filters join with `&`, `|` and `~`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from constitution.records import PreferencePair

Look: TypeAlias = Callable[[PreferencePair], str | bool | None]


@dataclass(frozen=True, slots=True)
class Filter:
    """Something that may be seen of a pair. Called, it gives a short text of what it saw, or None."""

    name: str
    look: Look
    """Gives what it saw; True stands for the name; None, False and an empty text for nothing."""
    about: str = ""
    """What it sees, in one line."""
    alone: bool = False
    """Whether it reads the conversation and `chosen` only. It then also looks at drafts that were found fine, shown as
    the chosen text of a pair without a rejected one."""

    def __call__(self, pair: PreferencePair) -> str | None:
        """What it sees of a pair; None if nothing."""
        found = self.look(pair)
        return (found if isinstance(found, str) else self.name) if found else None

    def __and__(self, other: Filter) -> Filter:
        return _joined(_Both(self, other), "&")

    def __or__(self, other: Filter) -> Filter:
        return _joined(_Either(self, other), "|")

    def __invert__(self) -> Filter:
        if isinstance(self.look, _Not):
            return self.look.of
        return Filter(f"~{_inside(self, '~')}", _Not(self), alone=self.alone)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class _Both:
    one: Filter
    other: Filter

    def __call__(self, pair: PreferencePair) -> str | None:
        first = _told(self.one, pair)
        second = None if first is None else _told(self.other, pair)
        return None if second is None else f"{first}; {second}"


@dataclass(frozen=True, slots=True)
class _Either:
    one: Filter
    other: Filter

    def __call__(self, pair: PreferencePair) -> str | None:
        return _told(self.one, pair) or _told(self.other, pair)


@dataclass(frozen=True, slots=True)
class _Not:
    of: Filter

    def __call__(self, pair: PreferencePair) -> str | None:
        return f"not {_inside(self.of, '~')}" if self.of(pair) is None else None


_SIGNS: Mapping[type, str] = {_Both: "&", _Either: "|", _Not: "~"}


def _sign(filter: Filter) -> str | None:
    """By what a filter is made of others; None where it is not."""
    return _SIGNS.get(type(filter.look))


def _joined(look: _Both | _Either, sign: str) -> Filter:
    name = f"{_inside(look.one, sign)} {sign} {_inside(look.other, sign)}"
    return Filter(name, look, alone=look.one.alone and look.other.alone)


def _inside(filter: Filter, sign: str) -> str:
    """A name as part of a larger one."""
    own = _sign(filter)
    return filter.name if own in (None, "~", sign) else f"({filter.name})"


def _told(filter: Filter, pair: PreferencePair) -> str | None:
    """What a filter sees, with its name where that is not told already."""
    found = filter(pair)
    return found if found is None or _sign(filter) else f"{filter.name}: {found}"
