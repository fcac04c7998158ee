"""Runs with a judge: labels through the whole store, and what a change of the judge costs."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import orjson
import pytest

from constitution import Completion, EngineDeadError, Request, Run, ScriptedEngine
from constitution.digest import uniform
from constitution.engines.scripted import from_key
from constitution.errors import SettingsChanged, SettingsError
from constitution.records import PreferencePair, Trace
from constitution.run.serving import EnginePool
from constitution.steps.confirm import Confirming
from tests.judges import hidden, oracle
from tests.run.test_same_rows import RandomLatency
from tests.scripted_runs import KeepingEngine, journal_lines, prompts, rows, sealed_files, tiny

JUDGED = """\
schema: 1
name: judged
version: "1.0"
principles:
""" + "".join(
    f"  - {{id: p{n}, text: Good {n}., negation: Bad {n}., critique: Why {n}?, revision: Mend {n}.,\n"
    f"     preference: '[p{n}] Which is better?', asks: '[p{n}] Is it good?', check: {{words: {{max: {7 + n}}}}}}}\n"
    for n in range(3)
)
RECORDS = prompts(20)
RECIPES: dict[str, dict[str, Any]] = {
    "ai_feedback": {"recipe": "ai_feedback", "candidates": 3},
    "contrast": {"recipe": "contrast", "verify": "judge"},
    "verify": {"recipe": "critique_revise", "rounds": 2, "verify": "judge", "if_worse": "flag"},
}


def by_oracle(request: Request) -> str | Completion:
    """Texts by their keys, verdicts by the hidden order."""
    if request.role != "judge" or request.stage == "think":
        return f"{from_key(request)[:-1]} {request.key[:4]}."
    return oracle()(request)


def unsure(request: Request) -> str | Completion:
    """A judge that says anything, and sometimes nothing that can be read."""
    if request.role != "judge" or request.stage == "think":
        return by_oracle(request)
    chance = uniform("unsure", request.key)
    missing = [-inf, None, float("nan"), -3.0][int(chance * 40) % 4] if chance < 0.3 else -4 * chance
    return Completion("AB?"[int(chance * 3)], logprobs=(missing, -1.0))


def make(folder: Path, name: str, engine: ScriptedEngine | None = None, items: Any = None, **options: Any) -> Run:
    """A run of the judged constitution on one engine."""
    own = {"chunk_size": 8, "judge_principles": 2, "examine": 0, "anyway": True, **options}
    constitution = tiny(folder, JUDGED, "judged.yaml")
    return constitution.generate(
        items or RECORDS, folder / name, model=engine or KeepingEngine(script=by_oracle), **own
    )


def roles(engine: KeepingEngine) -> Counter[str]:
    """How often each role was asked."""
    return Counter(request.role for request in engine.asked)


@pytest.mark.parametrize("way", [{}, {"judge_mode": "think"}, {"judge_mode": "text"}, {"judge_read": "scoring"}])
@pytest.mark.parametrize("policy", ["best_worst", "all", "against_draft"])
def test_an_oracle_labels_a_whole_run(way: dict[str, Any], policy: str, tmp_path: Path) -> None:
    """Every row of a run, read back from its shards, is as the hidden order has it."""
    run = make(tmp_path, "run", recipe="ai_feedback", candidates=3, pairs=policy, in_flight=7, **way)
    pairs = list(run.pairs())
    assert len(pairs) == len(RECORDS) * {"best_worst": 1, "all": 3, "against_draft": 2}[policy]
    assert all(hidden(pair.chosen) > hidden(pair.rejected) for pair in pairs)
    if policy == "best_worst":
        for trace, pair in zip(run.traces(), pairs, strict=True):
            assert isinstance(trace, Trace)
            texts = [candidate.text for candidate in trace.candidates]
            assert (pair.chosen, pair.rejected) == (max(texts, key=hidden), min(texts, key=hidden))


@pytest.mark.parametrize("kind", RECIPES)
def test_concurrency_and_order_change_no_row(kind: str, tmp_path: Path) -> None:
    """Other latencies, other numbers in flight, shuffled input, other chunks: the same rows."""
    plain = make(tmp_path, "plain", ScriptedEngine(unsure), in_flight=1, **RECIPES[kind])
    busy = make(tmp_path, "busy", RandomLatency(unsure), in_flight=200, **RECIPES[kind])
    assert sealed_files(busy.path) == sealed_files(plain.path)
    shuffled = random.Random(3).sample(RECORDS, len(RECORDS))
    other = make(tmp_path, "other", ScriptedEngine(unsure), shuffled, **{**RECIPES[kind], "chunk_size": 3})
    assert {row.record: row for row in rows(other)} == {row.record: row for row in rows(plain)}


@pytest.mark.parametrize("kind", RECIPES)
def test_rows_come_back_from_the_journal(kind: str, tmp_path: Path) -> None:
    """Replayed they are the rows of live traces, byte by byte, unreadable reads too, and nothing is asked."""
    run = make(tmp_path, "run", ScriptedEngine(unsure), **RECIPES[kind])
    files, was = sealed_files(run.path), rows(run)
    for path in (run.path / "shards").iterdir():
        path.unlink()
    assert rows(Run.open(run.path)) == was
    engine = KeepingEngine(script=unsure)
    assert sealed_files(make(tmp_path, "run", engine, **RECIPES[kind]).path) == files
    assert engine.asked == []


@pytest.mark.parametrize("kind", RECIPES)
@pytest.mark.parametrize("after", [3, 30, 70])
def test_a_run_whose_engine_dies_goes_on(kind: str, after: int, tmp_path: Path) -> None:
    """In the middle of drafts or of the judge's reads; nothing that was kept is asked again."""

    class Dying(KeepingEngine):
        async def answer(self, request: Request) -> Completion:
            if len(self.asked) >= after:
                raise EngineDeadError("gone")
            return await super().answer(request)

    whole = make(tmp_path, "whole", ScriptedEngine(unsure), **RECIPES[kind])
    first, second = Dying(script=unsure, latency_ms=0.2), KeepingEngine(script=unsure)
    with pytest.raises(EngineDeadError):
        make(tmp_path, "run", first, in_flight=6, **RECIPES[kind])
    kept = {line["key"] for line in journal_lines(tmp_path / "run") if "key" in line}
    run = make(tmp_path, "run", second, in_flight=6, **RECIPES[kind])
    assert sealed_files(run.path) == sealed_files(whole.path)
    assert not kept & {request.key for request in second.asked}


