"""Prompts as ids: nothing becomes a control token, nothing sampled is tokenized again."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.engine import Completion, Parent, Request, Sampling
from constitution.errors import RecordError, SettingsError
from constitution.messages import Conversation, Message, assistant, system, user
from constitution.tokens import Transcripts, split_thoughts
from tests.tiny_tokenizer import CHATML, tiny_tokenizer

DATE = "2026-01-31"
EXTRA = ("<think>", "</think>", "<tool_call>", "<|eot|>")

TOKENIZER = tiny_tokenizer(CHATML, EXTRA)
TRANSCRIPTS = Transcripts(TOKENIZER, date=DATE)
IM_END = TOKENIZER.convert_tokens_to_ids("<|im_end|>")
CONTROL = tuple(TOKENIZER.get_added_vocab())


def request(key: str, messages: Conversation, parent: Parent | None = None, **sampling: Any) -> Request:
    asked = Sampling(**{"max_tokens": 8, **sampling})
    return Request(key=key, record="r", messages=messages, role="draft", stage="draft", sampling=asked, parent=parent)


def after(first: Request, completion: Completion, *turns: Message, **sampling: Any) -> Request:
    """The next request of a chain."""
    messages = (*first.messages, assistant(completion.text), *(turns or (user("and now?"),)))
    return request(first.key + "+", messages, Parent(first, completion), **sampling)


def sampled(text: str, *, end: bool = True, **rest: Any) -> Completion:
    """A completion whose ids are not what a tokenizer would make of its text: one id a byte."""
    ids = [TOKENIZER.convert_tokens_to_ids(TOKENIZER.tokenize(letter)[0]) for letter in text]
    return Completion(text, tuple([*ids, IM_END] if end else ids), **rest)


def texts_with_control_tokens() -> st.SearchStrategy[str]:
    pieces = st.one_of(
        st.sampled_from(CONTROL), st.text(max_size=8), st.sampled_from(["\x00", "\n\n", "\u202e", "{{ 1 }}"])
    )
    return st.lists(pieces, max_size=6).map("".join)


def controls(ids: tuple[int, ...]) -> int:
    added = set(TOKENIZER.get_added_vocab().values())
    return sum(id in added for id in ids)


@given(st.lists(texts_with_control_tokens(), min_size=1, max_size=5))
def test_control_tokens_do_not_depend_on_the_text(texts: list[str]) -> None:
    """Every added token, a NUL and template code as text: the number of control ids is that of the turns."""
    messages = tuple(user(text) for text in texts)
    try:
        ids = TRANSCRIPTS.prompt_ids(request(json.dumps(texts), messages)).ids
    except RecordError:
        assert any("\ud800" <= letter <= "\udfff" for letter in "".join(texts))
        return
    assert controls(ids) == 2 * len(texts) + 1


@given(texts_with_control_tokens().filter(lambda text: not any("\ud800" <= letter <= "\udfff" for letter in text)))
def test_text_comes_back_whole(text: str) -> None:
    """Text is not trimmed and not changed: the ids between the control tokens decode to it."""
    ids = TRANSCRIPTS.prompt_ids(request("whole" + text, (user(text),))).ids
    opening = TRANSCRIPTS.prompt_ids(request("empty", (user(""),))).ids
    body = ids[: len(ids) - (len(opening) - opening.index(IM_END))]
    head = opening[: opening.index(IM_END)]
    assert body[: len(head)] == head
    assert TOKENIZER.backend_tokenizer.decode(list(body[len(head) :]), skip_special_tokens=False) == text


def test_a_lone_surrogate_is_an_error_of_its_record() -> None:
    """It has no encoding; the message says where it stands."""
    with pytest.raises(RecordError, match="position 3"):
        TRANSCRIPTS.prompt_ids(request("half", (user("abc\ud800"),)))


def test_spliced_ids_are_those_of_the_whole_rendering() -> None:
    """For ordinary text a spliced prompt is what anybody else's tokenization gives."""
    messages = (system("Be kind."), user("the river"), assistant("a mill"), user("and?"))
    whole = TOKENIZER.apply_chat_template(
        [{"role": item.role, "content": item.content} for item in messages], tokenize=False, add_generation_prompt=True
    )
    expected = TOKENIZER(whole, add_special_tokens=False)["input_ids"]
    assert list(TRANSCRIPTS.prompt_ids(request("spliced", messages)).ids) == expected
    assert TRANSCRIPTS.count(messages) == len(expected)


