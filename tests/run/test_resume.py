"""Law 5 inside one process: stops, dead engines, full disks and bugs end a run so that it can go on."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from constitution import Completion, EngineDeadError, Request, Run, ScriptedEngine, StoreError
from constitution.errors import InputError, JournalCorrupt, RequestRefused, RunLocked
from constitution.run import worker as worker_module
from constitution.run.generate import Job, generate
from constitution.run.resolve import build_recipe
from constitution.run.serving import pool
from constitution.run.worker import Progress
from constitution.sources.run_file import read_run
from constitution.store import shards
from tests.scripted_runs import KeepingEngine, journal_lines, prompts, repeated, rows, sealed_files, tiny

RECORDS = prompts(30)
SETTINGS: dict[str, Any] = {"rounds": 1, "chunk_size": 8, "in_flight": 6}


def _make(folder: Path, name: str, engine: ScriptedEngine, **options: Any) -> Run:
    return tiny(folder).generate(RECORDS, folder / name, model=engine, **{**SETTINGS, **options})


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """What an uninterrupted run seals."""
    return sealed_files(_make(tmp_path, "whole", ScriptedEngine()).path)


def _stopping(after: int, folder: Path, engine: ScriptedEngine, **options: Any) -> tuple[bool, Job]:
    """Make a run that is stopped after so many finished records."""
    constitution = tiny(folder)
    named = {"out": str(folder / "run"), "constitution": "tiny", "model": type(engine).__name__}
    settings: dict[str, Any] = {**SETTINGS, **named, **options}
    run = read_run(None, **settings)

    def on_progress(progress: Progress) -> None:
        if progress.done - progress.done_before >= after:
            job.stop()

    job = Job(
        run, constitution.principles, build_recipe(run, constitution.principles), items=RECORDS, engine=engine,
        on_progress=on_progress,
    )  # fmt: skip
    return asyncio.run(generate(job)), job


@pytest.mark.parametrize("after", [1, 7, 8, 9, 20])
def test_a_stopped_run_goes_on(after: int, tmp_path: Path, files: dict[str, bytes]) -> None:
    """What was answered is kept, nothing is asked twice, and the files are those of an uninterrupted run."""
    first, second = KeepingEngine(latency_ms=1), KeepingEngine()
    complete, _ = _stopping(after, tmp_path, first)
    assert not complete
    run = _make(tmp_path, "run", second)
    assert run.complete
    assert sealed_files(run.path) == files
    kept = {line["key"] for line in journal_lines(run.path) if "key" in line}
    again = {r.key for r in first.asked} & {r.key for r in second.asked}
    assert len(again) <= SETTINGS["in_flight"]
    assert kept == {r.key for r in first.asked} | {r.key for r in second.asked}
    assert not repeated(line["key"] for line in journal_lines(run.path) if "key" in line)


def test_a_stopped_run_leaves_no_failed_record(tmp_path: Path) -> None:
    """What was in flight is pending; sums of a stopped run add up and are those of its finished records."""
    _stopping(10, tmp_path, ScriptedEngine(latency_ms=2))
    said = Run.open(tmp_path / "run").summary()
    done = [line for line in journal_lines(tmp_path / "run") if "done" in line]
    assert said["failed"] == 0
    assert said["paired"] == len(done) >= 10
    assert said["pending"] == len(RECORDS) - len(done) > 0
    assert said["pairs"]["kept"] == sum(pair is None for line in done for pair in line["pairs"])
    answers = [line for line in journal_lines(tmp_path / "run") if "key" in line]
    assert sum(counts["requests"] for counts in said["tokens"].values()) == len(answers)


@pytest.mark.parametrize("samples", [1, 2])
def test_a_stopped_run_shows_the_rows_of_its_finished_records(samples: int, tmp_path: Path) -> None:
    """Rows of chunks that are not sealed come from the journal: the same rows, and the sums are theirs."""

    def fault(request: Request) -> Exception | None:
        return RequestRefused("no") if request.record in ("r1", "r10", "r20") else None

    whole = rows(_make(tmp_path, "whole", ScriptedEngine(fault=fault), samples=samples))
    _stopping(13, tmp_path, ScriptedEngine(fault=fault, latency_ms=1), samples=samples)
    run = Run.open(tmp_path / "run")
    done = {line["done"] for line in journal_lines(tmp_path / "run") if "done" in line}
    assert 13 <= len(done) < len(RECORDS)
    assert rows(run) == [row for row in whole if row.record in done]
    said = run.summary()
    assert said["pairs"]["kept"] == len(list(run.pairs()))
    assert said["paired"] == len({pair.record for pair in run.pairs()})
    assert len(run.to_dataset(partial=True)) == said["pairs"]["kept"]
    with pytest.raises(InputError, match="not complete"):
        run.to_dataset()


def test_a_stop_while_the_last_chunk_is_sealed_is_a_complete_run(tmp_path: Path) -> None:
    """Seals that have begun end; a run whose every chunk is sealed is complete, stopped or not."""
    complete, job = _stopping(len(RECORDS), tmp_path, ScriptedEngine())
    assert job.stopped
    assert complete is Run.open(tmp_path / "run").complete


def test_a_stop_before_the_start_asks_nothing(tmp_path: Path) -> None:
    """A stop that comes while prompts are read or the engine starts is not lost."""
    engine = KeepingEngine()
    constitution = tiny(tmp_path)
    run = read_run(None, constitution="tiny", model="x", out=str(tmp_path / "run"), **SETTINGS)
    job = Job(run, constitution.principles, build_recipe(run, constitution.principles), items=RECORDS, engine=engine)
    job.stop()
    assert asyncio.run(generate(job)) is False
    assert engine.asked == []
    assert _make(tmp_path, "run", engine).complete


def test_progress_tells_records_of_earlier_sessions_apart(tmp_path: Path) -> None:
    """`done_before` counts what was finished when the session began, whether its chunk was sealed or not."""
    _stopping(12, tmp_path, ScriptedEngine(latency_ms=1))
    finished = len([line for line in journal_lines(tmp_path / "run") if "done" in line])
    seen: list[Progress] = []
    _make(tmp_path, "run", ScriptedEngine(), on_progress=seen.append)
    assert seen[-1].done == seen[-1].total == len(RECORDS)
    assert seen[-1].done_before == finished


def _dying_after(number: int, error: Callable[[], BaseException]) -> ScriptedEngine:
    class Dying(KeepingEngine):
        async def answer(self, request: Request) -> Completion:
            if len(self.asked) >= number:
                raise error()
            return await super().answer(request)

    return Dying(latency_ms=1)


def test_a_dead_engine_leaves_records_pending(tmp_path: Path, files: dict[str, bytes]) -> None:
    """Its death is told, nothing counts as failed, the pool forgets it, and the same call goes on."""
    engine = _dying_after(40, lambda: EngineDeadError("the device fell off"))
    with pytest.raises(EngineDeadError, match=r"fell off.*pending: the same command goes on"):
        _make(tmp_path, "run", engine)
    assert id(engine) not in pool._own
    said = Run.open(tmp_path / "run").summary()
    assert said["failed"] == 0
    assert said["pending"] > 0
    second = KeepingEngine()
    assert sealed_files(_make(tmp_path, "run", second).path) == files
    assert len({r.key for r in second.asked} | {r.key for r in engine.asked}) == 90  # type: ignore[attr-defined]  # kept


def test_an_engine_by_name_is_started_anew_after_its_death(tmp_path: Path, files: dict[str, bytes]) -> None:
    """The same call with the same model string finds a fresh engine."""
    first = tiny(tmp_path).generate(prompts(1), tmp_path / "other", model="scripted")
    assert first.complete
    for engine, _ in pool._running.values():
        asyncio.run(engine.close())
    with pytest.raises(EngineDeadError):
        _generate_named(tmp_path)
    run = _generate_named(tmp_path)
    assert sealed_files(run.path) == files


def _generate_named(folder: Path) -> Run:
    return tiny(folder).generate(RECORDS, folder / "run", model="scripted", **SETTINGS)


def test_an_engine_that_dies_after_a_stop_is_no_error(tmp_path: Path) -> None:
    """Ctrl-C may reach an engine too: its records are pending, and it is forgotten all the same."""

    class DiesWhenCancelled(ScriptedEngine):
        async def answer(self, request: Request) -> Completion:
            try:
                return await super().answer(request)
            except asyncio.CancelledError:
                raise EngineDeadError("interrupted") from None

    engine = DiesWhenCancelled(latency_ms=2)
    complete, _ = _stopping(5, tmp_path, engine)
    assert not complete
    assert id(engine) not in pool._own
    assert Run.open(tmp_path / "run").summary()["failed"] == 0


def test_a_request_that_the_engine_cancels_is_its_death(tmp_path: Path) -> None:
    """A chain that is cancelled by nobody here ends the run loudly; no run hangs, none calls itself complete."""
    with pytest.raises(EngineDeadError, match="cancelled a request"):
        _make(tmp_path, "run", _dying_after(20, asyncio.CancelledError))
    assert not Run.open(tmp_path / "run").complete


class Bug(Exception):
    """Something nobody thought of."""


def test_a_bug_in_an_engine_ends_the_run_and_loses_nothing(tmp_path: Path, files: dict[str, bytes]) -> None:
    """An error that is none of ours is raised as it is; every answer before it stays."""
    engine = _dying_after(40, Bug)
    with pytest.raises(Bug):
        _make(tmp_path, "run", engine)
    kept = {line["key"] for line in journal_lines(tmp_path / "run") if "key" in line}
    assert len(kept) >= 40 - SETTINGS["in_flight"]
    second = KeepingEngine()
    assert sealed_files(_make(tmp_path, "run", second).path) == files
    assert not {request.key for request in second.asked} & kept


def test_a_bug_in_progress_ends_the_run_and_loses_nothing(tmp_path: Path, files: dict[str, bytes]) -> None:
    """A callback that raises is not swallowed."""

    def on_progress(progress: Progress) -> None:
        if progress.done == 11:
            raise Bug

    with pytest.raises(Bug):
        _make(tmp_path, "run", ScriptedEngine(), on_progress=on_progress)
    assert sealed_files(_make(tmp_path, "run", ScriptedEngine()).path) == files


def test_failed_records_are_not_asked_again(tmp_path: Path) -> None:
    """A failure is settled: a resumed run takes it from the journal, and seals the same files."""

    def fault(request: Request) -> Exception | None:
        return RequestRefused("no") if request.record in ("r0", "r5", "r9") else None

    whole = _make(tmp_path, "whole", ScriptedEngine(fault=fault))
    first = KeepingEngine(fault=fault, latency_ms=1)
    _stopping(11, tmp_path, first)
    failed = {line["done"] for line in journal_lines(tmp_path / "run") if line.get("outcome") == "failed"}
    assert failed
    second = KeepingEngine(fault=fault)
    run = _make(tmp_path, "run", second)
    assert not failed & {request.record for request in second.asked}
    assert sealed_files(run.path) == sealed_files(whole.path)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_stops_the_run(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]
) -> None:
    """It is told with the folder, earlier lines stay whole, and the same call goes on when there is room."""
    real, calls = os.write, [0]

    def write(handle: int, data: bytes) -> int:
        if len(data) > 100:  # journals; nothing else here writes so much through os.write
            calls[0] += 1
            if calls[0] > 3:
                real(handle, bytes(data)[:50])
                raise OSError(code, os.strerror(code))
        return real(handle, data)

    monkeypatch.setattr("constitution.store.journal.GROUP_EVENTS", 16)
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(StoreError, match=str(tmp_path / "run")):
        _make(tmp_path, "run", ScriptedEngine())
    monkeypatch.undo()
    assert sealed_files(_make(tmp_path, "run", ScriptedEngine()).path) == files


def test_a_disk_that_fails_at_the_seal_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]
) -> None:
    """A shard that cannot be written is told; the journal has everything."""

    def fail(folder: Path) -> None:
        if folder.name == "shards":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shards, "sync_folder", fail)
    with pytest.raises(StoreError, match="No space left"):
        _make(tmp_path, "run", ScriptedEngine())
    monkeypatch.undo()
    engine = KeepingEngine()
    assert sealed_files(_make(tmp_path, "run", engine).path) == files


def test_a_complete_run_asks_nothing(tmp_path: Path, files: dict[str, bytes]) -> None:
    """Called again it opens."""
    engine = KeepingEngine()
    assert sealed_files(_make(tmp_path, "whole", engine).path) == files
    assert engine.asked == []


@pytest.mark.parametrize("suffix", [".parquet", ".json"])
def test_a_lost_shard_is_made_again_from_its_journal(suffix: str, tmp_path: Path, files: dict[str, bytes]) -> None:
    """Without a request."""
    (tmp_path / "whole" / "shards" / f"00001{suffix}").unlink()
    engine = KeepingEngine()
    assert sealed_files(_make(tmp_path, "whole", engine).path) == files
    assert engine.asked == []


def test_a_damaged_journal_stops_the_run_with_its_place(tmp_path: Path) -> None:
    """A bad line in the middle of an open chunk's journal is refused, and not a byte of it changes."""
    _stopping(12, tmp_path, ScriptedEngine(latency_ms=20))
    unsealed = [p for p in (tmp_path / "run" / "journal").iterdir() if not _sealed(tmp_path / "run", p)]
    path = max(unsealed, key=lambda journal: journal.stat().st_size)
    data = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([data[0], b"bad\n", *data[1:]]))
    before = path.read_bytes()
    with pytest.raises(JournalCorrupt, match=rf"{path}:2:"):
        _make(tmp_path, "run", ScriptedEngine())
    assert path.read_bytes() == before


