"""`constitution prove`: what the method does to a model, measured by code that no model sees."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated

import typer

from constitution.cli import options
from constitution.cli.answers import print_json
from constitution.cli.exits import told
from constitution.display import console, safe
from constitution.proof.proving import ONLY, Sizes
from constitution.proof.proving import prove as run_proof
from constitution.proof.record import Proof
from constitution.proof.report import REPORT
from constitution.proof.words import number


def prove(
    out: Annotated[Path, typer.Option(help="The folder of everything; the same command goes on in it.")],
    model: options.ModelName = "demo",
    judge: Annotated[str | None, typer.Option(help="The model that judges; else the model itself.")] = None,
    constitution: options.ConstitutionName = "verifiable",
    principle: Annotated[
        list[str] | None,
        typer.Option(help="A principle that code can decide; repeatable. Else the one that can show most."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything; other seeds go into the same folder.")] = 0,
    only: Annotated[str | None, typer.Option(help=f"Parts, with commas: {','.join(ONLY)}.")] = None,
    full: Annotated[bool, typer.Option("--full", help="All principles, all cells, more rounds; takes hours.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many questions of each kind, to try it out.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Measure what is claimed of the method on principles that code can decide; writes a report."""
    with told():
        sizes = Sizes()
        if limit is not None:
            sizes = replace(sizes, **{each.name: min(limit, getattr(sizes, each.name)) for each in fields(sizes)
                                      if each.name != "steps"})  # fmt: skip
        shown = console(stderr=as_json)
        parts = tuple(each.strip() for each in only.split(",")) if only else ONLY
        found = run_proof(
            out, model=model, judge=judge, constitution=constitution, principles=principle or (), seed=seed,
            only=parts, full=full, sizes=sizes, say=lambda line: shown.print(safe(line), soft_wrap=True),  # type: ignore[arg-type]  # refused there
        )  # fmt: skip
        if as_json:
            print_json(found.to_json())
        else:
            _tell(found)


def _tell(proof: Proof) -> None:
    shown = console()
    colours = {"holds": "green", "does not hold": "red", "cannot tell at this size": "yellow"}
    for each in proof.findings:
        shown.print(f"{each.verdict}: ", style=colours[each.verdict], end="", soft_wrap=True)
        measured = "; ".join(number(figure) for figure in each.figures)
        shown.print(f"{safe(each.claim.says)} {measured}", soft_wrap=True, highlight=False)
    shown.print(f"{safe(str(proof.folder / REPORT))}", soft_wrap=True)
