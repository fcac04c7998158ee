"""What happens before a run is paid for: `constitution generate --dry-run` and `--preview N`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from constitution.cli.answers import print_json
from constitution.display import console, dry_run_view, preview_view
from constitution.errors import InputError
from constitution.records import REASONS
from constitution.run.background import background
from constitution.run.before.dry_run import dry_run
from constitution.run.before.preview import preview_of
from constitution.run.generate import Job


def show_dry_run(job: Job, rate: float | None, *, as_json: bool) -> None:
    """Count, and print it.

    Raises:
        InputError: as the run itself would.
    """
    with _counting() as progress:
        made = background.call(dry_run(job, rate=rate, on_progress=progress))
    if as_json:
        print_json(made.to_json())
    else:
        console().print(dry_run_view(made, REASONS))


def show_preview(job: Job, *, as_json: bool) -> None:
    """Print what the drawn records of a job tell of the whole run.

    Raises:
        StoreError, InputError: the run's folder cannot be read, or no drawn record is finished.
        typer.Exit: 1 where no pair came out, or the run stopped at its limit.
    """
    if job.limit_reached is not None:
        console(stderr=True).print(job.limit_reached, style="yellow", soft_wrap=True)
    try:
        made = preview_of(job)
    except InputError:
        if job.limit_reached is None:
            raise
        raise typer.Exit(1) from None  # the limit's message says it all
    if as_json:
        print_json(made.to_json())
    else:
        texts = {principle.id: principle.text for principle in job.principles.principles}
        console().print(preview_view(made, REASONS, texts))
    if job.limit_reached is not None or not made.totals["pairs"].value:
        raise typer.Exit(1)


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
