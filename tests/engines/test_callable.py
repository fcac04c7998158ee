"""A function as judge: what it is given, how it is batched, and what becomes of its faults."""

from __future__ import annotations

import asyncio
import functools
import math
import sys
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.engine import Completion, Request, Sampling
from constitution.engines.callable import CallableJudge, has_own_name, name_of
from constitution.errors import EngineDeadError, RequestRefused, SettingsError
from constitution.messages import Conversation, Message, assistant, system, user
from constitution.steps.judge import PAIR_LABELS, VALUE_LABELS

ONE = Sampling(max_tokens=1, temperature=0.0)


def asking(text: str, *before: Message, labels: tuple[str, ...] = VALUE_LABELS) -> Request:
    turns: Conversation = (*(before or (user("u"),)), assistant(text))
    return Request(text, "r", turns, "judge", "judge", ONE, labels=labels)


@dataclass
class Lengths:
    """Values an answer by its length; notes what it was given, and whether two calls overlapped."""

    seconds: float = 0.0
    calls: list[tuple[Any, list[str]]] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    overlapped: bool = False
    _busy: bool = False

    def __call__(self, prompts: Any, responses: list[str]) -> list[float]:
        self.overlapped = self.overlapped or self._busy
        self._busy = True
        self.calls.append((prompts, responses))
        self.threads.add(threading.current_thread().name)
        time.sleep(self.seconds)
        self._busy = False
        return [float(len(text)) for text in responses]


async def answers(judge: CallableJudge, requests: Sequence[Request]) -> list[Completion | BaseException]:
    await judge.start(VALUE_LABELS)
    return await asyncio.gather(*map(judge.answer, requests), return_exceptions=True)


def values(judge: CallableJudge, requests: Sequence[Request]) -> list[float | str]:
    found = asyncio.run(answers(judge, requests))
    return [one.logprobs[0] if isinstance(one, Completion) and one.logprobs else str(one) for one in found]  # type: ignore[misc]  # a number is there


def told(f: Callable[..., Any], *texts: str) -> list[float | str]:
    return values(CallableJudge(f, "f"), [asking(text) for text in texts or ("x", "yy")])


def test_what_it_is_given() -> None:
    """Conversations as chat templates read them, up to the answer, and the answers in the same order."""
    f = Lengths()
    call = Message("assistant", "", '{"tool_calls":[{"function":{"name":"g"}}]}')
    requests = [asking("yy", system("s"), user("u"), assistant("w"), user("v")), asking("x", user("u"), call)]
    assert values(CallableJudge(f), requests) == [2.0, 1.0]
    ((prompts, responses),) = f.calls
    assert responses == ["yy", "x"]
    assert prompts[0] == [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": "w"},
        {"role": "user", "content": "v"},
    ]
    assert prompts[1][1] == {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "g"}}]}


@given(st.integers(1, 40), st.integers(1, 9))
def test_batches(number: int, batch: int) -> None:
    """What is asked in one turn of the loop is cut into whole batches; each answer gets its own number."""
    f = Lengths()
    texts = ["x" * (index % 7 + 1) for index in range(number)]
    assert values(CallableJudge(f, batch=batch), [asking(text) for text in texts]) == [len(text) for text in texts]
    sizes = [len(responses) for _, responses in f.calls]
    assert sum(sizes) == number
    assert sizes[:-1] == [batch] * (len(sizes) - 1)


def test_one_call_at_a_time_and_off_the_loop() -> None:
    """Who asks while it is at work waits for the next batch; the event loop goes on meanwhile."""
    f = Lengths(seconds=0.05)
    judge = CallableJudge(f)

    async def main() -> int:
        await judge.start(VALUE_LABELS)
        asked = []
        for number in range(8):
            asked.append(asyncio.ensure_future(judge.answer(asking("x" * (number + 1)))))
            await asyncio.sleep(0.01)
        turns = 0
        while not all(one.done() for one in asked):
            await asyncio.sleep(0.001)
            turns += 1
        assert [one.result().logprobs for one in asked] == [(float(number + 1),) for number in range(8)]
        return turns

    assert asyncio.run(main()) > 3
    assert not f.overlapped
    assert len(f.calls) < 8
    assert threading.main_thread().name not in f.threads


