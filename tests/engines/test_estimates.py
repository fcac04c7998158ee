"""Guesses of tokens where no tokenizer is here."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from constitution.engines.counting import uncalled
from constitution.engines.estimates import prompt_tokens, text_tokens
from constitution.engines.models import Named
from constitution.engines.openai import OpenAIEngine
from constitution.messages import Conversation, Message, user
from tests.strategies import conversations

URL = "http://127.0.0.1:9"


@given(conversations(), st.none() | st.text(max_size=30))
def test_a_dry_run_guesses_what_the_engine_guesses(conversation: Conversation, tools: str | None) -> None:
    """One formula for both, tools and surrogates included."""
    engine = OpenAIEngine("small", base_urls=[URL])
    assert uncalled(Named(f"{URL}#small")).count(conversation, tools) == engine.count(conversation, tools)
    assert engine.count(conversation, tools) == (prompt_tokens(conversation, tools), False)


def test_four_bytes_are_a_token() -> None:
    """Rounded up for each text; four more for each turn."""
    assert [text_tokens(text) for text in ("", "a", "abcd", "abcde", "\u00e4\u00e4\u00e4")] == [0, 1, 1, 2, 2]
    assert text_tokens("\ud800") == 1
    assert prompt_tokens((user("abcde"), Message("assistant", "", "{}")), "[]") == 2 + 0 + 1 + 1 + 2 * 4
