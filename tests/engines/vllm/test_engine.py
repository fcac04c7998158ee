"""The vLLM adapter against a real vLLM on the CPU."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from constitution.engine import Completion, Parent, Request, Sampling
from constitution.engines.vllm import VLLMEngine
from constitution.errors import EngineDeadError, RequestRefused, SettingsError
from constitution.messages import Conversation, assistant, user
from tests.real_engine import EngineHost

pytestmark = pytest.mark.engine

LONG = "Here is a short talk about rivers, boats, mills and the people who live beside the water all year. " * 3


def request(
    key: str, *messages: Any, parent: Parent | None = None, labels: tuple[str, ...] = (), **options: Any
) -> Request:
    turns: Conversation = tuple(user(item) if isinstance(item, str) else item for item in messages)
    sampling = Sampling(**{"max_tokens": 24, "seed": 7, **options})
    return Request(
        key=key,
        record=key,
        messages=turns,
        role="draft",
        stage="draft",
        sampling=sampling,
        parent=parent,
        labels=labels,
    )


async def ask_all(engine: VLLMEngine, requests: list[Request]) -> list[Completion]:
    return list(await asyncio.gather(*map(engine.answer, requests)))


async def one_by_one(engine: VLLMEngine, requests: list[Request]) -> list[Completion]:
    return [await engine.answer(item) for item in requests]


def test_capabilities_are_filled(engine_host: EngineHost) -> None:
    """What the runner plans with: context, sequences, KV tokens, a fingerprint without this machine's paths."""
    seen = engine_host.capabilities
    assert seen.max_context == 2048
    assert seen.max_in_flight == 128
    assert seen.kv_tokens is not None
    assert seen.kv_tokens > 2048
    assert seen.logprobs
    assert seen.json_schema
    assert seen.same_text_again
    assert seen.model.endswith(":float32")
    assert str(engine_host.model.parent) not in repr(seen)


def test_same_text_alone_together_and_shuffled(engine_host: EngineHost) -> None:
    """In float32 on the CPU a request's text does not depend on what else is in flight."""
    asked = [request(f"same-{number}", f"{LONG} Tell me about town {number}.", seed=number) for number in range(8)]
    together = engine_host.do(ask_all(engine_host.engine, asked))
    shuffled = engine_host.do(ask_all(engine_host.engine, asked[::-3] + asked[-2::-3] + asked[-3::-3]))
    alone = engine_host.do(one_by_one(engine_host.engine, asked))
    texts = [item.token_ids for item in together]
    assert texts == [item.token_ids for item in alone]
    assert sorted(texts) == sorted(item.token_ids for item in shuffled)
    assert len(set(texts)) > 4


def test_seeds_choose_the_text(engine_host: EngineHost) -> None:
    """The same request with another seed gives another text."""
    asked = [request(f"seed-{seed}", "Write one line about snow.", seed=seed) for seed in (1, 2)]
    first, second = engine_host.do(ask_all(engine_host.engine, asked))
    assert first.token_ids != second.token_ids


def chain(host: EngineHost, last: Completion, first: Request) -> Request:
    turns = (*first.messages, assistant(last.text), user("Now criticise what you said, in one sentence."))
    return replace(first, key=f"{first.key}+", messages=turns, stage="critique", parent=Parent(first, last))


def test_later_stages_begin_with_the_ids_before_them(engine_host: EngineHost) -> None:
    """A second stage's prompt is the first one's prompt and output ids and glue, and comes from the prefix cache."""
    first = request("chain", LONG + "Say something about a mill.", max_tokens=40)
    engine = engine_host.engine
    answered = engine_host.do(engine.answer(first))
    second = chain(engine_host, answered, first)
    before = engine._spliced().prompt_ids(first).ids
    ids = engine._spliced().prompt_ids(second).ids
    kept = answered.token_ids[:-1] if answered.finish_reason == "stop" else answered.token_ids
    assert ids[: len(before) + len(kept)] == (*before, *kept)
    completion = engine_host.do(engine.answer(second))
    assert completion.prompt_tokens == len(ids)
    assert completion.cached_tokens >= len(before) // 32 * 32 > 0


def test_labels_are_exact_and_unspoiled(engine_host: EngineHost) -> None:
    """Log-probabilities of labels are the same alone and in a batch with generation, and are probabilities."""
    read = request(
        "label", "Which is larger, A: a mouse or B: a house? Answer A or B.", labels=("A", "B"), max_tokens=1
    )
    engine = engine_host.engine
    alone = engine_host.do(engine.answer(read))
    mixed = engine_host.do(
        ask_all(
            engine, [request(f"beside-{n}", f"Count to {n}.", seed=n) for n in range(6)] + [replace(read, key="l2")]
        )
    )[-1]
    assert alone.logprobs is not None
    assert mixed.logprobs is not None
    for left, right in zip(alone.logprobs, mixed.logprobs, strict=True):
        assert left is not None
        assert right == pytest.approx(left, abs=1e-4)
    assert 0 < sum(math.exp(value) for value in alone.logprobs if value is not None) <= 1


