"""How many tokens a text may have, where no tokenizer is here: one guess for all that guess."""

from __future__ import annotations

from constitution.messages import Conversation

AROUND = 4
"""Tokens around a turn."""


def text_tokens(text: str) -> int:
    """Four bytes of UTF-8 a token."""
    return (len(text.encode("utf-8", "replace")) + 3) // 4


def prompt_tokens(messages: Conversation, tools: str | None = None) -> int:
    """Each text by itself, so that a turn's number holds wherever it stands, and four tokens around each turn."""
    texts = [text for turn in messages for text in (turn.content, turn.extra or "")]
    return sum(map(text_tokens, [*texts, tools or ""])) + AROUND * len(messages)
