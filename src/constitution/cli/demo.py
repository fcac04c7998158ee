"""`constitution demo`: the whole way on this machine, from shipped prompts and principles to pairs in a file."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from constitution.api import Run
from constitution.cli import options
from constitution.cli.answers import print_json, run_json
from constitution.cli.completion import models
from constitution.cli.drive import drive
from constitution.cli.exits import told
from constitution.display import Hanging, checks_table, choose, console, pair_view, reasons_table, sums_table
from constitution.errors import SettingsChanged
from constitution.records import REASONS
from constitution.run.generate import Job
from constitution.run.resolve import build_recipe
from constitution.sources.constitution_file import read_constitution
from constitution.sources.run_file import read_run

DIFFS = 3
ROUNDS = 2
SYSTEM = "You are a helpful assistant. Answer in two or three short sentences."
ROLES: dict[str, Any] = {
    "draft": {"max_tokens": 192, "temperature": 0.8, "min_p": 0.1, "stop": ["\n\n"]},
    "critique": {"max_tokens": 64, "temperature": 0.8, "min_p": 0.1},
    "revise": {"max_tokens": 192, "temperature": 0.8, "min_p": 0.1},
}
"""Short answers, drafts of one paragraph: the model is small and the machine has no GPU."""
NEXT = """constitution generate --constitution balanced --prompts YOUR.jsonl --model Qwen/Qwen3-8B --out runs/first
constitution show runs/first
constitution export runs/first --out data"""


def demo(
    out: Annotated[Path, typer.Option(help="The run's folder.")] = Path("runs/demo"),
    model: Annotated[
        str, typer.Option(help="demo is a model of 135M parameters on the CPU.", autocompletion=models)
    ] = "demo",
    prompts: Annotated[Path | None, typer.Option(help="Other prompts than the shipped ones.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N prompts.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the run of an earlier demo first.")] = False,
    as_json: options.Json = False,
) -> None:
    """Make pairs with a small model on this machine, and show what came out."""
    with told():
        if fresh and (out / "manifest.json").exists():
            shutil.rmtree(out)
        run = read_run(
            None, constitution="verifiable", prompts=str(prompts or _shipped()), model=model, out=str(out),
            rounds=ROUNDS, system=SYSTEM, limit=limit, roles=ROLES,
        )  # fmt: skip
        principles = read_constitution(run.constitution)
        try:
            drive(Job(run, principles, build_recipe(run, principles)))
        except SettingsChanged as error:
            raise SettingsChanged(f"{error}. Or take: constitution demo --fresh") from None
        made = Run.open(out)
        exported = made.export(out / "export", "preference")
        summary = run_json(made)
        if as_json:
            print_json(summary | {"export": str(exported.path)})
        else:
            _show(made, exported.path)
        if 2 * summary["paired"] < summary["inputs"]:
            reasons = ", ".join(f"{reason} {count}" for reason, count in summary["reasons"].items())
            console(stderr=True).print(f"fewer than half of the prompts gave a pair: {reasons}", style="red")
            raise typer.Exit(1)


def _shipped() -> Path:
    return Path(str(resources.files("constitution.shipped") / "prompts" / "everyday.jsonl"))


def _show(run: Run, exported: Path) -> None:
    out, summary = console(), run.summary()
    texts = {principle.id: principle.text for principle in run.principles.principles}
    out.print("rejected to chosen: what went is struck out, what came is underlined", style="dim", soft_wrap=True)
    for pair in choose(list(run.pairs()), DIFFS):
        out.print()
        out.print(pair_view(pair, texts))
    out.print()
    out.print(checks_table(summary["checks"]))
    out.print()
    out.print(sums_table(summary))
    if summary["reasons"]:
        out.print()
        out.print(reasons_table(summary["reasons"], REASONS, "why dropped or failed"))
    _files(out, run, exported)


def _files(out: Console, run: Run, exported: Path) -> None:
    out.print()
    out.print(f"pairs, as TRL's DPOTrainer reads them   {exported}", soft_wrap=True)
    out.print(f"the run: traces, journal, drops, sums   {run.path}", soft_wrap=True)
    out.print()
    out.print(
        "The model has 135 million parameters: this shows that the machinery works, not what good prose looks like."
    )
    out.print()
    out.print("Next, with a real model on a GPU (pip install '.[vllm]') and the default constitution:")
    out.print(Hanging(Text(NEXT, "cyan"), indent=2))
