"""Judge: ask which of two answers is better, or whether one answer keeps a principle.

Every pair is asked in both orders, and which order comes first is decided by the texts alone, so that a swap of the two
asks the very same requests (law 3). The texts stand between fences with a nonce that none of them holds; the principle
stands last, so that all principles share one prefix: one read is primed, the others follow side by side.

Sources: labels by log-probability, the chain of thought before them: Bai et al. 2022 (arXiv 2212.08073), section 4.1;
both orders: Lee et al. 2023 (arXiv 2309.00267), section 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Literal, TypeAlias, get_args

from constitution.digest import digest
from constitution.engine import Answer, Ask, Sampling
from constitution.flow import Flow, ask_all
from constitution.messages import Conversation, assistant, user
from constitution.principles import JudgeShot, Principle, Principles
from constitution.seeds import Seeds
from constitution.steps.filter import same_text
from constitution.templates import fill, fill_opening
from constitution.verdicts import Judged, Read, Reading, Scored, rank_of

JudgeMode: TypeAlias = Literal["direct", "think", "text"]
JUDGE_MODES: tuple[str, ...] = get_args(JudgeMode)
"""Read the label at once; let the judge write its thoughts first; let it write the label, where no log-probabilities
can be had."""
PAIR_LABELS = ("A", "B")
SCORE_LABELS = ("Yes", "No")
VALUE_LABELS = ("value",)
"""What a callable is asked for in place of labels."""
WORD_TOKENS = 8
"""Tokens for a verdict in words."""


@dataclass(frozen=True)
class Bench:
    """How a judge is asked, the same for all pairs of a run."""

    principles: Principles
    mode: JudgeMode = "direct"
    sampling: Sampling = field(default_factory=lambda: Sampling(max_tokens=256, temperature=0.7))
    """Of thoughts; a label is read or written at temperature 0."""
    lora: str | None = None
    run_seed: int = 0

    @property
    def reading(self) -> Sampling:
        """How a label is asked for."""
        tokens = WORD_TOKENS if self.mode == "text" else 1
        return replace(self.sampling, max_tokens=tokens, temperature=0.0, top_p=1.0, top_k=0, min_p=0.0, stop=())


def pair_id(conversation: Conversation, texts: Sequence[str]) -> str:
    """Identity of what is judged, whatever the order of its texts."""
    return digest("judged", tuple(turn.parts for turn in conversation), tuple(sorted(texts)))


def nonce_of(run_seed: int, id: str, texts: Sequence[str]) -> str:
    """The number in the fences: from run seed and pair, in none of the texts."""
    attempt = 0
    while True:
        nonce = digest("nonce", run_seed, id, attempt, size=4)
        if not any(nonce in text for text in texts):
            return nonce
        attempt += 1


def fenced(name: str, text: str, nonce: str) -> str:
    """A text between its marks."""
    return f"<{name}-{nonce}>\n{text}\n</{name}-{nonce}>"


def shown_conversation(conversation: Conversation, nonce: str) -> str:
    """A conversation between its marks, each turn between its own."""
    turns = "\n".join(
        fenced(turn.role, turn.content if turn.extra is None else f"{turn.content}\n{turn.extra}", nonce)
        for turn in conversation
    )
    return fenced("conversation", turns, nonce)


@dataclass(frozen=True)
class Material:
    """What the judge reads before the question."""

    conversation: Conversation
    texts: tuple[str, ...]
    """The two answers in canonical order, or one."""
    id: str
    nonce: str
    shots: tuple[JudgeShot, ...] = ()

    @classmethod
    def of(cls, bench: Bench, conversation: Conversation, texts: Sequence[str]) -> Material:
        """Material in canonical order, under its nonce."""
        shots = bench.principles.few_shots.judge if len(texts) == 2 else ()
        id = pair_id(conversation, texts)
        every = [*texts, *(turn.content for turn in conversation), *(turn.extra or "" for turn in conversation)]
        every += [text for shot in shots for text in (shot.prompt, shot.a, shot.b)]
        return cls(conversation, tuple(sorted(texts, key=_place)), id, nonce_of(bench.run_seed, id, every), shots)

    def pair(self, opening: str, *, turned: bool) -> str:
        """Opening, conversation and both answers; `turned` puts the second text first."""
        first, second = reversed(self.texts) if turned else self.texts
        answers = (fenced("answer-A", first, self.nonce), fenced("answer-B", second, self.nonce))
        return "\n\n".join((opening, shown_conversation(self.conversation, self.nonce), *answers))

    def one(self, opening: str) -> str:
        """Opening, conversation and the answer."""
        (text,) = self.texts
        shown = shown_conversation(self.conversation, self.nonce)
        return "\n\n".join((opening, shown, fenced("answer", text, self.nonce)))


def _place(text: str) -> str:
    return digest("order", text)


def pair_turns(bench: Bench, material: Material, principle: Principle, *, turned: bool) -> Conversation:
    """The messages of one pairwise read; of the thoughts before it where the judge thinks first."""
    own = bench.principles
    opening = fill_opening("judge_open", material.nonce, own.context, own.templates)
    name = "judge_think" if bench.mode == "think" else "judge_ask"
    question = fill(name, principle, own.context, own.templates)
    return (*_shots(bench, material, opening), user(f"{material.pair(opening, turned=turned)}\n\n{question}"))


def _shots(bench: Bench, material: Material, opening: str) -> Conversation:
    """Worked comparisons; the better answer stands first and second by turns, so that they teach no position."""
    turns: list[Conversation] = []
    own = bench.principles
    for number, shot in enumerate(material.shots):
        better, worse = (shot.a, shot.b) if shot.better == "a" else (shot.b, shot.a)
        texts = (better, worse) if number % 2 == 0 else (worse, better)
        shown = replace(material, conversation=(user(shot.prompt),), texts=texts, shots=())
        question = fill("judge_shot", Principle("few-shot"), own.context, own.templates)
        turns.append((user(f"{shown.pair(opening, turned=False)}\n\n{question}"), assistant(PAIR_LABELS[number % 2])))
    return tuple(turn for pair in turns for turn in pair)


def score_turns(bench: Bench, material: Material, principle: Principle, *, turned: bool) -> Conversation:
    """The messages of one scoring read; `turned` asks whether the answer breaks the principle."""
    own = bench.principles
    opening = fill_opening("score_open", material.nonce, own.context, own.templates)
    name = "score_ask_broken" if turned else "score_ask"
    return (user(f"{material.one(opening)}\n\n{fill(name, principle, own.context, own.templates)}"),)


def judge_pair(
    bench: Bench, conversation: Conversation, texts: tuple[str, str], drawn: Sequence[Principle], a: int = 0, b: int = 1
) -> Flow[Judged]:
    """Both orders under each principle. Equal texts are asked nothing.

    Args:
        bench: how the judge is asked.
        conversation: what both texts answer.
        texts: the text of `a` and that of `b`.
        drawn: the principles, each with a `preference`.
        a: number of the first text in its trace.
        b: number of the second.
    """
    if same_text(*texts) or not drawn:
        return Judged(a, b, "pairwise", ())
    material = Material.of(bench, conversation, texts)
    swapped = material.texts[0] != texts[0]
    seeds = Seeds(bench.run_seed, material.id)
    places = [(principle, turned) for principle in drawn for turned in (False, True)]
    asks = [
        _ask(bench, seeds, pair_turns(bench, material, principle, turned=turned), number // 2, PAIR_LABELS)
        for number, (principle, turned) in enumerate(places)
    ]
    answers = yield from _primed(asks, 2)
    thoughts: Sequence[Answer | None] = [None] * len(asks)
    if bench.mode == "think":
        thoughts = answers
        answers = yield from _decisions(bench, seeds, asks, answers)
    reads = [
        _pair_read(answer, thought, turned=turned != swapped, mode=bench.mode)
        for answer, thought, (_, turned) in zip(answers, thoughts, places, strict=True)
    ]
    return Judged(a, b, "pairwise", _readings(bench, drawn, reads))


def judge_one(
    bench: Bench, conversation: Conversation, text: str, drawn: Sequence[Principle], number: int = 0
) -> Flow[Scored]:
    """One answer under each principle, in both wordings.

    Args:
        bench: how the judge is asked; scores are always read directly.
        conversation: what the text answers.
        text: the answer.
        drawn: the principles, each with `asks`.
        number: of the text in its trace.
    """
    bench = replace(bench, mode="direct")
    material = Material.of(bench, conversation, (text,))
    seeds = Seeds(bench.run_seed, material.id)
    asks = [
        _ask(bench, seeds, score_turns(bench, material, principle, turned=turned), place, SCORE_LABELS)
        for place, principle in enumerate(drawn)
        for turned in (False, True)
    ]
    answers = yield from _primed(asks, 1)
    reads = [Read(turned=bool(place % 2), logprobs=_two(answer)) for place, answer in enumerate(answers)]
    return Scored(number, "scoring", _readings(bench, drawn, reads))


def _readings(bench: Bench, drawn: Sequence[Principle], reads: Sequence[Read]) -> tuple[Reading, ...]:
    """Two reads a principle, the unturned one first."""
    levels = bench.principles.levels
    return tuple(
        Reading(
            principle.id,
            tuple(sorted(reads[2 * place : 2 * place + 2], key=lambda read: read.turned)),
            rank_of(principle.level, levels),
            principle.weight,
        )
        for place, principle in enumerate(drawn)
    )


def _ask(bench: Bench, seeds: Seeds, turns: Conversation, place: int, labels: tuple[str, str]) -> Ask:
    if bench.mode == "think":
        return Ask("judge", "think", turns, bench.sampling, round=place, lora=bench.lora, seeds=seeds)
    told = () if bench.mode == "text" else labels
    return Ask("judge", "judge", turns, bench.reading, round=place, labels=told, lora=bench.lora, seeds=seeds)


def _primed(asks: Sequence[Ask], first: int) -> Flow[tuple[Answer, ...]]:
    """Ask one for each shared prefix, then the others side by side, which find that prefix in the engine's cache."""
    primed = yield from ask_all(tuple(asks[:first]))
    others = yield from ask_all(tuple(asks[first:]))
    return (*primed, *others)