def _sealed(run: Path, journal: Path) -> bool:
    return (run / "shards" / f"{journal.stem}.json").exists()


def test_two_runs_in_one_process_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second is refused while the first works; the lock is gone afterwards."""
    constitution = tiny(tmp_path)

    async def both() -> list[Any]:
        engine = ScriptedEngine(latency_ms=5)
        calls = (constitution.agenerate(RECORDS, tmp_path / "run", model=engine, **SETTINGS) for _ in range(2))
        return await asyncio.gather(*calls, return_exceptions=True)

    one, other = asyncio.run(both())
    assert {type(one), type(other)} == {Run, RunLocked}
    assert _make(tmp_path, "run", ScriptedEngine()).complete


def test_other_prompts_are_refused(tmp_path: Path) -> None:
    """A run of values takes no other values and no file, a run of a file no other file and no values."""
    constitution = tiny(tmp_path)
    file = tmp_path / "prompts.txt"
    file.write_text("one\ntwo\n")
    values = constitution.generate(["one", "two"], tmp_path / "values", model="scripted")
    lines = constitution.generate(file, tmp_path / "lines", model="scripted")
    for out, source in ((values.path, ["one", "three"]), (values.path, file), (lines.path, ["one", "three"])):
        with pytest.raises(InputError):
            constitution.generate(source, out, model="scripted")
    assert not (lines.path / ".input.jsonl").exists()
    file.write_text("one\nthree\n")
    with pytest.raises(InputError, match="has changed since the run was planned"):
        constitution.generate(file, lines.path, model="scripted")


def test_a_copy_that_a_failed_start_left_is_not_taken_for_the_prompts(tmp_path: Path) -> None:
    """Values that were refused leave a copy; the file that is named next is the one that is read."""
    constitution = tiny(tmp_path)
    with pytest.raises(InputError):
        constitution.generate(
            [{"id": "a", "prompt": "x"}, {"id": "a", "prompt": "y"}], tmp_path / "r", model="scripted"
        )
    file = tmp_path / "prompts.txt"
    file.write_text("one\ntwo\nthree\n")
    assert constitution.generate(file, tmp_path / "r", model="scripted").summary()["inputs"] == 3


class Crowd(ScriptedEngine):
    """Counts how many requests it has at a time."""

    now = most = 0

    async def answer(self, request: Request) -> Completion:
        """Count, wait, answer."""
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return await super().answer(request)
        finally:
            self.now -= 1


@pytest.mark.parametrize("samples", [1, 3])
def test_as_many_chains_as_the_cap_and_no_more(samples: int, tmp_path: Path) -> None:
    """Admission fills the cap and holds back, samples counted as chains."""
    engine = Crowd(latency_ms=3)
    _make(tmp_path, "run", engine, chunk_size=30, in_flight=6, samples=samples)
    assert engine.most == 6


def test_an_input_of_more_samples_than_the_cap_runs_alone(tmp_path: Path) -> None:
    """Its chains go together, and no other input's beside them."""
    engine = Crowd(latency_ms=1)
    _make(tmp_path, "run", engine, in_flight=3, samples=5)
    assert engine.most == 5


def test_the_cap_comes_from_the_engine(tmp_path: Path) -> None:
    """A quarter more than it takes, so that its queue never runs dry."""
    engine = Crowd(latency_ms=3, max_in_flight=8)
    _make(tmp_path, "run", engine, chunk_size=30, in_flight=None)
    assert engine.most == 10


def test_eight_chunks_are_open_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks are opened until the cap is full, so that stragglers do not drain the engine, and no more than eight."""
    opened: list[int] = []
    real = worker_module.Worker._open_chunk

    async def open_chunk(self: worker_module.Worker, *given: Any) -> Any:
        chunk = await real(self, *given)
        opened.append(len(self._open))
        return chunk

    monkeypatch.setattr(worker_module.Worker, "_open_chunk", open_chunk)
    _make(tmp_path, "run", ScriptedEngine(latency_ms=3), chunk_size=1, in_flight=12)
    assert max(opened) == worker_module.MAX_OPEN_CHUNKS
