"""What a judge is asked about an item, and the recipe that asks it.

The judge's own question is the one that a labelling run asks: the principle's `preference`. Whether the judge reads a
principle at all is seen where nothing else is asked: the same neutral question after the principle's `text` (shown),
after nothing (hidden), after the text of another principle of the set (exchanged), and after the `negation` (negated).
All of them share the prefix with both answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import ClassVar, Literal, TypeAlias, get_args

from constitution.digest import Part, digest
from constitution.engine import Ask, Completion, ModelRole, Sampling
from constitution.errors import SettingsError
from constitution.examination.items import Item, JudgedSet
from constitution.flow import Flow, Longest, side_by_side
from constitution.messages import Conversation, Prompt
from constitution.principles import Principle, Principles
from constitution.records import Candidate, Trace
from constitution.seeds import Seeds
from constitution.steps.draft import unusable_text
from constitution.steps.judge import (
    PAIR_LABELS,
    SCORE_LABELS,
    Bench,
    JudgeMode,
    Material,
    judge_one,
    judge_pair,
    pair_turns,
    score_turns,
)
from constitution.templates import shipped_template
from constitution.verdicts import JudgeRead, Scored

QUESTIONS_VERSION = 1
"""Raised when what is asked besides the templates changes."""

Question: TypeAlias = Literal["asked", "shown", "hidden", "exchanged", "negated"]
QUESTIONS: tuple[Question, ...] = get_args(Question)

NEUTRAL = "Which answer is better?"
PRINCIPLE = "The answers are to keep this principle: "
"""Stands before the text of a principle, or before its negation."""
_JUDGING = ("judge_open", "judge_ask", "judge_think", "judge_decide", "judge_shot")
_SCORING = ("score_open", "score_ask", "score_ask_broken")


def after(text: str) -> str:
    """The neutral question after the text of a principle, or after nothing."""
    return f"{PRINCIPLE}{text}\n\n{NEUTRAL}" if text else NEUTRAL


def questions_of(item: Item, others: Sequence[Principle]) -> Mapping[Question, Principle]:
    """What is asked side by side about an item, each as a principle with its own `preference`.

    Args:
        item: the item.
        others: the principles of its set; one of them, drawn by hash, lends its text.
    """
    own = item.principle
    if own is None or not (own.text or own.preference):
        return {"asked": Principle("asked", preference=NEUTRAL)}
    own = replace(own, level=None)
    found: dict[Question, Principle] = {"asked": own if own.preference else _variant("asked", own.text)}
    if not own.text:
        return found
    found |= {"shown": _variant("shown", own.text), "hidden": _variant("hidden", "")}
    strange = [other for other in others if other.text and other.text != own.text]
    if strange:
        of = item.digest
        lent = min(strange, key=lambda other: digest("exchanged", of, other.text))
        found["exchanged"] = _variant("exchanged", lent.text)
    if own.negation:
        found["negated"] = _variant("negated", own.negation)
    return found


def _variant(question: Question, text: str) -> Principle:
    return Principle(question, preference=after(text))


@dataclass(frozen=True)
class Examiner:
    """Asks a judge about every item: side by side in both orders, and each answer alone in both wordings."""

    sets: tuple[JudgedSet, ...]
    principles: Principles
    """Whose context, worked comparisons and templates the judge is asked with, as a labelling run asks it."""
    mode: JudgeMode = "direct"
    read: JudgeRead = "pairwise"
    """The read that labels; the other one is asked beside it."""
    sampling: Mapping[ModelRole, Sampling] = field(default_factory=lambda: MappingProxyType({}))
    lora: str | None = None
    run_seed: int = 0

    name: ClassVar[str] = "examination"
    stages: ClassVar[tuple[str, ...]] = ("think", "judge")
    roles: ClassVar[tuple[ModelRole, ...]] = ("judge",)

    def __post_init__(self) -> None:
        if self.mode != "direct" and self.read != "pairwise":
            raise SettingsError(f"a judge that is asked '{self.mode}' compares pairs: take read pairwise")
        if self.read == "scoring" and not any(_scores(item) for item in self.items.values()):
            raise SettingsError("no pair has a principle with `asks`, so that none can be scored: take read pairwise")

    @cached_property
    def items(self) -> Mapping[str, Item]:
        """By the id of the prompt that stands for each."""
        return {f"{each.name}/{item.id}": item for each in self.sets for item in each.items}

    @cached_property
    def _others(self) -> Mapping[str, tuple[Principle, ...]]:
        """Whose texts can be lent in each set: its own principles, where it has but one the constitution's too."""
        found: dict[str, dict[str, Principle]] = {each.name: {} for each in self.sets}
        for item in self.items.values():
            if item.principle is not None:
                found[item.set].setdefault(item.principle.text, item.principle)
        for principles in found.values():
            if len(principles) == 1:
                principles.update({one.text: one for one in self.principles.principles})
        return {name: tuple(principles.values()) for name, principles in found.items()}

    @property
    def bench(self) -> Bench:
        """How the judge is asked."""
        own = {"sampling": self.sampling["judge"]} if "judge" in self.sampling else {}
        return Bench(self.principles, self.mode, lora=self.lora, run_seed=self.run_seed, **own)

    @property
    def labels(self) -> Mapping[ModelRole, tuple[str, ...]]:
        """The labels that are read of the judge; none where it answers in words."""
        if self.mode == "text":
            return {"judge": ()}
        scoring = SCORE_LABELS if any(_scores(item) for item in self.items.values()) else ()
        return {"judge": (*PAIR_LABELS, *scoring)}

    def prompts(self) -> tuple[Prompt, ...]:
        """One for each item."""
        return tuple(
            Prompt(id, item.conversation, responses=(item.better, item.worse)) for id, item in self.items.items()
        )

    @cached_property
    def questions(self) -> Mapping[str, Mapping[Question, Principle]]:
        """What is asked side by side about each item, by the id of its prompt."""
        return {id: questions_of(item, self._others[item.set]) for id, item in self.items.items()}

    def settings(self) -> dict[str, object]:
        """All that shapes what is asked, but the sets."""
        return {"recipe": self.name, "judge_mode": self.mode, "judge_read": self.read, "lora": self.lora}

    def unusable(self, question: Ask, completion: Completion) -> str | None:
        """Why a thought cannot be used and is worth asking again; a label is read as it is."""
        return None if question.stage == "judge" else unusable_text(completion, whole=False)

    def flow(self, prompt: Prompt, _: Seeds) -> Flow[Trace]:
        """All reads of one item: the first candidate is the better answer."""
        item = self.items[prompt.id]
        texts = (item.better, item.worse)
        asked = tuple(self.questions[prompt.id].values())
        judged = yield from judge_pair(self.bench, item.conversation, texts, asked)
        scored: tuple[Scored, ...] = ()
        if self.mode != "text" and (principle := _scores(item)) is not None:
            scored = yield from side_by_side(
                [judge_one(self.bench, item.conversation, text, (principle,), n) for n, text in enumerate(texts)]
            )
        candidates = tuple(Candidate(number, text, given=True, attempts=0) for number, text in enumerate(texts))
        return Trace(
            prompt.id, 0, item.conversation, None, candidates=candidates, judged=(judged,), scored=scored,
            constitution=self.principles.digest,
        )  # fmt: skip

    def longest(self, prompt: Prompt, _: Seeds) -> Mapping[ModelRole, Longest]:
        """The longest request about one item."""
        item, bench = self.items[prompt.id], self.bench
        pair = Material.of(bench, item.conversation, (item.better, item.worse))
        sampled = bench.sampling.max_tokens + 1 if self.mode == "think" else bench.reading.max_tokens
        asked = self.questions[prompt.id].values()
        found = [Longest(_longest(pair_turns(bench, pair, each, turned=False) for each in asked), sampled)]
        if (principle := _scores(item)) is not None:
            one = Material.of(bench, item.conversation, (max(item.better, item.worse, key=len),))
            turns = (score_turns(bench, one, principle, turned=turned) for turned in (False, True))
            found.append(Longest(_longest(turns), max(sampled, 1)))
        return {"judge": max(found, key=lambda each: _size(each.messages))}