def test_each_stage_goes_on_from_the_ids_before_it() -> None:
    """Three stages: prompt, answer without its stop id, glue; sampled ids stay though the text has others."""
    first = request("chain", (user("the river"),))
    one = sampled("the mill")
    second = after(first, one)
    two = sampled("and the", end=False, finish_reason="length")
    third = after(second, two)
    ids = [TRANSCRIPTS.prompt_ids(item).ids for item in (first, second, third)]
    for (before, later), answer in zip(pairwise(ids), (one.token_ids[:-1], two.token_ids), strict=True):
        assert later[: len(before) + len(answer)] == (*before, *answer)
    assert [TRANSCRIPTS.prompt_ids(item).break_reason for item in (first, second, third)] == [None] * 3
    assert controls(ids[2]) == 2 * 5 + 1


def test_ids_depend_on_the_chain_alone() -> None:
    """A fresh object, as after a resume, builds the same ids from the last request."""
    first = request("fresh", (user("the river"),))
    third = after(after(first, sampled("a")), sampled("b"))
    small = Transcripts(TOKENIZER, date=DATE, remember=1)
    assert small.prompt_ids(third) == TRANSCRIPTS.prompt_ids(third)
    for key in range(5):
        small.prompt_ids(request(f"other {key}", (user("x"),)))
    assert small.prompt_ids(third) == TRANSCRIPTS.prompt_ids(third)


def test_few_shots_in_front_break_the_prefix() -> None:
    """The conversation stands further back; the prompt is rendered by itself."""
    first = request("shots", (user("the river"),))
    answered = sampled("a mill")
    shots = (user("q"), assistant("a"))
    messages = (*shots, *first.messages, assistant(answered.text), user("criticise"))
    later = request("shots+", messages, Parent(first, answered))
    built = TRANSCRIPTS.prompt_ids(later)
    assert built.break_reason == "few_shots"
    assert built.ids == TRANSCRIPTS.prompt_ids(request("shots alone", messages)).ids


def test_few_shots_stand_after_the_system_turn() -> None:
    """A system turn of the conversation stays first, and the break is still the few-shots'."""
    first = request("shots2", (system("the mill"), user("the river")))
    answered = sampled("a mill")
    messages = (system("the mill"), user("q"), assistant("a"), user("the river"), assistant(answered.text), user("c"))
    built = TRANSCRIPTS.prompt_ids(request("shots2+", messages, Parent(first, answered)))
    assert built.break_reason == "few_shots"


def test_a_stripped_preamble_breaks_after_the_answer_before_it() -> None:
    """The answer before it stands whole and keeps its ids; the stripped one is text."""
    first = request("strip", (user("the river"),))
    answered = sampled("the mill")
    messages = (*first.messages, assistant(answered.text), user("revise"), assistant("stripped"), user("and?"))
    built = TRANSCRIPTS.prompt_ids(request("strip+", messages, Parent(first, answered)))
    before = TRANSCRIPTS.prompt_ids(first).ids
    assert built.break_reason == "stripped_preamble"
    assert built.ids[: len(before) + len(answered.token_ids) - 1] == (*before, *answered.token_ids[:-1])


def test_a_parent_whose_text_is_not_there_is_no_prefix() -> None:
    """Robust against a parent that does not open the request."""
    first = request("other", (user("the river"),))
    later = request(
        "other+", (user("the river"), assistant("another text"), user("?")), Parent(first, sampled("a mill"))
    )
    built = TRANSCRIPTS.prompt_ids(later)
    assert built.break_reason == "stripped_preamble"
    assert built.ids == TRANSCRIPTS.prompt_ids(replace(later, key="other alone", parent=None)).ids


def test_after_a_stop_string_the_ids_are_cut_to_the_text() -> None:
    """The longest run of sampled ids that the text holds stays."""
    first = request("stop", (user("the river"),), stop=("mill",))
    full = sampled("a the mi", end=False)
    answered = replace(full, text="a the m")
    built = TRANSCRIPTS.prompt_ids(after(first, answered))
    before = TRANSCRIPTS.prompt_ids(first).ids
    assert built.break_reason == "stop_string"
    assert built.ids[: len(before) + 7] == (*before, *full.token_ids[:7])
    assert built.ids[len(before) + 7] == IM_END


