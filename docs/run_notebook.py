"""Executes `examples/first_steps.ipynb` in a kernel of its own and writes it with its outputs.

    python docs/run_notebook.py           # or: make notebook

What is drawn while something works (progress on standard error) is left out, and so is everything about this machine.
The test suite executes the notebook again and compares what does not depend on the machine.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "examples" / "first_steps.ipynb"
SECONDS = 600
"""For one cell; the first one that asks a model starts the engine."""


def executed(path: Path, folder: Path) -> Any:
    """The notebook at `path` with new outputs; its cells run in `folder`.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised.
    """
    notebook = nbformat.read(path, as_version=4)
    kernel = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=kernel, record_timing=False).execute()
    return cleaned(notebook)


def cleaned(notebook: Any) -> Any:
    """The notebook without progress and without traces of the machine."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


def main() -> None:
    """Write the notebook with new outputs."""
    with tempfile.TemporaryDirectory() as folder:
        notebook = executed(NOTEBOOK, Path(folder))
    nbformat.write(notebook, NOTEBOOK)
    sys.stdout.write(f"{NOTEBOOK.name}: {len(notebook.cells)} cells\n")


if __name__ == "__main__":
    main()
