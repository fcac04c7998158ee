"""What a constitution may say and seldom means: nothing is refused for it, people are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches

from constitution.principles import Principles

ALIKE = 0.8
"""Likeness of two tags, 0 to 1, from which one of them may be a slip for the other."""


def doubts(principles: Principles) -> Iterator[str]:
    """Tags of prompts that stand once in the whole constitution and are nearly another one.

    Such a tag matches no prompt where it is a slip, and the principle is never drawn.
    """
    uses = Counter(tag for one in principles.principles for tag in (*one.applies_to, *one.tags))
    uses.update(list(principles.respond))
    for principle in principles.principles:
        for tag in principle.applies_to:
            yield from _doubt(f"principle '{principle.id}': applies_to", tag, uses)
    for tag in principles.respond:
        yield from _doubt("respond", tag, uses)


def _doubt(where: str, tag: str, uses: Counter[str]) -> Iterator[str]:
    others = [other for other in uses if other != tag]
    close = get_close_matches(tag, others, n=1, cutoff=ALIKE) if uses[tag] == 1 else []
    if close and uses[close[0]] > 1:
        yield f"{where}: the tag '{tag}' stands nowhere else; did you mean '{close[0]}'?"
