"""Conversations with tools as ids: what real templates show of them, appended to, and never control tokens."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from constitution.engine import Completion, Parent, Request, Sampling
from constitution.errors import RecordError
from constitution.messages import Conversation, Message, assistant, system, user
from constitution.tokens import Transcripts
from tests import strategies, tool_conversations
from tests.tiny_tokenizer import CHATML, tiny_tokenizer
from tests.tool_conversations import CALLS, CONVERSATION, TALKED, TOOLS, as_dicts, calls, result, text, trl_template

DATE = "2026-01-31"
EXTRA = ("<|im_end|>", "<think>", "</think>", "<tool_call>", "<|eot|>")
SHOWING = (
    "qwen2_5", "qwen3", "qwen3_5_think", "qwen3_instruct_2507", "llama3_1", "llama3_2", "glm4moe", "gptoss",
    "deepseekv3", "gemma4", "gemma4_v5", "lfm2_2_5", "muse_glimmer", "nemotron_3_nano", "nemotron_3_ultra",
)  # fmt: skip
"""Templates that show tools, calls and results."""
BLIND = ("llama3", "phi3_5", "deepseek_r1_distill", "qwen2_5_vl")
"""Templates that show at most the texts."""
SHOWS = "{{ tools | tojson if tools else '' }}" + CHATML.replace(
    "{{ message['content'] }}",
    "{{ message['content'] }}{% for call in message.tool_calls or [] %}[{{ call.function.name }}]"
    "{% for key, value in call.function.arguments.items() %}<{{ key }}>{{ value }}</{{ key }}>{% endfor %}{% endfor %}",
)
"""Writes keys of arguments between angle brackets, as templates of coders' models do."""

BESIDE = (*CONVERSATION[:2], calls("the mill, first:"), result())
"""Says something beside the call; Gemma 4 writes that after the result."""


@cache
def tokenizer_of(name: str) -> Any:
    return tiny_tokenizer(trl_template(name) if name.isidentifier() else name, EXTRA)


@cache
def transcripts_of(name: str) -> Transcripts:
    return Transcripts(tokenizer_of(name), date=DATE)


def request(
    key: str, messages: Conversation, parent: Parent | None = None, tools: object = TOOLS, **sampling: Any
) -> Request:
    asked = Sampling(max_tokens=8, **sampling)
    return Request(
        key, "r", messages, "draft", "draft", asked, parent=parent, tools=None if tools is None else text(tools)
    )


def answered(first: Request, answer: str, name: str) -> tuple[Request, tuple[int, ...]]:
    """The next request of a chain, and the ids of the answer before it: a letter each, as no tokenizer would."""
    tokenizer = tokenizer_of(name)
    ids = tuple(tokenizer.convert_tokens_to_ids(tokenizer.tokenize(letter)[0]) for letter in answer)
    completion = Completion(answer, (*ids, tokenizer.eos_token_id))
    messages = (*first.messages, assistant(answer), user("What is wrong with it?"))
    tools = None if first.tools is None else json.loads(first.tools)
    return request(f"{first.key}+", messages, Parent(first, completion), tools), ids


def rendered(name: str, messages: Conversation, tools: object = TOOLS) -> list[int]:
    """The ids of the whole rendering, as anybody else makes them."""
    tokenizer, turns = tokenizer_of(name), as_dicts(messages)
    if name == "deepseekv3":  # joins texts, so it takes arguments as text only
        for turn in turns:
            for call in turn.get("tool_calls", ()):
                call["function"]["arguments"] = json.dumps(call["function"]["arguments"], ensure_ascii=False)
    whole = tokenizer.apply_chat_template(
        turns,
        tools=tools,
        tokenize=False,
        add_generation_prompt=True,
        strftime_now=datetime.fromisoformat(DATE).strftime,
    )
    return list(tokenizer(whole, add_special_tokens=False)["input_ids"])


def controls(name: str, ids: tuple[int, ...]) -> int:
    return transcripts_of(name)._codec.controls(ids)


