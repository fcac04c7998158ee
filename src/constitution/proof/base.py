"""Base rates: how often a model keeps each principle before anybody asks it to, and which principle can show most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from constitution.api import Run
from constitution.checks import keeps
from constitution.errors import SettingsError
from constitution.principles import Principle
from constitution.proof.asking import Asked, provable
from constitution.proof.figures import Counter, Figure, Row, share_of
from constitution.proof.questions import TRAINED, questions
from constitution.proof.rows import measured, write_rows
from constitution.records import Trace
from constitution.run.resolve import build_checks

ROWS = "base.jsonl"
DRAFTS = "drafts"
DRAFTS_EACH = 4
"""Answers to each question: of two, one keeps a principle and one breaks it too seldom."""
LOWEST, HIGHEST = 0.25, 0.65
"""A principle that is kept less often is hardly ever met, one that is kept more often leaves nothing to mend."""


def draft(asked: Asked, folder: Path, most: int) -> None:
    """Answers to the questions that are learned from, and what code says of each under every principle."""
    run = asked.answers(questions(TRAINED, most), folder / DRAFTS, candidates=DRAFTS_EACH)
    checks = build_checks(asked.constitution.principles, asked.constitution.own_checks)
    mine = [one.id for one in provable(asked.constitution)]
    rows = []
    for row in answer_rows(run):
        kept = {id: keeps(checks[id], row["text"]) for id in mine}
        said = measured(row["question"], row["text"], ())
        rows.append({**row, "kept": kept, **{name: said[name] for name in ("on_topic", "words")}})
    write_rows(folder / ROWS, rows)


def answer_rows(run: Run) -> list[dict[str, Any]]:
    """The usable answers of a run, one a row."""
    return [
        {"prompt": trace.record, "question": trace.conversation[-1].content, "number": each.number, "text": each.text}
        for trace in run.traces()
        if isinstance(trace, Trace)
        for each in trace.candidates
        if not each.unusable
    ]


def figures(rows: Sequence[Row], seed: int, file: str) -> list[Figure]:
    """The base rate of every principle, and what answers are like to begin with."""
    found: list[Figure] = []
    for id in rows[0]["kept"] if rows else ():
        mine = [{"prompt": row["prompt"], "kept": row["kept"][id]} for row in rows]
        found += Counter("base", seed, id, file).share("drafts", "kept", mine, share_of("kept"))
    return found


def chosen(found: Sequence[Figure], principles: Sequence[Principle]) -> str:
    """The principle whose base rate is nearest to the middle of what can show something.

    Raises:
        SettingsError: none lies between LOWEST and HIGHEST, with all rates.
    """
    rates = {each.principle: each.by.value for each in found}
    middle = (LOWEST + HIGHEST) / 2
    known = [one.id for one in principles if one.id in rates]
    nearest = min(known, key=lambda each: abs(rates[each] - middle), default=None)
    if nearest is None or not LOWEST <= rates[nearest] <= HIGHEST:
        told = ", ".join(f"{id} {100 * rate:.0f} %" for id, rate in sorted(rates.items(), key=lambda each: each[1]))
        raise SettingsError(
            f"no principle is kept in {100 * LOWEST:.0f} to {100 * HIGHEST:.0f} % of this model's answers ({told}): "
            "one that is always or never kept shows nothing; name one with --principle all the same, or bring a "
            "--constitution with others"
        )
    return nearest
