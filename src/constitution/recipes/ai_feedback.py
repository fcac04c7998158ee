"""Several answers to each prompt, compared by a judge under principles of the constitution (RLAIF).

Source: Bai et al. 2022, "Constitutional AI: Harmlessness from AI Feedback" (arXiv 2212.08073), section 4.1: two
samples, a principle drawn for each comparison, soft labels from the log-probabilities of the two options.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from types import MappingProxyType
from typing import ClassVar

from constitution.engine import Answer, Ask, Completion, ModelRole, Sampling
from constitution.errors import SettingsError
from constitution.flow import Flow, Longest, ask_all
from constitution.messages import Prompt
from constitution.recipes.judging import Judging
from constitution.recipes.sampling import DRAFT_SAMPLING, sampling_settings
from constitution.records import Candidate, Side, Trace
from constitution.seeds import Seeds
from constitution.steps.draft import unusable_text
from constitution.steps.label import CandidatePolicy, compared, usable_candidates

DEFAULT_CANDIDATES = 2
MAX_CANDIDATES = 16


@dataclass(frozen=True)
class AIFeedback:
    """Candidates, then a judge."""

    judging: Judging
    candidates: int = DEFAULT_CANDIDATES
    """Answers to each prompt; a prompt that brings its answers keeps those."""
    temperatures: tuple[float, ...] = ()
    """Of the candidates by turns; empty = that of the role."""
    policy: CandidatePolicy = "best_worst"
    """Which candidates are compared: for `against_draft` only those with the first."""
    draft_sampling: Sampling = DRAFT_SAMPLING
    other_drafts: Mapping[ModelRole, Sampling] = field(default_factory=lambda: MappingProxyType({}))
    """Other models that answer by turns: how each samples, by its role (`draft2` ...)."""
    lora: Mapping[ModelRole, str] = field(default_factory=lambda: MappingProxyType({}))

    name: ClassVar[str] = "ai_feedback"
    stages: ClassVar[tuple[str, ...]] = ("draft", "think", "judge")

    def __post_init__(self) -> None:
        if not 2 <= self.candidates <= MAX_CANDIDATES:
            raise SettingsError(f"candidates is {self.candidates}, expected 2 to {MAX_CANDIDATES}")
        if len(self._drafts) > self.candidates:
            raise SettingsError(
                f"{len(self._drafts)} models for {self.candidates} candidates: one would never answer; raise candidates"
            )

    @property
    def sampling(self) -> Mapping[ModelRole, Sampling]:
        """How each role samples."""
        return {**self._drafts, "judge": self.judging.sampling}

    @property
    def roles(self) -> tuple[ModelRole, ...]:
        """The models that it asks."""
        return (*self._drafts, "judge")

    @property
    def _drafts(self) -> Mapping[ModelRole, Sampling]:
        return {"draft": self.draft_sampling, **self.other_drafts}

    @property
    def labels(self) -> Mapping[ModelRole, tuple[str, ...]]:
        """The labels that are read of the judge."""
        return {"judge": self.judging.labels}

    def settings(self) -> dict[str, object]:
        """All that shapes its rows besides the constitution; JSON values only."""
        return {
            "recipe": self.name,
            "candidates": self.candidates,
            "temperatures": list(self.temperatures) or None,
            "compared": "draft" if self.policy == "against_draft" else "all",
            **self.judging.settings(),
            "sampling": {role: sampling_settings(sampling) for role, sampling in self.sampling.items()},
            "lora": dict(self.lora),
        }

    def unusable(self, question: Ask, completion: Completion) -> str | None:
        """Why a completion cannot be used and is worth asking again. A thought may be cut; a label is read as it is."""
        return unusable_judged(question, completion)

    def flow(self, prompt: Prompt, seeds: Seeds) -> Flow[Trace]:
        """The chain of one record and sample."""
        trace = Trace(
            prompt.id, seeds.sample, prompt.conversation, None, tags=prompt.tags, metadata=prompt.metadata,
            constitution=self.judging.principles.digest, tools=prompt.tools, preferred=prompt.preferred,
        )  # fmt: skip
        drawn = self.judging.drawn(prompt, seeds)
        if drawn and not any(drawn.values()):
            return replace(trace, reason="no_principle")
        candidates = yield from self._candidates(prompt)
        trace = replace(trace, candidates=candidates)
        usable = usable_candidates(candidates)
        if len(usable) < 2:
            lost = next((each.unusable for each in candidates if each.unusable), None)
            return replace(trace, reason=lost or "too_few")
        texts = {each.number: (each.number, each.text) for each in usable}
        pairs = [(texts[a.number], texts[b.number]) for a, b in compared(usable, self.policy)]
        judged, scored = yield from self.judging.judge(prompt, tuple(texts.values()), pairs, drawn)
        return replace(trace, judged=judged, scored=scored)

    def _candidates(self, prompt: Prompt) -> Flow[tuple[Candidate, ...]]:
        given = given_candidates(prompt)
        if prompt.responses:
            return given
        asks = [
            Ask(role, "draft", prompt.conversation, self._sampling(role, number), round=number, tools=prompt.tools,
                lora=self.lora.get(role))
            for number, role in zip(range(self.candidates), cycle(self._drafts), strict=False)
            if number >= len(given)
        ]  # fmt: skip
        answers = yield from ask_all(tuple(asks))
        return (*given, *(candidate_of(asked.round, answer) for asked, answer in zip(asks, answers, strict=True)))

    def _sampling(self, role: ModelRole, number: int) -> Sampling:
        sampling = self._drafts[role]
        if not self.temperatures:
            return sampling
        return replace(sampling, temperature=self.temperatures[number % len(self.temperatures)])

    def longest(self, prompt: Prompt, seeds: Seeds) -> Mapping[ModelRole, Longest]:
        """The longest request to each role: a draft, and a judge's request with both answers at their longest."""
        known = [each.text for each in given_candidates(prompt)]
        found: dict[ModelRole, Longest] = {}
        sampled: Sequence[int] = ()
        if not prompt.responses:
            most = [sampling.max_tokens for sampling in self._drafts.values()]
            sampled = [most[number % len(most)] for number in range(len(known), self.candidates)]
            for role, tokens in zip(self._drafts, most, strict=True):
                found[role] = Longest(prompt.conversation, tokens)
        if known and self.policy == "against_draft":
            sampled = sampled[:1]
        found["judge"] = self.judging.longest(prompt, self.judging.drawn(prompt, seeds), known, sampled)
        return found


def unusable_judged(question: Ask, completion: Completion) -> str | None:
    """Why a completion of a recipe that judges cannot be used; a label is read as it is, and a thought may be cut."""
    if question.stage == "judge":
        return None
    return unusable_text(completion, whole=question.stage != "think")


def given_candidates(prompt: Prompt) -> tuple[Candidate, ...]:
    """The answers that a prompt brings."""
    texts = prompt.responses or (() if prompt.response is None else (prompt.response,))
    return tuple(Candidate(number, text, given=True, attempts=0) for number, text in enumerate(texts))


def candidate_of(number: int, answer: Answer, principle: str | None = None, side: Side | None = None) -> Candidate:
    """A sampled answer as a candidate; an unusable one has its reason and no text."""
    return Candidate(
        number,
        "" if answer.unusable else answer.completion.text,
        reasoning=answer.completion.reasoning,
        attempts=answer.attempts,
        principle=principle,
        side=side,
        unusable=answer.unusable,
    )
