"""Law 4 for chains: whatever an engine answers, each input has one outcome, and the pairs add up."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from constitution.checks import Checked
from constitution.messages import Prompt
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.records import OUTCOMES, REASONS, Dropped, Failure, PreferencePair, Trace
from constitution.steps.pair import PAIR_POLICIES, Pairing, Settled, settle_chain, settle_input
from tests.strategies import Chaos, chaos, confirmings, prompts, recipes, run_chain, run_seeds, scripted, traces

pairings = st.builds(Pairing, st.sampled_from(PAIR_POLICIES), confirmings)


def short(text: str) -> Checked:
    return Checked(len(text) < 30)


CHECKS = {"p0": (short,), "p2": (short,)}


def holds(settled: Settled) -> None:
    """What is true of anything settled."""
    kept = [p for p in settled.proposals if isinstance(p, PreferencePair)]
    dropped = [p for p in settled.proposals if isinstance(p, Dropped)]
    assert len(kept) + len(dropped) == len(settled.proposals)
    assert settled.outcome in OUTCOMES
    assert all(drop.reason in REASONS for drop in dropped)
    assert (settled.outcome == "paired") == bool(kept)
    if settled.outcome == "dropped":
        assert settled.reason in REASONS
    assert (settled.reason is None) == (settled.outcome in ("paired", "fine"))


@given(recipes(), prompts(), chaos, run_seeds, pairings)
def test_any_engine(recipe: CritiqueRevise, prompt: Prompt, script: Chaos, seed: int, pairing: Pairing) -> None:
    """An engine that says anything, or refuses: one outcome, kept + dropped = proposed, documented reasons."""
    result = run_chain(recipe, prompt, scripted(script), seed=seed)
    assert result.record == prompt.id
    settled = settle_chain(result, pairing, CHECKS)
    holds(settled)
    if isinstance(result, Failure):
        assert settled == Settled("failed", result.error)
        assert result.stage in recipe.stages
        assert 1 <= result.attempts <= 3


@given(traces(), pairings)
def test_any_trace(trace: Trace, pairing: Pairing) -> None:
    """A trace of any content is settled, and the same again."""
    settled = settle_chain(trace, pairing, CHECKS)
    holds(settled)
    assert settled == settle_chain(trace, pairing, CHECKS)


@given(st.lists(traces(), min_size=1, max_size=4), pairings)
def test_any_input(chains: list[Trace], pairing: Pairing) -> None:
    """An input with several chains has one outcome, and all the proposals of its chains."""
    settled = [settle_chain(chain, pairing, CHECKS) for chain in chains]
    whole = settle_input(settled)
    holds(whole)
    assert len(whole.proposals) == sum(len(each.proposals) for each in settled)
    assert OUTCOMES.index(whole.outcome) == min(OUTCOMES.index(each.outcome) for each in settled)


@given(traces(), pairings)
def test_fine_means_that_nothing_was_revised(trace: Trace, pairing: Pairing) -> None:
    """A record is fine exactly where no round revised anything and none of them was unusable."""
    settled = settle_chain(trace, pairing, {})
    if settled.outcome == "fine":
        assert not settled.proposals
        assert all(round.revision is None and round.unusable is None for round in trace.rounds)
        assert trace.draft is not None
    if trace.draft and trace.draft.text.isalpha() and not any(r.revision or r.unusable for r in trace.rounds):
        assert settled.outcome == "fine"


@given(traces())
def test_an_unusable_round_is_never_fine(trace: Trace) -> None:
    """Where nothing was revised and a round was unusable, its first reason is the record's."""
    settled = settle_chain(trace, Pairing(), {})
    unusable = [round.unusable for round in trace.rounds if round.unusable]
    if settled.outcome != "failed" and unusable and not any(round.revision for round in trace.rounds):
        assert settled.outcome == "dropped"
        assert settled.reason in (unusable[0], "leak", "empty")


@given(st.lists(st.tuples(recipes(), prompts(responses=False), chaos), min_size=1, max_size=4))
def test_inputs_add_up(batch: list[tuple[CritiqueRevise, Prompt, Chaos]]) -> None:
    """Over many inputs the outcomes add up to the inputs."""
    outcomes = Counter(
        settle_chain(run_chain(recipe, prompt, scripted(script)), Pairing(), {}).outcome
        for recipe, prompt, script in batch
    )
    assert outcomes.total() == len(batch)
    assert set(outcomes) <= set(OUTCOMES)
