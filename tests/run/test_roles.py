"""A model for each role, base models and reasoning models: the rows that they give."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution import Capabilities, Completion, Request, Run, ScriptedEngine
from constitution.engine import ModelRole, Sampling
from constitution.engines.models import Named, make_engine
from constitution.engines.vllm import settings as vllm_settings
from constitution.errors import EngineDeadError, SettingsChanged, SettingsError
from constitution.messages import Prompt, user
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.records import ChainResult, Trace
from constitution.run.chain import Chains, Memory, Served, refuse_impossible
from constitution.run.serving import EnginePool, pool
from constitution.sources.run_file import read_run
from tests.scripted_runs import KeepingEngine, prompts, rows, tiny
from tests.strategies import simple, small_sampling

PROMPT = Prompt("r", (user("Why is the sea salty?"),))
RECIPE = CritiqueRevise(simple(3), 2, sampling=small_sampling())
DRAFT, CRITIQUE = "Because rain washes salt out of the rocks.", "It names no mineral and no river."
REVISION = "Rivers carry chlorides out of the rocks, and water leaves the sea only as vapour."


async def by_role(engines: Mapping[ModelRole, ScriptedEngine]) -> Served:
    return Served(engines, {role: await engine.start() for role, engine in engines.items()})


def run_roles(engines: Mapping[ModelRole, ScriptedEngine], prompt: Prompt = PROMPT, **options: Any) -> ChainResult:
    async def run() -> ChainResult:
        return await Chains(RECIPE, await by_role(engines), **options).run(prompt, 0, Memory())

    return asyncio.run(run())


def says(text: str, **options: Any) -> KeepingEngine:
    return KeepingEngine(script=lambda _: text, **options)


def one_each() -> dict[ModelRole, KeepingEngine]:
    return {
        "draft": says(DRAFT, model="weak"),
        "critique": says(CRITIQUE, model="critic"),
        "revise": says(REVISION, model="strong"),
    }


def test_each_role_is_answered_by_its_own_model() -> None:
    """Draft, criticism and revision stand in the trace as their models wrote them."""
    engines = one_each()
    trace = run_roles(engines)
    assert isinstance(trace, Trace)
    assert trace.draft is not None
    assert trace.draft.text == DRAFT
    assert [round.critique and round.critique.text for round in trace.rounds] == [CRITIQUE] * 2
    assert trace.final == REVISION
    assert {role: len(engine.asked) for role, engine in engines.items()} == {"draft": 1, "critique": 2, "revise": 2}


def test_no_model_goes_on_from_another_ones_ids() -> None:
    """A request has a parent only where its own engine answered that; the key names it all the same."""
    engines = one_each()
    run_roles(engines)
    assert all(request.parent is None for engine in engines.values() for request in engine.asked)
    shared = KeepingEngine(script=by_stage, model="strong")
    both: dict[ModelRole, KeepingEngine] = {"draft": says(DRAFT), "critique": shared, "revise": shared}
    run_roles(both)
    first, *later = shared.asked
    assert first.parent is None
    for before, request in zip(shared.asked, later, strict=False):
        assert request.parent is not None
        assert request.parent.request is before


def test_each_role_is_counted_by_its_own_context() -> None:
    """A draft model with a short context is no reason to turn a chain away that the others hold."""
    engines = one_each()
    engines["draft"] = says(DRAFT, max_context=200)
    assert isinstance(run_roles(engines), Trace)
    engines["revise"] = says(REVISION, max_context=200)
    trace = run_roles(engines)
    assert isinstance(trace, Trace)
    assert trace.reason == "too_long"
    assert engines["draft"].requests == 1


def test_impossible_settings_are_named_with_their_model() -> None:
    """What no prompt could fit is refused by the smallest context that a role asks for."""
    engines = {**one_each(), "revise": says(REVISION, max_context=300)}
    with pytest.raises(SettingsError, match=r"sum to 320, the model's context is 300"):
        refuse_impossible(RECIPE, asyncio.run(by_role(engines)), PROMPT)


class Lacking(ScriptedEngine):
    """An engine that cannot do something."""

    def __init__(self, *lacks: str) -> None:
        super().__init__()
        self._lacks = lacks

    async def start(self, labels: tuple[str, ...] = ()) -> Capabilities:
        return replace(await super().start(labels), lacks=self._lacks)


@pytest.mark.parametrize(
    ("sampling", "lack"),
    [
        ({"top_p": 0.9}, "top_p"),
        ({"top_k": 5}, "top_k"),
        ({"min_p": 0.1}, "min_p"),
        ({"stop": ("x",)}, "stop"),
        ({"thinking": "on"}, "thinking_on"),
        ({"thinking": "off"}, "thinking_off"),
        ({"thinking": 64}, "thinking_budget"),
        ({"chat_template_kwargs": "{}"}, "chat_template_kwargs"),
    ],
    ids=str,
)
def test_what_an_engine_cannot_do_is_refused_at_the_start(sampling: dict[str, Any], lack: str, tmp_path: Path) -> None:
    """A setting that would be ignored is an error that names role and setting, before the first token."""
    engine = Lacking(lack)
    role = {name: list(value) if isinstance(value, tuple) else value for name, value in sampling.items()}
    role |= {"chat_template_kwargs": {}} if "chat_template_kwargs" in sampling else {}
    with pytest.raises(SettingsError, match=rf"role revise: scripted cannot do `{lack}`"):
        tiny(tmp_path).generate(prompts(2), tmp_path / "run", model=engine, roles={"revise": role})
    assert engine.requests == 0
    assert Sampling(8, **sampling).needs == (lack,)
    assert tiny(tmp_path).generate(prompts(2), tmp_path / "other", model=engine).complete


def test_roles_of_a_run(tmp_path: Path) -> None:
    """A role with a model of its own is served by it, in the manifest too; the others by the run's."""
    roles = {"critique": {"model": "scripted:critic"}, "revise": {"model": "scripted:strong"}}
    run = tiny(tmp_path).generate(prompts(6), tmp_path / "run", model="scripted:weak", roles=roles)
    assert run.complete
    models = run.summary()["models"]
    assert models == {"draft": "scripted:weak", "critique": "scripted:critic", "revise": "scripted:strong"}
    alone = tiny(tmp_path).generate(prompts(6), tmp_path / "alone", model="scripted:weak")
    assert [trace.draft for trace in rows(run)] == [trace.draft for trace in rows(alone)]
    assert [trace.rounds for trace in rows(run)] != [trace.rounds for trace in rows(alone)]


