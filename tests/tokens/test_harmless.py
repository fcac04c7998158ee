"""Harmless strings in the places of a conversation's own: the shape stays, no string does."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given

from constitution.messages import Conversation
from constitution.tokens.harmless import defuse, function_names, strings
from tests import tool_conversations
from tests.tool_conversations import CONVERSATION, TOOLS, text


def shape(value: Any) -> Any:
    """A JSON value without its strings."""
    if isinstance(value, dict):
        return [shape(held) for held in value.values()]
    if isinstance(value, list):
        return [shape(held) for held in value]
    return bool(value.strip()) if isinstance(value, str) else value


@given(tool_conversations.conversations(), tool_conversations.tool_lists)
def test_everything_but_strings_stays(messages: Conversation, tools: list[Any]) -> None:
    """Turns, contents, lists, numbers, how many keys there are, and which strings are blank."""
    calm, calm_tools = defuse(messages, text(tools))
    assert calm_tools is not None
    assert shape(json.loads(calm_tools)) == shape(tools)
    for turn, same in zip(messages, calm, strict=True):
        assert (turn.role, turn.content, turn.extra is None) == (same.role, same.content, same.extra is None)
        if turn.extra is not None and same.extra is not None:
            assert list(json.loads(turn.extra)) == list(json.loads(same.extra))
            assert shape(json.loads(turn.extra)) == shape(json.loads(same.extra))


@given(tool_conversations.conversations(), tool_conversations.tool_lists)
def test_equal_strings_stay_equal_and_others_apart(messages: Conversation, tools: list[Any]) -> None:
    """A call still names the tool that it calls, and no two keys become one."""
    calm, calm_tools = defuse(messages, text(tools))
    before, after = list(function_names(messages, text(tools))), list(function_names(calm, calm_tools))
    assert len(before) == len(after)
    given_to = dict(zip(before, after, strict=True))
    assert [given_to[name] for name in before] == after
    assert len(set(given_to.values())) == len(given_to)
    assert all(len(name) == max(6, len(old)) for old, name in given_to.items())


def test_words_of_schemas_stay_where_templates_look_for_them() -> None:
    """And nowhere else: the same words as names, texts and arguments are strings like any other."""
    calm, calm_tools = defuse(CONVERSATION, text(TOOLS))
    (tool,) = json.loads(str(calm_tools))
    assert set(tool["function"]) == {"name", "description", "parameters"}
    river, days = tool["function"]["parameters"]["properties"].values()
    assert (river["type"], days["type"], days["enum"]) == ("string", ["integer", "null"], [1, 2])
    assert [key for key in river if key not in ("type", "description")] == ["xxxxx7", "xxxxxx9"]
    assert tool["function"]["parameters"]["required"] == [next(iter(tool["function"]["parameters"]["properties"]))]
    assert calm[2].extra is not None
    assert set(json.loads(calm[2].extra)["tool_calls"][0]["function"]) == {"name", "arguments"}
    worded = [
        {"type": "type", "function": {"name": "name", "parameters": {"properties": {"type": {"enum": ["type"]}}}}}
    ]
    left = set(strings((), defuse((), text(worded))[1]))
    assert left == {"type", "function", "name", "parameters", "properties", "enum", "xxxxx0", "xxxxx1"}
