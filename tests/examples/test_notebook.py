"""The tour in `examples/first_steps.ipynb`: what is committed is what comes out, one engine for all of its calls."""

from __future__ import annotations

import os
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from constitution import ScriptedEngine
from constitution.engine import Capabilities
from constitution.run.serving import pool
from tests.display.seen import Seen
from tests.scripted_runs import prompts, tiny

ROOT = Path(__file__).parents[2]
TOOL = runpy.run_path(str(ROOT / "docs" / "run_notebook.py"))
SUMS = re.compile(
    r"paired\s+(\d+)\s.*?fine\s+(\d+)\s.*?dropped\s+(\d+)\s.*?failed\s+(\d+)\s.*?inputs\s+(\d+)\s", re.DOTALL
)


def cells(notebook: Any) -> list[Any]:
    """Its cells of code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(notebook: Any) -> list[list[str]]:
    """What each cell puts out, as kinds of output."""
    return [
        [",".join(sorted(out.get("data", {out.get("name"): ""}))) for out in cell.outputs] for cell in cells(notebook)
    ]


def texts(notebook: Any) -> Iterator[str]:
    """Everything that it puts out."""
    for cell in cells(notebook):
        for output in cell.outputs:
            yield from [output.text] if "text" in output else output.data.values()


@pytest.fixture(scope="module")
def committed() -> Any:
    """The notebook as it stands in the repository."""
    return nbformat.read(TOOL["NOTEBOOK"], as_version=4)


def check(notebook: Any) -> None:
    """What is true of its outputs on any machine."""
    seen = "\n".join(Seen(text).text if text.startswith("<style>") else text for text in texts(notebook))
    sums = SUMS.search(seen)
    assert sums is not None
    *parts, inputs = map(int, sums.groups())
    assert sum(parts) == inputs
    outcomes = next(text for text in texts(notebook) if text.startswith("{'paired'"))
    assert re.findall(r"\d+", outcomes) == [str(part) for part in parts] + ["0"]
    assert f"num_rows: {parts[0]}" in seen
    for private in (str(Path.home()) + "/", "/tmp/", str(ROOT)):
        assert private not in nbformat.writes(notebook), private


def test_what_is_committed_is_whole(committed: Any) -> None:
    """Run from the first cell to the last, no errors, no progress, sums that add up, nothing of the machine."""
    nbformat.validate(committed)
    assert [cell.execution_count for cell in cells(committed)] == list(range(1, len(cells(committed)) + 1))
    assert all(
        output.output_type in ("execute_result", "stream") for cell in cells(committed) for output in cell.outputs
    )
    assert "stderr" not in nbformat.writes(committed)
    check(committed)


@pytest.mark.engine
def test_it_runs(committed: Any, small_model: Path, tmp_path: Path) -> None:
    """In a kernel, inside its running loop: no error, the same kinds of output, one engine start."""
    started = Path(os.environ["CONSTITUTION_COUNT_STARTS"])
    before = started.read_text().count("\n") if started.exists() else 0
    again = TOOL["executed"](TOOL["NOTEBOOK"], tmp_path)
    assert kinds(again) == kinds(committed)
    check(again)
    assert [cell.source for cell in again.cells] == [cell.source for cell in committed.cells]
    assert started.read_text().count("\n") == before + 1


def test_the_kernel_needs_no_model(tmp_path: Path) -> None:
    """The same cells on the scripted engine: they run in a kernel, and put out the same kinds."""
    notebook = nbformat.read(TOOL["NOTEBOOK"], as_version=4)
    for cell in cells(notebook):
        cell.source = cell.source.replace('"model": "demo"', '"model": "scripted"')
    nbformat.write(notebook, tmp_path / "scripted.ipynb")
    done = TOOL["executed"](tmp_path / "scripted.ipynb", tmp_path)
    assert kinds(done) == kinds(nbformat.read(TOOL["NOTEBOOK"], as_version=4))
    check(done)


class Counting(ScriptedEngine):
    """Counts how often it is started."""

    starts = 0

    async def start(self, labels: tuple[str, ...] = ()) -> Capabilities:
        """Count."""
        self.starts += 1
        return await super().start(labels)


def test_ten_calls_start_one_engine(tmp_path: Path) -> None:
    """An engine object, and a model string, for one prompt, lists and runs."""
    constitution, engine = tiny(tmp_path), Counting()
    for number in range(10):
        constitution.revise(f"Question {number}?", model=engine)
    constitution.generate(prompts(2), tmp_path / "run", model=engine)
    assert engine.starts == 1

    def running() -> set[int]:
        return {id(engine) for engine, _ in pool._running.values()}

    constitution.revise("Why?", model="scripted:tour")
    once = running()
    for number in range(9):
        constitution.revise([f"Question {number}?", "And?"], model="scripted:tour")
    assert running() == once
