"""`run.log`: what happened to a run and when, in its folder. Rows and manifests hold no times; this file does."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger("constitution.run")


class _Quiet(logging.FileHandler):
    """A disk that takes no log does not end the run: what matters is in the journal."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Say nothing, where logging itself would print a traceback."""


@contextmanager
def run_log(path: Path) -> Iterator[None]:
    """Write the library's log of level INFO and above to a file while a run is at work; times are UTC."""
    try:
        handler = _Quiet(path, encoding="utf-8", errors="backslashreplace")
    except OSError:
        yield
        return
    form = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    handler.setFormatter(form)
    ours = logging.getLogger("constitution")
    before = ours.level
    ours.setLevel(min(ours.getEffectiveLevel(), logging.INFO))
    ours.addHandler(handler)
    try:
        yield
    finally:
        ours.removeHandler(handler)
        ours.setLevel(before)
        handler.close()
