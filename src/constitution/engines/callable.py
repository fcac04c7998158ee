"""A Python function as judge: a reward model, a classifier, a rule. One number for an answer, higher is better."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from math import isfinite
from typing import Any, TypeAlias

import orjson

from constitution.engine import Capabilities, Completion, Request
from constitution.errors import EngineDeadError, RequestRefused, SettingsError
from constitution.messages import Conversation
from constitution.steps.judge import VALUE_LABELS

Chats: TypeAlias = list[list[dict[str, Any]]]
"""Conversations as chat templates read them, each up to the answer."""
Valuer: TypeAlias = Callable[[Chats, list[str]], Iterable[Any]]
"""`f(prompts, responses)`: one number for each response."""

MOST_CONTEXT = 2**31 - 1
"""Nobody counts tokens for a function."""


class CallableJudge:
    """An engine over `f(prompts, responses) -> numbers`, higher is better.

    `f` is called on a thread of its own, one batch at a time. What waits when it is free makes the next batch. Where it
    raises, or returns what is not one number for each answer, the answers of that batch are asked one by one, so that
    the one at fault fails alone.

    Args:
        f: takes conversations (lists of `{"role", "content"}`, up to the answer) and as many answers; returns a list,
            an array or a tensor of as many finite numbers. Each must depend on its own answer alone.
        name: what manifests and request keys call it: under another name everything is asked again. Without, the name
            of the function with its module. A run wants one for whatever is no plain function (`has_own_name`).
        batch: most answers in one call.
    """

    def __init__(self, f: Valuer, name: str | None = None, batch: int = 64) -> None:
        if not callable(f):
            raise SettingsError(f"a judge is a function f(prompts, responses), found {type(f).__name__}")
        if inspect.iscoroutinefunction(f) or inspect.iscoroutinefunction(getattr(f, "__call__", None)):  # noqa: B004 - the method itself is wanted
            raise SettingsError("the judge is an async function; give a plain one, it has a thread of its own")
        if batch < 1:
            raise SettingsError(f"the judge's batch is {batch}, expected 1 or more")
        self._f = f
        self.name = name_of(f) if name is None else name
        """What manifests call it."""
        if not self.name.strip() or not self.name.isprintable():
            raise SettingsError(f"the judge's name is {self.name!r}, expected a text on one line")
        self.named = name is not None or has_own_name(f)
        """Whether the name tells it from another judge."""
        self.batch = batch
        """Most answers in one call."""
        self._waiting: list[tuple[Request, asyncio.Future[Completion]]] = []
        self._work: asyncio.Task[None] | None = None
        self._closed = False

    async def start(self, labels: tuple[str, ...] = ()) -> Capabilities:
        """Say what it can do; nothing is loaded.

        Raises:
            SettingsError: log-probabilities of words are wanted, and a function has none.
        """
        if labels not in ((), VALUE_LABELS):
            read = ", ".join(f'"{label}"' for label in labels)
            raise SettingsError(
                f"judge '{self.name}' gives a number for an answer, and has no probabilities of {read}: "
                "take read value with it"
            )
        self._closed = False
        return Capabilities(
            model=f"callable:{self.name}",
            max_context=MOST_CONTEXT,
            max_in_flight=2 * self.batch,  # a batch waits while another is at work
            logprobs=True,
            fingerprint=(("engine", "callable"),),
        )

    async def answer(self, request: Request) -> Completion:
        """The number of one answer, as the log-probability of its one label.

        Raises:
            RequestRefused: `f` failed on it, or was asked for something else than a number.
            EngineDeadError: it is closed.
        """
        if self._closed:
            raise EngineDeadError(f"judge '{self.name}' is closed")
        if request.labels != VALUE_LABELS or request.messages[-1].role != "assistant":
            raise RequestRefused(f"judge '{self.name}' only gives numbers for answers; it cannot be the {request.role}")
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._serve())
        return await future

    def count(self, messages: Conversation, tools: str | None = None) -> tuple[int, bool]:  # noqa: ARG002 - the seam's
        """Nothing is paid by the token."""
        return 0, True

    async def close(self) -> None:
        """Value nothing more; a batch that is at work ends."""
        self._closed = True

    async def _serve(self) -> None:
        """One batch after the other, until nobody waits. It begins when all have asked that ask in one turn."""
        asked: list[tuple[Request, asyncio.Future[Completion]]] = []
        try:
            while self._waiting:
                taken, self._waiting = self._waiting[: self.batch], self._waiting[self.batch :]
                asked = [(request, future) for request, future in taken if not future.done()]
                found = await asyncio.to_thread(self._values, [request for request, _ in asked])
                for (_, future), value in zip(asked, found, strict=True):
                    if not future.done():
                        _settle(future, value)
        finally:
            left, self._waiting = [*asked, *self._waiting], []
            for _, future in left:
                future.cancel()  # nothing, where it is done

    def _values(self, requests: Sequence[Request]) -> list[float | RequestRefused]:
        """Of each request its number, or why it has none."""
        if not requests:
            return []
        try:
            return [self._finite(value) for value in self._call(requests)]
        except RequestRefused as refused:
            if len(requests) == 1:
                return [refused]
            return [value for request in requests for value in self._values([request])]

    def _call(self, requests: Sequence[Request]) -> list[float]:
        chats = [chat_of(request.messages[:-1]) for request in requests]
        texts = [request.messages[-1].content for request in requests]
        number = len(requests)  # the lists are the function's, which may change them
        try:
            values = _numbers(self._f(chats, texts), number + 1)
        except BaseException as error:  # an exit or an interrupt would end the thread that serves all engines
            raise self._refused(f"raised {_told(error)}") from error
        if isinstance(values, str):
            raise self._refused(values)
        if len(values) != number:
            found = (
                _counted(len(values), "number") if len(values) < number else f"more than {_counted(number, 'number')}"
            )
            raise self._refused(f"returned {found} for {_counted(number, 'answer')}")
        return values

    def _finite(self, value: float) -> float | RequestRefused:
        return value if isfinite(value) else self._refused(f"returned {value} for an answer")

    def _refused(self, what: str) -> RequestRefused:
        return RequestRefused(f"judge '{self.name}' {what}; it must give one finite number for each answer: mend it")


def _settle(future: asyncio.Future[Completion], value: float | RequestRefused) -> None:
    if isinstance(value, RequestRefused):
        future.set_exception(value)
    else:
        future.set_result(Completion("", logprobs=(value,)))


def _told(error: BaseException) -> str:
    """Its kind and what it says, on one line; its kind alone, where it says nothing or fails to."""
    try:
        said = str(error)
    except BaseException:  # noqa: BLE001 - a class of the user's own may do anything there
        said = ""
    return " ".join(f"{type(error).__name__}: {said}".split())[:300].removesuffix(":")


def _numbers(returned: object, most: int) -> list[float] | str:
    """The first numbers of a list, an array or a tensor, which may have no end; else what it is in words."""
    if hasattr(returned, "tolist"):  # arrays and tensors, wherever they live
        returned = returned.tolist()
    if not isinstance(returned, Iterable) or isinstance(returned, str | bytes | dict):
        return f"returned a {type(returned).__name__}, no list of numbers"
    values = list(islice(returned, most))
    strange = next((value for value in values if not hasattr(type(value), "__float__")), None)
    if strange is not None:
        return f"returned a list that holds a {type(strange).__name__}"
    return [float(value) for value in values]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def chat_of(conversation: Conversation) -> list[dict[str, Any]]:
    """A conversation as chat templates read it."""
    return [
        {"role": turn.role, "content": turn.content, **({} if turn.extra is None else orjson.loads(turn.extra))}
        for turn in conversation
    ]


def name_of(f: object) -> str:
    """The name of a function with its module; of an object that is called, that of its class."""
    named = f if hasattr(f, "__qualname__") else type(f)
    return f"{getattr(named, '__module__', '')}.{getattr(named, '__qualname__', '')}".strip(".")


def has_own_name(f: object) -> bool:
    """Whether `name_of` tells it from another one: a function or a class does, by its qualified name.

    A lambda has no name. What lies in a partial, in an object, or in the object of a method stands in no name; a
    builtin method, of a list say, has no module.
    """
    if not (inspect.isfunction(f) or inspect.isbuiltin(f) or inspect.isclass(f)):
        return False
    return bool(f.__module__) and not f.__qualname__.endswith("<lambda>")