def test_a_stop_string_in_mid_token_cuts_the_token() -> None:
    """The text before it stays, the rest of the token goes."""
    first = request("mid", (user("the river"),), stop=("e",))
    ids = tuple(TOKENIZER.backend_tokenizer.encode("a the", add_special_tokens=False).ids)
    assert len(ids) == 2
    built = TRANSCRIPTS.prompt_ids(after(first, Completion("a th", ids)))
    before = TRANSCRIPTS.prompt_ids(first).ids
    kept = built.ids[len(before) : built.ids.index(IM_END, len(before))]
    assert kept[0] == ids[0]
    assert TOKENIZER.decode(list(kept)) == "a th"


def test_thoughts_are_left_out() -> None:
    """The answer alone stands in later prompts, without the opening that may have begun the thoughts."""
    template = CHATML.replace("assistant\n{% endif", "assistant\n<think>\n{% endif")
    tokenizer = tiny_tokenizer(template)
    transcripts = Transcripts(tokenizer, date=DATE)
    first = request("think", (user("the river"),))
    assert transcripts.opens_thoughts(first)
    thought = Completion("the mill", (5, 6, 7), reasoning="hm")
    built = transcripts.prompt_ids(after(first, thought))
    assert built.break_reason == "thoughts_left_out"
    text = tokenizer.decode(list(built.ids))
    assert text.count("<think>") == 1
    assert text.endswith("<think>\n")
    assert "<|im_start|>assistant\nthe mill<|im_end|>" in text


def test_missing_ids_and_stray_control_tokens_fall_back_to_the_text() -> None:
    """An engine without ids, and a model that wrote a control token in mid-answer: both counted by their reason."""
    first = request("lost", (user("the river"),))
    without = TRANSCRIPTS.prompt_ids(after(first, Completion("the mill")))
    stray = Completion("the mill", (*sampled("the", end=False).token_ids, IM_END, *sampled(" mill").token_ids))
    with_control = TRANSCRIPTS.prompt_ids(replace(after(first, stray), key="stray"))
    assert without.break_reason == "no_token_ids"
    assert with_control.break_reason == "control_tokens"
    assert with_control.ids == without.ids


def test_an_empty_answer_without_ids_is_no_break() -> None:
    """Nothing was sampled, so nothing is tokenized again."""
    first = request("empty answer", (user("the river"),))
    assert TRANSCRIPTS.prompt_ids(after(first, Completion(""))).break_reason is None


def test_other_options_of_the_template_break_only_if_they_show_before() -> None:
    """A system line about thinking would be lost by appending; one that stands in the opening is not."""
    line = "{% if enable_thinking is defined %}{{ enable_thinking }}{% endif %}"
    first = request("options", (user("the river"),))
    shown = Transcripts(tiny_tokenizer(line + CHATML), date=DATE)
    assert shown.prompt_ids(after(first, sampled("a"), thinking="off")).break_reason == "template_options"
    opening = Transcripts(
        tiny_tokenizer(CHATML.replace("assistant\n{% endif", "assistant\n" + line + "{% endif")), date=DATE
    )
    assert opening.prompt_ids(after(first, sampled("a"), thinking="off")).break_reason is None


@pytest.mark.parametrize(("thinking", "shown"), [("on", "True"), ("off", "False"), (64, "True"), (None, "")])
def test_thinking_reaches_the_template(thinking: Any, shown: str) -> None:
    """As `enable_thinking`; other options as they are, and they win."""
    transcripts = Transcripts(tiny_tokenizer("{{ enable_thinking }}{{ effort }}" + CHATML), date=DATE)
    ids = transcripts.prompt_ids(request(f"t{thinking}", (user("x"),), thinking=thinking)).ids
    assert transcripts._codec.decode(list(ids)).startswith(shown + "user")
    own = '{"effort": "low", "enable_thinking": 5}'
    ids = transcripts.prompt_ids(request(f"o{thinking}", (user("x"),), thinking=thinking, chat_template_kwargs=own)).ids
    assert transcripts._codec.decode(list(ids)).startswith("5low")


