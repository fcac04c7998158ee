"""A run that mostly fails stops early and can go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from constitution import Request, Run, ScriptedEngine
from constitution.errors import RequestRefused, TooManyFailures
from constitution.records import Failure, Trace
from constitution.run.breaker import MOST_FAILED, WINDOW, Breaker
from tests.scripted_runs import KeepingEngine, journal_lines, prompts, tiny

FAILED = Failure("r1", 0, "draft", "RequestRefused", "too hot")
GOOD = Trace("r2", 0, (), None)


def test_half_of_fifty_may_fail_and_one_more_may_not() -> None:
    """Exactly: more than 50 % of the last 50."""
    breaker = Breaker()
    breaker.note([GOOD] * (WINDOW - MOST_FAILED) + [FAILED] * MOST_FAILED)
    with pytest.raises(TooManyFailures, match=r"26 of the last 50.*26 x draft, RequestRefused.*'r1': too hot"):
        breaker.note([FAILED])


def test_fewer_than_fifty_say_nothing() -> None:
    """A run of a few records ends by itself."""
    breaker = Breaker()
    breaker.note([FAILED] * (WINDOW - 1))
    with pytest.raises(TooManyFailures):
        breaker.note([FAILED])


def test_only_the_last_fifty_count() -> None:
    """What failed long ago is forgotten, and so is what went well."""
    breaker = Breaker()
    breaker.note([FAILED] * 30)
    breaker.note([GOOD] * 45)
    breaker.note([FAILED] * 20)
    breaker.note([GOOD] * 500)
    with pytest.raises(TooManyFailures):
        breaker.note([FAILED] * 26)


def refuse(request: Request) -> Exception | None:
    return RequestRefused("the account is closed") if request.record != "r3" else None


def test_a_run_stops_early_and_goes_on(tmp_path: Path) -> None:
    """Most is not asked in vain; what failed stays failed, and the rest is answered once the cause is mended."""
    out = tmp_path / "run"
    broken = KeepingEngine(fault=refuse, max_in_flight=8)
    with pytest.raises(TooManyFailures, match="account is closed"):
        tiny(tmp_path).generate(prompts(400), out, model=broken)
    assert len(broken.asked) < 100
    stopped = Run.open(out).summary()
    assert 26 <= stopped["failed"] <= 60
    assert stopped["pending"] > 300
    done = tiny(tmp_path).generate(prompts(400), out, model=ScriptedEngine(max_in_flight=8))
    summary = done.summary()
    assert (summary["failed"], summary["pending"]) == (stopped["failed"], 0)
    finished = [line["done"] for line in journal_lines(out) if "done" in line]
    assert len(finished) == len(set(finished)) == 400


def test_failures_of_an_earlier_session_do_not_stop_the_next(tmp_path: Path) -> None:
    """Only what fails now counts."""
    out = tmp_path / "run"
    with pytest.raises(TooManyFailures):
        tiny(tmp_path).generate(prompts(90), out, model=ScriptedEngine(fault=refuse, max_in_flight=1))
    assert tiny(tmp_path).generate(prompts(90), out, model=ScriptedEngine()).complete


def test_the_last_record_of_a_run_stops_nothing(tmp_path: Path) -> None:
    """Where all is done there is nothing to go on with."""
    run = tiny(tmp_path).generate(prompts(50), tmp_path / "run", model=ScriptedEngine(fault=refuse))
    assert run.complete
    assert run.summary()["failed"] == 49
