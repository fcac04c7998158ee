"""Running an examination: nothing is asked twice, one process works in a folder, and the record is written."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from constitution import Completion, EngineDeadError, Request, ScriptedEngine
from constitution.errors import InputError, RecordError, RunLocked, StoreError
from constitution.examination.items import JudgedSet
from constitution.examination.record import Examination
from constitution.principles import Principles
from constitution.run.background import background
from constitution.run.examine import JOURNAL, LOCK, RECORD, Examining, examine, read_examination
from tests.examination.judges import Judge, honest, made, principle_of

PLAIN = Principles("plain", "1", ())
SETS = (made(60),)
REQUESTS = 60 * 14
"""Five questions in both orders, and two answers in both wordings, of each pair."""


class Counting:
    """An honest judge that counts what it is asked, and dies after so many answers."""

    def __init__(self, dies_after: int | None = None) -> None:
        self.judge = Judge(SETS, honest)
        self.asked: Counter[str] = Counter()
        self.dies_after = dies_after
        self.enough = asyncio.Event()

    def __call__(self, request: Request) -> Completion:
        if self.dies_after is not None and self.asked.total() >= self.dies_after:
            raise EngineDeadError("the engine is gone")
        self.asked[request.key] += 1
        if self.asked.total() >= 100:
            self.enough.set()
        return self.judge(request)


def examined(script: Counting, out: Path | None = None, **settings: object) -> Examination:
    """An examination by a script."""
    engine = ScriptedEngine(script, max_in_flight=4)
    job = Examining(SETS, engine, "scripted", PLAIN, out=out, **settings)  # type: ignore[arg-type]  # as tests name them
    return background.call(examine(job))


def test_an_interrupted_examination_asks_nothing_again(tmp_path: Path) -> None:
    """What was answered before the engine died is taken from the journal; the record is that of a whole one."""
    first = Counting(dies_after=300)
    with pytest.raises(EngineDeadError):
        examined(first, tmp_path)
    assert not (tmp_path / RECORD).exists()
    second = Counting()
    found = examined(second, tmp_path)
    assert not first.asked & second.asked
    assert first.asked.total() + second.asked.total() == REQUESTS
    whole = examined(Counting())
    assert found == whole


def test_a_finished_examination_asks_nothing(tmp_path: Path) -> None:
    """The same again, and a smaller one, come out of the journal; tokens are those that were paid for."""
    found = examined(Counting(), tmp_path)
    again = Counting()
    assert examined(again, tmp_path) == found
    assert not again.asked
    assert examined(again, tmp_path, limit=10).figures.pairs == 10
    assert not again.asked
    assert sum(stage["requests"] for stage in found.tokens.values()) == REQUESTS


def test_two_pairs_of_the_same_texts_share_what_is_the_same(tmp_path: Path) -> None:
    """Under two principles the neutral question without any is one and the same request; it is asked once."""
    one = made(2).items[0]
    twice = (JudgedSet("checks", (one, replace(one, id="again", principle=principle_of(1))), "made"),)
    judge, asked = Judge(twice, honest), Counter[str]()

    def script(request: Request) -> Completion:
        asked[request.key] += 1
        return judge(request)

    engine = ScriptedEngine(script, max_in_flight=1)
    background.call(examine(Examining(twice, engine, "scripted", PLAIN, out=tmp_path)))
    assert set(asked.values()) == {1}


def test_another_judge_is_asked_anew(tmp_path: Path) -> None:
    """The folder keeps answers by request, so that no judge gets those of another."""
    examined(Counting(), tmp_path)
    judge = Counting()
    job = Examining(SETS, ScriptedEngine(judge, model="scripted:other"), "other", PLAIN, out=tmp_path)
    other = background.call(examine(job))
    assert judge.asked.total() == REQUESTS
    assert other.judge.model == "scripted:other"


def test_the_record_is_written(tmp_path: Path) -> None:
    """Beside the journal, in a folder that is made."""
    found = examined(Counting(), tmp_path / "new" / "folder")
    assert read_examination(tmp_path / "new" / "folder") == found
    assert (tmp_path / "new" / "folder" / JOURNAL).stat().st_size > 0


def test_one_process_works_in_a_folder(tmp_path: Path) -> None:
    """Another is told, before anything is asked."""
    script = Counting()
    with FileLock(tmp_path / LOCK), pytest.raises(RunLocked, match="another process examines into this folder"):
        examined(script, tmp_path)
    assert not script.asked


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Is told with its path."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot make the folder"):
        examined(Counting(), tmp_path / "file" / "folder")


def test_without_pairs_nothing_is_started() -> None:
    """And the error says what to name."""
    with pytest.raises(InputError, match="no pair to examine the judge on"):
        background.call(examine(Examining((JudgedSet("cases", (), "x"),), ScriptedEngine(), "scripted", PLAIN)))


def test_order_and_concurrency_do_not_matter() -> None:
    """The same record, whatever is in flight."""
    records = []
    for items, flight in ((SETS[0].items, 1), (SETS[0].items[::-1], 64)):
        sets = (JudgedSet("checks", items, "made"),)
        engine = ScriptedEngine(Counting(), max_in_flight=flight, latency_ms=0.1)
        records.append(background.call(examine(Examining(sets, engine, "scripted", PLAIN))))
    assert records[0].to_json() == records[1].to_json()


def test_failures_of_some_pairs_are_counted() -> None:
    """The others are read; if all fail, that is an error with the first reason."""
    from constitution.errors import RequestRefused

    def fault(request: Request) -> Exception | None:
        return RequestRefused("no") if request.record in ("checks/i1", "checks/i2") else None

    engine = ScriptedEngine(Counting(), fault=fault)
    found = background.call(examine(Examining(SETS, engine, "scripted", PLAIN)))
    assert dict(found.unasked) == {"RequestRefused": 2}
    assert found.figures.pairs == 58
    broken = ScriptedEngine(Counting(), fault=lambda _: RequestRefused("no labels here"))
    with pytest.raises(RecordError, match="not one of 60 pairs could be asked: RequestRefused: no labels here"):
        background.call(examine(Examining(SETS, broken, "scripted", PLAIN)))


def test_progress_counts_pairs() -> None:
    """From none to all."""
    seen: list[tuple[int, int]] = []
    job = Examining(SETS, ScriptedEngine(Counting()), "scripted", PLAIN)
    job.on_progress = lambda done, total: seen.append((done, total))
    background.call(examine(job))
    assert seen[0] == (0, 60)
    assert seen[-1] == (60, 60)
    assert len(seen) == 61


def test_a_cancelled_examination_keeps_its_answers(tmp_path: Path) -> None:
    """As Ctrl-C cancels it."""
    first = Counting()

    async def cut() -> None:
        job = Examining(SETS, ScriptedEngine(first, latency_ms=2, max_in_flight=4), "scripted", PLAIN, out=tmp_path)
        work = asyncio.create_task(examine(job))
        await asyncio.wait_for(first.enough.wait(), 60)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(cut())
    assert (tmp_path / JOURNAL).read_text().count("\n") == first.asked.total()
    second = Counting()
    examined(second, tmp_path)
    assert not first.asked & second.asked
