"""Scripted judges: each reads the answers between the fences of its last question, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import exp, log, log1p
from typing import Any, Literal, TypeAlias

from hypothesis import strategies as st

from constitution.digest import uniform
from constitution.engine import Answer, Ask, Completion, Request
from constitution.flow import Flow
from constitution.messages import Prompt, user
from constitution.principles import Principle, Principles
from constitution.recipes.judging import Judging, Reads
from constitution.seeds import Seeds
from constitution.steps.judge import JudgeMode
from constitution.verdicts import Read, Reading

Asked: TypeAlias = Ask | Request
Way: TypeAlias = tuple[Reads, JudgeMode]
WAYS: tuple[Way, ...] = (
    ("pairwise", "direct"),
    ("pairwise", "think"),
    ("pairwise", "text"),
    ("scoring", "direct"),
    ("value", "direct"),
)
"""Every read and every mode."""
SEEDS = Seeds(3, "r")
PROMPT = Prompt("r", (user("How do I rest?"),))
_NONCE = re.compile(r"marks that end in ([0-9a-f]{8})\.")
_ID = re.compile(r"\[(p\d+)\]")


def judged_by(count: int = 1, levels: tuple[str | None, ...] = (), **changes: Any) -> Principles:
    """Principles for every way of asking; each question holds its id as `[p0]`."""
    made = tuple(
        Principle(
            f"p{n}",
            text=f"Answers are good in way {n}.",
            negation=f"Answers are bad in way {n}.",
            critique=f"Critique {n}?",
            revision=f"Revision {n}!",
            preference=f"[p{n}] Which answer is better?",
            asks=f"[p{n}] Is the answer good?",
            level=levels[n] if n < len(levels) else None,
        )
        for n in range(count)
    )
    named = tuple(dict.fromkeys(level for level in levels if level is not None))
    return replace(Principles("judged", "1", made, levels=named), **changes)


def judging(way: Way = ("pairwise", "direct"), principles: Principles | None = None, number: int = 0) -> Judging:
    """A judge's questions, under all principles that apply."""
    return Judging(principles or judged_by(), way[0], way[1], number, run_seed=SEEDS.run)


def shown(asked: Asked) -> tuple[str, ...]:
    """The texts that a judge is to judge, as they stand: two, or one; of a callable the last turn."""
    if asked.labels == ("value",):
        return (asked.messages[-1].content,)
    turn = next(m.content for m in reversed(asked.messages) if m.role == "user" and _NONCE.search(m.content))
    nonce = nonce_in(turn)
    names = ("answer-A", "answer-B") if f"<answer-A-{nonce}>\n" in turn else ("answer",)
    return tuple(between(turn, name, nonce) for name in names)


def nonce_in(turn: str) -> str:
    """The nonce that the opening names."""
    found = _NONCE.search(turn)
    assert found is not None
    return found.group(1)


def between(turn: str, name: str, nonce: str) -> str:
    """What stands between two marks, each of which stands there once."""
    opening, closing = f"<{name}-{nonce}>\n", f"\n</{name}-{nonce}>"
    assert turn.count(opening) == turn.count(closing) == 1
    return turn.split(opening, maxsplit=1)[1].split(closing, maxsplit=1)[0]


def question_of(turn: str) -> str:
    """What stands after the last mark; the whole turn where there are none."""
    return turn.rsplit(f"-{nonce_in(turn)}>", 1)[1] if _NONCE.search(turn) else turn


def principle_of(asked: Asked) -> str:
    """The id in the question; empty for a callable."""
    if asked.labels == ("value",):
        return ""
    turns = [m.content for m in asked.messages if m.role == "user"]
    found = [match for turn in turns for match in _ID.findall(question_of(turn))]
    return found[-1] if found else ""


