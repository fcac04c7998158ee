"""Commands and their options."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated

import typer

from constitution.api import Constitution, Run
from constitution.cli import options
from constitution.cli.demo import demo
from constitution.cli.exits import told
from constitution.cli.export import export, push
from constitution.cli.generate import generate, merge
from constitution.cli.prompts import prompts
from constitution.display import console, diff, pair_view, safe, summary_view
from constitution.records import REASONS
from constitution.sources.constitution_file import read_constitution
from constitution.sources.doubts import doubts
from constitution.sources.run_file import read_run

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Preference data from a constitution: critique, revise, export.",
)


@app.callback()
def _options(
    verbose: Annotated[bool, typer.Option("--verbose", help="Show what the engine logs.")] = False,
) -> None:
    handler = logging.StreamHandler()
    handler.setLevel(logging.INFO if verbose else logging.WARNING)
    logging.basicConfig(handlers=[handler], format="%(name)s: %(message)s")


app.command()(demo)
app.command()(generate)
app.command()(merge)
app.command()(prompts)
app.command()(export)
app.command()(push)


@app.command()
def check(file: Annotated[str, typer.Argument(help="A constitution file, or a shipped name.")]) -> None:
    """Check a constitution file: every problem at once, each with its place."""
    with told():
        found = read_constitution(file)
        console().print(
            f"{safe(found.name)} {safe(found.version)}: {len(found)} principles, no problems; digest {found.digest}"
        )
        for doubt in doubts(found):
            console(stderr=True).print(safe(doubt), style="yellow", soft_wrap=True)


@app.command()
def schema() -> None:
    """Print the JSON Schema of constitution files, for editors."""
    from constitution.sources.schema import json_schema

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))  # noqa: T201 - the output of this command


@app.command()
def doctor(
    mend: Annotated[bool, typer.Option("--mend", help="Run the commands that mend what was found.")] = False,
) -> None:
    """Find the known faults of an installation, with the one command that mends each."""
    from constitution.doctor import diagnose, mend_all

    out = console()
    findings = diagnose()
    if mend and mend_all(findings):
        findings = diagnose()
    for finding in findings:
        out.print("ok  " if finding.ok else "BAD ", style="green" if finding.ok else "red", end="")
        out.print(f"{finding.name}: {safe(finding.detail)}", soft_wrap=True)
        if finding.mend and not finding.ok:
            out.print(f"     {finding.mend}", soft_wrap=True)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def revise(
    prompt: str,
    constitution: Annotated[str, typer.Option(help="A shipped name, or a file.")] = "balanced",
    model: Annotated[str, typer.Option(help="demo, scripted, vllm:NAME-OR-PATH, a hub name or a folder.")] = "demo",
    rounds: Annotated[int | None, typer.Option(min=1)] = None,
    response: Annotated[str | None, typer.Option(help="An answer that exists already.")] = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    verdict_first: Annotated[bool, typer.Option("--verdict-first")] = False,
    no_critique: Annotated[bool, typer.Option("--no-critique")] = False,
    settings: options.Settings = None,
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
        out = console()
        if revised.draft is None:
            out.print(f"{revised.outcome}: {revised.reason}: {REASONS.get(revised.reason or '', '')}", style="red")
            raise typer.Exit(1)
        out.print("draft", style="dim")
        out.print(safe(revised.draft.text))
        before = revised.draft.text
        for round in revised.rounds:
            out.print(f"\nround {round.number}: {round.principle}", style="cyan")
            if round.critique is not None:
                out.print(safe(round.critique.text) or "nothing to mend", style="dim")
            if round.revision is not None:
                out.print(diff(before, round.revision.text))
                if round.revision.defect:
                    out.print(f"not used: {REASONS[round.revision.defect]}", style="yellow")
                else:
                    before = round.revision.text
        out.print(f"\n{revised.outcome}" + (f": {REASONS[revised.reason]}" if revised.reason else ""), style="bold")


@app.command()
def show(
    run: Path,
    as_json: Annotated[bool, typer.Option("--json", help="The sums as JSON.")] = False,
    pairs: Annotated[int, typer.Option(min=0, help="Show so many pairs; as diffs on a terminal with colours.")] = 0,
) -> None:
    """Show what became of every input of a run."""
    with told():
        opened = Run.open(run)
        if as_json:
            print(json.dumps(opened.summary(), indent=2, ensure_ascii=False))  # noqa: T201 - the output of this command
            return
        out = console()
        out.print(summary_view(opened.summary(), REASONS))
        texts = {principle.id: principle.text for principle in opened.principles.principles}
        for _, pair in zip(range(pairs), opened.pairs(), strict=False):
            out.print()
            out.print(pair_view(pair, texts, colour=out.color_system is not None))


def main() -> None:
    """Entry point of the command."""
    app()
