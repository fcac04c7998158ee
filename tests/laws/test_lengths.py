"""Law 9 for chains: what a record may need is counted before its first request, and never counted short."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.engine import Completion, Request
from constitution.engines.scripted import ScriptedEngine
from constitution.errors import RequestRefused, SettingsError
from constitution.messages import Conversation, Message, Prompt, assistant, system, user
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.records import Failure, Trace
from constitution.run.chain import refuse_impossible
from constitution.seeds import Seeds
from tests.strategies import prompts, recipes, run_chain, run_seeds, scripted, served, simple, small_sampling

COUNTER = scripted()


def tokens(messages: tuple[Message, ...]) -> int:
    return COUNTER.count(messages)[0]


def recorder(asked: list[Request], fill: float) -> Any:
    """A script that fills `fill` of max_tokens with text of its own request, four characters a token."""

    def script(request: Request) -> Completion:
        asked.append(request)
        size = max(1, int(request.sampling.max_tokens * 4 * fill))
        text = (f"{request.key} " * (size // 33 + 1))[:size]
        if request.sampling.json_schema is None:
            return Completion(text)
        finding = '{"applies":true,"violates":true,"severity":1,"critique":"%s"}'
        return Completion(finding % text[: max(0, size - len(finding))])

    return script


@given(recipes(), prompts(), run_seeds, st.sampled_from([0.05, 0.5, 1.0]))
def test_no_request_is_longer_than_counted(recipe: CritiqueRevise, prompt: Prompt, seed: int, fill: float) -> None:
    """Prompt and max_tokens of every request of a chain fit into what was counted for the longest chain."""
    asked: list[Request] = []
    run_chain(recipe, prompt, scripted(recorder(asked, fill)), seed=seed)
    longest = recipe.longest(prompt, Seeds(seed, prompt.id))
    for request in asked:
        most = longest[request.role]
        assert tokens(request.messages) + request.sampling.max_tokens <= tokens(most.messages) + most.sampled


@given(prompts(), run_seeds, st.integers(1, 4), st.booleans())
def test_the_longest_chain_is_counted_exactly(prompt: Prompt, seed: int, rounds: int, direct: bool) -> None:
    """Where every answer takes all of its max_tokens, the last request to each role takes all that was counted."""
    recipe = CritiqueRevise(simple(3), rounds, not direct, sampling=small_sampling())
    asked: list[Request] = []
    result = run_chain(recipe, prompt, scripted(recorder(asked, 1.0)), seed=seed)
    assert isinstance(result, Trace)
    for role, most in recipe.longest(prompt, Seeds(seed, prompt.id)).items():
        last = next(request for request in reversed(asked) if request.role == role)
        assert [m.role for m in last.messages] == [m.role for m in most.messages]
        assert tokens(last.messages) + last.sampling.max_tokens == tokens(most.messages) + most.sampled


@given(recipes(), prompts(), run_seeds)
def test_each_role_holds_those_before_it(recipe: CritiqueRevise, prompt: Prompt, seed: int) -> None:
    """Roles that share an engine are counted once: the longest request of the last role holds the others'."""
    sizes = [tokens(most.messages) + most.sampled for most in recipe.longest(prompt, Seeds(seed, prompt.id)).values()]
    assert sizes == sorted(sizes)


class CannotCount(ScriptedEngine):
    def count(self, messages: Conversation, tools: str | None = None) -> tuple[int, bool]:
        raise RequestRefused("the chat template refuses these turns")


def needed(recipe: CritiqueRevise, prompt: Prompt) -> int:
    most = recipe.longest(prompt, Seeds(0, prompt.id))["revise"]
    return tokens(most.messages) + most.sampled


RECIPE = CritiqueRevise(simple(3), 2, sampling=small_sampling())
LONG = Prompt(
    "long",
    (system("Be kind."), user("a" * 400), assistant("b" * 400), user("c" * 400), assistant("d" * 400), user("Now?")),
)


@pytest.mark.parametrize("short_by", [0, 1])
def test_the_limit_is_exact(short_by: int) -> None:
    """A chain that needs exactly the context is asked; one token less, and it is turned away without a request."""
    engine = scripted(max_context=needed(RECIPE, LONG) - short_by)
    result = run_chain(RECIPE, LONG, engine)
    assert isinstance(result, Trace)
    assert result.reason == (None if short_by == 0 else "too_long")
    assert (engine.requests == 0) == bool(short_by)
    if short_by:
        assert result.conversation == LONG.conversation


