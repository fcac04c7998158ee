"""Critique-revise: what it refuses, what its settings say, what shapes its requests."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from constitution.engine import Sampling
from constitution.errors import SettingsError, TemplateError
from constitution.messages import Prompt, assistant, user
from constitution.principles import FewShots, Principle, Principles
from constitution.recipes.critique_revise import DEFAULT_ROUNDS, DEFAULT_SAMPLING, CritiqueRevise
from constitution.seeds import Seeds
from constitution.steps.critique import FINDING_SCHEMA
from tests.strategies import by_stage, drive, finding_text, recipes, simple, small_sampling

PROMPT = Prompt("r", (user("How do I rest?"),))


def test_a_few_shot_handed_back_is_no_revision() -> None:
    """A small model gives the answer of a worked example as its own: that is the machinery showing."""
    worked = "Put every thing back in its place before you stop work."
    shots = FewShots(critique=((user("How do I keep my desk tidy?"), assistant(worked)),))
    recipe = CritiqueRevise(simple(few_shots=shots), rounds=1)
    said = {"draft": "Sleep for eight hours.", "critique": "Nothing is wrong with it.", "revise": worked}
    trace, _ = drive(recipe, PROMPT, Seeds(0, "r"), lambda ask: said[ask.stage])
    assert trace.rounds[0].revision is not None
    assert trace.rounds[0].revision.defect == "leak"


@pytest.mark.parametrize(
    "principles",
    [
        (),
        (Principle("a", text="t", preference="p?"),),
        (Principle("a", critique="c"),),
        (Principle("a", revision="r"),),
        (Principle("a", critique="c", revision="r", weight=0.0),),
    ],
    ids=["none", "preference only", "no revision", "no critique", "switched off"],
)
def test_a_constitution_without_what_it_uses(principles: tuple[Principle, ...]) -> None:
    """A constitution without a principle that has critique, revision and a weight is refused at once."""
    with pytest.raises(SettingsError, match="constitution 'n' has no principle with `critique` and `revision`"):
        CritiqueRevise(Principles("n", "1", principles))


def test_verdict_first_needs_a_critique() -> None:
    """Verdict-first does not go with the mode without critique."""
    with pytest.raises(SettingsError, match="does not go with the mode without critique"):
        CritiqueRevise(simple(), with_critique=False, verdict_first=True)


def test_findings_are_sampled() -> None:
    """Verdict-first with a greedy critique is refused: small models loop."""
    with pytest.raises(SettingsError, match="temperature of role critique above 0"):
        CritiqueRevise(simple(), verdict_first=True, sampling=small_sampling(0.0))


@pytest.mark.parametrize("with_critique", [True, False])
def test_templates_are_filled_before_the_first_token(with_critique: bool) -> None:
    """A template of the constitution that breaks on one of its principles is refused with the recipe (law 9)."""
    name = "revise" if with_critique else "revise_direct"
    broken = simple(2, templates={name: "{{ principle.why }}"})
    with pytest.raises(TemplateError, match=f"template '{name}' for principle 'p0' gives an empty text"):
        CritiqueRevise(broken, with_critique=with_critique)


def test_own_templates() -> None:
    """A template of the constitution takes the place of the shipped one, and of no other."""
    own = simple(1, templates={"critique": "{{ principle.id }}: {{ context }}!"}, context="A school")
    _, asked = drive(CritiqueRevise(own, 1), PROMPT, Seeds(0, "r"), by_stage(draft="A.", critique="C.", revise="B b."))
    assert asked[1].messages[-1].content == "p0: A school!"
    assert asked[2].messages[-1].content.startswith("Revision 0!\n\n")


def test_sampling_of_each_role() -> None:
    """Each stage samples as its role says; roles that are not named as by default."""
    mine = Sampling(max_tokens=9, temperature=0.3, stop=("END",))
    recipe = CritiqueRevise(simple(1), 1, sampling={"critique": mine})
    _, asked = drive(recipe, PROMPT, Seeds(0, "r"), by_stage(draft="A.", critique="C.", revise="B b."))
    assert [ask.sampling for ask in asked] == [DEFAULT_SAMPLING["draft"], mine, DEFAULT_SAMPLING["revise"]]
    assert [ask.role for ask in asked] == ["draft", "critique", "revise"]


def test_verdict_first_asks_for_json() -> None:
    """Only the critique of verdict-first is held to the schema of a finding."""
    recipe = CritiqueRevise(simple(1), 1, verdict_first=True, sampling=small_sampling())
    answers = by_stage(draft="A.", critique=finding_text(), revise="B b.")
    _, asked = drive(recipe, PROMPT, Seeds(0, "r"), answers)
    assert [ask.sampling.json_schema for ask in asked] == [None, FINDING_SCHEMA, None]
    assert asked[2].messages[-2] == assistant(finding_text())


def test_adapters() -> None:
    """The adapter of a role goes with its asks."""
    recipe = CritiqueRevise(
        simple(1), 1, sampling=small_sampling(), lora={"draft": "a", "critique": "b", "revise": "c"}
    )
    _, asked = drive(recipe, PROMPT, Seeds(0, "r"), by_stage(draft="A.", critique="C.", revise="B b."))
    assert [ask.lora for ask in asked] == ["a", "b", "c"]


@given(recipes())
def test_settings_are_json(recipe: CritiqueRevise) -> None:
    """Settings are JSON values, the same for the same recipe."""
    settings = recipe.settings()
    assert json.loads(json.dumps(settings)) == settings
    assert settings == replace(recipe).settings()


BASE = CritiqueRevise(simple(2), 2, sampling=small_sampling())
SAMPLING_CHANGES: dict[str, Any] = {
    "max_tokens": 9,
    "temperature": 0.1,
    "top_p": 0.9,
    "top_k": 5,
    "min_p": 0.1,
    "stop": ("x",),
    "thinking": "off",
    "chat_template_kwargs": "{}",
}
CHANGES: dict[str, Any] = {"rounds": 3, "with_critique": False, "verdict_first": True, "lora": {"revise": "mine"}} | {
    f"sampling.{name}": {**BASE.sampling, "revise": replace(BASE.sampling["revise"], **{name: value})}
    for name, value in SAMPLING_CHANGES.items()
}


@pytest.mark.parametrize("name", CHANGES)
def test_settings_name_what_shapes_rows(name: str) -> None:
    """Everything that shapes the rows besides the constitution changes the settings."""
    changed = replace(BASE, **{name.partition(".")[0]: CHANGES[name]})
    assert changed.settings() != BASE.settings()


def test_defaults() -> None:
    """The written defaults: two rounds, sampled, without top_p."""
    recipe = CritiqueRevise(simple())
    assert recipe.rounds == DEFAULT_ROUNDS == 2
    assert recipe.roles == ("draft", "critique", "revise")
    assert all(s.temperature > 0 and s.top_p == 1.0 and s.max_tokens >= 256 for s in recipe.sampling.values())