def test_it_goes_on_in_another_loop() -> None:
    """One object serves one event loop after the other."""
    judge = CallableJudge(Lengths())
    assert [values(judge, [asking("x" * size)]) for size in (1, 2)] == [[1.0], [2.0]]


def test_a_loop_that_ends_leaves_nobody_waiting() -> None:
    """Requests that are cancelled with their loop are not valued in the next one."""
    f = Lengths(seconds=0.1)
    judge = CallableJudge(f, batch=1)

    async def cut() -> None:
        asked = [asyncio.ensure_future(judge.answer(asking(text))) for text in ("a", "b", "c")]
        await asyncio.sleep(0.02)
        assert not any(one.done() for one in asked)

    asyncio.run(cut())
    assert values(judge, [asking("new")]) == [3.0]
    assert [responses for _, responses in f.calls] == [["a"], ["new"]]


def test_a_request_that_is_cancelled() -> None:
    """One that nobody waits for any more harms no other of its batch, before the call or while it lasts."""
    f = Lengths(seconds=0.05)
    judge = CallableJudge(f)

    async def main() -> None:
        await judge.start(VALUE_LABELS)
        asked = [asyncio.ensure_future(judge.answer(asking(text))) for text in ("a", "bb", "ccc")]
        await asyncio.sleep(0)
        asked[0].cancel()
        await asyncio.sleep(0.02)
        asked[1].cancel()
        assert (await asked[2]).logprobs == (3.0,)
        assert [responses for _, responses in f.calls] == [["bb", "ccc"]]

    asyncio.run(main())


def test_nobody_waits_for_a_worker_that_is_gone() -> None:
    """Where the task that calls the function is cancelled, so is everything that waits for it."""
    judge = CallableJudge(Lengths(seconds=0.05), batch=1)

    async def main() -> list[Completion | BaseException]:
        await judge.start(VALUE_LABELS)
        asked = [asyncio.ensure_future(judge.answer(asking(text))) for text in ("a", "b")]
        await asyncio.sleep(0.02)
        assert judge._work is not None
        judge._work.cancel()
        return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 5)

    assert all(isinstance(one, asyncio.CancelledError) for one in asyncio.run(main()))


@pytest.mark.parametrize(
    "made",
    [list, tuple, np.array, iter, lambda found: array("d", found), lambda found: [np.float32(one) for one in found],
     lambda found: [int(one) for one in found]],
    ids=["list", "tuple", "array", "iterator", "plain array", "numpy numbers", "whole numbers"],
)  # fmt: skip
def test_lists_of_many_kinds(made: Callable[[list[float]], Any]) -> None:
    """Lists, arrays and what else can be gone through hold numbers."""
    assert told(lambda _, responses: made([float(len(text)) for text in responses])) == [1.0, 2.0]


def broken(_: Any, responses: list[str]) -> list[float]:
    raise ValueError("no\nsuch text")


STRANGE: dict[str, tuple[Callable[..., Any], str]] = {
    "raises": (broken, "raised ValueError: no such text"),
    "raises nothing said": (lambda *_: (_ for _ in ()).throw(KeyError), "raised KeyError;"),
    "exits": (lambda *_: sys.exit(3), "raised SystemExit: 3"),
    "too few": (lambda *_: [], "returned 0 numbers for 1 answer"),
    "too many": (lambda *_: [1.0, 2.0, 3.0], "returned more than 1 number for 1 answer"),
    "one too many": (lambda _, responses: [1.0] * (len(responses) + 1), "returned more than 1 number for 1 answer"),
    "nothing": (lambda *_: None, "returned a NoneType, no list of numbers"),
    "one number": (lambda *_: 1.0, "returned a float, no list of numbers"),
    "a text": (lambda *_: "12", "returned a str, no list of numbers"),
    "a dictionary": (lambda *_: {"a": 1}, "returned a dict, no list of numbers"),
    "texts": (lambda _, responses: list(responses), "returned a list that holds a str"),
    "nested": (lambda _, responses: np.ones((len(responses), 1)), "returned a list that holds a list"),
    "not a number": (lambda _, responses: [float("nan")] * len(responses), "returned nan for an answer"),
    "endless": (lambda _, responses: [float("-inf")] * len(responses), "returned -inf for an answer"),
    "beyond floats": (lambda _, responses: [10**400] * len(responses), "raised OverflowError"),
    "no arguments": (lambda: [1.0], "raised TypeError"),
}


