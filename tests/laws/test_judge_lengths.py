"""Law 9 for judges: no request about texts is longer than what was counted before the record's first request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.engine import Completion, Request, Sampling
from constitution.flow import Recipe
from constitution.messages import Prompt, user
from constitution.principles import FewShots, JudgeShot, Principle, Principles
from constitution.recipes.ai_feedback import AIFeedback
from constitution.recipes.contrast import Contrast
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.recipes.judging import Judging, Reads
from constitution.records import Trace
from constitution.seeds import Seeds
from constitution.steps.judge import JudgeMode
from constitution.steps.label import CandidatePolicy
from constitution.steps.pair import PairPolicy
from tests.strategies import prompts, run_chain, run_seeds, scripted, sentences, small_sampling, texts

COUNTER = scripted()
PAIRS: tuple[PairPolicy, ...] = ("first_last", "adjacent", "all")
CANDIDATES: tuple[CandidatePolicy, ...] = ("best_worst", "all", "against_draft")
JUDGED: tuple[tuple[Reads, JudgeMode], ...] = (
    ("pairwise", "direct"),
    ("pairwise", "think"),
    ("pairwise", "text"),
    ("scoring", "direct"),
    ("both", "direct"),
    ("value", "direct"),
)


def filler(asked: list[Request], fill: float) -> Any:
    """A script that fills `fill` of max_tokens with text of its own request, four characters a token."""

    def script(request: Request) -> Completion:
        asked.append(request)
        if request.stage == "judge":
            return Completion("A", logprobs=tuple(-1.0 * place for place in range(len(request.labels))))
        size = max(1, int(request.sampling.max_tokens * 4 * fill))
        return Completion((f"{request.key} " * (size // 33 + 1))[:size])

    return script


@st.composite
def constitutions(draw: st.DrawFn) -> Principles:
    """Principles with questions of any length, and worked comparisons."""
    made = tuple(
        Principle(
            f"p{n}", text=draw(texts), negation=draw(texts), critique=draw(texts), revision=draw(texts),
            preference=draw(texts), asks=draw(texts), asks_broken=draw(st.one_of(st.just(""), texts)),
        )
        for n in range(draw(st.integers(1, 3)))
    )  # fmt: skip
    shots = [JudgeShot(draw(sentences), draw(sentences), draw(sentences), "a") for _ in range(draw(st.integers(0, 1)))]
    context = draw(st.one_of(st.just(""), texts))
    return Principles("drawn", "1", made, context=context, few_shots=FewShots(judge=tuple(shots)))


@st.composite
def judged_recipes(draw: st.DrawFn) -> Recipe:
    """Each recipe that asks a judge, in each way of asking."""
    principles, (read, mode) = draw(constitutions()), draw(st.sampled_from(JUDGED))
    judging = Judging(principles, read, mode, draw(st.integers(0, 2)), Sampling(max_tokens=draw(st.integers(1, 40))))
    kind = draw(st.sampled_from(["ai_feedback", "contrast", "critique_revise"]))
    sampling = small_sampling(max_tokens=draw(st.integers(1, 64)))
    if kind == "contrast":
        return Contrast(principles, judging, sampling["draft"])
    if kind == "critique_revise":
        own = {**sampling, "revise": replace(sampling["revise"], max_tokens=draw(st.integers(1, 64)))}
        return CritiqueRevise(
            principles, draw(st.integers(1, 3)), draw(st.booleans()), sampling=own, judging=judging,
            policy=draw(st.sampled_from(PAIRS)),
        )  # fmt: skip
    policy = draw(st.sampled_from(CANDIDATES))
    return AIFeedback(judging, draw(st.integers(2, 4)), policy=policy, draft_sampling=sampling["draft"])


def tokens(messages: Any) -> int:
    return COUNTER.count(messages)[0]


def spare(recipe: Recipe, prompt: Prompt, seed: int, fill: float) -> dict[str, list[int]]:
    """By role what was counted, less what each request takes."""
    asked: list[Request] = []
    assert isinstance(run_chain(recipe, prompt, scripted(filler(asked, fill)), seed=seed), Trace)
    longest = recipe.longest(prompt, Seeds(seed, prompt.id))
    found: dict[str, list[int]] = {}
    for request in asked:
        most = longest[request.role]
        counted = tokens(most.messages) + most.sampled
        found.setdefault(request.role, []).append(counted - tokens(request.messages) - request.sampling.max_tokens)
    return found


some_responses = st.lists(texts, min_size=2, max_size=4).map(tuple)


@given(
    judged_recipes(), prompts(), st.one_of(st.just(()), st.just(()), some_responses), run_seeds,
    st.sampled_from([0.05, 0.5, 1.0]),
)  # fmt: skip
def test_no_request_is_longer_than_counted(
    recipe: Recipe, prompt: Prompt, responses: tuple[str, ...], seed: int, fill: float
) -> None:
    """Of drafts, thoughts, comparisons and scores, whatever texts are given, sampled or compared."""
    given = replace(prompt, responses=responses if recipe.name == "ai_feedback" else ())
    for role, left in spare(recipe, given, seed, fill).items():
        assert min(left) >= 0, role


PLAIN = tuple(
    Principle(
        f"p{n}", text="Good.", negation="Bad.", critique="Why?", revision="Better!", preference="Which?", asks="Good?"
    )
    for n in range(2)
)
PROMPT = Prompt("r", (user("How do I rest?"),))
LONG = "x" * 400


def made(kind: str, way: tuple[Reads, JudgeMode], policy: Any = None) -> Recipe:
    """A recipe whose answers have 64 tokens at most, thoughts 40."""
    principles = Principles("plain", "1", PLAIN)
    judging = Judging(principles, *way, number=0, sampling=Sampling(max_tokens=40))
    if kind == "contrast":
        return Contrast(principles, judging, small_sampling()["draft"])
    if kind == "critique_revise":
        policy = policy or "first_last"
        return CritiqueRevise(principles, 2, sampling=small_sampling(), judging=judging, policy=policy)
    return AIFeedback(judging, 3, policy=policy or "best_worst", draft_sampling=small_sampling()["draft"])


@pytest.mark.parametrize("way", JUDGED, ids=".".join)
@pytest.mark.parametrize("kind", ["ai_feedback", "contrast", "critique_revise"])
def test_the_longest_question_is_counted_exactly(kind: str, way: tuple[Reads, JudgeMode]) -> None:
    """Where every answer takes all of its max_tokens, the longest request to each role takes all that was counted."""
    assert {role: min(left) for role, left in spare(made(kind, way), PROMPT, 0, 1.0).items()} == dict.fromkeys(
        made(kind, way).roles, 0
    )


@pytest.mark.parametrize("way", JUDGED[:3], ids=".".join)
@pytest.mark.parametrize(("kind", "policy"), [("ai_feedback", "against_draft"), ("critique_revise", "first_last")])
def test_a_given_answer_beside_each_other_is_counted_exactly(
    kind: str, policy: str, way: tuple[Reads, JudgeMode]
) -> None:
    """Where it is a side of every pair, no second sampled answer counts."""
    assert min(spare(made(kind, way, policy), replace(PROMPT, response=LONG), 0, 1.0)["judge"]) == 0


@pytest.mark.parametrize("way", JUDGED, ids=".".join)
@pytest.mark.parametrize(("kind", "policy"), [("ai_feedback", "all"), ("critique_revise", "all")])
@pytest.mark.parametrize("response", ["A short one.", LONG])
def test_two_sampled_answers_may_be_the_longest_pair(
    kind: str, policy: str, way: tuple[Reads, JudgeMode], response: str
) -> None:
    """Beside a short answer that is given two sampled ones are compared too; what is counted holds either pair."""
    left = min(spare(made(kind, way, policy), replace(PROMPT, response=response), 0, 1.0)["judge"])
    assert left == 0 if response != LONG else 0 <= left <= 64


@pytest.mark.parametrize("way", JUDGED, ids=".".join)
def test_given_answers_are_counted_as_they_are(way: tuple[Reads, JudgeMode]) -> None:
    """The two longest of them, and nothing is sampled besides thoughts and the label."""
    prompt = replace(PROMPT, responses=("Short.", LONG, LONG[:-4], "Brief."))
    assert min(spare(made("ai_feedback", way, "all"), prompt, 0, 1.0)["judge"]) == 0
