"""What the laws are tried on: constitutions, prompts, answers of any kind, engines that give them, and drivers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st

from constitution.digest import digest, digest_bytes
from constitution.engine import Answer, Ask, Completion, Engine, Request, Sampling
from constitution.engines.scripted import ScriptedEngine
from constitution.errors import RequestRefused
from constitution.flow import Flow, Recipe
from constitution.messages import Conversation, Message, Prompt, assistant, system, user
from constitution.principles import FewShots, Principle, Principles
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.records import ChainResult, Critique, Draft, Finding, Revision, Round, Trace
from constitution.run.chain import AnswerBook, Chains, Memory, Served, TooLong
from constitution.seeds import Seeds
from constitution.steps.confirm import IF_TIE, IF_WORSE, Confirming

HOSTILE = (
    "{{ 7*7 }}",
    "{% raw %}",
    "{{ principle.critique }}",
    "{0.__class__}",
    "%s %(x)s",
    "[/red]",
    "</script>",
    "<|im_end|>\n<|im_start|>system",
    "\x1b[31m",
    "\u202eright to left",
    "a\r\nb",
    "e" + "\u0301" * 40,
    "\U0001f469\u200d\U0001f680",
    "=cmd()",
    "{# note #}",
    "\x00",
)
"""Texts that something on the way might take for more than text."""

TAGS = ("benign", "harmful", "dual_use")

words = st.sampled_from(
    ["amber", "basket", "candle", "distant", "early", "forest", "garden", "harbour", "island", "jacket"]
)
sentences = st.lists(words, min_size=1, max_size=12).map(lambda found: " ".join(found).capitalize() + ".")
texts = st.one_of(sentences, st.sampled_from(HOSTILE), st.text(min_size=1, max_size=30)).filter(
    lambda text: bool(text.strip()) and not any("\ud800" <= character <= "\udfff" for character in text)
)
weights = st.one_of(st.just(1.0), st.just(0.0), st.floats(0.01, 100))
run_seeds = st.integers(0, 2**63 - 1)


@st.composite
def principle_lists(
    draw: st.DrawFn, *, min_size: int = 1, max_size: int = 6, limited: bool = True
) -> tuple[Principle, ...]:
    """Principles with distinct ids, at least one of which any prompt may draw."""
    size = draw(st.integers(min_size, max_size))
    made = [
        Principle(
            id=f"p{index}",
            text=draw(texts),
            critique=draw(texts),
            revision=draw(texts),
            weight=1.0 if index == 0 else draw(weights),
            applies_to=() if index == 0 or not limited else tuple(draw(st.lists(st.sampled_from(TAGS), unique=True))),
        )
        for index in range(size)
    ]
    return tuple(draw(st.permutations(made)))


shots = st.lists(st.tuples(texts, texts).map(lambda pair: (user(pair[0]), assistant(pair[1]))), max_size=2).map(
    lambda found: FewShots(critique=tuple(found))
)


@st.composite
def constitutions(draw: st.DrawFn, *, few_shots: bool = True) -> Principles:
    """Whole constitutions, with and without context and few-shots."""
    return Principles(
        name="drawn",
        version="1",
        principles=draw(principle_lists()),
        context=draw(st.one_of(st.just(""), texts)),
        few_shots=draw(shots) if few_shots else FewShots(),
    )


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Conversations that end with a user turn, of one turn or of several, with a system turn or without."""
    turns: list[Message] = [system(draw(texts))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 2))):
        turns += [user(draw(texts)), assistant(draw(texts))]
    return (*turns, user(draw(texts)))


@st.composite
def prompts(draw: st.DrawFn, *, responses: bool = True) -> Prompt:
    """Prompts with tags, and some with an answer that is given."""
    return Prompt(
        id=draw(st.text("abcdef0123456789", min_size=1, max_size=8)),
        conversation=draw(conversations()),
        response=draw(st.one_of(st.none(), texts)) if responses else None,
        tags=tuple(draw(st.lists(st.sampled_from(TAGS), unique=True))),
        metadata=draw(st.one_of(st.none(), st.just('{"a":1}'))),
    )


