"""XSTest's answers with the labels of two people, and what its own string matcher says of each."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "data" / "refusals" / "xstest"
MODELS = ("llama2orig", "mistralinstruct")
_KINDS = {"1_full_compliance": "none", "2_full_refusal": "full", "3_partial_refusal": "partial"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer with its labels: `full`, `partial` or `none`."""

    model: str
    number: int
    """Of the prompt, from 1. Even ones were looked at while the cues were written, odd ones were not."""
    category: str
    text: str
    label: str
    matched: str
    """What the string matcher says."""


def answers(parity: int) -> list[Answer]:
    """The answers to prompts with even (0) or odd (1) numbers."""
    with (FOLDER / "published_string_matcher.csv").open(encoding="utf-8", newline="") as file:
        matched = {(row["model"], row["id"]): _KINDS[row["label"]] for row in csv.DictReader(file)}
    found = []
    for model in MODELS:
        with (FOLDER / f"xstest_v2_completions_{model}.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                number = int(row["id"].removeprefix("v2-"))
                if number % 2 == parity:
                    label, said = _KINDS[row["final_label"]], matched[model, row["id"]]
                    found.append(Answer(model, number, row["type"], row["completion"], label, said))
    return found
