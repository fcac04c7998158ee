"""What people see of pairs on a terminal."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from constitution.display import pair_view
from constitution.messages import Conversation, Message, assistant, system, user
from constitution.records import PreferencePair
from tests.tool_conversations import CONVERSATION


def shown(conversation: Conversation) -> str:
    out = StringIO()
    pair = PreferencePair("r", 0, 0, conversation, "Good.", "Bad.", ("kind",), (0, 1), 0.0)
    Console(file=out, width=100, markup=False).print(pair_view(pair, {"kind": "Be kind."}))
    return out.getvalue()


@pytest.mark.parametrize(
    ("conversation", "line"),
    [
        ((user("Why?"),), "prompt    Why?"),
        ((system("Be kind."), user("Why?")), "prompt    Why?"),
        ((user("Hi"), assistant("Hello"), user("Why?")), "prompt    Why?  (2 turns before)"),
        ((assistant("Ask me."), user("Why?")), "prompt    Why?  (1 turn before)"),
        (CONVERSATION, "prompt    the river?  (2 behind it, of calls and tools)"),
    ],
)
def test_what_was_asked(conversation: Conversation, line: str) -> None:
    """The last user turn stands there, with what else was said; a tool's result is nobody's prompt."""
    assert shown(conversation).splitlines()[0].rstrip() == line


def test_hostile_text_stays_text() -> None:
    """Markup and escapes of a prompt do nothing."""
    text = shown((Message("user", "[/red] \x1b[31mred"),))
    assert "[/red]" in text
    assert "\x1b" not in text
