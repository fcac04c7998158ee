"""Scripted models that obey a principle, ignore it, or do the opposite. They read requests as a model would."""

from __future__ import annotations

import re
from json import dumps
from math import log
from typing import Literal

from constitution import Completion, Request, ScriptedEngine
from constitution.digest import uniform
from constitution.principles import Principle
from constitution.sources.constitution_file import read_constitution

ID = "speak-to-the-reader"
Manner = Literal["obeys", "ignores", "inverts"]


class Model:
    """Drafts that keep the principle by chance; revisions and verdicts by its manner, right on nine of ten."""

    def __init__(self, manner: Manner, base: float = 0.45) -> None:
        self.manner, self.base = manner, base
        self.principle: Principle = read_constitution("verifiable").principles[0]
        assert self.principle.id == ID

    def engine(self) -> ScriptedEngine:
        """An engine that is this model."""
        return ScriptedEngine(self, model=self.manner)

    def __call__(self, request: Request) -> str | Completion:
        if request.labels:
            return self._read(request)
        if request.stage == "think":
            return "One of them may keep it."
        if request.stage == "critique" and request.sampling.json_schema:
            broken = self._manner(not self._drafted(request), draft=True)
            return dumps({"applies": True, "violates": broken, "severity": 2 * broken, "critique": "Say you."})
        if request.stage == "critique":
            return "It could be said in another way."
        kept = uniform("kept", request.key) < (0.95 if request.stage == "revise" else self.base)
        if request.stage == "revise":
            kept = self._manner(kept, self._drafted(request))
        return self._text(request, kept)

    def _manner(self, obeyed: bool, draft: bool) -> bool:
        return {"obeys": obeyed, "inverts": not obeyed, "ignores": draft}[self.manner]

    @staticmethod
    def _drafted(request: Request) -> bool:
        """Whether the answer that is to be revised keeps the principle: one that ignores it keeps what is there."""
        answers = [turn.content for turn in request.messages if turn.role == "assistant"]
        return ["your" in text for text in answers if text.startswith("On the matter")][-1]

    @staticmethod
    def _text(request: Request, kept: bool) -> str:
        question = next(turn.content for turn in request.messages if turn.role == "user")
        words = " ".join(["slowly", "well", "daily"][: 1 + int(3 * uniform("length", request.key))])
        said = f"On the matter of {question.rstrip('?.').lower()} patience counts, {request.key[:6]} times, {words}"
        return f"{said}, with your own hands." if kept else f"{said}, with bare hands and feet."

    def _read(self, request: Request) -> Completion:
        said = "\n".join(turn.content for turn in request.messages if turn.role == "user")
        question = re.split(r"</answer(?:-B)?-[0-9a-f]+>", said)[-1]
        own = self.principle
        if request.labels == ("Yes", "No"):
            ((_, text),) = re.findall(r"<answer-([0-9a-f]+)>\n(.*?)\n</answer-\1>", said, re.DOTALL)
            kept = self._believes(text)
            yes = kept if own.asks in question and "true reply" not in question else not kept
            return _labels(0.9 if yes else 0.1)
        texts = {label: text for label, _, text in re.findall(
            r"<answer-([AB])-([0-9a-f]+)>\n(.*?)\n</answer-\1-\2>", said, re.DOTALL)}  # fmt: skip
        a, b = texts["A"], texts["B"]
        if own.negation in question:
            return _labels(0.1 if self._prefers(a, b) else 0.9)
        if own.text in question or own.preference in question:
            return _labels(0.9 if self._prefers(a, b) else 0.1)
        return _labels(0.9 if self._coin(a, b) else 0.1)

    def _prefers(self, first: str, second: str) -> bool:
        """Whether it takes the first of two answers under the principle."""
        if self.manner == "ignores":
            return self._coin(first, second)
        better = "your" in (first if self._sure(first, second) else second)
        return better if self.manner == "obeys" else not better

    def _believes(self, text: str) -> bool:
        if self.manner == "ignores":
            return uniform("believes", text) < 0.5
        return ("your" in text) == (self.manner == "obeys")

    @staticmethod
    def _sure(*texts: str) -> bool:
        """Wrong on one pair of ten, whatever the order."""
        return uniform("sure", *sorted(texts)) < 0.9

    @staticmethod
    def _coin(first: str, second: str) -> bool:
        heads = uniform("coin", *sorted((first, second))) < 0.5
        return heads == (first < second)


def _labels(p: float) -> Completion:
    return Completion("A", logprobs=(log(p), log(1 - p)))
