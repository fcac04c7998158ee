"""Law 6: prompts, answers and principles are text. Nothing in them is rendered, formatted or parsed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.engine import Ask
from constitution.messages import Prompt, assistant, system, user
from constitution.principles import FewShots, Principle, Principles
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.seeds import Seeds
from tests.strategies import HOSTILE, drive, small_sampling, texts

hostile = st.one_of(st.sampled_from(HOSTILE), texts)


@given(hostile, hostile, hostile, hostile, hostile)
def test_everything_stands_verbatim(said: str, answer: str, critique: str, revision: str, context: str) -> None:
    """User text, answers, critiques, principles, context and few-shots stand in the requests as they were given."""
    principle = Principle("p", text=revision, critique=critique, revision=revision)
    shots = FewShots(critique=((user(said), assistant(answer)),))
    principles = Principles("n", "1", (principle,), context=context, few_shots=shots)
    recipe = CritiqueRevise(principles, 1, sampling=small_sampling())
    conversation = (system(said), user(said), assistant(answer), user(said))
    drafted = f"{answer} drafted"
    criticised = f"{critique} criticised"
    told = {"draft": drafted, "critique": criticised, "revise": "Fine words."}

    def script(ask: Ask) -> str:
        return told[ask.stage]

    trace, asked = drive(recipe, Prompt("r", conversation), Seeds(0, "r"), script)
    assert asked[0].messages == conversation
    if trace.draft is None or len(asked) < 3:
        return
    assert asked[1].messages[:-1] == (
        conversation[0], *shots.critique[0], *conversation[1:], assistant(drafted),
    )  # fmt: skip
    assert asked[1].messages[-1].content == f"{context}\n\n{critique}"
    assert asked[2].messages[-2] == assistant(criticised)
    assert asked[2].messages[-1].content.startswith(f"{revision}\n\n")
    assert trace.conversation == conversation


@pytest.mark.parametrize("text", HOSTILE)
def test_principles_are_not_templates(text: str) -> None:
    """Every field of a principle that a shipped template holds comes out as it went in."""
    principle = Principle("p", text=text, critique=text, revision=text)
    for verdict_first, with_critique in ((False, True), (True, True), (False, False)):
        recipe = CritiqueRevise(
            Principles("n", "1", (principle,)), 1, with_critique, verdict_first, sampling=small_sampling()
        )
        for criticise, rewrite in recipe._turns.values():
            assert text in rewrite
            assert text in criticise or not with_critique
            assert "49" not in criticise + rewrite
