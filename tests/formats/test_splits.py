"""Splits: no prompt on two sides, and what may move a row from one side to the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.errors import SettingsError
from constitution.formats.splits import TRAIN, Splits, prompt_key
from constitution.messages import Conversation, Message, assistant, system, user
from tests import strategies

keys = st.binary(min_size=16, max_size=16)
shares = st.floats(0.001, 0.3)
names = st.lists(st.sampled_from(["test", "validation", "held_out", "dev"]), unique=True, min_size=1, max_size=3)
questions = st.lists(strategies.texts, min_size=1, max_size=3)


def conversation(*texts: str) -> Conversation:
    return tuple(user(text) if number % 2 == 0 else assistant(text) for number, text in enumerate(texts))


@given(questions, st.lists(strategies.texts, max_size=2))
def test_the_same_question_has_the_same_key(texts: list[str], before: list[str]) -> None:
    """Leading system and developer turns, case, spaces and what a turn says besides text do not count."""
    plain = conversation(*texts)
    turned = tuple(Message(turn.role, f"  {turn.content.upper()}\n", '{"name":"x"}') for turn in plain)
    settings = tuple(Message("developer", text) if n else system(text) for n, text in enumerate(before))
    upper = conversation(*(text.upper() for text in texts))
    assert prompt_key(settings + plain) == prompt_key(plain)
    assert prompt_key(turned) == prompt_key(upper)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (conversation("a b"), conversation("ab")),
        (conversation("a"), conversation("a", "b", "c")),
        (conversation("a", "b", "c"), (user("a"), user("b"), user("c"))),
        (conversation("a"), (user("a"), system("late"))),
        (conversation("ab", "c"), conversation("a", "bc")),
    ],
)
def test_different_questions_have_different_keys(one: Conversation, other: Conversation) -> None:
    """Words, turns, their order and roles count."""
    assert prompt_key(one) != prompt_key(other)


def test_case_folds_and_spaces_fold() -> None:
    """Any run of white space is one space, any case is one case."""
    assert prompt_key((user("Why  is\tthe\u00a0SKY\nblue? "),)) == prompt_key((user("why is the sky blue?"),))
    assert prompt_key((user("STRASSE"),)) == prompt_key((user("straße"),))


@given(st.lists(keys, min_size=1, max_size=30), names, shares)
def test_a_split_depends_on_the_prompt_alone(found: list[bytes], called: list[str], share: float) -> None:
    """Other rows move none: the split of a prompt is a function of its key and of the shares."""
    splits = Splits(tuple((name, share) for name in called))
    together = [splits.place(key) for key in found]
    assert together == [Splits(splits.shares).place(key) for key in found]
    assert set(together) <= set(splits.names)


@given(st.lists(keys, min_size=1, max_size=60), shares, shares, shares, st.booleans())
def test_of_two_splits_each_grows_out_of_train_alone(
    found: list[bytes], test: float, validation: float, more: float, first: bool
) -> None:
    """A larger share only brings rows of `train` in; neither the split itself nor the other one loses a row."""
    before = Splits((("test", test), ("validation", validation)))
    after = Splits((("test", test + more * first), ("validation", validation + more * (not first))))
    grows = "test" if first else "validation"
    for key in found:
        was, now = before.place(key), after.place(key)
        assert was == now or (was, now) == (TRAIN, grows)


@given(st.lists(keys, min_size=1, max_size=60), names, shares)
def test_a_split_behind_the_others_comes_out_of_train(found: list[bytes], called: list[str], share: float) -> None:
    """Adding a split at the end leaves every other one as it was."""
    before = Splits(tuple((name, share) for name in called))
    after = Splits((*before.shares, ("new", 0.05)))
    for key in found:
        was, now = before.place(key), after.place(key)
        assert was == now or (was, now) == (TRAIN, "new")


@pytest.mark.parametrize("shares", [(0.05,), (0.1, 0.2), (0.1, 0.2, 0.3), (0.2, 0.2, 0.2, 0.2)])
def test_shares_are_kept(shares: tuple[float, ...]) -> None:
    """Of 20,000 prompts each split has its share, within four standard deviations."""
    splits = Splits(tuple((f"s{n}", share) for n, share in enumerate(shares)))
    count = 20_000
    placed = [splits.place(prompt_key((user(f"Question {n}?"),))) for n in range(count)]
    for name, share in (*splits.shares, (TRAIN, 1 - sum(shares))):
        assert abs(placed.count(name) - share * count) < 4 * (count * share * (1 - share)) ** 0.5


def test_known_places() -> None:
    """Which prompts are in `test` never changes from one version to the next."""
    splits = Splits.of(["test=0.2", "validation=0.2"])
    placed = "".join(splits.place(prompt_key((user(f"Question {n}?"),)))[:2] for n in range(12))
    assert placed == "trvatrtrtrvatrvatrtrtete"


def test_without_shares_all_is_train() -> None:
    """No split, one side."""
    assert Splits().names == (TRAIN,)
    assert Splits().place(b"x") == TRAIN


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["test"], "expected NAME=SHARE"),
        (["test=much"], "expected NAME=SHARE"),
        (["test=0"], "between 0 and 1"),
        (["test=1"], "between 0 and 1"),
        (["test=nan"], "between 0 and 1"),
        (["test=-0.1"], "between 0 and 1"),
        (["train=0.1"], "other than train and all"),
        (["all=0.1"], "other than train and all"),
        (["Test=0.1"], "small letters"),
        (["te/st=0.1"], "small letters"),
        (["=0.1"], "small letters"),
        (["a=0.5", "b=0.5"], "nothing for train"),
        (["a=0.1", "a=0.2"], "stands twice"),
    ],
)
def test_what_is_no_split(given: list[str], says: str) -> None:
    """Each is refused with what was expected."""
    with pytest.raises(SettingsError, match=says):
        Splits.of(given)


def test_splits_as_a_mapping() -> None:
    """Python's way says the same as the command's."""
    assert Splits.of({"test": 0.1}) == Splits.of(["test=0.1"])
