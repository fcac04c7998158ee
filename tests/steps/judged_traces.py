"""Judged chains of any kind, made by hand: what the label card is tried on."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import Literal, TypeAlias

from hypothesis import strategies as st

from constitution.messages import user
from constitution.records import Candidate, Draft, Failure, Revision, Round, Side, Trace
from constitution.steps.label import Labelling
from constitution.verdicts import Judged, Read, Reading, Scored

PRINCIPLES = {"kind": (0, 1.0), "short": (0, 2.0), "true": (1, 1.0)}
"""Rank and weight by id."""
logprobs = st.one_of(
    st.floats(-12, 0), st.sampled_from([None, -inf, nan, -0.5, -0.7, -1.0]), st.floats(-3, 0), st.floats(-3, 0)
)
Vote: TypeAlias = Literal[-1, 0, 1]
VOTES: tuple[Vote | None, ...] = (-1, 0, 1, None)
TURNED: dict[Vote | None, Vote | None] = {-1: 1, 0: 0, 1: -1, None: None}
SIDES: tuple[Side | None, ...] = ("text", "negation", None)
labellings = st.builds(
    Labelling,
    band=st.sampled_from([0.0, 0.2, 1.0]),
    clamp=st.sampled_from([None, 0.6]),
    keep_inconsistent=st.booleans(),
    read=st.sampled_from([None, "pairwise", "scoring"]),
)


@st.composite
def readings(draw: st.DrawFn, kind: str) -> tuple[Reading, ...]:
    """Of one pair, or of one text."""
    if kind == "value":
        return (Reading("", (Read(value=draw(st.one_of(st.floats(-9, 9), st.just(nan)))),)),)
    found = []
    words = kind == "pairwise" and draw(st.integers(0, 4)) == 0
    for id in draw(st.lists(st.sampled_from(list(PRINCIPLES)), min_size=1, max_size=3, unique=True)):
        reads = []
        for turned in (False, True):
            if words:
                reads.append(Read(turned, word="A", vote=draw(st.sampled_from(VOTES))))
            else:
                reads.append(Read(turned, (draw(logprobs), draw(logprobs))))
        found.append(Reading(id, tuple(reads), *PRINCIPLES[id]))
    return tuple(found)


def numbered(number: int) -> str:
    """A text that no other number has, of another length."""
    return f"Text {'x' * (number * 7)}."


@st.composite
def judged_traces(draw: st.DrawFn, record: str | None = None) -> Trace:
    """A chain with two or three texts, judged side by side, one at a time, by a function, or not at all."""
    count = draw(st.integers(2, 3))
    made = draw(st.sampled_from(["candidates", "sides", "rounds"]))
    id = record or draw(st.sampled_from(["r0", "r1", "r2"]))
    trace = Trace(id, draw(st.integers(0, 1)), (user("Why?"),), None)
    order = draw(st.permutations(range(count)))
    if made == "rounds":
        rounds = tuple(Round(n, "kind", revision=Revision(numbered(order[n]))) for n in range(1, count))
        trace = replace(trace, draft=Draft(numbered(order[0])), rounds=rounds)
    else:
        sides = SIDES if made == "sides" else (None, None, None)
        trace = replace(trace, candidates=tuple(Candidate(n, numbered(order[n]), side=sides[n]) for n in range(count)))
    pairs = [(a, b) for a in range(count) for b in range(a)]
    judged = [
        Judged(a, b, "pairwise", draw(readings("pairwise"))) for a, b in pairs if draw(st.integers(0, 3))
    ] if draw(st.integers(0, 3)) else []  # fmt: skip
    kind = draw(st.sampled_from(["scoring", "scoring", "value", None]))
    scored = [Scored(n, kind, draw(readings(kind))) for n in range(count)] if kind else []  # type: ignore[arg-type]  # one of the two
    return replace(trace, judged=tuple(judged), scored=tuple(scored))


chains = st.one_of(judged_traces(), judged_traces(), st.just(Failure("f", 0, "judge", "RequestRefused", "no")))


def turned(trace: Trace) -> Trace:
    """The same with every pair the other way round, its reads as they were asked."""
    return replace(trace, judged=tuple(_turned(each) for each in reversed(trace.judged)))


def _turned(judged: Judged) -> Judged:
    return replace(
        judged,
        a=judged.b,
        b=judged.a,
        readings=tuple(replace(each, reads=tuple(map(_turned_read, reversed(each.reads)))) for each in judged.readings),
    )


def _turned_read(read: Read) -> Read:
    return replace(read, turned=not read.turned, vote=TURNED[read.vote])


def renumbered(trace: Trace) -> Trace:
    """The same with the candidates numbered from the other end."""
    if not trace.candidates:
        return trace
    last = len(trace.candidates) - 1
    return replace(
        trace,
        candidates=tuple(replace(each, number=last - each.number) for each in reversed(trace.candidates)),
        judged=tuple(replace(each, a=last - each.a, b=last - each.b) for each in trace.judged),
        scored=tuple(replace(each, number=last - each.number) for each in reversed(trace.scored)),
    )