@pytest.mark.parametrize(("f", "message"), STRANGE.values(), ids=STRANGE.keys())
def test_faults(f: Callable[..., Any], message: str) -> None:
    """Each is told of the answer that it concerns, with the judge's name and what it must give."""
    for one in told(f):
        assert isinstance(one, str)
        assert one.startswith("judge 'f' ")
        assert message in one
        assert "one finite number for each answer" in one


class Own(BaseException):
    """Of another kind than errors are, and it cannot even be told."""

    def __str__(self) -> str:
        raise self


@pytest.mark.parametrize("error", [KeyboardInterrupt, asyncio.CancelledError, GeneratorExit, SystemExit, Own])
def test_what_is_no_error(error: type[BaseException]) -> None:
    """Whatever is raised on the thread of the function fails an answer; the loop that serves all engines goes on."""

    def f(_: Any, responses: list[str]) -> list[float]:
        if "x" in responses:
            raise error
        return [1.0] * len(responses)

    found = told(f)
    assert f"raised {error.__name__};" in str(found[0])
    assert found[1] == 1.0


@pytest.mark.parametrize("size", [None, 10**15])
def test_more_than_anybody_can_hold(size: int | None) -> None:
    """Of what has no end, or one that is far, no more is taken than tells that it is too much."""
    taken = 0

    def f(*_: Any) -> Iterator[float]:
        nonlocal taken
        for number in count() if size is None else range(size):
            taken += 1
            if taken > 100:
                raise AssertionError("this has no end")
            yield float(number)

    for one in (*told(f, "x"), *told(f, "x", "yy", "zzz")):
        assert "returned more than 1 number for 1 answer" in str(one)
    assert taken == 2 + 4 + 3 * 2


def test_lists_that_it_changes() -> None:
    """What it was given is its own: numbers are counted against the answers that were asked about."""

    def emptied(prompts: list[Any], responses: list[str]) -> list[float]:
        prompts.clear()
        responses.clear()
        return []

    def taken_one_by_one(prompts: list[list[dict[str, Any]]], responses: list[str]) -> list[float]:
        prompts[0][0]["content"] = "changed"
        return [float(len(responses.pop(0))) for _ in range(len(responses))]

    def shortened(_: Any, responses: list[str]) -> list[float]:
        responses.pop(0)
        return [float(len(text)) for text in responses]

    asked = [asking("x"), asking("yy")]
    assert values(CallableJudge(taken_one_by_one, "f"), asked) == [1.0, 2.0]
    assert [request.messages[0].content for request in asked] == ["u", "u"]
    assert [request.messages[-1].content for request in asked] == ["x", "yy"]
    for f in (emptied, shortened):
        assert all("returned 0 numbers for 1 answer" in str(one) for one in told(f))


def test_faults_are_refusals() -> None:
    """They fail a record, and never the run."""
    found = asyncio.run(answers(CallableJudge(broken), [asking("x")]))
    assert isinstance(found[0], RequestRefused)
    assert isinstance(found[0].__cause__, ValueError)


@given(st.lists(st.sampled_from(["good", "bad", "wrong"]), min_size=1, max_size=12), st.integers(1, 12))
def test_a_fault_is_nobody_elses(kinds: list[str], batch: int) -> None:
    """Whatever shares a batch with an answer that breaks the function gets its number: outcomes know no batches."""

    def f(_: Any, responses: list[str]) -> list[float]:
        if "bad" in responses:
            raise MemoryError
        return [float("nan") if text == "wrong" else 1.0 for text in responses]

    found = values(CallableJudge(f, batch=batch), [asking(kind) for kind in kinds])
    assert [isinstance(one, float) for one in found] == [kind == "good" for kind in kinds]


