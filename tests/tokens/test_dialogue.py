"""Base models: plain transcripts in place of a chat template."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.engine import Completion, Parent, Request, Sampling
from constitution.messages import Conversation, Message, assistant, system, user
from constitution.tokens import Transcripts, own_turn
from tests.tiny_tokenizer import tiny_tokenizer
from tests.tool_conversations import CONVERSATION

TOKENIZER = tiny_tokenizer(None)
BASE = Transcripts(TOKENIZER, date="2026-01-31")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def ask(key: str, messages: Conversation, parent: Parent | None = None) -> Request:
    return Request(key, "r", messages, "draft", "draft", Sampling(max_tokens=8), parent=parent)


def text_of(ids: tuple[int, ...]) -> str:
    return str(TOKENIZER.decode(list(ids)))


def ids_of(text: str) -> tuple[int, ...]:
    return tuple(TOKENIZER.backend_tokenizer.encode(text, add_special_tokens=False).ids)


def test_a_transcript_as_the_paper_has_it() -> None:
    """Turns behind `Human:` and `Assistant:`, the system turn in front, the answer's label at the end."""
    turns = (system("A talk."), user("Hi?"), assistant("Yes."), user("Sure?"))
    built = BASE.prompt_ids(ask("plain", turns))
    assert text_of(built.ids) == "A talk.\n\nHuman: Hi?\n\nAssistant: Yes.\n\nHuman: Sure?\n\nAssistant:"
    assert BASE.plain
    assert BASE.whole_because is None
    assert BASE.count(turns) == len(built.ids)


def test_a_token_that_opens_each_text_stands_once() -> None:
    """Where the tokenizer puts one in front of a text, the transcript begins with it."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = tiny_tokenizer(None)
    bos = tokenizer.bos_token_id
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing("<s> $A", special_tokens=[("<s>", bos)])
    ids = Transcripts(tokenizer, date="2026-01-31").prompt_ids(ask("bos", (user("Hi?"),))).ids
    assert ids[0] == bos
    assert ids.count(bos) == 1


@given(st.lists(TEXTS, min_size=3, max_size=3))
def test_each_stage_goes_on_from_the_ids_before_it(texts: list[str]) -> None:
    """What was sampled stays as it was sampled, the space in front of it too."""
    first = ask("f" + repr(texts), (user(texts[0]),))
    ids = (*ids_of(" "), *ids_of(texts[1]), TOKENIZER.eos_token_id)
    said = Completion(BASE.answer_text(" " + texts[1]), ids)
    turns = (*first.messages, assistant(said.text), user(texts[2]))
    built = BASE.prompt_ids(ask("s" + repr(texts), turns, Parent(first, said)))
    assert built.break_reason is None
    before = BASE.prompt_ids(first).ids
    assert built.ids[: len(before) + len(ids) - 1] == (*before, *ids[:-1])
    assert text_of(built.ids[len(before) + len(ids) - 1 :]) == f"\n\nHuman: {texts[2]}\n\nAssistant:"


def test_ids_beyond_the_stop_string_are_cut() -> None:
    """The ids hold the label at which the answer was stopped; the next prompt does not."""
    first = ask("stop", (user("Hi?"),))
    written = " The mill.\n\nHuman:"
    said = Completion(BASE.answer_text(written), ids_of(written), finish_reason="stop")
    assert said.text == "The mill."
    built = BASE.prompt_ids(ask("stop+", (*first.messages, assistant(said.text), user("b")), Parent(first, said)))
    assert built.break_reason == "stop_string"
    assert text_of(built.ids) == "Human: Hi?\n\nAssistant: The mill.\n\nHuman: b\n\nAssistant:"


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        (" Yes.", "Yes."),
        (" Yes.\n\nHuman: And?\n\nAssistant: No.", "Yes."),
        ("\n Yes.\nAssistant: And more", "Yes."),
        (" A Human: in mid-line stays", "A Human: in mid-line stays"),
        ("\nHuman: only", ""),
    ],
)
def test_the_answer_is_the_models_own_turn(written: str, answer: str) -> None:
    """What it goes on to invent for others is cut off."""
    assert own_turn(written) == answer
    assert BASE.answer_text(written) == answer


def test_a_chat_model_writes_answers() -> None:
    """Nothing is cut or stripped where a chat template stands between the turns."""
    chat = Transcripts(tiny_tokenizer(), date="2026-01-31")
    assert chat.answer_text(" Yes.\n\nHuman: And?") == " Yes.\n\nHuman: And?"
    assert (chat.plain, chat.stops) == (False, ())


def test_tools_are_not_shown() -> None:
    """A base model sees what tools gave back, not the tools and calls; that is said."""
    turns: tuple[Message, ...] = CONVERSATION
    built = BASE.prompt_ids(ask("tools", turns))
    assert built.unseen
    assert "Tool:" in text_of(built.ids)


def test_what_it_cannot_be_asked() -> None:
    """No thoughts are switched and no options handed to a template that is not there."""
    assert set(BASE.lacks) == {"thinking_on", "thinking_off", "thinking_budget", "chat_template_kwargs", "tools"}


@pytest.mark.parametrize(
    ("template", "lacks"),
    [
        ("{{ 'think' if enable_thinking else '' }}{% for m in messages %}{{ m.content }}{% endfor %}", ()),
        ("{% for m in messages %}{{ m.content }}{% endfor %}", ("thinking_on", "thinking_off")),
        ("{% for m in messages %}{{ m.content }}{% endfor %}<think>\n", ("thinking_off",)),
    ],
    ids=["switch", "none", "always"],
)
def test_a_switch_for_thoughts_is_found(template: str, lacks: tuple[str, ...]) -> None:
    """Where a template does not heed it, asking for it would change nothing and say nothing."""
    assert Transcripts(tiny_tokenizer(template), date="2026-01-31").lacks == lacks
