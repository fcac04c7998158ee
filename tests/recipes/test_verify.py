"""Critique-revise with a judge: who is asked about what, and what becomes of the pairs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.engine import Ask, Completion, Sampling
from constitution.errors import SettingsError
from constitution.messages import Prompt
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.recipes.judging import Judging, Reads
from constitution.records import Dropped, PreferencePair, Trace
from constitution.seeds import Seeds
from constitution.steps.confirm import Confirming
from constitution.steps.label import Labelling
from constitution.steps.pair import Pairing, PairPolicy, settle_chain
from tests.judges import PROMPT, SEEDS, WAYS, Asked, Judge, Way, hidden, judged_by, judging, oracle, principle_of, shown
from tests.strategies import Chaos, chaos, drive, prompts, run_seeds, small_sampling

TEXTS = ("Old and long answer.", "A newer one.", "Short again.", "The very last.")
POLICIES: tuple[PairPolicy, ...] = ("first_last", "adjacent", "all")


def made(way: Way, policy: PairPolicy = "first_last", rounds: int = 3, under: int = 3) -> CritiqueRevise:
    own = judged_by(under)
    return CritiqueRevise(own, rounds, sampling=small_sampling(), judging=judging(way, own), policy=policy)


def writing(*texts: str, judge: Judge | None = None) -> Judge:
    """A judge beside a model whose draft and revisions are these; `` is no text."""

    def draft(asked: Asked) -> str:
        assert isinstance(asked, Ask)
        return "It is long." if asked.stage == "critique" else texts[asked.round if asked.stage == "revise" else 0]

    return replace(judge or oracle(), drafts=draft)


def order(trace: Trace) -> list[tuple[int, int]]:
    """Numbers of the texts of the judged pairs: chosen by construction, rejected."""
    return [(pair.a, pair.b) for pair in trace.judged]


@pytest.mark.parametrize(
    ("policy", "pairs"),
    [
        ("first_last", [(3, 0)]),
        ("adjacent", [(1, 0), (2, 1), (3, 2)]),
        ("all", [(1, 0), (2, 0), (3, 0), (2, 1), (3, 1), (3, 2)]),
    ],
)
@pytest.mark.parametrize("way", WAYS, ids=".".join)
def test_the_judge_is_asked_about_the_pairs_of_the_policy_alone(
    policy: PairPolicy, pairs: list[tuple[int, int]], way: Way
) -> None:
    """Law 2: 2 x the principles of its revisions for each pair; scores of each text under those of all good rounds."""
    trace, asked = drive(made(way, policy), PROMPT, SEEDS, writing(*TEXTS))
    counts = Counter(ask.stage for ask in asked)
    assert (counts["draft"], counts["critique"], counts["revise"]) == (1, 3, 3)
    texts = sorted({number for pair in pairs for number in pair})
    reads = sum(2 * (chosen - rejected) for chosen, rejected in pairs)
    expected = {"pairwise": reads, "scoring": 2 * 3 * len(texts), "value": len(texts)}[way[0]]
    assert (counts["judge"], counts["think"]) == (expected, expected if way[1] == "think" else 0)
    assert order(trace) == (pairs if way[0] == "pairwise" else [])
    assert sorted(each.number for each in trace.scored) == ([] if way[0] == "pairwise" else texts)


def test_each_pair_under_the_principles_that_led_to_its_better_text() -> None:
    """Of the rounds between its two texts, in their order; a round that gave nothing has no say."""
    judge = writing(TEXTS[0], TEXTS[1], "", TEXTS[3])
    trace, _ = drive(made(("pairwise", "direct"), "adjacent"), PROMPT, SEEDS, judge)
    ids = [round.principle for round in trace.rounds]
    assert order(trace) == [(1, 0), (3, 1)]
    assert [[reading.principle for reading in pair.readings] for pair in trace.judged] == [[ids[0]], [ids[2]]]
    trace, _ = drive(made(("pairwise", "direct")), PROMPT, SEEDS, judge)
    assert [[reading.principle for reading in pair.readings] for pair in trace.judged] == [[ids[0], ids[2]]]


def test_texts_are_examined_under_the_principles_that_made_them() -> None:
    """A round that gave nothing has no say in scores either."""
    trace, _ = drive(made(("scoring", "direct")), PROMPT, SEEDS, writing(TEXTS[0], TEXTS[1], "", TEXTS[3]))
    ids = [round.principle for round in trace.rounds]
    assert [[reading.principle for reading in each.readings] for each in trace.scored] == [[ids[0], ids[2]]] * 2


def test_a_principle_that_came_twice_is_asked_once() -> None:
    """More rounds than principles."""
    judge = writing(*TEXTS)
    drive(made(("pairwise", "direct"), under=1), PROMPT, SEEDS, judge)
    assert [principle_of(ask) for ask in judge.asked if ask.role == "judge"] == ["p0", "p0"]


def test_the_judge_sees_conversation_and_texts() -> None:
    """Neither critique nor request; the texts as the rows have them."""
    judge = writing("Here is an old one.", "Here is the revised answer: A newer one.", judge=oracle())
    trace, asked = drive(made(("pairwise", "direct"), rounds=1, under=1), PROMPT, SEEDS, judge)
    questions = [ask for ask in asked if ask.role == "judge"]
    assert {text for ask in questions for text in shown(ask)} == {"Here is an old one.", "A newer one."}
    assert all(len(ask.messages) == 1 and "It is long." not in ask.messages[0].content for ask in questions)
    assert trace.final == "A newer one."


@pytest.mark.parametrize(
    ("texts", "rounds"), [(("Draft.", "Draft!"), 1), (("", "x"), 1), (("Draft.", ""), 1), (("</think>", "New one."), 1)]
)
def test_where_there_is_no_pair_nobody_is_asked(texts: tuple[str, ...], rounds: int) -> None:
    """Equal, unusable or leaking texts (law 8)."""
    trace, asked = drive(made(("pairwise", "direct"), "all", rounds, 1), PROMPT, SEEDS, writing(*texts))
    assert all(ask.role != "judge" for ask in asked)
    assert (trace.judged, trace.scored) == ((), ())


@pytest.mark.parametrize("way", WAYS, ids=".".join)
@pytest.mark.parametrize("policy", POLICIES)
def test_an_oracle_turns_pairs_right(way: Way, policy: PairPolicy) -> None:
    """Under `flip` every pair ends as the oracle has it; under `drop` only those stay that it confirms."""
    for seed in range(20):
        texts = [f"{text} {seed}" for text in TEXTS]
        trace, _ = drive(made(way, policy), PROMPT, Seeds(seed, "r"), writing(*texts))
        flipped = settle_chain(trace, Pairing(policy, Confirming("judge", "flip", "drop")), {}).proposals
        kept = settle_chain(trace, Pairing(policy, Confirming("judge", "drop", "drop")), {}).proposals
        assert len(flipped) == {"first_last": 1, "adjacent": 3, "all": 6}[policy]
        for turned, as_made in zip(flipped, kept, strict=True):
            assert isinstance(turned, PreferencePair)
            assert hidden(turned.chosen) > hidden(turned.rejected)
            assert turned.judge == way[0]
            if "flipped" in turned.flags:
                assert isinstance(as_made, Dropped)
                assert as_made.reason == "judged_worse"
            else:
                assert as_made == turned


def test_another_policy_at_export_is_unverified() -> None:
    """Pairs that the judge was not asked about are no verified pairs; where it was asked they are."""
    trace, _ = drive(made(("pairwise", "direct")), PROMPT, SEEDS, writing(*TEXTS))
    how = Confirming("judge", "keep", "keep")
    found = settle_chain(trace, Pairing("all", how), {}).proposals
    told = [each.reason if isinstance(each, Dropped) else each.rounds for each in found]
    assert told == ["unverified", "unverified", (0, 3), "unverified", "unverified", "unverified"]
    assert settle_chain(trace, Pairing("adjacent", how), {}).outcome == "dropped"
    unjudged, _ = drive(replace(made(("pairwise", "direct")), judging=None), PROMPT, SEEDS, writing(*TEXTS))
    assert settle_chain(unjudged, Pairing("first_last", how), {}).reason == "unverified"


def test_both_reads() -> None:
    """Pairs and texts; the first decides, the second can."""
    trace, asked = drive(made(("both", "direct")), PROMPT, SEEDS, writing(*TEXTS))
    assert Counter(ask.stage for ask in asked)["judge"] == 6 + 12
    assert ([each.number for each in trace.scored], order(trace)) == ([0, 3], [(3, 0)])
    how = Pairing(confirming=Confirming("judge", "keep", "keep"))
    for read in ("pairwise", "scoring"):
        labelling = Labelling(read=read)
        (pair,) = settle_chain(trace, replace(how, labelling=labelling), {}).proposals
        assert isinstance(pair, PreferencePair)
        assert pair.judge == read


def test_without_a_judge_nothing_changes() -> None:
    """Roles, stages, settings and questions are those of a run that never heard of one."""
    plain, with_judge = replace(made(("pairwise", "think")), judging=None), made(("pairwise", "think"), "all")
    assert (plain.roles, plain.stages, plain.labels) == (
        ("draft", "critique", "revise"), ("draft", "critique", "revise"), {},
    )  # fmt: skip
    assert (with_judge.roles[-1], with_judge.stages[-2:], with_judge.labels) == (
        "judge", ("think", "judge"), {"judge": ("A", "B")},
    )  # fmt: skip
    mine: dict[str, Any] = with_judge.settings()
    assert (mine["compared"], mine["judge_mode"], mine["sampling"]["judge"]["max_tokens"]) == ("all", "think", 256)
    assert not {"compared", "judge_mode", "judge_read"} & set(plain.settings())
    one, other = (drive(recipe, PROMPT, SEEDS, writing(*TEXTS))[1] for recipe in (plain, with_judge))
    assert other[: len(one)] == one


@given(chaos, prompts(), st.sampled_from(POLICIES), st.sampled_from(WAYS[:4]), run_seeds)
def test_whatever_is_answered(script: Chaos, prompt: Prompt, policy: PairPolicy, way: Way, seed: int) -> None:
    """Every pair of the policy that could be kept was asked about: none is unverified under the run's own policy."""
    recipe = made(way, policy)
    trace, asked = drive(recipe, prompt, Seeds(seed, prompt.id), script.by_ask)
    settled = settle_chain(trace, Pairing(policy, Confirming("judge", "keep", "keep")), {})
    for proposal in settled.proposals:
        assert not isinstance(proposal, Dropped) or proposal.reason != "unverified"
    if not settled.proposals:
        assert all(ask.role != "judge" for ask in asked)


