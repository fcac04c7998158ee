"""Mixing: exact shares, the least digests, and nothing that depends on order."""

from __future__ import annotations

from array import array
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from constitution.formats.mixing import Mix, least, row_key

numbers = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 4), max_size=40)
weights = st.floats(0.1, 10)


def row(id: str, sample: int = 0, rounds: tuple[int, int] = (0, 1)) -> dict[str, Any]:
    return {"id": id, "sample": sample, "rounds": list(rounds)}


def mixed(weights: tuple[float, ...], *runs: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    mix = Mix(weights)
    for number, rows in enumerate(runs):
        for each in rows:
            mix.count("preference", number, each)
    mix.settle(["preference"])
    return [[each for each in rows if mix.takes("preference", number, each)] for number, rows in enumerate(runs)]


@given(numbers, st.integers(0, 45))
def test_least_takes_exactly_so_many(found: list[int], count: int) -> None:
    """The least keys, as many as asked for, also where keys are equal."""
    cut = least(array("Q", found), count)
    assert sorted(key for key in found if cut.takes(key)) == sorted(found)[:count]


@given(st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_a_larger_choice_contains_the_smaller(found: list[int], one: int, other: int) -> None:
    """The least keys of fewer are among the least of more."""
    few, many = (
        {key for key in found if cut.takes(key)} for cut in (least(array("Q", found), n) for n in sorted((one, other)))
    )
    assert few <= many


@given(st.lists(st.tuples(st.integers(0, 60), weights), min_size=2, max_size=4), st.randoms())
def test_a_mix_keeps_its_shares(parts: list[tuple[int, float]], order: Any) -> None:
    """No run gives more than its share of the mix rounds to, one gives all it has, and order changes nothing."""
    runs = [[row(f"r{number}-{n}") for n in range(count)] for number, (count, _) in enumerate(parts)]
    shares = tuple(weight for _, weight in parts)
    taken = mixed(shares, *runs)
    total = sum(map(len, taken))
    for rows, weight in zip(taken, shares, strict=True):
        assert abs(len(rows) - total * weight / sum(shares)) < len(parts)
    assert any(len(rows) == len(all_) for rows, all_ in zip(taken, runs, strict=True))
    shuffled = [order.sample(rows, len(rows)) for rows in runs]
    again = mixed(shares, *shuffled)
    assert [sorted(each["id"] for each in rows) for rows in again] == [
        sorted(each["id"] for each in rows) for rows in taken
    ]
    back = mixed(shares[::-1], *runs[::-1])[::-1]
    assert back == taken


def test_exact_counts() -> None:
    """Three to one of two runs of 300 rows are 300 and 100."""
    runs = [[row(f"{run}{n}") for n in range(300)] for run in "ab"]
    assert [len(rows) for rows in mixed((3.0, 1.0), *runs)] == [300, 100]
    assert [len(rows) for rows in mixed((1.0, 1.0), runs[0], runs[1][:7])] == [7, 7]


def test_what_a_row_is() -> None:
    """Id, sample and rounds tell rows of a run apart; other columns do not count."""
    rows = [row("a"), row("b"), row("a", 1), row("a", 0, (1, 2))]
    assert len({row_key(each) for each in rows}) == len(rows)
    assert row_key({**row("a"), "chosen": "x"}) == row_key(row("a"))
    assert row_key({"id": "a"}) != row_key({"id": "b"})
