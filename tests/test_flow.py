"""Flows side by side: each is sent its own answers, whatever the others ask."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from constitution.engine import Answer, Ask, Completion, Sampling
from constitution.flow import Flow, ask, ask_all, side_by_side
from constitution.messages import user
from tests.judges import play


def question(text: str) -> Ask:
    return Ask("judge", "judge", (user(text),), Sampling(1))


def asking(name: str, batches: list[int]) -> Flow[list[str]]:
    """Asks so many questions at a time, and returns what it was told."""
    told: list[str] = []
    for number, size in enumerate(batches):
        answers = yield from ask_all(tuple(question(f"{name}.{number}.{place}") for place in range(size)))
        told += [answer.completion.text for answer in answers]
    return told


def echo(asked: Ask) -> Completion:
    return Completion(asked.messages[-1].content)


@given(st.lists(st.lists(st.integers(0, 3), max_size=4), max_size=5))
def test_each_flow_gets_its_own_answers(plans: list[list[int]]) -> None:
    """In the order of its questions; results come in the order of the flows, whichever ended first."""
    names = [str(place) for place in range(len(plans))]
    told, batches = play(side_by_side([asking(name, plan) for name, plan in zip(names, plans, strict=True)]), echo)
    expected = [
        [f"{name}.{number}.{place}" for number, size in enumerate(plan) for place in range(size)]
        for name, plan in zip(names, plans, strict=True)
    ]
    assert list(told) == expected
    deepest = [sum(size > 0 for size in plan) for plan in plans]
    assert len(batches) == max(deepest, default=0)
    assert sum(map(len, batches)) == sum(map(sum, plans))


def test_nothing_is_asked_where_nothing_is() -> None:
    """No flow, and flows without questions."""
    assert play(side_by_side([]), echo) == ((), [])
    assert play(ask_all(()), echo) == ((), [])


def test_one_question() -> None:
    """Is answered with one answer."""
    answer, batches = play(ask(question("one")), echo)
    assert isinstance(answer, Answer)
    assert (answer.completion.text, [len(batch) for batch in batches]) == ("one", [1])
