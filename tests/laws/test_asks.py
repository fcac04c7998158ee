"""Law 2: a flow asks exactly what it says, in transcripts that only grow. Driven by `next` and `send` alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.engine import Ask, Completion
from constitution.errors import SettingsError
from constitution.messages import Conversation, Prompt, assistant, user
from constitution.principles import FewShots
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.records import Trace
from constitution.seeds import Seeds
from tests.strategies import (
    Chaos,
    by_stage,
    chaos,
    drive,
    finding_text,
    prompts,
    recipes,
    run_seeds,
    simple,
    small_sampling,
    texts,
)

PROMPT = Prompt("r", (user("How do I rest?"),))
SEEDS = Seeds(0, "r")


def usable(ask: Ask) -> str:
    """A different usable text for each stage and round."""
    return f"{ask.stage.capitalize()} number {ask.round} stands here."


def made(rounds: int = 2, *, with_critique: bool = True, verdict_first: bool = False) -> CritiqueRevise:
    return CritiqueRevise(simple(4), rounds, with_critique, verdict_first, small_sampling())


def stages(asked: list[Ask]) -> list[tuple[str, int]]:
    return [(ask.stage, ask.round) for ask in asked]


@pytest.mark.parametrize("rounds", [1, 2, 5])
@pytest.mark.parametrize("given_response", [False, True], ids=["draft", "given"])
def test_full_chain(rounds: int, given_response: bool) -> None:
    """[draft unless given] + n critiques + n revisions, in turn, each round under its own number."""
    prompt = replace(PROMPT, response="Given.") if given_response else PROMPT
    answers = by_stage(draft="A.", critique="Long.", revise=[f"Better {n} now." for n in range(rounds)])
    trace, asked = drive(made(rounds), prompt, SEEDS, answers)
    expected = [] if given_response else [("draft", 0)]
    for number in range(1, rounds + 1):
        expected += [("critique", number), ("revise", number)]
    assert stages(asked) == expected
    assert trace.draft is not None
    assert trace.draft.given is given_response
    assert trace.draft.attempts == (0 if given_response else 1)


def test_without_critique() -> None:
    """Without critique: the draft and n revisions, no critique role, and requests of their own wording."""
    recipe = made(3, with_critique=False)
    trace, asked = drive(recipe, PROMPT, SEEDS, by_stage(draft="A.", revise=["B b.", "C c.", "D d."]))
    assert stages(asked) == [("draft", 0), ("revise", 1), ("revise", 2), ("revise", 3)]
    assert recipe.roles == ("draft", "revise")
    assert all(round.critique is None for round in trace.rounds)


def test_finding_without_violation() -> None:
    """A finding without violation makes no revision, the next round is asked, and it goes on from the same text."""
    recipe = made(3, verdict_first=True)
    answers = by_stage(
        draft="A.",
        critique=[finding_text(), finding_text(violates=False), finding_text()],
        revise=["B better.", "C best."],
    )
    trace, asked = drive(recipe, PROMPT, SEEDS, answers)
    assert stages(asked) == [
        ("draft", 0), ("critique", 1), ("revise", 1), ("critique", 2), ("critique", 3), ("revise", 3),
    ]  # fmt: skip
    assert asked[4].messages[:-1] == asked[3].messages[:-1]
    assert asked[4].messages[-2] == assistant("B better.")
    assert trace.final == "C best."
    assert trace.rounds[1].revision is None
    assert trace.rounds[1].unusable is None


@pytest.mark.parametrize(("applies", "severity"), [(False, 3), (True, 0), (False, 0)])
def test_violates_alone_decides(applies: bool, severity: int) -> None:
    """A finding that violates is revised even where it contradicts itself, and the contradiction is seen."""
    answers = by_stage(draft="A.", critique=finding_text(applies=applies, severity=severity), revise="B better.")
    trace, asked = drive(made(1, verdict_first=True), PROMPT, SEEDS, answers)
    assert stages(asked)[-1] == ("revise", 1)
    critique = trace.rounds[0].critique
    assert critique is not None
    assert critique.finding is not None
    assert critique.finding.contradicts_itself


def test_applies_and_severity_do_not_decide() -> None:
    """A finding that applies with severity 3 and does not violate is nothing."""
    answers = by_stage(draft="A.", critique=finding_text(applies=True, violates=False, severity=3))
    trace, asked = drive(made(2, verdict_first=True), PROMPT, SEEDS, answers)
    assert stages(asked) == [("draft", 0), ("critique", 1), ("critique", 2)]
    assert all(r.critique and r.critique.finding and not r.critique.finding.contradicts_itself for r in trace.rounds)


def test_unusable_critique() -> None:
    """A critique that stayed unusable ends its round only; the next goes on from the last good text."""
    answers = by_stage(draft="A.", critique=["", "Long."], revise="B better.")
    trace, asked = drive(made(2), PROMPT, SEEDS, answers)
    assert stages(asked) == [("draft", 0), ("critique", 1), ("critique", 2), ("revise", 2)]
    assert trace.rounds[0].unusable == "empty"
    assert asked[2].messages[:-1] == asked[1].messages[:-1]


def test_unusable_revision() -> None:
    """A revision that stayed unusable leaves no turn behind; the next round goes on from the last good text."""
    answers = by_stage(
        draft="A.", critique="Long.", revise=[Completion("Half of", finish_reason="length"), "B better."]
    )
    trace, asked = drive(made(2), PROMPT, SEEDS, answers)
    assert trace.rounds[0].unusable == "truncated"
    assert trace.rounds[0].critique is not None
    assert asked[3].messages[:-1] == (*PROMPT.conversation, assistant("A."))
    assert trace.final == "B better."


@pytest.mark.parametrize("bad", ["Long and very dull indeed it is.", "A.", "</think>"], ids=["copy", "equal", "leak"])
def test_bad_revision(bad: str) -> None:
    """A revision that is no good stays in the trace and out of the transcript."""
    answers = by_stage(draft="A.", critique="Long and very dull indeed it is.", revise=[bad, "B better."])
    trace, asked = drive(made(2), PROMPT, SEEDS, answers)
    assert trace.rounds[0].revision is not None
    assert not trace.rounds[0].revision.good
    assert asked[3].messages[:-1] == (*PROMPT.conversation, assistant("A."))


@pytest.mark.parametrize(
    ("mode", "which"),
    [((True, False), -1), ((True, False), -3), ((True, True), -1), ((True, True), -3), ((False, False), -1)],
)
def test_the_request_again(mode: tuple[bool, bool], which: int) -> None:
    """A revision that repeats the request it answers, or that of the critique before it, is a leak."""
    asks = "Say in one sentence where your last answer is longer than it has to be."
    principles = tuple(replace(p, critique=asks) for p in simple(1).principles)
    recipe = CritiqueRevise(simple(principles=principles), 1, *mode, sampling=small_sampling())

    def script(ask: Ask) -> str:
        if ask.stage == "critique":
            return finding_text(critique="It rambles.")
        return ask.messages[which].content if ask.stage == "revise" else "A draft."

    trace, _ = drive(recipe, PROMPT, SEEDS, script)
    assert trace.rounds[0].revision is not None
    assert trace.rounds[0].revision.defect == "leak"


def test_unusable_draft() -> None:
    """A draft that stayed unusable ends the chain with its reason; nothing more is asked."""
    trace, asked = drive(made(2), PROMPT, SEEDS, by_stage(draft=Completion("Half", finish_reason="length")))
    assert stages(asked) == [("draft", 0)]
    assert (trace.draft, trace.reason, trace.rounds) == (None, "truncated", ())


def test_a_truncated_prose_critique_is_used() -> None:
    """A critique in prose that reached max_tokens is a critique still, and says so."""
    answers = by_stage(draft="A.", critique=Completion("It is long and", finish_reason="length"), revise="B better.")
    trace, _ = drive(made(1), PROMPT, SEEDS, answers)
    assert trace.rounds[0].critique is not None
    assert trace.rounds[0].critique.truncated


def test_no_principle() -> None:
    """A prompt that no principle applies to is asked nothing."""
    limited = tuple(replace(p, applies_to=("harmful",)) for p in simple(2).principles)
    trace, asked = drive(CritiqueRevise(simple(principles=limited)), PROMPT, SEEDS, by_stage())
    assert asked == []
    assert trace.reason == "no_principle"


@given(recipes(), prompts(), chaos, run_seeds)
def test_counts_over_any_answers(recipe: CritiqueRevise, prompt: Prompt, script: Chaos, seed: int) -> None:
    """Whatever is answered: one draft unless given, one critique a round, one revision at most after its critique."""
    trace, asked = drive(recipe, prompt, Seeds(seed, prompt.id), script.by_ask)
    if trace.reason == "no_principle":
        assert not asked
        return
    assert [ask.stage for ask in asked].count("draft") == (prompt.response is None)
    if trace.draft is None:
        assert stages(asked) == [("draft", 0)]
        return
    assert len(trace.rounds) == recipe.rounds
    expected = [("draft", 0)] if prompt.response is None else []
    for round in trace.rounds:
        if recipe.with_critique:
            expected.append(("critique", round.number))
        nothing = round.critique and round.critique.finding and not round.critique.finding.violates
        if not recipe.with_critique or (round.critique is not None and not nothing):
            expected.append(("revise", round.number))
    assert stages(asked) == expected
    for round in trace.rounds:
        if round.revision is None and not (round.critique and round.critique.finding):
            assert round.unusable is not None


@given(recipes(), prompts(), chaos, run_seeds)
def test_transcripts_grow(recipe: CritiqueRevise, prompt: Prompt, script: Chaos, seed: int) -> None:
    """Messages begin with the parent's messages and its answer; few-shots stand right after the system turn."""
    _, asked = drive(recipe, prompt, Seeds(seed, prompt.id), script.by_ask)
    shots = [m for shot in recipe.principles.few_shots.critique for m in shot] if recipe.with_critique else []
    head = 1 if prompt.conversation[0].role == "system" else 0
    opening = (*prompt.conversation[:head], *shots, *prompt.conversation[head:])
    for ask in asked:
        if ask.stage == "draft":
            assert ask.messages == prompt.conversation
            assert ask.parent is None
            continue
        assert ask.messages[: len(opening)] == opening
        assert ask.messages[-1].role == "user"
        if ask.parent is None:
            continue
        assert ask.parent.request is not None
        before: Conversation = ask.parent.request.messages
        if ask.parent.request.stage == "draft":
            before = opening
        said = assistant(ask.parent.completion.text)
        assert ask.messages[: len(before) + 1] == (*before, said)
        assert ask.round >= 1


