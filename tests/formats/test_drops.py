"""Drops: one row for each input that was lost, with the reason; with pairs and fine ones they are all inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.checks import Checked
from constitution.errors import StoreError
from constitution.formats.kinds import drops
from constitution.formats.rows import Shape, table
from constitution.messages import assistant, user
from constitution.records import REASONS, ChainResult, Failure, Trace
from constitution.steps.pair import Pairing
from constitution.steps.settle import Settler
from constitution.store.sums import Sums
from tests import strategies
from tests.formats.made import equal, failure, fine, revised, rows

SETTLER = Settler(Pairing(), {})
chains = st.one_of(strategies.traces(), st.builds(failure, st.sampled_from("abc"), st.integers(0, 2)))


def dropped(*found: ChainResult, settler: Settler = SETTLER) -> list[dict[str, Any]]:
    return list(rows("drops", found, settler, Shape(), fine=True, sums=Sums()))


@given(st.lists(chains, max_size=6))
def test_inputs_are_paired_fine_or_here(found: list[ChainResult]) -> None:
    """One row for each dropped or failed input, with the reason that the sums count."""
    sums = Sums()
    made = list(rows("drops", found, SETTLER, Shape(), fine=True, sums=sums))
    assert sums.outcomes.total() == sums.outcomes["paired"] + sums.outcomes["fine"] + len(made)
    assert {reason: count for reason, count in sums.reasons.items() if count} == {
        reason: sum(row["reason"] == reason for row in made) for reason in {row["reason"] for row in made}
    }
    schema = drops.schema(Shape())
    assert all(list(row) == schema.names for row in made)
    assert table(made, schema).to_pylist() == made


def test_a_dropped_input() -> None:
    """Reason, its meaning, what was asked and what the model said."""
    (row,) = dropped(revised("a"), fine("b"), equal("c"))
    assert (row["id"], row["outcome"], row["reason"], row["meaning"]) == ("c", "dropped", "equal", REASONS["equal"])
    assert (row["prompt"], row["draft"], row["stage"]) == ("Question c?", "A long answer.", None)


def test_a_detail_is_that_of_the_reason() -> None:
    """A pair that a check calls worse names the principle."""
    settler = Settler(Pairing(), {"short": (lambda text: Checked(len(text) > 6),)})
    (row,) = dropped(revised("a"), settler=settler)
    assert (row["reason"], row["detail"]) == ("check_worse", "short")


def test_a_failed_input() -> None:
    """Stage, error and attempts; what was asked, where another chain of the input knows it."""
    (alone,) = dropped(failure("a"))
    assert (alone["outcome"], alone["reason"], alone["detail"]) == ("failed", "RequestRefused", "too hot")
    assert (alone["stage"], alone["attempts"], alone["prompt"]) == ("revise", 3, None)
    lost = Trace(
        "b", 1, (user("Who?"), assistant("I."), user("And?")), None, reason="empty", tags=("x",), metadata="{}"
    )
    (row,) = dropped(failure("b"), lost)
    assert (row["outcome"], row["reason"], row["prompt"]) == ("dropped", "empty", "And?")
    assert (row["tags"], row["metadata"]) == (["x"], "{}")


def test_turned_away(tmp_path: Path) -> None:
    """Inputs that never had a chain come from the file; lines of those that had one do not."""
    path = tmp_path / "00000.jsonl"
    lines = [
        {"id": "a-2", "reason": "duplicate", "meaning": "...", "line": 7, "prompt": "Why?"},
        {
            "id": "b",
            "reason": "bad_row",
            "meaning": "...",
            "detail": "no text",
            "line": 8,
            "place": "p.csv:8",
            "prompt": "",
        },
        {"id": "c", "reason": "equal", "meaning": "...", "prompt": "Who?", "draft": "I."},
    ]
    path.write_bytes(b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines))
    made = list(drops.turned_away(path))
    assert [(row["id"], row["reason"], row["place"], row["detail"]) for row in made] == [
        ("a-2", "duplicate", "line 7", None), ("b", "bad_row", "p.csv:8", "no text"),
    ]  # fmt: skip
    assert [list(row) for row in made] == [drops.schema(Shape()).names] * 2
    assert list(drops.turned_away(tmp_path / "none.jsonl")) == []


@pytest.mark.parametrize(
    ("place", "shown"),
    [("/home/someone/p.csv:8", "p.csv:8"), ("../p.csv:8", "p.csv:8"), ("data/p.csv:8", "data/p.csv:8"),
     ("owner/name (train)[3]", "owner/name (train)[3]")],
)  # fmt: skip
def test_a_place_names_no_folder_of_the_machine(tmp_path: Path, place: str, shown: str) -> None:
    """Tags and metadata of an input come along; of an absolute path the file alone."""
    line = {"id": "b", "reason": "bad_row", "line": 8, "place": place, "prompt": "", "tags": ["x"], "metadata": "{}"}
    (tmp_path / "d.jsonl").write_bytes(orjson.dumps(line))
    (row,) = drops.turned_away(tmp_path / "d.jsonl")
    assert (row["place"], row["tags"], row["metadata"]) == (shown, ["x"], "{}")


@pytest.mark.parametrize("line", ["{", "[]", '{"line": 3}', "7"])
def test_a_damaged_file(tmp_path: Path, line: str) -> None:
    """Told with file and line."""
    (tmp_path / "d.jsonl").write_text(f'{{"id": "a", "reason": "equal", "prompt": ""}}\n{line}\n')
    with pytest.raises(StoreError, match=r"d\.jsonl:2: is no dropped input"):
        list(drops.turned_away(tmp_path / "d.jsonl"))


def test_the_first_failure_speaks() -> None:
    """Of several failed chains of an input."""
    (row,) = dropped(failure("a"), Failure("a", 1, "draft", "Other", "cold", 1))
    assert row["reason"] == "RequestRefused"
