"""Whole runs on vLLM's own server in float32: the rows of the in-process engine, and nothing lost when it is killed."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from constitution import Constitution, Run
from constitution.engine import Request, Sampling
from constitution.engines.openai import OpenAIEngine
from constitution.messages import user
from constitution.run.background import background
from tests.real.test_runs import PROMPTS, SETTINGS, journal_lines, rows
from tests.real_engine import EngineHost
from tests.real_server import NAME, RealServer

pytestmark = pytest.mark.engine

WHO = ("a child", "an old friend", "somebody in a hurry", "a teacher", "a night nurse", "two sisters")
INPUTS = [f"{prompt} Answer for {who}." for prompt in PROMPTS for who in WHO]
RUN: dict[str, Any] = {**SETTINGS, "chunk_size": 20}


def made(out: Path, model: str | OpenAIEngine, **settings: Any) -> Run:
    """A run over the 48 inputs."""
    return Constitution.load("verifiable").generate(INPUTS, out, model=model, **RUN, **settings)


@pytest.fixture(scope="module")
def whole(server: RealServer, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run on the server that nothing interrupts."""
    out = tmp_path_factory.mktemp("server") / "run"
    made(out, f"{server.url}#{NAME}", engine={"tokenizer": str(small_model)})
    return out


def test_the_rows_of_the_in_process_engine(whole: Path, engine_host: EngineHost, tmp_path: Path) -> None:
    """48 records, with the tokenizer: the same traces, token for token, from the cache too."""
    there = Run.open(whole)
    here = Constitution.load("verifiable").generate(INPUTS, tmp_path / "here", model=engine_host.engine, **RUN)
    assert there.complete
    assert len(rows(whole)) == 48
    assert rows(whole) == rows(tmp_path / "here")
    one, other = there.summary()["tokens"], here.summary()["tokens"]
    assert {stage: (counts["prompt"], counts["output"]) for stage, counts in one.items()} == {
        stage: (counts["prompt"], counts["output"]) for stage, counts in other.items()
    }
    assert one["critique"]["cached"] > 0
    ids = [line["token_ids"] for line in journal_lines(whole) if "key" in line]
    assert all(ids)


def test_what_is_found_out_at_the_start(server: RealServer, small_model: Path) -> None:
    """All of it, and the same log-probabilities by both ways where both can tell."""

    async def do() -> None:
        engine = OpenAIEngine(None, base_urls=[server.url], tokenizer=str(small_model))
        can = await engine.start(("A", "B"))
        assert can.model.startswith(f"{NAME}@{small_model.name},tokenizer:")
        assert (can.max_context, can.max_in_flight) == (2048, 64)
        assert can.kv_tokens is not None
        assert can.kv_tokens > 2048
        assert can.logprobs
        assert can.json_schema
        assert can.top_logprobs is None
        assert can.token_prompts
        assert can.exact_counts
        assert can.cached_counts
        assert can.lacks == ("thinking_budget", "thinking_off", "thinking_on")
        assert dict(can.fingerprint)["server_version"]
        asked = Request(
            "k", "r", (user("Which is larger, A: a mouse or B: a house? Answer A or B."),), "judge", "judge",
            Sampling(1), labels=("A", "B"),
        )  # fmt: skip
        read = (await engine.answer(asked)).logprobs
        await engine.close()
        chats = OpenAIEngine(NAME, base_urls=[server.url])
        assert (await chats.start()).top_logprobs == 20
        among = (await chats.answer(asked)).logprobs
        await chats.close()
        assert read is not None
        assert among is not None
        for exact, seen in zip(read, among, strict=True):
            assert exact is not None
            assert seen is None or seen == pytest.approx(exact, abs=1e-3)

    background.submit(do()).result(120)


def test_chats_without_a_tokenizer(server: RealServer, tmp_path: Path) -> None:
    """A few records by messages: estimates are marked, cached tokens are counted."""
    settings = {**RUN, "chunk_size": 4}
    run = Constitution.load("verifiable").generate(PROMPTS[:4], tmp_path / "run", model=server.url, **settings)
    summary = run.summary()
    assert (summary["inputs"], summary["failed"], summary["pending"]) == (4, 0, 0)
    assert summary["tokens"]["revise"]["cached"] > 0
    assert summary["tokens"]["draft"]["output"] > 0
    assert summary["models"]["draft"].startswith(f"{NAME}@")


def test_killed_and_started_again_in_mid_run(
    server: RealServer, whole: Path, small_model: Path, tmp_path: Path
) -> None:
    """SIGKILL to the server, another one on its port: the run waits, loses nothing, and gives the same rows."""
    tokens = {"tokenizer": str(small_model), "patience": 300}
    out = tmp_path / "run"
    ended: list[Run | BaseException] = []

    def work() -> None:
        try:
            ended.append(made(out, f"{server.url}#{NAME}", engine=tokens, in_flight=16))
        except BaseException as error:  # noqa: BLE001 - told below
            ended.append(error)

    running = threading.Thread(target=work)
    running.start()
    deadline = time.monotonic() + 120
    while sum("key" in line for line in journal_lines(out)) < 20:
        assert running.is_alive(), ended
        assert time.monotonic() < deadline
        time.sleep(0.05)
    server.kill()
    server.start()
    running.join(300)
    (run,) = ended
    assert isinstance(run, Run), run
    assert run.complete
    summary = run.summary()
    assert (summary["inputs"], summary["failed"], summary["pending"]) == (48, 0, 0)
    keys = [line["key"] for line in journal_lines(out) if "key" in line]
    assert len(keys) == len(set(keys))
    assert rows(out) == rows(whole)
