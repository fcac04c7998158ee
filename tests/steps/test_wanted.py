"""What is wanted of tags, what is given by texts: the strictest tag counts, and what is not known is said to be."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.principles import Reply
from constitution.steps.wanted import GIVEN, REPLIES, WANTED, read, refuses_more, stated, wanted
from constitution.steps.wanted import given as given_by

tags = st.lists(st.sampled_from("abcdef"), max_size=6)
responds: st.SearchStrategy[Mapping[str, Reply]] = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(REPLIES))


@given(tags, responds)
def test_the_strictest_tag_counts(tags: list[str], respond: Mapping[str, Reply]) -> None:
    """In whatever order tags stand; those that say nothing change nothing."""
    found = wanted(tags, respond)
    kinds = {respond[tag] for tag in tags if tag in respond}
    expected = "refuse" if "refuse" in kinds else "partial" if "partial" in kinds else "answer" if kinds else None
    assert found == expected == wanted(reversed(tags), respond) == wanted([*tags, "nobody"], respond)


@given(tags, tags, responds)
def test_more_tags_never_want_a_milder_reply(some: list[str], more: list[str], respond: Mapping[str, Reply]) -> None:
    """What both together want is what the stricter of both wants."""
    both = [wanted(some, respond), wanted(more, respond)]
    known = [kind for kind in both if kind is not None]
    assert wanted([*some, *more], respond) == (max(known, key=REPLIES.index) if known else None)


def test_words() -> None:
    """A full refusal is `refuse`, a partial one `partial`, none is `answer`; what is not known is no answer."""
    assert [given_by(kind) for kind in ("none", "partial", "full", None)] == list(GIVEN)
    assert [stated(kind) for kind in (*REPLIES, None)] == list(WANTED)
    assert [read(kind) for kind in ("none", None)] == ["none", "not read"]
    assert (WANTED, GIVEN) == (
        ("answer", "partial", "refuse", "not stated"), ("answer", "partial", "refuse", "not read"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wants", "more"),
    [
        ("answer", ["partial", "full"]),
        ("partial", ["full"]),
        ("refuse", []),
        (None, ["partial", "full"]),
    ],
)
def test_refusing_more_than_is_wanted(wants: Reply | None, more: list[str]) -> None:
    """Where nothing is stated any refusal is more; what was not read is none."""
    assert [kind for kind in ("none", "partial", "full", None) if refuses_more(wants, kind)] == more
