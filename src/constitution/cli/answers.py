"""What a command answers programs: one JSON value on stdout, and nothing else there."""

from __future__ import annotations

import errno
import json
import os
import sys
from typing import Any

from constitution.api import Run


def print_json(data: object) -> None:
    """The whole answer. What stdout cannot show stands as an escape.

    Raises:
        OSError: it cannot be written; `told` tells.
    """
    if sys.stdout is None:  # closed before the command began
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
    text = json.dumps(data, indent=2, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(data, indent=2)
    print(text, flush=True)  # noqa: T201 - the output of the command; what fails, fails here and not at the exit


def run_json(run: Run) -> dict[str, Any]:
    """A run: its folder and its sums."""
    return {"path": str(run.path), **run.summary()}
