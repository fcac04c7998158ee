"""Law 1: the same rows from the same answers, whatever the order, the concurrency, the chunks and the interruptions."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution import Completion, Request, Run, ScriptedEngine
from tests.scripted_runs import prompts, rows, sealed_files, tiny

RECORDS = prompts(40)


class RandomLatency(ScriptedEngine):
    """Answers after times that are other ones in each run."""

    async def answer(self, request: Request) -> Completion:
        """Wait, then answer."""
        await asyncio.sleep(random.random() * 0.004)
        return await super().answer(request)


def _make(folder: Path, name: str, items: list[dict[str, Any]] | None = None, **options: Any) -> Run:
    engine = RandomLatency() if options.get("in_flight", 1) > 1 else ScriptedEngine()
    return tiny(folder).generate(items or RECORDS, folder / name, model=engine, **options)


@pytest.mark.parametrize("in_flight", [1, 7, 200])
def test_the_same_files_with_any_number_in_flight(in_flight: int, tmp_path: Path) -> None:
    """Sealed files are equal byte by byte with 1, 7 and 200 in flight, at latencies that shuffle the answers."""
    plain = _make(tmp_path, "plain", chunk_size=16)
    other = _make(tmp_path, "other", chunk_size=16, in_flight=in_flight)
    assert sealed_files(other.path) == sealed_files(plain.path)


def test_rows_stand_in_the_order_of_the_input(tmp_path: Path) -> None:
    """Answers come out of order; rows do not."""
    run = _make(tmp_path, "run", in_flight=200)
    assert [row.record for row in rows(run)] == [record["id"] for record in RECORDS]


@given(seed=st.integers(0, 2**32), chunk_size=st.integers(1, 50))
@settings(max_examples=8)
def test_shuffled_input_and_other_chunks_give_the_same_set_of_rows(
    seed: int, chunk_size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Where a record stands in the input, and in which chunk, changes nothing of its row."""
    folder = tmp_path_factory.mktemp("shuffled")
    shuffled = random.Random(seed).sample(RECORDS, len(RECORDS))
    run = _make(folder, "shuffled", shuffled, chunk_size=chunk_size)
    plain = {row.record: row for row in rows(_make(folder, "plain"))}
    assert [row.record for row in rows(run)] == [record["id"] for record in shuffled]
    assert {row.record: row for row in rows(run)} == plain


def test_samples_of_a_record_differ_and_stand_together(tmp_path: Path) -> None:
    """Each input has its chains one after the other, each with its own answers."""
    run = _make(tmp_path, "run", samples=3, in_flight=5)
    made = rows(run)
    assert [(row.record, row.sample) for row in made] == [(r["id"], s) for r in RECORDS for s in range(3)]
    assert len({row.draft.text for row in made}) == len(made)


def test_derived_ids_draw_by_content_alone(tmp_path: Path) -> None:
    """Records without ids get the same rows wherever they stand."""
    items = [{"prompt": f"Question {n}?"} for n in range(20)]
    forth, back = _make(tmp_path, "forth", items), _make(tmp_path, "back", items[::-1])
    assert rows(forth) == rows(back)[::-1]


def test_another_seed_gives_other_rows(tmp_path: Path) -> None:
    """The run's seed is in every choice."""
    assert rows(_make(tmp_path, "one", seed=1)) != rows(_make(tmp_path, "two", seed=2))
