"""Dry runs with a judge: what is asked in the end lies in what was told before."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from constitution import Completion, Request
from constitution.engines.scripted import from_key
from constitution.run.before.dry_run import DryRun, dry_run
from constitution.run.generate import Job
from constitution.run.resolve import build_recipe
from constitution.sources.run_file import read_run
from tests.run.test_judged_runs import JUDGED, RECIPES, unsure
from tests.scripted_runs import KeepingEngine, prompts, tiny

RECORDS = 6
WAYS: dict[str, dict[str, Any]] = {
    "pairwise": {},
    "think": {"judge_mode": "think"},
    "text": {"judge_mode": "text"},
    "scoring": {"judge_read": "scoring"},
    "both": {"judge_read": "both"},
}


def dry(folder: Path, **options: Any) -> DryRun:
    """The dry run of some rows."""
    principles = tiny(folder, JUDGED, "judged.yaml").principles
    run = read_run(None, constitution="c", out="-", model="scripted", **options)
    return asyncio.run(dry_run(Job(run, principles, build_recipe(run, principles), items=prompts(RECORDS))))


def asked(folder: Path, script: Any, **options: Any) -> Counter[str]:
    """How often each stage of the run was asked."""
    engine = KeepingEngine(script=script)
    constitution = tiny(folder, JUDGED, "judged.yaml")
    constitution.generate(prompts(RECORDS), folder / "run", model=engine, examine=0, anyway=True, **options)
    return Counter(request.stage for request in engine.asked)


def unusable(request: Request) -> str | Completion:
    """A model that now and then answers nothing."""
    return "" if request.role != "judge" and int(request.key[0], 16) < 5 else unsure(request)


def alike(request: Request) -> str | Completion:
    """A model that always says the same."""
    return "The same words." if request.role == "draft" else unsure(request)


@pytest.mark.parametrize("script", [unsure, unusable, alike, from_key], ids=lambda script: script.__name__)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", RECIPES)
def test_what_is_asked_lies_in_what_was_told(kind: str, way: str, script: Any, tmp_path: Path) -> None:
    """By stage and in sum, whatever the answers are."""
    options = {"judge_principles": 2, **RECIPES[kind], **WAYS[way]}
    told, found = dry(tmp_path, **options), asked(tmp_path, script, **options)
    assert told.requests.least <= sum(found.values()) <= told.requests.most
    for stage, number in found.items():
        assert number <= told.stages[stage]["requests"].most, stage


@pytest.mark.parametrize(
    ("options", "each"),
    [
        ({"candidates": 3, "pairs": "all"}, 2 * 2 * 3),
        ({"candidates": 3, "pairs": "against_draft"}, 2 * 2 * 2),
        ({"candidates": 16, "pairs": "against_draft"}, 2 * 2 * 15),
        ({"candidates": 4, "judge_read": "scoring"}, 2 * 2 * 4),
        ({"candidates": 2, "judge_mode": "text"}, 2 * 2),
    ],
)
def test_the_whole_chain_is_told_exactly(options: dict[str, Any], each: int, tmp_path: Path) -> None:
    """Candidates that are supposed differ, so that every pair of them is judged; a label is asked once."""
    told = dry(tmp_path, recipe="ai_feedback", judge_principles=2, **options)
    assert told.stages["judge"]["requests"].most == RECORDS * each
    assert told.stages["draft"]["requests"].most == RECORDS * options["candidates"] * 3
