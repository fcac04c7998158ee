"""Chains over conversations with tools: every request sees tools and calls, and what comes out holds them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from constitution.engine import Completion, Request
from constitution.messages import Prompt, assistant, user
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.records import PreferencePair, Trace
from constitution.seeds import Seeds
from constitution.steps.pair import Pairing, pairs
from tests import tool_conversations
from tests.strategies import by_stage, drive, finding_text, recipes, run_chain, scripted, simple, small_sampling
from tests.tool_conversations import CONVERSATION, TALKED, TOOLS, calls, result, text

PROMPT = Prompt("r", CONVERSATION, tools=text(TOOLS))


@st.composite
def tool_prompts(draw: st.DrawFn) -> Prompt:
    tools = draw(st.none() | tool_conversations.tool_lists)
    response = draw(st.none() | st.just("An answer that was there."))
    return Prompt("r", draw(tool_conversations.conversations()), response, tools=None if tools is None else text(tools))


@given(recipes(), tool_prompts())
def test_every_request_sees_the_conversation_and_its_tools(recipe: CritiqueRevise, prompt: Prompt) -> None:
    """Turns stay whole, calls and all; only plain turns are put around them; tools are the same in each request."""
    told = {"draft": "A draft.", "critique": finding_text(), "revise": "Better words."}
    trace, asked = drive(recipe, prompt, Seeds(0, "r"), lambda ask: told[ask.stage])
    assert (trace.conversation, trace.tools) == (prompt.conversation, prompt.tools)
    assert {ask.stage for ask in asked} >= {"revise"}
    for ask in asked:
        assert ask.tools == prompt.tools
        shots = len(ask.messages) - len(prompt.conversation) if ask.stage == "draft" else 0
        assert shots == 0
        begins = [start for start in range(len(ask.messages)) if ask.messages[start:][: len(prompt.conversation)]
                  == prompt.conversation]  # fmt: skip
        assert begins
        others = (*ask.messages[: begins[0]], *ask.messages[begins[0] + len(prompt.conversation) :])
        assert all(turn.extra is None and turn.role in ("user", "assistant") for turn in others)


def test_pairs_hold_the_tools() -> None:
    """Of the trace that they are made of."""
    recipe = CritiqueRevise(simple(1), 1, sampling=small_sampling())
    script = by_stage(draft="At three metres.", critique="Too short.", revise="The river is at three metres today.")
    trace, _ = drive(recipe, PROMPT, Seeds(0, "r"), script)
    (pair,) = pairs(trace, Pairing(), {})
    assert isinstance(pair, PreferencePair)
    assert (pair.conversation, pair.tools) == (CONVERSATION, text(TOOLS))


def test_a_record_that_is_turned_away_holds_its_tools() -> None:
    """Tools count: what fits without them is too long with them."""
    recipe = CritiqueRevise(simple(1), 1, sampling=small_sampling())
    long = replace(PROMPT, tools=text([{"function": {"name": "x" * 8000}}]))
    engine = scripted(max_context=1500)
    assert isinstance(run_chain(recipe, replace(long, tools=None), engine), Trace)
    turned_away = run_chain(recipe, long, engine)
    assert isinstance(turned_away, Trace)
    assert (turned_away.reason, turned_away.tools) == ("too_long", long.tools)


def test_calls_count_too() -> None:
    """A long argument makes a record too long."""
    recipe = CritiqueRevise(simple(1), 1, sampling=small_sampling())
    call = {"function": {"name": "look", "arguments": {"where": "x" * 8000}}}
    trace = run_chain(recipe, Prompt("r", (user("x"), calls("", [call]), result())), scripted(max_context=1500))
    assert isinstance(trace, Trace)
    assert trace.reason == "too_long"


@given(recipes(), tool_prompts(), st.integers(0, 2**32))
def test_no_request_is_longer_than_counted(recipe: CritiqueRevise, prompt: Prompt, seed: int) -> None:
    """Prompt and max_tokens of every request fit into what was counted for the longest chain, tools included."""
    asked: list[Request] = []

    def script(request: Request) -> Completion:
        asked.append(request)
        if request.sampling.json_schema:
            return Completion(finding_text())
        return Completion(f"{request.key} {request.key}"[: 4 * request.sampling.max_tokens])

    engine = scripted(script)
    run_chain(recipe, prompt, engine, seed=seed)
    longest = recipe.longest(prompt, Seeds(seed, "r"))
    for request in asked:
        most = longest[request.role]
        counted = engine.count(most.messages, prompt.tools)[0] + most.sampled
        assert engine.count(request.messages, request.tools)[0] + request.sampling.max_tokens <= counted


def test_a_cut_from_the_left_keeps_calls_and_results_together() -> None:
    """What is left begins at a user turn, after the system turn."""
    long: Any = (*TALKED[:1], user("x" * 4000), *TALKED[2:4], assistant("y" * 40), *TALKED[1:])
    recipe = CritiqueRevise(simple(1), 1, sampling=small_sampling())
    trace = run_chain(recipe, Prompt("r", long), scripted(max_context=900), too_long="truncate_left")
    assert isinstance(trace, Trace)
    assert trace.conversation == TALKED


def test_a_draft_that_is_a_call_is_a_text() -> None:
    """What the model wrote in place of an answer stands in the trace as it was written."""
    said = '<tool_call>\n{"name": "river_level", "arguments": {}}\n</tool_call>'
    recipe = CritiqueRevise(simple(1), 1, sampling=small_sampling())
    trace, asked = drive(
        recipe, PROMPT, Seeds(0, "r"), by_stage(draft=said, critique="A call.", revise="Three metres.")
    )
    assert trace.draft is not None
    assert trace.draft.text == said
    assert asked[1].messages[len(CONVERSATION)] == assistant(said)
