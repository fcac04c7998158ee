"""`constitution revise`: one answer, criticised and revised, every round on the terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from constitution.api import Constitution
from constitution.cli import options
from constitution.cli.answers import print_json
from constitution.cli.exits import told
from constitution.display import console
from constitution.sources.run_file import read_run


def revise(
    prompt: str,
    constitution: options.ConstitutionName = "balanced",
    model: options.ModelName = "demo",
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds of critique and revision.")] = None,
    response: Annotated[str | None, typer.Option(help="An answer that exists already.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of all choices.")] = None,
    verdict_first: Annotated[bool, typer.Option("--verdict-first", help="A finding first; none, no revision.")] = False,
    no_critique: Annotated[bool, typer.Option("--no-critique", help="Revise without a critique.")] = False,
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """Draft, criticise and revise one answer, and show every round."""
    with told():
        loaded = Constitution.load(constitution)
        run = read_run(
            None, settings or (), constitution=constitution, model=model, out="-", rounds=rounds, seed=seed,
            verdict_first=verdict_first or None, critique=False if no_critique else None,
        )  # fmt: skip
        keys = run.model_dump(by_alias=True, exclude_defaults=True, exclude={"constitution", "model", "out", "recipe"})
        revised = loaded.revise(prompt, response, model=model, **keys)
        assert not isinstance(revised, list)
        if as_json:
            print_json(revised.to_json())
        else:
            console().print(revised)
        if revised.draft is None:
            raise typer.Exit(1)
