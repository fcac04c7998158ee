"""Turns with tools, reasoning, parts, and roles by other names."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.errors import PromptFileError
from constitution.messages import Message, Prompt, assistant, user
from constitution.sources.prompts import Reading, as_prompt, intake_items

CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": {"town": "Bern", "day": 2}}}
TOOL = {"type": "function", "function": {"name": "weather", "description": "d", "parameters": {"type": "object"}}}
ASKED = {"role": "user", "content": "Weather?"}


def calls(call: Any) -> Any:
    """The calls of a turn that makes one, in the middle of a conversation."""
    prompt = read(
        [ASKED, {"role": "assistant", "content": None, "tool_calls": [call]}, {"role": "tool", "content": "8"}]
    )
    return json.loads(prompt.conversation[1].extra or "")["tool_calls"]


def read(turns: list[Any], **row: Any) -> Prompt:
    return as_prompt({"messages": turns, **row})[0]


def refused(turns: list[Any], **row: Any) -> str:
    with pytest.raises(PromptFileError) as caught:
        read(turns, **row)
    return str(caught.value)


def test_conversation_with_tools() -> None:
    """Calls, results, names, ids, reasoning and the tools themselves arrive, the keys of arguments in their order."""
    turns = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "Weather?", "name": "Ada"},
        {"role": "assistant", "tool_calls": [CALL], "reasoning_content": "hm"},
        {"role": "tool", "content": "8 degrees", "tool_call_id": "c1", "name": "weather"},
        {"role": "assistant", "content": "Eight degrees.", "reasoning_content": "easy"},
    ]
    prompt = read(turns, tools=[TOOL])
    assert prompt.response == "Eight degrees."
    assert [(turn.role, turn.content) for turn in prompt.conversation][1:] == [
        ("user", "Weather?"),
        ("assistant", ""),
        ("tool", "8 degrees"),
    ]
    call = '{"id":"c1","type":"function","function":{"name":"weather","arguments":{"town":"Bern","day":2}}}'
    assert [turn.extra for turn in prompt.conversation] == [
        None,
        '{"name":"Ada"}',
        f'{{"tool_calls":[{call}],"reasoning_content":"hm"}}',
        '{"tool_call_id":"c1","name":"weather"}',
    ]
    assert prompt.tools == json.dumps([TOOL], separators=(",", ":"))


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ({"function": {"name": "f", "arguments": '{"b": 1, "a": "2"}'}}, {"b": 1, "a": "2"}),
        ({"function": {"name": "f", "arguments": "no JSON {"}}, "no JSON {"),
        ({"function": {"name": "f", "arguments": "[1]"}}, "[1]"),
        ({"function": {"name": "f", "arguments": '{"n": 12345678901234567890123}'}}, '{"n": 12345678901234567890123}'),
        ({"function": {"name": "f"}}, {}),
        ({"name": "f", "arguments": '{"a": 1}'}, {"a": 1}),
        ('{"name": "f", "arguments": {"a": null}}', {"a": None}),
    ],
)
def test_arguments(call: Any, arguments: object) -> None:
    """Arguments given as JSON text of an object become it; what would change on the way stays text."""
    (made,) = calls(call)
    assert made["function"] == {"name": "f", "arguments": arguments}
    assert list(made["function"]["arguments"]) == list(arguments)  # type: ignore[call-overload]  # the order of keys


@pytest.mark.parametrize(
    ("tools", "text"),
    [
        ([TOOL], json.dumps([TOOL], separators=(",", ":"))),
        (json.dumps([TOOL]), json.dumps([TOOL], separators=(",", ":"))),
        ([json.dumps(TOOL)], json.dumps([TOOL], separators=(",", ":"))),
        (TOOL, json.dumps([TOOL], separators=(",", ":"))),
        ([], None),
        ("", None),
        ("[]", None),
    ],
    ids=["list", "text", "list of texts", "one", "none", "empty text", "empty list as text"],
)
def test_tools_column(tools: object, text: str | None) -> None:
    """Tools are a list or its JSON text; no tools are none."""
    assert read([ASKED], tools=tools).tools == text


def test_functions_are_tools() -> None:
    """The older column `functions` is tools without their wrapping, and gives way to `tools`."""
    bare = TOOL["function"]
    assert read([ASKED], functions=[bare]) == read([ASKED], tools=[TOOL])
    assert read([ASKED], functions=[bare], tools=[TOOL]).tools == read([ASKED], tools=[TOOL]).tools


@pytest.mark.parametrize(
    ("tools", "message"), [(3, "found the number 3"), ([3], "tools[0]"), ("[", "as JSON text: not JSON")]
)
def test_bad_tools(tools: object, message: str) -> None:
    """What is no list of tools is refused."""
    assert message in refused([ASKED], tools=tools)


def test_sharegpt_with_tools() -> None:
    """ShareGPT's function_call and observation turns are calls and results."""
    turns = [
        {"from": "human", "value": "Weather?"},
        {"from": "function_call", "value": '{"name": "weather", "arguments": {"town": "Bern"}}'},
        {"from": "observation", "value": "8"},
        {"from": "gpt", "value": "Eight."},
    ]
    prompt, _ = as_prompt({"conversations": turns, "tools": json.dumps([TOOL])})
    call = '{"type":"function","function":{"name":"weather","arguments":{"town":"Bern"}}}'
    assert prompt.conversation == (
        user("Weather?"), Message("assistant", "", f'{{"tool_calls":[{call}]}}'), Message("tool", "8")
    )  # fmt: skip
    assert prompt.response == "Eight."


