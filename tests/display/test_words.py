"""The word diff that both surfaces draw, and what no view lets through."""

from __future__ import annotations

import time
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.display.words import MOST_CHARACTERS, Part, readable_diff, safe, shown, word_diff
from tests.strategies import HOSTILE, sentences, texts

any_text = st.one_of(
    texts, st.text(), st.lists(st.one_of(sentences, st.sampled_from(HOSTILE)), max_size=6).map(" ".join)
)


@given(any_text, any_text)
def test_a_diff_holds_both_texts(before: str, after: str) -> None:
    """What is equal or went is the first text, what is equal or came the second, to the last character."""
    parts = word_diff(before, after)
    assert "".join(part.text for part in parts if part.kind != "come") == before
    assert "".join(part.text for part in parts if part.kind != "gone") == after
    assert all(part.text for part in parts)
    assert all(a.kind != b.kind for a, b in pairwise(parts))


@given(any_text)
def test_a_text_is_equal_to_itself(text: str) -> None:
    """Nothing went and nothing came."""
    assert {part.kind for part in word_diff(text, text)} <= {"equal"}


def test_a_diff_reads_in_words() -> None:
    """Words, not letters; a word alone between two changes goes with them; a space is no change of its word."""
    assert word_diff("Basil likes red light.", "Hello! Basil likes green light.") == (
        Part("come", "Hello! "),
        Part("equal", "Basil likes"),
        Part("gone", " red"),
        Part("come", " green"),
        Part("equal", " light."),
    )
    assert word_diff("I saw one and two.", "I met three and four.") == (
        Part("equal", "I"),
        Part("gone", " saw one and two"),
        Part("come", " met three and four"),
        Part("equal", "."),
    )
    assert Part("gone", "水") in word_diff("我喝水。", "我喝茶。")


def test_unlike_texts_are_not_compared() -> None:
    """Neither are texts that repeat themselves: comparing them takes too long."""
    assert readable_diff("Red and green and blue.", "Warm water helps.") is None
    assert readable_diff("Warm water helps.", "Warm water helps a lot.") is not None
    began = time.monotonic()
    assert readable_diff("the " * 5000, "the a " * 2500) is None
    assert time.monotonic() - began < 5


@given(any_text)
def test_nothing_unseen_gets_through(text: str) -> None:
    """No escape sequence, control character, direction mark or surrogate; what is plain stays as it is."""
    clean = safe(text)
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co") or c in "\n\u200c\u200d" for c in clean)
    assert safe(clean) == clean


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        ("\u202eabc\u2066", "abc"),
        ("a\x00b\x07", "ab"),
        ("a\r\nb\tc", "a\nb   c"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\ud83d", ""),
    ],
)
def test_what_is_left_of_a_text(text: str, left: str) -> None:
    """Escapes go whole, tabs become spaces, joiners stay."""
    assert safe(text) == left


def test_a_huge_text_is_cut_and_counted() -> None:
    """A view stays small, and says how much there is."""
    assert shown("a" * MOST_CHARACTERS) == "a" * MOST_CHARACTERS
    assert shown("a" * 1_000_000) == "a" * MOST_CHARACTERS + " ... (cut here: 1,000,000 characters)"
