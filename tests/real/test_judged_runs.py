"""Judged runs on the real vLLM with the small model: exact reads, shared prefixes, rows that add up."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from constitution import Constitution, Run, Verdict
from constitution.engine import Answer, Completion, Request, seeded
from constitution.engines.vllm import VLLMEngine
from constitution.engines.vllm.settings import CPU_BLOCK
from constitution.examination.decision import VERDICTS
from constitution.messages import assistant, user
from constitution.run.examine import read_examination
from constitution.run.examined import FOLDER
from constitution.steps.judge import Bench, judge_pair
from tests.real.test_runs import PROMPTS, SETTINGS
from tests.real_engine import EngineHost

pytestmark = pytest.mark.engine

RUN: dict[str, Any] = {
    **SETTINGS,
    "recipe": "ai_feedback",
    "judge_read": "both",
    "judge_principles": 2,
    "examine": 6,
    "anyway": True,
}
GOOD = "Put it near the brightest window you have, water it when the top of the soil is dry, and pick the top leaves."
BAD = "Basil is a plant. Plants are living things, and living things need what they need, as everybody knows."


class Listening:
    """The real engine, and what it was asked and gave."""

    def __init__(self, engine: VLLMEngine) -> None:
        self._engine = engine
        self.said: list[tuple[Request, Completion]] = []

    async def answer(self, request: Request) -> Completion:
        """Answer, and keep both."""
        completion = await self._engine.answer(request)
        self.said.append((request, completion))
        return completion


@pytest.fixture(scope="module")
def judged(engine_host: EngineHost, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that the small model judges itself."""
    out = tmp_path_factory.mktemp("judged") / "run"
    assert Constitution.load("verifiable").generate(PROMPTS[:4], out, model=engine_host.engine, **RUN).complete
    return out


def test_every_read_is_a_pair_of_log_probabilities(judged: Path) -> None:
    """No label is missing, both labels together are no more than all, and the run adds up."""
    run = Run.open(judged)
    summary = run.summary()
    assert sum(summary[name] for name in ("paired", "fine", "dropped", "failed", "pending")) == 4
    assert summary["failed"] == 0
    reads = list(_reads(run))
    assert reads
    for read in reads:
        assert all(math.isfinite(logprob) for logprob in read["logprobs"])
        assert 0 < sum(map(math.exp, read["logprobs"])) <= 1 + 1e-6


def _reads(run: Run) -> Iterator[dict[str, Any]]:
    for row in run.to_dataset("traces"):
        for each in (*row["judged"], *row["scored"]):
            for reading in each["readings"]:
                assert [read["turned"] for read in reading["reads"]] == [False, True]
                yield from reading["reads"]


def test_the_examination_and_the_label_card_are_written(judged: Path) -> None:
    """Whatever comes out: its verdict with the reason, in the run's folder and on its card."""
    record = read_examination(judged / FOLDER)
    assert record.figures.pairs == 6
    assert record.verdict in VERDICTS
    assert record.why
    assert record.figures.unreadable is not None
    assert record.figures.unreadable.value == 0
    labels = Run.open(judged).labels
    assert labels is not None
    assert labels.examined is not None
    assert labels.examined.verdict == record.verdict
    assert labels.pairs == labels.readable > 0
    assert (judged / "labels.json").exists()


def test_a_swap_is_the_same_margin_the_other_way_round(engine_host: EngineHost) -> None:
    """On a real model too, under each principle: the very same requests were asked."""
    constitution = Constitution.load("verifiable")
    straight = constitution.judge(PROMPTS[0], GOOD, BAD, model=engine_host.engine)
    turned = constitution.judge(PROMPTS[0], BAD, GOOD, model=engine_host.engine)
    assert isinstance(straight, Verdict)
    assert isinstance(turned, Verdict)
    assert len(straight.said.by_principle) == len(constitution.principles)
    for one, other in zip(straight.said.by_principle, turned.said.by_principle, strict=True):
        assert one.principle == other.principle
        assert one.margin is not None
        assert other.margin == pytest.approx(-one.margin, abs=1e-3)  # the batch moves the last digits
    assert any(abs(one.margin or 0) > 1e-3 for one in straight.said.by_principle)


def test_principles_share_a_prefix(engine_host: EngineHost) -> None:
    """Of a pair under k principles the engine reads two prompts, and then for each read its question and a block."""
    constitution = Constitution.load("verifiable").principles
    bench = Bench(constitution, run_seed=99)
    listening = Listening(engine_host.engine)
    drawn = constitution.principles
    conversation = (user(PROMPTS[1]), assistant("Say more."), user("What do you want to know? " * 30))
    flow = judge_pair(bench, conversation, (GOOD, BAD), drawn)
    engine_host.do(_drive(flow, listening))
    reads = listening.said
    assert len(reads) == 2 * len(drawn)
    whole = max(completion.prompt_tokens for _, completion in reads)
    shared = len(_common([request.messages[-1].content for request, _ in reads[::2]]))
    suffix = max(engine_host.engine.count((user(request.messages[-1].content[shared:]),))[0] for request, _ in reads)
    uncached = sum(completion.prompt_tokens - completion.cached_tokens for _, completion in reads)
    assert uncached <= 2 * whole + len(reads) * (suffix + CPU_BLOCK)
    assert uncached < 0.6 * sum(completion.prompt_tokens for _, completion in reads)


def _common(texts: list[str]) -> str:
    """What all of them begin with."""
    first, last = min(texts), max(texts)
    return first[: next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


async def _drive(flow: Any, engine: Listening) -> None:
    try:
        asks = next(flow)
        while True:
            requests = [
                Request(f"{number}-{len(engine.said)}", "pair", ask.messages, ask.role, ask.stage,
                        seeded(ask.sampling, 1), labels=ask.labels)
                for number, ask in enumerate(asks)
            ]  # fmt: skip
            completions = await asyncio.gather(*map(engine.answer, requests))
            asks = flow.send(tuple(Answer(r.key, c, request=r) for r, c in zip(requests, completions, strict=True)))
    except StopIteration:
        return


def test_thoughts_come_before_the_labels(engine_host: EngineHost, tmp_path: Path) -> None:
    """Mode think on a real model: two requests for a read, and the label behind the thought in the same transcript."""
    roles = {**SETTINGS["roles"], "judge": {"max_tokens": 24, "temperature": 0.8}}
    settings = {
        **RUN,
        "examine": 0,
        "judge_read": "pairwise",
        "judge_mode": "think",
        "judge_principles": 1,
        "roles": roles,
    }
    run = Constitution.load("verifiable").generate(PROMPTS[:4], tmp_path / "run", model=engine_host.engine, **settings)
    tokens = run.summary()["tokens"]
    assert tokens["think"]["requests"] >= tokens["judge"]["requests"] > 0
    assert tokens["judge"]["cached"] > 0
    thoughts = [read["thought"] for read in _reads(run)]
    assert thoughts
    assert all(thoughts)
    assert all(math.isfinite(row["margin"]) for row in run.to_dataset())