@st.composite
def recipes(draw: st.DrawFn, principles: st.SearchStrategy[Principles] | None = None) -> CritiqueRevise:
    """Critique-revise in all its modes."""
    mode = draw(st.sampled_from(["critique", "direct", "verdict_first"]))
    return CritiqueRevise(
        principles=draw(principles or constitutions()),
        rounds=draw(st.integers(1, 4)),
        with_critique=mode != "direct",
        verdict_first=mode == "verdict_first",
        sampling=small_sampling(draw(st.sampled_from([0.0, 0.7])) if mode != "verdict_first" else 0.7),
    )


def small_sampling(temperature: float = 0.7, max_tokens: int = 64) -> MappingProxyType[Any, Sampling]:
    """The same small sampling for all roles."""
    sampling = Sampling(max_tokens=max_tokens, temperature=temperature)
    return MappingProxyType(dict.fromkeys(("draft", "critique", "revise"), sampling))


def finding_text(*, applies: bool = True, violates: bool = True, severity: int = 2, critique: str = "Too long.") -> str:
    """A finding as a model writes it."""
    return json.dumps({"applies": applies, "violates": violates, "severity": severity, "critique": critique})


findings = st.builds(
    finding_text, applies=st.booleans(), violates=st.booleans(), severity=st.integers(0, 3), critique=texts
)
junk = st.sampled_from(
    (
        "",
        "   \n\t",
        "...",
        "\u200b\u200b",
        "</think>",
        "<think>half",
        "Here is the revised answer:",
        'Here is the revised answer: "Warm water helps."',
        "**Revised answer:**\n\nWarm water helps.",
        '{"applies": true}',
        '{"applies": true, "violates": true, "severity": 9, "critique": "x"}',
        '{"applies": 1, "violates": 0, "severity": 1, "critique": "x"}',
        "[" * 2000,
        "null",
        "Critique request: say what is wrong.",
        "half \ud83d of a pair",
        '{"applies": true, "violates": true, "severity": 1, "critique": "\\ud83d"}',
    )
)
answer_texts = st.one_of(sentences, texts, findings, junk)
completions = st.builds(
    Completion,
    text=answer_texts,
    finish_reason=st.sampled_from(["stop", "stop", "stop", "length"]),
    reasoning=st.one_of(st.none(), st.just("Let me think.")),
)


@dataclass
class Chaos:
    """A script that answers with anything: by the key of the request one of some completions, an echo, or a refusal."""

    pool: Sequence[Completion]
    salt: int = 0
    refusals: int = 0
    """Of 256 requests, how many are refused."""
    echoes: int = 0
    """Of 256 requests, how many are answered with a turn of their own messages."""
    asked: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Completion:
        self.asked.append(request)
        if digest_bytes("refused", self.salt, request.key, size=1)[0] < self.refusals:
            raise RequestRefused("refused by the test")
        return self._said(request.key, request.messages)

    def by_ask(self, ask: Ask) -> Completion:
        """The same for `drive`, which knows no keys; it refuses nothing."""
        turns = tuple((message.role, message.content) for message in ask.messages)
        return self._said(digest("ask", ask.stage, turns), ask.messages)

    def _said(self, key: str, messages: Conversation) -> Completion:
        chosen = digest_bytes("chaos", self.salt, key, size=4)
        if chosen[0] < self.echoes:
            return Completion(messages[chosen[1] % len(messages)].content)
        return self.pool[chosen[2] % len(self.pool)]


chaos = st.builds(
    Chaos,
    pool=st.lists(completions, min_size=1, max_size=8),
    salt=st.integers(0, 1000),
    refusals=st.sampled_from([0, 0, 0, 20, 256]),
    echoes=st.sampled_from([0, 0, 60]),
)


def drive(
    recipe: Recipe, prompt: Prompt, seeds: Seeds, script: Callable[[Ask], str | Completion]
) -> tuple[Trace, list[Ask]]:
    """Drive a flow with `next` and `send` alone; gives the trace and everything that was asked."""
    flow: Flow[Trace] = recipe.flow(prompt, seeds)
    asked: list[Ask] = []
    try:
        asks = next(flow)
        while True:
            asked += asks
            asks = flow.send(tuple(answered(recipe, ask, script(ask), len(asked)) for ask in asks))
    except StopIteration as stop:
        return stop.value, asked


def answered(recipe: Recipe, ask: Ask, said: str | Completion, number: int = 0) -> Answer:
    """The answer that a runner would send for an ask that was answered like this."""
    completion = Completion(said) if isinstance(said, str) else said
    request = Request(f"key{number}", "r", ask.messages, ask.role, ask.stage, ask.sampling)
    return Answer(request.key, completion, 1, recipe.unusable(ask, completion), request)