@pytest.mark.parametrize("name", SHOWING)
@pytest.mark.parametrize("messages", [CONVERSATION, TALKED, BESIDE], ids=["result last", "user last", "words beside"])
def test_spliced_ids_are_those_of_the_whole_rendering(name: str, messages: Conversation) -> None:
    """With tools, calls, thoughts and results a spliced prompt is what anybody else's tokenization gives."""
    built = transcripts_of(name).prompt_ids(request(f"whole {len(messages)} {messages[2].content}", messages))
    assert list(built.ids) == rendered(name, messages)
    assert not built.unseen
    assert built.opening


@pytest.mark.parametrize("name", SHOWING)
def test_each_stage_goes_on_from_the_ids_before_it(name: str) -> None:
    """Three stages: prompt, answer without its stop id, glue; also where a template hides thoughts afterwards."""
    transcripts = transcripts_of(name)
    for messages in (CONVERSATION, (*CONVERSATION[:2], calls("Let me see."), result("")), TALKED, BESIDE):
        first = request(text(["stage", as_dicts(messages)]), messages)
        second, one = answered(first, "the mill", name)
        third, two = answered(second, "and the river", name)
        built = [transcripts.prompt_ids(item) for item in (first, second, third)]
        assert [item.break_reason for item in built] == [None] * 3
        for before, answer, later in ((built[0], one, built[1]), (built[1], two, built[2])):
            assert later.ids[: len(before.ids) + len(answer)] == (*before.ids, *answer)
        glue = tokenizer_of(name).decode(list(built[1].ids[len(built[0].ids) + len(one) :]))
        assert "What is wrong with it?" in glue
        assert "river_level" not in glue


@given(
    tool_conversations.conversations(), tool_conversations.tool_lists, st.sampled_from(["qwen2_5", "qwen3", "lfm2_2_5"])
)
def test_appending_holds_for_any_conversation(messages: Conversation, tools: list[Any], name: str) -> None:
    """Any calls, thoughts and results: refused from the first stage on, or the ids before stay as they are."""
    transcripts = transcripts_of(name)
    key = text([as_dicts(messages), tools])
    first = request(key, messages, tools=tools)
    try:
        before = transcripts.prompt_ids(first)
    except RecordError:
        assume(False)
    second, answer = answered(first, "the mill", name)
    built = transcripts.prompt_ids(second)
    assert built.break_reason is None
    assert built.ids[: len(before.ids) + len(answer)] == (*before.ids, *answer)
    assert list(before.ids) == rendered_apart(name, messages, tools)


def rendered_apart(name: str, messages: Conversation, tools: Any) -> list[int]:
    """The whole rendering with contents encoded apart, which none of these templates changes."""
    codec = transcripts_of(name)._codec
    marks = [f"@{index}@" if turn.content else "" for index, turn in enumerate(messages)]
    turns = [{**turn, "content": mark} for turn, mark in zip(as_dicts(messages), marks, strict=True)]
    whole = tokenizer_of(name).apply_chat_template(turns, tools=tools, tokenize=False, add_generation_prompt=True)
    ids: list[int] = []
    for mark, turn in zip(marks, messages, strict=True):
        if mark:
            piece, whole = whole.rsplit(mark, 1) if whole.count(mark) > 1 else whole.split(mark)
            ids += [*codec.template(piece), *codec.text(turn.content)]
    return [*ids, *codec.template(whole)]


hostile = st.one_of(
    st.sampled_from(EXTRA),
    st.sampled_from(
        ["think", "|im_end|", "/think", "im_end|>", "<|im_", '"<|im_end|>"', "c1f7b02d9e", "function", "type"]
    ),
    st.lists(st.sampled_from([*EXTRA, "a", " ", '"', "\n", "<", ">", "|"]), max_size=4).map("".join),
    strategies.texts,
)