def test_no_request_passes_the_context() -> None:
    """At the exact limit the engine, which refuses what passes its context, refuses nothing."""
    asked: list[Request] = []
    engine = scripted(recorder(asked, 1.0), max_context=needed(RECIPE, LONG))
    assert isinstance(run_chain(RECIPE, LONG, engine), Trace)
    assert len(asked) == 5


def test_error_stops_before_the_first_request() -> None:
    """Under `error` a record that is too long raises, with the arithmetic, and is asked nothing."""
    engine = scripted(max_context=needed(RECIPE, LONG) - 1)
    with pytest.raises(SettingsError, match=r"record 'long': \d+ prompt tokens .* pass the context of \d+"):
        run_chain(RECIPE, LONG, engine, too_long="error")
    assert engine.requests == 0


@pytest.mark.parametrize(("dropped", "kept"), [(0, 6), (1, 4), (2, 2)])
def test_truncate_left(dropped: int, kept: int) -> None:
    """`truncate_left` leaves out oldest turns until it fits, down to a user turn; the system turn stays."""
    shortened = LONG.conversation[:1] + LONG.conversation[1 + 2 * dropped :]
    engine = scripted(max_context=needed(RECIPE, replace(LONG, conversation=shortened)))
    result = run_chain(RECIPE, LONG, engine, too_long="truncate_left")
    assert isinstance(result, Trace)
    assert result.conversation == shortened
    assert len(result.conversation) == kept
    assert result.draft is not None


def test_truncate_left_between_user_turns() -> None:
    """Of two user turns in a row the first may go alone; a conversation never begins with an answer."""
    prompt = Prompt("r", (user("a" * 400), user("b"), assistant("c" * 400), user("Now?")))
    for kept in (prompt.conversation[1:], prompt.conversation[3:]):
        engine = scripted(max_context=needed(RECIPE, replace(prompt, conversation=kept)))
        result = run_chain(RECIPE, prompt, engine, too_long="truncate_left")
        assert isinstance(result, Trace)
        assert result.conversation == kept


def test_truncate_left_cannot_help() -> None:
    """What does not fit with its last turn alone is turned away whole."""
    prompt = Prompt("r", (user("old"), assistant("old"), user("x" * 4000)))
    engine = scripted(max_context=600)
    result = run_chain(RECIPE, prompt, engine, too_long="truncate_left")
    assert isinstance(result, Trace)
    assert result.reason == "too_long"
    assert result.conversation == prompt.conversation
    assert engine.requests == 0


def test_a_given_answer_is_counted() -> None:
    """A given answer counts as text, and no draft is counted."""
    prompt = replace(LONG, response="e" * 4000)
    with_answer, without = needed(RECIPE, prompt), needed(RECIPE, LONG)
    assert with_answer == without - 64 + 1000


def test_no_principle_is_not_too_long() -> None:
    """A record without a principle that applies is dropped for that, however long it is."""
    limited = tuple(replace(p, applies_to=("harmful",)) for p in simple(2).principles)
    result = run_chain(CritiqueRevise(simple(principles=limited)), LONG, scripted(max_context=10))
    assert isinstance(result, Trace)
    assert result.reason == "no_principle"


def test_impossible_settings() -> None:
    """Settings under which no prompt fits are refused at the start, with the sum and the context."""
    can = asyncio.run(served(RECIPE, scripted(max_context=5 * 64)))
    with pytest.raises(SettingsError, match=r"sum to 320, the model's context is 320: no prompt fits"):
        refuse_impossible(RECIPE, can, LONG)
    refuse_impossible(RECIPE, asyncio.run(served(RECIPE, scripted(max_context=5 * 64 + 1))), LONG)


def test_an_error_while_counting_is_a_failure() -> None:
    """A record that the engine cannot count fails alone, before its first request."""
    engine = CannotCount()
    result = run_chain(RECIPE, LONG, engine)
    assert result == Failure("long", 0, "draft", "RequestRefused", "the chat template refuses these turns", 1)
    assert engine.requests == 0