def test_a_role_of_its_own_beside_an_engine_object(tmp_path: Path) -> None:
    """An engine object takes the place of the run's model, not of a role's own."""
    engine = KeepingEngine()
    roles = {"revise": {"model": "scripted:strong"}}
    run = tiny(tmp_path).generate(prompts(3), tmp_path / "run", model=engine, roles=roles)
    assert {request.role for request in engine.asked} == {"draft", "critique"}
    assert run.summary()["models"]["revise"] == "scripted:strong"


def test_another_model_of_a_role_is_another_run(tmp_path: Path) -> None:
    """Going on with it is refused by name; another latency of its engine is not another run."""
    constitution, out = tiny(tmp_path), tmp_path / "run"
    slow = {"model": "scripted:strong", "engine": {"latency_ms": 1}}
    constitution.generate(prompts(3), out, model="scripted", roles={"revise": slow})
    with pytest.raises(SettingsChanged, match=r"model\.revise was 'scripted:strong', is 'scripted:other'"):
        constitution.generate(prompts(3), out, model="scripted", roles={"revise": {"model": "scripted:other"}})
    other = {"model": "scripted:strong", "engine": {"latency_ms": 1, "max_context": 500}}
    with pytest.raises(SettingsChanged, match=r"engines\.revise\.max_context was unset, is 500"):
        constitution.generate(prompts(3), out, model="scripted", roles={"revise": other})
    slow["engine"] = {"latency_ms": 2}
    assert constitution.generate(prompts(3), out, model="scripted", roles={"revise": slow}).complete