def test_a_clock_in_the_template_shows_the_run_date() -> None:
    """Else a resumed run would ask other prompts than the day before."""
    tokenizer = tiny_tokenizer("{{ strftime_now('%d %b %Y') }}" + CHATML)
    ids = Transcripts(tokenizer, date=DATE).prompt_ids(request("date", (user("x"),))).ids
    assert "31 Jan 2026" in tokenizer.decode(list(ids))


def test_tools_reach_the_template_and_may_hold_no_control_token() -> None:
    """They are JSON that the template writes out, so control tokens in them are refused."""
    tokenizer = tiny_tokenizer("{{ tools | tojson if tools else '' }}" + CHATML)
    transcripts = Transcripts(tokenizer, date=DATE)
    tools = '[{"type": "function", "function": {"name": "look"}}]'
    assert transcripts.count((user("x"),), tools) > transcripts.count((user("x"),))
    with pytest.raises(RecordError, match="im_end"):
        transcripts.count((user("x"),), tools.replace("look", "<|im_end|>"))


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ messages[0]['content'] }}" + CHATML, "the chat template"),
        (CHATML.replace("message['content']", "message['content'] | tojson"), "the chat template"),
        (CHATML.replace("message['content']", "message['content'] | replace('c', 'k')"), "the chat template"),
        (CHATML.replace("in messages", "in messages | reverse"), "the chat template"),
        (CHATML.replace("{{ message['role'] }}\n", "{{ message['role'] }} "), "the tokenizer joins"),
    ],
    ids=["repeats", "escapes", "changes", "reorders", "joins"],
)
def test_what_cannot_be_spliced_is_rendered_whole_with_a_guard(template: str, why: str) -> None:
    """The reason is named, ordinary text passes, control tokens in the text are refused."""
    tokenizer = tiny_tokenizer(template, ("<|im_start|>",))
    transcripts = Transcripts(tokenizer, date=DATE)
    assert transcripts.whole_because is not None
    assert why in transcripts.whole_because
    first = request("w", (user("the river"),))
    assert transcripts.prompt_ids(first).ids
    assert transcripts.prompt_ids(after(first, sampled("a"))).break_reason == "rendered_whole"
    with pytest.raises(RecordError, match="control tokens"):
        transcripts.prompt_ids(request("bad", (user("the <|im_end|> river"),)))