CHANGES: dict[str, tuple[dict[str, Any], bool]] = {
    "another judge": ({"roles": {"judge": {"model": "scripted"}}}, True),
    "more principles": ({"judge_principles": 0}, True),
    "another read": ({"judge_read": "scoring"}, True),
    "both reads": ({"judge_read": "both"}, True),
    "thoughts first": ({"judge_mode": "think"}, True),
    "words": ({"judge_mode": "text"}, True),
    "another band": ({"tie_band": 1.0}, False),
    "a clamp": ({"clamp": 0.6}, False),
    "inconsistent pairs": ({"keep_inconsistent": True}, False),
    "what becomes of ties": ({"if_tie": "drop"}, False),
}


@pytest.mark.parametrize("kind", RECIPES)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_judge_generates_nothing(kind: str, change: str, tmp_path: Path) -> None:
    """With `reuse` no draft, critique or revision is asked again, by count; the rows are those of a fresh run."""
    options, judged_again = CHANGES[change]
    if kind == "ai_feedback" and "if_tie" in options:
        with pytest.raises(SettingsError, match="if_tie has no effect with the recipe ai_feedback"):
            make(tmp_path, "no", **RECIPES[kind] | options)
        return
    engine = KeepingEngine(script=unsure, model="writer")
    make(tmp_path, "old", engine, **RECIPES[kind])
    assert roles(engine)["draft"] > 0
    assert roles(engine)["judge"] > 0
    again, fresh = (KeepingEngine(script=unsure, model="writer") for _ in range(2))
    run = make(tmp_path, "new", again, reuse=str(tmp_path / "old"), **RECIPES[kind] | options)
    assert set(roles(again)) <= {"judge"}
    tokens = run.summary()["tokens"]
    assert set(tokens) <= {"judge", "think"}
    drawn = judged_again and (kind == "ai_feedback" or "judge_principles" not in options)  # else those of the texts
    assert (sum(counts["requests"] for counts in tokens.values()) > 0) == drawn
    assert rows(run) == rows(make(tmp_path, "fresh", fresh, **RECIPES[kind] | options))
    with pytest.raises(SettingsChanged):
        make(tmp_path, "old", KeepingEngine(script=unsure, model="writer"), **RECIPES[kind] | options)