@given(recipes(), prompts(), chaos, run_seeds)
def test_parents_are_named_wherever_they_stand(
    recipe: CritiqueRevise, prompt: Prompt, script: Chaos, seed: int
) -> None:
    """A request without a parent holds no sampled answer that stands as it was sampled right before its request."""
    _, asked = drive(recipe, prompt, Seeds(seed, prompt.id), script.by_ask)
    for ask in asked:
        if ask.parent is None and ask.stage != "draft":
            assert prompt.response is not None or not recipe.with_critique
            assert ask.messages[-2].role == "assistant"


@given(texts, prompts(), run_seeds)
def test_context_stays_in_request_turns(context: str, prompt: Prompt, seed: int) -> None:
    """The setting opens critique requests, and no other turn of any request holds it."""
    marked = f"SETTING {context} SETTING"
    recipe = CritiqueRevise(simple(3, context=marked), 2, sampling=small_sampling())
    _, asked = drive(recipe, prompt, Seeds(seed, prompt.id), usable)
    for ask in asked:
        holding = [index for index, message in enumerate(ask.messages) if "SETTING" in message.content]
        if ask.stage == "draft":
            assert holding == []
        if ask.stage == "critique":
            assert ask.messages[-1].content.startswith(marked)
        assert all(ask.messages[index].role == "user" for index in holding)
        assert all(index >= len(prompt.conversation) + 1 for index in holding)


