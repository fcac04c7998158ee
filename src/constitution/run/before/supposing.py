"""What a chain may cost: the runner's own chains, driven with supposed answers instead of an engine's.

Nothing is known here of a recipe: what follows an answer is what its flow asks next, and whether an answer is asked for
again is what its `unusable` says.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from constitution.engine import Completion, ModelRole, Request
from constitution.engines.counting import Estimate, Uncalled
from constitution.messages import Conversation, Message, Prompt, user
from constitution.records import ChainResult
from constitution.run.chain import MAX_ATTEMPTS, Chains, Served

_WORDS = ("oak", "sun", "elm", "ice", "fox", "hen", "bee", "cat")
"""What the longest answers are made of: another word for each stage, so that no answer looks like a copy."""
_CANDIDATES = ("red", "old", "tea", "map", "cup", "hat", "pen", "box", "key", "ink", "jar", "toe", "egg", "arm", "bus")
"""The same for the candidates after the first."""
_USED, _DISCARDED, _UNUSABLE = "a", "[INST]", ""
"""Short answers: one that every stage takes; one that shows the machinery, so that a revision is not kept; none."""
_REMEMBERED = 1024
"""Kinds of chains, and turns, that are kept."""


Place: TypeAlias = tuple[int, int]
"""Of a question in a chain: how deep it stands, by round and stage, and which one there it is."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the chain in which every answer is used and as long as it may be."""

    role: ModelRole
    stage: str
    prompt: int
    """Most tokens of its prompt."""
    sampled: int
    """Most tokens of one answer."""
    times: int
    """Most attempts."""


@dataclass(frozen=True, slots=True)
class Fork:
    """A question on the shortest way to it, and where its answers lead."""

    role: ModelRole
    stage: str
    prompt: int
    """Fewest tokens of its prompt."""
    sampled: int
    """Fewest tokens of one answer."""
    ways: tuple[tuple[int, Place | None], ...]
    """How often it is asked, and the place of what is asked then; None where the chain ends."""


class Weight(NamedTuple):
    """What one request weighs: something for itself, something for each token of its prompt and of its answer."""

    request: float = 0
    prompt: float = 0
    sampled: float = 0

    def of(self, prompt: int, sampled: int) -> float:
        """The weight of a request with so many tokens."""
        return self.request + self.prompt * prompt + self.sampled * sampled


Weigh: TypeAlias = Callable[[ModelRole, str], Weight]
"""The weight of requests of a role and a stage."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a chain may ask."""

    full: tuple[Question, ...]
    forks: Mapping[Place, Fork]
    """By place, the last first."""

    def least(self, weigh: Weigh) -> float:
        """The weight of the lightest of all ways through the chain."""
        best: dict[Place | None, float] = {None: 0.0}
        place: Place | None = None
        for place, fork in self.forks.items():
            one = weigh(fork.role, fork.stage).of(fork.prompt, fork.sampled)
            best[place] = min([times * one + best[following] for times, following in fork.ways])
        return best[place]

    def most(self, weigh: Weigh, *, again: bool = True) -> float:
        """The weight of the heaviest way: all answers as long as may be, used, and (`again`) at the last attempt."""
        return sum(
            weigh(one.role, one.stage).of(one.prompt, one.sampled) * (one.times if again else 1) for one in self.full
        )


@dataclass(frozen=True, slots=True)
class _Sum:
    """Tokens of a prompt: those of some turns of the whole chain, and others that any conversation of a kind adds."""

    turns: tuple[int, ...]
    rest: int

    @classmethod
    def of(cls, tokens: int, messages: Conversation, chain: _Turns) -> _Sum:
        turns = tuple(chain.places[turn] for turn in messages if turn in chain.places)
        return cls(turns, tokens - sum(chain.tokens[turn] for turn in turns))

    def at(self, chain: _Turns) -> int:
        return self.rest + sum([chain.tokens[turn] for turn in self.turns])


@dataclass(frozen=True)
class _Turns:
    """The turns of a whole chain that are not the record's own."""

    tokens: tuple[int, ...]
    places: Mapping[Message, int]
    """The first place of each."""


@dataclass(frozen=True)
class _Kind:
    """What chains have in common that differ in words alone."""

    outlook: Outlook
    full: tuple[_Sum, ...]
    forks: Mapping[Place, _Sum]
    first: _Sum

    def at(self, chain: _Turns, first: int) -> Outlook:
        """The outlook of another chain of this kind, whose first question has so many tokens."""
        own = first - self.first.at(chain)
        full = tuple(
            replace(one, prompt=own + part.at(chain)) for one, part in zip(self.outlook.full, self.full, strict=True)
        )
        forks = {
            place: replace(fork, prompt=own + self.forks[place].at(chain)) for place, fork in self.outlook.forks.items()
        }
        return Outlook(full, forks)


