"""Decontamination: what repeats an evaluation is found, what does not is left alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.messages import Prompt, assistant, system, user
from constitution.sources.prompts.exclusion import RUN, WHOLE_TURN, Exclusion, words

vocabulary = st.sampled_from(["red", "green", "blue", "the", "of", "it's", "sieben", "Straße"])
texts = st.lists(vocabulary, min_size=1, max_size=40)


def prompt(*turns: str) -> Prompt:
    return Prompt("x", tuple(user(turn) for turn in turns))


@given(texts, st.integers(1, 15), texts)
def test_by_the_definition(evaluation: list[str], run: int, said: list[str]) -> None:
    """An input is contaminated exactly if one of its runs of words is one of the evaluation's; short ones as a turn."""
    wanted, mine = words(" ".join(evaluation)), words(" ".join(said))
    length = min(run, len(wanted))

    def runs(items: list[str]) -> set[tuple[str, ...]]:
        return {tuple(items[start : start + length]) for start in range(len(items) - length + 1)}

    if len(wanted) < WHOLE_TURN:
        expected = mine == wanted
    else:
        expected = len(mine) >= WHOLE_TURN and bool(runs(wanted) & runs(mine))
    assert Exclusion([prompt(" ".join(evaluation))], run).contaminates(prompt(" ".join(said))) == expected


@given(texts, st.sampled_from([str.upper, str.title, lambda text: f"  {text.replace(' ', ', ')}!\n"]))
def test_case_space_and_punctuation_do_not_hide_it(evaluation: list[str], change: Any) -> None:
    """The evaluation's own prompt is found however it is written."""
    text = " ".join(evaluation)
    assert Exclusion([prompt(text)]).contaminates(prompt(change(text)))


@pytest.mark.parametrize(
    "conversation",
    [
        (system("How would one prune an old rose in May?"), user("hi")),
        (user("hi"), assistant("You ask: how would one prune an old rose in May? Gladly."), user("go on")),
        (user("How would one prune an old rose in May?"), assistant("Gladly."), user("thanks")),
    ],
)
def test_every_turn_is_looked_at(conversation: Any) -> None:
    """An evaluation prompt is found in any turn."""
    excluded = Exclusion([prompt("How would one prune an old rose in May?")])
    assert excluded.contaminates(Prompt("x", conversation))
    assert excluded.contaminates(Prompt("x", (user("hi"),), response="How would one prune an old rose in May?"))


def test_small_talk_before_the_question_excludes_nothing() -> None:
    """Of an evaluation conversation short turns before the last one are no evaluation text."""
    excluded = Exclusion([prompt("please be kind to me now", "How would one prune an old rose in May?")])
    assert not excluded.contaminates(prompt("please be kind to me now"))
    long = " ".join(f"w{n}" for n in range(RUN))
    assert Exclusion([prompt(long, "thanks")]).contaminates(prompt(f"so {long} then"))


def test_two_words_do_not_poison_others() -> None:
    """A very short evaluation prompt excludes its equal, not all that hold it."""
    excluded = Exclusion([prompt("Thank you!")])
    assert excluded.contaminates(prompt("thank you"))
    assert not excluded.contaminates(prompt("Thank you for the soup, it was very good."))


def test_scripts_without_spaces() -> None:
    """Chinese counts by the character, so that a part of a sentence is found."""
    excluded = Exclusion([prompt("如何修剪玫瑰才能让它在春天开花")])
    assert excluded.contaminates(prompt("请问，如何修剪玫瑰才能让它在春天开花？谢谢"))
    assert not excluded.contaminates(prompt("如何修剪苹果树才能让它多结果"))


def test_digest() -> None:
    """The digest holds the texts and the length of a run, not their order."""
    one, two = prompt("one two three four five"), prompt("six seven eight nine ten")
    assert Exclusion([one, two]).digest == Exclusion([two, one, two]).digest
    assert Exclusion([one]).digest != Exclusion([one], 4).digest
    assert Exclusion([one]).digest != Exclusion([two]).digest
