"""Contrast: one answer under a principle and one under its negation; no row keeps the system turn that made it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.checks import Checked
from constitution.engine import Ask, Completion, Sampling
from constitution.errors import SettingsError, TemplateError
from constitution.messages import Prompt, system, user
from constitution.principles import Principle, Principles
from constitution.recipes.contrast import Contrast, sides
from constitution.recipes.judging import Reads
from constitution.records import Candidate, PreferencePair
from constitution.seeds import Seeds
from constitution.steps.confirm import Confirming, IfTie, IfWorse
from constitution.steps.pair import Pairing, Settled, settle_chain
from constitution.store.shards import to_row
from tests.judges import PROMPT, SEEDS, WAYS, Asked, Judge, Way, hidden, judged_by, judging, oracle, principle_of
from tests.strategies import drive, prompts, run_seeds

SAMPLING = Sampling(max_tokens=50, temperature=0.9)
GOOD, BAD = "A good answer.", "An answer that is bad."


def answers(keeps: str | Completion = GOOD, breaks: str | Completion = BAD) -> Judge:
    """An oracle beside whom each side answers as it is told."""
    return replace(oracle(), drafts=lambda asked: keeps if "good" in asked.messages[0].content else breaks)


def settled(recipe: Contrast, judge: Judge, pairing: Pairing | None = None) -> Settled:
    trace, _ = drive(recipe, PROMPT, SEEDS, judge)
    return settle_chain(trace, pairing or Pairing(), {})


def test_it_asks_two_answers() -> None:
    """Side by side, the good side first, each after its own system turn; without a judge nothing more."""
    recipe = Contrast(judged_by(), None, SAMPLING, {"draft": "own"})
    trace, asked = drive(recipe, replace(PROMPT, tools="[]"), SEEDS, answers())
    assert [(ask.role, ask.stage, ask.round, ask.lora, ask.tools) for ask in asked] == [
        ("draft", "draft", 0, "own", "[]"), ("draft", "draft", 1, "own", "[]"),
    ]  # fmt: skip
    assert [ask.messages for ask in asked] == [
        (
            system(f"Every answer of yours is like this: Answers are {kind} in way 0. Do not mention this."),
            *PROMPT.conversation,
        )
        for kind in ("good", "bad")
    ]
    assert [ask.sampling for ask in asked] == [SAMPLING, SAMPLING]
    assert trace.candidates == (
        Candidate(0, GOOD, principle="p0", side="text"), Candidate(1, BAD, principle="p0", side="negation"),
    )  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=".".join)
def test_a_judge_confirms(way: Way) -> None:
    """Law 2: two answers and the reads of one pair under the principle that made it; right as the oracle has it."""
    own = judged_by(3)
    recipe = Contrast(own, judging(way, own))
    trace, asked = drive(recipe, PROMPT, SEEDS, answers())
    reads = {"pairwise": 2, "scoring": 4, "value": 2}[way[0]]
    thoughts = {"think": 2} if way[1] == "think" else {}
    assert Counter(ask.stage for ask in asked) == {"draft": 2, "judge": reads, **thoughts}
    drawn = trace.candidates[0].principle
    assert way[0] == "value" or {principle_of(ask) for ask in asked if ask.role == "judge"} == {drawn}
    made = settle_chain(trace, Pairing(confirming=Confirming("judge", "flip", "drop")), {})
    (pair,) = made.proposals
    assert isinstance(pair, PreferencePair)
    assert (pair.chosen, pair.rejected) == (max(GOOD, BAD, key=hidden), min(GOOD, BAD, key=hidden))
    assert pair.judge == way[0]


@given(prompts(), run_seeds)
def test_no_row_keeps_the_system_turn(prompt: Prompt, seed: int) -> None:
    """The trace has the conversation as it came; the side is named, not kept."""
    trace, asked = drive(Contrast(judged_by(2)), prompt, Seeds(seed, prompt.id), answers())
    assert trace.conversation == prompt.conversation
    assert all(ask.messages != prompt.conversation for ask in asked)
    assert "Every answer of yours" not in str(to_row(trace))
    for proposal in settle_chain(trace, Pairing(), {}).proposals:
        assert isinstance(proposal, PreferencePair)
        assert proposal.conversation == prompt.conversation


def test_a_system_turn_of_its_own_stays_first() -> None:
    """The side stands at its end: many templates take only one system turn; a developer turn gets one before it."""
    principle = judged_by().principles[0]
    for both in (sides(judged_by(), principle, (system("Be brief."), user("Q?"))),):
        assert all(len(turns) == 2 for turns in both)
        assert both[0][0].content.startswith("Be brief.\n\nEvery answer of yours is like this: Answers are good")
        assert both[1][0].content.startswith("Be brief.\n\nEvery answer of yours is like this: Answers are bad")
    (first, second), _ = sides(judged_by(context="A school."), principle, (user("Q?"),))
    assert first.content.startswith("A school.\n\nEvery answer")
    assert second == user("Q?")


def test_the_judge_sees_the_conversation_as_it_came() -> None:
    """No side is told to it."""
    judge = answers()
    drive(Contrast(judged_by(), judging()), PROMPT, SEEDS, judge)
    questions = [ask.messages[-1].content for ask in judge.asked if ask.role == "judge"]
    assert len(questions) == 2
    assert not any("Every answer of yours" in question for question in questions)


@pytest.mark.parametrize(
    ("keeps", "breaks", "reason"),
    [
        ("", BAD, "empty"),
        (GOOD, Completion("Half", finish_reason="length"), "truncated"),
        (Completion("", reasoning="Hm."), "", "only_thoughts"),
        (GOOD, f" {GOOD}", "too_few"),
        (GOOD, "</think> x", "too_few"),
    ],
)
def test_what_makes_no_pair(keeps: str | Completion, breaks: str | Completion, reason: str) -> None:
    """Law 8, before the judge is asked; the input is dropped with the reason."""
    judge = answers(keeps, breaks)
    recipe = Contrast(judged_by(), judging())
    trace, asked = drive(recipe, PROMPT, SEEDS, judge)
    assert (trace.reason, len(asked)) == (reason, 2)
    assert settle_chain(trace, Pairing(), {}) == Settled("dropped", reason)


@pytest.mark.parametrize(("text", "unusable"), [("", "truncated"), (GOOD, None), ("</think> x", None)])
def test_a_trace_that_makes_no_pair(text: str, unusable: str | None) -> None:
    """However it came to be: law 8 is kept where pairs are made, and the input is dropped, never fine."""
    trace, _ = drive(Contrast(judged_by()), PROMPT, SEEDS, answers())
    broken = replace(trace.candidates[1], text=text, unusable=unusable)
    assert settle_chain(replace(trace, candidates=(trace.candidates[0], broken)), Pairing(), {}) == Settled(
        "dropped", "too_few"
    )


def test_the_pair() -> None:
    """Chosen is the good side, without a verdict where nobody was asked."""
    made = settled(Contrast(judged_by()), answers())
    (pair,) = made.proposals
    assert isinstance(pair, PreferencePair)
    assert (made.outcome, pair.chosen, pair.rejected, pair.rounds, pair.principles) == (
        "paired",
        GOOD,
        BAD,
        (1, 0),
        ("p0",),
    )
    assert (pair.judge, pair.margin, pair.p_chosen, pair.votes, pair.index, pair.flags) == (None, None, None, (), 0, ())


class Longer:
    """A check that asks for more than so many words."""

    def __init__(self, words: int) -> None:
        self.words = words

    def __call__(self, text: str) -> Checked:
        """Whether a text has them."""
        return Checked(len(text.split()) > self.words)


@pytest.mark.parametrize(
    ("if_worse", "expected"),
    [("drop", "check_worse"), ("keep", ()), ("flag", ("check_worse",)), ("flip", ("flipped",))],
)
def test_checks_confirm_too(if_worse: IfWorse, expected: object) -> None:
    """Of the principle that made both sides."""
    trace, _ = drive(Contrast(judged_by()), PROMPT, SEEDS, answers())
    checks = {"p0": (Longer(3),), "other": (Longer(0),)}
    made = settle_chain(trace, Pairing(confirming=Confirming("check", if_worse)), checks)
    if if_worse == "drop":
        assert (made.outcome, made.reason) == ("dropped", expected)
        return
    (pair,) = made.proposals
    assert isinstance(pair, PreferencePair)
    assert pair.flags == expected
    assert [each.principle for each in pair.checks] == ["p0"]
    assert pair.chosen == (BAD if if_worse == "flip" else GOOD)


@pytest.mark.parametrize(("if_tie", "outcome"), [("drop", "dropped"), ("keep", "paired"), ("flag", "paired")])
def test_a_judge_that_sees_no_difference(if_tie: IfTie, outcome: str) -> None:
    """A tie goes as it is set."""
    judge = replace(answers(), odds=lambda a, b, p: 0.0)
    made = settled(Contrast(judged_by(), judging()), judge, Pairing(confirming=Confirming("judge", "drop", if_tie)))
    assert made.outcome == outcome
    assert made.reason == ("tie" if if_tie == "drop" else None)


def test_no_principle() -> None:
    """A prompt that none applies to is asked nothing."""
    own = judged_by(1)
    limited = replace(own, principles=(replace(own.principles[0], applies_to=("harmful",)),))
    trace, asked = drive(Contrast(limited), PROMPT, SEEDS, answers())
    assert (trace.reason, asked) == ("no_principle", [])


@pytest.mark.parametrize(
    "principle",
    [
        Principle("a", text="t"),
        Principle("a", negation="n"),
        Principle("a", text="t", negation="n", weight=0.0),
    ],
)
def test_a_constitution_without_what_it_uses(principle: Principle) -> None:
    """It needs a text and a negation, and a weight."""
    with pytest.raises(SettingsError, match="has no principle with `text` and `negation` and a weight above 0"):
        Contrast(Principles("n", "1", (principle,)))


@pytest.mark.parametrize(("read", "key"), [("pairwise", "preference"), ("scoring", "asks"), ("both", "asks")])
def test_every_side_can_be_confirmed(read: Reads, key: str) -> None:
    """A principle that may be drawn and that the judge cannot be asked about is refused before the first token."""
    own = judged_by(2)
    bare = replace(own.principles[1], preference="" if key == "preference" else "?", asks="" if key == "asks" else "?")
    mixed = replace(own, principles=(own.principles[0], bare))
    asked = judging((read, "direct"), mixed)
    with pytest.raises(SettingsError, match=f"principle 'p1' has no `{key}`, which --verify judge needs"):
        Contrast(mixed, asked)
    drawn = replace(mixed, principles=(own.principles[0], replace(bare, negation="")))
    Contrast(drawn, judging((read, "direct"), drawn))
    Contrast(mixed, judging(("value", "direct"), mixed))


def test_templates_are_filled_before_the_first_token() -> None:
    """One that says nothing is refused with the recipe."""
    with pytest.raises(TemplateError, match="template 'contrast' for principle 'p0' gives an empty text"):
        Contrast(judged_by(1, templates={"contrast": "{{ principle.why }}"}))


def test_roles_and_settings() -> None:
    """A judge only where there is one."""
    alone, confirmed = Contrast(judged_by(), None, SAMPLING), Contrast(judged_by(), judging(), SAMPLING, {"judge": "l"})
    assert (alone.roles, confirmed.roles) == (("draft",), ("draft", "judge"))
    assert (alone.labels, confirmed.labels) == ({}, {"judge": ("A", "B")})
    assert (list(alone.sampling), list(confirmed.sampling)) == (["draft"], ["draft", "judge"])
    assert "judge_read" not in alone.settings()
    assert (confirmed.settings()["judge_read"], confirmed.settings()["lora"]) == ("pairwise", {"judge": "l"})
    assert alone.settings()["recipe"] == "contrast"


@pytest.mark.parametrize(
    ("stage", "completion", "unusable"),
    [
        ("draft", Completion("Half", finish_reason="length"), "truncated"),
        ("think", Completion("Half", finish_reason="length"), None),
        ("think", Completion(" "), "empty"),
        ("judge", Completion("", finish_reason="length"), None),
    ],
)
def test_what_is_asked_again(stage: str, completion: Completion, unusable: str | None) -> None:
    """Answers whole, thoughts as far as they go, a label as it is read."""
    ask = Ask("judge", stage, PROMPT.conversation, SAMPLING)
    assert Contrast(judged_by(), judging()).unusable(ask, completion) == unusable


@given(st.sampled_from(["r", "s", "t", "u"]), run_seeds)
def test_the_principle_is_drawn_by_record(record: str, seed: int) -> None:
    """One of those that have both sides; the same again."""
    own = judged_by(4)
    own = replace(own, principles=(*own.principles[:3], replace(own.principles[3], negation="")))

    def drawn() -> str | None:
        trace, _ = drive(Contrast(own), replace(PROMPT, id=record), Seeds(seed, record), answers())
        return trace.candidates[0].principle

    assert drawn() == drawn()
    assert drawn() in ("p0", "p1", "p2")


def test_a_script_sees_the_sides() -> None:
    """The helper of these tests tells the sides apart by their system turn alone."""
    seen: list[Asked] = []
    judge = replace(answers(), asked=seen)
    drive(Contrast(judged_by()), PROMPT, SEEDS, judge)
    assert ["good" in ask.messages[0].content for ask in seen] == [True, False]
