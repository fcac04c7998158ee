"""Pair policy, confirmation and labels as settings: what an option means, and what is none."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.errors import SettingsError
from constitution.sources.run_file import read_run
from constitution.steps.confirm import IF_TIE, IF_WORSE, VERIFIES, Confirming
from constitution.steps.label import CANDIDATE_POLICIES, Labelling
from constitution.steps.pair import PAIR_POLICIES, Pairing
from constitution.steps.policies import ALL_POLICIES, check_label_settings, pairing_of, policy_of

MINE = Pairing("adjacent", Confirming("judge", "flag", "drop"), Labelling("all", 0.5, 0.7, True))


@pytest.mark.parametrize(
    ("recipe", "named", "policy"),
    [
        ("critique_revise", None, "first_last"),
        ("critique_revise", "all", "all"),
        ("ai_feedback", None, "best_worst"),
        ("ai_feedback", "against_draft", "against_draft"),
        ("contrast", None, None),
        ("of the user", None, "first_last"),
        ("of the user", "adjacent", "adjacent"),
    ],
)
def test_the_policy_of_a_recipe(recipe: str, named: str | None, policy: str | None) -> None:
    """The one that is named, else the recipe's first."""
    assert policy_of(recipe, named) == policy


@pytest.mark.parametrize(
    ("recipe", "named", "told"),
    [
        ("critique_revise", "best_worst", "expected one of first_last, adjacent, all"),
        ("ai_feedback", "first_last", "expected one of best_worst, all, against_draft"),
        ("contrast", "all", "it makes one pair a chain"),
    ],
)
def test_a_policy_of_another_recipe_is_refused(recipe: str, named: str, told: str) -> None:
    """With those that it has."""
    with pytest.raises(SettingsError, match=f"--pairs {named}: does not go with the recipe {recipe}; {told}"):
        policy_of(recipe, named)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"pairs": "best"}, "--pairs best: expected one of first_last, adjacent, all, best_worst, against_draft"),
        ({"verify": "x"}, "--verify x: expected one of none, check, judge"),
        ({"if_worse": "x"}, "--if-worse x: expected one of drop, keep, flip, flag"),
        ({"if_tie": "flip"}, "--if-tie flip: expected one of flag, keep, drop"),
        ({"tie_band": -0.1}, "--tie-band -0.1: expected 0 or more"),
        ({"tie_band": nan}, "--tie-band nan: expected 0 or more"),
        ({"tie_band": inf}, "--tie-band inf: expected 0 or more"),
        ({"clamp": 0.5}, "--clamp 0.5: expected more than 0.5 and less than 1"),
        ({"clamp": 1.0}, "--clamp 1.0: expected more than 0.5 and less than 1"),
        ({"clamp": nan}, "--clamp nan: expected more than 0.5 and less than 1"),
    ],
)
def test_what_is_no_setting_is_refused(settings: dict[str, Any], told: str) -> None:
    """With the option and what was expected."""
    with pytest.raises(SettingsError, match=f"^{told}$"):
        check_label_settings(settings)


def test_settings_that_are_some() -> None:
    """And those that are unset."""
    check_label_settings({"pairs": None, "verify": "judge", "if_worse": "flip", "tie_band": 0.0, "clamp": 0.51})
    assert ALL_POLICIES == ("first_last", "adjacent", "all", "best_worst", "against_draft")


def test_nothing_set() -> None:
    """Checks that find a pair worse drop it, as always; ties are kept; what an export leaves out is the run's."""
    assert pairing_of({}) == Pairing("first_last", Confirming("check", "drop", "keep"), Labelling("best_worst", 0.2))
    assert pairing_of({"pairs": None, "verify": None, "if_worse": None}, MINE) == MINE


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"verify": "check"}, ("check", "drop", "flag")),
        ({"verify": "judge"}, ("judge", "drop", "flag")),
        ({"verify": "judge", "if_worse": "flip"}, ("judge", "flip", "flag")),
        ({"verify": "none", "if_tie": "drop"}, ("none", "drop", "drop")),
        ({"if_worse": "keep"}, ("check", "keep", "keep")),
        ({"if_tie": "drop"}, ("check", "drop", "drop")),
    ],
)
def test_who_confirms(settings: dict[str, Any], expected: tuple[Any, ...]) -> None:
    """Who asks for a confirmation sees what was not confirmed: worse is dropped, a tie is flagged."""
    assert pairing_of(settings).confirming == Confirming(*expected)


def test_another_confirmation_begins_anew() -> None:
    """`verify` at an export does not take over what the run did with what it found."""
    assert pairing_of({"verify": "check"}, MINE).confirming == Confirming("check", "drop", "flag")
    assert pairing_of({"if_worse": "flip"}, MINE).confirming == Confirming("judge", "flip", "drop")


@pytest.mark.parametrize(
    ("policy", "pairs", "candidates"),
    [("all", "all", "all"), ("adjacent", "adjacent", "best_worst"), ("against_draft", "first_last", "against_draft")],
)
def test_a_policy_goes_where_it_belongs(policy: str, pairs: str, candidates: str) -> None:
    """`all` is one of both kinds."""
    made = pairing_of({"pairs": policy})
    assert (made.policy, made.labelling.policy) == (pairs, candidates)


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [("tie_band", 0.0, "band"), ("clamp", 0.9, "clamp"), ("keep_inconsistent", False, "keep_inconsistent")],
)
def test_a_label_setting_alone(name: str, value: Any, field: str) -> None:
    """It changes its own field and no other one; 0 and False are settings."""
    changed = pairing_of({name: value}, MINE).labelling
    assert getattr(changed, field) == value
    same = {each for each in ("policy", "band", "clamp", "keep_inconsistent") if each != field}
    assert all(getattr(changed, each) == getattr(MINE.labelling, each) for each in same)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "verify": st.sampled_from(VERIFIES),
            "if_worse": st.sampled_from(IF_WORSE),
            "if_tie": st.sampled_from(IF_TIE),
            "tie_band": st.floats(0, 5),
            "clamp": st.floats(0.51, 0.99),
            "keep_inconsistent": st.booleans(),
        },
    ),
    st.sampled_from([("critique_revise", PAIR_POLICIES), ("ai_feedback", CANDIDATE_POLICIES), ("contrast", ())]),
    st.data(),
)
def test_settings_go_to_the_manifest_and_back(
    settings: dict[str, Any], recipe: tuple[str, tuple[str, ...]], data: st.DataObject
) -> None:
    """What a run file says and what a reopened run does are the same pairing."""
    named = data.draw(st.sampled_from([None, *recipe[1]]))
    run = read_run(None, constitution="c", model="scripted", out="o", recipe=recipe[0], pairs=named, **settings)
    written = orjson.loads(orjson.dumps(run.label_settings()))
    assert pairing_of(written) == pairing_of({"pairs": policy_of(recipe[0], named), **settings})
    check_label_settings(written)
