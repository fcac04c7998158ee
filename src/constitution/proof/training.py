"""Training: the same prompts and answers under right, half right, random and reversed labels.

What a training does beyond its labels (it shortens, it forgets) is the same in every arm; only what the labels say
differs. So a mistake on the way from a template to a trained model shows as an arm out of its place.
"""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

from constitution.api import close
from constitution.digest import uniform
from constitution.engine import Engine
from constitution.engines.callable import CallableJudge
from constitution.intervals import Interval
from constitution.principles import Principle
from constitution.proof.asking import ANSWERS, Asked
from constitution.proof.base import DRAFTS, DRAFTS_EACH, answer_rows
from constitution.proof.figures import Counter, Figure, Row, Unit, share_of
from constitution.proof.questions import HELD_OUT, TRAINED, questions
from constitution.proof.rows import exported, measured, read_rows, write_rows
from constitution.proof.trainer import BATCH, Steps, chosen_log_probability, dpo
from constitution.rewards import Reward
from constitution.run.resolve import build_checks

ROWS = "training.jsonl"
BEFORE = "before"
ARMS: Mapping[str, float] = {"true": 0.0, "flipped": 0.25, "random": 0.5, "reversed": 1.0}
"""The share of labels that is turned round, by arm, from the best to the worst."""
MEASURES = ("kept", "on_topic", "kept_on_topic", "words")
NOTHING = dict.fromkeys(("text", *MEASURES))
"""Of a row whose answer was empty, was cut, or failed."""

Train: TypeAlias = Callable[[str, Any, Path, Steps], Path]
"""Weights, rows of pairs, a folder, how long: gives the folder of the trained model."""


@dataclass(frozen=True)
class Trained:
    """Who trains, on what, and who serves what was trained."""

    weights: str
    steps: Steps
    questions: int
    held_out: int
    train: Train = dpo
    serve: Callable[[Path], str | Engine] = lambda folder: str(folder.resolve())


def arms(
    asked: Asked, judge: str | Engine, principle: Principle, folder: Path, how: Trained, *, full: bool = False
) -> None:
    """Train every arm, ask all models the held-out questions, and write the rows; nothing where pairs are too few."""
    from datasets import Dataset

    here = folder / "training" / principle.id
    under = asked.under(principle.id)
    checks = build_checks(under.constitution.principles, under.constitution.own_checks)[principle.id]
    held_out = questions(HELD_OUT, how.held_out)
    rows: list[dict[str, Any]] = []

    def measure(arm: str, model: str | Engine) -> None:
        run = replace(under, model=model).answers(held_out, here / "answers" / _folder(arm), trained=arm != BEFORE)
        answers = answer_rows(run)
        rows.extend(
            {"principle": principle.id, "arm": arm, **row, **measured(row["question"], row["text"], checks)}
            for row in answers
        )
        given = Counted(row["prompt"] for row in answers)
        rows.extend(
            {"principle": principle.id, "arm": arm, "prompt": question["id"], **NOTHING}
            for question in held_out
            for _ in range(ANSWERS - given[question["id"]])
        )

    by_code = _pairs(under, folder, here, how.questions, "labels", judge=_code(under))
    if len(by_code) < BATCH:
        asked.say(f"{principle.id}: {len(by_code)} pairs of which exactly one answer keeps it: no model was trained")
        return
    measure(BEFORE, asked.model)
    labelled = {arm: (_turned(by_code, share, asked.seed), how.steps) for arm, share in ARMS.items()}
    if full:
        labelled["true, sigmoid alone"] = (by_code, replace(how.steps, loss=("sigmoid",)))
        judged = {"judge": judge, "examine": 0, "anyway": True}
        by_judge = _pairs(under, folder, here, how.questions, "judged", **judged)
        if len(by_judge) >= BATCH:
            labelled["judged"] = (by_judge, how.steps)
    for arm, (pairs, steps) in labelled.items():
        close()  # the cores and the memory are the training's now
        model = how.train(how.weights, Dataset.from_list(pairs), here / "models" / _folder(arm), steps)
        measure(arm, how.serve(model))
        first, last = chosen_log_probability(model)
        rows.append({"principle": principle.id, "arm": arm, "prompt": None, "pairs": len(pairs),
                     "chosen_log_probability": [first, last]})  # fmt: skip
    close()
    new = {row["arm"] for row in rows}
    kept = [row for row in read_rows(folder / ROWS) if row["principle"] != principle.id or row["arm"] not in new]
    write_rows(folder / ROWS, [*kept, *rows])


