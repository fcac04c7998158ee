"""Exit codes: 0 done, 1 nothing produced or an error, 2 bad input or settings, 130 SIGINT, 143 SIGTERM."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from constitution.display import console, safe
from constitution.errors import ConstitutionError, InputError, RunLocked


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
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