def _scores(item: Item) -> Principle | None:
    """The principle under which each answer can be examined alone."""
    return replace(item.principle, level=None) if item.principle is not None and item.principle.asks else None


def _longest(turns: Iterable[Conversation]) -> Conversation:
    return max(turns, key=_size)


def _size(turns: Conversation) -> int:
    return sum(len(turn.content) for turn in turns)


def prompts_digest(principles: Principles) -> str:
    """Identity of how a judge is asked: the templates, context and worked comparisons of a constitution.

    Nothing else of it, so that an examination holds under every constitution that asks in the same words.
    """
    words: Part = tuple(
        (name, principles.templates.get(name) or shipped_template(name)) for name in (*_JUDGING, *_SCORING)
    )
    shots: Part = tuple((shot.prompt, shot.a, shot.b, str(shot.better)) for shot in principles.few_shots.judge)
    return digest("judge prompts", QUESTIONS_VERSION, words, principles.context, shots)


def judge_digest(
    model: str, principles: Principles, mode: JudgeMode, read: JudgeRead, sampling: Sampling, lora: str | None
) -> str:
    """Identity of a judge: an examination holds for a labelling run whose judge has the same.

    In it: the fingerprint of its model, LoRA adapter, mode, read, the words in which it is asked, and how thoughts are
    sampled where it thinks first. Not in it: principles, seed, the sets that it was examined on.
    """
    thoughts: Part = sampling.parts() if mode == "think" else (sampling.thinking, sampling.chat_template_kwargs)
    return digest("judge", QUESTIONS_VERSION, model, lora, mode, read, prompts_digest(principles), thoughts)
