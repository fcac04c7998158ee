"""Scripted judges: an oracle that knows the better text, and one of known vice. They read the fences, and no more."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import log

from constitution.digest import uniform
from constitution.engine import Completion, Request
from constitution.principles import Principle, Principles
from constitution.steps.judge import PAIR_LABELS

PRINCIPLES = Principles(
    "judged",
    "1",
    (
        Principle("kind", text="Be kind.", preference="Which is kinder?", asks="Is it kind?", asks_broken="Is it rude?",
                  level="first", weight=2.0),
        Principle("short", text="Be short.", preference="Which is shorter?", asks="Is it short?", level="first"),
        Principle("true", text="Be true.", preference="Which is truer?", asks="Is it true?", level="second"),
        Principle("plain", text="Be plain.", preference="Which is plainer?", asks="Is it plain?"),
    ),
    levels=("first", "second"),
)  # fmt: skip

Judge = Callable[[Request], Completion]


def quality(text: str) -> float:
    """How good a text is, 0 to 1: by its digest, so that no two texts are alike."""
    return uniform("quality", text)


def shown(request: Request) -> dict[str, str]:
    """The answers that a request shows, by the names of their fences."""
    said = next(turn.content for turn in request.messages if "<answer" in turn.content)
    found = re.findall(r"<(answer(?:-[AB])?)-([0-9a-f]{8})>\n(.*)\n</\1-\2>", said, re.DOTALL)
    return {name: text for name, _, text in found}


def odds_of(p: float) -> tuple[float, float]:
    """Log-probabilities of two labels."""
    return log(p), log(1 - p)


def judge(prefers_first: Callable[[str, str], float], good: Callable[[str], float] = quality) -> Judge:
    """A judge that answers in every mode and read.

    Args:
        prefers_first: probability of the first label, of the texts as they stand.
        good: probability that a text is good, for questions about one.
    """

    def script(request: Request) -> Completion:
        if request.stage == "think":
            return Completion("I hold the two against each other.")
        texts = shown(request)
        if "answer" in texts:
            p = good(texts["answer"])
            asked = request.messages[-1].content
            broken = "Is it rude?" in asked or "true reply to that no?" in asked
            return Completion("Yes", logprobs=odds_of(1 - p if broken else p))
        p = prefers_first(texts["answer-A"], texts["answer-B"])
        word = PAIR_LABELS[0] if p > 1 / 2 else PAIR_LABELS[1]
        return Completion(word, logprobs=odds_of(p) if request.labels else None)

    return script


oracle = judge(lambda first, second: 0.9 if quality(first) > quality(second) else 0.1)
always_first = judge(lambda *_: 0.99, lambda _: 0.99)
