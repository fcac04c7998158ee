"""Options of an export that would change nothing: who gives one expects that it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from constitution.errors import SettingsError
from constitution.formats.card.facts import RunRows
from constitution.steps.policies import POLICIES

CONFIRMING = ("verify", "if_worse", "if_tie")


def refuse_idle(runs: Sequence[RunRows], labels: Mapping[str, Any]) -> tuple[str, ...]:
    """Refuse settings of labels that change nothing in any run.

    Args:
        runs: as they are exported, under these settings.
        labels: the settings; None is unset.

    Returns:
        Of those that change something in some of the runs: in which they change nothing, and why.

    Raises:
        SettingsError: naming the option and why it changes nothing.
    """
    told = []
    for option in (name for name, value in labels.items() if value is not None):
        reasons = {run.name: why for run in runs if (why := _why_idle(option, run, labels)) is not None}
        if not reasons:
            continue
        why = "; ".join(dict.fromkeys(reasons.values()))
        what = f"--{option.replace('_', '-')}: changes nothing in {', '.join(reasons)}: {why}"
        if len(reasons) == len(runs):
            raise SettingsError(f"{what}; leave it out")
        told.append(what)
    return tuple(told)


def _why_idle(option: str, run: RunRows, labels: Mapping[str, Any]) -> str | None:
    """Why an option changes nothing in a run; None where it may."""
    return next(_reasons(option, run, labels), None)


def _reasons(option: str, run: RunRows, labels: Mapping[str, Any]) -> Iterator[str]:
    settings = run.manifest.settings
    recipe = str(settings.get("recipe"))
    if option == "pairs" and recipe in POLICIES and labels["pairs"] not in POLICIES[recipe]:
        known = ", ".join(POLICIES[recipe])
        yield f"the recipe {recipe} " + (f"pairs by {known}" if known else "makes one pair a chain")
    if option in CONFIRMING:
        yield from _confirming_nothing(option, run)
    if option in ("tie_band", "clamp", "keep_inconsistent"):
        read, mode = settings.get("judge_read"), settings.get("judge_mode")
        if "judge" not in run.manifest.models:
            yield "no judge was asked"
        elif option == "tie_band" and mode == "text":
            yield "the judge answers in words, which have no margin"
        elif option == "clamp" and (mode == "text" or read == "value"):
            yield "the judge gives no probabilities"
        elif option == "keep_inconsistent" and read in ("scoring", "value"):
            yield "the judge reads one answer at a time, in no order"


def _confirming_nothing(option: str, run: RunRows) -> Iterator[str]:
    by = run.settler.pairing.confirming.by
    if run.manifest.settings.get("recipe") == "ai_feedback":
        yield "the recipe ai_feedback makes no pair without the judge, so none is to be confirmed"
    elif by == "check" and not run.settler.checks:
        yield f"no principle of '{run.principles.name}' has a `check`"
    elif by == "none" and option != "verify":
        yield "nobody confirms its pairs (--verify)"
