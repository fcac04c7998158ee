"""Synchronous doors inside a running loop, in threads and after a fork; interrupts that leave a run to go on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from constitution import EngineStartError, Run, ScriptedEngine
from constitution.engine import Capabilities
from constitution.engines.models import Named
from constitution.errors import SettingsError
from constitution.run.background import Background, background
from constitution.run.serving import EnginePool, pool
from tests.scripted_runs import journal_lines, prompts, repeated, rows, sealed_files, tiny


def test_generate_works_inside_a_running_loop(tmp_path: Path) -> None:
    """As notebooks call it."""

    async def notebook() -> Run:
        return tiny(tmp_path).generate(prompts(3), tmp_path / "run", model="scripted")

    assert asyncio.run(notebook()).summary()["paired"] == 3


def test_the_async_twin_works_in_any_loop(tmp_path: Path) -> None:
    """The loop goes on while the run works."""

    async def work() -> tuple[Run, int]:
        made = tiny(tmp_path).agenerate(prompts(5), tmp_path / "run", model=ScriptedEngine(latency_ms=20))
        task = asyncio.ensure_future(made)
        ticks = 0
        while not task.done():
            await asyncio.sleep(0.002)
            ticks += 1
        return await task, ticks

    run, ticks = asyncio.run(work())
    assert run.complete
    assert ticks > 5


def test_runs_in_several_threads_at_once(tmp_path: Path) -> None:
    """Each in its folder, on one engine."""
    constitution = tiny(tmp_path)
    engine = ScriptedEngine(latency_ms=1)
    with ThreadPoolExecutor(4) as threads:
        made = threads.map(lambda n: constitution.generate(prompts(6), tmp_path / f"run{n}", model=engine), range(4))
        runs = list(made)
    assert all(sealed_files(run.path) == sealed_files(runs[0].path) for run in runs)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_doors_work_after_a_fork(tmp_path: Path) -> None:
    """The child makes a loop and engines of its own, also where the parent's were running; the parent's go on."""
    constitution = tiny(tmp_path)
    constitution.generate(prompts(2), tmp_path / "before", model="scripted")
    child = os.fork()
    if not child:
        code = 1
        try:
            fresh = not background.running and not pool._running
            run = constitution.generate(prompts(2), tmp_path / "child", model="scripted")
            code = 0 if fresh and run.complete else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(_wait(child)) == 0
    assert rows(tmp_path / "child") == rows(tmp_path / "before")
    assert constitution.generate(prompts(2), tmp_path / "after", model="scripted").complete


def _wait(child: int) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("the child hangs")


def test_the_own_loop_refuses_to_wait_for_itself() -> None:
    """A synchronous door that is called from the library's own loop says so, and does not hang."""

    async def nothing() -> None:
        pass

    async def inside() -> None:
        background.call(nothing())

    with pytest.raises(RuntimeError, match="async twin"):
        background.call(inside())


def test_one_loop_for_all() -> None:
    """Threads that come at the same time get the same loop."""
    mine = Background()
    with ThreadPoolExecutor(8) as threads:
        loops = list(threads.map(lambda _: mine.loop(), range(32)))
    assert len(set(map(id, loops))) == 1
    loops[0].call_soon_threadsafe(loops[0].stop)
    while loops[0].is_running():
        time.sleep(0.01)
    loops[0].close()


def test_being_cancelled_stops_the_run_so_that_it_can_go_on(tmp_path: Path) -> None:
    """A cancelled twin waits until the folder is free again."""
    constitution = tiny(tmp_path)

    async def cancel() -> None:
        engine = ScriptedEngine(latency_ms=20)
        task = asyncio.ensure_future(constitution.agenerate(prompts(50), tmp_path / "run", model=engine, in_flight=5))
        for _ in range(3000):
            await asyncio.sleep(0.01)
            if list((tmp_path / "run" / "journal").glob("*")):
                break
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    said = Run.open(tmp_path / "run").summary()
    assert said["failed"] == 0
    assert said["pending"] > 0
    assert constitution.generate(prompts(50), tmp_path / "run", model=ScriptedEngine()).complete


