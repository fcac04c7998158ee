"""What `docs/sizes.md` shows: sizes as the formulas give them today, and what came of drawing such studies.

The drawn part stands in `sizes.json`, which `benchmarks/sizes.py` writes; `render.py` fills the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

from constitution.intervals import Interval, share
from constitution.proof.sizes import Accuracy, Answers, Design, TwoWays, in_each, pairs_for_one

DESIGNS: Mapping[str, type[Design]] = {"Answers": Answers, "Accuracy": Accuracy, "TwoWays": TwoWays}
RIGHT = (1.0, 0.95, 0.9, 0.8, 0.75, 0.67, 0.6, 0.55)
"""Shares of labels that are right, for the table of what they are worth."""
EXAMINED = (134, 200)
"""The fewest right answers of 200 that pass the examination."""

Row = Mapping[str, Any]


def sizes_page() -> dict[str, Any]:
    """Everything that the page of this name shows."""
    drawn = json.loads(Path(__file__).with_name("sizes.json").read_text("utf-8"))
    answers = [row for row in drawn["rows"] if row["design"] == "Answers"]
    pairs = [row for row in drawn["rows"] if row["design"] != "Answers"]
    judge = share(*EXAMINED)
    assert judge is not None
    return {
        "drawn": drawn,
        "answers": _lines(_answers(row) for row in answers if row["claim"] == "told"),
        "bootstrap_errs": _ends(row["claimed_wrongly"] for row in answers if row["claim"] == "told"),
        "others": _lines(_other(row) for row in answers if row["claim"] != "told"),
        "pairs": _lines(_pairs(row) for row in pairs if row["claim"] == "told"),
        "mcnemar": next(row for row in pairs if row["claim"] != "told"),
        "worth": _lines((_percent(right), _percent(2 * right - 1), _times(right)) for right in RIGHT),
        "lessons": _lines(_lessons(drawn["lessons"])),
        "points": _points,
        "half_of": {"rho 0": Answers(180, 2, 0.45).smallest(), "rho 0.5": Answers(180, 2, 0.45, 0.5).smallest()},
        "each_of_three": in_each(3),
        "first_trial": Answers(96, 2, 0.45).smallest(),
        "coin": Accuracy(200).smallest(),
        "two_ways": TwoWays(200, 0.4).smallest(),
        "stays": Answers(180, 2, 0.45).stays(),
        "topic": Answers(180, 2, 0.9, falls=True).smallest(),
        "judge": judge,
        "judge_pairs": _between(judge),
        "wider": lambda among_subjects: sqrt(1 + 5 * among_subjects),
    }


def _design(row: Row) -> Design:
    return DESIGNS[row["design"]](**row["sizes"])


def _lines(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _points(value: float) -> str:
    return f"{100 * value:.1f}"


def _ends(shares: Iterable[float]) -> tuple[str, str]:
    ordered = sorted(shares)
    return _points(ordered[0]), _points(ordered[-1])


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _drawn(row: Row) -> tuple[str, str]:
    return f"{100 * row['claimed']:.0f}", f"{100 * row['claimed_wrongly']:.1f}"


def _answers(row: Row) -> Sequence[str]:
    design = _design(row)
    assert isinstance(design, Answers)
    sizes = f"{design.prompts} x {design.each}"
    course = f"{_percent(design.base)}, {'falls' if design.falls else 'rises'}"
    return sizes, course, f"{design.rho:g}, {design.shared:g}", f"**{_points(design.smallest())}**", *_drawn(row)


def _other(row: Row) -> Sequence[str]:
    design = _design(row)
    assert isinstance(design, Answers)
    by = design.stays() if row["claim"].startswith("shown") else design.smallest(in_each(3))
    return f"{design.prompts} x {design.each}", row["claim"], f"**{_points(by)}**", *_drawn(row)


def _pairs(row: Row) -> Sequence[str]:
    design = _design(row)
    if isinstance(design, Accuracy):
        asked = f"accuracy above {_percent(design.target)}"
        size = f"**{_points(design.smallest())}** (right: {_points(design.target + design.smallest())} %)"
    else:
        assert isinstance(design, TwoWays)
        asked, size = f"two ways that differ on {_percent(design.differ)}", f"**{_points(design.smallest())}**"
    return f"{design.pairs:,}", asked, size, *_drawn(row)


def _times(right: float) -> str:
    times = pairs_for_one(1 - right)
    return f"{times:.1f}" if times < 10 else f"{times:.0f}"


def _between(judge: Interval) -> tuple[str, str]:
    """Pairs for one clean pair, at the upper end of a judge's accuracy and at the lower."""
    return _times(judge.high), _times(judge.low)


def _lessons(lessons: Sequence[Row]) -> Iterator[Sequence[str]]:
    """One row for each set of labels, the ways of learning beside each other."""
    found: dict[tuple[int, float], list[str]] = {}
    for lesson in lessons:
        found.setdefault((lesson["pairs"], lesson["flipped"]), []).append(f"{100 * lesson['right']:.1f}")
    for (pairs, flipped), right in found.items():
        yield f"{pairs}", _percent(flipped), *right
