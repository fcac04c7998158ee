"""Limits: what is paid for never passes them, what is cut stays pending, and a higher one goes on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution import Completion, Request, ScriptedEngine
from constitution.engines.scripted import Script
from constitution.errors import LimitReached, RequestRefused, SettingsError
from constitution.run.budget import Budget, most_prompt
from constitution.sources.run_file import read_run
from tests.display.seen import printed
from tests.scripted_runs import KeepingEngine, journal_lines, prompts, repeated, rows, sealed_files, tiny
from tests.strategies import chaos

# runs that stop at their limit say so; where that matters, a test expects it
pytestmark = pytest.mark.filterwarnings("ignore:stopped by --max:UserWarning")

RECORDS = prompts(40)
SETTINGS: dict[str, Any] = {
    "rounds": 1, "chunk_size": 8, "in_flight": 6,
    "roles": {role: {"max_tokens": 20} for role in ("draft", "critique", "revise")},
}  # fmt: skip
PRICES = {"prompt": 3.0, "cached": 1.0, "output": 10.0}


def said(request: Request) -> Completion:
    """Words with tokens: five to twenty of them."""
    count = ScriptedEngine().count(request.messages)[0]
    sampled = 5 + len(request.key) % 3 + int(request.key[:2], 16) % 14
    return Completion(f"{request.stage} {request.key[:8]} here.", (1,) * sampled, prompt_tokens=count, cached_tokens=2)


def said_by_a_server(request: Request) -> Completion:
    """The same from a server that tells numbers and no ids."""
    answer = said(request)
    return replace(answer, token_ids=(), told_output=len(answer.token_ids))


def used(folder: Path) -> int:
    """Tokens of all answers in the journals."""
    lines = [line for line in journal_lines(folder) if "key" in line]
    return sum(line["prompt_tokens"] + (len(line["token_ids"]) or line.get("told_output") or 0) for line in lines)


@pytest.mark.parametrize("limit", [1, 300, 1_500, 3_000])
@pytest.mark.parametrize("latency", [0, 1])
@pytest.mark.parametrize("said", [said, said_by_a_server])
def test_the_limit_is_never_passed_and_a_higher_one_goes_on(
    limit: int, latency: int, said: Script, tmp_path: Path
) -> None:
    """The run stops with less than the most of one request left; nothing is failed, nothing is asked twice."""
    whole = tiny(tmp_path).generate(RECORDS, tmp_path / "whole", model=ScriptedEngine(said), **SETTINGS)
    first, second = KeepingEngine(script=said, latency_ms=latency), KeepingEngine(script=said)
    run = tiny(tmp_path).generate(RECORDS, tmp_path / "run", model=first, max_total_tokens=limit, **SETTINGS)
    assert not run.complete
    assert used(run.path) <= limit
    assert run.summary()["failed"] == 0
    assert run.summary()["pending"] > 0
    assert limit - used(run.path) < 20 + 64 + 200  # max_tokens, slack, the longest prompt here
    done = tiny(tmp_path).generate(RECORDS, tmp_path / "run", model=second, max_total_tokens=1_000_000, **SETTINGS)
    assert done.complete
    assert sealed_files(done.path) == sealed_files(whole.path)
    assert not repeated(request.key for request in [*first.asked, *second.asked])


def test_all_sessions_count(tmp_path: Path) -> None:
    """A limit is one of the run, not of a session: the same command again asks nothing."""
    engine = KeepingEngine(script=said)
    for _ in range(3):
        run = tiny(tmp_path).generate(RECORDS, tmp_path / "run", model=engine, max_total_tokens=3000, **SETTINGS)
        assert used(run.path) <= 3000
    assert list((run.path / "shards").glob("*.parquet"))
    asked = len(engine.asked)
    tiny(tmp_path).generate(RECORDS, tmp_path / "run", model=engine, max_total_tokens=3000, **SETTINGS)
    assert len(engine.asked) == asked


def test_a_run_that_has_spent_all_starts_no_engine(tmp_path: Path) -> None:
    """Nothing could be asked: an engine by name is not even made."""
    constitution = tiny(tmp_path)
    constitution.generate(RECORDS, tmp_path / "run", model=ScriptedEngine(said), max_total_tokens=900, **SETTINGS)
    spent = used(tmp_path / "run")

    class Unwilling(ScriptedEngine):
        async def start(self, labels: tuple[str, ...] = ()) -> Any:
            raise AssertionError("started")

    run = constitution.generate(RECORDS, tmp_path / "run", model=Unwilling(), max_total_tokens=spent, **SETTINGS)
    assert not run.complete


def test_a_limit_is_told_in_python(tmp_path: Path) -> None:
    """A warning at the line of the call, by both twins."""
    constitution, options = tiny(tmp_path), {"model": "scripted", "max_total_tokens": 1, **SETTINGS}
    with pytest.warns(UserWarning, match="stopped by --max-total-tokens 1") as told:
        constitution.generate(RECORDS, tmp_path / "run", **options)
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match="stopped by --max-total-tokens 1"):
        asyncio.run(constitution.agenerate(RECORDS, tmp_path / "run", **options))


def test_money_is_never_passed(tmp_path: Path) -> None:
    """By the prices of prompts, of cached prompts and of answers."""
    limits: dict[str, Any] = {"prices": PRICES, "max_cost": 0.02}
    run = tiny(tmp_path).generate(
        RECORDS, tmp_path / "run", model=ScriptedEngine(said, latency_ms=1), **limits, **SETTINGS
    )
    tokens = run.summary()["tokens"].values()
    spent = sum(3 * (t["prompt"] - t["cached"]) + t["cached"] + 10 * t["output"] for t in tokens) / 1_000_000
    assert not run.complete
    assert 0.015 < spent <= 0.02
    assert run.summary()["cost"] == pytest.approx(spent)
    assert "0.02  by the prices that the run began with" in printed(run)


def test_money_needs_prices(tmp_path: Path) -> None:
    """Refused before a folder is made."""
    with pytest.raises(SettingsError, match="prices"):
        tiny(tmp_path).generate(RECORDS, tmp_path / "run", model="scripted", max_cost=1.0)
    assert not (tmp_path / "run").exists()


def test_reused_answers_cost_nothing(tmp_path: Path) -> None:
    """A run whose answers all come from another is complete under a limit of one token."""
    tiny(tmp_path).generate(RECORDS, tmp_path / "old", model=ScriptedEngine(said), **SETTINGS)
    run = tiny(tmp_path).generate(
        RECORDS,
        tmp_path / "new",
        model=ScriptedEngine(said),
        reuse=str(tmp_path / "old"),
        max_total_tokens=1,
        **SETTINGS,
    )
    assert run.complete
    assert rows(run) == rows(tmp_path / "old")


def test_a_run_within_its_limit_is_complete(tmp_path: Path) -> None:
    """The limit changes no row."""
    whole = tiny(tmp_path).generate(RECORDS, tmp_path / "whole", model=ScriptedEngine(said), **SETTINGS)
    limited = tiny(tmp_path).generate(
        RECORDS, tmp_path / "run", model=ScriptedEngine(said), max_total_tokens=used(whole.path) + 300, **SETTINGS
    )
    assert limited.complete
    assert sealed_files(limited.path) == sealed_files(whole.path)


def test_errors_give_their_room_back(tmp_path: Path) -> None:
    """Requests that fail are not held against the run."""
    engine = ScriptedEngine(said, fault=lambda r: RequestRefused("no") if r.stage == "draft" else None)
    run = tiny(tmp_path).generate(RECORDS, tmp_path / "run", model=engine, max_total_tokens=400, **SETTINGS)
    assert run.complete
    assert run.summary()["failed"] == len(RECORDS)


def _budget(**limits: Any) -> Budget:
    return Budget(read_run(None, constitution="c", model="m", out="-", **limits), ("draft", "critique", "revise"))


@given(chaos, st.integers(1, 3000), st.integers(1, 30))
def test_room_is_held_for_what_is_in_flight(script: Any, limit: int, chains: int) -> None:
    """However many ask side by side, the sum of what was answered stays within the limit."""
    from constitution.engine import Sampling
    from constitution.messages import user

    engine = ScriptedEngine(latency_ms=0.05, script=lambda r: Completion("x", (1,) * r.sampling.max_tokens,
                                                                         prompt_tokens=r.priority))  # fmt: skip
    budget = _budget(max_total_tokens=limit)

    async def one(n: int) -> bool:
        asked = Sampling(max_tokens=1 + n % 40)
        text = "word " * (n % 9)
        request = Request(
            f"{script.salt}-{n}", "r", (user(text),), "draft", "draft", asked, priority=len(text) // 4 + 2
        )
        try:
            await budget.answer(engine, request)
        except LimitReached:
            return False
        return True

    async def work() -> list[bool]:
        await engine.start()
        return await asyncio.gather(*map(one, range(chains)))

    asyncio.run(work())
    assert budget.tokens <= limit


@pytest.mark.parametrize(
    ("tokens", "money", "raised"),
    [(10, 1.5, "--max-total-tokens"), (5, 2.5, "--max-cost"), (10, 2.5, "--max-total-tokens and --max-cost")],
)
def test_the_message_says_what_to_raise(tokens: int, money: float, raised: str) -> None:
    """The limit that was reached, of two that are set."""
    budget = _budget(max_total_tokens=10, max_cost=2.0, prices=PRICES)
    budget.tokens, budget.money = tokens, money
    with pytest.raises(LimitReached, match=f"raise {raised}$"):
        budget.refuse_spent()


def test_the_log_does_not_promise_that_the_same_command_goes_on(tmp_path: Path) -> None:
    """It would stop at once: what is to be raised stands there instead, in both sessions."""
    for _ in range(2):
        tiny(tmp_path).generate(RECORDS, tmp_path / "run", model="scripted", max_total_tokens=900, **SETTINGS)
    log = (tmp_path / "run" / "run.log").read_text()
    assert "the same command goes on" not in log
    assert log.count("goes on with them: raise --max-total-tokens\n") == 2
    assert log.count("stopped at its limit; until that is raised") == 2


def test_the_message_says_what_was_used_and_what_goes_on() -> None:
    """Limit, tokens, money, and what to do."""
    budget = _budget(max_total_tokens=10, max_cost=2.0, prices=PRICES)
    budget.tokens, budget.money = 10, 1.5
    with pytest.raises(
        LimitReached, match=r"--max-total-tokens 10 and --max-cost 2.0: 10 tokens \(1.5000\).*higher limit"
    ):
        budget.refuse_spent()


def test_a_prompt_may_hold_more_ids_than_its_text_has_tokens() -> None:
    """Sampled ids go into later prompts as they are: the most is told by the prompt and the answer before."""
    from constitution.engine import Parent, Sampling
    from constitution.messages import assistant, user

    first = Request("a", "r", (user("Hi?"),), "draft", "draft", Sampling(max_tokens=500))
    parent = Parent(first, Completion("Yes.", (1,) * 400, prompt_tokens=90))
    later = Request("b", "r", (user("Hi?"), assistant("Yes."), user("And?")), "critique", "critique", first.sampling)
    assert (
        most_prompt(ScriptedEngine(), replace(later, parent=parent))
        >= 490 + ScriptedEngine().count(later.messages[2:])[0]
    )
    assert most_prompt(ScriptedEngine(), later) < 100