INTERRUPTED = """
import signal
import sys
from constitution import Constitution, ScriptedEngine
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
engine = ScriptedEngine(latency_ms=float(sys.argv[3]))
try:
    run = Constitution.load(sys.argv[1]).generate(
        ({"id": f"r{n}", "prompt": f"Question {n}?"} for n in range(60)), sys.argv[2], model=engine, in_flight=5
    )
except KeyboardInterrupt:
    print("interrupted")
    sys.exit(130)
print(run.summary()["paired"])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_stops_a_run_so_that_it_can_go_on(tmp_path: Path) -> None:
    """KeyboardInterrupt comes out of `generate`, the journal is whole, and the same call goes on."""
    tiny(tmp_path)
    call = [sys.executable, "-W", "error", "-c", INTERRUPTED, str(tmp_path / "tiny.yaml"), str(tmp_path / "run")]
    child = subprocess.Popen([*call, "50"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not any((tmp_path / "run" / "journal").glob("*")):
            assert time.monotonic() < deadline
            assert child.poll() is None
            time.sleep(0.02)
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        out, errors = child.communicate(timeout=60)
    finally:
        child.kill()
    assert (child.returncode, out, errors) == (130, "interrupted\n", "")
    said = Run.open(tmp_path / "run").summary()
    assert said["failed"] == 0
    assert said["pending"] > 0
    assert journal_lines(tmp_path / "run")
    again = subprocess.run([*call, "0"], capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout, again.stderr) == (0, "60\n", "")
    assert not repeated(line["key"] for line in journal_lines(tmp_path / "run") if "key" in line)


class Unwilling(ScriptedEngine):
    """Does not start the first time."""

    starts = 0
    closed = 0

    async def start(self, labels: tuple[str, ...] = ()) -> Capabilities:
        """Refuse once."""
        self.starts += 1
        if self.starts == 1:
            raise EngineStartError("not today")
        return await super().start(labels)

    async def close(self) -> None:
        """Count."""
        self.closed += 1
        await super().close()


def test_an_engine_that_does_not_start_is_closed_and_can_be_tried_again(tmp_path: Path) -> None:
    """Nothing of a half-started engine stays; no manifest stands; the same call works when the engine does."""
    engine = Unwilling()
    constitution = tiny(tmp_path)
    with pytest.raises(EngineStartError, match="not today"):
        constitution.generate(prompts(2), tmp_path / "run", model=engine)
    assert engine.closed == 1
    assert not (tmp_path / "run" / "manifest.json").exists()
    assert constitution.generate(prompts(2), tmp_path / "run", model=engine).complete


def test_one_engine_for_the_same_model_and_options() -> None:
    """Calls that come at the same time start it once; other options make another one."""

    async def serve() -> tuple[int, int]:
        mine = EnginePool()
        calls = [mine.serve({"draft": Named("scripted"), "revise": Named("scripted")}) for _ in range(5)]
        served = await asyncio.gather(*calls)
        other = await mine.serve({"draft": Named("scripted", {"latency_ms": 1})})
        same = {id(engine) for each in served for engine in each.engines.values()}
        await mine.close()
        return len(same), len(same | {id(other.engines["draft"])})

    assert asyncio.run(serve()) == (1, 2)


def test_no_loop_is_started_by_an_import() -> None:
    """Neither a thread nor a loop, nor at the end of a process that never used one."""
    code = "import constitution, threading; from constitution.run import serving; print(threading.active_count())"
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("1\n", "")
    assert threading.active_count() >= 1


def test_an_object_that_is_no_recipe_is_refused(tmp_path: Path) -> None:
    """Before anything is started, with what it lacks."""
    with pytest.raises(SettingsError, match=r"a recipe needs .*stages, .*sampling.*; \w+ has none"):
        tiny(tmp_path).revise("Hi?", model="scripted", recipe=tmp_path)  # type: ignore[arg-type]  # that is the point
