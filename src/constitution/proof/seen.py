"""Some of the texts behind the figures, drawn by hash, so that a reader sees what was counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from constitution.digest import digest
from constitution.formats.card.markdown import details, escaped, table
from constitution.proof.figures import Part, Row

CELL = "critique"
"""Whose first round is shown."""
QUESTIONS = 3
"""Of each kind."""


def texts(part: Part, rows: Sequence[Row]) -> Iterator[str]:
    """A part of the page that a reader opens; nothing where there is nothing to show.

    Args:
        part: of the proof.
        rows: of one seed and principle.
    """
    if part == "revision":
        body = _revised(rows)
    elif part == "training":
        body = _answered(rows)
    else:
        return
    if body:
        yield details("Some of the texts, drawn by hash", body) + "\n"


def _revised(rows: Sequence[Row]) -> str:
    mine = [row for row in rows if row["cell"] == CELL and row["round"] in (0, 1)]
    drafts = {row["prompt"]: row for row in mine if row["round"] == 0}
    pairs = [(drafts[row["prompt"]], row) for row in mine if row["round"] == 1]
    kinds = {"mended": (False, True), "not mended": (False, False), "spoiled": (True, False)}
    shown = [
        (name, escaped(draft["question"]), escaped(draft["text"]), escaped(row["text"]))
        for name, kept in kinds.items()
        for draft, row in _drawn([pair for pair in pairs if (pair[0]["kept"], pair[1]["kept"]) == kept])
    ]
    return table(("", "question", "draft", "after round 1"), shown, right=4) if shown else ""


def _drawn(pairs: Sequence[tuple[Row, Row]]) -> list[tuple[Row, Row]]:
    return sorted(pairs, key=lambda pair: digest("seen", pair[0]["prompt"]))[:QUESTIONS]


def _answered(rows: Sequence[Row]) -> str:
    firsts = [row for row in rows if row.get("number") == 0]
    prompts = sorted({row["prompt"] for row in firsts}, key=lambda prompt: digest("seen", prompt))[:QUESTIONS]
    shown = [
        (escaped(row["question"]), row["arm"], "yes" if row["kept"] else "no", escaped(row["text"]))
        for prompt in prompts
        for row in firsts
        if row["prompt"] == prompt
    ]
    return table(("question", "arm", "keeps it", "answer"), shown, right=4) if shown else ""
