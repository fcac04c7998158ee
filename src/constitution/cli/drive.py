"""Drive a run from the terminal: progress, and signals that stop it so that it can go on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from types import FrameType
from typing import Self

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from constitution.display import console
from constitution.display.progress import counts, wanted
from constitution.run.background import background
from constitution.run.generate import Job, generate
from constitution.run.worker import Progress as Done

POLL_SECONDS = 0.2
LINE_SECONDS = 15.0
"""Between two lines of progress where the output is no terminal."""


class Stopper:
    """First signal: stop so that the same command goes on. Second one: exit at once."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.signal: int | None = None

    def __call__(self, number: int, _: FrameType | None) -> None:
        """Handle SIGINT or SIGTERM."""
        if self.signal is not None:
            os._exit(128 + number)
        self.signal = number
        background.loop().call_soon_threadsafe(self._job.stop)
        os.write(2, b"\nstopping: what was answered is being written; once more to exit at once\n")


@contextmanager
def _signals(stopper: Stopper) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stopper) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def drive(job: Job) -> None:
    """Run a job to its end.

    Raises:
        ConstitutionError: as `generate` does.
        typer.Exit: 130 after SIGINT, 143 after SIGTERM.
    """
    stopper = Stopper(job)
    latest: list[Done] = []

    def progress(done: Done) -> None:
        latest[:] = [done]

    job.on_progress = progress
    view = _Bar() if wanted(None) else _Lines()
    job.on_start = view.say
    with _signals(stopper), view:
        future = background.submit(generate(job))
        while True:
            try:
                future.result(timeout=POLL_SECONDS)
                break
            except NotYet:
                if future.done():
                    raise
                view.update(latest[0] if latest else None)
        view.update(latest[0] if latest else None)
    if stopper.signal is not None:
        console(stderr=True).print("stopped; the same command goes on with the run")
        raise typer.Exit(128 + stopper.signal)


def _rates(done: Done) -> str:
    seconds = max(done.seconds, 1e-9)
    rate = (done.done - done.done_before) / seconds
    left = (done.total - done.done) / rate if rate > 0 else None
    text = f"{rate:,.1f}/s  {done.output_tokens / seconds:,.0f} tok/s"
    return text if left is None else f"{text}  {_clock(left)} left"


def _clock(seconds: float) -> str:
    whole = int(seconds + 0.5)
    return (
        f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
        if whole >= 3600
        else f"{whole // 60}:{whole % 60:02d}"
    )


class _Bar:
    """A bar on a terminal."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}", markup=False),
            TextColumn("{task.fields[rates]}", markup=False),
            TimeElapsedColumn(),
            console=console(stderr=True),
            transient=False,
        )
        self._task: TaskID | None = None
        self._said = "starting"

    def __enter__(self) -> Self:
        self._progress.start()
        self._task = self._progress.add_task("starting", total=1, completed=0, rates="")
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, what: str) -> None:
        """What happens before the first token."""
        self._said = what

    def update(self, done: Done | None) -> None:
        """Show how far the run is."""
        assert self._task is not None
        if done is None:
            self._progress.update(self._task, description=self._said)
            return
        self._progress.update(
            self._task,
            description=counts(done.sums.outcomes),
            total=done.total,
            completed=done.done,
            rates=_rates(done),
        )


class _Lines:
    """A line now and then where the output is no terminal."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._last = time.monotonic()
        self._shown = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def say(self, what: str) -> None:
        """What happens before the first token."""
        self._console.print(what, soft_wrap=True)

    def update(self, done: Done | None) -> None:
        """Print a line when it is time for one, and at the end."""
        if done is None or done.done == self._shown:
            return
        if done.done == done.total or time.monotonic() - self._last >= LINE_SECONDS:
            self._last, self._shown = time.monotonic(), done.done
            self._console.print(
                f"{done.done:,}/{done.total:,}  {counts(done.sums.outcomes)}  {_rates(done)}", soft_wrap=True
            )
