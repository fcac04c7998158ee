"""`judge` and `score`: answers that exist, in Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar, cast

from constitution.api.judged import Scores, Verdict
from constitution.display.progress import Bar, wanted
from constitution.engine import Engine
from constitution.engines.callable import CallableJudge, Valuer
from constitution.engines.models import Named
from constitution.errors import EngineDeadError, InputError, RecordError, SettingsError
from constitution.messages import Prompt
from constitution.principles import Principles
from constitution.recipes.given import JudgeGiven
from constitution.records import ChainResult, Trace
from constitution.run.background import background, on_background
from constitution.run.chain import Chains, Memory, Served, refuse_impossible
from constitution.run.resolve import judge_given, models_of
from constitution.run.serving import pool
from constitution.sources.prompts import Reading, answer_problem, is_one_prompt, prompts_of, with_responses
from constitution.sources.run_file import RunFile, read_run
from constitution.steps.agreement import verdict_on_two
from constitution.steps.judge import JudgeMode
from constitution.steps.label import Labelling
from constitution.verdicts import JUDGE_READS, JudgeRead
from constitution.verdicts import Scores as ScoresSaid
from constitution.verdicts import Verdict as VerdictSaid
from constitution.verdicts import scores as scores_of

T = TypeVar("T")

Judge: TypeAlias = str | Engine | Valuer
"""A model string, an engine object, or a function `f(prompts, responses) -> numbers`."""
_Asked: TypeAlias = tuple[Prompt, ChainResult, Mapping[str, Mapping[str, int]]]


@dataclass(frozen=True)
class _How:
    """How a judge is asked in one call."""

    judge: str | Engine
    own: bool
    """Whether it is a function that only this call has made an engine of."""
    read: JudgeRead
    settings: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        model: str | Engine | None,
        judge: Judge | None,
        read: JudgeRead | None,
        settings: Mapping[str, Any],
    ) -> _How:
        if (model is None) == (judge is None):
            raise SettingsError("give the judge once: model= a model string or an engine, or judge= a function")
        if "judge_read" in settings:
            raise SettingsError("judge_read is the key of a run file; here it is read=")
        asked = judge if model is None else model
        assert asked is not None
        own = not isinstance(asked, str) and not hasattr(asked, "answer")
        engine = CallableJudge(asked) if own and callable(asked) else asked
        if not isinstance(engine, str) and not hasattr(engine, "answer"):
            raise SettingsError(
                f"the judge is of type {type(asked).__name__}, expected a model string, an engine, a function"
            )
        valued = isinstance(engine, CallableJudge)
        if read is not None and read not in JUDGE_READS:
            raise SettingsError(f"read is {read!r}, expected one of {', '.join(JUDGE_READS)}")
        if read == "value" and isinstance(engine, str):
            raise SettingsError("read value is for a judge that is a function: judge=f")
        return cls(engine, own, read or ("value" if valued else "pairwise"), settings)  # type: ignore[arg-type]  # it has `answer`

    def run(self, principles: Principles) -> RunFile:
        model = self.judge if isinstance(self.judge, str) else type(self.judge).__name__
        own = {"constitution": principles.name, "model": model, "recipe": JudgeGiven.name, "out": "-"}
        return read_run(None, **{**self.settings, **own})


class Judges:
    """The judging half of `Constitution`."""

    principles: Principles

    def judge(
        self,
        prompt: object,
        a: str | Iterable[str] | None = None,
        b: str | Iterable[str] | None = None,
        *,
        model: str | Engine | None = None,
        judge: Judge | None = None,
        read: JudgeRead | None = None,
        mode: JudgeMode = "direct",
        principles: int = 0,
        progress: bool | None = None,
        **settings: Any,
    ) -> Verdict | list[Verdict]:
        """Say which of two answers is better: of one pair, or of many.

        A swap of the two asks the very same requests and negates the margin exactly. Two answers that are the same are
        a tie, and nobody is asked.

        Args:
            prompt: what both answer: a text, a conversation, a row or a `Prompt`; or a list of these, or a data set.
            a: an answer; for a list of prompts a list. Without `a` and `b` the rows bring them: `text_a` and `text_b`,
                `chosen` and `rejected`, or two `responses`.
            b: the other answer.
            model: of the judge, as in `revise`.
            judge: instead of `model` a function `f(prompts, responses)` that returns a number for each answer, higher
                is better: `prompts` are conversations, lists of `{"role", "content"}`. Or whatever `model` takes.
            read: `pairwise` asks for both orders of the two; `scoring` asks about each answer by itself; `value` is
                that of a function.
            mode: of a pairwise read: `direct` reads the label's log-probability; `think` lets the judge think first;
                `text` takes the label as it is written, where there are no log-probabilities.
            principles: how many are drawn for each pair; 0 = all that apply to its tags.
            progress: whether a bar is shown; None = in a notebook and on a terminal.
            settings: keys of a run file: seed, system, roles, engine, tie_band, clamp ...

        Returns:
            For one pair a `Verdict`; for a list a list, in its order. One pair's error never raises for a list; look at
            `Verdict.reason`.

        Raises:
            InputError: pairs or settings are wrong; nothing was paid for.
            RecordError: the one pair that was given failed.
            EngineStartError, EngineDeadError: the engine did not start, or died.
        """
        how = _How.of(model, judge, read, {"judge_mode": mode, "judge_principles": principles, **settings})
        with _bar("judge", progress, prompt) as bar:
            return background.call(self._judge(prompt, a, b, how, bar), meanwhile=bar.draw)

    async def ajudge(
        self,
        prompt: object,
        a: str | Iterable[str] | None = None,
        b: str | Iterable[str] | None = None,
        *,
        model: str | Engine | None = None,
        judge: Judge | None = None,
        read: JudgeRead | None = None,
        mode: JudgeMode = "direct",
        principles: int = 0,
        progress: bool | None = None,
        **settings: Any,
    ) -> Verdict | list[Verdict]:
        """The async twin of `judge`."""
        how = _How.of(model, judge, read, {"judge_mode": mode, "judge_principles": principles, **settings})
        with _bar("judge", progress, prompt) as bar:
            return await on_background(self._judge(prompt, a, b, how, bar), meanwhile=bar.draw)

    def score(
        self,
        prompt: object,
        response: str | Iterable[str] | None = None,
        *,
        model: str | Engine | None = None,
        judge: Judge | None = None,
        principles: int = 0,
        progress: bool | None = None,
        **settings: Any,
    ) -> Scores | list[Scores]:
        """Say how well an answer keeps each principle that has `asks`: of one answer, or of many.

        Args:
            prompt: what it answers, as in `judge`.
            response: the answer; for a list of prompts a list. Without it the rows bring theirs (`response`, or an
                assistant turn at the end).
            model: of the judge, as in `revise`.
            judge: instead of `model`, as in `judge`.
            principles: how many are drawn for each answer; 0 = all that apply to its tags.
            progress: whether a bar is shown; None = in a notebook and on a terminal.
            settings: keys of a run file.

        Returns:
            For one answer `Scores`; for a list a list, in its order. One answer's error never raises for a list.

        Raises:
            InputError: answers or settings are wrong; nothing was paid for.
            RecordError: the one answer that was given failed.
            EngineStartError, EngineDeadError: the engine did not start, or died.
        """
        how = _scoring(model, judge, {"judge_principles": principles, **settings})
        with _bar("score", progress, prompt) as bar:
            return background.call(self._score(prompt, response, how, bar), meanwhile=bar.draw)

    async def ascore(
        self,
        prompt: object,
        response: str | Iterable[str] | None = None,
        *,
        model: str | Engine | None = None,
        judge: Judge | None = None,
        principles: int = 0,
        progress: bool | None = None,
        **settings: Any,
    ) -> Scores | list[Scores]:
        """The async twin of `score`."""
        how = _scoring(model, judge, {"judge_principles": principles, **settings})
        with _bar("score", progress, prompt) as bar:
            return await on_background(self._score(prompt, response, how, bar), meanwhile=bar.draw)

    async def _judge(self, prompt: object, a: object, b: object, how: _How, bar: Bar) -> Verdict | list[Verdict]:
        run = how.run(self.principles)
        prompts = _pairs(prompt, a, b, run.reading())
        labelling = Labelling(band=run.tie_band, clamp=run.clamp, read=how.read)
        verdicts = [
            Verdict(one, result, self.principles, _verdict(result, labelling), tokens=tokens)
            for one, result, tokens in await self._ask(how, run, prompts, bar)
        ]
        return verdicts if not is_one_prompt(prompt) else _or_raise(verdicts[0])

    async def _score(self, prompt: object, response: object, how: _How, bar: Bar) -> Scores | list[Scores]:
        run = how.run(self.principles)
        prompts = _answers(prompt, response, run.reading())
        found = [
            Scores(one, result, self.principles, _scores(result), tokens=tokens)
            for one, result, tokens in await self._ask(how, run, prompts, bar)
        ]
        return found if not is_one_prompt(prompt) else _or_raise(found[0])

    async def _ask(self, how: _How, run: RunFile, prompts: list[Prompt], bar: Bar) -> list[_Asked]:
        recipe = judge_given(run, self.principles, how.read)
        served = await _serve(how, run, recipe, bar)
        refuse_impossible(recipe, served, prompts[0])
        books = [Memory() for _ in prompts]
        chains = Chains(recipe, served, run.seed, run.too_long)
        try:
            results = await chains.run_all(prompts, books, lambda done: bar.count(done, len(prompts)))
        except EngineDeadError:
            await pool.drop_dead(served)
            raise
        tokens = [book.sums.to_json()["tokens"] for book in books]
        return list(zip(prompts, results, tokens, strict=True))


def _bar(name: str, progress: bool | None, prompt: object) -> Bar:
    return Bar(name, show=wanted(progress), keep=not is_one_prompt(prompt))


def _scoring(model: str | Engine | None, judge: Judge | None, settings: Mapping[str, Any]) -> _How:
    how = _How.of(model, judge, None, settings)
    return how if how.read == "value" else replace(how, read="scoring")


async def _serve(how: _How, run: RunFile, recipe: JudgeGiven, bar: Bar) -> Served:
    """The judge, started: a function of this call alone is not kept among the engines of the process."""
    if how.own and not isinstance(how.judge, str):
        return Served({"judge": how.judge}, {"judge": await how.judge.start(recipe.labels["judge"])})
    models = models_of(run, recipe, None if isinstance(how.judge, str) else how.judge)
    names = dict.fromkeys(named.model for named in models.values() if isinstance(named, Named))
    if names:
        bar.say("starting the engine: " + ", ".join(names))
    return await pool.serve(models, recipe.labels)


def _pairs(prompt: object, a: object, b: object, reading: Reading) -> list[Prompt]:
    if (a is None) != (b is None):
        raise InputError("give both answers, a and b, or rows that bring them")
    if a is None:
        pairs = prompts_of(prompt, reading.of_answers())
        for path, one in _placed(prompt, pairs):
            if len(one.responses) != 2:
                what = f"judge compares two answers, and the row has {len(one.responses)}"
                raise answer_problem(what, path, listed=bool(path))
        return pairs
    return _with(prompt, {"a": a, "b": b}, reading)


def _answers(prompt: object, response: object, reading: Reading) -> list[Prompt]:
    if response is not None:
        return _with(prompt, {"response": response}, reading)
    prompts = prompts_of(prompt, reading)
    for path, one in _placed(prompt, prompts):
        if one.response is None:
            what = "has no answer to score: give response=, or rows that bring one"
            raise answer_problem(what, path, listed=bool(path))
    return [with_responses(one, {"response": str(one.response)}) for one in prompts]


def _with(prompt: object, given: Mapping[str, object], reading: Reading) -> list[Prompt]:
    """Prompts with the answers that stand beside them."""
    prompts = prompts_of(prompt, reading)
    for path, one in _placed(prompt, prompts):
        if one.response is not None or one.responses:
            what = f"brings an answer of its own; leave it out, or leave out {' and '.join(given)}"
            raise answer_problem(what, path, listed=bool(path))
    if is_one_prompt(prompt):
        if listed := [name for name, value in given.items() if _lists(value)]:
            raise InputError(f"{listed[0]} is a list, and there is one prompt: give a list of prompts, one for each")
        return [with_responses(prompts[0], given)]
    columns: dict[str, list[object]] = {}
    for name, value in given.items():
        if not _lists(value):
            raise InputError(f"{name} is one answer, and there are {len(prompts)} prompts: give a list of answers")
        assert isinstance(value, Iterable)
        columns[name] = list(value)
        if len(columns[name]) != len(prompts):
            raise InputError(f"{name} has {len(columns[name])} answers for {len(prompts)} prompts; give one for each")
    return [
        with_responses(one, {name: column[number] for name, column in columns.items()}, (number,))
        for number, one in enumerate(prompts)
    ]


def _placed(prompt: object, prompts: list[Prompt]) -> list[tuple[tuple[int, ...], Prompt]]:
    """Prompts with their place in the list that was given."""
    return [(() if is_one_prompt(prompt) else (number,), one) for number, one in enumerate(prompts)]


def _lists(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str)


def _verdict(result: ChainResult, labelling: Labelling) -> VerdictSaid:
    return verdict_on_two(result, labelling) or VerdictSaid(None, None, None)


def _scores(result: ChainResult) -> ScoresSaid:
    if isinstance(result, Trace) and result.scored:
        return scores_of(result.scored[0])
    return ScoresSaid((), None)


def _or_raise(judged: T) -> T:
    if isinstance(judged, Verdict | Scores) and judged.reason == "failed":
        raise RecordError(f"failed: {judged.error}")
    return judged


def judge_of(judge: Judge | None, settings: dict[str, Any]) -> tuple[Engine | None, dict[str, Any]]:
    """The judge as an engine object, where it is one, and the settings that go with it.

    Raises:
        SettingsError: what it keeps under the name of a function could be another function's.
    """
    if judge is None:
        return None, settings
    if isinstance(judge, str):
        roles = dict(settings.get("roles") or {})
        return None, {**settings, "roles": {**roles, "judge": {**(roles.get("judge") or {}), "model": judge}}}
    engine = cast("Engine", judge) if hasattr(judge, "answer") else CallableJudge(judge)
    if isinstance(engine, CallableJudge) and not engine.named:
        raise SettingsError(
            f"the judge, {engine.name}, has no name by which a run could tell it from another one: "
            "give it one, judge=CallableJudge(f, name='...')"
        )
    read = {"judge_read": "value"} if isinstance(engine, CallableJudge) else {}
    return engine, {**settings, **read}
