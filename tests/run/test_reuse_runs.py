"""Law 7 and changed settings: what a folder refuses, and what a new run takes from an old one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from constitution import Constitution, Request, Run
from constitution.engines.scripted import from_key
from constitution.errors import InputError, RequestRefused, SettingsChanged, StoreError
from tests.scripted_runs import TINY, KeepingEngine, journal_lines, prompts, rows, tiny

RECORDS = prompts(24)
BASE: dict[str, Any] = {"rounds": 2, "chunk_size": 10}


def _make(constitution: Constitution, out: Path, **options: Any) -> tuple[Run, KeepingEngine]:
    engine = options.pop("engine", None) or KeepingEngine()
    return constitution.generate(RECORDS, out, model=engine, **{**BASE, **options}), engine


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A complete run."""
    return _make(tiny(tmp_path), tmp_path / "old")[0].path


CHANGED: dict[str, Any] = {
    "rounds": 3,
    "samples": 2,
    "seed": 1,
    "limit": 5,
    "system": "Be brief.",
    "critique": False,
    "verdict_first": True,
    "pairs": "all",
    "if_worse": "keep",
    "too_long": "truncate_left",
    "keep_duplicates": True,
    "chunk_size": 11,
}
SAMPLING: dict[str, Any] = {
    "max_tokens": 7,
    "temperature": 0.5,
    "top_p": 0.5,
    "top_k": 5,
    "min_p": 0.1,
    "stop": ["END"],
    "thinking": "off",
    "chat_template_kwargs": {"a": 1},
}


@pytest.mark.parametrize("name", CHANGED)
def test_each_changed_setting_is_refused_by_name(name: str, old: Path, tmp_path: Path) -> None:
    """Nothing is asked, the setting is named, and so is the call that starts anew from the old answers."""
    engine = KeepingEngine()
    with pytest.raises(SettingsChanged) as caught:
        _make(tiny(tmp_path), old, engine=engine, **{name: CHANGED[name]})
    assert isinstance(caught.value, InputError)
    assert ("with_critique" if name == "critique" else name) + " was " in str(caught.value)
    assert f'reuse="{old}"' in str(caught.value)
    assert engine.asked == []


@pytest.mark.parametrize("name", SAMPLING)
def test_each_changed_sampling_is_refused_by_name(name: str, old: Path, tmp_path: Path) -> None:
    """Role and setting are named."""
    with pytest.raises(SettingsChanged, match=rf"sampling\.critique\.{name} was "):
        _make(tiny(tmp_path), old, roles={"critique": {name: SAMPLING[name]}})


def test_a_changed_adapter_is_refused_by_name(old: Path, tmp_path: Path) -> None:
    """LoRA is part of who answers."""
    with pytest.raises(SettingsChanged, match=r"lora\.draft was unset, is 'x'"):
        _make(tiny(tmp_path), old, roles={"draft": {"lora": "x"}})


def test_a_changed_constitution_is_refused(old: Path, tmp_path: Path) -> None:
    """One word of one principle is enough; a new description is not."""
    with pytest.raises(SettingsChanged, match="constitution was "):
        _make(tiny(tmp_path, TINY.replace("unkind", "cold")), old)
    described = TINY.replace("name: tiny", "name: tiny\ndescription: Other words.")
    assert _make(tiny(tmp_path, described), old)[0].complete


def test_another_model_is_refused(old: Path, tmp_path: Path) -> None:
    """By the string, and where an object serves, by the fingerprint it gives; an unfinished run is needed for that."""
    (old / "shards" / "00000.json").unlink()
    with pytest.raises(SettingsChanged, match="model"):
        tiny(tmp_path).generate(RECORDS, old, model="scripted", **BASE)
    with pytest.raises(SettingsChanged, match=r"was answered by model scripted, the engine now serves other"):
        _make(tiny(tmp_path), old, engine=KeepingEngine(model="other"))