def with_strings(words: list[str]) -> tuple[Conversation, list[Any]]:
    """The same conversation and tools with other strings in the same places."""
    name, key, value, thought, id, description, field, extra_key, extra = words
    call = {"type": "function", "id": id, "function": {"name": name, "arguments": {key: value, "deep": [{key: value}]}}}
    schema = {"type": "object", "properties": {field: {"type": "string", extra_key: extra}}, "required": [field]}
    tools = [{"type": "function", "function": {"name": name, "description": description, "parameters": schema}}]
    messages = (
        user("the river?"),
        calls("", [call], reasoning_content=thought),
        result("r", tool_call_id=id, name=name),
    )
    return messages, tools


PLACES = 9
MILD = [f"mild{number}" for number in range(PLACES)]


@given(
    st.lists(hostile, min_size=PLACES, max_size=PLACES), st.sampled_from([SHOWS, "qwen2_5", "qwen3_5_think", "glm4moe"])
)
@settings(max_examples=150)
def test_control_tokens_do_not_depend_on_tools_and_calls(words: list[str], name: str) -> None:
    """Whatever names, keys, arguments, thoughts and descriptions say: the number of control ids stays, or a refusal."""
    assume(len({words[6], words[7], words[1], "deep", "type"}) == 5)
    messages, tools = with_strings(words)
    try:
        ids = transcripts_of(name).prompt_ids(request(text(words), messages, tools=tools)).ids
    except RecordError:
        return
    mild = transcripts_of(name).prompt_ids(request("mild", with_strings(MILD)[0], tools=with_strings(MILD)[1])).ids
    assert controls(name, ids) == controls(name, mild)


@pytest.mark.parametrize("place", range(PLACES))
def test_a_control_token_in_tools_or_calls_is_refused(place: int) -> None:
    """Wherever the template shows it; the message names it and what to do. Where it is not shown it does no harm."""
    words = list(MILD)
    words[place] = "a <|im_end|> b"
    messages, tools = with_strings(words)
    shown = place not in (3, 4)  # thoughts and ids, which this template leaves out
    if not shown:
        assert transcripts_of(SHOWS).prompt_ids(request(f"hidden {place}", messages, tools=tools)).ids
        return
    with pytest.raises(RecordError, match=r"'<\|im_end\|>'; take it out of the input, or leave the record out"):
        transcripts_of(SHOWS).prompt_ids(request(f"shown {place}", messages, tools=tools))


def test_a_key_that_becomes_a_control_token_between_brackets_is_refused() -> None:
    """`think` is a word like any other until a template puts brackets around it."""
    words = list(MILD)
    words[1] = "think"
    messages, tools = with_strings(words)
    with pytest.raises(RecordError, match="would become control tokens"):
        transcripts_of(SHOWS).prompt_ids(request("bracket", messages, tools=tools))
    assert transcripts_of("qwen2_5").prompt_ids(request("bracket", messages, tools=tools)).ids


@given(hostile, st.sampled_from(["llama3_1", "gptoss", "qwen3", "gemma4"]))
def test_what_tools_give_back_is_text(said: str, name: str) -> None:
    """The most hostile text of all is never refused and never becomes a control token, as JSON neither."""
    messages = (*CONVERSATION[:3], result(said))
    built = transcripts_of(name).prompt_ids(request(f"result {said}", messages))
    mild = transcripts_of(name).prompt_ids(request("mild result", (*CONVERSATION[:3], result("mild" if said else ""))))
    assert controls(name, built.ids) == controls(name, mild.ids)
    decoded = tokenizer_of(name).decode(list(built.ids), clean_up_tokenization_spaces=False)
    shown = json.dumps(said, ensure_ascii=False) if name in ("llama3_1", "gptoss") else said
    assert shown in decoded


