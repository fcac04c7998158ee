"""What happens before a run is paid for: `constitution generate --dry-run`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from constitution.display import console, dry_run_view
from constitution.records import REASONS
from constitution.run.background import background
from constitution.run.dry_run import dry_run
from constitution.run.generate import Job


def show_dry_run(job: Job, rate: float | None, *, as_json: bool) -> None:
    """Count, and print it.

    Raises:
        InputError: as the run itself would.
    """
    with _counting() as progress:
        made = background.call(dry_run(job, rate=rate, on_progress=progress))
    if as_json:
        print(json.dumps(made.to_json(), indent=2, ensure_ascii=False))  # noqa: T201 - the output of this command
    else:
        console().print(dry_run_view(made, REASONS))


@contextmanager
def _counting() -> Iterator[Callable[[int, int], None]]:
    """A bar that goes again, on a terminal; nothing where the output is none."""
    out = console(stderr=True)
    if not out.is_terminal:
        yield lambda _done, _total: None
        return
    columns = (TextColumn("counting"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task("counting", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
