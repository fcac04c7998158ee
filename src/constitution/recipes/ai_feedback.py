"""Several answers to each prompt, compared by a judge under principles of the constitution (RLAIF).

Source: Bai et al. 2022, "Constitutional AI: Harmlessness from AI Feedback" (arXiv 2212.08073), section 4.1: two
samples, a principle drawn for each comparison, soft labels from the log-probabilities of the two options.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar, Literal, TypeAlias, get_args

from constitution.engine import Answer, Ask, Completion, ModelRole, Sampling
from constitution.errors import SettingsError
from constitution.flow import Flow, Longest, ask_all, side_by_side
from constitution.messages import Conversation, Prompt, user
from constitution.principles import Principle, Principles, Use
from constitution.recipes.critique_revise import DEFAULT_SAMPLING as CRITIQUE_REVISE_SAMPLING
from constitution.recipes.critique_revise import sampling_settings
from constitution.records import Candidate, Side, Trace
from constitution.seeds import Seeds
from constitution.steps.draft import unusable_text
from constitution.steps.judge import (
    PAIR_LABELS,
    SCORE_LABELS,
    VALUE_LABELS,
    Bench,
    JudgeMode,
    Material,
    judge_one,
    judge_pair,
    pair_turns,
    score_turns,
    value_of,
)
from constitution.steps.label import CandidatePolicy, compared, usable_candidates
from constitution.verdicts import Judged, Scored

DEFAULT_CANDIDATES = 2
MAX_CANDIDATES = 16
JUDGE_SAMPLING = Sampling(max_tokens=256, temperature=0.7)
"""Of thoughts before a verdict; the verdict itself is read at temperature 0."""
DEFAULT_SAMPLING: Mapping[ModelRole, Sampling] = MappingProxyType(
    {"draft": CRITIQUE_REVISE_SAMPLING["draft"], "judge": JUDGE_SAMPLING}
)
Reads: TypeAlias = Literal["pairwise", "scoring", "value", "both"]
READS: tuple[str, ...] = get_args(Reads)
"""`both`: pairs are labelled side by side, and each answer is scored too, so that the card compares the two."""


@dataclass(frozen=True)
class AIFeedback:
    """Candidates, then a judge."""

    principles: Principles
    candidates: int = DEFAULT_CANDIDATES
    """Answers to each prompt; a prompt that brings its answers keeps those."""
    temperatures: tuple[float, ...] = ()
    """Of the candidates by turns; empty = that of the role."""
    read: Reads = "pairwise"
    mode: JudgeMode = "direct"
    judge_principles: int = 1
    """How many are drawn for each record; 0 = all that apply."""
    policy: CandidatePolicy = "best_worst"
    """Which candidates are compared: for `against_draft` only those with the first."""
    run_seed: int = 0
    sampling: Mapping[ModelRole, Sampling] = field(default_factory=lambda: DEFAULT_SAMPLING)
    lora: Mapping[ModelRole, str] = field(default_factory=lambda: MappingProxyType({}))

    name: ClassVar[str] = "ai_feedback"
    stages: ClassVar[tuple[str, ...]] = ("draft", "think", "judge")

    def __post_init__(self) -> None:
        if not 2 <= self.candidates <= MAX_CANDIDATES:
            raise SettingsError(f"candidates is {self.candidates}, expected 2 to {MAX_CANDIDATES}")
        if self.judge_principles < 0:
            raise SettingsError(f"judge_principles is {self.judge_principles}, expected 0 (all that apply) or more")
        if self.mode != "direct" and self.read != "pairwise":
            raise SettingsError(f"a judge that is asked '{self.mode}' compares pairs: take read pairwise")
        for use, key in (("compares", "preference"), ("scores", "asks")):
            if use in self._uses and not any(getattr(each, use) for each in self.principles.principles):
                raise SettingsError(
                    f"constitution '{self.principles.name}' has no principle with `{key}` and a weight above 0; "
                    f"ai_feedback with read {self.read} needs at least one"
                )
        object.__setattr__(self, "sampling", MappingProxyType({**DEFAULT_SAMPLING, **self.sampling}))
        self._try_templates()

    def _try_templates(self) -> None:
        """Fill every template once: one that breaks on a principle is refused before the first token."""
        pair = Material.of(self.bench, (user("x"),), ("x", "y"))
        one = Material.of(self.bench, (user("x"),), ("x",))
        for principle in self.principles.principles:
            if principle.compares and "compares" in self._uses:
                pair_turns(self.bench, pair, principle, turned=False)
            if principle.scores and "scores" in self._uses:
                score_turns(self.bench, one, principle, turned=True)

    @property
    def _uses(self) -> tuple[Use, ...]:
        uses: dict[Reads, tuple[Use, ...]] = {
            "pairwise": ("compares",), "scoring": ("scores",), "value": (), "both": ("compares", "scores")
        }  # fmt: skip
        return uses[self.read]

    @property
    def bench(self) -> Bench:
        """How the judge is asked."""
        judge = self.sampling["judge"]
        return Bench(self.principles, self.mode, judge, self.lora.get("judge"), self.run_seed)

    @property
    def roles(self) -> tuple[ModelRole, ...]:
        """The models that it asks."""
        return ("draft", "judge")

    @property
    def labels(self) -> Mapping[ModelRole, tuple[str, ...]]:
        """The labels that are read of the judge."""
        if self.read == "value":
            return {"judge": VALUE_LABELS}
        pairwise = PAIR_LABELS if "compares" in self._uses and self.mode != "text" else ()
        return {"judge": (*pairwise, *(SCORE_LABELS if "scores" in self._uses else ()))}

    def settings(self) -> dict[str, object]:
        """All that shapes its rows besides the constitution; JSON values only."""
        return {
            "recipe": self.name,
            "candidates": self.candidates,
            "temperatures": list(self.temperatures),
            "judge_read": self.read,
            "judge_mode": self.mode,
            "judge_principles": self.judge_principles,
            "compared": self.policy == "against_draft",
            "sampling": {role: sampling_settings(self.sampling[role]) for role in self.roles},
            "lora": dict(self.lora),
        }

    def unusable(self, question: Ask, completion: Completion) -> str | None:
        """Why a completion cannot be used and is worth asking again. A thought may be cut; a label is read as it is."""
        if question.stage == "judge":
            return None
        return unusable_text(completion, whole=question.stage != "think")

    def flow(self, prompt: Prompt, seeds: Seeds) -> Flow[Trace]:
        """The chain of one record and sample."""
        trace = Trace(
            prompt.id, seeds.sample, prompt.conversation, None, tags=prompt.tags, metadata=prompt.metadata,
            constitution=self.principles.digest, tools=prompt.tools,
        )  # fmt: skip
        drawn = self.drawn(prompt, seeds)
        if not all(drawn.values()):
            return replace(trace, reason="no_principle")
        candidates = yield from self._candidates(prompt)
        trace = replace(trace, candidates=candidates)
        usable = usable_candidates(candidates)
        if len(usable) < 2:
            lost = next((each.unusable for each in candidates if each.unusable), None)
            return replace(trace, reason=lost or "too_few")
        judged, scored = yield from self._judge(prompt, usable, drawn)
        return replace(trace, judged=judged, scored=scored)

    def drawn(self, prompt: Prompt, seeds: Seeds) -> Mapping[Use, tuple[Principle, ...]]:
        """The principles that the judge is asked about, for each way of asking."""
        return {use: self.principles.judging(seeds, self.judge_principles, prompt.tags, use) for use in self._uses}

    def _candidates(self, prompt: Prompt) -> Flow[tuple[Candidate, ...]]:
        if prompt.responses:
            return tuple(
                Candidate(number, text, given=True, attempts=0) for number, text in enumerate(prompt.responses)
            )
        given = () if prompt.response is None else (Candidate(0, prompt.response, given=True, attempts=0),)
        asks = [
            Ask("draft", "draft", prompt.conversation, self._candidate_sampling(number), round=number,
                tools=prompt.tools, lora=self.lora.get("draft"))
            for number in range(len(given), self.candidates)
        ]  # fmt: skip
        answers = yield from ask_all(tuple(asks))
        return (*given, *(candidate_of(asked.round, answer) for asked, answer in zip(asks, answers, strict=True)))

    def _candidate_sampling(self, number: int) -> Sampling:
        sampling = self.sampling["draft"]
        if not self.temperatures:
            return sampling
        return replace(sampling, temperature=self.temperatures[number % len(self.temperatures)])

    def _judge(
        self, prompt: Prompt, usable: Sequence[Candidate], drawn: Mapping[Use, tuple[Principle, ...]]
    ) -> Flow[tuple[tuple[Judged, ...], tuple[Scored, ...]]]:
        bench, conversation = self.bench, prompt.conversation
        pairs = compared(usable, self.policy) if "compares" in drawn else ()
        judged = yield from side_by_side(
            [judge_pair(bench, conversation, (a.text, b.text), drawn["compares"], a.number, b.number) for a, b in pairs]
        )
        scoring: list[Flow[Scored]] = []
        if "scores" in drawn:
            scoring = [judge_one(bench, conversation, each.text, drawn["scores"], each.number) for each in usable]
        if self.read == "value":
            scoring = [value_of(bench, conversation, each.text, each.number, prompt.tools) for each in usable]
        return judged, (yield from side_by_side(scoring))

    def longest(self, prompt: Prompt, seeds: Seeds) -> Mapping[ModelRole, Longest]:
        """The longest request to each role: a draft, and a judge's request with both answers at their longest."""
        found: dict[ModelRole, Longest] = {}
        texts = prompt.responses or ((prompt.response,) if prompt.response is not None else ())
        sampled = 0
        if not prompt.responses:
            sampled = self.sampling["draft"].max_tokens
            found["draft"] = Longest(prompt.conversation, sampled)
        found["judge"] = self._longest_judge(prompt, seeds, sorted(texts, key=len)[-2:], sampled)
        return found

    def _longest_judge(self, prompt: Prompt, seeds: Seeds, texts: list[str], sampled: int) -> Longest:
        bench, drawn = self.bench, self.drawn(prompt, seeds)
        if self.read == "value":
            return Longest((*prompt.conversation, user("".join(texts[-1:]))), sampled + 1)
        thought = self.sampling["judge"].max_tokens + 1 if self.mode == "think" else bench.reading.max_tokens
        missing = 2 - len(texts)
        pairs: list[Longest] = []
        if drawn.get("compares"):
            material = Material.of(bench, prompt.conversation, [*texts, "", ""][:2])
            turns = (pair_turns(bench, material, each, turned=False) for each in drawn["compares"])
            pairs = [Longest(_longest(turns), missing * sampled + thought)]
        if drawn.get("scores"):
            material = Material.of(bench, prompt.conversation, [*texts[-1:], ""][:1])
            turns = (
                score_turns(bench, material, each, turned=turned)
                for each in drawn["scores"]
                for turned in (False, True)
            )
            pairs.append(Longest(_longest(turns), min(1, missing) * sampled + 1))
        return pairs[0] if pairs else Longest(prompt.conversation, sampled)


def _longest(turns: Iterable[Conversation]) -> Conversation:
    return max(turns, key=lambda each: sum(len(turn.content) for turn in each))


def candidate_of(number: int, answer: Answer, principle: str | None = None, side: Side | None = None) -> Candidate:
    """A sampled answer as a candidate; an unusable one has its reason and no text."""
    completion = answer.completion
    return Candidate(
        number,
        "" if answer.unusable else completion.text,
        reasoning=completion.reasoning,
        attempts=answer.attempts,
        principle=principle,
        side=side,
        unusable=answer.unusable,
    )