def test_other_questions() -> None:
    """It gives numbers for answers, and refuses to be read as a judge of words, or to write."""
    judge = CallableJudge(Lengths(), "f")
    with pytest.raises(
        SettingsError, match=r"judge 'f' gives a number .* no probabilities of \"A\", \"B\".*read value"
    ):
        asyncio.run(judge.start(PAIR_LABELS))
    (found,) = values(judge, [asking("x", labels=())])
    assert "only gives numbers for answers" in str(found)


def test_closed() -> None:
    """A closed one is dead until it is started again."""
    judge = CallableJudge(Lengths())

    async def main() -> None:
        await judge.close()
        with pytest.raises(EngineDeadError, match="is closed"):
            await judge.answer(asking("x"))
        await judge.start()
        assert (await judge.answer(asking("x"))).logprobs == (1.0,)

    asyncio.run(main())


def some_judge(_: Any, responses: list[str]) -> list[float]:
    return [0.0] * len(responses)


def test_names() -> None:
    """The name is that of the function with its module, unless it is given; another name is another model."""
    here = __name__
    assert name_of(some_judge) == f"{here}.some_judge"
    assert name_of(Lengths()) == f"{here}.Lengths"
    assert name_of(functools.partial(some_judge)) == "functools.partial"
    models = [asyncio.run(CallableJudge(some_judge, name).start()).model for name in (None, "reward-v2")]
    assert models == [f"callable:{here}.some_judge", "callable:reward-v2"]


class Rule:
    def values(self, _: Any, responses: list[str]) -> list[float]:
        return [0.0] * len(responses)

    @classmethod
    def of_all(cls, _: Any, responses: list[str]) -> list[float]:
        return [0.0] * len(responses)

    @staticmethod
    def alone(_: Any, responses: list[str]) -> list[float]:
        return [0.0] * len(responses)


def inner() -> Callable[..., list[float]]:
    def judge(_: Any, responses: list[str]) -> list[float]:
        return [0.0] * len(responses)

    return judge


def without_module() -> Callable[..., list[float]]:
    f = inner()
    f.__module__ = None  # type: ignore[assignment]  # as what exec makes may have it
    return f


NAMED: dict[str, tuple[Callable[..., Any], bool]] = {
    "function": (some_judge, True),
    "inner function": (inner(), True),
    "static method": (Rule.alone, True),
    "function through its class": (Rule.values, True),
    "builtin": (math.hypot, True),
    "class": (Rule, True),
    "lambda": (lambda *_: [], False),
    "partial": (functools.partial(some_judge), False),
    "partial that borrows a name": (functools.update_wrapper(functools.partial(some_judge), some_judge), False),
    "object": (Lengths(), False),
    "method": (Rule().values, False),
    "method of a class": (Rule.of_all, False),
    "method of a builtin": ([1.0].count, False),
    "method of a builtin class": (dict.fromkeys, False),
    "without a module": (without_module(), False),
}


@pytest.mark.parametrize(("f", "expected"), NAMED.values(), ids=NAMED.keys())
def test_what_has_a_name_of_its_own(f: Callable[..., Any], expected: bool) -> None:
    """Functions and classes, where nothing that is not in the name makes two of one; a given name always will do."""
    assert has_own_name(f) is expected
    assert CallableJudge(f).named is expected
    assert CallableJudge(f, "mine").named


async def asynchronous(_: Any, responses: list[str]) -> list[float]:
    return [0.0] * len(responses)


class Asynchronous:
    async def __call__(self, _: Any, responses: list[str]) -> list[float]:
        return [0.0] * len(responses)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("demo",), "expected a function|is a function f"),
        ((asynchronous,), "async"),
        ((Asynchronous(),), "async"),
        ((some_judge, " "), "name"),
        ((some_judge, "a\nb"), "name"),
        ((some_judge, "f", 0), "batch is 0"),
    ],
    ids=["text", "async function", "async object", "blank name", "two lines", "no batch"],
)
def test_what_is_no_judge(given: tuple[Any, ...], message: str) -> None:
    """It is refused when it is made."""
    with pytest.raises(SettingsError, match=message):
        CallableJudge(*given)