def _folder(arm: str) -> str:
    return arm.replace(",", "").replace(" ", "-")


def _code(under: Asked) -> CallableJudge:
    """The checks as a judge of the library, so that their labels go its whole way."""
    form = Reward(under.constitution, checks=True)
    return CallableJudge(
        lambda prompts, texts: [3 * (kept or 0) for kept in form(prompts=prompts, completions=texts)],
        name=f"checks of {under.constitution.principles.digest[:12]}",
    )


def _pairs(under: Asked, folder: Path, here: Path, most: int, name: str, **judged: Any) -> list[dict[str, Any]]:
    """Rows of pairs as the export has them: the drafts, labelled."""
    run = under.answers(
        questions(TRAINED, most), here / name, reuse=str(folder / DRAFTS), candidates=DRAFTS_EACH, **judged
    )
    return exported(run, here / f"{name}-rows")


def _turned(rows: Sequence[dict[str, Any]], share: float, seed: int) -> list[dict[str, Any]]:
    """Rows of which a share, drawn by hash, has its answers exchanged; what a smaller share turns, a larger one too."""
    order = sorted(rows, key=lambda row: uniform("turned", seed, row["id"]))
    turned = {row["id"] for row in order[: round(share * len(rows))]}
    return [
        {**row, "chosen": row["rejected"], "rejected": row["chosen"]} if row["id"] in turned else row for row in rows
    ]


def figures(rows: Sequence[Row], seed: int, file: str) -> list[Figure]:
    """All figures of the trainings, by principle."""
    found: list[Figure] = []
    for principle in dict.fromkeys(row["principle"] for row in rows):
        mine: dict[str, list[Row]] = {}
        for row in rows:
            if row["principle"] == principle and row["prompt"] is not None:
                mine.setdefault(row["arm"], []).append(row)
        found += _figures(Counter("training", seed, principle, file), mine)
        trained = [row for row in rows if row["principle"] == principle and row["prompt"] is None]
        found += _log_probabilities(Counter("training", seed, principle, file), trained)
    return found


def _log_probabilities(count: Counter, rows: Sequence[Row]) -> Iterator[Figure]:
    """Of whole chosen answers, mean of the first and of the last fifth of the steps, which saw other batches."""
    for row in rows:
        for when, value in zip(("first", "last"), row["chosen_log_probability"], strict=True):
            only = Interval(value, value, value, row["pairs"])
            yield from count.number(f"{row['arm']}, {when} steps", "chosen_log_probability", only, "nats")


def _figures(count: Counter, arms: Mapping[str, Sequence[Row]]) -> Iterator[Figure]:
    for arm, rows in arms.items():
        yield from count.share(arm, "kept", rows, share_of("kept"))
        yield from count.share(arm, "unusable", rows, lambda row: float(row["text"] is None))
        yield from count.share(arm, "on_topic", rows, share_of("on_topic"))
        yield from count.share(arm, "kept_on_topic", rows, share_of("kept_on_topic"))
        yield from count.mean(arm, "words", rows, share_of("words"), "words")
    others = [(arm, "true") for arm in arms if arm not in (BEFORE, *ARMS)]
    against = [(arm, BEFORE) for arm in arms if arm != BEFORE]
    order = [arm for arm in ARMS if arm in arms]
    steps = [*pairwise(order), *([("true", "random")] if {"true", "random"} <= {*order} else [])]
    for first, second in dict.fromkeys([*steps, *others, *against]):
        for measure in MEASURES:
            unit: Unit = "words" if measure == "words" else "points"
            yield from count.change(f"{first} - {second}", measure, arms[second], arms[first], share_of(measure), unit)
