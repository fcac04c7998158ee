"""Kills an engine's processes when the process that started them is gone.

Run as a script of its own, in a session of its own, by `constitution.engines.vllm.process`: a SIGKILL of the parent
leaves nobody else who could. Imports nothing of this package, so that it starts at once.

Usage: watchdog.py PARENT_PID [LOG], where LOG is removed in the end; on standard input a line with the engine's
process numbers once it runs. The end of the input means that the engine is not wanted any more; another parent means
that the parent is gone.
"""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

import psutil

STARTING_SECONDS = 0.2
"""How often the parent's new children are listed while the engine starts."""
RUNNING_SECONDS = 1.0
"""How often the parent is looked for, where a forked child keeps the pipe open."""


def descendants(pid: int, since: float = 0.0) -> list[psutil.Process]:
    """All children of a process, and theirs, that were started at `since` (seconds of the epoch) or later."""
    try:
        return [child for child in psutil.Process(pid).children(recursive=True) if child.create_time() >= since]
    except psutil.NoSuchProcess:
        return []


def kill(processes: set[psutil.Process]) -> None:
    """Kill `processes` and what they have started."""
    for process in list(processes):
        processes.update(descendants(process.pid))
    for process in processes:
        try:
            process.kill()  # does nothing to another process with the same number
        except psutil.Error:
            continue


def watch(parent: int) -> set[psutil.Process]:
    """Wait until the parent is gone; return what to kill."""
    me = psutil.Process()
    engine: set[psutil.Process] = set()
    starting = True
    while True:
        readable, _, _ = select.select([0], [], [], STARTING_SECONDS if starting else RUNNING_SECONDS)
        words = os.read(0, 65536).split() if readable else None
        if words is not None:
            if not words:
                return engine
            starting = False
            engine = {psutil.Process(int(word)) for word in words if word.isdigit() and psutil.pid_exists(int(word))}
        if os.getppid() != parent:
            return engine
        if starting:
            engine |= set(descendants(parent, me.create_time())) - {me}


if __name__ == "__main__":
    kill(watch(int(sys.argv[1])))
    for log in sys.argv[2:]:
        Path(log).unlink(missing_ok=True)
