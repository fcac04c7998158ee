"""The record: kept as JSON and read again, refused where it is none, and known by what it was made of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from constitution.errors import InputError, StoreError
from constitution.examination.record import SCHEMA_VERSION, Examination
from constitution.run.background import background
from constitution.run.examine import RECORD, Examining, examine, read_examination
from tests.examination.judges import Judge, deaf, honest, made, weak
from tests.examination.test_judges import PLAIN


@pytest.fixture(scope="module")
def found() -> Examination:
    """A small one."""
    sets = (made(12), made(5, "other"))
    return background.call(examine(Examining(sets, Judge(sets, honest).engine(), "scripted", PLAIN)))


def test_json_and_back(found: Examination) -> None:
    """Nothing is lost, through real JSON too."""
    again = Examination.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    assert again.identity == found.identity


def test_json_says_what_follows(found: Examination) -> None:
    """Verdict, reason, whether it passed, who was examined."""
    data = found.to_json()
    assert data["passed"] is False
    assert data["verdict"] == "too few to tell"
    assert data["why"] == found.why
    assert data["judge"]["model"] == "scripted"
    assert data["sets"][1]["name"] == "other"


@pytest.mark.parametrize(
    "broken",
    [{}, {"verdict": "splendid"}, {"figures": {"pairs": 1}}, {"judge": {}}, {"sets": 3}, {"schema_version": "x"}],
)
def test_what_is_no_examination_is_refused(found: Examination, broken: dict[str, Any]) -> None:
    """With a reason, and no traceback of its own."""
    data = {**found.to_json(), **broken} if broken else {}
    with pytest.raises(InputError, match="no examination"):
        Examination.from_json(data)


def test_a_newer_one_says_so(found: Examination) -> None:
    """And what to do."""
    with pytest.raises(InputError, match=f"reads up to {SCHEMA_VERSION}; install a newer"):
        Examination.from_json({**found.to_json(), "schema_version": SCHEMA_VERSION + 1})


def test_identity_is_of_judge_and_pairs(found: Examination) -> None:
    """Not of what was asked for, or of how it went."""
    assert replace(found, verdict="passed", at_least=0.9, tokens={}).identity == found.identity
    assert replace(found, judge=replace(found.judge, digest="x")).identity != found.identity
    assert replace(found, sets=found.sets[:1]).identity != found.identity


def test_it_holds_for_its_judge(found: Examination) -> None:
    """And for no other."""
    assert found.holds_for(found.judge.digest)
    assert not found.holds_for("another")


def test_every_principle_is_told(found: Examination) -> None:
    """By set and id, with how often it was right."""
    assert [(each.set, each.id) for each in found.principles] == [
        (name, f"p{number}") for name in ("checks", "other") for number in range(5)
    ]
    assert sum(each.accuracy.n for each in found.principles if each.accuracy) == 17
    assert all(each.accuracy and each.accuracy.value == 1 for each in found.principles)


def test_a_record_on_disk(found: Examination, tmp_path: Path) -> None:
    """Read by its folder or by its file; what is not there, or is none, is told with its path."""
    path = tmp_path / RECORD
    path.write_text(json.dumps(found.to_json()))
    assert read_examination(tmp_path) == read_examination(path) == found
    path.write_text("{")
    with pytest.raises(InputError, match=f"{RECORD}: is no JSON"):
        read_examination(tmp_path)
    path.write_text("{}")
    with pytest.raises(InputError, match=f"{RECORD}: this is no examination"):
        read_examination(tmp_path)
    path.unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        read_examination(path)


def test_the_same_figures_under_another_accuracy() -> None:
    """As if it had been asked for from the start, the pairs made by code among them."""
    sets = (made(300), made(100, "other"))

    def at(at_least: float) -> Examination:
        judge = Judge(sets, deaf if at_least == 0.7 else weak)
        return background.call(examine(Examining(sets, judge.engine(), "scripted", PLAIN, at_least=at_least)))

    low = at(0.5)
    assert (low.verdict, low.judged_at(0.9).verdict) == ("passed", "too weak")
    assert low.judged_at(0.9) == at(0.9)
    assert low.judged_at(0.9).judged_at(0.5) == low
    assert at(0.7).judged_at(0.2).verdict == "deaf"
