"""AI feedback: candidates, what the judge is asked, what a chain leaves."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution import Constitution
from constitution.engine import Ask, Completion, Request, Sampling
from constitution.errors import SettingsError
from constitution.messages import Prompt
from constitution.recipes.ai_feedback import AIFeedback
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.records import Candidate, Trace
from constitution.seeds import Seeds
from constitution.steps.filter import same_text
from constitution.steps.label import CandidatePolicy, Labelling
from constitution.steps.pair import Pairing, settle_chain
from tests.judges import PROMPT, SEEDS, WAYS, Asked, Judge, Way, judged_by, judging, oracle, principle_of
from tests.strategies import Chaos, chaos, drive, prompts, run_chain, run_seeds, scripted, small_sampling

SAMPLING = Sampling(max_tokens=50, temperature=0.9, top_p=0.8)


def drafting(*said: str | Completion) -> Judge:
    """An oracle whose candidates are these, by their numbers."""
    return replace(oracle(), drafts=lambda asked: said[asked.round] if isinstance(asked, Ask) else "Draft.")


def stages(asked: list[Ask]) -> Counter[str]:
    return Counter(ask.stage for ask in asked)


@pytest.mark.parametrize("way", WAYS, ids=".".join)
@pytest.mark.parametrize("policy", ["best_worst", "all", "against_draft"])
@pytest.mark.parametrize(("candidates", "under"), [(2, 1), (4, 3)])
def test_it_asks_exactly_what_it_says(way: Way, policy: CandidatePolicy, candidates: int, under: int) -> None:
    """Law 2: candidates, then 2 x principles for each pair (think: twice) or for each text (a callable: once)."""
    recipe = AIFeedback(judging(way, judged_by(under)), candidates, policy=policy, draft_sampling=SAMPLING)
    _, asked = drive(recipe, PROMPT, SEEDS, drafting(*(f"Answer number {n}." for n in range(candidates))))
    pairs = candidates - 1 if policy == "against_draft" else candidates * (candidates - 1) // 2
    reads = {"pairwise": 2 * under * pairs, "scoring": 2 * under * candidates, "value": candidates}[way[0]]
    expected = Counter(draft=candidates, judge=reads)
    if way[1] == "think":
        expected["think"] = reads
    assert stages(asked) == expected
    assert [ask.stage for ask in asked[:candidates]] == ["draft"] * candidates


def test_candidates_are_asked_side_by_side() -> None:
    """Each sees the conversation and nothing else, with its number and the adapter of its role."""
    recipe = AIFeedback(judging(), 3, draft_sampling=SAMPLING, lora={"draft": "own"})
    flow = recipe.flow(replace(PROMPT, tools="[]"), SEEDS)
    asks = next(flow)
    assert [(ask.role, ask.stage, ask.round) for ask in asks] == [("draft", "draft", n) for n in range(3)]
    assert {ask.messages for ask in asks} == {PROMPT.conversation}
    assert {(ask.sampling, ask.tools, ask.lora, ask.seeds) for ask in asks} == {(SAMPLING, "[]", "own", None)}


def test_temperatures_by_turns() -> None:
    """By the number of the candidate, also where the first ones are given; nothing else of the sampling changes."""
    recipe = AIFeedback(judging(), 5, (0.2, 1.0), draft_sampling=SAMPLING)
    asks = next(recipe.flow(PROMPT, SEEDS))
    assert [ask.sampling.temperature for ask in asks] == [0.2, 1.0, 0.2, 1.0, 0.2]
    assert {replace(ask.sampling, temperature=0.9) for ask in asks} == {SAMPLING}
    asks = next(recipe.flow(replace(PROMPT, response="Given."), SEEDS))
    assert [(ask.round, ask.sampling.temperature) for ask in asks] == [(1, 1.0), (2, 0.2), (3, 1.0), (4, 0.2)]


@given(prompts(responses=False), run_seeds, st.integers(0, 2))
def test_the_first_candidate_is_the_draft(prompt: Prompt, seed: int, sample: int) -> None:
    """Its key is that of a critique-revise draft, so that one run's answers serve the other; the others differ."""
    asked: list[Request] = []

    def keep(request: Request) -> str:
        asked.append(request)
        return f"Answer {request.key}."

    sampling = small_sampling()
    run_chain(
        AIFeedback(judging(), 3, draft_sampling=sampling["draft"]), prompt, scripted(keep), seed=seed, sample=sample
    )
    drafts = [request.key for request in asked if request.stage == "draft"]
    asked.clear()
    run_chain(CritiqueRevise(judged_by(), 1, sampling=sampling), prompt, scripted(keep), seed=seed, sample=sample)
    assert drafts[0] == asked[0].key
    assert len(set(drafts)) == 3


