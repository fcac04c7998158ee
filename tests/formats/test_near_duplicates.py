"""Near-duplicate prompts: what is found, what stays, and that order plays no part."""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rensa import RMinHash  # type: ignore[import-untyped]  # the package has no types

from constitution.errors import SettingsError
from constitution.formats.near_duplicates import SEED, SLOTS, NearDuplicates, Signatures
from constitution.formats.splits import prompt_key
from constitution.messages import Conversation, assistant, system, user
from constitution.steps.filter import trigram_jaccard, trigrams
from tests import strategies

WORDS = [f"{a}{b}" for a in "abcdefghij" for b in "klmnopqrst"]


def text(seed: int, words: int = 60) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def edited(original: str, *changes: int) -> str:
    words = original.split()
    for place in changes:
        words[place] = f"other{place}"
    return " ".join(words)


def find(threshold: float, *prompts: str | Conversation) -> NearDuplicates:
    signatures = Signatures(threshold)
    for prompt in prompts:
        signatures.add((user(prompt),) if isinstance(prompt, str) else prompt)
    return signatures.find()


def left(found: NearDuplicates, *prompts: str) -> list[bool]:
    return [found.leaves_out(prompt_key((user(prompt),))) for prompt in prompts]


def test_an_edited_prompt_goes_or_its_original() -> None:
    """Of two prompts that share most trigrams one stays: the one with the least digest."""
    one = text(1)
    other = edited(one, 59)
    found = find(0.8, one, text(2), other, text(3))
    assert (found.prompts, found.groups, found.left_out) == (4, 1, 1)
    least = min((one, other), key=lambda prompt: prompt_key((user(prompt),)))
    assert left(found, one, other) == [one != least, other != least]
    assert left(found, text(2), text(3)) == [False, False]


def test_the_threshold_decides() -> None:
    """What is a near-duplicate at 0.6 is none at 0.95."""
    one = text(1)
    other = edited(one, 10, 40)
    assert 0.7 < trigram_jaccard(one, other) < 0.9
    assert find(0.6, one, other).left_out == 1
    assert find(0.95, one, other).left_out == 0


def test_groups_are_chains() -> None:
    """What is near what is near the kept one goes too: one prompt of a group stays."""
    chain = [text(1)]
    for place in range(0, 50, 5):
        chain.append(edited(chain[-1], place))
    assert trigram_jaccard(chain[0], chain[-1]) < 0.5
    found = find(0.8, *chain)
    assert (found.groups, found.left_out) == (1, len(chain) - 1)
    least = min(chain, key=lambda prompt: prompt_key((user(prompt),)))
    assert left(found, *chain) == [prompt != least for prompt in chain]


@pytest.mark.parametrize("threshold", [0.6, 0.8, 0.9])
def test_bands_find_what_all_pairs_would(threshold: float) -> None:
    """Prompts of any likeness, many just below the threshold: the same groups as by comparing every pair."""
    prompts = [
        edited(text(base, 120), *random.Random(f"{base}-{n}").sample(range(120), n))
        for base in range(4)
        for n in range(20)
    ]
    signed = RMinHash.from_token_sets(
        [[" ".join(three) for three in trigrams(prompt)] for prompt in prompts], num_perm=SLOTS, seed=SEED
    )
    groups = [{n} for n in range(len(prompts))]
    for a, b in combinations(range(len(prompts)), 2):
        if signed[a].jaccard(signed[b]) >= threshold and groups[a] is not groups[b]:
            groups[a] |= groups[b]
            for member in groups[b]:
                groups[member] = groups[a]
    keys = [prompt_key((user(prompt),)) for prompt in prompts]
    found = find(threshold, *prompts)
    assert left(found, *prompts) == [keys[n] != min(keys[m] for m in group) for n, group in enumerate(groups)]
    assert 0 < found.left_out < len(prompts) - 4


def test_the_same_prompt_is_one() -> None:
    """Rows of one prompt share its fate: case, spaces, system turns and repeats make no near-duplicate."""
    one = text(1)
    repeated = find(0.8, one, one.upper(), (system("Be kind."), user(one)), text(2))
    assert (repeated.prompts, repeated.left_out) == (2, 0)


def test_many_copies_of_one_template() -> None:
    """Thousands of prompts of one group take no quadratic time, and one of them stays."""
    base = text(7, 200)
    found = find(0.8, *(edited(base, n % 200, (n * 7) % 200) for n in range(3000)))
    assert found.left_out == found.prompts - 1


@pytest.mark.parametrize("prompts", [(), ("one",), ("?!", "...", "🎉"), ("one", "two"), ("yes", "no", "?")])
def test_short_prompts_are_left_alone(prompts: tuple[str, ...]) -> None:
    """Prompts without a word, or of one word, are nobody's near-duplicates unless equal."""
    assert find(0.3, *prompts).left_out == 0


def test_all_turns_count() -> None:
    """Conversations with the same last turn and another context are no near-duplicates."""
    one = (user(text(1)), assistant(text(2)), user("And then?"))
    other = (user(text(3)), assistant(text(4)), user("And then?"))
    assert find(0.8, one, other).left_out == 0


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.sets(st.integers(0, 29), max_size=2)), max_size=25),
    st.lists(strategies.texts, max_size=5),
    st.randoms(use_true_random=False),
    st.sampled_from([0.3, 0.5, 0.8, 1.0]),
)
def test_order_plays_no_part(some: list[tuple[int, set[int]]], others: list[str], order: Any, threshold: float) -> None:
    """Shuffled and repeated prompts give the same groups; of each group one prompt stays."""
    prompts = [edited(text(seed, 30), *sorted(places)) for seed, places in some] + others
    once = find(threshold, *prompts)
    again = find(threshold, *order.sample(prompts + prompts, 2 * len(prompts)))
    assert once.keys.tolist() == again.keys.tolist()
    assert (once.prompts, once.groups) == (again.prompts, again.groups)
    assert once.groups <= once.left_out <= max(0, once.prompts - once.groups)
    assert not once.prompts or once.left_out < once.prompts


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 1.0])
def test_few_are_missed(threshold: float) -> None:
    """Of 200 pairs well above the threshold nearly all are found, of 200 that share nothing none."""
    near = [(text(n, 100), edited(text(n, 100), 99) if threshold < 0.95 else text(n, 100) + " !") for n in range(200)]
    assert find(threshold, *(prompt for pair in near for prompt in pair)).left_out >= 195
    assert find(threshold, *(text(1000 + n, 100) for n in range(400))).left_out == 0


@pytest.mark.parametrize("threshold", [0, 0.2, 1.01, float("nan"), -1])
def test_what_is_no_threshold(threshold: float) -> None:
    """Refused, with an example."""
    with pytest.raises(SettingsError, match=r"--near-duplicates .*: expected .* like 0.8"):
        Signatures(threshold)
