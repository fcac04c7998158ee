"""Who said what: messages, conversations and the prompts that enter a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = ("system", "developer", "user", "assistant", "tool")
Better: TypeAlias = Literal["a", "b", "tie"]
"""Which of two answers is better, the first or the second."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. The text is data: it is never rendered as a template and never parsed as markup."""

    role: Role
    content: str
    extra: str | None = None
    """What else the turn says: a JSON object as canonical text, its keys among EXTRA_KEYS; None where nothing."""

    @property
    def parts(self) -> tuple[str, ...]:
        """What of the turn is in digests."""
        return (self.role, self.content) if self.extra is None else (self.role, self.content, self.extra)


EXTRA_KEYS = ("tool_calls", "tool_call_id", "name", "reasoning_content")
"""What a turn may hold besides role and content, as chat templates of transformers read it."""

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
    """Given by the user, or the digest of conversation, response, responses (whatever their order), tags and tools."""
    conversation: Conversation
    response: str | None = None
    """An answer that exists already; the chain then starts at its critique."""
    tags: tuple[str, ...] = ()
    """Harm categories or kinds of request; principles may be limited to some (`applies_to`)."""
    metadata: str | None = None
    """A JSON object as text, carried into every output row."""
    tools: str | None = None
    """The tools that the conversation may call: a JSON array as canonical text."""
    responses: tuple[str, ...] = ()
    """Answers that exist already and are to be held against each other, or examined."""
    preferred: Better | None = None
    """What people say of two responses. No judge is told; the agreement with it is reported. In no id."""

    @property
    def uses_tools(self) -> bool:
        """Whether there is more to it than texts: tools, calls, reasoning."""
        return self.tools is not None or any(message.extra is not None for message in self.conversation)