def test_a_result_as_ascii_json_comes_out_as_such() -> None:
    """Templates that ask `tojson` for ASCII get it."""
    ascii = "message.content | tojson(ensure_ascii=True) if message.role == 'tool' else message.content"
    template = CHATML.replace("message['content']", ascii)
    messages = (user("x"), calls(), result('Rh\u00f6n "3"'))
    built = transcripts_of(template).prompt_ids(request("ascii", messages, tools=None))
    assert list(built.ids) == rendered(template, messages, None)
    assert built.opening  # spliced
    assert r'"Rh\u00f6n \"3\""' in tokenizer_of(template).decode(list(built.ids))


def test_a_turn_without_text_is_rendered_without() -> None:
    """Templates look whether a turn that calls has something to say besides."""
    template = CHATML.replace(
        "{{ message['content'] }}", "{% if message.content %}says {{ message.content }}{% endif %}"
    )
    transcripts = transcripts_of(template)
    silent = transcripts.prompt_ids(request("silent", (user("x"), calls(""), result("")), tools=None)).ids
    spoken = transcripts.prompt_ids(request("spoken", (user("x"), calls("y"), result("")), tools=None)).ids
    decoded = [tokenizer_of(template).decode(list(ids)) for ids in (silent, spoken)]
    assert [text.count("says") for text in decoded] == [1, 2]


@pytest.mark.parametrize(
    ("name", "messages", "tools", "unseen"),
    [
        *((name, CONVERSATION, TOOLS, True) for name in BLIND),
        *((name, CONVERSATION[:2], TOOLS, True) for name in BLIND),
        ("llama3", (*CONVERSATION[:2], calls("c"), result("r")), None, True),
        ("llama3", (user("x"), Message("assistant", "y", text({"reasoning_content": "z"})), user("?")), None, False),
        ("llama3", TALKED[4:], None, False),
        ("llama3", (user("x"), Message("tool", "y")), None, False),
        ("qwen2_5", (user("x"), Message("tool", "y")), None, False),
        ("phi3_5", (user("x"), Message("tool", "y")), None, True),
        (
            "gptoss",
            (user("x"), calls("", [*CALLS, {"function": {"name": "other_tool", "arguments": {}}}])),
            TOOLS,
            True,
        ),
        (SHOWS, CONVERSATION, TOOLS, False),
    ],
)
def test_what_a_template_does_not_show_is_told(name: str, messages: Conversation, tools: Any, unseen: bool) -> None:
    """Tools, calls and results that the model answers without having seen; thoughts are the template's to hide."""
    built = transcripts_of(name).prompt_ids(request(f"seen {unseen} {as_dicts(messages)}", messages, tools=tools))
    assert built.unseen == unseen
    again = transcripts_of(name).prompt_ids(request(f"seen {unseen} {as_dicts(messages)}", messages, tools=tools))
    assert again == built


@pytest.mark.parametrize("name", ["llava_next", "llama3_1"])
def test_a_template_that_refuses_a_conversation_fails_that_record(name: str) -> None:
    """A role that it does not know, or two calls where it takes one: an error of the record, with the reason."""
    messages = (user("x"), calls("", [*CALLS, *CALLS]), result("r"))
    with pytest.raises(RecordError, match=r"user, assistant, tool.*(Only user and assistant|single tool-calls)"):
        transcripts_of(name).prompt_ids(request("refused", messages))


@pytest.mark.parametrize("name", [name for name in SHOWING if name not in ("qwen3_5_think", "deepseekv3")])
@pytest.mark.parametrize("thoughts", [{}, {"reasoning_content": "I look. " * 40}], ids=["without", "with thoughts"])
def test_no_prompt_of_a_chain_is_longer_than_counted(name: str, thoughts: dict[str, str]) -> None:
    """Thoughts that a template hides after the next user turn stand in the transcript all the same."""
    transcripts = transcripts_of(name)
    first = request(f"count {bool(thoughts)}", (*CONVERSATION[:2], calls("", CALLS, **thoughts), result()))
    second, one = answered(first, "a", name)
    third, two = answered(second, "b", name)
    ids = transcripts.prompt_ids(third).ids
    counted = transcripts.count((*second.messages, assistant(""), third.messages[-1]), text(TOOLS))
    assert len(ids) <= counted + len(one) + len(two)
    assert transcripts.count(first.messages, text(TOOLS)) == len(transcripts.prompt_ids(first).ids)


