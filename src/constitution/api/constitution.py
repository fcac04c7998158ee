"""`Constitution`: load principles, revise in a notebook, generate in batches."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from rich.console import RenderableType

from constitution.api.judging import Judge, Judges, judge_of
from constitution.api.revised import Revised
from constitution.api.run import Run
from constitution.display import constitution_page, draw, page_html
from constitution.display.progress import Bar, wanted
from constitution.engine import Engine
from constitution.engines.callable import CallableJudge
from constitution.engines.models import Named
from constitution.errors import EngineDeadError, InputError, RecordError, SettingsError
from constitution.flow import Recipe
from constitution.messages import Prompt
from constitution.principles import Principles
from constitution.run.background import background, on_background
from constitution.run.before.dry_run import DryRun, dry_run
from constitution.run.before.preview import Preview, preview_of
from constitution.run.chain import Chains, Memory, refuse_impossible
from constitution.run.generate import Job, generate
from constitution.run.resolve import OwnChecks, build_checks, models_of, recipe_of, settler_of
from constitution.run.serving import pool
from constitution.run.worker import Progress
from constitution.sources.constitution_file import read_constitution
from constitution.sources.prompts import PromptSource, Reading, as_prompt, derived_id, is_one_prompt, prompts_of
from constitution.sources.run_file import RunFile, read_run

Source: TypeAlias = str | os.PathLike[str] | PromptSource | Iterable[object]
"""Prompts, or where they are."""


class Constitution(Judges):
    """Principles, and what can be made with them.

    Synchronous methods work inside a running event loop too (notebooks); each has an async twin.
    """

    def __init__(self, principles: Principles, *, checks: OwnChecks | None = None) -> None:
        self.principles = principles
        self._checks = dict(checks or {})

    @classmethod
    def load(
        cls, source: str | os.PathLike[str], *, checks: Mapping[str, Callable[..., object]] | None = None
    ) -> Constitution:
        """Load a shipped constitution by name, or a file.

        Args:
            source: `balanced`, `harmless`, `helpful`, `honest`, `verifiable`, or the path of a YAML file.
            checks: your own checks by the names that the file uses: `f(text, **parameters) -> bool | Checked`.

        Raises:
            ConstitutionFileError: every problem of the file at once, each as `file:line:col`.
        """
        return cls(read_constitution(source, checks=checks), checks=checks)

    @property
    def own_checks(self) -> Mapping[str, Callable[..., object]]:
        """Your own checks by name, as they were given."""
        return self._checks

    def __repr__(self) -> str:
        mine = self.principles
        return f"<Constitution {mine.name} {mine.version}: {len(mine)} principles, digest {mine.digest[:12]}>"

    def __rich__(self) -> RenderableType:
        return draw(constitution_page(self.principles))

    def _repr_html_(self) -> str:
        return page_html(constitution_page(self.principles))

    def revise(
        self,
        prompt: object,
        response: str | None = None,
        *,
        model: str | Engine,
        recipe: str | Recipe = "critique_revise",
        progress: bool | None = None,
        **settings: Any,
    ) -> Revised | list[Revised]:
        """Draft, criticise and revise: one prompt or a list of them.

        Args:
            prompt: a text, a conversation (messages or dicts), a row, a `Prompt`, or a list of these.
            response: an answer that exists already; the chain then starts at its critique. For one prompt only.
            model: `demo`, `scripted`, `vllm:NAME-OR-PATH`, a hub name, a local folder, `URL#NAME` of a server, or an
                engine object.
            recipe: by name, or an object.
            progress: whether a bar is shown; None = in a notebook and on a terminal.
            settings: keys of a run file: rounds, seed, critique, verdict_first, system, pairs, roles, engine ...

        Returns:
            For one prompt a `Revised`; for a list a list, in its order. One record's error never raises for a list;
            look at `Revised.outcome`.

        Raises:
            InputError: prompts or settings are wrong; nothing was paid for.
            RecordError: the one prompt that was given failed.
            EngineStartError, EngineDeadError: the engine did not start, or died.
        """
        with _bar("revise", progress, keep=not is_one_prompt(prompt)) as bar:
            return background.call(self._revise(prompt, response, model, recipe, settings, bar), meanwhile=bar.draw)

    async def arevise(
        self,
        prompt: object,
        response: str | None = None,
        *,
        model: str | Engine,
        recipe: str | Recipe = "critique_revise",
        progress: bool | None = None,
        **settings: Any,
    ) -> Revised | list[Revised]:
        """The async twin of `revise`."""
        with _bar("revise", progress, keep=not is_one_prompt(prompt)) as bar:
            work = self._revise(prompt, response, model, recipe, settings, bar)
            return await on_background(work, meanwhile=bar.draw)

    async def _revise(
        self,
        prompt: object,
        response: str | None,
        model: str | Engine,
        recipe: str | Recipe,
        settings: dict[str, Any],
        bar: Bar,
    ) -> Revised | list[Revised]:
        run = _run_file(self, model, recipe, {**settings, "out": "-"})
        prompts = _prompts(prompt, response, run.reading())
        chosen = recipe_of(recipe, run, self.principles)
        models = models_of(run, chosen, None if isinstance(model, str) else model)
        names = dict.fromkeys(named.model for named in models.values() if isinstance(named, Named))
        if names:
            bar.say("starting the engine: " + ", ".join(names))
        served = await pool.serve(models, chosen.labels)
        refuse_impossible(chosen, served, prompts[0])
        chains = Chains(chosen, served, run.seed, run.too_long)
        settler = settler_of(run, self.principles, self._checks)
        books = [Memory() for _ in prompts]
        try:
            results = await chains.run_all(prompts, books, lambda done: bar.count(done, len(prompts)))
        except EngineDeadError:
            await pool.drop_dead(served)
            raise
        revised = [
            Revised(one, result, settler.chain(result), self.principles, book.sums.to_json()["tokens"])
            for one, result, book in zip(prompts, results, books, strict=True)
        ]
        if not is_one_prompt(prompt):
            return revised
        return _or_raise(revised[0])

    def generate(
        self,
        source: Source,
        out: str | os.PathLike[str],
        *,
        model: str | Engine,
        recipe: str | Recipe = "critique_revise",
        judge: Judge | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        progress: bool | None = None,
        retry_failed: bool = False,
        **settings: Any,
    ) -> Run:
        """Make preference data for many prompts in a run folder; the same call continues a run that was stopped.

        Args:
            source: a file, a folder, or a data set of the hub; a `PromptSource` with its split; a list of these; or an
                iterable of what `revise` takes, a `datasets.Dataset` too.
            out: the run's folder.
            model: as in `revise`.
            recipe: by name, or an object.
            judge: who judges: a model as `model`, or a function `f(prompts, responses) -> numbers`, higher is better
                (`CallableJudge` says what it takes); None = the model.
            on_progress: is called, on another thread, whenever a record is finished.
            progress: whether a bar is shown; None = in a notebook and on a terminal.
            retry_failed: ask failed records again, from their last answer on disk.
            settings: keys of a run file; `max_total_tokens` and `max_cost` limit what it may pay for.

        Returns:
            The run. `Run.complete` is False if it was interrupted, or stopped at its limit; of a limit a warning tells.

        Raises:
            InputError: before any token is paid for.
            StoreError: the folder is locked or cannot be written.
            EngineStartError, EngineDeadError: the same call goes on with the run.
        """
        with _bar("generate", progress) as bar:
            told = _both(bar.update, on_progress)
            job = self._job(source, out, model, recipe, told, settings, judge, retry_failed=retry_failed)
            job.on_start = bar.say
            background.call(generate(job), on_interrupt=job.stop, meanwhile=bar.draw)
        _warn_of_limit(job)
        return Run.open(out, checks=self._checks)

    async def agenerate(
        self,
        source: Source,
        out: str | os.PathLike[str],
        *,
        model: str | Engine,
        recipe: str | Recipe = "critique_revise",
        judge: Judge | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        progress: bool | None = None,
        retry_failed: bool = False,
        **settings: Any,
    ) -> Run:
        """The async twin of `generate`; cancelling it stops the run so that it can go on."""
        with _bar("generate", progress) as bar:
            told = _both(bar.update, on_progress)
            job = self._job(source, out, model, recipe, told, settings, judge, retry_failed=retry_failed)
            job.on_start = bar.say
            await on_background(generate(job), on_cancel=job.stop, meanwhile=bar.draw)
        _warn_of_limit(job)
        return Run.open(out, checks=self._checks)

    def dry_run(
        self,
        source: Source,
        *,
        model: str | Engine,
        recipe: str | Recipe = "critique_revise",
        tokens_per_second: float | None = None,
        **settings: Any,
    ) -> DryRun:
        """Count what `generate` would ask and what it may cost. No engine is started, no folder written.

        Args:
            source: as in `generate`.
            model: as in `generate`; of engine objects only a `ScriptedEngine`.
            recipe: by name, or an object.
            tokens_per_second: sampled tokens a second, for the time.
            settings: keys of a run file; `prices` for money.

        Raises:
            InputError: as `generate` would.
        """
        job = self._job(source, settings.pop("out", "-"), model, recipe, None, settings)
        return background.call(dry_run(job, rate=tokens_per_second))

    def preview(
        self,
        source: Source,
        out: str | os.PathLike[str],
        n: int = 16,
        *,
        model: str | Engine,
        recipe: str | Recipe = "critique_revise",
        judge: Judge | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        progress: bool | None = None,
        **settings: Any,
    ) -> Preview:
        """Run some records for real, drawn by hash over the whole input, and tell what the whole run will give.

        `generate` with the same arguments then reuses their answers: they stand in the run's folder.

        Args:
            source: as in `generate`.
            out: the run's folder.
            n: how many records.
            model: as in `generate`.
            recipe: by name, or an object.
            judge: who judges: a model as `model`, or a function `f(prompts, responses) -> numbers`, higher is better
                (`CallableJudge` says what it takes); None = the model.
            on_progress: as in `generate`.
            progress: as in `generate`.
            settings: keys of a run file; `prices` for money. Where a limit ends it, a warning tells.

        Raises:
            SettingsError: `n` is below 1.
            InputError, StoreError, EngineStartError, EngineDeadError: as `generate`.
        """
        if n < 1:
            raise SettingsError(f"n={n}: a preview needs at least one record")
        with _bar("preview", progress) as bar:
            job = self._job(source, out, model, recipe, _both(bar.update, on_progress), settings, judge, preview=n)
            job.on_start = bar.say
            background.call(generate(job), on_interrupt=job.stop, meanwhile=bar.draw)
        _warn_of_limit(job)
        return preview_of(job)

    def _job(
        self,
        source: Source,
        out: str | os.PathLike[str],
        model: str | Engine,
        recipe: str | Recipe,
        on_progress: Callable[[Progress], None] | None,
        settings: dict[str, Any],
        judge: Judge | None = None,
        *,
        retry_failed: bool = False,
        preview: int | None = None,
    ) -> Job:
        build_checks(self.principles, self._checks)  # those of principles made by hand were looked at by nobody
        items, prompts = _source(source)
        if isinstance(model, CallableJudge):
            judge_of(model, {})  # refuses one that no run could tell from another
        own_judge, settings = judge_of(judge, settings)
        run = _run_file(self, model, recipe, {**settings, "out": os.fspath(out), "prompts": prompts})
        return Job(
            run=run,
            principles=self.principles,
            recipe=recipe_of(recipe, run, self.principles),
            own_checks=self._checks,
            engine=None if isinstance(model, str) else model,
            judge=own_judge,
            items=items,
            on_progress=on_progress,
            retry_failed=retry_failed,
            preview=preview,
        )


def _warn_of_limit(job: Job) -> None:
    """Warn at the line of the user's call."""
    if job.limit_reached is not None:
        warnings.warn(job.limit_reached, stacklevel=3)


