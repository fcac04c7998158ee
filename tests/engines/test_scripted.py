"""The scripted engine: deterministic by key, with log-probabilities, latency and faults."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.engine import Completion, Request, Sampling
from constitution.engines.models import check_model, make_engine
from constitution.engines.scripted import ScriptedEngine, by_stage
from constitution.errors import EngineDeadError, RequestRefused, SettingsError
from constitution.messages import user
from constitution.steps.critique import FINDING_SCHEMA, parse_finding
from tests.strategies import conversations


def request(key: str = "k", *, text: str = "Hello?", stage: str = "draft", **sampling: object) -> Request:
    options = Sampling(**{"max_tokens": 10, **sampling})  # type: ignore[arg-type]  # slices  # named in each test
    return Request(key, "r", (user(text),), "draft", stage, options)


def answer(engine: ScriptedEngine, one: Request) -> Completion:
    async def run() -> Completion:
        await engine.start()
        return await engine.answer(one)

    return asyncio.run(run())


@given(st.text(max_size=10), st.text(max_size=10))
def test_by_key_alone(one: str, other: str) -> None:
    """Without a script the answer depends on the key alone; other keys give other texts, as a rule."""
    assert answer(ScriptedEngine(), request(one)) == answer(ScriptedEngine(), request(one))
    assert answer(ScriptedEngine(), request(one)).text == answer(ScriptedEngine(), request(one, text="Other")).text
    same = answer(ScriptedEngine(), request(one)).text == answer(ScriptedEngine(), request(other)).text
    assert same == (one == other)


@given(st.text(max_size=10))
def test_findings_by_key(key: str) -> None:
    """Where a request wants a finding, the answer is one."""
    assert parse_finding(answer(ScriptedEngine(), request(key, json_schema=FINDING_SCHEMA)).text) is not None


def test_findings_go_both_ways() -> None:
    """Some findings violate and some do not, so that both ways are met."""
    found = {
        parse_finding(answer(ScriptedEngine(), request(str(n), json_schema=FINDING_SCHEMA)).text) for n in range(20)
    }
    assert {finding.violates for finding in found if finding} == {True, False}


def test_a_script() -> None:
    """A script answers with a text or with a whole completion."""
    assert answer(ScriptedEngine(lambda r: r.stage), request()).text == "draft"
    whole = Completion("x", finish_reason="length", reasoning="Hm.")
    assert answer(ScriptedEngine(lambda _: whole), request()) == whole


def test_by_stage() -> None:
    """A script by stage says its text there, an empty one too, and elsewhere what the key gives."""
    engine = ScriptedEngine(by_stage({"draft": "", "revise": "B."}))
    assert answer(engine, request(stage="draft")).text == ""
    assert answer(engine, request(stage="revise")).text == "B."
    assert answer(engine, request(stage="critique")).text == answer(ScriptedEngine(), request()).text


def test_logprobs() -> None:
    """Labels get log-probabilities by key and label; without labels there are none."""
    labelled = replace(request(), labels=("A", "B"))
    found = answer(ScriptedEngine(), labelled).logprobs
    assert found is not None
    assert len(found) == 2
    assert all(value is not None and value <= 0 for value in found)
    assert found == answer(ScriptedEngine(), labelled).logprobs
    assert found != answer(ScriptedEngine(), replace(labelled, key="other")).logprobs
    assert answer(ScriptedEngine(), request()).logprobs is None


def test_latency_is_by_key() -> None:
    """A request takes its own time, between nothing and twice the mean."""
    start = perf_counter()
    answer(ScriptedEngine(latency_ms=20), request())
    assert perf_counter() - start < 5
    assert answer(ScriptedEngine(latency_ms=20), request()) == answer(ScriptedEngine(), request())


@pytest.mark.parametrize("error", [RequestRefused("no"), EngineDeadError("gone"), OSError("odd")])
def test_faults(error: Exception) -> None:
    """A fault is raised for the requests that it names, and for no others."""
    engine = ScriptedEngine(fault=lambda r: error if r.key == "bad" else None)
    with pytest.raises(type(error)):
        answer(engine, request("bad"))
    assert answer(engine, request("good")).text


def test_closed() -> None:
    """A closed engine answers nothing, closing twice is one closing, and it can be started again."""
    engine = ScriptedEngine()
    asyncio.run(engine.close())
    asyncio.run(engine.close())
    with pytest.raises(EngineDeadError):
        asyncio.run(engine.answer(request()))
    assert answer(engine, request()).text


@pytest.mark.parametrize("script", [None, lambda _: Completion("x")], ids=["by key", "completions"])
def test_context(script: object) -> None:
    """What passes its context is refused, whatever the script would say."""
    room = ScriptedEngine().count(request().messages)[0] + 10
    assert answer(ScriptedEngine(script, max_context=room), request()).text  # type: ignore[arg-type]  # a script
    with pytest.raises(RequestRefused, match=f"pass the context of {room - 1}"):
        answer(ScriptedEngine(script, max_context=room - 1), request())  # type: ignore[arg-type]  # a script


@given(conversations())
def test_count_grows(conversation: tuple[object, ...]) -> None:
    """More turns are never fewer tokens, and the count is exact."""
    engine = ScriptedEngine()
    counts = [engine.count(conversation[:size]) for size in range(len(conversation) + 1)]  # type: ignore[arg-type]
    assert all(exact for _, exact in counts)
    assert [tokens for tokens, _ in counts] == sorted(tokens for tokens, _ in counts)


def test_requests_are_counted() -> None:
    """The engine counts what it was asked, refused ones too."""
    engine = ScriptedEngine(fault=lambda _: RequestRefused("no"))
    with pytest.raises(RequestRefused):
        answer(engine, request())
    assert engine.requests == 1


@pytest.mark.parametrize(
    "options",
    [
        {"latency_ms": -1},
        {"latency_ms": float("nan")},
        {"latency_ms": float("inf")},
        {"max_context": 0},
        {"max_context": float("inf")},
        {"max_context": 1.5},
        {"max_in_flight": 0},
        {"max_in_flight": True},
        {"max_in_flight": "8"},
        {"latency": 3},
        {"script": 1},
    ],
    ids=str,
)
def test_bad_options(options: dict[str, object]) -> None:
    """Options that are unknown, no numbers or out of range are refused, and named."""
    with pytest.raises(SettingsError, match=r"engine\.\w+"):
        make_engine("scripted", options)


def test_good_options() -> None:
    """Options reach the engine and its capabilities."""
    engine = make_engine("scripted", {"latency_ms": 0, "max_context": 100, "max_in_flight": 3})
    can = asyncio.run(engine.start())
    assert (can.max_context, can.max_in_flight, can.same_text_again) == (100, 3, True)


def test_labels_that_repeat() -> None:
    """Labels that repeat are refused at the start."""
    with pytest.raises(SettingsError, match="labels repeat: A, B, A"):
        asyncio.run(ScriptedEngine().start(("A", "B", "A")))


@pytest.mark.parametrize(
    "model", ["scripted", "scripted:8000", "demo", "vllm:org/model", "vllm:8000", "org/model", "name"]
)
def test_models(model: str) -> None:
    """The model strings that some engine serves."""
    check_model(model)


@pytest.mark.parametrize(
    ("model", "meant"), [("scriptd", "scripted"), ("demoo", "demo"), ("Demo", "demo"), ("SCRIPTED", "scripted")]
)
def test_a_mistyped_kind_is_told(model: str, meant: str) -> None:
    """Before a hub is asked for it; a model that is really named so can still be had."""
    with pytest.raises(SettingsError, match=rf"did you mean {meant}\?.*vllm:{model}$"):
        check_model(model)
    check_model(f"vllm:{model}")


def test_a_folder_may_be_named_nearly_like_a_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there is meant."""
    (tmp_path / "demos").mkdir()
    monkeypatch.chdir(tmp_path)
    check_model("demos")


@pytest.mark.parametrize("model", ["", "vllm:", " org/model", "./nowhere", "/no/such/folder", "a/b/c"])
def test_bad_models(model: str) -> None:
    """A model string that none serves is refused before anything is started, and quoted."""
    with pytest.raises(SettingsError, match=f"model '{model}'"):
        check_model(model)


@pytest.mark.parametrize(
    "model", ["localhost:8911#tiny", "127.0.0.1:8000", "localhost:8000#org/model:tag", "[::1]:8000/v1#tiny"]
)
def test_addresses_without_a_scheme(model: str) -> None:
    """A host and a port are no name on a hub: the message has the address as it should be."""
    with pytest.raises(SettingsError, match=f"write {re.escape(f'http://{model}')}$"):
        check_model(model)
