"""Makes one run again and again in forked children that are killed, and goes on with it; prints what was seen.

A process of its own, so that imports are paid once and no thread of pytest is forked. It takes one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from constitution import Request
from constitution.engines.scripted import from_key
from constitution.errors import RequestRefused
from constitution.run.generate import Job, generate
from constitution.run.resolve import build_recipe
from constitution.run.serving import pool
from constitution.sources.constitution_file import read_constitution
from constitution.sources.run_file import read_run
from constitution.store import journal
from tests.scripted_runs import LoggingEngine

GROUP = 4
"""Events of a group commit here, so that a small run has many of them."""


def fault(request: Request) -> Exception | None:
    """Record r2 fails in its critique."""
    if request.record == "r2" and request.stage == "critique":
        return RequestRefused("refused by the test")
    return None


def script(request: Request) -> str:
    """Record r4 never gets a draft."""
    return "" if request.record == "r4" else from_key(request)


class Killer:
    """Counts the moments at which the process could die, and dies at one of them."""

    def __init__(self, at: int | None, count: Path) -> None:
        self.at, self.seen, self.count = at, 0, count

    def point(self) -> bool:
        self.seen += 1
        return self.seen == self.at

    def moment(self) -> None:
        if self.point():
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*given: Any, **named: Any) -> Any:
            self.moment()
            result = function(*given, **named)
            self.moment()
            return result

        return wrapped

    def torn(self, handle: int, data: bytes) -> None:
        self.moment()
        if self.point():
            os.write(handle, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        os.write(handle, data)
        self.moment()

    def install(self) -> None:
        journal.GROUP_EVENTS = journal.MAX_UNWRITTEN = GROUP
        journal._write_all = self.torn
        journal._sync = self.around(os.fdatasync)
        journal.Journals.append = self.around(journal.Journals.append)  # type: ignore[method-assign]  # a kill point
        Path.replace = self.around(Path.replace)  # type: ignore[method-assign]  # a kill point


def make(job: dict[str, Any], out: Path, log: Path) -> Job:
    """The run as an object."""
    run = read_run(
        None, constitution="tiny", model="LoggingEngine", prompts=job["prompts"], out=str(out), **job["settings"]
    )
    principles = read_constitution(job["constitution"])
    engine = LoggingEngine(log, script=script, fault=fault, latency_ms=job["latency_ms"])
    return Job(run, principles, build_recipe(run, principles), engine=engine)


def warm(job: dict[str, Any], folder: Path) -> None:
    """Pay for imports and first calls once, and leave no thread behind that a fork would lose."""
    with tempfile.TemporaryDirectory(dir=folder) as empty:
        asyncio.run(generate(make(job, Path(empty) / "warm", Path(empty) / "log")))
    pool.forget()
    assert threading.active_count() == 1


def session(job: dict[str, Any], out: Path, log: Path, at: int | None) -> int:
    """One forked child that makes or continues the run; gives its process id."""
    child = os.fork()
    if child:
        return child
    try:
        killer = Killer(at, out)
        killer.install()
        asyncio.run(generate(make(job, out, log)))
        log.with_name(log.name + ".points").write_text(str(killer.seen))
    except BaseException:  # noqa: BLE001 - whatever it is, a forked child must not run on in the parent
        traceback.print_exc()
        os._exit(3)
    os._exit(0)


def ended(child: int) -> str:
    """How a child ended: `killed`, or its exit code."""
    status = os.waitpid(child, 0)[1]
    return "killed" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL else str(os.WEXITSTATUS(status))


def keys(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def at_points(job: dict[str, Any], folder: Path, points: list[int]) -> list[dict[str, Any]]:
    """For each point: a run killed there, and the same run to its end."""
    seen = []
    for point in points:
        out, first, second = folder / f"run-{point}", folder / f"first-{point}", folder / f"second-{point}"
        how = [ended(session(job, out, first, point)), ended(session(job, out, second, None))]
        seen.append({"at": point, "how": how, "out": str(out), "asked": [keys(first), keys(second)]})
    return seen


def at_moments(job: dict[str, Any], folder: Path, kills: int, seed: int) -> list[dict[str, Any]]:
    """Runs that are killed at random moments, several times each, then left to end; until there were `kills`."""
    chance = random.Random(seed)
    seen: list[dict[str, Any]] = []
    done = 0
    while done < kills:
        out = folder / f"run-{seed}-{len(seen)}"
        asked: list[list[str]] = []
        how: list[str] = []
        while not how or how[-1] == "killed":
            log = folder / f"{out.name}-{len(how)}.log"
            child = session(job, out, log, None)
            if how.count("killed") < 5 and done < kills:
                time.sleep(chance.uniform(0, job["seconds"]))
                os.kill(child, signal.SIGKILL)  # where it has ended already, its code is still to be waited for
            how.append(ended(child))
            asked.append(keys(log))
            done += how[-1] == "killed"
        seen.append({"how": how, "out": str(out), "asked": asked})
    return seen


def main() -> None:
    given = json.loads(sys.argv[1])
    folder = Path(given["folder"])
    warm(given["job"], folder)
    if given["mode"] == "whole":
        out, log = folder / "whole", folder / "whole.log"
        began = time.monotonic()
        how = ended(session(given["job"], out, log, None))
        seconds = time.monotonic() - began
        points = int(log.with_name(log.name + ".points").read_text())
        print(json.dumps({"how": how, "out": str(out), "asked": keys(log), "points": points, "seconds": seconds}))
    elif given["mode"] == "points":
        print(json.dumps(at_points(given["job"], folder, given["points"])))
    else:
        print(json.dumps(at_moments(given["job"], folder, given["kills"], given["seed"])))


if __name__ == "__main__":
    main()
