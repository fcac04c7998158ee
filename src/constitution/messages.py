"""Who said what: messages, conversations and the prompts that enter a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = ("system", "developer", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. The text is data: it is never rendered as a template and never parsed as markup."""

    role: Role
    content: str


Conversation: TypeAlias = tuple[Message, ...]


def system(content: str) -> Message:
    """A system turn."""
    return Message("system", content)


def user(content: str) -> Message:
    """A user turn."""
    return Message("user", content)


def assistant(content: str) -> Message:
    """An assistant turn."""
    return Message("assistant", content)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One input of a run: a conversation that ends before the answer."""

    id: str
    """Given by the user, or the digest of conversation, response and tags."""
    conversation: Conversation
    response: str | None = None
    """An answer that exists already; the chain then starts at its critique."""
    tags: tuple[str, ...] = ()
    """Harm categories or kinds of request; principles may be limited to some (`applies_to`)."""
    metadata: str | None = None
    """A JSON object as text, carried into every output row."""