def test_thoughts_of_an_answer_to_an_empty_result_are_left_out() -> None:
    """The opening that began the thoughts goes, though nothing stands between it and the call."""
    name = "qwen3_5_think"
    first = request("thought", (user("x"), calls(), result("")))
    second, _ = answered(first, "the mill", name)
    assert second.parent is not None
    thought = Completion("the mill", (5, 6, 7), reasoning="hm")
    built = transcripts_of(name).prompt_ids(request("thought+", second.messages, Parent(first, thought)))
    assert built.break_reason == "thoughts_left_out"
    assert list(built.ids) == rendered(name, second.messages)


def test_a_placeholder_in_a_call_does_no_harm() -> None:
    """Who knows the placeholders gains nothing: such a conversation is rendered whole."""
    call = {"function": {"name": "a", "arguments": {"b": 'c1f7b02d9e"\u00e90"c1f7b02d9e'}}}
    messages = (user("the river"), calls("", [call]), result("r"))
    built = transcripts_of(SHOWS).prompt_ids(request("nonce", messages, tools=None))
    assert list(built.ids) == rendered(SHOWS, messages, None)
    dropping = SHOWS.replace("{{ message['content'] }}", "{{ message['content'] if not message.tool_calls }}")
    call["function"]["arguments"] = {"b": 'c1f7b02d9e"\u00e91"c1f7b02d9e'}
    messages = (user("the river"), calls("dropped", [call]), result("r"))
    built = transcripts_of(dropping).prompt_ids(request("nonce dropped", messages, tools=None))
    assert list(built.ids) == rendered(dropping, messages, None)
    tools = [{"function": {"name": "c1f7b02d9e"}}]
    built = transcripts_of(SHOWS).prompt_ids(request("nonce tools", (user("x"),), tools=tools))
    assert list(built.ids) == rendered(SHOWS, (user("x"),), tools)


def test_a_result_that_is_shown_twice_is_not_spliced() -> None:
    """As it is and as JSON: such a conversation is rendered whole."""
    both = "{{ message.content }}{{ message.content | tojson if message.role == 'tool' }}"
    twice = CHATML.replace("{{ message['content'] }}", both)
    messages = (user("the river"), calls("c"), result('"r"'))
    built = transcripts_of(twice).prompt_ids(request("twice", messages, tools=None))
    assert list(built.ids) == rendered(twice, messages, None)


def test_skeletons_are_kept_up_to_a_bound() -> None:
    """Every conversation with tools has a shape of its own; the last ones are kept, and ids do not depend on it."""
    transcripts = Transcripts(tokenizer_of("qwen2_5"), date=DATE, remember=1)
    skeletons = transcripts._skeletons
    skeletons._room = 20_000
    ids = []
    for number in [*range(30), 0]:
        messages = (user("x"), calls("", [{"function": {"name": f"f{number}", "arguments": {}}}]), result("r"))
        ids.append(transcripts.prompt_ids(request(f"bound {number}", messages)).ids)
        assert 0 < skeletons._held <= 20_000
    assert 0 < len(skeletons._kept) < 30
    assert ids[0] == ids[-1]
    assert len(set(ids)) == 30


def test_plain_conversations_are_not_looked_at_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compared where there are neither tools nor calls."""
    transcripts = Transcripts(tokenizer_of(SHOWS), date=DATE)
    seen: list[Conversation] = []
    marked = transcripts._template.marked

    def watched(shape: Conversation, *rest: Any) -> str:
        seen.append(shape)
        return marked(shape, *rest)

    monkeypatch.setattr(transcripts._template, "marked", watched)
    transcripts.prompt_ids(request("plain", (system("s"), user("x")), tools=None))
    assert len(seen) == 1
    transcripts.prompt_ids(request("tools", (system("s"), user("x"))))
    assert len(seen) == 3
