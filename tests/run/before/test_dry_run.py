"""A dry run: no engine, nothing written, drafts counted exactly, and every run's true total inside its range."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from constitution import Completion, Request, ScriptedEngine
from constitution.digest import digest_bytes
from constitution.display import dry_run_view
from constitution.engine import Capabilities
from constitution.errors import SettingsError
from constitution.principles import Principles
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.run.before.dry_run import DryRun, dry_run
from constitution.run.chain import Chains, Memory
from constitution.run.generate import Job
from constitution.run.resolve import build_recipe
from constitution.sources.run_file import read_run
from tests.display.seen import printed
from tests.run.test_chain import Fan
from tests.scripted_runs import KeepingEngine, prompts, tiny
from tests.strategies import constitutions, conversations, finding_text, served, texts


def counted(constitution: Principles, rows: list[Any], engine: ScriptedEngine | None = None, **options: Any) -> DryRun:
    """The dry run of some rows."""
    run = read_run(None, constitution="c", out="-", **{"model": "scripted", **options})
    return asyncio.run(dry_run(Job(run, constitution, build_recipe(run, constitution), items=rows, engine=engine)))


class Unwilling(ScriptedEngine):
    """Fails the test where it is started or asked."""

    async def start(self, labels: tuple[str, ...] = ()) -> Capabilities:
        raise AssertionError("started")

    async def answer(self, request: Request) -> Completion:
        raise AssertionError("asked")


def test_no_engine_is_started_and_nothing_written(tmp_path: Path, engine_starts: int) -> None:
    """Neither an engine nor the run's folder; a copy of prompts goes again."""
    constitution = tiny(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    made = constitution.dry_run(prompts(5), model=Unwilling(), out=tmp_path / "run")
    assert (made.inputs, made.asked) == (5, 5)
    assert sorted(tmp_path.rglob("*")) == before


LENGTHS = st.sampled_from([1, 2, 3, 7, 40])


@st.composite
def roles(draw: st.DrawFn) -> dict[str, Any]:
    """Small answers, some of them greedy."""
    return {
        role: {"max_tokens": draw(LENGTHS), "temperature": draw(st.sampled_from([0.0, 0.7]))}
        for role in ("draft", "revise")
    } | {"critique": {"max_tokens": draw(LENGTHS), "temperature": 0.7}}


@st.composite
def rows_of_prompts(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows with tags, answers that exist, and some that come again; none that a file could not hold."""
    rows = [
        {
            "messages": [{"role": turn.role, "content": turn.content} for turn in draw(conversations())],
            **({"tags": draw(st.sampled_from([["benign"], ["other"]]))} if draw(st.booleans()) else {}),
            **({"response": draw(texts)} if draw(st.booleans()) else {}),
        }
        for _ in range(draw(st.integers(1, 4)))
    ]
    assume("\\u0000" not in json.dumps(rows))
    return [*rows, *rows[: draw(st.integers(0, 1))]]


class Bounded:
    """Answers anything that is no longer than what was asked for, and counts what was paid."""

    def __init__(self, kinds: list[str], salt: int) -> None:
        self.kinds, self.salt = kinds, salt
        self.paid: Counter[str] = Counter()

    def __call__(self, request: Request) -> Completion:
        most, chosen = request.sampling.max_tokens, digest_bytes("kind", self.salt, request.key, size=2)
        kind = self.kinds[chosen[0] % len(self.kinds)]
        text, sampled, finish = self._said(kind, request, most, chosen[1])
        count = ScriptedEngine().count(request.messages, request.tools)[0]
        for stage in (request.stage, "all"):
            self.paid[f"{stage} requests"] += 1
            self.paid[f"{stage} prompt"] += count
            self.paid[f"{stage} sampled"] += sampled
        return Completion(text, (7,) * sampled, finish, prompt_tokens=count)  # type: ignore[arg-type]  # one of both

    def _said(self, kind: str, request: Request, most: int, chosen: int) -> tuple[str, int, str]:
        if kind == "nothing":
            return finding_text(violates=False)[: 4 * most], chosen % (most + 1), "stop"
        if kind == "found":
            return finding_text(critique="x" * (4 * most - 66))[: 4 * most], most, "stop"
        if kind == "cut":
            return "ab " * most, most, "length"
        if kind == "echo":
            return request.messages[-1].content[: 4 * most], most, "stop"
        if kind == "full":
            return (f"{request.stage}{request.priority} " * most)[: 4 * most - 1] + ".", most, "stop"
        return {"short": "Ah.", "leak": "</think>", "empty": " "}[kind][: 4 * most], chosen % (most + 1), "stop"


KINDS = ["nothing", "found", "cut", "echo", "full", "short", "leak", "empty"]


@settings(max_examples=150)
@given(
    constitution=constitutions(),
    rows=rows_of_prompts(),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=5),
    salt=st.integers(0, 1000),
    mode=st.sampled_from([{}, {"critique": False}, {"verdict_first": True}]),
    sampling=roles(),
    options=st.fixed_dictionaries(
        {"rounds": st.integers(1, 4), "samples": st.integers(1, 2), "seed": st.integers(0, 9),
         "too_long": st.sampled_from(["skip", "truncate_left"])}
    ),
    context=st.sampled_from([40, 120, 400, 1_000_000]),
)  # fmt: skip
def test_the_true_total_lies_in_the_range(
    constitution: Principles, rows: list[Any], kinds: list[str], salt: int, mode: dict[str, Any],
    sampling: dict[str, Any], options: dict[str, Any], context: int,
) -> None:  # fmt: skip
    """Whatever is answered within max_tokens: requests, prompt and sampled tokens, of the run and of each stage."""
    script = Bounded(kinds, salt)
    engine = ScriptedEngine(script, max_context=context)
    try:
        made = counted(constitution, rows, engine, roles=sampling, **mode, **options)
    except SettingsError:
        return  # what may be sampled alone fills the context: the run is refused too
    run = read_run(None, constitution="c", out="-", model="x", roles=sampling, **mode, **options)
    recipe = build_recipe(run, constitution)
    assert isinstance(recipe, CritiqueRevise)
    asked = asyncio.run(_run(recipe, engine, rows, options))
    for part, ranges in {"all": vars_of(made), **made.stages}.items():
        for name in ("requests", "prompt", "sampled"):
            paid, told = script.paid[f"{part} {name}"], ranges[name]
            assert told.least <= paid <= told.most, (part, name, paid, told)
    total = script.paid["all prompt"] + script.paid["all sampled"]
    assert made.total.least <= total <= made.total.most
    assert made.asked == asked


def vars_of(made: DryRun) -> Mapping[str, Any]:
    return {"requests": made.requests, "prompt": made.prompt, "sampled": made.sampled}


async def _run(recipe: CritiqueRevise, engine: ScriptedEngine, rows: list[Any], options: dict[str, Any]) -> int:
    """Run all rows but those that come again; how many of them were asked something."""
    from constitution.sources.prompts import as_prompt

    chains = Chains(recipe, await served(recipe, engine), options["seed"], options["too_long"])
    asked = 0
    for prompt in {found.id: found for found in (as_prompt(row)[0] for row in rows)}.values():
        before = engine.requests
        for sample in range(options["samples"]):
            await chains.run(prompt, sample, Memory())
        asked += engine.requests > before
    return asked


ROWS: list[Any] = [{"id": f"r{n}", "prompt": f"Question number {n}?"} for n in range(6)]


def test_draft_prompts_are_exact(tmp_path: Path) -> None:
    """The sum over all records of what the engine says that their drafts' prompts had, samples and system turn too."""
    options: dict[str, Any] = {"samples": 2, "system": "Be brief.", "rounds": 1}
    made = tiny(tmp_path).dry_run(ROWS, model="scripted", **options)
    run = tiny(tmp_path).generate(ROWS, tmp_path / "run", model="scripted", **options)
    assert made.drafts == run.summary()["tokens"]["draft"]["prompt"]
    assert made.requests.once == 2 * len(ROWS) * 3
    assert made.exact


def test_what_is_lost_before_the_first_token_is_told(tmp_path: Path) -> None:
    """By reason, as the run itself sums it up."""
    limited = """
schema: 1
name: c
version: "1"
principles: [{id: a, text: T., critique: C., revision: R., applies_to: [benign]}]
"""
    rows = [
        {"prompt": "Asked?", "tags": ["benign"]},
        {"prompt": "Asked?", "tags": ["benign"]},
        {"prompt": "Without a principle?", "tags": ["odd"]},
        {"prompt": "Long? " * 2000, "tags": ["benign"]},
        {"prompt": 7},
        {"prompt": "one two three four five six seven eight nine ten eleven twelve thirteen", "tags": ["benign"]},
    ]
    exclude = tmp_path / "eval.txt"
    exclude.write_text("one two three four five six seven eight nine ten eleven twelve thirteen\n")
    constitution = tiny(tmp_path, limited)
    options: dict[str, Any] = {
        "bad_rows": "drop", "exclude": [str(exclude)], "engine": {"max_context": 3000}, "tag_column": "tags",
        "model": "scripted",
    }  # fmt: skip
    made = constitution.dry_run(rows, **options)
    assert (made.inputs, made.asked) == (6, 1)
    run = constitution.generate(rows, tmp_path / "run", **options)
    assert made.dropped == run.summary()["reasons"]
    assert set(made.dropped) == {"duplicate", "no_principle", "too_long", "bad_row", "contaminated"}


def test_a_shard_counts_its_own(tmp_path: Path) -> None:
    """The shards of a run sum up to it."""
    options: dict[str, Any] = {"model": "scripted", "chunk_size": 2}
    parts = [tiny(tmp_path).dry_run(ROWS, shard=f"{i}/2", **options) for i in (0, 1)]
    whole = tiny(tmp_path).dry_run(ROWS, **options)
    assert sum(part.drafts for part in parts) == whole.drafts
    assert sum(part.total.most for part in parts) == whole.total.most


def test_three_records_are_shown(tmp_path: Path) -> None:
    """With their principles, every request as its turns, and a name for each answer that is not known."""
    made = tiny(tmp_path).dry_run(ROWS, model="scripted", rounds=1)
    assert [example.record for example in made.examples] == ["r0", "r1", "r2"]
    engine = KeepingEngine()
    run = tiny(tmp_path).generate(ROWS[:3], tmp_path / "run", model=engine, rounds=1)
    for example, trace in zip(made.examples, run.traces(), strict=True):
        asked = [request for request in engine.asked if request.record == example.record]
        assert example.principles == trace.principles  # type: ignore[union-attr]  # no chain failed
        assert [(shown.stage, shown.round) for shown in example.requests] == [
            ("draft", 0),
            ("critique", 1),
            ("revise", 1),
        ]
        for shown, request in zip(example.requests, asked, strict=True):
            known = [turn.content if turn.role == "user" else None for turn in request.messages]
            assert [turn.text if turn.role == "user" else None for turn in shown.turns] == known
    assert made.examples[0].requests[2].turns[1].text == "⟨draft, at most 512 tokens⟩"
    assert made.examples[0].requests[2].turns[3].text == "⟨critique, at most 384 tokens⟩"


def test_money_and_time(tmp_path: Path) -> None:
    """Each token has its price, by role where a role has its own; time goes by the rate of sampled tokens."""
    prices = {"prompt": 2.0, "output": 10.0}
    dear = {"revise": {"temperature": 0.0, "prices": {"prompt": 200.0, "cached": 1.0, "output": 10.0}}}
    made = tiny(tmp_path).dry_run(ROWS, model="scripted", rounds=1, prices=prices, roles=dear, tokens_per_second=100.0)
    assert made.cost is not None
    assert made.seconds is not None
    by_stage = {stage: 200.0 if stage == "revise" else 2.0 for stage in made.stages}
    most = sum(
        ranges["prompt"].most * by_stage[stage] + 10 * ranges["sampled"].most for stage, ranges in made.stages.items()
    )
    assert made.cost.most == pytest.approx(most / 1_000_000)
    assert made.seconds.most == made.sampled.most / 100
    assert made.cost.least <= made.cost.once <= made.cost.most


def test_money_needs_a_price_for_each_role(tmp_path: Path) -> None:
    """A price that is not known is not nothing."""
    roles = {"revise": {"prices": {"prompt": 1.0, "output": 1.0}}}
    assert tiny(tmp_path).dry_run(ROWS, model="scripted", roles=roles).cost is None


def test_a_run_that_has_begun_is_told(tmp_path: Path) -> None:
    """What its folder has paid for, and the rate of its sessions."""
    script = ScriptedEngine(lambda _: Completion("Some words here.", (1, 2, 3), prompt_tokens=5))
    run = tiny(tmp_path).generate(ROWS, tmp_path / "run", model=script)
    made = tiny(tmp_path).dry_run(ROWS, model="scripted", out=str(run.path))
    assert made.begun is not None
    assert (made.begun["requests"], made.begun["output"], made.begun["pending"]) == (30, 90, 0)
    assert made.rate is not None
    assert made.seconds is not None


def test_what_a_run_has_left_to_do_is_told(tmp_path: Path) -> None:
    """Inputs that are not finished, beside what is paid for; the numbers of the whole run stay."""
    constitution = tiny(tmp_path)
    constitution.preview(ROWS, tmp_path / "run", 2, model="scripted")
    whole = constitution.dry_run(ROWS, model="scripted")
    made = constitution.dry_run(ROWS, model="scripted", out=str(tmp_path / "run"))
    assert made.begun is not None
    assert made.begun["pending"] == len(ROWS) - 2
    assert (made.asked, made.total) == (whole.asked, whole.total)
    shown = printed(dry_run_view(made, {}))
    assert f"This run has begun: {len(ROWS) - 2} inputs are left to do" in shown


def test_a_server_is_estimated(tmp_path: Path) -> None:
    """Without its tokenizer the counts are marked as estimates."""
    made = tiny(tmp_path).dry_run(ROWS, model="http://localhost:8000/v1#m")
    assert not made.exact
    assert made.drafts == len(ROWS) * (len("Question number 0?") // 4 + 1 + 4)


def test_a_record_that_is_too_long_is_refused_where_that_is_the_policy(tmp_path: Path) -> None:
    """As the run itself would, before anything is asked."""
    with pytest.raises(SettingsError, match="pass the context"):
        tiny(tmp_path).dry_run(
            [{"prompt": "long " * 9000}], model="scripted", too_long="error", engine={"max_context": 9000}
        )


def test_settings_under_which_nothing_fits_are_refused(tmp_path: Path) -> None:
    """With the arithmetic of the run."""
    with pytest.raises(SettingsError, match="no prompt fits"):
        tiny(tmp_path).dry_run(ROWS, model="scripted", engine={"max_context": 2000})


def test_questions_side_by_side(tmp_path: Path) -> None:
    """A recipe of one's own that asks several questions at a time."""
    made = tiny(tmp_path).dry_run(ROWS, model="scripted", recipe=Fan())
    assert (made.requests.least, made.requests.once, made.requests.most) == (30, 30, 90)


def test_a_dry_run_is_one_line(tmp_path: Path) -> None:
    """What a notebook shows: inputs, requests, tokens, and money where there are prices."""
    made = tiny(tmp_path).dry_run(ROWS, model="scripted", prices={"prompt": 1.0, "output": 2.0})
    assert "\n" not in repr(made)
    assert repr(made).startswith(f"<DryRun: {made.asked} of {made.inputs} inputs asked, {made.requests.least} to ")
    assert ", cost 0.0" in repr(made)
