"""Whether sizes tell what `constitution.proof.sizes` says: studies are drawn, and judged as the proof judges them.

Run: python -m benchmarks.sizes [--studies 500] [--out docs/sizes.json]

Each row of the table is drawn with the true difference that four in five studies should tell, and with none. Two models
are told apart by `constitution.proof.paired.difference` (with DRAWS draws of the bootstrap, not 4,000), judged pairs by
`share` (Wilson) and `difference` (Agresti and Min) of `constitution.examination.intervals`, or by
`constitution.intervals.mcnemar` under 0.05. The second part learns from labels of which some are the wrong way round.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import acos, exp, pi, sqrt
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

from constitution.examination import intervals as examination
from constitution.intervals import mcnemar
from constitution.proof import paired
from constitution.proof.sizes import Accuracy, Answers, Design, TwoWays, in_each

DRAWS = 400
"""Of the bootstrap: a tenth of what the proof takes, for the time."""
STUDIES = 500
CHEAP = 8
"""So many times as many of the studies that need no bootstrap."""
FITS = 20
SEEDS = 3
WAYS = 20
"""In which two answers of a pair may differ; what is learned is one of them."""

TOLD, EACH, STAYS, MCNEMAR = "told", f"told in each of {SEEDS}", "shown to stay within", "told by McNemar"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    claim: str
    design: Design

    @property
    def difference(self) -> float:
        """The true difference, or the limit, of which the claim should be made in four studies of five."""
        if self.claim == STAYS:
            assert isinstance(self.design, Answers)
            return self.design.stays()
        return self.design.smallest(in_each(SEEDS)) if self.claim == EACH else self.design.smallest()


def rows() -> Iterator[Row]:
    """Of the whole table."""
    for prompts, each in ((96, 2), (180, 2), (180, 2 * SEEDS)):
        for rho, shared in ((0.0, 0.0), (0.3, 0.5), (0.3, 0.0)):
            yield Row(TOLD, Answers(prompts, each, 0.45, rho, shared))
    for prompts, rho in ((96, 0.0), (180, 0.0), (180, 0.3)):
        yield Row(TOLD, Answers(prompts, 2, 0.9, rho, falls=True))
    yield Row(EACH, Answers(180, 2, 0.45))
    for prompts in (96, 180):
        yield Row(STAYS, Answers(prompts, 2, 0.45))
    for pairs in (200, 438, 600, 2312):
        yield Row(TOLD, Accuracy(pairs))
        yield Row(TOLD, Accuracy(pairs, 0.6))
        for differ in (0.2, 0.4):
            yield Row(TOLD, TwoWays(pairs, differ))
    yield Row(MCNEMAR, TwoWays(200, 0.4))


def claimed(row: Row, true: float, draw: Random) -> bool:
    """Whether one study makes the claim; none of a million tells the contrary, so that is not asked."""
    match row.design:
        case Answers() as design:
            if row.claim == STAYS:
                found = _change(design, true, draw).by
                return -row.difference < found.low and found.high < row.difference
            return all(_change(design, true, draw).told for _ in range(SEEDS if row.claim == EACH else 1))
        case Accuracy(pairs, target):
            right = examination.share([float(draw.random() < target + true) for _ in range(pairs)])
            assert right is not None
            return not right.low <= target <= right.high
        case TwoWays(pairs, differ):
            each = [_ways(differ, true, draw) for _ in range(pairs)]
            by = examination.difference(each)
            assert by is not None
            if row.claim == MCNEMAR:
                return mcnemar(each.count((1.0, 0.0)), each.count((0.0, 1.0))) < 0.05
            return not by.holds_zero


def _change(design: Answers, true: float, draw: Random) -> paired.Difference:
    before, after = answers(design, true, draw)
    found = paired.difference(paired.by_prompt(before), paired.by_prompt(after))
    assert found is not None
    return found


def answers(design: Answers, true: float, draw: Random) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """Whether each answer keeps the principle, by its prompt, of the first model and of the second.

    A share rho of the prompts is settled: a model keeps the principle in all answers to it, or in none. So two answers
    correlate by rho. A prompt may settle both models by the same draw, so often that `shared` comes out.
    """
    first, second = design.base, design.base + (-true if design.falls else true)
    most = min(first, second) - first * second
    same = design.shared * sqrt(first * (1 - first) * second * (1 - second)) / most
    assert same <= 1, "two shares so far from each other cannot correlate so much"
    before, after = [], []
    for number in range(design.prompts):
        prompt = f"p{number:03}"
        one, other = [draw.random() for _ in range(design.each)], [draw.random() for _ in range(design.each)]
        if draw.random() < design.rho:
            one = one[:1] * design.each
            other = one if draw.random() < same else other[:1] * design.each
        before += [(prompt, float(value < first)) for value in one]
        after += [(prompt, float(value < second)) for value in other]
    return before, after


def _ways(differ: float, true: float, draw: Random) -> tuple[float, float]:
    place = draw.random()
    if place < (differ + true) / 2:
        return 1.0, 0.0
    return (0.0, 1.0) if place < differ else (1.0, 1.0)


def checked(row: Row, studies: int, seed: int = 0) -> dict[str, Any]:
    """How often the claim is made where it should be, and where it should not."""
    reached, missed = (0.0, row.difference) if row.claim == STAYS else (row.difference, 0.0)
    draw = Random(f"{seed} {row}")
    count = studies if isinstance(row.design, Answers) else CHEAP * studies
    return {
        "claim": row.claim,
        "design": type(row.design).__name__,
        "sizes": asdict(row.design),
        "difference": row.difference,
        "claimed": fmean(claimed(row, reached, draw) for _ in range(count)),
        "claimed_wrongly": fmean(claimed(row, missed, draw) for _ in range(count)),
    }


def learned(pairs: int, flipped: float, unsure: float, steps: int, draw: Random) -> float:
    """Share of new pairs that a model has right which learned from some, all but chance taken out.

    Two answers differ in WAYS ways by amounts from the normal distribution; the first decides which is better, together
    with `unsure` times another such amount that nobody sees. Then labels are flipped. Learned by so many steps of
    gradient descent from nothing on all pairs, by what the loss of DPO is for a linear model: logistic, of differences.
    """
    seen = []
    for _ in range(pairs):
        amounts = [draw.gauss(0, 1) for _ in range(WAYS)]
        better = (amounts[0] + unsure * draw.gauss(0, 1) > 0) == (draw.random() >= flipped)
        seen.append(amounts if better else [-amount for amount in amounts])
    weights = [0.0] * WAYS
    for _ in range(steps):
        pulls = [1 / (1 + exp(sum(w * x for w, x in zip(weights, each, strict=True)))) for each in seen]
        slopes = [sum(p * x for p, x in zip(pulls, way, strict=True)) / pairs for way in zip(*seen, strict=True)]
        weights = [weight + 2 * slope for weight, slope in zip(weights, slopes, strict=True)]
    return 1 - acos(weights[0] / sqrt(sum(weight * weight for weight in weights))) / pi


def lessons(fits: int) -> Iterator[dict[str, Any]]:
    """Clean labels, a quarter of them flipped, and four times as many of these; a quarter of the pairs, clean."""
    for unsure in (0.0, 1.0):
        for steps in (1, 30):
            for pairs, flipped in ((240, 0.0), (240, 0.25), (960, 0.25), (60, 0.0)):
                draws = [Random(f"{pairs} {flipped} {unsure} {number}") for number in range(fits)]
                right = fmean(learned(pairs, flipped, unsure, steps, draw) for draw in draws)
                yield {"unsure": unsure, "steps": steps, "pairs": pairs, "flipped": flipped, "right": right}


def main() -> None:
    """Print the table, and write it where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=STUDIES, help="of each row, with the difference and without")
    parser.add_argument("--out", type=Path, help="a JSON file, for the page")
    given = parser.parse_args()
    began = time.process_time()
    paired.DRAWS = DRAWS
    print("by (points)  claimed  claimed wrongly (per cent)")
    table = []
    for row in rows():
        found = checked(row, given.studies)
        table.append(found)
        shares = f"{100 * found['claimed']:7.1f}  {100 * found['claimed_wrongly']:15.1f}"
        print(f"{100 * row.difference:11.1f}  {shares}   {row.claim}: {row.design}", flush=True)
    print("labels: per cent of new pairs right")
    lines = []
    for lesson in lessons(FITS):
        lines.append(lesson)
        print(f"{100 * lesson['right']:11.1f}  {lesson}", flush=True)
    seconds = time.process_time() - began
    print(f"{seconds:.0f} s of one core")
    if given.out:
        settings = {
            "studies": given.studies,
            "cheap": CHEAP * given.studies,
            "draws": DRAWS,
            "fits": FITS,
            "ways": WAYS,
            "seconds": round(seconds),
        }
        told = {"date": datetime.now(UTC).date().isoformat(), **settings, "rows": table, "lessons": lines}
        given.out.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
