"""`constitution show`: a run as a page that a person reads."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from constitution.api import Run
from constitution.cli import options
from constitution.cli.answers import print_json, run_json
from constitution.cli.exits import told
from constitution.display import console, draw


def show(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    as_json: options.Json = False,
    pairs: Annotated[
        int | None, typer.Option(min=0, help="Show the first N pairs; on a terminal else three that say most.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Another run over the same records: how often both judges agree."),
    ] = None,
) -> None:
    """Show what became of every input of a run."""
    with told():
        opened = Run.open(run)
        other = None if against is None else Run.open(against)
        if as_json:
            agreed = {} if other is None else {"agreement": opened.agreement(other).to_json()}
            print_json(run_json(opened) | agreed)
            return
        out = console()
        if pairs is None:
            chosen = opened.some_pairs() if out.is_terminal else []
        else:
            chosen = list(islice(opened.pairs(), pairs))
        out.print(draw(opened.page(chosen, against=other)))
