"""One chain: attempts, errors, keys, books; and many chains side by side."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.engine import Answer, Ask, Completion, ModelRole, Request, Sampling, request_key
from constitution.errors import EngineDeadError, RequestRefused, SettingsError
from constitution.flow import Flow, Longest, ask_all
from constitution.messages import Prompt, user
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.records import ChainResult, Draft, Failure, Trace
from constitution.run.chain import MAX_ATTEMPTS, Chains, Lengths, Memory
from constitution.seeds import Seeds
from constitution.steps.pair import Pairing, settle_chain
from tests.strategies import (
    Chaos,
    chaos,
    finding_text,
    prompts,
    recipes,
    run_chain,
    run_seeds,
    scripted,
    served,
    simple,
    small_sampling,
)

PROMPT = Prompt("r", (user("How do I rest?"),))
RECIPE = CritiqueRevise(simple(3), 2, sampling=small_sampling())


@dataclass
class Staged:
    """A script that gives each stage its own answers in turn, the last one for good, and keeps what was asked."""

    answers: dict[str, list[str | Completion | Exception]]
    asked: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> str | Completion:
        self.asked.append(request)
        left = self.answers[request.stage]
        said = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(said, Exception):
            raise said
        return said

    def stages(self) -> list[str]:
        return [request.stage for request in self.asked]


def good() -> dict[str, list[str | Completion | Exception]]:
    return {"draft": ["A draft."], "critique": ["It is long."], "revise": ["B better.", "C best."]}


UNUSABLE = {
    "empty": Completion(""),
    "only_thoughts": Completion("  ", reasoning="Hm."),
    "truncated": Completion("Half of", finish_reason="length"),
}


@pytest.mark.parametrize("reason", UNUSABLE)
@pytest.mark.parametrize("bad", [1, 2])
def test_an_unusable_answer_is_asked_again(reason: str, bad: int) -> None:
    """An answer that cannot be used is asked again with another seed; the attempts are counted."""
    answers = good()
    answers["draft"] = [*([UNUSABLE[reason]] * bad), "A draft."]
    script = Staged(answers)
    result = run_chain(RECIPE, PROMPT, scripted(script))
    assert isinstance(result, Trace)
    assert result.draft == Draft("A draft.", attempts=bad + 1)
    assert script.stages()[: bad + 2] == ["draft"] * (bad + 1) + ["critique"]
    drafts = script.asked[: bad + 1]
    assert len({request.sampling.seed for request in drafts}) == bad + 1
    assert len({replace(request.sampling, seed=None) for request in drafts}) == 1


@pytest.mark.parametrize("reason", UNUSABLE)
def test_three_attempts_and_no_more(reason: str) -> None:
    """After three unusable answers the record is dropped with the reason."""
    script = Staged({**good(), "draft": [UNUSABLE[reason]]})
    result = run_chain(RECIPE, PROMPT, scripted(script))
    assert script.stages() == ["draft"] * MAX_ATTEMPTS
    assert MAX_ATTEMPTS == 3
    assert settle_chain(result, Pairing(), {}).reason == reason


@pytest.mark.parametrize("stage", ["critique", "revise"])
def test_later_stages_are_asked_again_too(stage: str) -> None:
    """A critique or revision gets its three attempts in each round, and its chain goes on."""
    script = Staged({**good(), stage: [UNUSABLE["empty"]]})
    result = run_chain(RECIPE, PROMPT, scripted(script))
    assert Counter(script.stages())[stage] == 2 * MAX_ATTEMPTS
    assert settle_chain(result, Pairing(), {}).reason == "empty"


def test_an_unreadable_finding_is_asked_again() -> None:
    """A finding that is not what was asked for is asked again; the one that is read counts its attempts."""
    recipe = CritiqueRevise(simple(1), 1, verdict_first=True, sampling=small_sampling())
    script = Staged({**good(), "critique": ["Too long.", "{}", finding_text()]})
    result = run_chain(recipe, PROMPT, scripted(script))
    assert isinstance(result, Trace)
    assert result.rounds[0].critique is not None
    assert result.rounds[0].critique.attempts == 3
    assert script.stages() == ["draft", "critique", "critique", "critique", "revise"]


def test_greedy_is_not_asked_again() -> None:
    """At temperature 0 the same answer would come: it is asked once."""
    recipe = replace(RECIPE, sampling=small_sampling(0.0))
    script = Staged({**good(), "draft": [UNUSABLE["empty"]]})
    result = run_chain(recipe, PROMPT, scripted(script))
    assert script.stages() == ["draft"]
    assert settle_chain(result, Pairing(), {}).reason == "empty"


@pytest.mark.parametrize(
    ("revision", "defect"),
    [("It is long and far too dull for me.", "copies_critique"), ("</think>", "leak"), ("A draft!", "equal")],
)
def test_leaks_and_copies_are_not_asked_again(revision: str, defect: str) -> None:
    """A leak, a copy of the critique and an equal text are answers: they are asked once."""
    script = Staged({**good(), "critique": ["It is long and far too dull for me."], "revise": [revision]})
    result = run_chain(RECIPE, PROMPT, scripted(script))
    assert script.stages() == ["draft", "critique", "revise", "critique", "revise"]
    assert settle_chain(result, Pairing(), {}).reason == defect


@pytest.mark.parametrize(("stage", "place"), [("draft", 0), ("critique", 0), ("revise", 1)])
@pytest.mark.parametrize("before", [0, 2])
def test_an_error_makes_it_failed(stage: str, place: int, before: int) -> None:
    """An error of the engine ends the chain as failed, with stage, class, message and attempts, whatever it has."""
    answers = good()
    answers[stage] = [*answers[stage][:place], *([Completion("")] * before), RequestRefused("no such adapter")]
    script = Staged(answers)
    result = run_chain(RECIPE, PROMPT, scripted(script), sample=4)
    assert result == Failure("r", 4, stage, "RequestRefused", "no such adapter", before + 1)
    assert settle_chain(result, Pairing(), {}).outcome == "failed"


def test_a_dead_engine_is_never_swallowed() -> None:
    """The death of the engine is no answer and no failure of the record: it is raised."""
    with pytest.raises(EngineDeadError, match="gone"):
        run_chain(RECIPE, PROMPT, scripted(Staged({**good(), "critique": [EngineDeadError("gone")]})))


def test_an_unknown_error_is_never_swallowed() -> None:
    """An error that nobody raised on purpose is a bug, and is raised."""
    with pytest.raises(ZeroDivisionError):
        run_chain(RECIPE, PROMPT, scripted(Staged({**good(), "draft": [ZeroDivisionError()]})))


@dataclass
class Book:
    """An answer book in memory."""

    kept: dict[tuple[str, int], Completion] = field(default_factory=dict)
    put_order: list[tuple[str, int]] = field(default_factory=list)

    def get(self, request: Request, attempt: int) -> Completion | None:
        return self.kept.get((request.key, attempt))

    def put(self, request: Request, attempt: int, completion: Completion) -> None:
        assert (request.key, attempt) not in self.kept
        self.kept[request.key, attempt] = completion
        self.put_order.append((request.key, attempt))


@given(recipes(), prompts(), chaos, run_seeds, st.integers(0, 12))
def test_replay(recipe: CritiqueRevise, prompt: Prompt, script: Chaos, seed: int, known: int) -> None:
    """A chain over the first answers of an earlier one asks only the rest, and ends the same."""
    first, again = Book(), Chaos(script.pool, script.salt, script.refusals, script.echoes)
    result = run_chain(recipe, prompt, scripted(script), seed=seed, book=first)
    kept = {key: first.kept[key] for key in first.put_order[:known]}
    resumed = run_chain(recipe, prompt, scripted(again), seed=seed, book=Book(dict(kept)))
    assert resumed == result
    assert [r.key for r in again.asked] == [r.key for r in script.asked[len(kept) :]]


def test_unusable_answers_are_kept_as_attempts() -> None:
    """An unusable answer is put into the book as the attempt that it was."""
    book = Book()
    run_chain(RECIPE, PROMPT, scripted(Staged({**good(), "draft": ["", "", "A draft."]})), book=book)
    assert [attempt for _, attempt in book.put_order[:4]] == [1, 2, 3, 1]


def test_requests() -> None:
    """A request carries record, role, stage, seed and parent; later stages and rounds go first."""
    script = Staged(good())
    run_chain(RECIPE, PROMPT, scripted(script, model="m"), seed=9)
    assert [r.priority for r in script.asked] == sorted((r.priority for r in script.asked), reverse=True)
    assert len({r.priority for r in script.asked}) == len(script.asked)
    for before, request in zip(script.asked, script.asked[1:], strict=False):
        assert request.record == "r"
        assert request.role == request.stage
        assert request.parent is not None
        assert request.parent.request == before
    draft, critique = script.asked[:2]
    assert draft.sampling.seed == Seeds(9, "r").sampling("draft", 0, 1)
    assert draft.key == request_key("m", PROMPT.conversation, draft.sampling)
    assert critique.key == request_key("m", critique.messages, critique.sampling, parent=draft.key)


def test_keys_know_the_model_and_the_adapter() -> None:
    """Another model, and another adapter, give other keys; the adapter goes to the engine with its role."""
    keys = []
    for model, lora in (("m", {}), ("n", {}), ("m", {"revise": "mine"})):
        script = Staged(good())
        recipe = CritiqueRevise(simple(3), 2, sampling=small_sampling(), lora=lora)  # type: ignore[arg-type]  # roles
        run_chain(recipe, PROMPT, scripted(script, model=model))
        keys.append([request.key for request in script.asked])
        assert [r.lora for r in script.asked] == [lora.get(r.stage) for r in script.asked]
    assert not set(keys[0]) & set(keys[1])
    assert keys[0][:2] == keys[2][:2]
    assert keys[0][2] != keys[2][2]


@dataclass(frozen=True)
class Fan:
    """A recipe that asks five questions side by side."""

    name: ClassVar[str] = "fan"
    stages: ClassVar[tuple[str, ...]] = ("draft",)
    roles: ClassVar[tuple[ModelRole, ...]] = ("draft",)
    width: int = 5

    def flow(self, prompt: Prompt, seeds: Seeds) -> Flow[Trace]:
        asks = tuple(
            Ask("draft", "draft", (user(f"Q{n}"),), small_sampling()["draft"], round=n) for n in range(self.width)
        )
        answers = yield from ask_all(asks)
        assert (yield from ask_all(())) == ()
        said = " ".join(answer.completion.text for answer in answers)
        return Trace(prompt.id, seeds.sample, prompt.conversation, Draft(said))

    def unusable(self, question: Ask, completion: Completion) -> str | None:
        return None

    @property
    def sampling(self) -> Mapping[ModelRole, Sampling]:
        return small_sampling()

    @property
    def labels(self) -> Mapping[ModelRole, tuple[str, ...]]:
        return {}

    def longest(self, prompt: Prompt, seeds: Seeds) -> Mapping[ModelRole, Longest]:
        return {"draft": Longest(prompt.conversation, 64)}

    def settings(self) -> dict[str, object]:
        return {}


def test_side_by_side() -> None:
    """Questions that are asked side by side come back in their own order, however long each takes."""

    def script(request: Request) -> str:
        return request.messages[0].content

    result = run_chain(Fan(), PROMPT, scripted(script, latency_ms=2))
    assert isinstance(result, Trace)
    assert result.draft == Draft("Q0 Q1 Q2 Q3 Q4")


def test_side_by_side_with_an_error() -> None:
    """One of several questions that fails makes the chain fail, and the death of the engine goes before."""

    def refuse(request: Request) -> str:
        if request.messages[0].content == "Q3":
            raise RequestRefused("no")
        return "x"

    def die(request: Request) -> str:
        if request.messages[0].content == "Q3":
            raise EngineDeadError("gone")
        return "x"

    assert run_chain(Fan(), PROMPT, scripted(refuse)) == Failure("r", 0, "draft", "RequestRefused", "no", 1)
    with pytest.raises(EngineDeadError):
        run_chain(Fan(), PROMPT, scripted(die))


def run_all(inputs: list[Prompt], engine: object, recipe: CritiqueRevise = RECIPE) -> list[ChainResult]:
    async def run() -> list[ChainResult]:
        return await Chains(recipe, await served(recipe, engine), 0).run_all(inputs, [Memory() for _ in inputs])  # type: ignore[arg-type]  # a scripted one

    return asyncio.run(run())


def test_run_all_keeps_the_order() -> None:
    """Results come in the order of the prompts, whatever finishes first; a failure is one of them."""
    inputs = [Prompt(f"r{n}", (user(f"Q{n}"),)) for n in range(30)]

    def fault(request: Request) -> Exception | None:
        return RequestRefused("no") if request.record == "r7" else None

    results = run_all(inputs, scripted(latency_ms=1, fault=fault, max_in_flight=8))
    assert [result.record for result in results] == [prompt.id for prompt in inputs]
    assert [isinstance(result, Failure) for result in results] == [n == 7 for n in range(30)]


def test_run_all_holds_back() -> None:
    """No more chains are under way than a quarter over what the engine takes."""
    under_way: Counter[str] = Counter()
    most = 0

    def fault(request: Request) -> Exception | None:
        nonlocal most
        under_way[request.record] += 1
        most = max(most, sum(0 < count < 5 for count in under_way.values()))
        return None

    run_all([Prompt(f"r{n}", (user("Q"),)) for n in range(40)], scripted(latency_ms=0.5, fault=fault, max_in_flight=8))
    assert 2 <= most <= 10


def test_run_all_raises_what_is_no_failure() -> None:
    """The death of the engine reaches the caller."""

    def fault(request: Request) -> Exception | None:
        return EngineDeadError("gone") if request.record == "r1" else None

    with pytest.raises(EngineDeadError):
        run_all([Prompt(f"r{n}", (user("Q"),)) for n in range(3)], scripted(fault=fault))


def test_lengths() -> None:
    """The mean context of a chain is its counted prompt and half of what may be sampled."""
    lengths = Lengths()
    assert lengths.mean() is None
    lengths.add(100, 50)
    lengths.add(200, 150)
    assert lengths.mean() == 200


def test_no_context_is_too_small_to_say_so() -> None:
    """A context of one token turns every record away without a request, or refuses the settings."""
    engine = scripted(max_context=1)
    result = run_chain(RECIPE, PROMPT, engine)
    assert isinstance(result, Trace)
    assert (result.reason, engine.requests) == ("too_long", 0)
    with pytest.raises(SettingsError):
        run_chain(RECIPE, PROMPT, engine, too_long="error")


def test_an_answer_names_its_request() -> None:
    """What a flow is sent holds key, completion, attempts and the request itself."""
    seen: list[Answer] = []

    class Watching(CritiqueRevise):
        def flow(self, prompt: Prompt, seeds: Seeds) -> Flow[Trace]:
            inner = super().flow(prompt, seeds)
            asks = next(inner)
            while True:
                answers = yield asks
                seen.extend(answers)
                try:
                    asks = inner.send(answers)
                except StopIteration as stop:
                    trace: Trace = stop.value
                    return trace

    run_chain(Watching(simple(1), 1, sampling=small_sampling()), PROMPT, scripted(Staged(good())))
    assert [answer.request.stage for answer in seen if answer.request] == ["draft", "critique", "revise"]
    assert all(answer.request and answer.key == answer.request.key and answer.attempts == 1 for answer in seen)
