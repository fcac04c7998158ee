"""`examine`: what a judge is worth, before it labels."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

from constitution.api.constitution import Constitution
from constitution.display import draw, examination_page, page_html
from constitution.display.progress import Bar, wanted
from constitution.engine import Engine
from constitution.engines.callable import CallableJudge
from constitution.errors import SettingsError
from constitution.examination import record
from constitution.examination.decision import AT_LEAST
from constitution.run.background import background, on_background
from constitution.run.examine import Examining
from constitution.run.examine import examine as run_examination
from constitution.sources.constitution_file import read_constitution
from constitution.sources.judged_sets import DEFAULT, read_sets
from constitution.sources.run_file import read_run
from constitution.steps.judge import JudgeMode
from constitution.store.disk import write_atomically
from constitution.verdicts import JudgeRead

REPORT = "examination.txt"
REPORT_WIDTH = 100


@dataclass(frozen=True, repr=False)
class Examination(record.Examination):
    """A judge's examination. A notebook shows it; so does `rich.print` in a terminal."""

    def __repr__(self) -> str:
        return f"<Examination of {self.judge.name}: {self.verdict}, {self.why}>"

    def __rich__(self) -> RenderableType:
        return draw(examination_page(self))

    def _repr_html_(self) -> str:
        return page_html(examination_page(self))

    def text(self, width: int = REPORT_WIDTH) -> str:
        """The page as plain text."""
        out = Console(file=io.StringIO(), width=width, markup=False, highlight=False, emoji=False)
        out.print(self)
        assert isinstance(out.file, io.StringIO)
        return out.file.getvalue()


def examine(
    judge: str | Engine,
    on: str | Sequence[str] = DEFAULT,
    *,
    constitution: str | os.PathLike[str] | Constitution = "balanced",
    at_least: float = AT_LEAST,
    mode: JudgeMode | None = None,
    read: JudgeRead | None = None,
    limit: int | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> Examination:
    """Examine a judge on pairs whose better answer is known.

    Args:
        judge: as `model` of `Constitution.revise`.
        on: `checks`, `cases`, `hhh`, `hh-harmless`, `model-spec`, each also as `NAME=PATH`, or files of your own.
        constitution: in whose words the judge is asked, and whose cases are meant.
        at_least: accuracy that is asked for, between 0 and 1.
        mode: `direct`, `think` or `text`, as the labelling run asks; None = that of `judge_mode` in `settings`.
        read: `pairwise` or `scoring`, as the labelling run reads; None = that of `judge_read` in `settings`.
        limit: at most so many pairs, by hash, balanced over the sets.
        out: a folder for the answers and the record; the same call goes on where it was interrupted.
        progress: whether a bar is shown; None = in a notebook and on a terminal.
        settings: keys of a run file: `seed`, `engine`, `tie_band`, and `roles` for the judge's sampling, thinking and
            adapter.

    Raises:
        InputError: settings, sets or files are wrong; nothing was paid for.
        RecordError: not one pair could be asked.
        EngineStartError, EngineDeadError: the engine did not start, or died.
    """
    job = examining(judge, on, constitution, at_least, mode, read, limit, out, settings)
    with Bar("examine", show=wanted(progress)) as bar:
        job.on_progress = bar.count
        bar.say(f"starting the engine: {job.name}")
        return finished(job, background.call(run_examination(job), meanwhile=bar.draw))


async def aexamine(
    judge: str | Engine,
    on: str | Sequence[str] = DEFAULT,
    *,
    constitution: str | os.PathLike[str] | Constitution = "balanced",
    at_least: float = AT_LEAST,
    mode: JudgeMode | None = None,
    read: JudgeRead | None = None,
    limit: int | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> Examination:
    """The async twin of `examine`."""
    job = examining(judge, on, constitution, at_least, mode, read, limit, out, settings)
    with Bar("examine", show=wanted(progress)) as bar:
        job.on_progress = bar.count
        bar.say(f"starting the engine: {job.name}")
        return finished(job, await on_background(run_examination(job), meanwhile=bar.draw))


def examining(
    judge: str | Engine,
    on: str | Sequence[str],
    constitution: str | os.PathLike[str] | Constitution,
    at_least: float,
    mode: JudgeMode | None,
    read: JudgeRead | None,
    limit: int | None,
    out: str | os.PathLike[str] | None,
    settings: dict[str, Any],
) -> Examining:
    """The examination that is meant; every set is read here, before anything starts.

    Raises:
        InputError: settings, sets or files are wrong.
    """
    if not isinstance(judge, str) and (isinstance(judge, CallableJudge) or not hasattr(judge, "answer")):
        raise SettingsError("a function is not examined: it reads no principle; name a model, or give an engine")
    if not all(isinstance(each, str) for each in ([on] if isinstance(on, str) else on)):
        raise SettingsError(f"on= takes names of sets ({', '.join(DEFAULT)} ...) and paths of files")
    loaded = constitution.principles if isinstance(constitution, Constitution) else read_constitution(constitution)
    name = judge if isinstance(judge, str) else type(judge).__name__
    given = {"judge_mode": mode, "judge_read": read}
    asked = settings | {key: value for key, value in given.items() if value is not None}
    run = read_run(None, **{**asked, "constitution": loaded.name, "model": name, "out": "-"})
    return Examining(
        sets=read_sets([on] if isinstance(on, str) else on, loaded),
        model=run.model_of("judge") if isinstance(judge, str) else judge,
        name=name,
        principles=loaded,
        mode=run.judge_mode,
        read="scoring" if run.judge_read == "scoring" else "pairwise",
        band=run.tie_band,
        at_least=at_least,
        limit=limit,
        seed=run.seed,
        sampling=run.judge_sampling,
        lora=run.lora().get("judge"),
        out=None if out is None else Path(out).expanduser(),
    )


def finished(job: Examining, made: record.Examination) -> Examination:
    """The examination as it shows itself; with a folder its page is written there too.

    Raises:
        StoreError: the page cannot be written.
    """
    shown = Examination(**{name: getattr(made, name) for name in made.__dataclass_fields__})
    if job.out is not None:
        write_atomically(job.out / REPORT, shown.text().encode())
    return shown
