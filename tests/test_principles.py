"""Principles: validation-free nouns with a digest and a way of drawing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import isqrt
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.messages import user
from constitution.principles import Case, CheckSpec, FewShots, JudgeShot, Principle, Principles
from constitution.seeds import Seeds
from tests.strategies import TAGS, constitutions, principle_lists, run_seeds, simple

some_tags = st.lists(st.sampled_from(TAGS), unique=True).map(tuple)


def made(*principles: Principle) -> Principles:
    return Principles("made", "1", principles)


def drawable(id: str, weight: float = 1.0, **more: Any) -> Principle:
    return Principle(id, text=id, critique="c", revision="r", weight=weight, **more)


@given(principle_lists(), some_tags, run_seeds, st.integers(0, 9), st.integers(0, 12))
def test_no_principle_twice_before_all(
    principles: tuple[Principle, ...], tags: tuple[str, ...], run: int, sample: int, rounds: int
) -> None:
    """One principle for each round; a record meets none twice until it has met all that apply, again and again."""
    constitution = made(*principles)
    applying = [p.id for p in constitution.applying(tags)]
    drawn = [p.id for p in constitution.draw(Seeds(run, "r", sample), rounds, tags)]
    assert len(drawn) == rounds
    for start in range(0, rounds, len(applying)):
        turn = drawn[start : start + len(applying)]
        assert len(set(turn)) == len(turn)
        assert set(turn) <= set(applying)


@given(principle_lists(), some_tags, run_seeds, st.randoms(use_true_random=False))
def test_order_in_the_file_does_not_matter(
    principles: tuple[Principle, ...], tags: tuple[str, ...], run: int, random: Any
) -> None:
    """The same principles in another order are drawn the same, and have the same digest."""
    other = list(principles)
    random.shuffle(other)
    one, two = made(*principles), made(*other)
    assert one.digest == two.digest
    assert one.draw(Seeds(run, "r"), 5, tags) == two.draw(Seeds(run, "r"), 5, tags)


@given(principle_lists(), some_tags, run_seeds)
def test_only_what_applies_is_drawn(principles: tuple[Principle, ...], tags: tuple[str, ...], run: int) -> None:
    """Weight 0 is never drawn, nor what is limited to other tags; without tags only unlimited principles are."""
    for principle in made(*principles).draw(Seeds(run, "r"), 12, tags):
        assert principle.weight > 0
        assert not principle.applies_to or set(principle.applies_to) & set(tags)


def test_none_applies() -> None:
    """A prompt that no principle applies to draws none, for whatever reason none applies."""
    limited = made(drawable("a", applies_to=("harmful",)), drawable("b", weight=0.0), Principle("c", asks="?"))
    assert limited.draw(Seeds(0, "r"), 3) == ()
    assert limited.draw(Seeds(0, "r"), 3, ("benign",)) == ()
    assert [p.id for p in limited.draw(Seeds(0, "r"), 2, ("benign", "harmful"))] == ["a", "a"]


def test_weights_are_followed() -> None:
    """First draws follow the weights (chi-square over 20,000 records, 3 degrees of freedom, p > 0.001)."""
    weights = {"a": 1.0, "b": 2.0, "c": 0.5, "d": 4.5}
    constitution = made(*(drawable(id, weight) for id, weight in weights.items()))
    records = 20_000
    drawn = Counter(constitution.draw(Seeds(11, f"r{n}"), 1)[0].id for n in range(records))
    expected = {id: records * weight / sum(weights.values()) for id, weight in weights.items()}
    assert sum((drawn[id] - expected[id]) ** 2 / expected[id] for id in weights) < 16.27


def test_second_draws_follow_the_weights_that_are_left() -> None:
    """Given the first draw, the second follows the weights of the others (chi-square, 1 degree of freedom)."""
    constitution = made(drawable("a", 6.0), drawable("b", 1.0), drawable("c", 3.0))
    pairs = [tuple(p.id for p in constitution.draw(Seeds(3, f"r{n}"), 2)) for n in range(10_000)]
    after = Counter(second for first, second in pairs if first == "a")
    expected = {"b": after.total() / 4, "c": after.total() * 3 / 4}
    assert sum((after[id] - expected[id]) ** 2 / expected[id] for id in expected) < 10.83


def test_rounds_are_independent() -> None:
    """With two principles and the run of rounds, the first of each cycle is drawn anew (half of the records differ)."""
    constitution = made(drawable("a"), drawable("b"))
    records = 4000
    same = sum(d[0] == d[2] for d in (constitution.draw(Seeds(0, f"r{n}"), 3) for n in range(records)))
    assert abs(same - records / 2) < 4 * isqrt(records) / 2


def test_an_edit_moves_few_draws() -> None:
    """One principle added to 17 moves fewer than 8 % of first draws, and all of them to the new one."""
    before, after = simple(17), simple(18)
    records = 5000
    moved = 0
    for number in range(records):
        seeds = Seeds(1, f"r{number}")
        old, new = before.draw(seeds, 1)[0].id, after.draw(seeds, 1)[0].id
        if old != new:
            assert new == "p17"
            moved += 1
    assert 0.03 * records < moved < 0.08 * records


def test_a_removal_moves_only_its_own_draws() -> None:
    """Taking a principle away moves the first draws of the records that drew it, and no others."""
    before = simple(12)
    after = made(*(p for p in before.principles if p.id != "p4"))
    for number in range(2000):
        seeds = Seeds(1, f"r{number}")
        old, new = before.draw(seeds, 1)[0].id, after.draw(seeds, 1)[0].id
        assert (old != new) == (old == "p4")


def test_ten_thousand_principles() -> None:
    """A constitution of ten thousand principles draws like any other."""
    drawn = simple(10_000).draw(Seeds(0, "r"), 3)
    assert len({p.id for p in drawn}) == 3


def test_huge_and_tiny_weights() -> None:
    """A huge weight is drawn first, a tiny one last, and both are drawn."""
    constitution = made(drawable("tiny", 1e-300), drawable("one"), drawable("huge", 1e300))
    for number in range(50):
        assert [p.id for p in constitution.draw(Seeds(0, str(number)), 3)] == ["huge", "one", "tiny"]


base = made(
    Principle(
        "a",
        text="t",
        critique="c",
        revision="r",
        preference="p",
        asks="q",
        asks_broken="b",
        checks=(CheckSpec("words", '{"max":3}'),),
        why="w",
        level="l",
        tags=("x",),
        applies_to=("y",),
        negation="n",
        cases=(Case((user("s"),), "good", "bad", "note"),),
        source="s",
    )
)
IN_THE_DIGEST: dict[str, Any] = {
    "id": "b", "text": "T", "critique": "C", "revision": "R", "preference": "P", "asks": "Q", "asks_broken": "B",
    "checks": (CheckSpec("words", '{"max":4}'),), "why": "W", "level": "L", "weight": 2.0, "tags": ("X",),
    "applies_to": ("Y",), "negation": "N", "cases": (Case((user("s"),), "good", "bad", "other"),),
}  # fmt: skip
OF_THE_WHOLE: dict[str, Any] = {
    "context": "x",
    "levels": ("l",),
    "respond": MappingProxyType({"harmful": "refuse"}),
    "few_shots": FewShots(critique=((user("a"),),)),
    "templates": MappingProxyType({"critique": "x"}),
}


@pytest.mark.parametrize("key", IN_THE_DIGEST)
def test_digest_of_a_principle(key: str) -> None:
    """Every key of a principle but `source` is in the digest."""
    changed = replace(base, principles=(replace(base["a"], **{key: IN_THE_DIGEST[key]}),))
    assert changed.digest != base.digest


@pytest.mark.parametrize("key", OF_THE_WHOLE)
def test_digest_of_the_whole(key: str) -> None:
    """Context, levels, respond, few-shots and templates are in the digest."""
    assert replace(base, **{key: OF_THE_WHOLE[key]}).digest != base.digest


def test_digest_of_judge_shots() -> None:
    """Worked comparisons for the judge are in the digest."""
    changed = replace(base, few_shots=FewShots(judge=(JudgeShot("p", "a", "b", "a"),)))
    assert changed.digest != base.digest


def test_not_in_the_digest() -> None:
    """Name, version, description, language, license, sources and switched-off principles change no digest."""
    off = Principle("off", critique="c", revision="r", weight=0.0)
    other = Principles(
        "other", "2", (off, replace(base["a"], source="elsewhere")), description="d", language="de", license="l"
    )
    assert other.digest == base.digest


@given(constitutions())
def test_equal_constitutions_are_one_key(constitution: Principles) -> None:
    """Equal constitutions are equal keys of a mapping."""
    assert {constitution: 1}[replace(constitution)] == 1


def test_unknown_id() -> None:
    """Asking for a principle that is not there is a KeyError that names it."""
    with pytest.raises(KeyError, match="nothing"):
        base["nothing"]
