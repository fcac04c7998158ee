"""A bar in a notebook or on a terminal. Any thread says how far the work is; the one that waits for it draws."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self

from constitution.run.worker import Progress

AGAIN_SECONDS = 1.0
"""After which a bar is drawn again though nothing is new: its clock goes on."""


def wanted(progress: bool | None) -> bool:
    """Whether a bar is to be shown.

    Args:
        progress: what the user said; None = where a person may be looking, in a notebook or on a terminal.
    """
    if progress is not None:
        return progress
    return in_notebook() or (sys.stderr.isatty() and os.environ.get("TERM") != "dumb")


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this; IPython is looked for only where it is loaded."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def counts(outcomes: Mapping[str, int]) -> str:
    """What became of the inputs so far."""
    return "  ".join(f"{count:,} {name}" for name, count in outcomes.items() if count)


class Bar:
    """What happens before the first token, then how far the work is.

    Args:
        name: of the work.
        show: whether anything is drawn at all.
        keep: whether the bar stays when the work is done.
    """

    def __init__(self, name: str, *, show: bool, keep: bool = True) -> None:
        self._name = name
        self._keep = keep
        self._shows = show
        self._said = "starting"
        self._done: tuple[int, int, int, float, str] | None = None
        """Done, of all, done before, seconds, and what else is told."""
        self._drawn: object = None
        self._when = 0.0
        self._bar: Any = None
        self._began = time.monotonic()

    def say(self, what: str) -> None:
        """What happens before the first token. For any thread."""
        self._said = what

    def update(self, done: Progress) -> None:
        """How far a run is. For any thread."""
        note = counts(done.sums.outcomes)
        if done.output_tokens:
            note += f"  {done.output_tokens / max(done.seconds, 1e-9):,.0f} tok/s"
        self._done = (done.done, done.total, done.done_before, done.seconds, note)

    def count(self, done: int, total: int) -> None:
        """How many of a list are done. For any thread."""
        if not done:
            self._began = time.monotonic()
        self._done = (done, total, 0, time.monotonic() - self._began, "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        keep = self._keep and self._done is not None
        if keep or self._bar is not None:
            self.draw()
        if self._bar is not None:
            with contextlib.suppress(Exception):  # whatever a notebook's display says, the work is done
                self._bar.leave = keep
                self._bar.close()
            self._bar = None
            self._shows = False

    def draw(self) -> None:
        """Show it; for the thread that waits for the work. A display that fails ends the bar, not the work."""
        if not self._shows:
            return
        state = (self._said, self._done)
        if state == self._drawn and time.monotonic() - self._when < AGAIN_SECONDS:
            return
        try:
            self._draw()
        except Exception:  # noqa: BLE001 - whatever a notebook or a closed stream raises: it is only a bar
            self._shows = False
        self._drawn, self._when = state, time.monotonic()

    def _draw(self) -> None:
        if self._bar is None:
            self._bar = _bar(self._said)
        if self._done is None:
            self._bar.set_description_str(self._said, refresh=False)
        else:
            done, total, before, seconds, note = self._done
            if self._bar.bar_format is not None:
                self._bar.bar_format = None
                self._bar.set_description_str(f"{self._name}: ", refresh=False)
                self._bar.reset(total)
                self._bar.start_t -= seconds
            self._bar.initial, self._bar.n = before, done
            self._bar.set_postfix_str(note, refresh=False)
        self._bar.refresh()


def _bar(said: str) -> Any:
    """A bar that shows a line and a clock at first. `tqdm.auto` would warn where a notebook has no widgets."""
    options: dict[str, Any] = {"desc": said, "bar_format": "{desc} [{elapsed}]", "unit": " prompts", "mininterval": 0}
    if in_notebook() and find_spec("ipywidgets") is not None:
        with contextlib.suppress(Exception):  # widgets that do not load: text does
            from tqdm.notebook import tqdm as widget

            return widget(**options)
    from tqdm.std import tqdm

    return tqdm(**options, file=sys.stderr, dynamic_ncols=True)
