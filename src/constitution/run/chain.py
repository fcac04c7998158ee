"""One chain: drive a flow against engines, ask again where an answer cannot be used, count before the first request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal, Protocol, TypeAlias, get_args

from constitution.engine import (
    Answer,
    Ask,
    Capabilities,
    Completion,
    Engine,
    ModelRole,
    Parent,
    Request,
    request_key,
    seeded,
)
from constitution.errors import EngineDeadError, RecordError, SettingsError, TemplateError
from constitution.flow import Longest, Recipe
from constitution.messages import Conversation, Prompt
from constitution.records import ChainResult, Failure, Trace
from constitution.run.budget import Budget
from constitution.seeds import Seeds
from constitution.store.sums import Sums

MAX_ATTEMPTS = 3
"""The first request and two more where its answer cannot be used."""

TooLong: TypeAlias = Literal["skip", "truncate_left", "error"]
TOO_LONG: tuple[str, ...] = get_args(TooLong)


class AnswerBook(Protocol):
    """Where answers are kept: a chunk's journal, or memory."""

    def get(self, request: Request, attempt: int) -> Completion | None:
        """The answer that was given to this request before."""

    def put(self, request: Request, attempt: int, completion: Completion) -> None:
        """Keep an answer."""


class Memory:
    """An answer book that forgets the answers and keeps their sums: for `revise` in a notebook."""

    def __init__(self) -> None:
        self.sums = Sums()

    def get(self, request: Request, attempt: int) -> Completion | None:
        """Nothing is kept."""

    def put(self, request: Request, attempt: int, completion: Completion) -> None:
        """Count its tokens."""
        self.sums.count_answer(request.stage, attempt, completion)


@dataclass(frozen=True)
class Served:
    """The engine of each role, started."""

    engines: Mapping[ModelRole, Engine]
    capabilities: Mapping[ModelRole, Capabilities]
    dead: set[int] = field(default_factory=set)
    """Engines that were found dead, by `id`."""


@dataclass
class Lengths:
    """Mean context of a chain, for the in-flight cap: counted prompt and half of what may be sampled."""

    total: float = 0.0
    chains: int = 0

    def add(self, prompt: int, sampled: int) -> None:
        """Count one chain."""
        self.total += prompt + sampled / 2
        self.chains += 1

    def mean(self) -> float | None:
        """Tokens; None before the first chain."""
        return self.total / self.chains if self.chains else None


class _ChainError(Exception):
    def __init__(self, stage: str, attempts: int, error: Exception) -> None:
        super().__init__(str(error))
        self.stage = stage
        self.attempts = attempts
        self.error = error


@dataclass(frozen=True, slots=True)
class _Count:
    """Tokens of a request, and what the model of its role holds."""

    prompt: int
    sampled: int
    limit: int

    @property
    def fits(self) -> bool:
        return self.prompt + self.sampled <= self.limit


