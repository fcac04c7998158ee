"""The pairs that ship: each is proved by its check, whole, and of the length that it should have."""

from __future__ import annotations

from collections import Counter

import pytest

from constitution import shipped
from constitution.checks import keeps
from constitution.examination.items import Item, JudgedSet
from constitution.run.resolve import build_checks
from constitution.sources.constitution_file import read_constitution
from constitution.sources.judged_sets.checks import FILE, FOLDER, read_checks
from constitution.sources.prompts.json_lines import parse_object
from constitution.steps.filter import leaks, strip_preamble

EACH = 44
"""Pairs of each principle."""
FOUND: JudgedSet = read_checks()
CHECKS = build_checks(read_constitution("verifiable"), {})


def _id(item: Item) -> str:
    assert item.principle is not None
    return item.principle.id


@pytest.mark.parametrize("principle", sorted(CHECKS))
def test_exactly_one_answer_keeps_the_principle(principle: str) -> None:
    """The better one; of every pair, by the check itself."""
    pairs = [item for item in FOUND.items if _id(item) == principle]
    assert len(pairs) == EACH
    assert all(keeps(CHECKS[principle], item.better) for item in pairs)
    assert not any(keeps(CHECKS[principle], item.worse) for item in pairs)


def test_there_are_enough_and_no_text_comes_twice() -> None:
    """At least 400 pairs, each of its own two answers; ids and digests are apart."""
    assert len(FOUND.items) >= 400
    assert not FOUND.left_out
    texts = Counter(text for item in FOUND.items for text in (item.better, item.worse))
    assert max(texts.values()) == 1
    assert len({item.digest for item in FOUND.items}) == len({item.id for item in FOUND.items}) == len(FOUND.items)


def test_length_tells_nothing() -> None:
    """Taking the longer answer is right in exactly half; no two are equally long."""
    assert sum(item.longer for item in FOUND.items) == len(FOUND.items) / 2
    assert all(item.longer in (0, 1) for item in FOUND.items)
    others = [item.longer for item in FOUND.items if _id(item) != "sixty-words"]
    assert 0.5 <= sum(others) / len(others) < 0.6


def test_answers_are_whole() -> None:
    """No machinery, no introduction, a mark at the end, neither a word nor a page."""
    for item in FOUND.items:
        for text in (item.better, item.worse):
            assert text == text.strip()
            assert text[-1] in ".?!"
            assert not leaks(text)
            assert strip_preamble(text)[1] is None
            assert 8 <= len(text.split()) <= 130


def test_questions_are_spread() -> None:
    """Each principle meets every question once."""
    asked = Counter((_id(item), item.conversation[0].content) for item in FOUND.items)
    assert set(asked.values()) == {1}
    assert len({question for _, question in asked}) == EACH


@pytest.mark.slow
def test_they_are_what_their_script_makes() -> None:
    """Byte for byte; the script is the source."""
    from benchmarks.examination_pairs import chosen

    rows = [parse_object(line) for line in shipped.read(FOLDER, FILE).splitlines()]
    assert [(row["principle"], row["prompt"], row["better"], row["worse"]) for row in rows] == sorted(chosen())