def test_label_logprobs_equal_transformers(engine_host: EngineHost) -> None:
    """They are the full softmax over the vocabulary at the first token of the answer."""
    import torch
    from transformers import AutoModelForCausalLM

    read = request("exact", "Is water wet? Answer A for yes or B for no.", labels=("B", "A"), max_tokens=1)
    seen = engine_host.do(engine_host.engine.answer(read)).logprobs
    model = AutoModelForCausalLM.from_pretrained(engine_host.model, dtype=torch.float32)
    transcripts = engine_host.engine._spliced()
    with torch.no_grad():
        logits = model(torch.tensor([transcripts.prompt_ids(read).ids])).logits[0, -1]
    expected = torch.log_softmax(logits, -1)[list(transcripts.label_ids(("B", "A")))].tolist()
    assert seen == pytest.approx(expected, abs=2e-3)


def test_labels_that_are_not_one_token_are_refused(engine_host: EngineHost) -> None:
    """Before the first token, with the label named."""
    with pytest.raises(SettingsError, match="'certainly so'"):
        engine_host.do(engine_host.engine.start(("A", "certainly so")))


@pytest.mark.parametrize("over", [0, 1], ids=["fits", "one token too long"])
def test_an_answer_that_does_not_fit_is_refused(engine_host: EngineHost, over: int) -> None:
    """vLLM would shorten it silently; our own count refuses it, to the token."""
    asked = request("room", "Say hello.", temperature=0.0, stop=("\n",))
    prompt, exact = engine_host.engine.count(asked.messages)
    assert exact
    asked = replace(asked, sampling=replace(asked.sampling, max_tokens=2048 - prompt + over))
    if over:
        with pytest.raises(RequestRefused, match="2048"):
            engine_host.do(engine_host.engine.answer(asked))
    else:
        assert engine_host.do(engine_host.engine.answer(asked)).prompt_tokens == prompt


SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"violates": {"type": "boolean"}, "severity": {"type": "integer", "minimum": 0, "maximum": 3}},
        "required": ["violates", "severity"],
        "additionalProperties": False,
    }
)


def test_json_schema_is_kept_and_a_bad_one_fails_alone(engine_host: EngineHost) -> None:
    """A constrained answer parses; a schema that is none fails its own request and nobody else's."""

    async def both() -> list[Completion | BaseException]:
        asked = [
            request("json", "Is this fine? Answer in JSON.", json_schema=SCHEMA, max_tokens=40),
            request("bad-json", "Is this fine?", json_schema='{"type": "no such type"}'),
            request("beside", "Say hello."),
        ]
        return list(await asyncio.gather(*map(engine_host.engine.answer, asked), return_exceptions=True))

    good, bad, beside = engine_host.do(both())
    assert isinstance(good, Completion)
    if good.finish_reason == "stop":
        assert set(json.loads(good.text)) == {"violates", "severity"}
    assert isinstance(bad, RequestRefused)
    assert isinstance(beside, Completion)


@pytest.mark.parametrize(
    ("options", "text"),
    [({"temperature": 9.0}, "hot"), ({"top_p": 7.0}, "wide"), ({}, "half \ud800")],
    ids=lambda x: str(x)[:8],
)
def test_one_bad_request_is_refused_alone(engine_host: EngineHost, options: dict[str, Any], text: str) -> None:
    """What vLLM or the tokenizer does not take is an error of that request; the engine goes on."""
    from constitution.errors import RecordError

    with pytest.raises(RecordError):
        engine_host.do(engine_host.engine.answer(request(f"bad {text}", text, **options)))
    assert engine_host.do(engine_host.engine.answer(request("after", "Say hello."))).text


def test_a_stop_string_ends_the_text_and_breaks_the_prefix(engine_host: EngineHost) -> None:
    """The ids hold more than the text; the next prompt is cut there and the break is counted."""
    engine = engine_host.engine
    first = request("stop", "Count: one, two, three, four.", stop=(",", " a", "e"), max_tokens=30)
    answered = engine_host.do(engine.answer(first))
    assert not any(mark in answered.text for mark in first.sampling.stop)
    before = engine.breaks.get("stop_string", 0)
    second = engine_host.do(engine.answer(chain(engine_host, answered, first)))
    assert second.prompt_tokens
    assert engine.breaks["stop_string"] == before + 1


def test_cancelling_frees_the_place(engine_host: EngineHost) -> None:
    """A cancelled request leaves nothing unfinished behind."""

    async def cancel() -> int:
        task = asyncio.create_task(engine_host.engine.answer(request("gone", "Talk long.", max_tokens=900)))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return int(engine_host.engine._llm.output_processor.get_num_unfinished_requests())

    assert engine_host.do(cancel()) == 0


def test_asked_on_another_loop_it_says_so(engine_host: EngineHost) -> None:
    """The engine lives on the loop that started it."""
    with pytest.raises(SettingsError, match="event loop"):
        asyncio.run(engine_host.engine.answer(request("elsewhere", "Say hello.")))


def test_never_started_is_dead(tmp_path: Path) -> None:
    """Asking, or closing, an engine that does not run."""
    engine = VLLMEngine(str(tmp_path))
    with pytest.raises(EngineDeadError):
        asyncio.run(engine.answer(request("early", "Say hello.")))
    asyncio.run(engine.close())
