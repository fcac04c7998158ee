"""An event loop in a thread of its own, so that synchronous doors work inside a running loop (notebooks)."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future, wait
from typing import Any, TypeVar

T = TypeVar("T")

_THREAD = "constitution-loop"
_LAST_SECONDS = 60
"""How long an interrupted call waits for its work to end."""
TICK_SECONDS = 0.2
"""Between two calls of `meanwhile`."""


class Background:
    """One loop for all engines and runs of the process; engines live on it."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know no loop any more: in a forked child its thread does not run, and its lock may be held for ever."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, started on first use, and anew after a fork."""
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                threading.Thread(target=loop.run_forever, name=_THREAD, daemon=True).start()
                self._loop = loop
            return self._loop

    @property
    def running(self) -> bool:
        """Whether the loop was started in this process."""
        return self._loop is not None

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start work on the loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop())

    def call(
        self,
        work: Coroutine[Any, Any, T],
        on_interrupt: Callable[[], None] | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> T:
        """Do work on the loop and wait for it.

        A KeyboardInterrupt in the calling thread calls `on_interrupt` on the loop (without it, cancels the work),
        waits for the work to end, and is raised again. `meanwhile` is called in the calling thread, again and again.
        """
        if threading.current_thread().name == _THREAD:
            work.close()
            raise RuntimeError("called from the library's own loop; use the async twin (arevise, agenerate)")
        future = self.submit(work)
        try:
            while meanwhile is not None and not wait([future], timeout=TICK_SECONDS).done:
                meanwhile()
            return future.result()
        except KeyboardInterrupt:
            if on_interrupt is None:
                future.cancel()
            else:
                self.loop().call_soon_threadsafe(on_interrupt)
            with contextlib.suppress(Exception, FutureCancelled):
                future.result(timeout=_LAST_SECONDS)
            raise


def after_fork(forget: Callable[[], None]) -> None:
    """Have something forgotten in a forked child, where the system forks."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=forget)


background = Background()
after_fork(background.forget)


async def on_background(
    work: Coroutine[Any, Any, T],
    on_cancel: Callable[[], None] | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> T:
    """Do work on the background loop from another loop.

    Being cancelled calls `on_cancel` on the background loop and waits for the work to end; without it, it cancels the
    work. `meanwhile` is called on the other loop, again and again.
    """
    future = background.submit(work)
    ours = asyncio.wrap_future(future)
    try:
        while meanwhile is not None and not (await asyncio.wait([ours], timeout=TICK_SECONDS))[0]:
            meanwhile()
        return await asyncio.shield(ours)
    except asyncio.CancelledError:
        if on_cancel is None:
            future.cancel()
        else:
            background.loop().call_soon_threadsafe(on_cancel)
            ended, _ = await asyncio.wait([ours], timeout=_LAST_SECONDS)
            for one in ended:
                one.exception()  # looked at, so that asyncio does not complain: being cancelled says more
        raise


def at_exit(close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Close something that lives on the loop when the process ends."""

    def run() -> None:
        if background.running:
            with contextlib.suppress(Exception):
                background.submit(close()).result(timeout=30)

    atexit.register(run)
