"""The HTTP engine asking: what is sent, and what an answer becomes."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from constitution.engine import Completion, Parent
from constitution.engines.openai import OpenAIEngine
from constitution.engines.openai.queue import Queue
from constitution.errors import RecordError, RequestRefused, SettingsError
from constitution.messages import assistant, user
from tests.engines.openai.asking import ask, request, started, with_engine
from tests.loopback import Body, Loopback, loopback
from tests.tiny_tokenizer import tiny_tokenizer
from tests.tool_conversations import CONVERSATION, TOOLS, calls, text

SCHEMA = '{"type":"object"}'
SAMPLING: dict[str, Any] = {
    "temperature": 0.6, "top_p": 0.9, "top_k": 40, "min_p": 0.1, "seed": 2**62, "stop": (".", "!"),
    "json_schema": SCHEMA,
}  # fmt: skip
SENT: dict[str, Any] = {
    "max_tokens": 8, "temperature": 0.6, "top_p": 0.9, "top_k": 40, "min_p": 0.1, "seed": 2**62, "stop": [".", "!"],
    "repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "n": 1, "stream": False,
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer as a folder."""
    folder = tmp_path_factory.mktemp("tokenizer") / "tiny"
    tiny_tokenizer(extra=("<tool>",)).save_pretrained(folder)
    return folder


@pytest.fixture
def speaking() -> Iterator[Loopback]:
    """A server that takes token prompts too."""
    with loopback(tokens=tiny_tokenizer(extra=("<tool>",))) as running:
        yield running


def test_all_of_the_sampling_is_sent_in_a_chat(server: Loopback) -> None:
    """Every field, and neutral penalties, so that no default of the server slips in."""
    kwargs = json.dumps({"answer_in": "verse"})
    ask(server, request("r", "Hello?", thinking="off", chat_template_kwargs=kwargs, **SAMPLING))
    (body,) = server.asked
    assert {name: body[name] for name in SENT} == SENT
    assert body["messages"] == [{"role": "user", "content": "Hello?"}]
    assert body["chat_template_kwargs"] == {"answer_in": "verse", "enable_thinking": False}
    assert body["model"] == "small"


def test_what_is_off_is_sent_too(server: Loopback) -> None:
    """Defaults of `Sampling` are values, not silence."""
    ask(server, request())
    (body,) = server.asked
    off = {"temperature": 1.0, "top_p": 1.0, "top_k": -1, "min_p": 0.0, "stop": None, "seed": 7}
    assert {name: body[name] for name in off} == off
    assert not {"chat_template_kwargs", "response_format", "priority", "tools"} & body.keys()


def test_all_of_the_sampling_is_sent_with_token_ids(speaking: Loopback, tokenizer: Path) -> None:
    """The same over completions, whose prompt is ids."""
    ask(speaking, request("r", "Hello?", **SAMPLING), tokenizer=str(tokenizer))
    (seen,) = speaking.seen
    assert seen.path == "/v1/completions"
    assert {name: seen.body[name] for name in SENT} == SENT
    assert seen.body["return_token_ids"] is True
    assert seen.body["prompt"] == list(
        speaking.tokens.apply_chat_template(
            [{"role": "user", "content": "Hello?"}], add_generation_prompt=True, return_dict=False
        )
    )


def test_a_later_prompt_is_the_earlier_one_its_answer_and_more(speaking: Loopback, tokenizer: Path) -> None:
    """Append-only, id for id; and the count is the prompt's own."""
    first = request("r", "Hello?")

    async def work(engine: OpenAIEngine) -> tuple[int, Completion]:
        answered = await engine.answer(first)
        turns = (*first.messages, assistant(answered.text), user("Criticise it."))
        second = replace(first, key="second", messages=turns, parent=Parent(first, answered))
        last = await engine.answer(second)
        return engine.count(first.messages)[0], last

    counted, last = with_engine(speaking, work, tokenizer=str(tokenizer))
    before, after = (body["prompt"] for body in speaking.asked)
    said = list(speaking.tokens.encode(f"said {len(before)}"))
    assert after[: len(before) + len(said)] == [*before, *said]
    assert len(before) == counted
    assert last.prompt_tokens == len(after)


