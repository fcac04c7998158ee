"""Filters about refusals: what each sees, by what is wanted and by what both texts are."""

from __future__ import annotations

from itertools import product

import pytest

from constitution.messages import user
from constitution.principles import Reply
from constitution.records import Dropped, PreferencePair
from constitution.steps.filter import DEFAULT_EFFECTS, FILTERS, Effects, sieve_of
from constitution.steps.filter.known import ABOUT_REFUSALS
from constitution.steps.refusals.pairs import with_refusals
from tests.steps.refusing import TEXTS

KINDS = ("none", "partial", "full", None)
WANTS: tuple[Reply | None, ...] = ("answer", "partial", "refuse", None)


def pair(wanted: Reply | None, chosen: str | None, rejected: str | None = "none") -> PreferencePair:
    """A pair of texts of these kinds."""
    return PreferencePair(
        "r", 0, 0, (user("Q?"),), "chosen", "rejected", ("p",), (0, 1), 0.1, wanted=wanted, chosen_refusal=chosen,
        rejected_refusal=rejected,
    )  # fmt: skip


def seeing(name: str) -> set[tuple[str | None, str | None]]:
    """Of what is wanted and of what kind the chosen text is, what a filter sees."""
    return {(want, kind) for want, kind in product(WANTS, KINDS) if FILTERS[name](pair(want, kind)) is not None}


def test_what_filters_see() -> None:
    """And nothing else: nothing of what was not read."""
    assert seeing("teaches_refusal") == {("answer", "full")}
    assert seeing("chosen_refuses") == {
        ("answer", "full"), ("answer", "partial"), ("partial", "full"), (None, "full"), (None, "partial"),
    }  # fmt: skip
    assert seeing("chosen_answers") == {("refuse", "none")}
    both = {kinds for kinds in product(KINDS, KINDS) if FILTERS["both_refuse"](pair(None, *kinds)) is not None}
    assert both == {("full", "full")}


def test_what_they_tell() -> None:
    """What was wanted and what was given, in the words of the tables."""
    assert FILTERS["teaches_refusal"](pair("answer", "full")) == "wanted answer, chosen refuse"
    assert FILTERS["chosen_refuses"](pair(None, "partial")) == "wanted not stated, chosen partial"


@pytest.mark.parametrize(
    ("effects", "found"),
    [
        ({}, "teaches_refusal"),
        ({"teaches_refusal": "flag"}, ("teaches_refusal", "chosen_refuses", "both_refuse")),
        ({"teaches_refusal": "keep"}, ("chosen_refuses", "both_refuse")),
        ({"all": "keep"}, ()),
        ({"teaches_refusal": "keep", "both_refuse": "drop"}, "both_refuse"),
    ],
)
def test_effects(effects: Effects, found: str | tuple[str, ...]) -> None:
    """A needless refusal goes, and never stays unseen unless all is to be kept."""
    made = sieve_of(effects)(pair("answer", "full", "full"))
    assert (made.reason if isinstance(made, Dropped) else made.flags) == found


def test_defaults() -> None:
    """Only what is sure to teach the wrong thing is dropped; it has no need of the rejected text."""
    assert [DEFAULT_EFFECTS[name] for name in ABOUT_REFUSALS] == ["drop", "flag", "flag", "flag"]
    assert [FILTERS[name].alone for name in ABOUT_REFUSALS] == [True, True, True, False]


def test_the_counterweight_stays() -> None:
    """A pair that rejects a needless refusal has neither flag nor reason to go."""
    made = sieve_of({})(pair("answer", "none", "full"))
    assert isinstance(made, PreferencePair)
    assert made.flags == ()


@pytest.mark.parametrize(("tags", "wants"), [(("a",), "answer"), (("a", "b"), "refuse"), (("c",), None), ((), None)])
def test_texts_are_read(tags: tuple[str, ...], wants: Reply | None) -> None:
    """A pair knows what its prompt deserves and what both texts refuse."""
    kinds = dict(zip(TEXTS, ("full", "partial", "none", None), strict=True))
    for (_, chosen), (_, rejected) in product(TEXTS.items(), TEXTS.items()):
        made = with_refusals(
            PreferencePair("r", 0, 0, (user("Q?"),), chosen, rejected, (), (0, 1), 0.1, tags=tags),
            {"a": "answer", "b": "refuse"},
        )
        of = {text: kinds[name] for name, text in TEXTS.items()}
        assert (made.wanted, made.chosen_refusal, made.rejected_refusal) == (wants, of[chosen], of[rejected])
