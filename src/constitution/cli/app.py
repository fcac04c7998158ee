"""Commands and their options."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from constitution import __version__
from constitution.cli import options
from constitution.cli.answers import print_json
from constitution.cli.completion import constitutions
from constitution.cli.demo import demo
from constitution.cli.examine import examine
from constitution.cli.exits import told
from constitution.cli.export import export, push
from constitution.cli.generate import generate, merge
from constitution.cli.judge import judge
from constitution.cli.prompts import prompts
from constitution.cli.prove import prove
from constitution.cli.refusals import refusals
from constitution.cli.revise import revise
from constitution.cli.show import show
from constitution.display import console, safe
from constitution.doctor import Finding, diagnose, mend_all
from constitution.errors import ConstitutionFileError
from constitution.run.log import logger as runs
from constitution.sources.constitution_file import read_constitution
from constitution.sources.doubts import doubts


class _Group(TyperGroup):
    """The commands; `--verbose` may stand behind a command's name too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read `--verbose` wherever it stands before a `--`."""
        end = args.index("--") if "--" in args else len(args)
        words = [word for word in args[:end] if word != "--verbose"]
        return super().parse_args(ctx, [*["--verbose"] * (len(words) < end), *words, *args[end:]])


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Preference data from a constitution: critique, revise, export.",
)


def _version(wanted: bool) -> None:
    if wanted:
        console().print(__version__, highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show what the engine logs; behind a command's name too.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback answers
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    handler = logging.StreamHandler()
    handler.setLevel(logging.INFO if verbose else logging.WARNING)
    if not verbose:
        handler.addFilter(lambda record: record.name != runs.name)  # how a run ended is told by its command
    logging.basicConfig(handlers=[handler], format="%(name)s: %(message)s")


app.command()(demo)
app.command()(examine)
app.command()(generate)
app.command()(judge)
app.command()(merge)
app.command()(prompts)
app.command()(prove)
app.command()(refusals)
app.command()(revise)
app.command()(show)
app.command()(export)
app.command()(push)


@app.command()
def check(
    file: Annotated[str, typer.Argument(help="A constitution file, or a shipped name.", autocompletion=constitutions)],
    as_json: options.Json = False,
) -> None:
    """Check a constitution file: every problem at once, each with its place."""
    with told():
        try:
            found = read_constitution(file)
        except ConstitutionFileError as error:
            if as_json:
                print_json({"problems": [asdict(problem) for problem in error.problems]})
            raise
        if as_json:
            ids = [principle.id for principle in found.principles]
            print_json({"problems": [], "doubts": list(doubts(found)), "name": found.name, "version": found.version,
                        "digest": found.digest, "principles": ids})  # fmt: skip
            return
        console().print(
            f"{safe(found.name)} {safe(found.version)}: {len(found)} principles, no problems; digest {found.digest}"
        )
        for doubt in doubts(found):
            console(stderr=True).print(safe(doubt), style="yellow", soft_wrap=True)


@app.command()
def schema() -> None:
    """Print the JSON Schema of constitution files, for editors."""
    from constitution.sources.schema import json_schema

    with told():
        print_json(json_schema())


@app.command()
def doctor(
    mend: Annotated[bool, typer.Option("--mend", help="Run the commands that mend what was found.")] = False,
    as_json: options.Json = False,
) -> None:
    """Find the known faults of an installation, with the one command that mends each."""
    findings = diagnose()
    if mend and mend_all(findings):
        findings = diagnose()
    with told():
        if as_json:
            keys = ("name", "ok", "detail", "mend")
            print_json({"findings": [{key: getattr(finding, key) for key in keys} for finding in findings]})
        else:
            _tell(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _tell(findings: Sequence[Finding]) -> None:
    out = console()
    for finding in findings:
        out.print("ok  " if finding.ok else "BAD ", style="green" if finding.ok else "red", end="")
        out.print(f"{finding.name}: {safe(finding.detail)}", soft_wrap=True)
        if finding.mend and not finding.ok:
            out.print(f"     {finding.mend}", soft_wrap=True)


def main() -> None:
    """Entry point of the command."""
    app()
