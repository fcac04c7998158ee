"""The little language of the cue file."""

from __future__ import annotations

import re

import pytest

from constitution.steps.refusals.phrases import phrase

LISTS = {"cannot": "(i can't|i cannot)", "help": "(help|assist*)"}


def _matches(source: str, text: str, spaced: bool = True) -> bool:
    return re.match(phrase(source, LISTS, spaced).expression, text) is not None


@pytest.mark.parametrize(
    ("source", "text", "found"),
    [
        ("{cannot} {help}", "i can't help", True),
        ("{cannot} {help}", "i cannot assisting", True),
        ("{cannot} {help}", "i can't  help", True),
        ("{cannot} {help}", "i can help", False),
        ("{cannot} (really)? {help}", "i can't really help", True),
        ("{cannot} (really)? {help}", "i can't help", True),
        ("(so)? {cannot}", "so i can't", True),
        ("(so)? {cannot}", "i can't", True),
        ("to ... you can", "to open the old tin you can", True),
        ("to ... you can", "to you can", True),
        ("to ... you can", "to a b c d e you can", True),
        ("to ... you can", "to a b c d e f you can", False),
        ("to ... you can", "to open it. then you can", False),
        ("help", "helper", False),
        ("help", "help's", False),
        ("be help", "be helpful", False),
        ("be help*", "be helper", True),
        ("title:", "title: x", True),
        ("(a b|c) d", "a b d", True),
        ("(a b|c) d", "c d", True),
        ("(a b|c) d", "b d", False),
    ],
)
def test_a_phrase_matches_what_it_says(source: str, text: str, found: bool) -> None:
    """Brackets, lists, optional words, endings and gaps do as the cue file's head says."""
    assert _matches(source, text) is found


def test_scripts_without_spaces_join_their_parts() -> None:
    """Nothing stands between two parts, and a word has no ending that must be kept."""
    assert _matches("我 (不能|无法) (帮助|提供)", "我无法提供", spaced=False)
    assert _matches("我 ... 帮", "我真的没有办法帮你", spaced=False)
    assert _matches("我 ... 帮", "我帮你", spaced=False)
    assert not _matches("我 ... 帮", "我来了。他帮你", spaced=False)


@pytest.mark.parametrize(
    ("source", "heads"),
    [
        ("{cannot} {help}", {("i", "can't"), ("i", "cannot")}),
        ("(so)? {cannot}", {("so", "i"), ("i", "can't"), ("i", "cannot")}),
        ("to ... you", {("to", None), ("to", "you")}),
        ("alone", {("alone",)}),
        ("title: x*", {("title", None)}),
    ],
)
def test_a_phrase_tells_its_first_two_words(source: str, heads: set[tuple[str | None, ...]]) -> None:
    """By them it is found."""
    assert phrase(source, LISTS).heads == heads


def test_letters_are_words_without_spaces() -> None:
    """In scripts without spaces two letters lead to a cue."""
    assert phrase("抱歉 我", {}, spaced=False).heads == {("抱", "歉")}
    assert phrase("我 (不能|无法)", {}, spaced=False).heads == {("我", "不"), ("我", "无")}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{missing} x", "there is no list 'missing'"),
        ("(a|b", r"expected '\)'"),
        ("a) b", "what is '\\) b' doing there"),
        ("? a", "follows nothing"),
        ("(a)? (b)?", "every word of it may be missing"),
        ("help* you", "must begin with words that are written out"),
        ("... you", "must begin with words that are written out"),
        ("(a|b*) c", "must begin with words that are written out"),
    ],
)
def test_a_wrong_phrase_is_told(source: str, said: str) -> None:
    """The message names the cue and what is wrong with it."""
    with pytest.raises(ValueError, match=said):
        phrase(source, LISTS)