@pytest.mark.parametrize(("first", "second", "asked"), [("all", "best_worst", 0), ("against_draft", "all", 2)])
def test_another_policy_asks_what_was_not_asked(first: str, second: str, asked: int, tmp_path: Path) -> None:
    """Of each record the one pair that is new, and of the candidates nothing."""
    options: dict[str, Any] = {**RECIPES["ai_feedback"], "judge_principles": 1}
    make(tmp_path, "old", pairs=first, **options)
    engine = KeepingEngine(script=by_oracle)
    make(tmp_path, "new", engine, pairs=second, reuse=str(tmp_path / "old"), **options)
    assert roles(engine) == ({"judge": asked * len(RECORDS)} if asked else {})


def test_a_judge_after_the_run(tmp_path: Path) -> None:
    """Pairs of a run that had no judge are confirmed by one, and nothing is generated."""
    make(tmp_path, "old", recipe="critique_revise", rounds=2)
    engine = KeepingEngine(script=by_oracle)
    run = make(tmp_path, "new", engine, reuse=str(tmp_path / "old"), **{**RECIPES["verify"], "if_worse": "flip"})
    assert set(roles(engine)) == {"judge"}
    assert all(hidden(pair.chosen) > hidden(pair.rejected) for pair in run.pairs())
    assert len(list(run.pairs())) == len(RECORDS)


def test_critique_revise_drafts_serve_as_first_candidates(tmp_path: Path) -> None:
    """From one recipe to the other the draft is there already."""
    make(tmp_path, "old", recipe="critique_revise", rounds=1)
    engine = KeepingEngine(script=by_oracle)
    make(tmp_path, "new", engine, reuse=str(tmp_path / "old"), recipe="ai_feedback", candidates=2, judge_principles=1)
    assert roles(engine) == {"draft": len(RECORDS), "judge": 2 * len(RECORDS)}


@pytest.mark.parametrize("kind", RECIPES)
def test_sums_add_up(kind: str, tmp_path: Path) -> None:
    """Law 4: each input in exactly one outcome; pairs proposed = kept + dropped by reason."""
    run = make(tmp_path, "run", ScriptedEngine(unsure), **RECIPES[kind])
    said = run.summary()
    assert said["inputs"] == said["paired"] + said["fine"] + said["dropped"] + said["failed"] == len(RECORDS)
    assert said["pairs"]["proposed"] == said["pairs"]["kept"] + sum(said["pairs"]["dropped"].values())
    assert said["pairs"]["kept"] == len(list(run.pairs()))
    assert {"unreadable", "order_inconsistent"} & set(said["pairs"]["dropped"])


def test_given_answers_are_judged_as_they_are(tmp_path: Path) -> None:
    """Rows with answers are compared; nothing is sampled."""
    rows_ = [{"id": f"r{n}", "prompt": f"Q{n}?", "response": f"Given {n}."} for n in range(5)]
    engine = KeepingEngine(script=by_oracle)
    run = make(tmp_path, "run", engine, rows_, recipe="ai_feedback", judge_principles=1)
    assert roles(engine) == {"draft": 5, "judge": 10}
    assert all(f"Given {pair.record[1:]}." in (pair.chosen, pair.rejected) for pair in run.pairs())


def test_the_pairing_of_a_run_is_reopened(tmp_path: Path) -> None:
    """Policy, confirmation and labels of the manifest are those of the run."""
    options: dict[str, Any] = {
        "if_worse": "flip",
        "if_tie": "drop",
        "tie_band": 0.5,
        "clamp": 0.7,
        "keep_inconsistent": True,
    }
    run = make(tmp_path, "run", **{**RECIPES["verify"], **options}, pairs="adjacent")
    pairing = run._opened.settler.pairing
    assert (pairing.policy, pairing.confirming) == ("adjacent", Confirming("judge", "flip", "drop"))
    labelling = pairing.labelling
    assert (labelling.band, labelling.clamp, labelling.keep_inconsistent) == (0.5, 0.7, True)


