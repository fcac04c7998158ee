"""Commands and their options."""

from __future__ import annotations

import json
import logging
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from constitution.api import Constitution, Run
from constitution.cli.demo import demo
from constitution.cli.drive import drive
from constitution.cli.exits import told
from constitution.display import console, diff, pair_view, safe, summary_view
from constitution.errors import InputError, SettingsError
from constitution.records import REASONS
from constitution.run.generate import Job, build_recipe
from constitution.sources.constitution_file import read_constitution
from constitution.sources.run_file import read_run

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Preference data from a constitution: critique, revise, export.",
)

Names = Annotated[list[str] | None, typer.Option("--set", metavar="A.B=C", help="A setting of the run file.")]


@app.callback()
def _options(
    verbose: Annotated[bool, typer.Option("--verbose", help="Show what the engine logs.")] = False,
) -> None:
    handler = logging.StreamHandler()
    handler.setLevel(logging.INFO if verbose else logging.WARNING)
    logging.basicConfig(handlers=[handler], format="%(name)s: %(message)s")


app.command()(demo)


@app.command()
def check(file: Annotated[str, typer.Argument(help="A constitution file, or a shipped name.")]) -> None:
    """Check a constitution file: every problem at once, each with its place."""
    with told():
        found = read_constitution(file)
        console().print(
            f"{safe(found.name)} {safe(found.version)}: {len(found)} principles, no problems; digest {found.digest}"
        )


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
    settings: Names = None,
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
def generate(
    run_file: Annotated[
        Path | None, typer.Argument(metavar="[RUN.yaml]", help="A run file; options go over it.")
    ] = None,
    constitution: Annotated[str | None, typer.Option(help="A shipped name, or a file.")] = None,
    prompts: Annotated[str | None, typer.Option(help=".jsonl, or .txt with one a line; - is standard input.")] = None,
    model: Annotated[str | None, typer.Option(help="demo, scripted, vllm:NAME-OR-PATH, a hub name, a folder.")] = None,
    out: Annotated[str | None, typer.Option(help="The run's folder.")] = None,
    recipe: Annotated[str | None, typer.Option(help="How rows are made.")] = None,
    rounds: Annotated[int | None, typer.Option(help="Rounds of critique and revision.")] = None,
    samples: Annotated[int | None, typer.Option(help="Chains for each prompt.")] = None,
    system: Annotated[Path | None, typer.Option(help="File: a system turn where there is none.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of all choices.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first N records.")] = None,
    verdict_first: Annotated[bool, typer.Option("--verdict-first", help="A finding first; none, no revision.")] = False,
    no_critique: Annotated[bool, typer.Option("--no-critique", help="Revise without a critique.")] = False,
    pairs: Annotated[str | None, typer.Option(help="first_last, adjacent or all.")] = None,
    keep_check_worse: Annotated[bool, typer.Option("--keep-check-worse")] = False,
    too_long: Annotated[str | None, typer.Option(help="skip, truncate_left or error.")] = None,
    keep_duplicates: Annotated[bool, typer.Option("--keep-duplicates", help="Run them as ID-2, ID-3 ...")] = False,
    chunk_size: Annotated[int | None, typer.Option(help="Records in a chunk.")] = None,
    in_flight: Annotated[int | None, typer.Option(help="Chains at work at a time.")] = None,
    reuse: Annotated[str | None, typer.Option(help="Another run, whose answers are taken where they fit.")] = None,
    settings: Names = None,
) -> None:
    """Make preference data in a run folder; the same command continues a run that was stopped."""
    with told():
        run = read_run(
            run_file, settings or (), constitution=constitution, prompts=prompts, model=model, out=out, recipe=recipe,
            rounds=rounds, samples=samples, system=_text(system), seed=seed, limit=limit,
            verdict_first=verdict_first or None, critique=False if no_critique else None, pairs=pairs,
            keep_check_worse=keep_check_worse or None, too_long=too_long, keep_duplicates=keep_duplicates or None,
            chunk_size=chunk_size, in_flight=in_flight, reuse=reuse,
        )  # fmt: skip
        if not run.prompts:
            raise SettingsError("--prompts is needed: a .jsonl or .txt file, or - for standard input")
        principles = read_constitution(run.constitution)
        drive(Job(run, principles, build_recipe(run, principles), command=_command()))
        _finish(Run.open(run.out))


def _text(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--system {path}: cannot be read as UTF-8 text: {error}") from None


def _command() -> str:
    """What was typed, for a new folder that reuses this one's answers."""
    words, kept = sys.argv[1:], ["constitution"]
    skip = False
    for word in words:
        if skip or word in ("--out", "--reuse") or word.startswith(("--out=", "--reuse=")):
            skip = word in ("--out", "--reuse")
            continue
        kept.append(word.replace("{", "{{").replace("}", "}}"))
    return shlex.join(kept) + " --out {out} --reuse {reuse}"


def _finish(run: Run) -> None:
    summary = run.summary()
    out = console()
    out.print(summary_view(summary, REASONS))
    out.print(f"rows in {run.path}; next: constitution export {run.path} --to preference --out DIR", soft_wrap=True)
    if not summary["pairs"]["kept"] and not summary["fine"]:
        raise typer.Exit(1)


@app.command()
def show(
    run: Path,
    as_json: Annotated[bool, typer.Option("--json", help="The sums as JSON.")] = False,
    pairs: Annotated[int, typer.Option(min=0, help="Show so many pairs as diffs.")] = 0,
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


@app.command()
def export(
    run: Path,
    to: Annotated[str, typer.Option(help="preference, sft or traces.")],
    out: Annotated[Path, typer.Option(help="A folder.")],
    format: Annotated[str, typer.Option(help="parquet or jsonl.")] = "parquet",
    partial: Annotated[bool, typer.Option("--partial", help="Take what an unfinished run has so far.")] = False,
    no_fine: Annotated[bool, typer.Option("--no-fine", help="sft without drafts that were found fine.")] = False,
    pairs: Annotated[str | None, typer.Option(help="Another pair policy than the run's.")] = None,
    keep_check_worse: Annotated[bool | None, typer.Option("--keep-check-worse/--no-keep-check-worse")] = None,
) -> None:
    """Write rows that trainers load as they are."""
    with told():
        options: dict[str, Any] = {"format": format, "pairs": pairs, "keep_check_worse": keep_check_worse}
        done = Run.open(run).export(to, out, partial=partial, fine=not no_fine, **options)
        kept, proposed = done.sums.pairs_kept, done.sums.pairs_proposed
        console().print(f"{done.rows} rows in {done.path} (pairs: {proposed} proposed, {kept} kept)", soft_wrap=True)
        if not done.rows:
            raise typer.Exit(1)


def main() -> None:
    """Entry point of the command."""
    app()
