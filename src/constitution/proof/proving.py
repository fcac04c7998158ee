"""`prove`: measure on a user's model what is claimed of the method, and go on where it was stopped."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import orjson

from constitution.api import Constitution
from constitution.engine import Engine
from constitution.errors import SettingsError
from constitution.proof import base, revision, training
from constitution.proof import judge as judging
from constitution.proof.asking import Asked, provable
from constitution.proof.figures import Row
from constitution.proof.record import SEED, Proof
from constitution.proof.report import write_report
from constitution.proof.rows import read_rows
from constitution.proof.trainer import Steps, let_threads_sleep
from constitution.store.disk import write_atomically

Only: TypeAlias = Literal["revision", "judge", "training"]
ONLY: tuple[Only, ...] = get_args(Only)
SETTINGS = "settings.json"
SMALL_RATE, RATE = 5e-4, 5e-5


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is asked and trained."""

    questions: int = 534
    """That are answered twice: drafts to revise, pairs to judge and to train on come from them."""
    revised: int = 240
    """First answers that are revised, in every cell."""
    judged: int = 200
    """Pairs that a judge is asked about, at most."""
    held_out: int = 180
    """Questions about other subjects, answered twice by every trained model."""
    steps: int = 30
    """Of a training, of eight pairs each."""


def prove(
    out: str | os.PathLike[str],
    *,
    model: str | Engine = "demo",
    judge: str | Engine | None = None,
    constitution: str | os.PathLike[str] | Constitution = "verifiable",
    principles: Sequence[str] = (),
    seed: int = 0,
    only: Sequence[Only] = ONLY,
    full: bool = False,
    sizes: Sizes = Sizes(),
    trained: training.Trained | None = None,
    say: Callable[[str], None] = print,
) -> Proof:
    """Measure the claims of the method on principles that code can decide, for one seed; the same call goes on.

    Args:
        out: the folder of everything. Other seeds and parts of the same proof go into the same folder.
        model: that answers, revises and is trained; as `model` of `Constitution.revise`.
        judge: that judges; None = the model.
        constitution: a shipped name, a file, or a `Constitution`, with principles that have checks.
        principles: ids; none picks the one whose base rate can show most, or takes all in a full proof.
        seed: of everything.
        only: the parts to measure.
        full: all cells, more rounds, and all principles.
        sizes: how much.
        trained: who trains, where it is not TRL on this machine.
        say: is told what begins.

    Raises:
        InputError: settings do not go together, or are not those of the folder; nothing was paid for.
        EngineStartError, EngineDeadError: the same call goes on.
    """
    let_threads_sleep()
    loaded = constitution if isinstance(constitution, Constitution) else Constitution.load(constitution)
    _refuse(loaded, principles, only)
    small = model == "demo"
    who_judges = model if judge is None else judge
    folder = Path(out).expanduser()
    who = {"model": _name(model), "judge": _name(who_judges)}
    settings = {
        **who, "constitution": loaded.principles.name, "digest": loaded.principles.digest, "sizes": asdict(sizes)
    }  # fmt: skip
    settings["principles"] = _agreed(folder, settings, list(principles), full=full)
    how = trained or (_trained(model, sizes, seed, small=small) if "training" in only else None)

    asked = Asked(loaded, model, seed, small, say)
    here = folder / f"{SEED}{seed}"
    base.draft(asked, here, sizes.questions)
    drafts = read_rows(here / base.ROWS)
    mine = settings["principles"] or _picked(loaded, drafts, seed, full=full)
    every = full and not principles
    if not (folder / SETTINGS).exists():
        _keep(folder, {**settings, "principles": [] if every else mine})
    say(f"principles: {', '.join(mine)}")
    for id in mine:
        principle = loaded.principles[id]
        if "revision" in only:
            revised = {row["prompt"] for row in drafts if row["number"] == 0}
            first = set(
                list(dict.fromkeys(row["prompt"] for row in drafts if row["prompt"] in revised))[: sizes.revised]
            )
            revision.revise(asked, principle, [row for row in drafts if row["prompt"] in first], here, full=full)
        if "judge" in only:
            judging.judged(asked, who_judges, principle, drafts, here, sizes.judged, full=full)
        if how is not None and "training" in only:
            training.arms(asked, who_judges, principle, here, how, full=full)
    proof = Proof.counted(folder, settings)
    proof.write()
    write_report(proof)
    return proof


def _refuse(constitution: Constitution, principles: Sequence[str], only: Sequence[str]) -> None:
    """Refuse what cannot be proven before anything is paid for."""
    known = [one.id for one in provable(constitution)]
    if not known:
        raise SettingsError(
            f"constitution '{constitution.principles.name}' has no principle with `check`, `text`, `critique` and "
            "`revision`: code cannot say whether it is kept; take --constitution verifiable"
        )
    for id in principles:
        if id not in known:
            raise SettingsError(f"--principle {id}: code can decide {', '.join(known)}")
    for part in only:
        if part not in ONLY:
            raise SettingsError(f"--only {part}: expected some of {', '.join(ONLY)}")


def _name(model: str | Engine) -> str:
    return model if isinstance(model, str) else type(model).__name__


def _agreed(folder: Path, settings: dict[str, Any], principles: list[str], *, full: bool) -> list[str]:
    """The principles of the folder, where it has some already.

    Raises:
        SettingsError: the folder is that of another proof.
    """
    path = folder / SETTINGS
    if not path.exists():
        return principles
    before = orjson.loads(path.read_bytes())
    for name, value in settings.items():
        if before.get(name) != value:
            raise SettingsError(
                f"{folder}: holds a proof with {name} {before.get(name)}, not {value}; name another --out"
            )
    if principles and principles != before["principles"]:
        raise SettingsError(
            f"{folder}: holds a proof of {', '.join(before['principles'])}, not of {', '.join(principles)}; name "
            "another --out"
        )
    return [] if full and not principles else list(before["principles"])


def _keep(folder: Path, settings: dict[str, Any]) -> None:
    write_atomically(folder / SETTINGS, orjson.dumps(settings, option=orjson.OPT_INDENT_2))


def _picked(constitution: Constitution, drafts: Sequence[Row], seed: int, *, full: bool) -> list[str]:
    known = provable(constitution)
    if full:
        return [one.id for one in known]
    return [base.chosen(base.figures(drafts, seed, base.ROWS), known)]


def _trained(model: str | Engine, sizes: Sizes, seed: int, *, small: bool) -> training.Trained:
    """Who trains, on this machine.

    Raises:
        SettingsError: there are no weights to train.
    """
    if not isinstance(model, str) or "://" in model or model == "scripted":
        raise SettingsError(
            f"--model {_name(model)} has no weights to train here: leave training out, --only revision,judge"
        )
    weights = model.removeprefix("vllm:")
    if small:
        from constitution.engines.small_model import prepare_small_model

        weights = str(prepare_small_model(log=print))
    return training.Trained(
        weights, Steps(sizes.steps, SMALL_RATE if small else RATE, seed), sizes.questions, sizes.held_out
    )