@pytest.mark.parametrize(("kept", "if_worse"), [(True, "keep"), (False, "drop")])
def test_a_run_that_kept_what_checks_found_worse(kept: bool, if_worse: str, tmp_path: Path) -> None:
    """A manifest of version 2 says it in other words: the same pairs, and the same call goes on with the run."""
    options: dict[str, Any] = {"recipe": "critique_revise", "rounds": 1}
    run = make(tmp_path, "run", **options, if_worse="keep" if kept else None)
    pairs = list(run.pairs())
    path = run.path / "manifest.json"
    manifest = orjson.loads(path.read_bytes())
    new = ("verify", "if_worse", "if_tie", "tie_band", "clamp", "keep_inconsistent")
    settings = {name: value for name, value in manifest["settings"].items() if name not in new}
    manifest |= {"schema_version": 2, "settings": {**settings, "keep_check_worse": kept}}
    path.write_bytes(orjson.dumps(manifest))
    again = Run.open(run.path)
    pairing = again._opened.settler.pairing
    assert (pairing.policy, pairing.confirming.by, pairing.confirming.if_worse) == ("first_last", "check", if_worse)
    assert pairing.confirming.if_tie == "keep"
    assert list(again.pairs()) == pairs
    (run.path / "shards" / "00000.json").unlink()
    engine = KeepingEngine(script=by_oracle)
    assert make(tmp_path, "run", engine, **options, if_worse="keep" if kept else None).complete
    assert engine.asked == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"recipe": "ai_feedback", "pairs": "adjacent"}, "--pairs adjacent: does not go with the recipe ai_feedback"),
        ({"recipe": "contrast", "pairs": "all"}, "it makes one pair a chain"),
        ({"recipe": "unknown"}, "recipe 'unknown': expected one of critique_revise, ai_feedback, contrast"),
        ({"recipe": "ai_feedback", "judge_read": "scoring", "judge_mode": "think"}, "take judge_read pairwise"),
    ],
)
def test_what_cannot_be_judged_is_refused_before_the_engine(options: dict[str, Any], told: str, tmp_path: Path) -> None:
    """Nothing is asked, no folder is left."""
    engine = KeepingEngine()
    with pytest.raises(SettingsError, match=told):
        make(tmp_path, "run", engine, **options)
    assert (engine.asked, (tmp_path / "run").exists()) == ([], False)


class Reading(ScriptedEngine):
    """Keeps the labels that it is started with."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[tuple[str, ...]] = []

    async def start(self, labels: tuple[str, ...] = ()) -> Any:
        """Refuse labels that are no letters."""
        self.started.append(labels)
        if "value" in labels:
            raise SettingsError("no such label")
        return await super().start(labels)


@pytest.mark.parametrize("labels", [("A", "B"), ()])
def test_labels_are_found_out_at_the_start(labels: tuple[str, ...]) -> None:
    """Of the role that reads them, also where its engine runs already for another role, or for another call."""
    import asyncio

    async def serve() -> Reading:
        pool, engine = EnginePool(), Reading()
        await pool.serve({"draft": engine, "judge": engine}, {"judge": labels})
        await pool.serve({"judge": engine}, {"judge": labels})
        with pytest.raises(SettingsError, match="no such label"):
            await pool.serve({"judge": engine}, {"judge": ("value",)})
        await pool.serve({"draft": engine})
        return engine

    wanted = [labels, labels] if labels else []
    assert asyncio.run(serve()).started == [(), *wanted, ("value",)]


def test_temperatures_reach_the_candidates(tmp_path: Path) -> None:
    """Those of the run file, by turns."""
    engine = KeepingEngine(script=by_oracle)
    make(tmp_path, "run", engine, recipe="ai_feedback", candidates=3, temperatures=[0.25, 0.75])
    drafts = Counter(request.sampling.temperature for request in engine.asked if request.role == "draft")
    assert drafts == {0.25: 2 * len(RECORDS), 0.75: len(RECORDS)}


def test_a_pair_has_what_its_trace_says(tmp_path: Path) -> None:
    """Rows that a run gives and rows that are made of its traces again are the same."""
    run = make(tmp_path, "run", ScriptedEngine(unsure), **RECIPES["ai_feedback"])
    settler = run._opened.settler
    again = [each for trace in run.traces() for each in settler.chain(trace).proposals]
    assert list(run.pairs()) == [each for each in again if isinstance(each, PreferencePair)]
    assert len(again) == len(RECORDS)
    wide = replace(settler.pairing, labelling=replace(settler.pairing.labelling, keep_inconsistent=True))
    kept = [each for trace in run.traces() for each in replace(settler, pairing=wide).chain(trace).proposals]
    assert sum(isinstance(each, PreferencePair) for each in kept) > len(list(run.pairs()))
