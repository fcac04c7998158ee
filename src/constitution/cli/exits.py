"""Exit codes: 0 done, 1 nothing produced or an error, 2 bad input or settings, 130 SIGINT, 143 SIGTERM."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from constitution.display import console, safe
from constitution.errors import ConstitutionError, InputError, RunLocked

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_LOST = (errno.EPIPE, *_FULL)
"""Nobody reads the output any more, as behind `| head`, or it cannot be written."""


@contextmanager
def told() -> Iterator[None]:
    """Turn errors into their message on stderr and their exit code; no traceback for any of them."""
    try:
        yield
    except ConstitutionError as error:
        console(stderr=True).print(safe(str(error)), style="red", soft_wrap=True)
        raise typer.Exit(2 if isinstance(error, InputError | RunLocked) else 1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except OSError as error:
        if error.errno not in _LOST:
            raise
        _give_up_stdout()
        if error.errno in _FULL:
            what = safe(str(error.filename or "the output"))
            console(stderr=True).print(f"{what} cannot be written: {error.strerror}", style="red", soft_wrap=True)
        raise typer.Exit(1) from None


def _give_up_stdout() -> None:
    """Let what is still held for stdout go nowhere, so that the end of the process does not fail on it."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