def test_roles_share_what_is_the_same() -> None:
    """The run's options belong to the run's model; a role with another model has its own."""
    run = read_run(
        None,
        constitution="balanced",
        out="-",
        model="scripted:a",
        engine={"latency_ms": 1},
        roles={
            "critique": {"model": "scripted:a"},
            "revise": {"model": "scripted:b"},
            "judge": {"model": "scripted:b", "engine": {"max_context": 10}},
        },
    )
    assert run.model_of("draft") == run.model_of("critique") == Named("scripted:a", {"latency_ms": 1})
    assert run.model_of("revise") == Named("scripted:b", {})
    assert run.model_of("judge") == Named("scripted:b", {"max_context": 10})

    async def serve() -> int:
        mine = EnginePool()
        served = await mine.serve({role: run.model_of(role) for role in ("draft", "critique", "revise", "judge")})
        await mine.close()
        return len({id(engine) for engine in served.engines.values()})

    assert asyncio.run(serve()) == 3


def test_options_without_a_model_are_refused(tmp_path: Path) -> None:
    """They would belong to nothing."""
    with pytest.raises(SettingsError, match=r"roles\.revise\.engine goes with roles\.revise\.model"):
        tiny(tmp_path).generate(
            prompts(1), tmp_path / "run", model="scripted", roles={"revise": {"engine": {"latency_ms": 1}}}
        )
    assert not (tmp_path / "run").exists()


def test_a_bad_model_of_a_role_is_refused_before_any_is_started(tmp_path: Path) -> None:
    """Strings are looked at together."""
    with pytest.raises(SettingsError, match="no such folder"):
        tiny(tmp_path).generate(
            prompts(1), tmp_path / "run", model="scripted", roles={"revise": {"model": "./nowhere"}}
        )
    assert not (tmp_path / "run").exists()


