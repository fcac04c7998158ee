"""What a judge's labels look like: the examination, every figure with its interval, each principle."""

from __future__ import annotations

from collections.abc import Iterator

from constitution.display.blocks import Block, Column, Line, Said, Section, Span, Table, line
from constitution.intervals import Interval
from constitution.steps.label_card import ByPrinciple, Examined, LabelCard
from constitution.steps.label_measures import Measure
from constitution.steps.two_judges import JudgeAgreement

MOST_PRINCIPLES = 20
"""Principles that a terminal lists; those asked most often."""
_COLUMNS = (
    Column(""), Column("", numbers=True), Column("95 % interval", numbers=True), Column("of", numbers=True),
)  # fmt: skip


def label_blocks(card: LabelCard) -> Iterator[Block]:
    """The label card of a run."""
    yield Section((Said("judge", line(card.judge)), examined_block(card.examined), *_uncounted(card)))
    figures = list(card.figures())
    if not figures:
        return
    yield Table("labels by the judge", _COLUMNS, tuple(_row(*each) for each in figures))
    if any(measure.bad(found) for measure, found in figures):
        yield Said("!", line(Span("look at these before you train on the labels", "warn")))
    if card.sureness:
        yield _calibration(card)
    if card.by_principle:
        yield _principles(card.by_principle)


def examined_block(found: Examined | None) -> Said:
    """The examination in one line."""
    if found is None:
        return Said(
            "examined", line(Span("not examined", "warn"), Span(": nobody knows how good this judge is", "quiet"))
        )
    head = Span(found.verdict, "good" if found.passed else "bad")
    right = "" if found.accuracy is None else f"  {percent(found.accuracy.value)} right ({between(found.accuracy)})"
    on = f" on {', '.join(found.sets)}" if found.sets else ""
    return Said("examined", line(head, f"{right}{on}", Span(f"  {found.why}", "quiet")))


def agreement_blocks(found: JudgeAgreement, other: str) -> Iterator[Block]:
    """How often two judges agree."""
    share = found.share
    decided = found.agree + found.disagree
    if share is None:
        yield Said("against", line(other, Span("  no pair was decided by both judges", "warn")))
    else:
        told = f"{percent(share.value)} ({between(share)}) of {decided:,} pairs that both decided"
        yield Said("against", line(other, Span("  agrees in ", "quiet"), told, Span("; 50 % is chance", "quiet")))
    rest = (
        f"{found.one_tie:,} a tie for one of them, {found.both_tie:,} for both, {found.no_label:,} without a label, "
        f"{found.only_one:,} asked of one alone"
    )
    yield Said("", line(Span(rest, "quiet")))


def percent(value: float) -> str:
    """A share as people read it."""
    return f"{100 * value:.1f} %"


def between(found: Interval) -> str:
    """The interval of a share, in percent."""
    return f"{100 * found.low:.1f} to {100 * found.high:.1f}"


def told(measure: Measure, found: Interval) -> tuple[str, str]:
    """A figure and its interval, in its unit."""
    if measure.unit == "share":
        return percent(found.value), between(found)
    bits = " bits" if measure.unit == "bits" else ""
    sign = "+" if measure.unit == "r" else ""
    return f"{found.value:{sign}.2f}{bits}", f"{found.low:{sign}.2f} to {found.high:{sign}.2f}"


def _uncounted(card: LabelCard) -> Iterator[Said]:
    if card.uncounted:
        chunks = "chunk is" if card.uncounted == 1 else "chunks are"
        yield Said("", line(Span(f"not counted: {card.uncounted:,} {chunks} not finished", "warn")))


def _row(measure: Measure, found: Interval) -> tuple[Line, ...]:
    bad = measure.bad(found)
    value, interval = told(measure, found)
    note = (Span(f"  {measure.note}", "quiet"),) if measure.note else ()
    return (
        line(measure.title, *note),
        line(Span(f"! {value}" if bad else value, "warn" if bad else "plain")),
        line(interval),
        line(f"{found.n:,}"),
    )


def _calibration(card: LabelCard) -> Table:
    rows = tuple(
        (
            line(f"{each.low:.1f} to {each.high:.1f}"),
            line(percent(each.sure)),
            line(percent(each.right.value)),
            line(between(each.right)),
            line(f"{each.pairs:,}"),
        )
        for each in card.sureness
    )
    columns = tuple(
        Column(name, numbers=number > 0) for number, name in enumerate(("p", "sure", "right", "95 % interval", "of"))
    )
    error = card.calibration_error or 0.0
    return Table(f"people's labels: calibration error {percent(error)}", columns, rows)


def _principles(found: tuple[ByPrinciple, ...]) -> Table:
    last = _last_rate(found)
    names = ("asked", "ties", "flips", "unreadable", *last)
    rows = [
        (
            line(Span(each.id, "name")),
            line(f"{each.asked:,}"),
            *(
                line("-" if rate is None else f"{100 * rate.value:.0f} %")
                for rate in (each.ties, each.flips, each.unreadable, *(getattr(each, name) for name in last.values()))
            ),
        )
        for each in found[:MOST_PRINCIPLES]
    ]  # fmt: skip
    left = len(found) - MOST_PRINCIPLES
    title = "by principle" + (f": {MOST_PRINCIPLES} of {len(found):,}, those asked most often" if left > 0 else "")
    return Table(title, (Column(""), *(Column(name, numbers=True) for name in names)), tuple(rows))


def _last_rate(found: tuple[ByPrinciple, ...]) -> dict[str, str]:
    """The rate that tells most about a principle, by its title; none where there was nothing to count."""
    rates = {"meant wins": "meant_wins", "with verdict": "with_verdict"}
    seen = (name for name, rate in rates.items() if any(getattr(each, rate) is not None for each in found))
    return {name: rates[name] for name in list(seen)[:1]}