def test_a_response_is_the_first_candidate() -> None:
    """The others are sampled."""
    trace, asked = drive(
        AIFeedback(judging(), 3), replace(PROMPT, response="Mine."), SEEDS, drafting("", "One.", "Two.")
    )
    assert [candidate.text for candidate in trace.candidates] == ["Mine.", "One.", "Two."]
    assert trace.candidates[0] == Candidate(0, "Mine.", given=True, attempts=0)
    assert stages(asked)["draft"] == 2


def test_responses_are_all_candidates() -> None:
    """Nothing is sampled, however many there are; a single response beside them is none."""
    prompt = replace(PROMPT, responses=("One.", "Two.", "Three."), response="Four.")
    trace, asked = drive(AIFeedback(judging(), 2), prompt, SEEDS, oracle())
    assert [candidate.text for candidate in trace.candidates] == ["One.", "Two.", "Three."]
    assert all(candidate.given for candidate in trace.candidates)
    assert stages(asked) == {"judge": 6}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (("One.", "One."), "too_few"),
        (("One.", "</think>"), "too_few"),
        (("One.", ""), "empty"),
        (("", Completion("Half", finish_reason="length")), "empty"),
        (("One.", Completion("Half", finish_reason="length")), "truncated"),
        (("One.", Completion("", reasoning="Hm.")), "only_thoughts"),
    ],
)
def test_fewer_than_two(said: tuple[str | Completion, ...], reason: str) -> None:
    """The judge is asked nothing, and the input is dropped with the reason; candidates stay in the trace."""
    trace, asked = drive(AIFeedback(judging()), PROMPT, SEEDS, drafting(*said))
    assert (trace.reason, stages(asked)["judge"], len(trace.candidates)) == (reason, 0, 2)
    settled = settle_chain(trace, Pairing(), {})
    assert (settled.outcome, settled.reason, settled.proposals) == ("dropped", reason, ())


def test_an_unusable_candidate_is_left_out() -> None:
    """The others are compared under their own numbers; of the unusable one stays the reason, and no text."""
    cut = Completion("Half of", finish_reason="length", reasoning="Hm.")
    trace, asked = drive(AIFeedback(judging(), 3), PROMPT, SEEDS, drafting("One.", cut, "Two."))
    assert trace.candidates[1] == Candidate(1, "", reasoning="Hm.", unusable="truncated")
    assert [(pair.a, pair.b) for pair in trace.judged] == [(0, 2)]
    assert trace.reason is None
    assert stages(asked) == {"draft": 3, "judge": 2}


def test_no_principle() -> None:
    """Nothing is asked at all, not even an answer; a callable needs no principle."""
    own = judged_by(1)
    limited = replace(own, principles=(replace(own.principles[0], applies_to=("harmful",)),))
    trace, asked = drive(AIFeedback(judging(principles=limited)), PROMPT, SEEDS, oracle())
    assert (trace.reason, asked) == ("no_principle", [])
    trace, _ = drive(AIFeedback(judging(("value", "direct"), limited)), PROMPT, SEEDS, drafting("One.", "Two."))
    assert trace.reason is None


def test_no_principle_for_one_of_two_reads() -> None:
    """With both reads each needs one."""
    own = judged_by(2)
    scored = replace(own.principles[0], preference="")
    limited = replace(own.principles[1], applies_to=("harmful",))
    asked_both = judging(("both", "direct"), replace(own, principles=(scored, limited)))
    trace, asked = drive(AIFeedback(asked_both), PROMPT, SEEDS, oracle())
    assert (trace.reason, asked) == ("no_principle", [])


