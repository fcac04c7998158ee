"""`constitution examine`: what a judge is worth, on pairs whose better answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from constitution.api.examine import examine as run_examination
from constitution.cli import options
from constitution.cli.answers import print_json
from constitution.cli.completion import models, one_of
from constitution.cli.exits import told
from constitution.display import console
from constitution.examination.decision import AT_LEAST
from constitution.sources.judged_sets import DEFAULT, SETS
from constitution.sources.run_file import read_run
from constitution.steps.judge import JUDGE_MODES


def examine(
    judge: Annotated[
        str,
        typer.Option(
            help="demo, scripted, vllm:NAME-OR-PATH, a hub name, a folder, a server's URL#NAME.", autocompletion=models
        ),
    ],
    on: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=PATH]|FILE",
            help=f"{', '.join(SETS)}, or a file of yours. Repeatable; else {' and '.join(DEFAULT)}.",
            autocompletion=one_of(*SETS),
        ),
    ] = None,
    constitution: options.ConstitutionName = "balanced",
    at_least: Annotated[float, typer.Option(help="Accuracy that is asked for.")] = AT_LEAST,
    mode: Annotated[
        str | None,
        typer.Option(help="direct (the default), think or text, as the run asks.", autocompletion=one_of(*JUDGE_MODES)),
    ] = None,
    read: Annotated[
        str | None,
        typer.Option(
            help="pairwise (the default) or scoring, as the run reads.", autocompletion=one_of("pairwise", "scoring")
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many pairs, by hash.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="A folder for answers and record; the same command goes on in it.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of thoughts and of the marks around answers.")] = None,
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """Examine a judge before it labels: 0 if it passed, 1 if not, 2 for bad input."""
    with told():
        run = read_run(
            None, settings or (), constitution=constitution, model=judge, out="-", seed=seed, judge_mode=mode,
            judge_read=read,
        )  # fmt: skip
        keys = run.model_dump(by_alias=True, exclude_defaults=True, exclude={"constitution", "model", "out"})
        made = run_examination(
            judge, on or DEFAULT, constitution=constitution, at_least=at_least, limit=limit, out=out, **keys
        )  # fmt: skip
        if as_json:
            print_json(made.to_json())
        else:
            console().print(made)
    if not made.passed:
        raise typer.Exit(1)