def test_models_that_do_not_fit_together_are_refused_before_any_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a run too, with the arithmetic; nothing was asked and no engine was started."""
    monkeypatch.setattr(vllm_settings, "on_cpu", lambda: False)
    monkeypatch.setattr(vllm_settings, "default_share", lambda: 0.92)
    roles = {"revise": {"model": "some/other"}}
    with pytest.raises(SettingsError, match=r"2 models on one GPU: 0\.92 \(some/model\) .* = 1\.84"):
        tiny(tmp_path).generate(prompts(1), tmp_path / "run", model="some/model", roles=roles)


REASONED = {
    "reasoning": "<think>\nHm, {text} or not?\n</think>\n\n{text}",
    "reasoning_opened": "Hm, {text} or not?\n</think>\n\n{text}",
}
"""With both tags, and with the closing one alone where the prompt has opened the block."""


def by_stage(request: Request) -> str:
    return {"draft": DRAFT, "critique": CRITIQUE, "revise": REVISION}[request.stage]


@pytest.mark.parametrize("kind", ["reasoning", "reasoning_opened"])
def test_a_reasoning_model_gives_the_rows_of_its_answers(kind: Any, tmp_path: Path) -> None:
    """Thoughts stand in the trace beside each answer, and in neither side of a pair nor in a later request."""
    engine = KeepingEngine(script=lambda request: REASONED[kind].format(text=by_stage(request)), kind=kind)
    run = tiny(tmp_path).generate(prompts(4), tmp_path / "run", model=engine)
    plain = tiny(tmp_path).generate(prompts(4), tmp_path / "plain", model=ScriptedEngine(by_stage))
    assert [(pair.chosen, pair.rejected) for pair in run.pairs()] == [(p.chosen, p.rejected) for p in plain.pairs()]
    for trace in rows(run):
        texts = [trace.draft, *(part for round in trace.rounds for part in (round.critique, round.revision))]
        assert all("or not?" in part.reasoning for part in texts)
        assert not any("or not?" in part.text or "think>" in part.text for part in texts)
    assert not any("or not?" in turn.content for request in engine.asked for turn in request.messages)


@pytest.mark.parametrize(("kind", "tag"), [("reasoning", "<think>\n"), ("reasoning_opened", "")])
def test_thoughts_alone_are_no_answer(kind: Any, tag: str, tmp_path: Path) -> None:
    """A model whose thoughts never end is asked three times, and its record is dropped for that."""
    engine = ScriptedEngine(lambda _: f"{tag}So many ways to see it", kind=kind)
    run = tiny(tmp_path).generate(prompts(2), tmp_path / "run", model=engine)
    assert run.summary()["reasons"] == {"only_thoughts": 2}
    assert engine.requests == 6


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.booleans())
def test_no_thought_reaches_an_answer(thought: str, opened: bool) -> None:
    """Whatever a model thinks, with one tag or two, the answer is what stands behind the block."""
    thought = thought.replace("<", "").replace("|", "")
    kind: Any = "reasoning_opened" if opened else "reasoning"
    engine = ScriptedEngine(lambda _: f"{'' if opened else '<think>'}{thought}</think>{DRAFT}", kind=kind)

    async def answered() -> Completion:
        await engine.start()
        return await engine.answer(Request("k", "r", PROMPT.conversation, "draft", "draft", Sampling(8)))

    said = asyncio.run(answered())
    assert (said.text, said.reasoning) == (DRAFT, thought.strip())


def test_a_base_model_gives_the_rows_of_its_own_turns(tmp_path: Path) -> None:
    """What it goes on to write for the human and for itself stands in no row."""
    engine = ScriptedEngine(
        lambda request: f" {by_stage(request)}\n\nHuman: And then?\n\nAssistant: Nothing.", kind="base"
    )
    run = tiny(tmp_path).generate(prompts(3), tmp_path / "run", model=engine)
    plain = tiny(tmp_path).generate(prompts(3), tmp_path / "plain", model=ScriptedEngine(by_stage))
    assert rows(run) == rows(plain)


def test_a_scripted_model_has_a_name() -> None:
    """`scripted:NAME` answers with other words than `scripted`, and says who it is."""
    named = asyncio.run(make_engine("scripted:mine").start())
    assert named.model == "scripted:mine"
    assert asyncio.run(make_engine("scripted").start()).model == "scripted"


def test_the_manifest_says_what_an_engine_lacks(tmp_path: Path) -> None:
    """So that a reader of the run knows what could not be asked for."""
    run = tiny(tmp_path).generate(prompts(1), tmp_path / "run", model=Lacking("seed", "thinking_off"))
    assert Run.open(run.path)._opened.manifest.models["draft"]["lacks"] == ["seed", "thinking_off"]


class Dying(ScriptedEngine):
    """An engine that dies at its first request."""

    async def answer(self, request: Request) -> Completion:
        raise EngineDeadError("gone")


def test_the_death_of_one_engine_leaves_the_others(tmp_path: Path) -> None:
    """Another role's engine may be at work for another call: it is neither closed nor started anew."""
    constitution, roles = tiny(tmp_path), {"draft": {"model": "scripted:alive"}}
    constitution.revise("Hi?", model="scripted:alive")
    before = [engine for engine, can in pool._running.values() if can.model == "scripted:alive"]
    with pytest.raises(EngineDeadError, match="gone"):
        constitution.generate(prompts(2), tmp_path / "run", model=Dying(), roles=roles)
    after = [engine for engine, can in pool._running.values() if can.model == "scripted:alive"]
    assert before
    assert after == before
    constitution.revise("And now?", model="scripted:alive")
