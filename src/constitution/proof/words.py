"""Figures as people read them."""

from __future__ import annotations

from collections.abc import Mapping

from constitution.proof.figures import Figure, Unit

MEASURES: Mapping[str, str] = {
    "kept": "keeps the principle",
    "kept_on_topic": "keeps it, on topic",
    "mended": "mended, of drafts that break it",
    "spoiled": "spoiled, of drafts that keep it",
    "on_topic": "on topic",
    "mended_on_topic": "on topic, of mended ones",
    "words": "words",
    "lost": "no usable revision",
    "copies": "said the draft again",
    "preambles": "introduction stripped",
    "tokens_for_a_mended_draft": "tokens for a mended draft",
    "accuracy": "prefers the answer that keeps it",
    "accuracy_where_longer_is_wrong": "the same, longer answer wrong",
    "verdict_changes_with_order": "verdict changes with the order",
    "ties": "ties",
    "unread": "no verdict",
    "unusable": "no usable answer",
    "labelled": "pairs that get a label",
    "chosen_log_probability": "log-probability of a chosen answer",
    "squared_error": "squared error of the label",
    "calibration_error": "calibration error",
}
_SHARES: tuple[Unit, ...] = ("share", "points")


def number(figure: Figure) -> str:
    """A figure with its interval; shares in per cent, differences with their sign."""
    by = figure.by
    times = 100 if figure.unit in _SHARES else 1
    form = "+.0f" if figure.unit == "points" or " - " in figure.key.cell else ".0f"
    if figure.unit == "error":
        form = "+.2f" if " - " in figure.key.cell else ".2f"
    value, low, high = (format(times * each, form) for each in (by.value, by.low, by.high))
    if figure.unit == "nats":
        return f"{value}"
    unit = {"share": " %", "points": " points"}.get(figure.unit, "")
    return f"{value}{unit} ({low} to {high})"


def measure(name: str) -> str:
    """The name of a measure."""
    return MEASURES.get(name, name.replace("_", " "))
