"""The checks stay out of sight: no request holds one, and none depends on one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.engine import Completion
from constitution.messages import Prompt
from constitution.principles import CheckSpec, Principles
from constitution.recipes.critique_revise import CritiqueRevise
from tests.strategies import (
    Chaos,
    chaos,
    constitutions,
    finding_text,
    prompts,
    run_chain,
    run_seeds,
    scripted,
    small_sampling,
)

MARKER = "zq7marker{}kx9"
MODES = {"critique": (True, False), "direct": (False, False), "verdict-first": (True, True)}


def with_checks(principles: Principles, check: CheckSpec) -> Principles:
    return replace(principles, principles=tuple(replace(p, checks=(check,)) for p in principles.principles))


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@given(constitutions(), prompts(), st.integers(0, 10**9), run_seeds)
def test_no_request_holds_a_check(
    mode: tuple[bool, bool], principles: Principles, prompt: Prompt, number: int, seed: int
) -> None:
    """A check named and parameterised with a random marker appears in no request of any mode."""
    marker = MARKER.format(number)
    marked = with_checks(principles, CheckSpec(marker, f'{{"{marker}":"{marker}"}}'))
    recipe = CritiqueRevise(marked, 2, *mode, sampling=small_sampling())
    script = Chaos([Completion(finding_text()), Completion("A usable text."), Completion("Another, other text here.")])
    run_chain(recipe, prompt, scripted(script), seed=seed)
    assert script.asked or not principles.applying(prompt.tags)
    for request in script.asked:
        assert marker not in repr(request)


@given(constitutions(), prompts(), chaos, run_seeds)
def test_other_checks_same_requests(principles: Principles, prompt: Prompt, script: Chaos, seed: int) -> None:
    """All checks replaced by others: the digest of the constitution changes, no request key does."""
    again = Chaos(script.pool, script.salt, script.refusals, script.echoes)
    other = with_checks(principles, CheckSpec("words", '{"max":3}'))
    assert other.digest != principles.digest
    run_chain(CritiqueRevise(principles, sampling=small_sampling()), prompt, scripted(script), seed=seed)
    run_chain(CritiqueRevise(other, sampling=small_sampling()), prompt, scripted(again), seed=seed)
    assert [request.key for request in script.asked] == [request.key for request in again.asked]
