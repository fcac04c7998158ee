"""What is counted of prompts, against a plain count of the same rows."""

from __future__ import annotations

import statistics
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from constitution.sources.prompts import PromptFile, PromptSource, Reading, read_items, read_sources
from constitution.sources.prompts.survey import Lengths, Survey

DATA = Path(__file__).parents[2] / "data" / "prompts"


@given(st.lists(st.integers(0, 30), min_size=1))
def test_lengths(lengths: list[int]) -> None:
    """Least, median and greatest are those of the list."""
    found = Lengths()
    for length in lengths:
        found.add(length)
    assert found.to_json() == {"min": min(lengths), "median": statistics.median_low(lengths), "max": max(lengths)}


def test_survey_of_transcripts() -> None:
    """Of the transcripts: rows, refused ones, columns, shapes and roles, and they add up."""
    found = Survey()
    name = str(DATA / "hh_rlhf_harmless_first300.jsonl")
    found.read(read_sources([PromptSource(name)], Reading(revise="rejected"), found.note, found.opens))
    entries = [entry for entry in PromptFile(name, Reading(revise="rejected", bad_rows="drop")).read() if not entry.bad]
    data = found.to_json()
    assert (data["rows"], data["prompts"], data["refused"]) == (300, 299, 1)
    assert data["sources"] == [{"name": name, "form": "JSONL"}]
    assert data["columns"] == {"preference": {"chosen": 299, "rejected": 299}}
    assert sum(data["shapes"].values()) == 299
    assert data["roles"]["user"] == sum(m.role == "user" for entry in entries for m in entry.prompt.conversation)
    assert data["turns"]["max"] == max(len(entry.prompt.conversation) for entry in entries)
    assert data["answer_characters"]["median"] == statistics.median_low(len(e.prompt.response or "") for e in entries)
    assert data["reasons"] == {"turn 4 of the transcript (Assistant) is empty": 1}
    assert data["problems"] == [f"{name}:87:2: chosen: turn 4 of the transcript (Assistant) is empty"]
    assert len(found.shown()) == 3


def test_repeats() -> None:
    """Repeated content and repeated given ids are counted apart."""
    found = Survey()
    rows = ["a", "a", "a", "b", {"prompt": "a", "id": "1"}, {"prompt": "c", "id": "1"}, {"prompt": "d", "id": "2"}]
    found.read(read_items(rows, Reading()))
    data = found.to_json()
    assert data["duplicates"] == 2
    assert data["ids"] == {"given": 3, "derived": 4, "repeated": 1}


def test_shapes() -> None:
    """Shapes tell turns, opening turns, tools and answers; each gives an example."""
    turn, answer = {"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}
    rows = [
        "u",
        [{"role": "system", "content": "s"}, turn],
        [turn, answer, turn],
        [turn, answer],
        {"messages": [turn], "tools": [{"function": {"name": "f"}}]},
    ]
    found = Survey()
    found.read(read_items(rows, Reading()))
    assert list(found.to_json()["shapes"]) == [
        "one turn", "one turn, system", "several turns", "one turn, answer", "one turn, tools"
    ]  # fmt: skip


def test_too_many_bad_rows() -> None:
    """A source that is something else is not read to its end."""
    found = Survey()
    found.read(read_items(("" for _ in range(10**9)), Reading()))
    assert (found.rows, found.stopped, len(found.problems)) == (10_000, True, 20)