class _Reached(Exception):
    """A chain asks something for which no answer is supposed."""

    def __init__(self, request: Request, place: Place) -> None:
        self.request, self.place = request, place
        super().__init__(request.key)


class _Given:
    """An answer book that gives to each question what a function supposes, and keeps the first attempts."""

    def __init__(self, suppose: Callable[[Request], Completion]) -> None:
        self._suppose = suppose
        self.asked: list[Request] = []

    def get(self, request: Request, attempt: int) -> Completion | None:
        if attempt == 1:
            self.asked.append(request)
        return self._suppose(request)

    def put(self, request: Request, attempt: int, completion: Completion) -> None:
        raise AssertionError(f"no engine answers here: {request.key}, {attempt}, {completion}")


class _Way:
    """An answer book that gives one answer after another, to each question one, and stops at the next question."""

    def __init__(self, answers: Sequence[Completion]) -> None:
        self._answers = answers
        self._places: list[Place] = []
        self.times = 0
        """How often the last of them was given."""

    def get(self, request: Request, attempt: int) -> Completion | None:
        if attempt == 1:
            deepest = max([-request.priority, *(depth for depth, _ in self._places)])
            self._places.append((deepest, sum(depth == deepest for depth, _ in self._places)))
        if len(self._places) > len(self._answers):
            raise _Reached(request, self._places[len(self._answers)])
        self.times = attempt
        return self._answers[len(self._places) - 1]

    def put(self, request: Request, attempt: int, completion: Completion) -> None:
        raise AssertionError(f"no engine answers here: {request.key}, {attempt}, {completion}")


@dataclass
class Supposer:
    """Drives chains with supposed answers."""

    chains: Chains
    counters: Mapping[ModelRole, Uncalled]
    _known: OrderedDict[Hashable, _Kind] = field(default_factory=OrderedDict)
    _longest: dict[Hashable, Completion] = field(default_factory=dict)
    _texts: OrderedDict[tuple[ModelRole, Message], int] = field(default_factory=OrderedDict)

    async def whole(self, prompt: Prompt, sample: int) -> tuple[ChainResult, list[Request]]:
        """The chain in which every answer is used at once and as long as it may be, and all that it asks.

        Nothing is asked where the record is turned away or fails before its first request.

        Raises:
            SettingsError: it is too long, and the policy is `error`.
        """
        book = _Given(self.longest)
        return await self.chains.run(prompt, sample, book), book.asked

    def first(self, asked: Sequence[Request]) -> int:
        """Prompt tokens of the first question of a chain, which hold nothing that is not known.

        Raises:
            RecordError: it cannot be encoded.
        """
        return self.counters[asked[0].role].prompt_tokens(asked[0])[0]

    async def outlook(self, prompt: Prompt, sample: int, asked: Sequence[Request], first: int) -> Outlook:
        """What a chain may ask.

        Args:
            prompt: of the record, as it fits the context.
            sample: which of its chains.
            asked: by the whole chain.
            first: prompt tokens of its first question.
        """
        if not all(self.counters[one.role].sums_up(one) for one in asked):
            return (await self._new(prompt, sample, asked))[0]
        chain, kind = self._turns(prompt, asked)
        known = self._known.get(kind)
        if known is None:
            outlook, forks = await self._new(prompt, sample, asked)
            full = tuple(
                _Sum.of(one.prompt, request.messages, chain) for one, request in zip(outlook.full, asked, strict=True)
            )
            known = _Kind(outlook, full, forks(chain), _Sum.of(first, asked[0].messages, chain))
            self._known[kind] = known
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(kind)
        return known.at(chain, first)

    async def _new(
        self, prompt: Prompt, sample: int, asked: Sequence[Request]
    ) -> tuple[Outlook, Callable[[_Turns], dict[Place, _Sum]]]:
        forks, messages = await self._forks(prompt, sample)
        outlook = Outlook(tuple(map(self._question, asked)), forks)
        return outlook, lambda chain: {
            place: _Sum.of(fork.prompt, messages[place], chain) for place, fork in forks.items()
        }

    def _turns(self, prompt: Prompt, asked: Sequence[Request]) -> tuple[_Turns, Hashable]:
        """The turns of a chain that are not the record's own, and what makes its kind."""
        own = set(map(id, prompt.conversation))
        places: dict[Message, int] = {}
        tokens: list[int] = []
        form: list[Hashable] = [prompt.tools]
        for one in asked:
            form.append(one.priority)
            for turn in one.messages:
                if id(turn) in own or (turn.role == "assistant" and turn.content is prompt.response):
                    form.append((turn.role, turn.extra, bool(turn.content)))
                    continue
                if turn not in places:
                    places[turn] = len(tokens)
                    tokens.append(self._turn_tokens(one.role, turn))
                form.append((turn.role, places[turn]))
        return _Turns(tuple(tokens), places), tuple(form)

    def longest(self, request: Request) -> Completion:
        """The longest answer that can be used."""
        key = *self._place(request), request.sampling.max_tokens, request.sampling.json_schema
        if key not in self._longest:
            self._longest[key] = Completion(self._long_text(request))
        return self._longest[key]

    def _place(self, request: Request) -> tuple[int, int]:
        """Number of its stage, and in the first one of the candidate: what is held against each other must differ."""
        stages = len(self.chains.recipe.stages)
        stage = -request.priority % stages
        return stage, -request.priority // stages if stage == 0 else 0

    def _turn_tokens(self, role: ModelRole, turn: Message) -> int:
        """Tokens of a turn that comes again in other chains: a request, a few-shot, a supposed answer."""
        found = self._texts.get((role, turn))
        if found is None:
            found = self._texts[role, turn] = self.counters[role].turn_tokens(turn)
            if len(self._texts) > _REMEMBERED:
                self._texts.popitem(last=False)
        return found

    def _long_text(self, request: Request) -> str:
        counter, most, schema = self.counters[request.role], request.sampling.max_tokens, request.sampling.json_schema
        stage, round = self._place(request)
        word = _CANDIDATES[round - 1] if stage == 0 and round else _WORDS[stage % len(_WORDS)]
        if schema is None:
            return counter.longest(most, word)
        around, nothing = (counter.count((user(text),))[0] for text in (_instance(schema, "", answer=True), ""))
        return _instance(schema, counter.longest(max(0, most - around + nothing), word), answer=True)

    def _question(self, request: Request) -> Question:
        most = self.counters[request.role].prompt_tokens(request)[1]
        times = MAX_ATTEMPTS if request.sampling.temperature > 0 else 1
        return Question(request.role, request.stage, most, request.sampling.max_tokens, times)

    async def _forks(self, prompt: Prompt, sample: int) -> tuple[dict[Place, Fork], dict[Place, Conversation]]:
        """Every question that a chain may reach, on the shortest way to it, and where each answer leads.

        Of two ways to the same stage and round the one with the shorter prompt is followed: what comes after it holds
        that prompt, and is the shorter too.
        """
        forks: dict[Place, Fork] = {}
        messages: dict[Place, Conversation] = {}
        found: dict[Place, tuple[int, Request, tuple[Completion, ...]]] = {}
        unmeasured = replace(self.chains, served=_boundless(self.chains.served))

        async def go(answers: tuple[Completion, ...]) -> tuple[int, Place | None]:
            book = _Way(answers)
            try:
                await unmeasured.run(prompt, sample, book)
            except _Reached as reached:
                least = self.counters[reached.request.role].prompt_tokens(reached.request)[0]
                if reached.place not in found or least < found[reached.place][0]:
                    found[reached.place] = (least, reached.request, answers)
                return book.times, reached.place
            return book.times, None

        await go(())
        while found:
            least, request, answers = found.pop(place := min(found))
            ways = {await go((*answers, answer)) for answer in _short(request)}
            sampled = self.counters[request.role].least_answer
            ordered = tuple(sorted(ways, key=lambda way: (way[0], way[1] or place)))
            forks[place] = Fork(request.role, request.stage, least, sampled, ordered)
            messages[place] = request.messages
        return dict(sorted(forks.items(), reverse=True)), messages


