"""The part of the card that says what a judge's labels are worth."""

from __future__ import annotations

from collections.abc import Iterator

from constitution.formats.card.facts import Facts
from constitution.formats.card.markdown import code, escaped, table
from constitution.formats.card.sections import model_parts
from constitution.intervals import Interval
from constitution.steps.label_card import Examined, LabelCard
from constitution.steps.label_measures import CALIBRATION, PRINCIPLES, Measure
from constitution.steps.two_judges import JudgeAgreement

MOST_PRINCIPLES = 50
"""Principles that the card lists; those asked most often."""


def label_warnings(facts: Facts) -> Iterator[str]:
    """What stands at the top of the card, where a judge was not examined or did not pass."""
    for run, card in zip(facts.runs, facts.labels, strict=True):
        if card is None:
            continue
        if card.examined is None:
            yield f"> **Not examined.** Nobody knows how good the judge of {code(run.name)} is: see the labels below."
        elif not card.examined.passed:
            yield (
                f"> **Not passed.** The judge of {code(run.name)} did not pass its examination "
                f"({escaped(card.examined.verdict)}): {escaped(card.examined.why)}"
            )


def labels_part(facts: Facts) -> Iterator[str]:
    """Every figure of each judged run with what it means, its principles, and how often two judges agree."""
    judged = [(run, card) for run, card in zip(facts.runs, facts.labels, strict=True) if card is not None]
    if not judged:
        return
    yield "## Labels"
    yield (
        "Counted over all pairs of texts that a judge was asked about, whatever became of their rows. `!` marks what "
        "to look at before training."
    )
    for run, card in judged:
        if len(facts.runs) > 1:
            yield f"### Labels of {escaped(run.name)}"
        yield from _card(card)
    for first, second, found in facts.agreements:
        yield _agreement(first, second, found)
    shown = {measure.name: measure for _, card in judged for measure, _ in card.figures()}
    if shown:
        yield "What the figures mean:"
        yield "\n".join(f"- **{measure.title}**: {measure.about}" for measure in shown.values())
    if any(card.by_principle for _, card in judged):
        yield PRINCIPLES
    if any(card.sureness for _, card in judged):
        yield CALIBRATION
    yield (
        "The intervals hold 95 times of a hundred where pairs are independent. Pairs of one prompt are not, so they "
        "are a little too narrow where a prompt gives many."
    )


def _card(card: LabelCard) -> Iterator[str]:
    name, revision, precision = model_parts(card.judge)
    more = ", ".join(code(part) for part in (revision, precision) if part)
    yield f"Judge: {code(name)}{f' ({more})' if more else ''}. {_examined(card.examined)}"
    if not card.pairs:
        yield "It was asked about no pair of texts."
    if not any(card.figures()):
        return
    yield table(
        ["figure", "", "95 % interval", "of"],
        [_row(measure, found) for measure, found in card.figures()],
    )
    if card.calibration_error is not None:
        yield f"Calibration error: {card.calibration_error:.3f}."
        rows = [
            (
                f"{each.low:.1f} to {each.high:.1f}",
                _percent(each.sure),
                _percent(each.right.value),
                _between(each.right),
                each.pairs,
            )
            for each in card.sureness
        ]
        yield table(["p of the preferred answer", "mean", "people agree", "95 % interval", "pairs"], rows)
    yield from _principles(card)


def _examined(found: Examined | None) -> str:
    if found is None:
        return "It was not examined."
    right = f", {_percent(found.accuracy.value)} right ({_between(found.accuracy)})" if found.accuracy else ""
    on = f" on {', '.join(map(code, found.sets))}" if found.sets else ""
    return f"Examined{on}: **{escaped(found.verdict)}**{right}. {escaped(found.why)}"


def _row(measure: Measure, found: Interval) -> tuple[object, ...]:
    if measure.unit == "share":
        value, interval = _percent(found.value), _between(found)
    else:
        value, interval = f"{found.value:.2f}", f"{found.low:.2f} to {found.high:.2f}"
        value += " bits" if measure.unit == "bits" else ""
    mark = " !" if measure.bad(found) else ""
    return measure.title, value + mark, interval, found.n


def _principles(card: LabelCard) -> Iterator[str]:
    found = card.by_principle
    if not found:
        return
    rates = {"with the verdict": "with_verdict", "meant text wins": "meant_wins"}
    seen = {name: rate for name, rate in rates.items() if any(getattr(each, rate) is not None for each in found)}
    rows = [
        (
            code(each.id),
            each.asked,
            *map(_rate, (each.ties, each.flips, each.unreadable, *(getattr(each, rate) for rate in seen.values()))),
        )
        for each in found[:MOST_PRINCIPLES]
    ]
    yield table(["principle", "asked", "ties", "flips", "unreadable", *seen], rows)
    if len(found) > MOST_PRINCIPLES:
        yield f"And {len(found) - MOST_PRINCIPLES:,} other principles, asked less often."


def _agreement(first: str, second: str, found: JudgeAgreement) -> str:
    said = f"The judges of {code(first)} and {code(second)} were both asked about {found.pairs:,} pairs"
    if found.share is None:
        return f"{said}; none was decided by both."
    return (
        f"{said}. Where both decided ({found.agree + found.disagree:,}), they prefer the same answer in "
        f"{_percent(found.share.value)} ({_between(found.share)}); judges that guess agree in 50 %."
    )


def _rate(found: Interval | None) -> str:
    return "-" if found is None else _percent(found.value)


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _between(found: Interval) -> str:
    return f"{100 * found.low:.1f} to {100 * found.high:.1f}"