@pytest.mark.parametrize(
    ("stage", "completion", "unusable"),
    [
        ("draft", Completion("Half", finish_reason="length"), "truncated"),
        ("draft", Completion("..."), "empty"),
        ("think", Completion("Half", finish_reason="length"), None),
        ("think", Completion(""), "empty"),
        ("judge", Completion("", finish_reason="length"), None),
        ("judge", Completion("", reasoning="Hm."), None),
    ],
)
def test_what_is_asked_again(stage: str, completion: Completion, unusable: str | None) -> None:
    """Drafts whole, thoughts as far as they go, a label as it is read."""
    ask = Ask("judge", stage, PROMPT.conversation, SAMPLING)
    assert AIFeedback(judging()).unusable(ask, completion) == unusable


@pytest.mark.parametrize("candidates", [1, 17])
def test_candidates_have_bounds(candidates: int) -> None:
    """Two to sixteen."""
    with pytest.raises(SettingsError, match=f"candidates is {candidates}, expected 2 to 16"):
        AIFeedback(judging(), candidates)


def test_a_trace_has_everything() -> None:
    """Conversation, tags, metadata, tools, the constitution's digest; no draft and no rounds."""
    prompt = replace(PROMPT, tags=("x",), metadata="{}", tools="[]", responses=("One.", "Two."))
    recipe = AIFeedback(judging())
    trace, _ = drive(recipe, prompt, Seeds(0, "r", 3), oracle())
    assert (trace.record, trace.sample, trace.conversation) == ("r", 3, PROMPT.conversation)
    assert (trace.tags, trace.metadata, trace.tools, trace.draft, trace.rounds) == (("x",), "{}", "[]", None, ())
    assert trace.constitution == recipe.judging.principles.digest


def test_settings_say_what_shapes_rows() -> None:
    """Which pairs are compared, not which of them are kept: best_worst and all ask the same."""
    recipe = AIFeedback(judging(number=2), 3, (0.1,), draft_sampling=SAMPLING, lora={"judge": "l"})
    made = recipe.settings()
    assert {name: value for name, value in made.items() if name != "sampling"} == {
        "recipe": "ai_feedback", "candidates": 3, "temperatures": [0.1], "compared": "all", "judge_read": "pairwise",
        "judge_mode": "direct", "judge_principles": 2, "lora": {"judge": "l"},
    }  # fmt: skip
    sampling: Any = made["sampling"]
    assert (sampling["draft"]["max_tokens"], sampling["judge"]["max_tokens"]) == (50, 256)
    assert replace(recipe, policy="all").settings() == made
    assert replace(recipe, policy="against_draft").settings()["compared"] == "draft"
    assert replace(recipe, temperatures=()).settings()["temperatures"] is None
    assert (recipe.roles, recipe.labels) == (("draft", "judge"), {"judge": ("A", "B")})


@given(chaos, prompts(), st.sampled_from(WAYS[:4]), st.integers(2, 4), run_seeds)
def test_whatever_is_answered(script: Chaos, prompt: Prompt, way: Way, candidates: int, seed: int) -> None:
    """Chains end in a trace whose pairs keep law 8; who is compared can be a side."""
    recipe = AIFeedback(judging(way), candidates, policy="all")
    trace, asked = drive(recipe, prompt, Seeds(seed, prompt.id), script.by_ask)
    assert stages(asked)["draft"] == candidates - (prompt.response is not None)
    by_number = {candidate.number: candidate.text for candidate in trace.candidates}
    for pair in trace.judged:
        assert not same_text(by_number[pair.a], by_number[pair.b])
    settled = settle_chain(trace, Pairing(labelling=Labelling("all")), {})
    assert settled.outcome in ("paired", "dropped")
    if trace.reason is None and trace.judged:
        usable = sorted({number for pair in trace.judged for number in (pair.a, pair.b)})
        assert [(pair.a, pair.b) for pair in trace.judged] == list(combinations(usable, 2))


