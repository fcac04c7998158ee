"""Conversations with tools: by hand, drawn, and the chat templates of real models to show them."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from constitution.messages import Conversation, Message, assistant, system, user
from tests.strategies import texts

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "river_level",
            "description": "The level of a river.",
            "parameters": {
                "type": "object",
                "properties": {
                    "river": {"type": "string", "description": "Its name", "title": "River", "default": "Main"},
                    "days": {"type": ["integer", "null"], "enum": [1, 2]},
                },
                "required": ["river"],
            },
        },
    }
]
CALLS: list[dict[str, Any]] = [
    {"type": "function", "id": "call00001", "function": {"name": "river_level", "arguments": {"river": "Rh\u00f6n"}}}
]


def text(value: object) -> str:
    """JSON as `Message.extra` and `Prompt.tools` hold it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def calls(content: str = "", calls: list[dict[str, Any]] = CALLS, **more: Any) -> Message:
    """An assistant turn that calls tools."""
    return Message("assistant", content, text({"tool_calls": calls, **more}))


def result(content: str = '{"level": "3 m"}', **more: Any) -> Message:
    """What a tool gave back."""
    more = more or {"tool_call_id": "call00001", "name": "river_level"}
    return Message("tool", content, text(more))


CONVERSATION: Conversation = (system("Be kind."), user("the river?"), calls(reasoning_content="I look."), result())
"""Ends with what a tool gave back: a draft follows."""
TALKED: Conversation = (*CONVERSATION, assistant("the mill"), user("and now?"))
"""Goes on after it."""


def as_dicts(messages: Conversation) -> list[dict[str, Any]]:
    """Messages as a chat template of transformers gets them."""
    return [
        {"role": turn.role, "content": turn.content, **(json.loads(turn.extra) if turn.extra else {})}
        for turn in messages
    ]


names = st.text("abcdefgh_", min_size=1, max_size=12)
leaves = st.one_of(st.none(), st.booleans(), st.integers(-(2**40), 2**40), texts)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2), max_leaves=4
)


@st.composite
def call_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """One or two calls with any arguments."""
    return [
        {"type": "function", "function": {"name": draw(names), "arguments": draw(st.dictionaries(names, values))}}
        for _ in range(draw(st.integers(1, 2)))
    ]


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Conversations with calls and their results, thoughts in some, that end with a result or a user turn."""
    turns: list[Message] = [user(draw(texts))]
    for _ in range(draw(st.integers(1, 2))):
        thoughts = {"reasoning_content": draw(texts)} if draw(st.booleans()) else {}
        turns.append(calls(draw(st.just("") | texts), draw(call_lists()), **thoughts))
        turns.append(result(draw(st.just("") | texts), tool_call_id=draw(names)))
    if draw(st.booleans()):
        turns += [assistant(draw(texts)), user(draw(texts))]
    return tuple(turns)


tool_lists = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.just("function"),
            "function": st.fixed_dictionaries({"name": names, "description": texts, "parameters": values}),
        }
    ),
    min_size=1,
    max_size=2,
)


def trl_template(name: str) -> str:
    """A chat template out of the installed TRL; the test is skipped where there is none."""
    found = find_spec("trl")
    if found is None or not found.submodule_search_locations:
        pytest.skip("trl is not installed, whose chat templates are used here")
    return (Path(found.submodule_search_locations[0]) / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")