def test_what_touches_no_answer_may_change(tmp_path: Path) -> None:
    """Chains in flight, and the latency of the scripted engine."""
    constitution = tiny(tmp_path)
    constitution.generate(RECORDS, tmp_path / "run", model="scripted", **BASE)
    options: dict[str, Any] = {"in_flight": 3, "engine": {"latency_ms": 1}}
    assert constitution.generate(RECORDS, tmp_path / "run", model="scripted", **BASE, **options).complete


def _drawn(run: Run) -> dict[str, tuple[str, ...]]:
    return {row.record: row.principles for row in rows(run)}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("changed", TINY.replace("Write it kinder.", "Write it much kinder.")),
        ("removed", "\n".join(line for line in TINY.splitlines() if "id: kind" not in line) + "\n"),
        ("added", TINY + "  - {id: warm, text: W., critique: C., revision: R.}\n"),
        ("switched off", TINY.replace("{id: kind,", "{id: kind, weight: 0,")),
    ],
)
def test_one_principle_asks_again_only_the_rows_that_it_touches(
    change: str, text: str, old: Path, tmp_path: Path
) -> None:
    """Exactly the records whose principles, or the words of one of them, are other ones now."""
    before = _drawn(Run.open(old))
    run, engine = _make(tiny(tmp_path, text), tmp_path / "new", reuse=str(old))
    after = _drawn(run)
    touched = {
        record for record in before
        if before[record] != after[record] or (change == "changed" and "kind" in after[record])
    }  # fmt: skip
    assert 0 < len(touched) < len(RECORDS)
    assert {request.record for request in engine.asked} == touched
    assert all(request.stage != "draft" for request in engine.asked)
    fresh, _ = _make(tiny(tmp_path, text), tmp_path / "fresh")
    assert rows(run) == rows(fresh)


def test_the_order_of_principles_asks_nothing(old: Path, tmp_path: Path) -> None:
    """Moving a principle in its file is no change."""
    head, *items = TINY.split("  - ")
    _, engine = _make(
        tiny(tmp_path, head + "".join(f"  - {item}" for item in items[::-1])), tmp_path / "new", reuse=str(old)
    )
    assert engine.asked == []


def test_one_round_more_reuses_the_rounds_before(tmp_path: Path) -> None:
    """From one round to two only the second is asked."""
    constitution = tiny(tmp_path)
    _make(constitution, tmp_path / "one", rounds=1)
    run, engine = _make(constitution, tmp_path / "two", rounds=2, reuse=str(tmp_path / "one"))
    assert len(engine.asked) == 2 * len(RECORDS)
    assert rows(run) == rows(_make(constitution, tmp_path / "fresh")[0])


@pytest.mark.parametrize(
    "options",
    [{"pairs": "all"}, {"if_worse": "keep"}, {"chunk_size": 7}, {"limit": 9}, {"keep_duplicates": True}],
)
def test_what_makes_no_request_asks_nothing(options: dict[str, Any], old: Path, tmp_path: Path) -> None:
    """Pairs, filters, chunks and limits are made from answers that are there."""
    run, engine = _make(tiny(tmp_path), tmp_path / "new", reuse=str(old), **options)
    assert engine.asked == []
    assert run.complete


def test_one_sample_more_asks_for_that_sample(old: Path, tmp_path: Path) -> None:
    """The first chain of each record is there already."""
    _, engine = _make(tiny(tmp_path), tmp_path / "new", reuse=str(old), samples=2)
    assert len(engine.asked) == 5 * len(RECORDS)


