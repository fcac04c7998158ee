"""Pairs with their kinds of reply: what is wanted of the prompt, and what both texts refuse. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from constitution.principles import Reply
from constitution.records import PreferencePair
from constitution.steps.refusals.tag import RefusalKind, tag_refusal
from constitution.steps.wanted import wanted

REMEMBERED = 256
"""Texts whose tag is kept: the draft of a chain is a side of several pairs, and is counted by itself."""


@lru_cache(maxsize=REMEMBERED)
def refusal_kind(text: str) -> RefusalKind | None:
    """What a text refuses: `full`, `partial` or `none`; None where its language has no cues."""
    found = tag_refusal(text)
    return None if found.language is None else found.kind


def with_refusals(pair: PreferencePair, respond: Mapping[str, Reply]) -> PreferencePair:
    """The pair with what is wanted of its prompt and what its texts refuse."""
    return replace(
        pair,
        wanted=wanted(pair.tags, respond),
        chosen_refusal=refusal_kind(pair.chosen),
        rejected_refusal=refusal_kind(pair.rejected),
    )