class _Boundless(Estimate):
    """Finds that everything fits: what fits was found out before."""

    def count(self, messages: Conversation, tools: str | None = None) -> tuple[int, bool]:  # noqa: ARG002 - the seam's
        return 0, False


def _boundless(served: Served) -> Served:
    engines = {id(engine): _Boundless("", None) for engine in served.engines.values()}
    return Served({role: engines[id(engine)] for role, engine in served.engines.items()}, served.capabilities)


def _short(request: Request) -> tuple[Completion, ...]:
    """Short answers after which a chain may go on in different ways."""
    schema = request.sampling.json_schema
    if schema is None:
        return Completion(_USED), Completion(_DISCARDED), Completion(_UNUSABLE)
    said = [_instance(schema, "", answer=answer) for answer in (False, True)]
    return (*map(Completion, said), Completion(_UNUSABLE))


def _instance(schema: str, text: str, *, answer: bool) -> str:
    """A value that a JSON schema of an object allows: all yes or all no, numbers low, `text` for each text."""

    def value(part: Mapping[str, Any]) -> Any:
        if "enum" in part:
            return part["enum"][0]
        kinds: Mapping[str, Callable[[], Any]] = {
            "boolean": lambda: answer,
            "string": lambda: text,
            "integer": lambda: 0,
            "number": lambda: 0,
            "array": list,
            "object": lambda: {name: value(inner) for name, inner in part.get("properties", {}).items()},
        }
        return kinds.get(part.get("type", ""), lambda: None)()

    return json.dumps(value(json.loads(schema)), separators=(",", ":"))