def test_older_calls() -> None:
    """The function_call key and the function role of older OpenAI rows are calls and results too."""
    turns = [
        ASKED,
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "function", "name": "weather", "content": "8"},
    ]
    prompt = read(turns)
    assert [turn.role for turn in prompt.conversation] == ["user", "assistant", "tool"]
    assert '"name":"weather","arguments":{}' in (prompt.conversation[1].extra or "")


@pytest.mark.parametrize(
    ("said", "role"),
    [("User", "user"), ("human", "user"), ("gpt", "assistant"), ("Model", "assistant"), ("observation", "tool")],
)
def test_roles_by_other_names(said: str, role: str) -> None:
    """Roles are known by the names that other formats use, in any case."""
    turns = [ASKED, {"role": "assistant", "content": "a"}, {"role": said, "content": "x"}, ASKED]
    assert read(turns).conversation[2].role == role


def test_text_in_parts() -> None:
    """Content in parts of text is their text, one after the other."""
    parts = [{"type": "text", "text": "a "}, {"type": "text", "text": "b"}]
    assert read([{"role": "user", "content": parts}]).conversation == (user("a b"),)


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        ({"content": [{"type": "text", "text": "a"}, {"type": "image", "image": "x"}]}, 'a part of type "image"'),
        ({"content": [{"type": "input_audio", "input_audio": {}}]}, "images and sound cannot be read"),
        ({"content": ["a"]}, "found a text"),
        ({"content": []}, "is empty"),
        ({"content": "a", "tool_calls": [CALL]}, "only assistant turns call tools"),
        ({"content": "a", "name": 3}, "messages[0].name: expected a text"),
    ],
)
def test_refused_turns(turn: dict[str, Any], message: str) -> None:
    """What is no text, or in the wrong place, is refused with the reason."""
    assert message in refused([{"role": "user", **turn}])


@pytest.mark.parametrize("call", [3, {"name": 3}, {"function": {}}, {"function": "f"}, "nothing"])
def test_bad_calls(call: object) -> None:
    """A call without a function's name is refused with its place."""
    turns = [ASKED, {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": ""}]
    assert "messages[1].tool_calls[0]" in refused(turns)


@pytest.mark.parametrize("content", [None, "", "Let me look."])
def test_calls_are_no_answer(content: str | None) -> None:
    """A conversation that ends with a call has no answer to revise: it is told what to do."""
    message = refused([ASKED, {"role": "assistant", "content": content, "tool_calls": [CALL]}])
    assert "the last turn calls tools" in message
    assert "end the conversation before it, or with what came of the calls" in message


def test_results_may_be_empty_and_end_a_prompt() -> None:
    """A tool may return nothing; a conversation that ends with a result is a prompt."""
    prompt = read([ASKED, {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "content": ""}])
    assert prompt.conversation[-1] == Message("tool", "")
    assert prompt.response is None


def test_opening_turns() -> None:
    """A developer turn may follow the system turn; neither may come later or twice."""
    opening = [{"role": "system", "content": "s"}, {"role": "developer", "content": "d"}]
    assert [turn.role for turn in read([*opening, ASKED]).conversation] == ["system", "developer", "user"]
    for turns in (
        [*opening[::-1], ASKED],
        [opening[0], *opening, ASKED],
        [ASKED, opening[0]],
        [opening[1]] * 2 + [ASKED],
    ):
        assert "may only come first" in refused(turns)


def test_other_keys_of_turns_are_left_out() -> None:
    """Weights, times and empty fields of a turn are no part of it; the derived id is that of the plain turn."""
    noisy: dict[str, Any] = {
        **ASKED,
        "weight": 1,
        "timestamp": "now",
        "tool_calls": [],
        "name": "",
        "reasoning_content": None,
    }
    assert read([noisy]) == read([ASKED])


def test_tools_change_the_id() -> None:
    """Tools and calls are part of a derived id; a plain conversation keeps the id that it had without them."""
    plain = read([ASKED])
    assert len({plain.id, read([ASKED], tools=[TOOL]).id, read([{**ASKED, "name": "x"}]).id}) == 3
    assert plain.id == as_prompt("Weather?")[0].id


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc", max_size=3), json_values, max_size=4), st.booleans())
def test_tools_survive_the_copy(tmp_path_factory: pytest.TempPathFactory, arguments: Any, as_text: bool) -> None:
    """Whatever arguments hold, they come back from a run's copy as they went in."""
    call = {"function": {"name": "f", "arguments": json.dumps(arguments) if as_text else arguments}}
    turns = [ASKED, {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": "x"}]
    file = tmp_path_factory.mktemp("copy") / "input.jsonl"
    row = {"messages": turns, "tools": [{"function": {"name": "f", "parameters": arguments}}], "response": "r"}
    (entry,) = intake_items([row], Reading(), file).read()
    assert entry.prompt == as_prompt(row)[0] == as_prompt(entry.prompt)[0]
    made = json.loads(entry.prompt.conversation[1].extra or "")["tool_calls"][0]["function"]["arguments"]
    assert json.dumps(made) == json.dumps(arguments)
    assert entry.prompt.conversation[0] == user("Weather?")
    assert assistant("r").content == entry.prompt.response


@pytest.mark.parametrize("part", ["hi", {"text": "hi"}, {"type": "input_text", "text": "hi"}])
def test_texts_that_are_no_parts(part: Any) -> None:
    """Of a text it is not said that images cannot be read."""
    assert refused([{"role": "user", "content": [part]}]).endswith("write a text as such a part")
