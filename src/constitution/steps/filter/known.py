"""The filters that there are, each with one threshold, and what is done with what they see unless somebody says else.

What is sure is dropped; what is only likely is a flag on the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from constitution.records import PreferencePair
from constitution.steps.filter.composing import Filter
from constitution.steps.filter.languages import other_language
from constitution.steps.filter.loops import LOOP_SHARE, LOOP_TIMES, LOOP_WORDS, Loops, loops, stands_in
from constitution.steps.filter.remarks import asks_for_rewriting, remark
from constitution.steps.filter.text import NEAR_COPY, word_count
from constitution.steps.wanted import given, refuses_more, stated

Effect: TypeAlias = Literal["drop", "flag", "keep"]
"""The pair goes, with its reason; it stays, and its row says so; nothing."""
EFFECTS: tuple[Effect, ...] = get_args(Effect)

LENGTH_RATIO = 4
"""Times as many words as the other text that make a pair look like one about length."""
LENGTH_EXTREME = 50
"""Times as many words from which nothing but length is to be learned."""
LENGTH_FLOOR = 10
"""Words that the shorter text counts for at least: a plain yes, or a refusal in one sentence, is an answer."""


def _repetition(pair: PreferencePair) -> str | None:
    found = loops(pair.chosen)
    said = any(letter.isalpha() for unit in found.units for letter in unit)
    return _told(pair, found) if found.share >= LOOP_SHARE and said else None


def _some_repetition(pair: PreferencePair) -> str | None:
    return _told(pair, loops(pair.chosen, fold_digits=True))


def _rejected_repetition(pair: PreferencePair) -> str | None:
    return _told(pair, loops(pair.rejected, fold_digits=True))


def _told(pair: PreferencePair, found: Loops) -> str | None:
    """The longest loop, unless it says what somebody asked to hear."""
    longest = found.longest
    if longest is None or any(stands_in(longest, turn.content) for turn in pair.conversation):
        return None
    return f"{longest}, {found.share:.0%} of the words".replace("%", " %")


def _length_ratio(pair: PreferencePair) -> str | None:
    return _longer(pair, LENGTH_RATIO)


def _length_extreme(pair: PreferencePair) -> str | None:
    return _longer(pair, LENGTH_EXTREME)


def _longer(pair: PreferencePair, times: int) -> str | None:
    chosen, rejected = word_count(pair.chosen), word_count(pair.rejected)
    longer = max(chosen, rejected) > times * max(LENGTH_FLOOR, min(chosen, rejected))
    return f"chosen {chosen} words, rejected {rejected}" if longer else None


def _other_language(pair: PreferencePair) -> str | None:
    found = other_language(pair.conversation, pair.chosen)
    return found and f"asked in {found[0]}, answered in {found[1]}"


def _meta_talk(pair: PreferencePair) -> str | None:
    said = remark(pair.chosen)
    return None if said is None or asks_for_rewriting(pair.conversation) else f'"{said}"'


def _near_copy(pair: PreferencePair) -> str | None:
    return f"{pair.similarity:.2f}" if pair.similarity >= NEAR_COPY else None


def _teaches_refusal(pair: PreferencePair) -> str | None:
    return _replies(pair) if pair.wanted == "answer" and pair.chosen_refusal == "full" else None


def _chosen_refuses(pair: PreferencePair) -> str | None:
    return _replies(pair) if refuses_more(pair.wanted, pair.chosen_refusal) else None


def _chosen_answers(pair: PreferencePair) -> str | None:
    return _replies(pair) if pair.wanted == "refuse" and pair.chosen_refusal == "none" else None


def _both_refuse(pair: PreferencePair) -> str | None:
    return _replies(pair) if pair.chosen_refusal == pair.rejected_refusal == "full" else None


def _replies(pair: PreferencePair) -> str:
    return f"wanted {stated(pair.wanted)}, chosen {given(pair.chosen_refusal)}"


_ALL: tuple[tuple[Filter, Effect], ...] = (
    (
        Filter(
            "repetition",
            _repetition,
            f"at least {LOOP_SHARE:.0%} of the chosen text is loops: the same words {LOOP_TIMES} times in a row or "
            f"more, {LOOP_WORDS} words in all",
            alone=True,
        ),
        "drop",
    ),
    (
        Filter(
            "length_extreme",
            _length_extreme,
            f"one text has more than {LENGTH_EXTREME} times the words of the other, which counts for {LENGTH_FLOOR} at "
            "least",
        ),
        "drop",
    ),
    (
        Filter(
            "teaches_refusal",
            _teaches_refusal,
            "the prompt's tags want an answer, and the chosen text is a full refusal",
            alone=True,
        ),
        "drop",
    ),
    (
        Filter("some_repetition", _some_repetition, "a loop in the chosen text, of any share; all numbers are one"),
        "flag",
    ),
    (Filter("rejected_repetition", _rejected_repetition, "the same in the rejected text"), "flag"),
    (Filter("length_ratio", _length_ratio, f"as length_extreme, from {LENGTH_RATIO} times on"), "flag"),
    (
        Filter("other_language", _other_language, "the chosen text is plainly in another language than the question"),
        "flag",
    ),
    (Filter("meta_talk", _meta_talk, "the chosen text speaks of its own rewriting"), "flag"),
    (
        Filter(
            "chosen_refuses",
            _chosen_refuses,
            "the chosen text refuses more than the prompt's tags want, or at all where they say nothing",
            alone=True,
        ),
        "flag",
    ),
    (
        Filter(
            "chosen_answers",
            _chosen_answers,
            "the prompt's tags want a refusal, and nothing in the chosen text is one",
            alone=True,
        ),
        "flag",
    ),
    (Filter("both_refuse", _both_refuse, "both texts are full refusals"), "flag"),
    (
        Filter("near_copy", _near_copy, f"both texts share {NEAR_COPY:.0%} of their word trigrams, or more (Jaccard)"),
        "keep",
    ),
)
ABOUT_REFUSALS = ("teaches_refusal", "chosen_refuses", "chosen_answers", "both_refuse")
"""Filters that look at what a text refuses."""
FILTERS: Mapping[str, Filter] = MappingProxyType({filter.name: filter for filter, _ in _ALL})
"""By name, in the order in which they are asked: the first that drops a pair gives the reason."""
DEFAULT_EFFECTS: Mapping[str | Filter, Effect] = MappingProxyType({filter.name: effect for filter, effect in _ALL})
FilterName: TypeAlias = Literal[
    "all", "repetition", "length_extreme", "teaches_refusal", "some_repetition", "rejected_repetition", "length_ratio",
    "other_language", "meta_talk", "chosen_refuses", "chosen_answers", "both_refuse", "near_copy",
]  # fmt: skip
"""What a run file may name: all of them, or one."""
