"""The examination of a run's judge: its first minutes, before a label is paid for.

Its answers and its record lie in the run's folder, under `examination/`, and are taken again when the run goes on.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from constitution.engines.models import Named
from constitution.errors import JudgeNotPassed, SettingsError, StoreError
from constitution.examination.decision import FLIPS, UNREADABLE
from constitution.examination.questions import judge_digest
from constitution.examination.record import Examination
from constitution.recipes.judging import Judging
from constitution.run.chain import Served
from constitution.run.examine import JOURNAL, RECORD, Examining, examine, read_examination
from constitution.run.log import logger
from constitution.sources.judged_sets import DEFAULT, read_sets
from constitution.store.disk import write_atomically
from constitution.store.folder import RunFolder
from constitution.store.journal import read_journal
from constitution.store.sums import Sums
from constitution.verdicts import JudgeRead

if TYPE_CHECKING:
    from constitution.run.budget import Budget
    from constitution.run.generate import Job
    from constitution.sources.run_file import RunFile

FOLDER = "examination"
FIRST_LOOK = 40
"""Pairs after which a judge that cannot pass is told so: it is not asked about the others."""


@dataclass(frozen=True)
class _Judge:
    """The judge of a run, as an examination names it."""

    judging: Judging
    name: str
    digest: str


def judging_of(recipe: object) -> Judging | None:
    """How a recipe's texts are judged by a model; None where no model judges them, or a callable does."""
    judging = getattr(recipe, "judging", None)
    return judging if isinstance(judging, Judging) and judging.read != "value" else None


def examined_pairs(run: RunFile, recipe: object) -> int:
    """How many pairs a run's judge is examined on before it labels; 0 where it is not, or was before."""
    return 0 if judging_of(recipe) is None or run.examination is not None else run.examine


def _read(judging: Judging) -> JudgeRead:
    """The read that labels."""
    return "scoring" if judging.read == "scoring" else "pairwise"


async def examine_judge(job: Job, folder: RunFolder, served: Served, budget: Budget | None) -> None:
    """Examine the judge of a run, if one labels its pairs, or take an examination that holds for it.

    Raises:
        JudgeNotPassed: it did not pass, or was not examined, and the run does not say `anyway`.
        SettingsError: the examination that the run names is another judge's, or has another band of ties.
        LimitReached: the budget is spent.
    """
    judging = judging_of(job.recipe)
    if judging is None:
        return
    model = job.models()["judge"]
    name = model.model if isinstance(model, Named) else type(model).__name__
    read = _read(judging)
    mine = judge_digest(
        served.capabilities["judge"].model, judging.principles, judging.mode, read, judging.sampling, judging.lora
    )
    made = await _examination(job, folder, _Judge(judging, name, mine), budget)
    if made is None:
        if not job.run.anyway:
            raise JudgeNotPassed(
                "the judge is not examined, so nobody knows what its labels are worth; have it examined, or label with "
                "--anyway: every card will say so"
            )
        return
    logger.info("the judge's examination: %s: %s", made.verdict, made.why)
    job.on_start(f"the judge's examination: {made.verdict}")
    if not made.passed and not job.run.anyway:
        raise JudgeNotPassed(
            f"the judge {name} did not pass its examination: {made.verdict}: {made.why}. The whole record: "
            f"{folder.file(FOLDER) / RECORD}. Name another --judge, or label with --anyway: every card will say so"
        )


async def _examination(job: Job, folder: RunFolder, judge: _Judge, budget: Budget | None) -> Examination | None:
    """The one in the folder, the one that the run names, or a new one; None where there is to be none."""
    own = folder.file(FOLDER)
    if (own / RECORD).exists():
        found = read_examination(own)
        known = found.judged_at(job.run.at_least)
        same = known.holds_for(judge.digest) and known.band == job.run.tie_band
        if same and (_whole(known, job.run.examine) or hopeless(known)):
            if known != found:
                _write(known, own)
            return known
    if job.run.examination is not None:
        return _given(job.run, job.run.examination, own, judge)
    if job.run.examine == 0:
        return None
    job.on_start(f"examining the judge: {judge.name}")
    examining = Examining(
        sets=read_sets(DEFAULT, judge.judging.principles),
        model=job.models()["judge"],
        name=judge.name,
        principles=judge.judging.principles,
        band=job.run.tie_band,
        mode=judge.judging.mode,
        read=_read(judge.judging),
        at_least=job.run.at_least,
        limit=job.run.examine,
        sampling=judge.judging.sampling,
        lora=judge.judging.lora,
        out=own,
        budget=budget,
    )
    if job.run.examine > FIRST_LOOK:
        looked = await examine(replace(examining, limit=FIRST_LOOK))
        if hopeless(looked):
            return looked
    return await examine(examining)


def hopeless(made: Examination) -> bool:
    """Whether more pairs could not change that it does not pass: the whole interval lies on the wrong side."""
    figures = made.figures
    if made.verdict == "position-locked":
        return figures.flips is not None and figures.flips.low > FLIPS
    if made.verdict == "unreadable":
        return figures.unreadable is not None and figures.unreadable.low > UNREADABLE
    return made.verdict == "inverted"


def _whole(made: Examination, wanted: int) -> bool:
    """Whether it holds as many pairs as were wanted, or all that there are."""
    return sum(each.asked for each in made.sets) >= min(wanted, sum(each.items for each in made.sets))


def _given(run: RunFile, named: str, own: Path, judge: _Judge) -> Examination:
    """The one that the run names, under the accuracy that the run asks for."""
    path = Path(named).expanduser()
    found = read_examination(path)
    if not found.holds_for(judge.digest):
        raise SettingsError(
            f"--examination {path}: is of another judge ({found.judge.name}, {found.judge.mode}, {found.judge.read}), "
            f"or one that is asked in other words than {judge.name} here; examine this one: constitution examine"
        )
    if found.band != run.tie_band:
        raise SettingsError(
            f"--examination {path}: took margins nearer to 0 than {found.band:g} for ties, this run those nearer than "
            f"{run.tie_band:g}; label with --tie-band {found.band:g}, or leave --examination out: the run examines its "
            "judge itself"
        )
    known = found.judged_at(run.at_least)
    _write(known, own)
    return known


def _write(made: Examination, own: Path) -> None:
    """The record, into the run's folder."""
    try:
        own.mkdir(exist_ok=True)
        write_atomically(own / RECORD, orjson.dumps(made.to_json(), option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise StoreError(f"{own}: cannot write: {error.strerror}") from None


def examination_tokens(folder: RunFolder) -> dict[str, Counter[str]]:
    """What the examination of a run has paid for so far, by stage; nothing where there is none."""
    path = folder.file(FOLDER) / JOURNAL
    sums = Sums()
    if path.exists():
        for event in read_journal(path).answers.values():
            sums.count_event(event)
    return sums.tokens
