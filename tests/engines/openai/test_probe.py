"""What the HTTP engine finds out when it starts, and how little it asks for that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug import Response

from constitution.engine import Capabilities
from constitution.engines.openai import OpenAIEngine
from constitution.errors import EngineStartError, SettingsError
from tests.engines.openai.asking import ask, request, started
from tests.loopback import Body, Loopback, error, loopback, reply
from tests.tiny_tokenizer import tiny_tokenizer

OPENAI = {"top_k", "min_p", "repetition_penalty", "chat_template_kwargs"}
"""What api.openai.com does not know of what vLLM takes."""


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tokenizer as a folder."""
    folder = tmp_path_factory.mktemp("tokenizer") / "tiny"
    tiny_tokenizer().save_pretrained(folder)
    return str(folder)


@pytest.fixture
def speaking() -> Iterator[Loopback]:
    """A server that takes token prompts too."""
    with loopback(tokens=tiny_tokenizer()) as running:
        yield running


def test_one_question_of_one_token_is_enough(server: Loopback) -> None:
    """What a start costs on a server that takes everything."""
    started(server)
    (probe,) = server.asked
    assert probe["max_tokens"] == 1


def test_capabilities_of_a_chat_server(server: Loopback) -> None:
    """Estimates, the most probable tokens, and no promise of the same text."""
    can = started(server)
    assert can == Capabilities(
        model="small", max_context=4096, max_in_flight=64, logprobs=True, json_schema=True, fingerprint=can.fingerprint,
        top_logprobs=20, exact_counts=False, cached_counts=True, lacks=("thinking_budget",),
    )  # fmt: skip
    assert dict(can.fingerprint)["asked_by"] == "chats"


def test_capabilities_with_token_prompts(speaking: Loopback, tokenizer: str) -> None:
    """Exact counts and labels; the tokenizer is in the identity, the address is not."""
    can = started(speaking, tokenizer=tokenizer)
    assert can.token_prompts
    assert can.exact_counts
    assert can.logprobs
    assert can.top_logprobs is None
    assert can.model.startswith("small,tokenizer:tiny@")
    assert "127.0.0.1" not in can.model
    assert dict(can.fingerprint)["servers"] == speaking.url
    assert len(speaking.asked) == 1


def test_the_same_model_on_another_port_is_the_same(speaking: Loopback, tokenizer: str) -> None:
    """So that a run can go on where its server has moved."""
    with loopback(tokens=speaking.tokens) as other:
        assert started(other, tokenizer=tokenizer).model == started(speaking, tokenizer=tokenizer).model


@pytest.mark.parametrize(
    ("card", "model"),
    [
        ({"id": "small", "root": "org/model"}, "small@org/model"),
        ({"id": "small", "root": "/home/somebody/models/mine"}, "small@mine"),
        ({"id": "org/model", "root": "org/model"}, "org/model"),
        ({"id": "/home/somebody/models/mine", "root": "/home/somebody/models/mine"}, "mine"),
    ],
)
def test_the_model_is_named_without_folders_of_the_server(server: Loopback, card: Body, model: str) -> None:
    """They say nothing about the weights, and are nobody's business."""
    server.models = [{"max_model_len": 100, **card}]
    assert started(server, name=None).model == model


def test_a_server_of_one_model_need_not_be_told_its_name(server: Loopback) -> None:
    """One of several must."""
    assert started(server, name=None).model == "small"
    server.models.append({"id": "large"})
    with pytest.raises(SettingsError, match=r"small, large.*#NAME"):
        started(server, name=None)


def test_a_context_that_the_server_does_not_tell_is_asked_for(server: Loopback) -> None:
    """And the option goes over what it tells."""
    assert started(server, max_context=100).max_context == 100
    server.models = [{"id": "small"}]
    with pytest.raises(SettingsError, match=r"engine\.max_context"):
        started(server)
    assert started(server, max_context=100).max_context == 100


def test_a_server_without_a_list_of_models_is_asked_by_name() -> None:
    """`/v1/models` is not everybody's."""
    with loopback() as server:
        handle = server.handle

        def without(wanted: Any) -> Response:
            return error(404, "no") if wanted.path == "/v1/models" else handle(wanted)

        server.http.clear()
        server.http.expect_request("/v1/models").respond_with_handler(without)
        server.http.expect_request("/v1/chat/completions").respond_with_handler(without)
        assert started(server, max_context=100).model == "small"
        with pytest.raises(SettingsError, match="name the model"):
            started(server, name=None, max_context=100)


