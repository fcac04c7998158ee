"""What both stories share: the command line, the principles, how models are asked, and answers to be measured."""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

from evaluation import Answer, figures, table
from rich.console import Console

from constitution import CallableJudge, Constitution, Engine, Run
from constitution.proof.questions import HELD_OUT, questions
from constitution.proof.topic import takes_up
from constitution.proof.trainer import Steps, let_threads_sleep
from constitution.rewards import Reward
from constitution.steps.filter import Filter

BRIEF = str(Path(__file__).with_name("brief.yaml"))
"""One principle, which the small model keeps in 4 of 10 drafts."""
OFF_TOPIC = Filter(
    "off_topic",
    lambda pair: not takes_up(pair.conversation[-1].content, pair.chosen),
    "the chosen text takes up no content word of the question",
)
"""Of exports: what a small model revises is often about the request, and such a pair teaches to leave the subject."""

BEFORE, REVISED = "before", "revised"
"""Folders that both stories have."""

Serve: TypeAlias = Callable[[Path | None], str | Engine]
"""The model to ask: the one to begin with, or a trained one in a folder."""


@dataclass(frozen=True, slots=True)
class Options:
    """Of the command line."""

    out: Path
    model: str = "demo"
    constitution: str = BRIEF
    principle: str | None = None
    """Only this one; None takes all."""
    prompts: int = 500
    held_out: int = 96
    steps: int = 30
    rate: float | None = None
    seed: int = 0
    judge: str | None = None
    reuse: Path | None = None
    """Folder of the other story, whose answers are taken where the request is the same."""

    @property
    def small(self) -> bool:
        """Whether everything is made for a small model on a CPU."""
        return self.model == "demo"

    @property
    def training(self) -> Steps:
        """How to train."""
        return Steps(self.steps, self.rate or (5e-4 if self.small else 5e-5), self.seed)


