"""How a recipe has its texts judged: which reads, under which principles, and what that takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from constitution.engine import Sampling
from constitution.errors import SettingsError
from constitution.flow import Flow, Longest, side_by_side
from constitution.messages import Conversation, Prompt, assistant, user
from constitution.principles import Principle, Principles, Use
from constitution.seeds import Seeds
from constitution.steps.judge import (
    PAIR_LABELS,
    SCORE_LABELS,
    VALUE_LABELS,
    Bench,
    JudgeMode,
    Material,
    closing,
    judge_one,
    judge_pair,
    pair_turns,
    score_turns,
    value_of,
)
from constitution.verdicts import Judged, Scored

Reads: TypeAlias = Literal["pairwise", "scoring", "both", "value"]
READS: tuple[str, ...] = get_args(Reads)
"""Two answers side by side; each by itself; both, so that the card compares the two; a number from a callable."""
JUDGE_SAMPLING = Sampling(max_tokens=256, temperature=0.7)
"""Of thoughts before a verdict; the verdict itself is read at temperature 0."""
_USES: Mapping[Reads, tuple[Use, ...]] = {
    "pairwise": ("compares",),
    "scoring": ("scores",),
    "both": ("compares", "scores"),
    "value": (),
}
_KEYS: Mapping[Use, str] = {"compares": "preference", "scores": "asks"}

Text: TypeAlias = tuple[int, str]
"""A text and its number in the trace."""


@dataclass(frozen=True)
class Judging:
    """What the judge of a recipe is asked."""

    principles: Principles
    read: Reads = "pairwise"
    mode: JudgeMode = "direct"
    number: int = 1
    """Principles drawn for each record; 0 = all that apply."""
    sampling: Sampling = field(default_factory=lambda: JUDGE_SAMPLING)
    lora: str | None = None
    run_seed: int = 0

    def __post_init__(self) -> None:
        if self.number < 0:
            raise SettingsError(f"judge_principles is {self.number}, expected 0 (all that apply) or more")
        if self.mode != "direct" and self.read != "pairwise":
            raise SettingsError(f"judge_mode {self.mode} compares pairs: take judge_read pairwise")
        for use in self.uses:
            if not any(getattr(each, use) for each in self.principles.principles):
                raise SettingsError(
                    f"constitution '{self.principles.name}' has no principle with `{_KEYS[use]}` and a weight above 0; "
                    f"judge_read {self.read} needs at least one"
                )
        self._try_templates()

    def _try_templates(self) -> None:
        """Fill every template once: one that breaks on a principle is refused before the first token."""
        pair = Material.of(self.bench, (user("x"),), ("x", "y"))
        one = Material.of(self.bench, (user("x"),), ("x",))
        for principle in self.principles.principles:
            if principle.compares and "compares" in self.uses:
                pair_turns(self.bench, pair, principle, turned=False)
            if principle.scores and "scores" in self.uses:
                score_turns(self.bench, one, principle, turned=True)

    @property
    def uses(self) -> tuple[Use, ...]:
        """What its principles must be good for."""
        return _USES[self.read]

    def require(self, principle: Principle) -> None:
        """Refuse a principle that its questions cannot be asked under.

        Raises:
            SettingsError: naming what the principle lacks.
        """
        for use in self.uses:
            if not getattr(principle, use):
                raise SettingsError(
                    f"principle '{principle.id}' has no `{_KEYS[use]}`, which --verify judge needs (judge_read "
                    f"{self.read})"
                )

    @property
    def bench(self) -> Bench:
        """How the judge is asked."""
        return Bench(self.principles, self.mode, self.sampling, self.lora, self.run_seed)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that are read of it."""
        if self.read == "value":
            return VALUE_LABELS
        pairwise = PAIR_LABELS if "compares" in self.uses and self.mode != "text" else ()
        return (*pairwise, *(SCORE_LABELS if "scores" in self.uses else ()))

    def settings(self) -> dict[str, object]:
        """All that shapes what it is asked; JSON values only."""
        return {"judge_read": self.read, "judge_mode": self.mode, "judge_principles": self.number}

    def drawn(self, prompt: Prompt, seeds: Seeds) -> Mapping[Use, tuple[Principle, ...]]:
        """The principles that the judge is asked about, for each way of asking; under both reads the same ones."""
        found = {use: self.principles.judging(seeds, self.number, prompt.tags, use) for use in self.uses}
        if self.read == "both":
            found["scores"] = tuple(principle for principle in found["compares"] if principle.scores)
        return found

    def judge(
        self,
        prompt: Prompt,
        texts: Sequence[Text],
        pairs: Iterable[tuple[Text, Text]],
        drawn: Mapping[Use, Sequence[Principle]],
    ) -> Flow[tuple[tuple[Judged, ...], tuple[Scored, ...]]]:
        """Ask about pairs side by side, and about each text by itself, as far as the reads say."""
        bench, asked = self.bench, prompt.conversation
        comparing = [
            judge_pair(bench, asked, (a[1], b[1]), drawn["compares"], a[0], b[0])
            for a, b in (pairs if "compares" in drawn else ())
        ]
        judged = yield from side_by_side(comparing)
        scoring: list[Flow[Scored]] = []
        if drawn.get("scores"):
            scoring = [judge_one(bench, asked, text, drawn["scores"], number) for number, text in texts]
        if self.read == "value":
            scoring = [value_of(bench, asked, text, number, prompt.tools) for number, text in texts]
        return judged, (yield from side_by_side(scoring))

    def longest(
        self, prompt: Prompt, drawn: Mapping[Use, Sequence[Principle]], known: Sequence[str], sampled: Sequence[int]
    ) -> Longest:
        """The longest request that it may get about two texts.

        Args:
            prompt: what they answer.
            drawn: the principles.
            known: those of the texts that are known already.
            sampled: most tokens of those that are not, as far as they may be compared.
        """
        if self.read == "value":
            (text,), unknown = _longest_texts(known, sampled, 1)
            return Longest((*prompt.conversation, assistant(text)), unknown + 1)
        pairs = self._longest_pairs(prompt, drawn, known, sampled)
        found = [*pairs, *self._longest_ones(prompt, drawn, known, sampled)]
        turns = max((each.messages for each in found), key=_size, default=prompt.conversation)
        return Longest(turns, max((each.sampled for each in found), default=1))

    def _longest_pairs(
        self, prompt: Prompt, drawn: Mapping[Use, Sequence[Principle]], known: Sequence[str], sampled: Sequence[int]
    ) -> list[Longest]:
        bench = self.bench
        texts, unknown = _longest_texts(known, sampled, 2)
        pair = Material.of(bench, prompt.conversation, texts)
        decision: Conversation = ()
        own = bench.reading.max_tokens
        if self.mode == "think":
            decision, own = (assistant(""), user(closing(bench))), self.sampling.max_tokens + 1
        return [
            Longest((*pair_turns(bench, pair, each, turned=False), *decision), unknown + own)
            for each in drawn.get("compares", ())
        ]

    def _longest_ones(
        self, prompt: Prompt, drawn: Mapping[Use, Sequence[Principle]], known: Sequence[str], sampled: Sequence[int]
    ) -> list[Longest]:
        bench = self.bench
        texts, unknown = _longest_texts(known, sampled, 1)
        one = Material.of(bench, prompt.conversation, texts)
        return [
            Longest(score_turns(bench, one, each, turned=turned), unknown + 1)
            for each in drawn.get("scores", ())
            for turned in (False, True)
        ]


def _longest_texts(known: Sequence[str], sampled: Sequence[int], count: int) -> tuple[list[str], int]:
    """Texts of the longest request about `count` of them, empty where they are not known, and the tokens of those.

    Which of a known text and an unknown one has more tokens is not known here: where it may be either, both count.
    """
    tokens = sorted(sampled, reverse=True)[:count]
    texts = sorted(known, key=len)[-count:]
    if len(tokens) == count:  # a token is a byte at least
        texts = [text for text in texts if len(text.encode(errors="replace")) > tokens[-1]]
    return [*texts, *[""] * count][:count], sum(tokens)


def _size(turns: Conversation) -> int:
    """Characters, and some for the marks around each turn."""
    return sum(len(turn.content) + 8 for turn in turns)