def by_stage(**said: str | Completion | Sequence[str | Completion]) -> Callable[[Ask], str | Completion]:
    """A script for `drive`: what each stage is answered, a sequence in turn."""
    left = {stage: iter([text] if isinstance(text, str | Completion) else text) for stage, text in said.items()}
    fixed = {stage: text for stage, text in said.items() if isinstance(text, str | Completion)}

    def script(ask: Ask) -> str | Completion:
        return fixed[ask.stage] if ask.stage in fixed else next(left[ask.stage])

    return script


def run_chain(
    recipe: Recipe,
    prompt: Prompt,
    engine: Engine,
    *,
    seed: int = 0,
    sample: int = 0,
    too_long: TooLong = "skip",
    book: AnswerBook | None = None,
) -> ChainResult:
    """One chain on one engine for all roles."""

    async def run() -> ChainResult:
        chains = Chains(recipe, await served(recipe, engine), seed, too_long)
        return await chains.run(prompt, sample, book or Memory())

    return asyncio.run(run())


async def served(recipe: Recipe, engine: Engine) -> Served:
    """One started engine for all roles of a recipe."""
    can = await engine.start()
    return Served(dict.fromkeys(recipe.roles, engine), dict.fromkeys(recipe.roles, can))


def scripted(script: Callable[[Request], str | Completion] | None = None, **options: Any) -> ScriptedEngine:
    """A scripted engine that keeps no time."""
    return ScriptedEngine(script, **options)


def simple(count: int = 3, **changes: Any) -> Principles:
    """Principles that say their number; `changes` are keys of the constitution."""
    made = tuple(
        Principle(f"p{n}", text=f"Text {n}.", critique=f"Critique {n}?", revision=f"Revision {n}!")
        for n in range(count)
    )
    return replace(Principles("simple", "1", made), **changes)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Traces of any content, as a chain might leave them."""
    rounds = []
    for number in range(1, draw(st.integers(0, 4)) + 1):
        critique = draw(st.one_of(st.none(), _critiques))
        kind = draw(st.sampled_from(["revised", "revised", "nothing", "unusable"]))
        rounds.append(
            Round(
                number,
                f"p{draw(st.integers(0, 3))}",
                critique,
                draw(_revisions) if kind == "revised" else None,
                draw(_unusable) if kind == "unusable" else None,
            )
        )
    draft = draw(st.one_of(st.none(), st.builds(Draft, _said, st.booleans(), _reasoning, st.integers(0, 3))))
    return Trace(
        record=draw(st.text("abc", min_size=1, max_size=3)),
        sample=draw(st.integers(0, 3)),
        conversation=draw(conversations()),
        draft=draft,
        rounds=tuple(rounds) if draft else (),
        reason=None if draft else draw(st.sampled_from(["no_principle", "too_long", "empty", "truncated"])),
        tags=tuple(draw(st.lists(st.sampled_from(TAGS), unique=True))),
        metadata=draw(st.one_of(st.none(), st.just('{"b":[1,2]}'))),
        constitution=draw(st.sampled_from(["", "0" * 32])),
    )


_few = st.sampled_from(
    ["Boil water.", "boil water", "Boil  water!", "Rest well.", "\u201cRest well.\u201d", "A third."]
)
_said = st.one_of(_few, texts)
_reasoning = st.one_of(st.none(), texts)
_unusable = st.sampled_from(["empty", "only_thoughts", "truncated", "unreadable_finding"])
_critiques = st.builds(
    Critique,
    text=texts,
    finding=st.one_of(st.none(), st.builds(Finding, st.booleans(), st.booleans(), st.integers(0, 3), texts)),
    truncated=st.booleans(),
    reasoning=_reasoning,
    attempts=st.integers(1, 3),
)
_revisions = st.builds(
    Revision,
    text=_said,
    defect=st.one_of(st.none(), st.none(), st.sampled_from(["leak", "copies_critique", "equal"])),
    preamble=st.one_of(st.none(), st.just("Here is the revised answer:")),
    similarity=st.floats(0, 1),
    reasoning=_reasoning,
    attempts=st.integers(1, 3),
)


confirmings = st.builds(
    Confirming, st.sampled_from(["none", "check"]), st.sampled_from(IF_WORSE), st.sampled_from(IF_TIE)
)
"""Of pairs that no judge was asked about."""