def test_an_unfinished_run_is_reused_as_far_as_it_went(old: Path, tmp_path: Path) -> None:
    """Its journals are enough: no shard, no manifest, a torn last line."""
    for path in (old / "shards").iterdir():
        path.unlink()
    (old / "manifest.json").unlink()
    (old / "journal" / "00002.jsonl").unlink()
    journal = old / "journal" / "00001.jsonl"
    journal.write_bytes(journal.read_bytes()[:-30])
    have = {line["key"] for path in sorted((old / "journal").iterdir()) for line in _whole_lines(path) if "key" in line}
    run, engine = _make(tiny(tmp_path), tmp_path / "new", reuse=str(old))
    assert run.complete
    assert len(engine.asked) == 5 * len(RECORDS) - len(have)
    assert not {request.key for request in engine.asked} & have


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def test_reused_answers_are_copied_and_not_paid_for(old: Path, tmp_path: Path) -> None:
    """They stand in the new journal, so that the old folder may go; they count as reused, not as requests or tokens."""
    run, _ = _make(tiny(tmp_path), tmp_path / "new", reuse=str(old))
    said = run.summary()
    assert said["tokens"] == {}
    assert said["signs"]["reused_answers"] == 5 * len(RECORDS)
    assert all(line["engine"].startswith("reused:") for line in journal_lines(run.path) if "key" in line)
    was = rows(run)
    shutil.rmtree(old)
    (run.path / "shards" / "00000.json").unlink()
    again, engine = _make(tiny(tmp_path), run.path)
    assert engine.asked == []
    assert rows(again) == was
    assert again.summary()["tokens"] == {}
    assert not list(run.path.glob(".reuse*"))


def test_reuse_of_a_reused_run_keeps_where_answers_came_from(old: Path, tmp_path: Path) -> None:
    """A copy of a copy is marked once."""
    _make(tiny(tmp_path), tmp_path / "second", reuse=str(old))
    third, _ = _make(tiny(tmp_path), tmp_path / "third", reuse=str(tmp_path / "second"))
    engines = {line["engine"] for line in journal_lines(third.path) if "key" in line}
    assert all(engine.count("reused:") == 1 for engine in engines)


def test_an_unusable_answer_is_reused_as_the_attempt_that_it_was(tmp_path: Path) -> None:
    """A draft that was empty three times is not asked a fourth time."""

    def engine() -> KeepingEngine:
        return KeepingEngine(script=lambda r: "" if r.record in ("r1", "r2") and r.stage == "draft" else from_key(r))

    first, _ = _make(tiny(tmp_path), tmp_path / "first", engine=engine())
    second, asked = _make(tiny(tmp_path), tmp_path / "second", engine=engine(), reuse=str(first.path))
    assert asked.asked == []
    assert second.summary()["reasons"] == {"empty": 2}
    attempts = [line["attempt"] for line in journal_lines(second.path) if line.get("record") == "r1"]
    assert attempts == [1, 2, 3]


def test_a_failed_record_is_asked_again_in_the_new_run(tmp_path: Path) -> None:
    """An error is never an answer."""

    def fault(request: Request) -> Exception | None:
        return RequestRefused("no") if (request.record, request.stage) == ("r3", "revise") else None

    first, _ = _make(tiny(tmp_path), tmp_path / "first", engine=KeepingEngine(fault=fault))
    assert first.summary()["failed"] == 1
    second, engine = _make(tiny(tmp_path), tmp_path / "second", reuse=str(first.path))
    assert second.summary()["failed"] == 0
    assert [(request.record, request.stage) for request in engine.asked] == [
        ("r3", "revise"), ("r3", "critique"), ("r3", "revise"),
    ]  # fmt: skip


def test_reuse_of_what_is_no_run_is_refused_before_the_engine(tmp_path: Path) -> None:
    """With its path, and no manifest is written."""
    with pytest.raises(StoreError, match="no run to reuse"):
        _make(tiny(tmp_path), tmp_path / "new", reuse=str(tmp_path / "nothing"))
    assert not (tmp_path / "new" / "manifest.json").exists()


def test_another_model_reuses_nothing(old: Path, tmp_path: Path) -> None:
    """Its fingerprint is in every key."""
    _, engine = _make(tiny(tmp_path), tmp_path / "new", engine=KeepingEngine(model="other"), reuse=str(old))
    assert len(engine.asked) == 5 * len(RECORDS)