def _bar(name: str, progress: bool | None, *, keep: bool = True) -> Bar:
    return Bar(name, show=wanted(progress), keep=keep)


def _both(bar: Callable[[Progress], None], own: Callable[[Progress], None] | None) -> Callable[[Progress], None]:
    def progress(done: Progress) -> None:
        bar(done)
        if own is not None:
            own(done)

    return progress


def _source(source: object) -> tuple[Iterable[object] | None, list[dict[str, Any]]]:
    """Prompts as Python values, or where they are."""
    if isinstance(source, str | os.PathLike):
        source = PromptSource(os.fspath(source))
    named = [source] if isinstance(source, PromptSource) else source
    if isinstance(named, list | tuple) and named and all(isinstance(one, PromptSource) for one in named):
        fields = ("config", "split", "revision", "weight")
        return None, [
            {"source": one.name, **{name: value for name in fields if (value := getattr(one, name)) is not None}}
            for one in named
        ]
    if not isinstance(source, Iterable):
        raise InputError(f"expected prompts or where they are, found {type(source).__name__}")
    return source, []


def _run_file(constitution: Constitution, model: str | Engine, recipe: str | Recipe, given: dict[str, Any]) -> RunFile:
    return read_run(
        None,
        constitution=constitution.principles.name,
        model=model if isinstance(model, str) else type(model).__name__,
        recipe=recipe if isinstance(recipe, str) else recipe.name,
        **given,
    )


def _prompts(prompt: object, response: str | None, reading: Reading) -> list[Prompt]:
    if is_one_prompt(prompt):
        one, given = as_prompt(prompt, reading)
        return [one if response is None else _with_response(one, response, given=given)]
    if response is not None:
        raise SettingsError(
            "response= goes with one prompt; in a list, give rows like {'prompt': ..., 'response': ...}"
        )
    return prompts_of(prompt, reading)


def _with_response(prompt: Prompt, response: str, *, given: bool) -> Prompt:
    id = prompt.id if given else derived_id(prompt.conversation, response, prompt.tags, prompt.tools)
    return as_prompt(replace(prompt, id=id, response=response))[0]


def _or_raise(revised: Revised) -> Revised:
    if revised.outcome == "failed":
        raise RecordError(f"{revised.reason}: {revised.error}")
    return revised


def close() -> None:
    """Close the engines that this process shares; the next call starts them anew."""
    background.call(pool.close())