def read_options(about: str | None, out: str, *, judged: bool = False) -> Options:
    """The command line."""
    shown = Options(Path(out))
    say = argparse.ArgumentParser(description=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    say.add_argument("--model", default=shown.model, help="demo (135M parameters, on the CPU), a hub name or a folder")
    say.add_argument("--out", type=Path, default=shown.out, help="folder of everything; the same command goes on in it")
    say.add_argument("--constitution", default=shown.constitution, help="a shipped name, or a file")
    say.add_argument("--principle", help="only this one of the constitution; else all of it")
    say.add_argument("--prompts", type=int, default=shown.prompts, help="questions to make data from")
    say.add_argument("--held-out", type=int, default=shown.held_out, help="other questions, to measure")
    say.add_argument("--steps", type=int, default=shown.steps, help="of eight rows, for each training")
    say.add_argument("--rate", type=float, help="learning rate (demo: 5e-4, others: 5e-5)")
    say.add_argument("--reuse", type=Path, help="folder of the other story: its answers are not asked for again")
    say.add_argument("--seed", type=int, default=shown.seed)
    if judged:
        say.add_argument("--judge", help="a model, by hub name or http://HOST:PORT#NAME; without, code judges")
    return Options(**vars(say.parse_args()))


def principles_of(options: Options) -> Constitution:
    """The constitution, with the principles that this story is about."""
    whole = Constitution.load(options.constitution).principles
    chosen = tuple(one for one in whole.principles if options.principle in (None, one.id))
    if not chosen:
        known = ", ".join(one.id for one in whole.principles)
        raise SystemExit(f"--principle {options.principle}: '{whole.name}' has none of this id, but {known}")
    return Constitution(replace(whole, principles=chosen))


def checked(constitution: Constitution) -> bool:
    """Whether code can say of every principle that an answer keeps it."""
    return all(one.checks for one in constitution.principles.principles)


def by_code(constitution: Constitution) -> CallableJudge:
    """A judge that is code: the share of the checks that an answer keeps, as log-odds from 0 to 3."""
    if not checked(constitution):
        return CallableJudge(lambda _, answers: [0.0] * len(answers), name="nobody")
    form = Reward(constitution, checks=True)
    return CallableJudge(
        lambda prompts, answers: [3 * (kept or 0) for kept in form(prompts=prompts, completions=answers)],
        name=f"checks of {constitution.principles.digest[:12]}",
    )


def asking(options: Options) -> dict[str, Any]:
    """How models are asked: short answers of one paragraph, where the model is small."""
    common: dict[str, Any] = {"seed": options.seed, "progress": False}
    if not options.small:
        return {**common, "roles": {"draft": {"max_tokens": 1024}, "revise": {"max_tokens": 1024}}}
    near = {"temperature": 0.8, "min_p": 0.1}
    return {
        **common,
        "system": "You are a helpful assistant.",
        "roles": {
            "draft": {**near, "max_tokens": 192, "stop": ["\n\n"]},
            "critique": {**near, "max_tokens": 48},
            "revise": {**near, "max_tokens": 192, "stop": ["\n\n"]},
        },
    }


def revising(options: Options) -> dict[str, Any]:
    """How answers are revised: once, and without a critique where the model is small."""
    # What the small model revises after its own critique is hardly ever about the question: docs/examples.md.
    return asking(options) | {"rounds": 1, "critique": not options.small} | reused(options, REVISED)


def reused(options: Options, folder: str) -> dict[str, Any]:
    """What takes the answers of the other story, where there is one."""
    return {"reuse": str(options.reuse / folder)} if options.reuse else {}


def serving(options: Options) -> Serve:
    """Model strings: that of the command line, or a folder."""
    return lambda folder: options.model if folder is None else str(folder.resolve())


def weights_of(options: Options) -> str:
    """Where the weights are that training begins with.

    Raises:
        SystemExit: the model is a server's, whose weights cannot be trained here.
    """
    if "://" in options.model:
        raise SystemExit(f"--model {options.model}: a server's model cannot be trained; name a hub name or a folder")
    if not options.small:
        return options.model
    from constitution.engines.small_model import prepare_small_model

    return str(prepare_small_model(log=print))


def measured(constitution: Constitution, model: str | Engine, folder: str, options: Options) -> list[Answer]:
    """Two answers of a model to each question that was not trained on, and to shipped ones that look harmful or are."""
    rows = questions(HELD_OUT, options.held_out)
    mixed = resources.files("constitution.shipped") / "prompts" / "mixed.jsonl"
    shipped = [json.loads(line) for line in mixed.read_text("utf-8").splitlines()]
    others = [row for row in shipped if {"harmful", "looks_harmful"} & {*row["tags"]}][: options.held_out]
    settings = asking(options) | (reused(options, BEFORE) if folder == BEFORE else {})
    run = constitution.generate(
        [*rows, *others], options.out / folder, model=model, recipe="ai_feedback", judge=by_code(constitution),
        **settings | {"roles": {"draft": settings["roles"]["draft"]}},
    )  # fmt: skip
    texts = [
        (trace.record, trace.conversation, trace.tags, candidate.text)
        for trace in run.traces()
        for candidate in getattr(trace, "candidates", ())
        if candidate.text
    ]
    asked = [[{"role": turn.role, "content": turn.content} for turn in conversation] for _, conversation, _, _ in texts]
    said = [text for *_, text in texts]
    kept: Iterable[float | None] = [None] * len(texts)
    if checked(constitution):
        kept = Reward(constitution, checks=True)(prompts=asked, completions=said)
    extra = {row["id"] for row in others}
    return [
        Answer(id, turns[-1].content, text, keeps, _wanted(constitution, tags), id in extra)
        for (id, turns, tags, text), keeps in zip(texts, kept, strict=True)
    ]


def exported(run: Run, out: Path, kind: str) -> Any:
    """The rows of a run, as its export has them on the disk.

    Raises:
        SystemExit: there are none.
    """
    from datasets import load_dataset

    print(run, flush=True)
    data = run.export(out, kind, filters={OFF_TOPIC: "drop"})
    if not data.rows:
        raise SystemExit(f"{run.path}: no rows to train on; see constitution show, take more --prompts or another one")
    return load_dataset(str(data.path), kind, split="train")


def _wanted(constitution: Constitution, tags: Sequence[str]) -> str | None:
    """The strictest kind of reply that a tag wants."""
    respond = constitution.principles.respond
    return max(
        (respond[tag] for tag in tags if tag in respond), key=("answer", "partial", "refuse").index, default=None
    )


def report(stages: dict[str, list[Answer]], options: Options, notes: dict[str, Any], began: float) -> None:
    """Print the table, and write all numbers beside it."""
    found = {
        "options": {name: str(value) if isinstance(value, Path) else value for name, value in asdict(options).items()},
        "answers": {name: len(answers) for name, answers in stages.items()},
        "measures": figures(stages),
        **notes,
    }
    path = options.out / "evaluation.json"
    path.write_text(json.dumps(found, indent=2) + "\n")
    Console(width=max(100, 30 + 50 * len(stages))).print(table(stages))
    for name, value in notes.items():
        print(f"{name}: {value}")
    print(f"{path}, after {(time.monotonic() - began) / 60:.0f} minutes")
    if options.small:
        print("135M parameters: this shows that the machinery works on a principle of form, and nothing about harm.")


def begin() -> float:
    """Be quiet, but for what is told here; gives the time."""
    let_threads_sleep()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return time.monotonic()