def test_text_never_becomes_a_control_token_by_ids(speaking: Loopback, tokenizer: Path) -> None:
    """With token prompts nothing is neutralised: the ids keep text and template apart."""
    ask(speaking, request("r", "x <|im_start|> </s> <tool>"), request("s", "x"), tokenizer=str(tokenizer))
    control = set(speaking.tokens.all_special_ids)
    hostile, benign = (sum(id in control for id in body["prompt"]) for body in speaking.asked)
    assert hostile == benign > 0


def test_an_answer_becomes_a_completion(server: Loopback) -> None:
    """Text, counts and how it ended."""
    server.choice = {"finish_reason": "length"}
    (said,) = ask(server, request())
    assert said == Completion("Answer 39.", (), "length", None, None, 11, 4, told_output=2)
    assert said.output_tokens == 2


def test_ids_are_the_answer_where_the_server_tells_them(speaking: Loopback, tokenizer: Path) -> None:
    """Then their number is the count."""
    (said,) = ask(speaking, request(), tokenizer=str(tokenizer))
    assert speaking.tokens.decode(said.token_ids) == said.text
    assert said.output_tokens == len(said.token_ids)
    assert said.told_output is None


@pytest.mark.parametrize(
    ("message", "reasoning"),
    [
        ({"content": "Fine.", "reasoning": "Hm."}, "Hm."),
        ({"content": "Fine.", "reasoning_content": "Hm."}, "Hm."),
        ({"content": "<think>Hm.</think>\n\nFine."}, "Hm."),
        ({"content": "Hm.</think>Fine."}, "Hm."),
        ({"content": "<think></think>Fine."}, ""),
        ({"content": [{"type": "text", "text": "Fine."}]}, None),
        ({"content": "Fine.", "reasoning": None}, None),
    ],
)
def test_thoughts_stand_apart(server: Loopback, message: Body, reasoning: str | None) -> None:
    """Whatever field or tag they come in, they are never in the text."""
    server.message = message
    (said,) = ask(server, request())
    assert (said.text, said.reasoning) == ("Fine.", reasoning)


