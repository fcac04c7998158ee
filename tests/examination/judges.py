"""Scripted judges: of known vice, and an honest one. They read a request as a model would, and know what is true."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from constitution import Completion, Request, ScriptedEngine
from constitution.digest import uniform
from constitution.examination.items import Item, JudgedSet
from constitution.examination.questions import PRINCIPLE, Examiner
from constitution.messages import user
from constitution.principles import Principle, Principles

_ANSWER = re.compile(r"<answer-([AB])-([0-9a-f]+)>\n(.*?)\n</answer-\1-\2>", re.DOTALL)
_ONE = re.compile(r"<answer-([0-9a-f]+)>\n(.*?)\n</answer-\1>", re.DOTALL)


@dataclass(frozen=True)
class Seen:
    """A pairwise read, as a judge sees it."""

    first: str
    second: str
    question: str
    best: str | None
    """The answer that is better under this question; None where the question decides nothing."""
    better: str
    """The answer that is known to be better."""

    @property
    def coin(self) -> float:
        """A number from -1 to 1 for the first answer, the same in both orders."""
        side = 1 if self.first < self.second else -1
        return side * (2 * uniform("coin", *sorted((self.first, self.second)), self.question) - 1)

    def for_first(self, text: str | None) -> float:
        """+1 if a text is the first answer, -1 if it is the second."""
        return self.coin if text is None else 1.0 if text == self.first else -1.0


Pairwise = Callable[[Seen], float | None]
"""Log-odds that the first answer is better; None: it cannot be read."""
Scoring = Callable[[str, bool], float]
"""Log-odds of yes, of a text and whether it is the better one, asked whether it is good."""


class Judge:
    """Answers reads of the items of some sets."""

    def __init__(self, sets: Iterable[JudgedSet], pairwise: Pairwise, *, yes: float = 0.0, think: str = "Hm.") -> None:
        self.pairwise, self.yes, self.think = pairwise, yes, think
        self.best: dict[tuple[frozenset[str], str], str | None] = {}
        self.better: dict[frozenset[str], str] = {}
        self.good: dict[tuple[str, str], bool] = {}
        sets = tuple(sets)
        examiner = Examiner(sets, Principles("x", "1", ()))
        for id, item in examiner.items.items():
            both = frozenset((item.better, item.worse))
            self.better[both] = item.better
            for question, principle in examiner.questions[id].items():
                best = {"asked": item.better, "shown": item.better, "negated": item.worse}.get(question)
                self.best.setdefault((both, principle.preference), best)
            if item.principle is not None:
                self.good[item.better, item.principle.asks] = True
                self.good[item.worse, item.principle.asks] = False

    def engine(self, **options: object) -> ScriptedEngine:
        """An engine that is this judge."""
        return ScriptedEngine(self, **options)  # type: ignore[arg-type]  # options of the engine, as tests name them

    def __call__(self, request: Request) -> Completion:
        said = request.messages[-1 if len(request.messages) == 1 else 0].content
        if request.stage == "think":
            return Completion(self.think)
        if request.labels == ("Yes", "No"):
            return self._score(said)
        answers = {label: text for label, _, text in _ANSWER.findall(said)}
        question = re.split(r"</answer-B-[0-9a-f]+>\n\n", said)[-1].rpartition("\n\nDecide by this question alone")[0]
        both = frozenset(answers.values())
        odds = self.pairwise(Seen(answers["A"], answers["B"], question, self.best[both, question], self.better[both]))
        if not request.labels:
            return Completion("hard to say" if odds is None else "A" if odds > 0 else "B")
        return Completion("A", logprobs=(None, None) if odds is None else (odds / 2 - 1, -odds / 2 - 1))

    def _score(self, said: str) -> Completion:
        (_, text) = _ONE.findall(said)[0]
        question = re.split(r"</answer-[0-9a-f]+>\n\n", said)[-1].rpartition("\n\nWhat the answer says")[0]
        broken = question not in {asks for _, asks in self.good}
        asks = next(asks for known, asks in self.good if known == text and (broken or asks == question))
        odds = (1.5 if self.good[text, asks] else -1.5) * (-1 if broken else 1) + self.yes
        return Completion("Yes", logprobs=(odds / 2 - 1, -odds / 2 - 1))


def honest(seen: Seen) -> float:
    """Follows the question; where it decides nothing, a coin."""
    return 2 * seen.for_first(seen.best)


def weak(seen: Seen) -> float:
    """Reads principles, and is wrong on 2 of 10 of them, on 4 of 10 of its own questions."""
    wrong = uniform("weak", *sorted((seen.first, seen.second)), seen.question) < (
        0.2 if seen.question.startswith(PRINCIPLE) else 0.4
    )
    return 2 * seen.for_first(seen.best) * (-1 if wrong and seen.best is not None else 1)


def first(_: Seen) -> float:
    """Always takes the first answer."""
    return 3.0


def longer(seen: Seen) -> float:
    """Always takes the longer answer."""
    return 2.0 if len(seen.first) > len(seen.second) else -2.0


def deaf(seen: Seen) -> float:
    """Knows what is better and reads no principle: the same whatever stands before the question."""
    wrong = uniform("deaf", *sorted((seen.first, seen.second))) < 0.2
    return 2 * seen.for_first(seen.better) * (-1 if wrong else 1)


def inverted(seen: Seen) -> float:
    """Takes the worse one."""
    return -honest(seen)


def unreadable(seen: Seen) -> float | None:
    """Gives no label on one question of five."""
    return None if uniform("unreadable", seen.first, seen.question) < 0.2 else honest(seen)


def item(number: int, *, longer: bool | None = None, principle: int | None = None, set: str = "checks") -> Item:
    """One of many items: one of five principles, every other one's better answer longer."""
    longer = number % 2 == 0 if longer is None else longer
    rule = principle_of(number % 5 if principle is None else principle)
    texts = (f"answer {number} that keeps it" + " and goes on" * longer, f"reply {number} that does not" + "!" * 0)
    texts = texts if longer else (texts[0], texts[1] + ", at some more length")
    return Item(set, f"i{number}", (user(f"question {number}"),), *texts, rule, f"rows.jsonl:{number}")


def principle_of(number: int) -> Principle:
    """One of the principles of the items."""
    return Principle(
        f"p{number}", text=f"Rule {number} holds.", preference=f"Which answer keeps rule {number}?",
        asks=f"Does the answer keep rule {number}?", negation=f"Rule {number} does not hold.",
    )  # fmt: skip


def made(count: int = 400, set: str = "checks") -> JudgedSet:
    """A set of such items."""
    return JudgedSet(set, tuple(item(number, set=set) for number in range(count)), "made")
