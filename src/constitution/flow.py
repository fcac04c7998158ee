"""Flows: the method as generators that yield asks and are sent answers.

A flow knows no engine, no file and no event loop. It is driven with `next` and `send` alone, which is how the tests
drive it, and how a run resumes: by replaying it against the answers on disk.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from constitution.engine import Answer, Ask, Completion, ModelRole, Sampling
from constitution.messages import Conversation

if TYPE_CHECKING:
    from constitution.messages import Prompt
    from constitution.records import Trace
    from constitution.seeds import Seeds

T = TypeVar("T")

Flow: TypeAlias = Generator[tuple[Ask, ...], tuple[Answer, ...], T]
"""Yields asks that may be answered side by side, is sent their answers in the same order, returns T."""


def ask(question: Ask) -> Flow[Answer]:
    """Ask one question and wait for its answer."""
    (answer,) = yield (question,)
    return answer


def ask_all(questions: tuple[Ask, ...]) -> Flow[tuple[Answer, ...]]:
    """Ask several questions side by side; answers come back in the order of the questions."""
    if not questions:
        return ()
    answers = yield questions
    return answers


def side_by_side(flows: Sequence[Flow[T]]) -> Flow[tuple[T, ...]]:
    """Drive several flows at once, their questions side by side; what they return comes in their order."""
    results: dict[int, T] = {}
    waiting: dict[int, tuple[Ask, ...]] = {}

    def step(place: int, answers: tuple[Answer, ...] | None) -> None:
        try:
            waiting[place] = next(flows[place]) if answers is None else flows[place].send(answers)
        except StopIteration as stop:
            results[place] = stop.value

    for place in range(len(flows)):
        step(place, None)
    while waiting:
        asked, waiting = waiting, {}
        answers = yield tuple(question for questions in asked.values() for question in questions)
        begin = 0
        for place, questions in asked.items():
            step(place, answers[begin : begin + len(questions)])
            begin += len(questions)
    return tuple(results[place] for place in range(len(flows)))


@dataclass(frozen=True, slots=True)
class Longest:
    """The longest request that a role may get in one chain."""

    messages: Conversation
    """All of its turns; answers that are not known yet are empty."""
    sampled: int
    """Most tokens of those answers and of its own."""


class Recipe(Protocol):
    """A method of making data: one flow for each record and sample."""

    @property
    def name(self) -> str:
        """What run files call it."""

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of its stages in the order in which a record passes them."""

    @property
    def roles(self) -> tuple[ModelRole, ...]:
        """The models that it asks."""

    def flow(self, prompt: Prompt, seeds: Seeds) -> Flow[Trace]:
        """The chain of one record."""

    def unusable(self, question: Ask, completion: Completion) -> str | None:
        """Why a completion cannot be used and is worth asking again, or None. Pure."""

    def longest(self, prompt: Prompt, seeds: Seeds) -> Mapping[ModelRole, Longest]:
        """The longest request to each role that the chain asks, in the order in which it meets them.

        The runner counts them before the record's first request (law 9).
        """

    @property
    def sampling(self) -> Mapping[ModelRole, Sampling]:
        """How each role samples: the runner refuses what its engine cannot do."""

    @property
    def labels(self) -> Mapping[ModelRole, tuple[str, ...]]:
        """Texts whose log-probabilities it reads of a role's model: found out, or refused, when the engine starts."""

    def settings(self) -> dict[str, object]:
        """All that shapes its rows, for the manifest; JSON values only."""
