"""Law 4: every input in exactly one place, every pair and token counted, and files that say why."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution import Completion, Request, Run, ScriptedEngine
from constitution.digest import uniform
from constitution.engines.scripted import from_key
from constitution.errors import RequestRefused
from constitution.records import OUTCOMES, REASONS, Failure
from tests.scripted_runs import KeepingEngine, journal_lines, prompts, rows, tiny

PLACES = ("paired", "fine", "dropped", "failed", "pending")


def _lines(folder: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for path in sorted(folder.iterdir()) for line in path.read_bytes().splitlines()]


def _assert_adds_up(run: Run) -> dict[str, Any]:
    """Compare the sums of a complete run with what its rows and files say."""
    said = run.summary()
    assert said["inputs"] == sum(said[place] for place in PLACES)
    pairs = said["pairs"]
    assert pairs["proposed"] == pairs["kept"] + sum(pairs["dropped"].values())
    assert pairs["kept"] == len(list(run.pairs()))
    settler = run._opened.settler
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    by_record: dict[str, list[Any]] = {}
    for row in rows(run):
        by_record.setdefault(row.record, []).append(row)
    for chains in by_record.values():
        settled = settler.input(chains)
        outcomes[settled.outcome] += 1
        reasons.update([settled.reason] if settled.reason else [])
    dropped, failed = _lines(run.path / "dropped"), _lines(run.path / "failed")
    duplicates = sum(line["reason"] == "duplicate" for line in dropped)
    outcomes["dropped"] += duplicates
    reasons.update({"duplicate": duplicates} if duplicates else {})
    assert {outcome: outcomes[outcome] for outcome in OUTCOMES} == {outcome: said[outcome] for outcome in OUTCOMES}
    assert said["reasons"] == dict(sorted(reasons.items()))
    assert len(dropped) == said["dropped"]
    assert len({line["id"] for line in failed}) == said["failed"]
    assert {line["reason"] for line in dropped} <= REASONS.keys()
    return said


def _engine(seed: int, fail: float, spoil: float, thought: float, **options: Any) -> ScriptedEngine:
    def fault(request: Request) -> Exception | None:
        return RequestRefused("refused \ud800 by chance") if uniform("fail", seed, request.key) < fail else None

    def script(request: Request) -> str | Completion:
        chance = uniform("spoil", seed, request.key)
        if chance < spoil / 3:
            return ""
        if chance < spoil * 2 / 3:
            return Completion("cut of", finish_reason="length")
        if chance < spoil:
            return "The same."
        if uniform("thought", seed, request.key) < thought:
            return Completion("", reasoning="only thoughts")
        return from_key(request)

    return ScriptedEngine(script, fault=fault, **options)


@given(
    seed=st.integers(0, 10**6),
    fail=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    spoil=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    thought=st.sampled_from([0.0, 0.5]),
    samples=st.integers(1, 3),
    rounds=st.integers(1, 3),
    verdict_first=st.booleans(),
    keep_duplicates=st.booleans(),
    policy=st.sampled_from(["first_last", "adjacent", "all"]),
    chunk_size=st.integers(1, 12),
)
@settings(max_examples=25)
def test_everything_adds_up(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    fail: float,
    spoil: float,
    thought: float,
    samples: int,
    rounds: int,
    verdict_first: bool,
    keep_duplicates: bool,
    policy: str,
    chunk_size: int,
) -> None:
    """Whatever an engine does, the sums of the run are those of its rows and its files."""
    folder = tmp_path_factory.mktemp("sums")
    items = [*prompts(6), {"prompt": "Same."}, {"prompt": "Other."}, {"prompt": "Same."}, {"prompt": "Same."}]
    run = tiny(folder).generate(
        items,
        folder / "run",
        model=_engine(seed, fail, spoil, thought),
        samples=samples,
        rounds=rounds,
        verdict_first=verdict_first,
        keep_duplicates=keep_duplicates,
        pairs=policy,
        chunk_size=chunk_size,
    )
    said = _assert_adds_up(run)
    assert run.complete
    assert said["pending"] == 0
    assert ("duplicate" in said["reasons"]) is not keep_duplicates
    answers = [line for line in journal_lines(run.path) if "key" in line]
    assert sum(counts["requests"] for counts in said["tokens"].values()) == len(answers)
    assert sum(counts["prompt"] for counts in said["tokens"].values()) == sum(a["prompt_tokens"] for a in answers)
    assert sum(counts["asked_again"] for counts in said["tokens"].values()) == sum(a["attempt"] > 1 for a in answers)


def test_kept_duplicates_have_ids_and_answers_of_their_own(tmp_path: Path) -> None:
    """On request a repeated prompt runs again, as `-2`."""
    items = [{"prompt": "Same."}, {"prompt": "Same."}]
    run = tiny(tmp_path).generate(items, tmp_path / "run", model="scripted", keep_duplicates=True)
    first, second = rows(run)
    assert second.record == f"{first.record}-2"
    assert first.draft.text != second.draft.text


def test_a_chunk_of_duplicates_alone_is_sealed(tmp_path: Path) -> None:
    """Chunks without any record of their own end too, the last one among them."""
    items = [{"prompt": "Same."}] * 6
    run = tiny(tmp_path).generate(items, tmp_path / "run", model="scripted", chunk_size=2)
    assert run.complete
    assert _assert_adds_up(run)["dropped"] == 5


def test_dropped_records_say_why(tmp_path: Path) -> None:
    """Each has its id, the reason in words, the prompt, and what there was of answers."""

    def script(request: Request) -> str:
        return "" if request.record == "r1" else "Equal." if request.record == "r2" else from_key(request)

    items = [*prompts(3), {"prompt": "Same."}, {"prompt": "Same."}]
    run = tiny(tmp_path).generate(items, tmp_path / "run", model=ScriptedEngine(script), rounds=1)
    found = {line["reason"]: line for line in _lines(run.path / "dropped")}
    assert found.keys() == {"empty", "equal", "duplicate"}
    assert found["empty"]["id"] == "r1"
    assert found["empty"]["meaning"] == REASONS["empty"]
    assert found["empty"]["prompt"] == "Question 1?"
    assert found["equal"]["draft"] == found["equal"]["revisions"][0] == "Equal."
    assert found["duplicate"]["line"] == 5


def test_failed_records_say_where(tmp_path: Path) -> None:
    """Each has its id, stage, class of the error, message and attempts; no run ends because of them."""

    def fault(request: Request) -> Exception | None:
        return RequestRefused("too hot \ud800") if request.record == "r1" and request.stage == "revise" else None

    run = tiny(tmp_path).generate(prompts(3), tmp_path / "run", model=ScriptedEngine(fault=fault))
    (line,) = _lines(run.path / "failed")
    assert line == {
        "id": "r1", "sample": 0, "stage": "revise", "error": "RequestRefused", "message": "too hot \\ud800",
        "attempts": 1,
    }  # fmt: skip
    failure = rows(run)[1]
    assert isinstance(failure, Failure)
    assert failure.error == "RequestRefused"
    assert run.summary()["reasons"] == {"RequestRefused": 1}


def test_an_answer_that_is_no_text_fails_its_record_alone(tmp_path: Path) -> None:
    """Half a surrogate pair in an answer cannot be kept; the other records go on."""

    def script(request: Request) -> str:
        return "bad \ud800" if request.record == "r1" else from_key(request)

    run = tiny(tmp_path).generate(prompts(3), tmp_path / "run", model=ScriptedEngine(script))
    assert run.summary()["failed"] == 1
    assert run.summary()["paired"] == 2


def test_one_failed_sample_leaves_the_others(tmp_path: Path) -> None:
    """An input with several chains is paired if any is; the failed chain stays in its rows."""

    def fault(request: Request) -> Exception | None:
        return RequestRefused("no") if request.key == first[0] else None

    first: list[str] = []
    probe = KeepingEngine()
    tiny(tmp_path).generate(prompts(1), tmp_path / "probe", model=probe, samples=2)
    first.append(probe.asked[0].key)
    run = tiny(tmp_path).generate(prompts(1), tmp_path / "run", model=ScriptedEngine(fault=fault), samples=2)
    assert [type(row).__name__ for row in rows(run)] == ["Failure", "Trace"]
    assert _assert_adds_up(run)["paired"] == 1
