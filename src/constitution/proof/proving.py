"""`prove`: measure on a user's model what is claimed of the method, and go on where it was stopped."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import orjson

from constitution.api import Constitution
from constitution.engine import Engine
from constitution.engines.models import check_model, is_scripted, is_server, model_identity
from constitution.errors import ConstitutionError, SettingsError, StoreError
from constitution.proof import base, revision, training
from constitution.proof import judge as judging
from constitution.proof.asking import Asked, provable
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
    """That are answered four times: drafts to revise, pairs to judge and to train on come from them."""
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
    settings = {
        "model": _name(model), "judge": _name(who_judges), "constitution": loaded.principles.name,
        "digest": loaded.principles.digest, "sizes": asdict(sizes),
    }  # fmt: skip
    named = list(dict.fromkeys(principles))
    agreed = _agreed(folder, settings, named)
    how = trained or (_trained(model, sizes, seed, small=small) if "training" in only else None)
    _keep(folder, {**settings, "principles": agreed})

    asked = Asked(loaded, model, seed, small, say)
    here = folder / f"{SEED}{seed}"
    base.draft(asked, here, sizes.questions)
    drafts = read_rows(here / base.ROWS)
    agreed = _agreed(folder, settings, named)  # another seed may have picked meanwhile
    if full and not named:
        mine = [one.id for one in provable(loaded)]
    else:
        mine = agreed = agreed or [base.chosen(base.figures(drafts, seed, base.ROWS), provable(loaded))]
    settings["principles"] = agreed
    _keep(folder, settings)
    say(f"principles: {', '.join(mine)}")
    tell = partial(_told, folder, settings)
    try:
        for id in mine:
            one = loaded.principles[id]
            if "revision" in only:
                firsts, seconds = ([row for row in drafts if row["number"] == number] for number in (0, 1))
                revision.revise(asked, one, firsts[: sizes.revised], seconds, here, full=full)
            if "judge" in only:
                judging.judged(asked, who_judges, one, drafts, here, sizes.judged, full=full)
            if how is not None and "training" in only:
                if len(only) > 1:
                    tell()  # can be read while the models are trained
                training.arms(asked, who_judges, one, here, how, full=full)
    except ConstitutionError:
        tell()
        raise
    return tell()


def _told(folder: Path, settings: Mapping[str, Any]) -> Proof:
    """Count all rows of the folder, and write the record and the report."""
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
    """Of a model, as it is written down.

    Raises:
        SettingsError: it cannot be one, or its address holds what could be a secret.
    """
    if not isinstance(model, str):
        return type(model).__name__
    check_model(model)
    return model_identity(model)


def _agreed(folder: Path, settings: Mapping[str, Any], named: list[str]) -> list[str]:
    """The principles of the folder, or those that are named; none where they are still to be picked.

    What a folder holds is binding from the first answer that was paid for.

    Raises:
        SettingsError: the folder is that of another proof.
    """
    path = folder / SETTINGS
    if not path.exists():
        return named
    try:
        before = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        before = None
    if not isinstance(before, dict) or not before.keys() >= {*settings, "principles"}:
        raise SettingsError(f"{path}: is of something else than a proof; name another --out")
    if not any(folder.glob(f"{SEED}*/{base.DRAFTS}/manifest.json")):
        return named
    for name, value in settings.items():
        if before.get(name) != value:
            raise SettingsError(
                f"{folder}: holds a proof with {name} {before.get(name)}, not {value}; name another --out"
            )
    known: list[str] = before["principles"]
    if named and known and named != known:
        raise SettingsError(
            f"{folder}: holds a proof of {', '.join(known)}, not of {', '.join(named)}; name another --out"
        )
    return known or named


def _keep(folder: Path, settings: Mapping[str, Any]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: cannot make the folder: {error.strerror}; name one that can be written") from None
    write_atomically(folder / SETTINGS, orjson.dumps(settings, option=orjson.OPT_INDENT_2))


def _trained(model: str | Engine, sizes: Sizes, seed: int, *, small: bool) -> training.Trained:
    """Who trains, on this machine.

    Raises:
        SettingsError: there are no weights to train.
    """
    if not isinstance(model, str) or is_server(model) or is_scripted(model):
        raise SettingsError(
            f"--model {_name(model)} has no weights to train here: leave training out, --only revision,judge"
        )
    missing = [name for name in ("torch", "trl", "peft", "datasets") if find_spec(name) is None]
    if missing:
        raise SettingsError(
            f"training needs {', '.join(missing)}: pip install 'constitution-rlaif[train]', or leave training out, "
            "--only revision,judge"
        )
    weights = model.removeprefix("vllm:")
    if small:
        from constitution.engines.small_model import prepare_small_model

        weights = str(prepare_small_model(log=print))
    return training.Trained(
        weights, Steps(sizes.steps, SMALL_RATE if small else RATE, seed), sizes.questions, sizes.held_out
    )
