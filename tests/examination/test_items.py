"""Items, their identity, and which of them are drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from constitution.examination.items import JudgedSet, drawn
from constitution.messages import user
from tests.examination.judges import item, made, principle_of


def test_the_digest_holds_what_is_asked() -> None:
    """Not the id, the place or the name of the set; everything else."""
    one = item(0)
    same = replace(one, id="other", place="elsewhere", set="other")
    assert same.digest == one.digest
    others = [
        replace(one, conversation=(user("another"),)),
        replace(one, better="another"),
        replace(one, worse="another"),
        replace(one, better=one.worse, worse=one.better),
        replace(one, principle=None),
        replace(one, principle=principle_of(3)),
    ]
    assert len({one.digest, *(other.digest for other in others)}) == 7


def test_a_set_is_its_items_whatever_their_order() -> None:
    """And no other."""
    whole = made(9)
    assert replace(whole, items=whole.items[::-1], source="elsewhere").digest == whole.digest
    assert replace(whole, items=whole.items[1:]).digest != whole.digest


def test_longer_counts_characters() -> None:
    """1, 0, and one half for answers of the same length."""
    assert [item(0).longer, item(1).longer] == [1, 0]
    assert replace(item(0), better="abc", worse="cde").longer == 0.5


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 130))
def test_a_limit_is_shared_out_evenly(first: int, second: int, limit: int) -> None:
    """As many as were asked for or are there; no set gets less than another unless it has no more."""
    sets = (made(first, "one"), made(second, "two"))
    found = {each.name: len(each.items) for each in drawn(sets, limit)}
    counts = [found.get("one", 0), found.get("two", 0)]
    assert sum(counts) == min(limit, first + second)
    for count, other, size in zip(counts, counts[::-1], (first, second), strict=True):
        assert count >= other - 1 or count == size


@given(st.integers(5, 100), st.randoms(use_true_random=False))
def test_what_is_drawn_is_balanced_and_blind_to_order(limit: int, chance: st.Random) -> None:  # type: ignore[name-defined]  # hypothesis exports no such name
    """Over the principles of a set; a shuffled set gives the same items."""
    whole = made(100)
    shuffled = list(whole.items)
    chance.shuffle(shuffled)
    (found,) = drawn((whole,), limit)
    (again,) = drawn((replace(whole, items=tuple(shuffled)),), limit)
    assert {one.id for one in found.items} == {one.id for one in again.items}
    counts = Counter(one.principle.id for one in found.items if one.principle)
    assert max(counts.values()) - min(counts.values()) <= 1
    assert len(counts) == 5


def test_no_limit_draws_all() -> None:
    """In their order."""
    sets = (made(7), JudgedSet("none", (), "made"))
    assert drawn(sets, None) == sets
    assert drawn(sets, 7) == sets
    assert [each.name for each in drawn(sets, 3)] == ["checks"]
