"""Laws of filters and sieves: joined names, double negation, De Morgan, effects."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution.errors import SettingsError
from constitution.messages import user
from constitution.records import Draft, Dropped, PreferencePair, Trace
from constitution.steps.filter import (
    DEFAULT_EFFECTS,
    FILTERS,
    Effects,
    Filter,
    Sieve,
    effects_of,
    sieve_of,
    strip_closing,
)
from constitution.steps.filter.loops import loops
from constitution.steps.filter.remarks import asks_for_rewriting, remark
from constitution.steps.pair import Pairing, settle_chain
from tests.strategies import texts


def _holds(letter: str) -> Filter:
    return Filter(letter, lambda pair: f"a {letter}" if letter in pair.chosen else None, alone=letter != "d")


LETTERS = {letter: _holds(letter) for letter in "abcd"}
filters = st.recursive(
    st.sampled_from(list(LETTERS.values())),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: two[0] & two[1]),
        st.tuples(inner, inner).map(lambda two: two[0] | two[1]),
        inner.map(lambda one: ~one),
    ),
    max_leaves=5,
)
chosen_texts = st.text("abcd", max_size=3)


def pair(chosen: str, rejected: str = "x", asked: str = "Q?") -> PreferencePair:
    return PreferencePair("r", 0, 0, (user(asked),), chosen, rejected, (), (0, 1), 0.0)


def hits(filter: Filter, text: str) -> bool:
    return filter(pair(text)) is not None


@given(filters)
def test_twice_not_is_the_filter(one: Filter) -> None:
    """`~~f == f`, name and all."""
    assert ~~one == one
    assert str(~~one) == one.name


@given(filters, filters, chosen_texts)
def test_de_morgan(one: Filter, other: Filter, text: str) -> None:
    """Not both is not the one or not the other; not either is neither."""
    assert hits(~(one & other), text) == hits(~one | ~other, text)
    assert hits(~(one | other), text) == hits(~one & ~other, text)


@given(filters, filters, chosen_texts)
def test_what_joins_mean(one: Filter, other: Filter, text: str) -> None:
    """Both, either, not; whatever the order."""
    assert hits(one & other, text) == hits(other & one, text) == (hits(one, text) and hits(other, text))
    assert hits(one | other, text) == hits(other | one, text) == (hits(one, text) or hits(other, text))
    assert hits(~one, text) != hits(one, text)
    assert hits(one & one, text) == hits(one | one, text) == hits(one, text)


@given(filters, chosen_texts)
def test_names_read_back(one: Filter, text: str) -> None:
    """A joined name is the expression that it stands for, and what was seen is said."""
    assert hits(eval(one.name, dict(LETTERS)), text) == hits(one, text)
    found = one(pair(text))
    assert found is None or found.strip()


def test_joined_names_and_details() -> None:
    """As they are read."""
    a, b, c = (LETTERS[letter] for letter in "abc")
    assert str(a | b | c) == "a | b | c"
    assert str((a | b) & ~c) == "(a | b) & ~c"
    assert str(~(a & b)) == "~(a & b)"
    assert (a & b)(pair("ab")) == "a: a a; b: a b"
    assert (a | b)(pair("b")) == "b: a b"
    assert (~a & b)(pair("b")) == "not a; b: a b"
    assert (a & b).alone
    assert not (a & LETTERS["d"]).alone


@pytest.mark.parametrize(("given_back", "expected"), [(True, "n"), (False, None), (None, None), ("", None), ("x", "x")])
def test_what_a_look_may_give(given_back: str | bool | None, expected: str | None) -> None:
    """A text, or yes or no."""
    assert Filter("n", lambda _: given_back)(pair("t")) == expected


def test_the_first_that_drops_gives_the_reason() -> None:
    """Filters are asked in their order; flags stand in theirs, behind those that were there."""
    both = "again and again we say it. " * 20
    assert sieve_of({"some_repetition": "drop"})(pair(both)) == sieve_of({})(pair(both))
    seen_before = replace(pair(both), flags=("flipped",))
    kept = sieve_of({"repetition": "keep", "length_extreme": "keep"})(seen_before)
    assert isinstance(kept, PreferencePair)
    assert kept.flags == ("flipped", "some_repetition", "length_ratio")


def test_own_filters() -> None:
    """They drop as `filtered` with their name in the detail, and flag by their name."""
    own = Filter("short", lambda pair: len(pair.chosen) < 3)
    assert sieve_of({own: "drop"})(pair("ab")) == Dropped("filtered", "short: short")
    flagged = sieve_of({own: "flag"})(pair("ab"))
    assert isinstance(flagged, PreferencePair)
    assert flagged.flags == ("short",)
    joined = own & ~FILTERS["meta_talk"]
    assert sieve_of({joined: "drop"})(pair("ab")) == Dropped(
        "filtered", "short & ~meta_talk: short: short; not meta_talk"
    )


@given(st.dictionaries(st.sampled_from([*FILTERS, "all"]), st.sampled_from(["drop", "flag", "keep"])))
def test_effects(given_effects: dict[str, str]) -> None:
    """A named effect counts, else that of `all`, else the default; a sieve says what it does."""
    sieve = sieve_of(given_effects)  # type: ignore[arg-type]  # drawn
    said = sieve.settings()
    for name in FILTERS:
        wanted = given_effects.get(name, given_effects.get("all", DEFAULT_EFFECTS[name]))
        assert said.get(name, "keep") == wanted
    assert sieve_of({}, effects_of(sieve)) == sieve
    assert sieve_of({"all": "keep", **said}) == sieve
    assert sieve_of({"all": "keep"}, effects_of(sieve)) == Sieve()


@pytest.mark.parametrize(
    ("effects", "message"),
    [
        ({"repetitions": "drop"}, "did you mean repetition"),
        ({"xyz": "drop"}, "expected one of repetition, "),
        ({"repetition": "delete"}, "'delete' is none of drop, flag, keep"),
        ({Filter("repetition", lambda _: None): "drop"}, "two filters have this name"),
        ({Filter("all", lambda _: None): "drop"}, "two filters have this name"),
        ({LETTERS["a"]: "drop", _holds("a"): "flag"}, "two filters have this name"),
    ],
    ids=lambda value: re.sub(" at 0x[0-9a-f]+", "", str(value)),
)
def test_effects_that_are_none(effects: dict[str | Filter, str], message: str) -> None:
    """Refused by name."""
    with pytest.raises(SettingsError, match=message):
        sieve_of(effects)  # type: ignore[arg-type]  # wrong on purpose


def test_a_fine_draft_is_looked_at_alone() -> None:
    """By filters that drop and need no other text, as the chosen text of a pair without a rejected one."""
    shown: list[PreferencePair] = []
    own = Filter("own", shown.append, alone=True)
    trace = Trace("r", 2, (user("Q?"),), Draft("We go on and on. " * 30), tags=("a",))

    def reason(effects: Effects) -> str | None:
        return settle_chain(trace, Pairing(sieve=sieve_of(effects), respond={"a": "answer"}), {}).reason

    assert reason({own: "drop"}) == "repetition"
    assert reason({"all": "keep", own: "drop"}) is None
    assert reason({"all": "keep", own: "flag", LETTERS["d"]: "drop"}) is None
    (only,) = shown
    assert (only.chosen, only.rejected, only.sample, only.tags) == (trace.final, "", 2, ("a",))
    assert (only.wanted, only.chosen_refusal) == ("answer", "none")


@given(texts, texts)
@settings(max_examples=50)
def test_a_sieve_changes_nothing_but_flags(chosen: str, rejected: str) -> None:
    """Any texts pass through as they are, and a second time the same is seen."""
    for name, filter in FILTERS.items():
        found = filter(pair(chosen, rejected))
        assert found == filter(pair(chosen, rejected)), name
        assert found is None or (found.strip() and len(found) < 200)
    for name in ("length_ratio", "length_extreme"):
        assert (FILTERS[name](pair(chosen, rejected)) is None) == (FILTERS[name](pair(rejected, chosen)) is None)
    assert (FILTERS["some_repetition"](pair(chosen)) is None) == (
        FILTERS["rejected_repetition"](pair("x", chosen)) is None
    )


@given(
    texts, st.sampled_from(["I hope this revised answer helps.", "Diese verbesserte Antwort ist kürzer.", "And so."])
)
def test_stripping_a_closing_is_done_once(text: str, closing: str) -> None:
    """What is left has nothing more to strip; both parts come from the text."""
    whole = f"{text}\n\n{closing}\n\n{closing}"
    rest, stripped = strip_closing(whole)
    assert strip_closing(rest) == (rest, None)
    assert whole.strip().startswith(rest)
    assert stripped is None or whole.strip().endswith(stripped)


HOSTILE = {
    "one letter": ("", "a", ""),
    "one word": ("", "the ", ""),
    "two letters": ("", "ab", ""),
    "one character": ("", "好", ""),
    "noise": ("", "".join("ab"[(n * n // 7) % 2] for n in range(1_000)), ""),
    "lines": ("", "\n", "words"),
    "fences": ("", "```\n", ""),
    "half fences": ("", "~~~\nx\n```\n", ""),
    "bullets": ("", "1. ", ""),
    "tables": ("", "|", ""),
    "quotes": ("", '"', ""),
    "addresses": ("", "http://", ""),
    "openings": ("", "my previous ", ""),
    "near remarks": ("", "ich habe a ", "entfernt"),
    "closings": ("x", "\n\nI hope this revised answer is good.", ""),
    "margins": ("x\n\n", "*_(", ""),
}
"""Beginning, what is repeated, end."""


def hostile(name: str, size: int) -> str:
    begin, again, end = HOSTILE[name]
    return begin + again * (size // len(again)) + end


@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_linear(name: str) -> None:
    """Four times the text takes some four times as long; noise of a busy machine aside."""
    took = [_seconds(hostile(name, size)) for size in (50_000, 200_000)]
    assert took[1] < max(1.0, 10 * took[0]), took


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte(name: str) -> None:
    """Takes some seconds at most."""
    assert _seconds(hostile(name, 1_000_000)) < 30


def _seconds(text: str) -> float:
    start = perf_counter()
    loops(text, fold_digits=True)
    remark(text)
    strip_closing(text)
    asks_for_rewriting((user(text),))
    for filter in FILTERS.values():
        filter(pair(text, "x", "A question that is long enough to be in a language, is it not so?"))
    return perf_counter() - start


def test_nothing_is_kept_of_long_texts() -> None:
    """What is remembered is counted in texts: the last ones only."""
    assert loops.cache_info().maxsize == remark.cache_info().maxsize == 128
    assert sys.getsizeof(loops("x")) < 1000
