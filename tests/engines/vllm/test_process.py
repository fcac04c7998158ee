"""The processes behind an engine, tried with sleeping children in place of vLLM's."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from constitution.engines.vllm import process as vllm_process

PARENT = """
import multiprocessing, sys, time
from pathlib import Path
from constitution.engines.vllm import process as vllm_process

def engine_core():
    grandchild = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(300,))
    grandchild.start()
    print("noise of the engine", flush=True)
    time.sleep(300)

if __name__ == "__main__":
    log = Path(sys.argv[2])
    log.touch()
    watchdog = vllm_process.Watchdog()
    with vllm_process.deaf_to_interrupts(), vllm_process.output_to(log):
        core = multiprocessing.get_context("spawn").Process(target=engine_core, name="EngineCore")
        core.start()
    while not log.read_text():
        time.sleep(0.05)
    time.sleep(1)  # the watchdog lists new children several times a second
    if sys.argv[1] == "ready":
        watchdog.ready()
    if sys.argv[1] == "close":
        watchdog.kill()
    print("up", flush=True)
    time.sleep(300)
"""


@contextlib.contextmanager
def started(tmp_path: Path, how: str) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """A parent whose engine is up, and the engine's processes; nothing of it is left behind."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    command = [sys.executable, str(script), how, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        engine = psutil.Process(parent.pid).children(recursive=True)
        try:
            yield parent, engine
        finally:
            parent.kill()
            psutil.wait_procs(engine, timeout=5)


def serves(process: psutil.Process) -> bool:
    """Whether it is one of the engine's own processes, and alive."""
    try:
        command = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return "spawn_main" in command


@pytest.mark.kill
@pytest.mark.parametrize("how", ["ready", "starting"])
def test_nothing_outlives_a_killed_parent(tmp_path: Path, how: str) -> None:
    """SIGKILL of the parent, also while the engine starts: all of its processes are gone within five seconds."""
    with started(tmp_path, how) as (parent, engine):
        assert sum(map(serves, engine)) == 2
        parent.kill()
        _, alive = psutil.wait_procs(engine, timeout=5)
    assert alive == []


@pytest.mark.kill
def test_interrupts_do_not_reach_the_engine(tmp_path: Path) -> None:
    """Ctrl-C goes to the whole group of a terminal; the engine's processes live on."""
    with started(tmp_path, "ready") as (_, engine):
        serving = list(filter(serves, engine))
        for process in serving:
            process.send_signal(signal.SIGINT)
        _, alive = psutil.wait_procs(serving, timeout=1)
    assert len(alive) == 2


@pytest.mark.kill
def test_closing_ends_what_does_not_end_by_itself(tmp_path: Path) -> None:
    """And the watchdog with it."""
    with started(tmp_path, "close") as (parent, _):
        children = psutil.Process(parent.pid).children(recursive=True)
        alive = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
        commands = [" ".join(child.cmdline()) for child in alive]
    assert all("resource_tracker" in command for command in commands)


@pytest.mark.kill
def test_the_noise_of_an_engine_goes_to_its_log(tmp_path: Path) -> None:
    """The parent's own output stays the parent's."""
    with started(tmp_path, "ready"):
        assert (tmp_path / "log").read_text() == "noise of the engine\n"


def test_what_the_user_set_stays_and_the_rest_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is for the time of a start only."""
    monkeypatch.setenv("CONSTITUTION_TEST_SET", "user")
    monkeypatch.delenv("CONSTITUTION_TEST_UNSET", raising=False)
    with vllm_process.environment({"CONSTITUTION_TEST_SET": "ours", "CONSTITUTION_TEST_UNSET": "ours"}):
        assert os.environ["CONSTITUTION_TEST_SET"] == "user"
        assert os.environ["CONSTITUTION_TEST_UNSET"] == "ours"
    assert "CONSTITUTION_TEST_UNSET" not in os.environ


def test_a_script_without_a_main_guard_is_told(tmp_path: Path) -> None:
    """The spawned child runs the script again: it says what to write instead of starting a second engine."""
    script = tmp_path / "script.py"
    script.write_text(
        "import asyncio, multiprocessing\n"
        "from constitution.engines.vllm import VLLMEngine\n"
        "if multiprocessing.current_process().name != 'MainProcess':\n"
        "    asyncio.run(VLLMEngine('nowhere').start())\n"
        "child = multiprocessing.get_context('spawn').Process(target=print)\n"
        "child.start(), child.join()\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert "put the call under `if __name__ == '__main__':`" in done.stderr


@pytest.mark.parametrize("verbose", [False, True])
def test_an_engine_that_is_closed_cries_no_death(verbose: bool, caplog: pytest.LogCaptureFixture) -> None:
    """What vLLM logs while it is closed is heard only where its log was asked for; before and after it is heard."""
    log = logging.getLogger("vllm.some.room")
    log.error("before")
    with vllm_process.unheard(verbose):
        log.error("The reader failed.")
    log.error("after")
    told = [record.getMessage() for record in caplog.records]
    assert told == ["before", *(["The reader failed."] if verbose else []), "after"]
