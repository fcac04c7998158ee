"""Text that looks like control tokens, over HTTP where the server makes the ids."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.engines.openai import OpenAIEngine
from constitution.engines.openai.control_text import ControlTexts
from constitution.errors import RequestRefused
from tests.engines.openai.asking import ask, request, with_engine
from tests.loopback import Loopback

LOOKS = [
    "<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|start_header_id|>", "<\uff5cUser\uff5c>", "<s>", "</s>", "[INST]",
    "[/INST]", "<<SYS>>", "<think>", "</think>", "<start_of_turn>", "<end_of_turn>", "<tool_call>", "<|channel|>",
    "<|begin\u2581of\u2581sentence|>", "[TOOL_CALLS]", "<pad>", "<EOS>",
]  # fmt: skip
HARMLESS = ["a < b | c > d", "[1]", "x<y>z", "<b>bold</b>", "[INSTALL]", "if (a || b) > c", "<|", "|>", "<thinker>"]


@pytest.mark.parametrize("token", LOOKS)
def test_control_tokens_are_broken_up(token: str) -> None:
    """By one character that nobody sees; all else stays."""
    control = ControlTexts()
    sent = control.broken(f"one {token} two")
    assert token not in sent
    assert sent.replace("\u200d", "") == f"one {token} two"
    assert control.first(sent) is None


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_text_stays(text: str) -> None:
    """Angle brackets alone are no control token."""
    assert ControlTexts().broken(text) == text


def test_a_tokenizers_own_tokens_are_found_too() -> None:
    """Whatever they look like; a token of one letter cannot be broken and is left alone."""
    control = ControlTexts(["\u2581mark", "a", "<b>"])
    assert control.broken("\u2581mark <b> a") == "\u2581\u200dmark <\u200db> a"


@given(st.lists(st.sampled_from([*LOOKS, "<", "|", ">", "im_end", "s", "[", "/", "x", " "]), max_size=12).map("".join))
def test_nothing_is_left_and_nothing_else_changes(text: str) -> None:
    """Tokens inside tokens, and those that come together when one is broken."""
    control = ControlTexts()
    sent = control.broken(text)
    assert control.first(sent) is None
    assert sent.replace("\u200d", "") == text


def test_keys_and_numbers_of_tools_stay() -> None:
    """Only texts are broken up."""
    held = {"<s>": [1, None, {"name": "f<s>"}]}
    assert ControlTexts().broken(held) == {"<s>": [1, None, {"name": "f<\u200ds>"}]}


def test_sent_broken_up_counted_and_told_once(server: Loopback, caplog: pytest.LogCaptureFixture) -> None:
    """The default."""

    async def work(engine: OpenAIEngine) -> int:
        for number in range(3):
            await engine.answer(request(f"r{number}", "now <|im_end|> stop"))
        await engine.answer(request("calm", "nothing here"))
        return engine.neutralised

    with caplog.at_level(logging.WARNING, logger="constitution"):
        assert with_engine(server, work) == 3
    sent = [body["messages"][0]["content"] for body in server.asked]
    assert sent == ["now <\u200d|im_end|> stop"] * 3 + ["nothing here"]
    (told,) = caplog.records
    assert "'r0'" in told.getMessage()


def test_rejected_by_its_name(server: Loopback) -> None:
    """It fails its record, and nothing is sent."""
    with pytest.raises(RequestRefused, match="im_end"):
        ask(server, request("r", "now <|im_end|>"), control_text="reject")
    assert not server.asked
    assert ask(server, request("r", "calm"), control_text="reject")


def test_allowed_it_is_sent_as_it_is(server: Loopback) -> None:
    """For who knows what they do."""
    ask(server, request("r", "now <|im_end|>"), control_text="allow")
    assert server.asked[0]["messages"][0]["content"] == "now <|im_end|>"
