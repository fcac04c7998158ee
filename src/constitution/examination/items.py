"""Pairs whose better answer is known, and the sets that they come in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from constitution.digest import digest
from constitution.messages import Conversation
from constitution.principles import Principle

ITEM_VERSION = 1
"""Raised when what an item's or a set's digest holds changes."""


@dataclass(frozen=True, slots=True)
class Item:
    """Two answers to one conversation, of which one is known to be better."""

    set: str
    """Name of its set."""
    id: str
    """Given by the set, or the digest of what it holds; none twice in a set."""
    conversation: Conversation
    better: str
    worse: str
    principle: Principle | None = None
    """Under which the better one is better; None where the set names none."""
    place: str = ""
    """Where it stands for a person: `pairs.jsonl:12`."""

    @property
    def longer(self) -> float:
        """What a judge scores here that takes the answer with more characters: 1, 0, or 1/2 where both are as long."""
        if len(self.better) == len(self.worse):
            return 0.5
        return 1.0 if len(self.better) > len(self.worse) else 0.0

    @property
    def digest(self) -> str:
        """Identity of what is asked about it."""
        turns = tuple(turn.parts for turn in self.conversation)
        principle = None if self.principle is None else self.principle.parts()
        return digest("examination item", ITEM_VERSION, turns, self.better, self.worse, principle)


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """One set, as it was read."""

    name: str
    items: tuple[Item, ...]
    source: str
    """Where it came from, for a person."""
    published: tuple[str, ...] = ()
    """What others measured on it, each in a sentence."""
    left_out: tuple[tuple[str, int], ...] = ()
    """Rows that can be no item, by reason."""

    @property
    def digest(self) -> str:
        """Identity of its items, whatever their order."""
        return digest("judged set", ITEM_VERSION, tuple(sorted(item.digest for item in self.items)))


def drawn(sets: Sequence[JudgedSet], limit: int | None) -> tuple[JudgedSet, ...]:
    """At most `limit` items, by hash: as many of each set, and within a set as many of each principle, as there are."""
    if limit is None or sum(len(each.items) for each in sets) <= limit:
        return tuple(sets)
    room = _shares([len(each.items) for each in sets], limit)
    return tuple(
        replace(each, items=_balanced(each.items)[:most]) for each, most in zip(sets, room, strict=True) if most
    )


def _shares(sizes: Sequence[int], limit: int) -> list[int]:
    """Whole shares of `limit`, as even as the sizes allow; what is left over goes to the first."""
    room = [0] * len(sizes)
    while (left := limit - sum(room)) > 0:
        open_ones = [place for place, size in enumerate(sizes) if room[place] < size]
        each = max(1, left // len(open_ones))
        for place in open_ones:
            room[place] += min(each, sizes[place] - room[place], limit - sum(room))
    return room


def _balanced(items: Sequence[Item]) -> tuple[Item, ...]:
    """In an order of which every beginning is balanced over the principles."""
    seen: Counter[str] = Counter()
    placed: list[tuple[int, str, Item]] = []
    for item in sorted(items, key=lambda item: digest("examined", item.digest)):
        principle = "" if item.principle is None else item.principle.id
        placed.append((seen[principle], digest("examined", principle), item))
        seen[principle] += 1
    return tuple(item for _, _, item in sorted(placed, key=lambda place: place[:2]))