def test_a_vocabulary_that_spells_control_tokens_is_guarded() -> None:
    """Where text becomes a control token even without added tokens, texts are rendered whole and counted."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    pieces = [("<unk>", 0.0), ("</s>", -1.0), *((letter, -3.0) for letter in "abcdefghimnrtuvwxNTRA <>|/_\n.,?'é")]
    backend = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=False))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", eos_token="</s>")
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}</s>{% endfor %}"
    transcripts = Transcripts(tokenizer, date=DATE)
    assert "control tokens of text" in str(transcripts.whole_because)
    with pytest.raises(RecordError, match="control tokens"):
        transcripts.prompt_ids(request("spelled", (user("a</s>b"),)))


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (
            "{{ raise_exception('alternate!') if messages | length > 1 and messages[1].role == 'user' }}" + CHATML,
            "two user",
        ),
        ("{{ raise_exception('no') if messages | length > 2 }}" + CHATML, "cannot render"),
    ],
    ids=["alternation", "short"],
)
def test_a_template_that_cannot_serve_is_refused_at_the_start(template: str, words: str) -> None:
    """Before anything is paid for, with the reason."""
    with pytest.raises(SettingsError, match=words):
        Transcripts(tiny_tokenizer(template), date=DATE)


def test_a_template_that_refuses_one_conversation_fails_that_record() -> None:
    """A system turn that a template does not take is no reason to stop a run."""
    template = "{{ raise_exception('no system') if messages[0].role == 'system' }}" + CHATML
    transcripts = Transcripts(tiny_tokenizer(template), date=DATE)
    with pytest.raises(RecordError, match="no system"):
        transcripts.count((system("x"), user("y")))
    assert transcripts.count((user("y"),))


def test_labels_are_single_distinct_tokens() -> None:
    """Their ids where they are; else an error that names the label."""
    labels = TRANSCRIPTS.label_ids(("A", "B"))
    assert labels == tuple(TOKENIZER.convert_tokens_to_ids(["A", "B"]))
    with pytest.raises(SettingsError, match="'AB'"):
        TRANSCRIPTS.label_ids(("A", "AB"))
    with pytest.raises(SettingsError, match="same token"):
        TRANSCRIPTS.label_ids(("A", "A"))
    with pytest.raises(SettingsError, match="im_end"):
        TRANSCRIPTS.label_ids(("<|im_end|>",))


@pytest.mark.parametrize(
    ("text", "opened", "expected"),
    [
        ("plain", False, (None, "plain")),
        (" kept \n", False, (None, " kept \n")),
        ("<think>hm</think>\n\nyes", False, ("hm", "yes")),
        ("hm</think>\n\nyes\n", False, ("hm", "yes\n")),
        ("hm</think>yes", True, ("hm", "yes")),
        ("<think>hm</think>yes", True, ("hm", "yes")),
        ("hm and hm", True, ("hm and hm", "")),
        ("<think>never closed", False, ("never closed", "")),
        ("<think>\n\n</think>\n\nyes", False, ("", "yes")),
        ("a <think>b</think> c <think>d</think>", False, ("b\n\nd", "a c ")),
        (
            "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>yes<|return|>",
            False,
            ("hm", "yes"),
        ),
        ("<|channel|>final<|message|>yes", False, (None, "yes")),
        ("<|channel|>analysis<|message|>cut off", False, ("cut off", "")),
    ],
)
def test_thoughts_are_split_from_answers(text: str, opened: bool, expected: tuple[str | None, str]) -> None:
    """Think tags, one-sided and unclosed ones too, and harmony channels."""
    assert split_thoughts(text, opened=opened) == expected


@given(st.text(alphabet="ab<think>/ \n", max_size=40), st.booleans())
def test_no_tag_is_left_in_an_answer(text: str, opened: bool) -> None:
    """Whatever a model writes, no think tag reaches chosen or rejected by this road."""
    _, answer = split_thoughts(text, opened=opened)
    assert "<think>" not in answer
    assert "</think>" not in answer


def _shipped_templates() -> list[Path]:
    found = find_spec("trl")
    if found is None or not found.submodule_search_locations:
        return []
    return sorted((Path(found.submodule_search_locations[0]) / "chat_templates").glob("*.jinja"))


REFUSED = ("cohere", "gemma_training", "gemma3", "gemma.")
"""Beginnings of the file names of templates that refuse two user turns in a row."""
WHOLE = ("idefics3", "llava_next", "smolvlm")
"""Templates with a space before each text, which tokenizers join to it; all others are spliced."""
MESSY = "  the <|im_end|></think> river \n\n"


@pytest.mark.parametrize("path", _shipped_templates(), ids=lambda path: path.stem)
def test_glue_on_every_template_that_trl_ships(path: Path) -> None:
    """Refused or rendered whole with the reason, or: prompt, sampled ids, glue from the template, text untouched."""
    tokenizer = tiny_tokenizer(path.read_text(encoding="utf-8"), ("<|im_end|>", "</think>"))
    if path.name.startswith(REFUSED):
        with pytest.raises(SettingsError, match="two user turns"):
            Transcripts(tokenizer, date=DATE)
        return
    transcripts = Transcripts(tokenizer, date=DATE)
    if path.name.startswith(WHOLE):
        assert transcripts.whole_because == "the tokenizer joins text to what stands before it"
        return
    assert transcripts.whole_because is None
    counts = set()
    for text in ("the river", MESSY):
        answer_ids = tuple(tokenizer.backend_tokenizer.encode("the mill", add_special_tokens=False).ids)
        first = request(f"{path.stem} {text}", (user(text),))
        second = after(first, Completion("the mill", (*answer_ids, tokenizer.eos_token_id)), user(text))
        before, built = transcripts.prompt_ids(first), transcripts.prompt_ids(second)
        kept = len(before.ids) + len(answer_ids)
        assert built.break_reason is None
        assert built.ids[:kept] == (*before.ids, *answer_ids)
        glue, _, opening = tokenizer.decode(list(built.ids[kept:])).partition(text)
        assert glue
        assert opening == tokenizer.decode(list(before.ids[-before.opening :]))
        assert tokenizer.decode(list(before.ids)).endswith(text + opening)
        counts.add(transcripts._codec.controls(list(built.ids)))
    assert len(counts) == 1