@pytest.mark.parametrize("told", ["by name", "by the field of the error", "not at all"])
def test_a_server_that_knows_openais_fields_only_can_be_used(server: Loopback, told: str) -> None:
    """What it refuses is left out, and written down."""

    def refuse(body: Body) -> Response | None:
        unknown = sorted(OPENAI & body.keys())
        if not unknown:
            return None
        if told == "by name":
            return error(400, f"Unrecognized request arguments supplied: {', '.join(unknown)}")
        field = unknown[0] if told == "by the field of the error" else None
        return reply({"error": {"message": "a field is unknown", "param": field}}, 400)

    server.faults = [refuse] * 20
    can = started(server)
    assert set(can.lacks) == {
        "top_k", "min_p", "thinking_on", "thinking_off", "thinking_budget", "chat_template_kwargs",
    }  # fmt: skip
    assert can.logprobs
    assert can.json_schema
    unsent = str(dict(can.fingerprint)["unsent"])
    assert all(name in unsent for name in OPENAI)
    server.faults = [refuse] * 20
    ask(server, request())
    assert not OPENAI & server.asked[-1].keys()


def test_newer_models_of_openai(server: Loopback) -> None:
    """They want `max_completion_tokens`, and take no temperature."""

    def refuse(body: Body) -> Response | None:
        if "max_tokens" in body:
            said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'"
            return reply({"error": {"message": said, "param": "max_tokens"}}, 400)
        for name in ("temperature", "top_p", "logprobs"):
            if name in body:
                return reply({"error": {"message": f"Unsupported value: '{name}'", "param": name}}, 400)
        return None

    server.faults = [refuse] * 20
    can = started(server)
    assert {"temperature", "top_p"} <= set(can.lacks)
    assert not can.logprobs
    server.faults = [refuse] * 20
    ask(server, request())
    assert server.asked[-1]["max_completion_tokens"] == 8
    assert not {"max_tokens", "temperature"} & server.asked[-1].keys()


def test_seeds_that_are_not_taken_are_stated(server: Loopback) -> None:
    """They are never asked for by a user, so nothing is refused."""
    server.refuses = {"seed"}
    assert "seed" in started(server).lacks
    ask(server, request())
    assert "seed" not in server.asked[-1]


def test_a_server_that_describes_itself_is_believed(server: Loopback) -> None:
    """Fields that its description lacks are not sent, even where they would be ignored."""
    known = ["model", "messages", "max_tokens", "temperature", "top_p", "seed", "stop", "logprobs", "top_logprobs",
             "response_format", "n", "stream", "presence_penalty", "frequency_penalty", "repetition_penalty",
             "min_p", "chat_template_kwargs", "thinking_token_budget"]  # fmt: skip
    describe(server, {"/v1/chat/completions": known})
    can = started(server)
    assert can.lacks == ("top_k",)
    assert dict(can.fingerprint)["fields"] == "described by the server"
    assert "top_k" not in server.asked[0]


def describe(server: Loopback, paths: dict[str, list[str]]) -> None:
    """Give it an `/openapi.json`."""
    handle = server.handle
    schemas: Body = {
        f"S{number}": {"properties": {name: {} for name in fields}} for number, fields in enumerate(paths.values())
    }

    def operation(number: int) -> Body:
        schema = {"$ref": f"#/components/schemas/S{number}"}
        return {"post": {"requestBody": {"content": {"application/json": {"schema": schema}}}}}

    described = {
        "paths": {path: operation(number) for number, path in enumerate(paths)},
        "components": {"schemas": schemas},
    }
    metrics = (
        "# HELP vllm:cache_config_info Information\n"
        'vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="100"} 1.0\n'
        'vllm:cache_config_info{block_size="16",engine="1",num_gpu_blocks="50"} 1.0\n'
    )
    more = {
        "/openapi.json": reply(described),
        "/version": reply({"version": "0.99"}),
        "/metrics": Response(metrics, content_type="text/plain"),
    }

    def with_more(wanted: Any) -> Response:
        return more.get(wanted.path) or handle(wanted)

    server.http.clear()
    for path in ("/v1/models", "/v1/completions", "/v1/chat/completions", *more):
        server.http.expect_request(path).respond_with_handler(with_more)


def test_version_and_cache_of_vllm(server: Loopback) -> None:
    """The KV cache of all its engines, in tokens."""
    describe(server, {})
    can = started(server)
    assert can.kv_tokens == 16 * 150
    assert dict(can.fingerprint)["server_version"] == "0.99"


