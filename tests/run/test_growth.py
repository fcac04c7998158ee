"""Law 10: work is linear and memory flat, on the scripted engine."""

from __future__ import annotations

import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def _benchmark(name: str) -> ModuleType:
    """A benchmark, which counts and measures."""
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rate() -> ModuleType:
    """The benchmark of the rate."""
    return _benchmark("run_rate")


@pytest.mark.parametrize(("rounds", "events"), [(1, 4), (2, 6), (4, 10)])
def test_journal_events_a_record_are_constant(rate: ModuleType, rounds: int, events: int) -> None:
    """One line for each answer and one for the record, however many records there are."""
    assert [rate.count_run(records, rounds)["events"] for records in (30, 300)] == [30 * events, 300 * events]


def test_digests_a_record_are_constant(rate: ModuleType) -> None:
    """Ids, draws, seeds and keys: the same number for a record of a small run and of a larger one."""
    assert rate.per_record(1, 50, 250) == rate.per_record(1, 250, 950)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_memory_does_not_grow_with_the_run() -> None:
    """From a packed file to a data set: the slope from 10,000 to 50,000 prompts keeps a million under 1 GB."""
    with ThreadPoolExecutor(2) as both:
        small, large = both.map(_benchmark("whole_way").measure, (10_000, 50_000))
    assert (small["rows"], large["rows"]) == (10_000, 50_000)
    for stage in ("run_mb", "export_mb"):
        slope = (large[stage] - small[stage]) / 40_000
        assert large[stage] + 950_000 * slope < 1000, stage
