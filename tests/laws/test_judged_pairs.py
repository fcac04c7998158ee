"""Law 3: the judge is symmetric. A swap asks the very same requests and negates the margin; position never decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from constitution import CallableJudge, Completion, Constitution, Message, Prompt, Request, ScriptedEngine, Verdict
from constitution.engine import Engine
from constitution.messages import Conversation, user
from constitution.steps.filter import same_text
from tests.scripted_judges import PRINCIPLES, Judge, always_first, oracle, quality
from tests.strategies import TAGS, conversations, texts

CONSTITUTION = Constitution(PRINCIPLES)
WAYS: dict[str, dict[str, Any]] = {
    "pairwise": {},
    "think": {"mode": "think"},
    "text": {"mode": "text"},
    "scoring": {"read": "scoring"},
    "value": {"read": "value"},
}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
answers = texts.filter(lambda text: "\0" not in text)
asked = conversations().filter(lambda turns: not any("\0" in turn.content for turn in turns))
settings = st.fixed_dictionaries({"principles": st.integers(0, 5), "seed": st.integers(0, 99)})


@dataclass
class Noted:
    """Notes the keys of what a judge is asked."""

    judge: Judge
    keys: list[str] = field(default_factory=list)
    shown: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Completion:
        self.keys.append(request.key)
        self.shown.append(request)
        return self.judge(request)


def by_key(request: Request) -> Completion:
    """Says whatever the key of the request has it say."""
    whole = oracle(request)
    p = 0.01 + 0.98 * quality(request.key)
    return Completion("A" if p > 1 / 2 else "B", logprobs=None if whole.logprobs is None else (p - 1, -2 * p))


def verdict(found: object) -> Verdict:
    assert isinstance(found, Verdict)
    return found


def both(way: dict[str, Any], judge: Judge, turns: Conversation, a: str, b: str, **more: Any) -> tuple[Any, ...]:
    """Verdicts on a pair and on its swap, and the keys of what each asked."""
    told: list[Any] = []
    for first, second in ((a, b), (b, a)):
        noted = Noted(judge)
        engine: Engine = ScriptedEngine(noted)
        if way.get("read") == "value":

            def values(prompts: object, responses: Sequence[str], keys: list[str] = noted.keys) -> list[float]:
                keys.extend(f"{prompt} {text}" for prompt, text in zip(prompts, responses, strict=True))  # type: ignore[call-overload]  # a list
                return [8 * quality(text) for text in responses]

            engine = CallableJudge(values)
        found = CONSTITUTION.judge(list(turns), first, second, model=engine, **way, **more)
        told += [verdict(found), sorted(noted.keys)]
    return tuple(told)


@every_way
@given(asked, answers, answers, settings)
def test_a_swap_negates(way: dict[str, Any], turns: Conversation, a: str, b: str, more: dict[str, Any]) -> None:
    """Whatever the judge says: the very same requests, the exact negative of the margin, the other answer."""
    one, keys, other, turned_keys = both(way, by_key, turns, a, b, **more)
    assert keys == turned_keys
    assert other.margin == (None if one.margin is None else 0 - one.margin)
    assert other.better == {"a": "b", "b": "a", "tie": "tie", None: None}[one.better]
    assert other.p == pytest.approx(1 - one.p) if one.p is not None else other.p is None
    assert other.position_consistent == one.position_consistent
    assert other.by_principle == tuple(opinion.turned for opinion in one.by_principle)
    assert other.prompt.id == one.prompt.id


@every_way
@given(asked, answers, answers, settings)
def test_an_oracle_is_right(way: dict[str, Any], turns: Conversation, a: str, b: str, more: dict[str, Any]) -> None:
    """A judge that knows the better text labels it so, whatever the order and the principles."""
    assume(not same_text(a, b) and abs(quality(a) - quality(b)) > 0.1)
    one, _, other, _ = both(way, oracle, turns, a, b, **more)
    better = "a" if quality(a) > quality(b) else "b"
    assert (one.better, other.better) == (better, {"a": "b", "b": "a"}[better])
    assert one.position_consistent in (True, None)


@every_way
@given(asked, answers, answers, settings)
def test_position_alone_gives_ties(way: dict[str, Any], turns: Conversation, a: str, b: str, more: Any) -> None:
    """A judge that always takes the first label, whatever it reads, prefers nothing."""
    if way.get("read") == "value":
        return
    one, _, other, _ = both(way, always_first, turns, a, b, **more)
    assert one.better == other.better == "tie"
    assert one.margin in (0.0, None)
    assert one.p == 1 / 2


@every_way
@given(asked, answers, st.sampled_from(["", " ", "\n", ".", "  !"]), settings)
def test_equal_texts_ask_nothing(way: dict[str, Any], turns: Conversation, a: str, end: str, more: Any) -> None:
    """Two answers that differ at most in spaces and punctuation at the ends are a tie, and nobody is asked."""
    one, keys, other, turned_keys = both(way, by_key, turns, a, a + end, **more)
    assert keys == turned_keys == []
    assert one.better == other.better == "tie"
    assert (one.margin, one.p, one.reason, one.tokens) == (0.0, 0.5, None, {})


@given(asked, answers, answers, st.integers(1, 3), st.lists(st.sampled_from(TAGS), unique=True))
def test_a_row_and_its_swap_draw_the_same(turns: Conversation, a: str, b: str, number: int, tags: list[str]) -> None:
    """Rows of a file whose answers change places are asked about the same principles too."""
    assume(a != b)
    said = [{"role": turn.role, "content": turn.content} for turn in turns]
    row = {"messages": said, "tags": tags}
    pairs: tuple[dict[str, Any], ...] = ({"text_a": a, "text_b": b}, {"responses": [b, a]})
    noted = [Noted(by_key), Noted(by_key)]
    found = [
        verdict(CONSTITUTION.judge({**row, **pair}, model=ScriptedEngine(note), principles=number))
        for note, pair in zip(noted, pairs, strict=True)
    ]
    assert sorted(noted[0].keys) == sorted(noted[1].keys)
    assert found[1].margin == (None if found[0].margin is None else 0 - found[0].margin)


@given(asked, answers, answers, st.sampled_from(["a", "b", "tie"]))
def test_no_judge_is_told_what_people_say(turns: Conversation, a: str, b: str, label: str) -> None:
    """What people said changes no request."""
    assume(a != b)
    said = [{"role": turn.role, "content": turn.content} for turn in turns]
    row = {"messages": said, "text_a": a, "text_b": b}
    keys = []
    for one in (row, {**row, "label": label}):
        noted = Noted(by_key)
        CONSTITUTION.judge(one, model=ScriptedEngine(noted), principles=2)
        keys.append(sorted(noted.keys))
    assert keys[0] == keys[1]


def test_given_ids_keep_the_law() -> None:
    """A prompt that brings its own id is drawn for by it, in either order."""
    a, b = "One answer.", "Another answer."
    noted = [Noted(by_key), Noted(by_key)]
    prompt = Prompt("own", (user("u"),))
    for note, pair in zip(noted, ((a, b), (b, a)), strict=True):
        CONSTITUTION.judge(prompt, *pair, model=ScriptedEngine(note), principles=1)
    assert sorted(noted[0].keys) == sorted(noted[1].keys)
    assert {request.record for request in noted[0].shown} == {"own"}


@pytest.mark.parametrize(
    "way", [WAYS["pairwise"], WAYS["think"], WAYS["scoring"]], ids=["pairwise", "think", "scoring"]
)
def test_a_label_that_is_missing(way: dict[str, Any]) -> None:
    """Makes the verdict unreadable, never a tie and never a guess."""

    def script(request: Request) -> Completion:
        return Completion("Thinking.", logprobs=(-0.1, None) if request.labels else None)

    found = verdict(CONSTITUTION.judge([Message("user", "u")], "x", "y", model=ScriptedEngine(script), **way))
    assert (found.better, found.margin, found.p, found.reason) == (None, None, None, "unreadable")