def test_a_server_without_completions_is_not_tried_in_vain(speaking: Loopback, tokenizer: str) -> None:
    """Its own description says so; then it is asked by chats."""
    describe(speaking, {"/v1/chat/completions": ["model", "messages", "max_tokens"]})
    can = started(speaking, tokenizer=tokenizer)
    assert not can.token_prompts
    assert len(speaking.asked) == 1


@pytest.mark.parametrize("lacks", ["path", "ids", "count", "breaks"])
def test_a_server_that_takes_no_token_prompts_is_asked_by_chats(speaking: Loopback, tokenizer: str, lacks: str) -> None:
    """No such path, no ids in answers, ids taken for something else, or an error of its own: chats, and it says why."""
    if lacks == "path":
        speaking.tokens = None
    elif lacks == "breaks":
        speaking.faults = [error(500, "broke on a list")] * 3
    elif lacks == "ids":
        speaking.choice = {"token_ids": None}
    else:
        speaking.reply = {"usage": {"prompt_tokens": 1}}
    can = started(speaking, tokenizer=tokenizer)
    assert not can.token_prompts
    assert dict(can.fingerprint)["counts"] == "of the tokenizer alone"
    assert "tokenizer:" not in can.model


def test_another_models_tokenizer_is_refused(speaking: Loopback, tokenizer: str) -> None:
    """It would make nonsense of every prompt, and nobody would see."""
    speaking.choice = {"text": "quite another word"}
    with pytest.raises(SettingsError, match="not the tokenizer of the model"):
        started(speaking, tokenizer=tokenizer)


def test_half_a_character_is_no_sign_of_another_tokenizer(speaking: Loopback, tokenizer: str) -> None:
    """One token may be part of one."""
    speaking.choice = {"text": "\ufffd"}
    assert started(speaking, tokenizer=tokenizer).token_prompts


def test_a_tokenizer_that_is_not_there_is_told(server: Loopback) -> None:
    """Before anything is sent."""
    with pytest.raises(EngineStartError, match="cannot load 'no/such-model-here'"):
        started(server, tokenizer="no/such-model-here")
    assert not server.seen


def test_a_gated_tokenizer_names_the_variable(monkeypatch: pytest.MonkeyPatch, server: Loopback) -> None:
    """The hub's 401, through what transformers makes of it."""
    import transformers

    class Refused(Exception):
        class response:  # noqa: N801 - as the hub's client has it
            status_code = 401

    def gated(*_: Any, **__: Any) -> None:
        raise OSError("You are trying to access a gated repo.") from Refused()

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", gated)
    with pytest.raises(EngineStartError, match="HF_TOKEN"):
        started(server, tokenizer="org/gated")


def test_a_gated_model_in_process_names_the_variable_too() -> None:
    """The same sentence in the story of a start that failed."""
    from constitution.engines.vllm import VLLMEngine

    error = OSError("You are trying to access a gated repo.")
    error.response = type("Response", (), {"status_code": 403})  # type: ignore[attr-defined]  # as requests has it
    assert "HF_TOKEN" in VLLMEngine("org/gated")._why_not(error)
    assert "HF_TOKEN" not in VLLMEngine("org/gated")._why_not(OSError("disk full"))


def test_several_servers_must_serve_the_same(server: Loopback) -> None:
    """In the same way too; the smallest context holds, and places add up."""
    import asyncio

    async def start(*servers: Loopback) -> Capabilities:
        engine = OpenAIEngine("small", base_urls=[one.url for one in servers], max_in_flight=5)
        try:
            return await engine.start()
        finally:
            await engine.close()

    with loopback() as other:
        other.models = [{"id": "small", "max_model_len": 1000}]
        can = asyncio.run(start(server, other))
        assert (can.max_context, can.max_in_flight) == (1000, 10)
        assert can.kv_tokens is None
        other.refuses = {"top_k"}
        with pytest.raises(EngineStartError, match=r"without .*top_k"):
            asyncio.run(start(server, other))


def test_a_server_that_refuses_everything_says_why(server: Loopback) -> None:
    """A base model without a chat template, for example."""
    server.faults = [error(400, "default chat template is no longer allowed")] * 50
    with pytest.raises(EngineStartError, match="default chat template is no longer allowed"):
        started(server)
    assert len(server.asked) < 15


def test_labels_need_log_probabilities(server: Loopback) -> None:
    """Refused at the start, before anything is paid for."""
    import asyncio

    server.refuses = {"logprobs", "top_logprobs"}
    engine = OpenAIEngine("small", base_urls=[server.url])

    async def start() -> None:
        try:
            await engine.start(("A", "B"))
        finally:
            await engine.close()

    with pytest.raises(SettingsError, match="log-probabilities"):
        asyncio.run(start())
