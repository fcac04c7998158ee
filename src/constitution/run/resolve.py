"""What a run's settings name: recipe, models, pair policy and checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from constitution.checks import Check, build
from constitution.engine import Engine, ModelRole
from constitution.engines.models import Named
from constitution.errors import SettingsError
from constitution.flow import Recipe
from constitution.principles import Principles
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.sources.run_file import RunFile
from constitution.steps.pair import Pairing
from constitution.steps.settle import Settler

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
    if run.recipe != CritiqueRevise.name:
        raise SettingsError(f"recipe '{run.recipe}': expected {CritiqueRevise.name}")
    return CritiqueRevise(
        principles=principles,
        rounds=run.rounds,
        with_critique=run.critique,
        verdict_first=run.verdict_first,
        sampling=run.sampling(),
        lora=run.lora(),
    )


def models_of(run: RunFile, recipe: Recipe, engine: Engine | None) -> dict[ModelRole, Named | Engine]:
    """What answers each role: an engine object takes the place of the run's model, not of a role's own."""
    own = {role for role, settings in run.roles.items() if settings.model is not None}
    return {role: engine if engine is not None and role not in own else run.model_of(role) for role in recipe.roles}


def settler_of(run: RunFile, principles: Principles, own: OwnChecks) -> Settler:
    """Pair policy and checks of a run."""
    return Settler(Pairing(run.pairs, run.keep_check_worse), build_checks(principles, own))


def build_checks(principles: Principles, own: OwnChecks) -> dict[str, tuple[Check, ...]]:
    """The checks of each principle that has some, by its id."""
    return {
        principle.id: tuple(build(spec, own) for spec in principle.checks)
        for principle in principles.principles
        if principle.checks
    }


def require_recipe(recipe: object) -> None:
    """Refuse an object that is no recipe.

    Raises:
        SettingsError: naming what it lacks.
    """
    members = ("name", "stages", "roles", "flow", "unusable", "longest", "sampling", "labels", "settings")
    lacking = [name for name in members if not hasattr(recipe, name)]
    if lacking:
        raise SettingsError(f"a recipe needs {', '.join(lacking)}; {type(recipe).__name__} has none")
