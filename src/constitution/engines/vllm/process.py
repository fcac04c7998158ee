"""The processes behind an in-process vLLM: kept from Ctrl-C, never left behind, and quiet.

vLLM serves from processes of its own. A SIGINT goes to the whole group of a terminal and would kill them with every
request in flight; a SIGKILL of this process would leave them running with all their memory.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from multiprocessing import resource_tracker, util
from pathlib import Path
from typing import Any

from constitution.errors import EngineStartError

_SPAWN = "spawnv_passfds"
"""The one function through which `multiprocessing` starts a process by spawning."""


def refuse_in_child() -> None:
    """Refuse to start an engine while a spawned child still imports the user's script.

    Raises:
        EngineStartError: this is such a child: the script has no main guard.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise EngineStartError(
            "the engine starts a process that imports your script again, and the script then starts an engine again: "
            "put the call under `if __name__ == '__main__':`"
        )


@contextlib.contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set what the user has not set, for the time of the start; the engine's processes inherit it."""
    ours = {name: value for name, value in settings.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


@contextlib.contextmanager
def unheard(verbose: bool) -> Iterator[None]:
    """VLLM logs nothing: on busy machines its reader takes the end of a process that is closed for a death."""
    vllm = logging.getLogger("vllm")
    before = vllm.level
    if not verbose:
        vllm.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        vllm.setLevel(before)


@contextlib.contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Processes started in this thread never see SIGINT."""
    # Started by itself it would unblock the signal in the middle of what follows.
    resource_tracker.ensure_running()
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def output_to(log: Path | None) -> Iterator[None]:
    """Processes spawned in this thread write to `log` instead of this process's output; None leaves them be."""
    spawn: Any = getattr(util, _SPAWN, None)
    if log is None or spawn is None:
        yield
        return
    here = threading.get_ident()

    def quiet(*arguments: Any) -> Any:
        if threading.get_ident() != here:
            return spawn(*arguments)
        with _descriptors_to(log):
            return spawn(*arguments)

    setattr(util, _SPAWN, quiet)
    try:
        yield
    finally:
        setattr(util, _SPAWN, spawn)


@contextlib.contextmanager
def _descriptors_to(log: Path) -> Iterator[None]:
    """Standard output and error point to `log` for the moment of a spawn."""
    kept = os.dup(1), os.dup(2)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.dup2(file, 1)
        os.dup2(file, 2)
        yield
    finally:
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        for descriptor in (*kept, file):
            os.close(descriptor)


def new_log() -> Path:
    """An empty file for the engine's noise."""
    descriptor, name = tempfile.mkstemp(prefix="constitution-engine-", suffix=".log")
    os.close(descriptor)
    return Path(name)


class Watchdog:
    """A process that kills the engine's processes as soon as this one is gone."""

    def __init__(self, log: Path | None = None) -> None:
        """Start it before the engine, whose `log` it removes in the end."""
        self._before = {child.pid for child in multiprocessing.active_children()}
        script = Path(__file__).with_name("watchdog.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(os.getpid()), *([str(log)] if log else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def ready(self) -> None:
        """The engine runs: these are its processes."""
        children = [child for child in multiprocessing.active_children() if child.pid not in self._before]
        named = [child for child in children if "Engine" in child.name]
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(" ".join(str(child.pid) for child in named or children).encode() + b"\n")
            self._process.stdin.flush()

    def kill(self) -> None:
        """Kill what is left of the engine's processes, and end."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
