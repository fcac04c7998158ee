"""Bars: where they show, what they say, and that they never break the work."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from constitution import EngineStartError, Run, ScriptedEngine
from constitution.display.progress import Bar, wanted
from constitution.engine import Capabilities
from constitution.run.worker import Progress
from constitution.store.sums import Sums
from tests.scripted_runs import prompts, tiny


class Screen(StringIO):
    """A terminal that remembers who wrote on it."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__()
        self.broken = broken
        self.threads: set[str] = set()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.threads.add(threading.current_thread().name)
        if self.broken:
            raise OSError("the window is closed")
        return super().write(text)


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that can move its cursor, where there is one."""
    monkeypatch.setenv("TERM", "xterm")


@contextmanager
def looked_at(*, broken: bool = False) -> Iterator[Screen]:
    """Standard error as a terminal."""
    with redirect_stderr(Screen(broken=broken)) as screen:
        yield screen


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook's kernel, as IPython shows it; it has no widgets."""
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]  # made here
    monkeypatch.setitem(sys.modules, "IPython", ipython)


def test_nothing_is_shown_where_nobody_looks(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """No terminal, no notebook: not a word, unless asked."""
    assert not wanted(None)
    assert wanted(True)
    tiny(tmp_path).generate(prompts(3), tmp_path / "run", model="scripted")
    tiny(tmp_path).revise(["a", "b"], model="scripted")
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it can move no cursor, or the user wants none."""
    with looked_at():
        assert wanted(None)
        assert not wanted(False)
        monkeypatch.setenv("TERM", "dumb")
        assert not wanted(None)


@pytest.mark.usefixtures("kernel")
def test_a_notebook_shows_a_bar() -> None:
    """Also where standard error is no terminal; without widgets it is text, and no warning comes."""
    assert wanted(None)
    with Bar("generate", show=True) as bar:
        bar.say("starting the engine: demo")
        bar.draw()


def test_what_a_bar_says() -> None:
    """What happens before the first token, then how far the run is and what became of it."""
    with looked_at() as screen:
        sums = Sums()
        sums.outcomes.update(paired=3, dropped=1)
        with Bar("generate", show=True) as bar:
            bar.say("starting the engine: demo")
            bar.draw()
            assert "starting the engine: demo [00:00]" in screen.getvalue()
            bar.update(Progress(6, 10, sums, 5000, 100.0, 2))
            bar.draw()
        last = screen.getvalue().split("\r")[-1]
        for text in ("generate: ", "60%", "6/10", "01:40<01:40", "3 paired  1 dropped", "50 tok/s"):
            assert text in last, text


def test_a_run_shows_how_far_it_is(tmp_path: Path) -> None:
    """Drawn by the thread that waits, whichever finishes the records; the user's own callback is called as well."""
    with looked_at() as screen:
        seen: list[int] = []
        engine = ScriptedEngine(latency_ms=30)
        run = tiny(tmp_path).generate(
            prompts(12), tmp_path / "run", model=engine, in_flight=2, on_progress=lambda done: seen.append(done.done)
        )
        assert run.complete
        assert seen == list(range(1, 13))
        assert "12/12" in screen.getvalue().split("\r")[-1]
        assert "12 paired" in screen.getvalue()
        assert screen.threads == {"MainThread"}


def test_a_list_shows_how_far_it_is(tmp_path: Path) -> None:
    """The bar of a list stays, that of one prompt goes."""
    with looked_at() as screen:
        engine = ScriptedEngine(latency_ms=100)
        tiny(tmp_path).revise(["a", "b", "c"], model=engine)
        assert "3/3" in screen.getvalue().split("\r")[-1]
        screen.truncate(0)
        tiny(tmp_path).revise("a", model=engine)
        assert "revise" in screen.getvalue()
        assert not screen.getvalue().split("\r")[-1].strip()


def test_the_async_twins_show_it_too(tmp_path: Path) -> None:
    """Drawn on the user's own loop."""
    with looked_at() as screen:
        engine = ScriptedEngine(latency_ms=60)

        async def both() -> Run:
            await tiny(tmp_path).arevise(["a", "b", "c"], model=engine)
            return await tiny(tmp_path).agenerate(prompts(4), tmp_path / "run", model=engine)

        assert asyncio.run(both()).complete
        assert "revise: 100%" in screen.getvalue()
        assert "generate: 100%" in screen.getvalue()
        assert screen.threads == {"MainThread"}


def test_a_display_that_fails_ends_no_run(tmp_path: Path) -> None:
    """The window may be closed; the records are made."""
    with looked_at(broken=True):
        run = tiny(tmp_path).generate(prompts(8), tmp_path / "run", model=ScriptedEngine(latency_ms=60), progress=True)
    assert run.complete


class Unwilling(ScriptedEngine):
    """Takes its time, and does not start."""

    async def start(self, labels: tuple[str, ...] = ()) -> Capabilities:
        """Refuse."""
        await asyncio.sleep(0.5)
        raise EngineStartError("not today")


def test_an_error_closes_the_bar(tmp_path: Path) -> None:
    """What was said before the first token goes away, and the error stands alone."""
    with looked_at() as screen:
        with pytest.raises(EngineStartError):
            tiny(tmp_path).generate(prompts(2), tmp_path / "run", model=Unwilling())
        assert "reading the prompts" in screen.getvalue()
        assert not screen.getvalue().split("\r")[-1].strip()


def test_a_bar_costs_no_import() -> None:
    """Where nothing is drawn, tqdm is not loaded."""
    with Bar("generate", show=False) as bar:
        bar.say("x")
        bar.draw()
        assert bar._bar is None
