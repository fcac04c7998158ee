"""Pair policy, confirmation and labels as settings: of a manifest, of an export. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite, log
from typing import Any, TypeAlias, cast

from constitution.errors import SettingsError
from constitution.steps.confirm import IF_TIE, IF_WORSE, VERIFIES, Confirming
from constitution.steps.label import CANDIDATE_POLICIES, CandidatePolicy, Labelling
from constitution.steps.pair import PAIR_POLICIES, Pairing, PairPolicy

Policy: TypeAlias = PairPolicy | CandidatePolicy
"""Pair policies of all recipes."""
POLICIES: Mapping[str, tuple[str, ...]] = {
    "critique_revise": PAIR_POLICIES,
    "ai_feedback": CANDIDATE_POLICIES,
    "contrast": (),
}
"""Of each recipe; the first is its default."""
ALL_POLICIES: tuple[str, ...] = tuple(dict.fromkeys((*PAIR_POLICIES, *CANDIDATE_POLICIES)))


def policy_of(recipe: str, named: str | None) -> str | None:
    """The pair policy of a recipe; None where it makes one pair a chain.

    Raises:
        SettingsError: it has no such policy.
    """
    known = POLICIES.get(recipe, PAIR_POLICIES)
    if named is not None and named not in known:
        expected = f"expected one of {', '.join(known)}" if known else "it makes one pair a chain"
        raise SettingsError(f"--pairs {named}: does not go with the recipe {recipe}; {expected}")
    return named or (known[0] if known else None)


def check_label_settings(settings: Mapping[str, Any]) -> None:
    """Refuse settings of an export that are none.

    Raises:
        SettingsError: naming the option.
    """
    known = {"pairs": ALL_POLICIES, "verify": VERIFIES, "if_worse": IF_WORSE, "if_tie": IF_TIE}
    for name, values in known.items():
        if settings.get(name) is not None and settings[name] not in values:
            raise SettingsError(f"--{name.replace('_', '-')} {settings[name]}: expected one of {', '.join(values)}")
    band, clamp = settings.get("tie_band"), settings.get("clamp")
    if band is not None and not (isfinite(band) and band >= 0):
        raise SettingsError(f"--tie-band {band}: expected 0 or more")
    if clamp is not None and not 0.5 < clamp < 1:
        raise SettingsError(f"--clamp {clamp}: expected more than 0.5 and less than 1")


def refuse_idle_clamp(labelling: Labelling) -> None:
    """Refuse a clamp that makes a tie of every pair.

    Raises:
        SettingsError: with the largest margin that it leaves.
    """
    clamp = labelling.clamp
    if clamp is not None and log(clamp / (1 - clamp)) < labelling.band:
        raise SettingsError(
            f"clamp {clamp:g} keeps every margin under {log(clamp / (1 - clamp)):.2f}, inside the tie band of "
            f"{labelling.band:g}: every pair would be a tie; raise clamp, or lower tie_band"
        )


def pairing_of(settings: Mapping[str, Any], mine: Pairing | None = None) -> Pairing:
    """Pair policy, confirmation and labels out of settings; what they do not say is that of `mine`.

    Args:
        settings: `pairs, verify, if_worse, if_tie, tie_band, clamp, keep_inconsistent`; None is unset.
        mine: those of the run, where an export changes some.
    """
    mine = mine or Pairing()
    policy = settings.get("pairs")
    if policy in PAIR_POLICIES:
        mine = replace(mine, policy=cast("PairPolicy", policy))
    return replace(mine, confirming=_confirming(settings, mine), labelling=_labelling(settings, mine))


def _labelling(settings: Mapping[str, Any], mine: Pairing) -> Labelling:
    labelling = mine.labelling
    if settings.get("pairs") in CANDIDATE_POLICIES:
        labelling = replace(labelling, policy=cast("CandidatePolicy", settings["pairs"]))
    if settings.get("tie_band") is not None:
        labelling = replace(labelling, band=float(settings["tie_band"]))
    if settings.get("clamp") is not None:
        labelling = replace(labelling, clamp=float(settings["clamp"]))
    if settings.get("keep_inconsistent") is not None:
        labelling = replace(labelling, keep_inconsistent=bool(settings["keep_inconsistent"]))
    return labelling


def _confirming(settings: Mapping[str, Any], mine: Pairing) -> Confirming:
    confirming = mine.confirming
    if settings.get("verify") is not None:  # who asks for it wants to see what was not confirmed
        confirming = Confirming(settings["verify"], "drop", "flag")
    if settings.get("if_worse") is not None:
        confirming = replace(confirming, if_worse=settings["if_worse"])
    if settings.get("if_tie") is not None:
        confirming = replace(confirming, if_tie=settings["if_tie"])
    return confirming