def closing(bench: Bench) -> str:
    """What the judge is asked after its thoughts."""
    own = bench.principles
    return fill("judge_decide", Principle("judge"), own.context, own.templates)


def _decisions(bench: Bench, seeds: Seeds, asks: Sequence[Ask], thoughts: Sequence[Answer]) -> Flow[tuple[Answer, ...]]:
    """The label after each thought, append-only. A thought that stayed unusable is followed by none."""
    decide = user(closing(bench))
    following = [
        Ask(
            "judge", "judge", (*asked.messages, assistant(thought.completion.text), decide), bench.reading,
            round=asked.round, parent=thought, labels=PAIR_LABELS, lora=bench.lora, seeds=seeds,
        )
        for asked, thought in zip(asks, thoughts, strict=True)
        if thought.unusable is None
    ]  # fmt: skip
    answers = iter((yield from ask_all(tuple(following))))
    return tuple(thought if thought.unusable else next(answers) for thought in thoughts)


def _pair_read(answer: Answer, thought: Answer | None, *, turned: bool, mode: JudgeMode) -> Read:
    if mode == "text":
        word = answer.completion.text
        label = label_of(word)
        vote: Literal[-1, 1] | None = None if label is None else 1 if (label == 0) != turned else -1
        return Read(turned=turned, word=word, vote=vote)
    written = thought.completion.text if thought is not None else None
    if answer is thought:
        return Read(turned=turned, thought=written)
    return Read(turned=turned, logprobs=_two(answer), thought=written)


