"""What a run's settings name: recipe, models, pair policy and checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias, cast

from constitution.checks import Check, build
from constitution.engine import Engine, ModelRole
from constitution.engines.models import Named
from constitution.errors import SettingsError
from constitution.flow import Recipe
from constitution.principles import Principles
from constitution.recipes.ai_feedback import AIFeedback
from constitution.recipes.contrast import Contrast
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.recipes.given import JudgeGiven
from constitution.recipes.judging import Judging
from constitution.sources.run_file import RunFile
from constitution.steps.filter import sieve_of
from constitution.steps.judge import VALUE_LABELS
from constitution.steps.label import CandidatePolicy
from constitution.steps.pair import PairPolicy
from constitution.steps.policies import pairing_of, refuse_idle_clamp
from constitution.steps.settle import Settler
from constitution.verdicts import JudgeRead

OwnChecks: TypeAlias = Mapping[str, Callable[..., object]]
"""Checks of the user, by name."""


def recipe_of(recipe: str | Recipe, run: RunFile, principles: Principles) -> Recipe:
    """A recipe by name, or the user's own.

    Raises:
        SettingsError: there is none of this name, the constitution lacks what it uses, or the object is no recipe.
    """
    if isinstance(recipe, str):
        return build_recipe(run, principles)
    require_recipe(recipe)
    return recipe


def build_recipe(run: RunFile, principles: Principles) -> Recipe:
    """The recipe that a run names.

    Raises:
        SettingsError: if there is none of this name, or the constitution lacks what it uses.
    """
    if run.recipe not in RECIPES:
        raise SettingsError(f"recipe '{run.recipe}': expected one of {', '.join(RECIPES)}")
    run.other_drafts()  # refuses those that the recipe would never ask
    _refuse_idle(run)
    return RECIPES[run.recipe](run, principles)


_IDLE: Mapping[str, tuple[str, ...]] = {
    CritiqueRevise.name: ("candidates", "temperatures", "answers"),
    AIFeedback.name: ("verify", "if_worse", "if_tie"),
    Contrast.name: ("candidates", "temperatures", "answers"),
}
"""Settings that a recipe has no use for."""


def _refuse_idle(run: RunFile) -> None:
    """Refuse settings that would change nothing: who gives them expects that they do.

    Raises:
        SettingsError: naming the setting and a recipe that knows it.
    """
    default = RunFile.model_fields
    for name in _IDLE[run.recipe]:
        if getattr(run, name) != default[name].get_default(call_default_factory=True):
            other = AIFeedback.name if run.recipe != AIFeedback.name else f"{CritiqueRevise.name} and {Contrast.name}"
            raise SettingsError(f"{name} has no effect with the recipe {run.recipe}; it goes with {other}")


def _critique_revise(run: RunFile, principles: Principles) -> Recipe:
    return CritiqueRevise(
        principles=principles,
        rounds=run.rounds,
        with_critique=run.critique,
        verdict_first=run.verdict_first,
        sampling=run.sampling(),
        lora=run.lora(),
        judging=_judging(run, principles) if run.verify == "judge" else None,
        policy=cast("PairPolicy", run.policy),
    )


def _ai_feedback(run: RunFile, principles: Principles) -> Recipe:
    return AIFeedback(
        judging=_judging(run, principles),
        candidates=run.candidates,
        temperatures=tuple(run.temperatures),
        policy=cast("CandidatePolicy", run.policy),
        draft_sampling=run.sampling()["draft"],
        other_drafts=run.other_drafts(),
        lora=run.lora(),
    )


def _contrast(run: RunFile, principles: Principles) -> Recipe:
    assert run.policy is None  # it has none: one that is named is refused here
    judging = _judging(run, principles) if run.verify == "judge" else None
    return Contrast(principles, judging, run.sampling()["draft"], run.lora())


def judge_given(run: RunFile, principles: Principles, read: JudgeRead) -> JudgeGiven:
    """The recipe of answers that exist.

    Raises:
        SettingsError: the constitution lacks what it uses, or the settings do not go together.
    """
    return JudgeGiven(_judging(run, principles, read), run.lora())


def _judging(run: RunFile, principles: Principles, read: JudgeRead | None = None) -> Judging:
    return Judging(
        principles, read or run.judge_read, run.judge_mode, run.judge_principles, run.judge_sampling,
        run.lora().get("judge"), run.seed,
    )  # fmt: skip


RECIPES: Mapping[str, Callable[[RunFile, Principles], Recipe]] = {
    CritiqueRevise.name: _critique_revise,
    AIFeedback.name: _ai_feedback,
    Contrast.name: _contrast,
}
"""The recipes that ship, by name."""


def models_of(
    run: RunFile, recipe: Recipe, engine: Engine | None, judge: Engine | None = None
) -> dict[ModelRole, Named | Engine]:
    """What answers each role: an engine object takes the place of the run's model, not of a role's own.

    Raises:
        SettingsError: values are read of a judge that is a model.
    """
    own = {role for role, settings in run.roles.items() if settings.model is not None}
    found: dict[ModelRole, Named | Engine] = {
        role: engine if engine is not None and role not in own else run.model_of(role) for role in recipe.roles
    }
    if judge is not None and "judge" not in found:
        raise SettingsError(f"this {recipe.name} run asks no judge: take verify='judge', or recipe='ai_feedback'")
    if judge is not None:
        found["judge"] = judge
    if VALUE_LABELS[0] in recipe.labels.get("judge", ()) and isinstance(found["judge"], Named):
        raise SettingsError("judge_read value takes a judge that is a Python function: generate(..., judge=f)")
    return found


def settler_of(run: RunFile, principles: Principles, own: OwnChecks) -> Settler:
    """Pair policy, filters and checks of a run.

    Raises:
        SettingsError: checks are to confirm pairs, and no principle has one.
    """
    if run.verify == "check" and not any(principle.checks for principle in principles.principles):
        raise SettingsError(
            f"--verify check: no principle of '{principles.name}' has a `check`: nothing would be confirmed"
        )
    sieve = sieve_of({str(name): effect for name, effect in run.filters.items()})
    pairing = pairing_of(run.label_settings())
    refuse_idle_clamp(pairing.labelling)
    return Settler(replace(pairing, sieve=sieve, respond=principles.respond), build_checks(principles, own))


def build_checks(principles: Principles, own: OwnChecks) -> dict[str, tuple[Check, ...]]:
    """The checks of each principle that has some, by its id.

    Raises:
        SettingsError: one cannot be built; of principles that came from a file this is told before, with its place.
    """
    found: dict[str, tuple[Check, ...]] = {}
    for principle in principles.principles:
        try:
            built = tuple(build(spec, own) for spec in principle.checks)
        except ValueError as error:
            raise SettingsError(f"principle '{principle.id}' of '{principles.name}': {error}") from None
        if built:
            found[principle.id] = built
    return found


def require_recipe(recipe: object) -> None:
    """Refuse an object that is no recipe.

    Raises:
        SettingsError: naming what it lacks.
    """
    members = ("name", "stages", "roles", "flow", "unusable", "longest", "sampling", "labels", "settings")
    lacking = [name for name in members if not hasattr(recipe, name)]
    if lacking:
        raise SettingsError(f"a recipe needs {', '.join(lacking)}; {type(recipe).__name__} has none")