def play(flow: Flow[Any], script: Script, unusable: Callable[[Ask], str | None] = lambda _: None) -> Any:
    """Drive a flow; what it returns, and what it asked, batch by batch."""
    batches: list[tuple[Ask, ...]] = []
    try:
        asks = next(flow)
        while True:
            batches.append(asks)
            asks = flow.send(tuple(Answer(f"key{n}", script(ask), 1, unusable(ask)) for n, ask in enumerate(asks)))
    except StopIteration as stop:
        return stop.value, batches


def said(odds: float, mass: float = 0.9) -> Completion:
    """A completion with the log-probabilities of two labels: their odds, and their mass."""
    most = log(mass)
    first = most - _softplus(-odds)
    return Completion("A" if odds > 0 else "B", logprobs=(first, first - odds))


def _softplus(x: float) -> float:
    return x + log1p(exp(-x)) if x > 0 else log1p(exp(x))


Script: TypeAlias = Callable[[Ask], Completion]
Kind: TypeAlias = Literal["odds", "words"]
Odds: TypeAlias = Callable[[str, str, str], float]
"""Log-odds that the first text is better than the second, under a principle."""


@dataclass
class Judge:
    """A script for all stages of a judge; drafts and the like come from `drafts`.

    With `first` it likes what stands first, and with `yes` it likes to say yes, both in log-odds.
    """

    odds: Odds
    worth: Callable[[str, str], float] = lambda text, principle: 0.0
    first: float = 0.0
    yes: float = 0.0
    drafts: Callable[[Asked], str | Completion] = lambda asked: "A draft."
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> str | Completion:
        self.asked.append(asked)
        if asked.role != "judge":
            return self.drafts(asked)
        if asked.stage == "think":
            return f"Thoughts of {principle_of(asked)}."
        texts, principle = shown(asked), principle_of(asked)
        if asked.labels == ("value",):
            return Completion("", logprobs=(self.worth(texts[0], principle),))
        if len(texts) == 1:
            turned = "Is the true reply to that no?" in question_of(asked.messages[-1].content)
            odds = self.worth(texts[0], principle)
            return said((-odds if turned else odds) + self.yes)
        odds = self.odds(texts[0], texts[1], principle) + self.first
        return said(odds) if asked.labels else Completion("A" if odds > 0 else "B")


def hidden(text: str) -> float:
    """The place of a text in a hidden total order, 0 to 1."""
    return uniform("hidden order", text)


def oracle(order: Callable[[str], float] = hidden, step: float = 1e6, first: float = 0.0, yes: float = 0.0) -> Judge:
    """Knows the better of two texts, under every principle; no margin of its is under 0.3."""

    def odds(a: str, b: str, principle: str) -> float:
        size = 0.3 + 6 * uniform("size", *sorted((a, b)), principle)
        return size if order(a) > order(b) else -size

    return Judge(odds, lambda text, _: step * order(text), first, yes)


read_numbers = st.one_of(
    st.none(),
    st.floats(-30, 0),
    st.floats(-30, 0),
    st.floats(-30, 0),
    st.sampled_from([float("-inf"), float("nan"), 0.0, -0.0, -9999.0]),
)
"""Log-probabilities as engines may give them."""


@st.composite
def readings(draw: st.DrawFn, kind: Kind = "odds", readable: bool = False) -> Reading:
    """A reading of both orders under a principle of some level and weight."""
    numbers = st.floats(-30, 0) if readable else read_numbers
    votes: st.SearchStrategy[Literal[-1, 1] | None] = (
        st.sampled_from([1, -1]) if readable else st.sampled_from([1, -1, None])
    )
    reads = tuple(
        Read(turned, logprobs=(draw(numbers), draw(numbers)))
        if kind == "odds"
        else Read(turned, word="A", vote=draw(votes))
        for turned in (False, True)
    )
    return Reading(
        f"p{draw(st.integers(0, 99))}", reads, draw(st.integers(0, 3)), draw(st.sampled_from([1.0, 0.5, 3.0, 17.0]))
    )