def test_a_call_is_no_text(server: Loopback) -> None:
    """Only what stands in `content` is the answer."""
    server.message = {"content": None, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f"}}]}
    server.choice = {"finish_reason": "tool_calls"}
    (said,) = ask(server, request())
    assert (said.text, said.finish_reason) == ("", "stop")


def test_a_withheld_answer_is_refused_by_its_name(server: Loopback) -> None:
    """`content_filter` fails its record, and says so."""
    server.choice = {"finish_reason": "content_filter"}
    with pytest.raises(RequestRefused, match="content_filter"):
        ask(server, request())


def test_tools_are_shown_and_not_to_be_called(server: Loopback) -> None:
    """Calls of earlier turns go as the protocol has them: ids, and arguments as text."""
    ask(server, request("r", *CONVERSATION, tools=text(TOOLS)))
    (body,) = server.asked
    assert body["tools"] == TOOLS
    assert body["tool_choice"] == "none"
    call, answered = body["messages"][2], body["messages"][3]
    assert call["tool_calls"][0]["function"]["arguments"] == '{"river": "Rh\u00f6n"}'
    assert call["tool_calls"][0]["id"] == answered["tool_call_id"] == "call00001"


def test_calls_without_an_id_get_one_and_thoughts_go_only_where_they_are_known(server: Loopback) -> None:
    """The protocol wants ids; OpenAI's own servers know no `reasoning_content`."""
    turns = (
        user("the river?"),
        calls(calls=[{"function": {"name": "f", "arguments": "{}"}}], reasoning_content="I look."),
    )
    ask(server, request("r", *turns))
    call = server.asked[0]["messages"][1]
    assert call["tool_calls"] == [{"id": "call_1_0", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    assert call["reasoning_content"] == "I look."
    server.refuses = {"chat_template_kwargs"}
    ask(server, request("r", *turns))
    assert "reasoning_content" not in server.asked[0]["messages"][1]


def test_labels_in_a_chat_are_read_among_the_most_probable(server: Loopback) -> None:
    """By text; one that is not there is missing, not zero."""
    (said,) = ask(server, request("r", "A or B?", labels=("B", "Z", "A")))
    assert said.logprobs == (-1.5, None, -0.5)
    assert server.asked[0]["top_logprobs"] == 20


def test_labels_by_id_are_exact(speaking: Loopback, tokenizer: Path) -> None:
    """`logprob_token_ids` asks for their own ids."""
    (said,) = ask(speaking, request("r", "A or B?", labels=("A", "B")), tokenizer=str(tokenizer))
    assert said.logprobs == (-1.0, -2.0)
    assert speaking.asked[0]["logprob_token_ids"] == speaking.tokens.convert_tokens_to_ids(["A", "B"])


def test_a_prompt_that_does_not_fit_is_not_sent(speaking: Loopback, tokenizer: Path) -> None:
    """The exact count refuses it here; at the limit it goes."""
    asked = request("r", "Hello?")
    size = len(speaking.tokens.apply_chat_template(
        [{"role": "user", "content": "Hello?"}], add_generation_prompt=True, return_dict=False
    ))  # fmt: skip
    ask(speaking, asked, tokenizer=str(tokenizer), max_context=size + 8)
    with pytest.raises(RequestRefused, match=str(size + 7)):
        ask(speaking, asked, tokenizer=str(tokenizer), max_context=size + 7)
    assert not speaking.asked


def test_counts_without_a_tokenizer_are_estimates(server: Loopback) -> None:
    """And say that they are, to the caller and in the manifest."""

    async def work(engine: OpenAIEngine) -> tuple[int, bool]:
        return engine.count((user("word " * 100),))

    number, exact = with_engine(server, work)
    assert not exact
    assert 100 <= number <= 200
    can = started(server)
    assert not can.exact_counts
    assert ("counts", "estimates") in can.fingerprint


def test_a_record_stays_with_its_server() -> None:
    """All requests of a record go to one server, records spread, and one server less moves only its own."""
    with loopback() as first, loopback() as second, loopback() as third:
        servers = [first, second, third]

        async def asked_at(many: list[Loopback]) -> dict[str, str]:
            engine = OpenAIEngine("small", base_urls=[one.url for one in many])
            await engine.start()
            for one in many:
                one.seen.clear()
            records = [f"r{number}" for number in range(24)]
            await asyncio.gather(*(engine.answer(request(r, f"{r} {n}")) for r in records for n in range(2)))
            await engine.close()
            where: dict[str, str] = {}
            for one in many:
                for body in one.asked:
                    record = body["messages"][0]["content"].split()[0]
                    assert where.setdefault(record, one.url) == one.url
            return where

        all_three = asyncio.run(asked_at(servers))
        assert set(all_three.values()) == {one.url for one in servers}
        two = asyncio.run(asked_at(servers[:2]))
        assert all(two[r] == url for r, url in all_three.items() if url != third.url)


def test_later_stages_go_first_and_few_at_a_time(server: Loopback) -> None:
    """The queue on this side: at most so many in flight, of those that wait the lowest priority number first."""
    here, most, lock = 0, 0, threading.Lock()
    gate = threading.Event()

    def hold(_: Body) -> None:
        nonlocal here, most
        with lock:
            here += 1
            most = max(most, here)
        gate.wait(10)
        with lock:
            here -= 1

    async def work(engine: OpenAIEngine) -> list[str]:
        server.faults = [hold] * 8
        first = [asyncio.create_task(engine.answer(request(f"busy{n}", f"busy{n}"))) for n in range(2)]
        while here < 2:  # noqa: ASYNC110 - another thread counts
            await asyncio.sleep(0.01)
        later = [
            asyncio.create_task(engine.answer(request(f"w{n}", f"w{n}", priority=priority)))
            for n, priority in enumerate((0, 0, -2, -1, -2, 0))
        ]
        later[1].cancel()
        await asyncio.sleep(0.05)
        gate.set()
        await asyncio.gather(*first, *later, return_exceptions=True)
        return [body["messages"][0]["content"] for body in server.asked[2:]]

    order = with_engine(server, work, max_in_flight=2)
    assert most == 2
    assert sorted(order[:2]) == ["w2", "w4"]
    assert order[2] == "w3"
    assert sorted(order[3:]) == ["w0", "w5"]


def test_a_place_that_was_given_to_somebody_who_is_gone_is_given_on() -> None:
    """Cancelled in the moment between its turn and its waking up."""

    async def work() -> None:
        queue = Queue(1)

        async def hold() -> None:
            async with queue.place(0):
                pass

        async with queue.place(0):
            gone = asyncio.create_task(hold())
            await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        await asyncio.wait_for(hold(), 2)

    asyncio.run(work())


def test_what_cannot_be_asked_for_is_an_error_of_settings(server: Loopback) -> None:
    """Never left out in silence."""
    server.refuses = {"top_k", "min_p"}
    with pytest.raises(SettingsError, match="top_k"):
        ask(server, request("r", "x", top_k=5))
    assert not server.asked
    ask(server, request("r", "x"))
    assert not {"top_k", "min_p"} & server.asked[0].keys()


def test_half_a_character_fails_its_record(server: Loopback) -> None:
    """No encoding knows a lone surrogate."""
    with pytest.raises(RecordError, match="surrogate"):
        ask(server, request("r", "half \ud800"))


def test_it_lives_on_its_loop_and_says_when_it_is_closed(server: Loopback) -> None:
    """As the in-process engine does."""
    from constitution.errors import EngineDeadError

    engine = OpenAIEngine("small", base_urls=[server.url])
    with pytest.raises(EngineDeadError, match="start"):
        asyncio.run(engine.answer(request()))
    asyncio.run(engine.start())
    with pytest.raises(SettingsError, match="event loop"):
        asyncio.run(engine.answer(request()))
    asyncio.run(engine.close())
    asyncio.run(engine.close())


def test_how_it_is_asked_is_said_once(server: Loopback, tokenizer: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A tokenizer that cannot be used is a warning; none is a remark."""
    with caplog.at_level(logging.INFO, logger="constitution"):
        started(server)
        started(server, tokenizer=str(tokenizer))
    estimates, chats = (record for record in caplog.records if record.name == "constitution.engine")
    assert estimates.levelno == logging.INFO
    assert "estimates" in estimates.getMessage()
    assert chats.levelno == logging.WARNING
    assert "by chats" in chats.getMessage()


@pytest.mark.parametrize(
    "usage",
    [None, [], "none", 7, {}, {"prompt_tokens": None, "prompt_tokens_details": 3}]
    + [
        {"prompt_tokens": odd, "completion_tokens": odd, "prompt_tokens_details": {"cached_tokens": odd}}
        for odd in ("11", -3, True, [11], 1.5, 0)
    ],
)
def test_counts_that_are_not_told_are_estimated(
    server: Loopback, speaking: Loopback, tokenizer: Path, usage: Any
) -> None:
    """Nonsense in `usage` breaks nothing, and no answer seems to be free."""
    server.text = lambda _: "Twelve bytes"
    server.reply = {"usage": usage}

    async def work(engine: OpenAIEngine) -> tuple[Completion, int]:
        return await engine.answer(request("r", "Hello?")), engine.count((user("Hello?"),))[0]

    said, counted = with_engine(server, work)
    assert (said.prompt_tokens, said.cached_tokens, said.output_tokens) == (counted, 0, 3)

    async def speak(engine: OpenAIEngine) -> Completion:
        speaking.reply = {"usage": usage}
        return await engine.answer(request())

    said = with_engine(speaking, speak, tokenizer=str(tokenizer))
    assert said.prompt_tokens == len(speaking.asked[-1]["prompt"])
    assert (said.cached_tokens, said.output_tokens) == (0, len(said.token_ids))


def test_no_more_tokens_come_from_the_cache_than_the_prompt_has(server: Loopback) -> None:
    """Whatever the server tells."""
    server.reply = {"usage": {"prompt_tokens": 11, "prompt_tokens_details": {"cached_tokens": 400}}}
    (said,) = ask(server, request())
    assert (said.prompt_tokens, said.cached_tokens) == (11, 11)