def test_the_draft_sees_no_few_shots() -> None:
    """Few-shots stand in critique and revision requests, after the system turn, and never in the draft's."""
    shots = FewShots(critique=((user("Shot?"), assistant("Shot!")),))
    recipe = CritiqueRevise(simple(2, few_shots=shots), 1, sampling=small_sampling())
    _, asked = drive(recipe, PROMPT, SEEDS, usable)
    assert asked[0].messages == PROMPT.conversation
    assert asked[1].messages[:2] == shots.critique[0]
    assert asked[2].messages[:2] == shots.critique[0]
    direct = CritiqueRevise(simple(2, few_shots=shots), 1, with_critique=False, sampling=small_sampling())
    _, asked = drive(direct, PROMPT, SEEDS, usable)
    assert all("Shot" not in message.content for ask in asked for message in ask.messages)


def test_stripped_preamble() -> None:
    """After a preamble was stripped the transcript holds the clean text, and the parent is the critique before it."""
    answers = by_stage(draft="A.", critique="Long.", revise=["Here is the revised answer: B better.", "C best."])
    trace, asked = drive(made(2), PROMPT, SEEDS, answers)
    assert trace.rounds[0].revision is not None
    assert trace.rounds[0].revision.preamble == "Here is the revised answer:"
    assert asked[3].messages[-2] == assistant("B better.")
    assert asked[3].parent is not None
    assert asked[3].parent.request is not None
    assert asked[3].parent.request.stage == "critique"


@given(st.integers(-3, 40))
def test_rounds_have_bounds(rounds: int) -> None:
    """Rounds outside of 1 to 16 are refused before anything is asked."""
    if 1 <= rounds <= 16:
        assert made(rounds).rounds == rounds
    else:
        with pytest.raises(SettingsError, match=f"rounds is {rounds}, expected 1 to 16"):
            made(rounds)


def test_sent_trace_is_complete() -> None:
    """The trace carries conversation, tags, metadata and the constitution's digest."""
    recipe = made(1)
    trace, _ = drive(recipe, replace(PROMPT, tags=("x",), metadata='{"a":1}'), Seeds(0, "r", 3), usable)
    assert isinstance(trace, Trace)
    assert (trace.record, trace.sample, trace.tags, trace.metadata) == ("r", 3, ("x",), '{"a":1}')
    assert trace.constitution == recipe.principles.digest
    assert trace.conversation == PROMPT.conversation
