"""`constitution refusals`: which answers refuse, and whether people say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from constitution.api.refusals import refusals as tag
from constitution.cli import options
from constitution.cli.answers import print_json
from constitution.cli.completion import one_of
from constitution.cli.exits import told
from constitution.display import console
from constitution.sources.prompts.reading import BAD_ROWS
from constitution.steps.refusals.measure import HARDEST


def refusals(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="CSV, JSONL, JSON, parquet, - for stdin; or a run's folder.")
    ],
    text: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column of the answers; else found.")] = None,
    label: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of people's labels; - for none; else found.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Labels of another tagger, to be compared with this one.")
    ] = None,
    bad_rows: Annotated[
        str, typer.Option(help="error, or drop rows without an answer.", autocompletion=one_of(*BAD_ROWS))
    ] = "error",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N rows.")] = None,
    hardest: Annotated[int, typer.Option(min=0, help="Rows to show.")] = HARDEST,
    out: Annotated[Path | None, typer.Option(help="A file for every row with its kind and cues: JSON lines.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace that file.")] = False,
    as_json: options.Json = False,
) -> None:
    """Tell which answers refuse, and how often people say the same. No model is asked.

    For example: constitution refusals answers.csv --label final_label --out tagged.jsonl
    """
    with told():
        found = tag(
            files, text=text, label=label, against=against, bad_rows=bad_rows, limit=limit, hardest=hardest, out=out,
            overwrite=overwrite,
        )  # fmt: skip
        if as_json:
            print_json(found.to_json())
        else:
            console().print(found)
    if not found.measured.whole.answers:
        raise typer.Exit(1)