@pytest.mark.parametrize(("read", "key"), [("pairwise", "preference"), ("scoring", "asks"), ("both", "asks")])
def test_every_revision_can_be_confirmed(read: Reads, key: str) -> None:
    """A principle that revises and that the judge cannot be asked about is refused before the first token."""
    own = judged_by(2)
    bare = replace(own.principles[1], preference="" if key == "preference" else "?", asks="" if key == "asks" else "?")
    mixed = replace(own, principles=(own.principles[0], bare))
    with pytest.raises(SettingsError, match=f"principle 'p1' has no `{key}`, which --verify judge needs"):
        CritiqueRevise(mixed, judging=Judging(mixed, read))
    drawn = replace(mixed, principles=(own.principles[0], replace(bare, revision="")))
    CritiqueRevise(drawn, judging=Judging(drawn, read))
    CritiqueRevise(mixed, judging=Judging(mixed, "value"))


@pytest.mark.parametrize(
    ("stage", "completion", "unusable"),
    [
        ("think", Completion("Half", finish_reason="length"), None),
        ("think", Completion(" "), "empty"),
        ("judge", Completion("", finish_reason="length"), None),
        ("revise", Completion("Half", finish_reason="length"), "truncated"),
    ],
)
def test_what_is_asked_again(stage: str, completion: Completion, unusable: str | None) -> None:
    """A label is read as it is."""
    ask = Ask("judge", stage, PROMPT.conversation, Sampling(9))
    assert made(("pairwise", "think")).unusable(ask, completion) == unusable