@dataclass(frozen=True)
class Chains:
    """Runs chains of one recipe on the engines of its roles."""

    recipe: Recipe
    served: Served
    seed: int = 0
    too_long: TooLong = "skip"
    lengths: Lengths = field(default_factory=Lengths)
    budget: Budget | None = None
    """The most that may be paid for."""
    in_turn: bool = False
    """Whether questions that go side by side are asked one after another: a replay has no loop to wait in."""

    async def run(self, prompt: Prompt, sample: int, book: AnswerBook) -> ChainResult:
        """The whole chain of one record and sample; an error of its own makes it a Failure, nothing else does.

        Raises:
            EngineDeadError: if an engine is gone.
            LimitReached: if the budget is spent.
            SettingsError: if the record is too long and the policy is `error`.
        """
        seeds = Seeds(self.seed, prompt.id, sample)
        try:
            return await self._drive(prompt, seeds, book)
        except _ChainError as failed:
            return Failure(
                prompt.id, sample, failed.stage, type(failed.error).__name__, str(failed.error), failed.attempts,
                prompt.preferred,
            )  # fmt: skip

    async def run_all(
        self,
        prompts: Sequence[Prompt],
        books: Sequence[AnswerBook],
        on_done: Callable[[int], None] = lambda _: None,
    ) -> list[ChainResult]:
        """One chain for each prompt, as many at a time as the engines take, in the order of the prompts.

        Args:
            prompts: what is asked.
            books: the answer book of each prompt.
            on_done: is told how many chains are finished, from 0 on.
        """
        most = min(can.max_in_flight for can in self.served.capabilities.values())
        room = asyncio.Semaphore(max(1, int(1.25 * most)))
        done = count()
        on_done(next(done))

        async def one(prompt: Prompt, book: AnswerBook) -> ChainResult:
            async with room:
                result = await self.run(prompt, 0, book)
            on_done(next(done))
            return result

        results = await asyncio.gather(*map(one, prompts, books), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if not isinstance(result, BaseException)]

    async def _drive(self, prompt: Prompt, seeds: Seeds, book: AnswerBook) -> Trace:
        flow = self.recipe.flow(prompt, seeds)
        stage = self.recipe.stages[0]
        try:
            asks = next(flow)
            stage = asks[0].stage
            fitting = self._fit(prompt, seeds)
            if fitting is not prompt:
                flow.close()
                if fitting is None:
                    return self._turned_away(prompt, seeds.sample)
                flow = self.recipe.flow(fitting, seeds)
                asks = next(flow)
            while True:
                stage = asks[0].stage
                answers = await self._answer_all(asks, seeds, book)
                asks = flow.send(answers)
        except StopIteration as stop:
            trace: Trace = stop.value
            return trace
        except (RecordError, TemplateError) as error:
            raise _ChainError(stage, 1, error) from error
        finally:
            flow.close()

    @staticmethod
    def _turned_away(prompt: Prompt, sample: int) -> Trace:
        return Trace(
            prompt.id, sample, prompt.conversation, None, reason="too_long", tags=prompt.tags, metadata=prompt.metadata,
            tools=prompt.tools, preferred=prompt.preferred,
        )  # fmt: skip

    async def _answer_all(self, asks: tuple[Ask, ...], seeds: Seeds, book: AnswerBook) -> tuple[Answer, ...]:
        if len(asks) == 1 or self.in_turn:
            return tuple([await self._answer(ask, seeds, book) for ask in asks])
        answers = await asyncio.gather(*(self._answer(ask, seeds, book) for ask in asks), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return tuple(answer for answer in answers if isinstance(answer, Answer))

    async def _answer(self, question: Ask, seeds: Seeds, book: AnswerBook) -> Answer:
        """Ask until an answer can be used, at most MAX_ATTEMPTS times, never again at temperature 0."""
        engine = self.served.engines[question.role]
        attempt = 0
        while True:
            attempt += 1
            request = self._request(question, seeds, attempt)
            completion = book.get(request, attempt)
            if completion is None:
                try:
                    asked = engine.answer(request) if self.budget is None else self.budget.answer(engine, request)
                    completion = await asked
                    book.put(request, attempt, completion)
                except RecordError as error:
                    raise _ChainError(question.stage, attempt, error) from error
                except EngineDeadError:
                    self.served.dead.add(id(engine))
                    raise
            unusable = self.recipe.unusable(question, completion)
            if unusable is None or attempt == MAX_ATTEMPTS or question.sampling.temperature <= 0:
                return Answer(request.key, completion, attempt, unusable, request)

    def _request(self, question: Ask, seeds: Seeds, attempt: int) -> Request:
        source = question.seeds or seeds
        sampling = seeded(question.sampling, source.sampling(question.stage, question.round, attempt))
        parent = question.parent
        key = request_key(
            self.served.capabilities[question.role].model,
            question.messages,
            sampling,
            tools=question.tools,
            labels=question.labels,
            lora=question.lora,
            parent=parent.key if parent else None,
        )
        before = self._parent(question)
        depth = question.round * len(self.recipe.stages) + self.recipe.stages.index(question.stage)
        return Request(
            key=key,
            record=seeds.record,
            messages=question.messages,
            role=question.role,
            stage=question.stage,
            sampling=sampling,
            priority=-depth,
            parent=before,
            tools=question.tools,
            labels=question.labels,
            lora=question.lora,
        )

    def _parent(self, question: Ask) -> Parent | None:
        """The request to go on from; none where another engine answered it, whose ids mean nothing here."""
        parent = question.parent
        if parent is None or parent.request is None:
            return None
        engines = self.served.engines
        if engines[parent.request.role] is not engines[question.role]:
            return None
        return Parent(parent.request, parent.completion)

    def _fit(self, prompt: Prompt, seeds: Seeds) -> Prompt | None:
        """The prompt, or a shorter one by the policy, or None if it is turned away (law 9)."""
        counts = self._counts(prompt, seeds)
        passing = next((count for count in counts if not count.fits), None)
        if passing is None:
            self._note_length(counts)
            return prompt
        if self.too_long == "error":
            raise SettingsError(
                f"record '{prompt.id}': {passing.prompt} prompt tokens over the whole chain and {passing.sampled} that "
                f"may be sampled pass the context of {passing.limit}; lower max_tokens or rounds, or take --too-long "
                "skip"
            )
        if self.too_long == "truncate_left":
            for shorter in _from_the_left(prompt.conversation):
                candidate = replace(prompt, conversation=shorter)
                counts = self._counts(candidate, seeds)
                if all(count.fits for count in counts):
                    self._note_length(counts)
                    return candidate
        return None

    def _note_length(self, counts: Sequence[_Count]) -> None:
        if counts:
            self.lengths.add(counts[0].prompt, counts[0].sampled)

    def _counts(self, prompt: Prompt, seeds: Seeds) -> list[_Count]:
        """What the longest requests to each engine take, in the order in which a chain meets them."""
        longest: list[tuple[ModelRole, Longest]] = []
        for role, request in self.recipe.longest(prompt, seeds).items():
            longest = [one for one in longest if not self._holds(role, request, *one)]
            longest.append((role, request))
        return [
            _Count(
                self.served.engines[role].count(request.messages, prompt.tools)[0],
                request.sampled,
                self.served.capabilities[role].max_context,
            )
            for role, request in longest
        ]

    def _holds(self, role: ModelRole, request: Longest, other: ModelRole, shorter: Longest) -> bool:
        """Whether a request holds all of another to the same engine, which then needs no count of its own."""
        engines = self.served.engines
        begins = request.messages[: len(shorter.messages)] == shorter.messages
        return engines[role] is engines[other] and begins and request.sampled >= shorter.sampled


def _from_the_left(conversation: Conversation) -> list[Conversation]:
    """The conversation without its oldest turns, more and more of them; system turns and the last user turn stay."""
    head = 0
    while head < len(conversation) and conversation[head].role in ("system", "developer"):
        head += 1
    starts = [i for i in range(head + 1, len(conversation)) if conversation[i].role == "user"]
    return [(*conversation[:head], *conversation[start:]) for start in starts]


MENDS = {
    "thinking_on": "its chat template has no switch for thinking: leave `thinking` unset",
    "thinking_off": "its chat template has no switch for thinking: leave `thinking` unset, or name the template's own "
    "switch in `chat_template_kwargs`",
    "thinking_budget": "it has no budget for thoughts: with vLLM set engine.reasoning_parser to the model's own (like "
    "qwen3)",
    "json_schema": "it cannot be held to a JSON schema: leave out --verdict-first",
}
"""What to do where an engine cannot do what a role's sampling needs."""


def refuse_impossible(recipe: Recipe, served: Served, prompt: Prompt) -> None:
    """Refuse settings that cannot work, before the first token.

    Raises:
        SettingsError: no prompt at all fits, since what may be sampled alone fills the context; or an engine cannot do
            what the sampling of its role asks for.
    """
    for role, longest in recipe.longest(prompt, Seeds(0, prompt.id)).items():
        limit = served.capabilities[role].max_context
        if longest.sampled >= limit:
            raise SettingsError(
                f"max_tokens over the whole chain sum to {longest.sampled}, the model's context is {limit}: no prompt "
                "fits; lower max_tokens of the roles, or rounds"
            )
    for role in recipe.roles:
        can = served.capabilities[role]
        for lacking in (need for need in recipe.sampling[role].needs if need in can.lacks):
            mend = MENDS.get(lacking, "take it out of the role's settings, or take another engine")
            raise SettingsError(f"role {role}: {can.model} cannot do `{lacking}`; {mend}")