def test_one_principle_for_all_pairs_of_a_record() -> None:
    """Drawn once for a record and sample, so that its verdicts are of one mind."""
    recipe = AIFeedback(replace(judging(principles=judged_by(5)), number=1), 3)
    drawn = set()
    for record in "abcdefgh":
        judge = drafting("One.", "Two.", "Three.")
        drive(recipe, replace(PROMPT, id=record), Seeds(0, record), judge)
        asked = {principle_of(ask) for ask in judge.asked if ask.role == "judge"}
        assert len(asked) == 1
        drawn |= asked
    assert len(drawn) > 2


def test_samples_have_their_own_candidates() -> None:
    """By the seeds of the chain."""
    seen: list[str] = []

    def keep(request: Request) -> str:
        seen.append(request.key)
        return f"Answer {request.key}."

    for sample in (0, 1):
        result = run_chain(AIFeedback(judging()), PROMPT, scripted(keep), sample=sample)
        assert isinstance(result, Trace)
    drafts = [key for key in seen if seen.count(key) == 1]
    assert len(drafts) == len(seen)


@pytest.mark.parametrize("way", WAYS, ids=".".join)
def test_a_swap_in_another_record_asks_the_very_same_requests(way: Way) -> None:
    """Keys and seeds, of thoughts too, are of run and pair, not of record, sample or order; another run has others."""

    def keys(record: str, responses: tuple[str, str], seed: int, sample: int) -> set[tuple[str, int | None]]:
        asked: list[Request] = []

        def keep(request: Request) -> Completion:
            asked.append(request)
            return Completion("Hm.", logprobs=(-1.0, -2.0)[: len(request.labels)])

        recipe = AIFeedback(replace(judging(way, judged_by(2)), run_seed=seed))
        run_chain(
            recipe, Prompt(record, PROMPT.conversation, responses=responses), scripted(keep), seed=seed, sample=sample
        )
        return {(request.key, request.sampling.seed) for request in asked}

    base = keys("r", ("One.", "Two."), 5, 0)
    assert keys("s", ("Two.", "One."), 5, 1) == base
    assert not keys("r", ("One.", "Two."), 6, 0) & base
    assert not keys("r", ("One.", "Six."), 5, 0) & base or way[0] in ("scoring", "value")


def test_labels_reach_the_engine() -> None:
    """The request carries what is to be read."""
    requests: list[Asked] = []

    def keep(request: Request) -> Completion:
        requests.append(request)
        return Completion(f"Answer {request.key}.", logprobs=(-1.0, -2.0) if request.labels else None)

    run_chain(AIFeedback(judging()), PROMPT, scripted(keep))
    assert [request.labels for request in requests] == [(), (), ("A", "B"), ("A", "B")]


def test_several_models_answer_by_turns(tmp_path: Path) -> None:
    """Each candidate is of its model, under that model's own settings; what none would use is refused."""
    options: dict[str, Any] = {"recipe": "ai_feedback", "candidates": 3, "examine": 0, "anyway": True}
    roles = {"draft2": {"model": "scripted:second", "max_tokens": 9}}
    constitution = Constitution.load("balanced")
    run = constitution.generate(["Hello?"], tmp_path / "run", model="scripted", roles=roles, **options)
    models = run._opened.manifest.models
    assert (models["draft"]["model"], models["draft2"]["model"]) == ("scripted", "scripted:second")
    (trace,) = run.traces()
    assert isinstance(trace, Trace)
    alone = constitution.generate(["Hello?"], tmp_path / "alone", model="scripted", **options)
    (single,) = alone.traces()
    assert isinstance(single, Trace)
    same = [a.text == b.text for a, b in zip(trace.candidates, single.candidates, strict=True)]
    assert same == [True, False, True]
    assert run._opened.manifest.settings["sampling"]["draft2"]["max_tokens"] == 9
    for wrong, told in (
        ({"candidates": 2, "roles": {**roles, "draft3": {"model": "scripted:third"}}}, "3 models for 2 candidates"),
        ({"roles": {"draft2": {"temperature": 0.5}}}, r"name it in roles\.draft2\.model"),
        ({"recipe": "contrast", "roles": roles}, "goes with the recipe ai_feedback"),
    ):
        with pytest.raises(SettingsError, match=told):
            constitution.generate(["Hello?"], tmp_path / "no", model="scripted", **{**options, **wrong})