def _two(answer: Answer) -> tuple[float | None, float | None]:
    logprobs = answer.completion.logprobs
    if logprobs is None or len(logprobs) != 2:
        return None, None
    return _finite(logprobs[0]), _finite(logprobs[1])


def _finite(number: float | None) -> float | None:
    """The number as a journal keeps it: neither infinite nor NaN."""
    return number if number is not None and isfinite(number) else None


def label_of(word: str) -> int | None:
    """Which label a judge wrote, 0 or 1: the letter alone, with marks around it at most; else None, never a guess."""
    bare = word.strip().strip("()[]{}<>*_`'\"“”.,:;!# \t\n")
    return {"A": 0, "a": 0, "B": 1, "b": 1}.get(bare)


def value_of(
    bench: Bench, conversation: Conversation, text: str, number: int = 0, tools: str | None = None
) -> Flow[Scored]:
    """The number that a callable gives to one answer: it sees the conversation with the answer, and no principle."""
    seeds = Seeds(bench.run_seed, pair_id(conversation, (text,)))
    turns = (*conversation, assistant(text))
    asked = Ask("judge", "judge", turns, bench.reading, tools=tools, labels=VALUE_LABELS, seeds=seeds)
    (answer,) = yield from ask_all((asked,))
    logprobs = answer.completion.logprobs
    return Scored(number, "value", (Reading("", (Read(value=_finite(logprobs[0]) if logprobs else None),)),))
