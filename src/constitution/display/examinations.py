"""What an examination looks like: the verdict, what it rests on, and the sets that it was made on."""

from __future__ import annotations

from collections.abc import Iterator

from constitution.display.blocks import Block, Column, Line, Page, Said, Span, Table, Tone, line
from constitution.examination.decision import ENOUGH, percent
from constitution.examination.figures import Figures
from constitution.examination.intervals import Interval
from constitution.examination.record import Examination, PrincipleFigures, SetFigures

TONES: dict[str, Tone] = {"passed": "good", "too few to tell": "warn"}
"""Of a verdict; the others are bad."""
LABELS: tuple[tuple[str, str, str], ...] = (
    ("accuracy", "right", "ties count one half"),
    ("longer_wrong", "right where the longer answer is wrong", ""),
    ("decided", "right of those that are no tie", ""),
    ("prefer_longer", "taking the longer answer", "the same pairs, no judge"),
    ("prefer_shorter", "taking the shorter answer", ""),
    ("always_first", "taking the first answer, asked once", ""),
)
READS: tuple[tuple[str, str, str], ...] = (
    ("flips", "orders disagree", "over 50 %: position-locked"),
    ("flips_to_first", "of these: the first answer wins", ""),
    ("ties", "ties", ""),
    ("unreadable", "unreadable reads", "over 10 %: unreadable"),
    ("label_mass", "label mass, mean", "how likely a label is said at all"),
    ("calibration_error", "calibration error", "how far sureness is from being right"),
)
TWO_READS: tuple[tuple[str, str, str], ...] = (
    ("pairwise", "right side by side", ""),
    ("scoring", "right one answer at a time", ""),
    ("reads_agree", "both reads agree", "where both decide"),
    ("wordings_agree", "both wordings agree", "on one answer"),
)
SHOWN: tuple[tuple[str, str, str], ...] = (
    ("shown", "shown", "its text before a neutral question"),
    ("hidden", "hidden", "nothing before it"),
    ("exchanged", "exchanged", "another principle's text"),
    ("negated", "negated", "its negation"),
)
GAINS: tuple[tuple[str, str, str], ...] = (
    ("shown_hidden", "shown less hidden", ""),
    ("shown_exchanged", "shown less exchanged", ""),
    ("shown_negated", "shown less negated", ""),
)
_COLUMNS = (Column(""), Column("", numbers=True), Column("95 % interval", numbers=True), Column("on", numbers=True))


def examination_page(made: Examination) -> Page:
    """A whole examination."""
    return Page(_head(made), tuple(_parts(made)))


def _head(made: Examination) -> Line:
    return line(Span(made.verdict, TONES.get(made.verdict, "bad")), Span(f"  {made.why}", "strong"))


def _parts(made: Examination) -> Iterator[Block]:
    judge = made.judge
    how = f"{judge.mode}, {judge.read}" + (f", adapter {judge.lora}" if judge.lora else "")
    yield Said("judge", line(judge.name, Span(f"  {how}", "quiet")))
    yield Said("pairs", line(f"{made.figures.pairs:,} read", Span(_asked_for(made), "quiet")))
    if made.unasked:
        why = ", ".join(f"{count:,} {reason}" for reason, count in sorted(made.unasked.items()))
        yield Said("not read", line(Span(why, "warn")))
    figures = made.figures
    yield _figures("how often it is right", LABELS, figures)
    yield _figures("how it reads", READS, figures)
    if figures.scoring is not None:
        yield _figures("two reads", TWO_READS, figures)
    yield from _principle(made)
    yield _sets(made)
    if len(made.principles) > 1:
        yield _by_principle(made)
    for each in made.sets:
        for sentence in each.published:
            yield Said(each.name, line(Span(sentence, "quiet")))


def _asked_for(made: Examination) -> str:
    return f"  {percent(made.at_least)} right were asked for; a judge passes on {ENOUGH} pairs or more"


def _figures(title: str, names: tuple[tuple[str, str, str], ...], figures: Figures) -> Table:
    """Figures with their intervals, and what is to be known about them."""
    rows = [(_named(label, note), *_cells(found)) for name, label, note in names if (found := getattr(figures, name))]
    return Table(title, _COLUMNS, tuple(rows))


def _named(label: str, note: str) -> Line:
    return line(label, Span(f"  {note}" if note else "", "quiet"))


def _cells(found: Interval) -> tuple[Line, Line, Line]:
    return line(percent(found.value)), line(_between(found)), line(f"{found.n:,}")


def _between(found: Interval) -> str:
    return f"{100 * found.low:.1f} to {100 * found.high:.1f}"


def _principle(made: Examination) -> Iterator[Block]:
    """Whether the judge reads the principle: of the pairs made by code, and of the others."""
    for each in made.sets:
        if each.figures.shown is not None:
            yield _figures(f"a principle before a neutral question: {each.name}", SHOWN, each.figures)
            yield _gains(each)


def _gains(each: SetFigures) -> Table:
    """Differences on the same pairs, in points."""
    rows = []
    for name, label, note in GAINS:
        found: Interval | None = getattr(each.figures, name)
        if found is not None:
            value = line(Span(f"{100 * found.value:+.1f}", "bad" if found.low <= 0 else "good"))
            rows.append((_named(label, note), value, line(f"{100 * found.low:+.1f} to {100 * found.high:+.1f}"),
                         line(f"{found.n:,}")))  # fmt: skip
    return Table(f"what it gains from the principle, in points: {each.name}", _COLUMNS, tuple(rows))


def _sets(made: Examination) -> Table:
    columns = (
        Column(""),
        *(Column(name, numbers=True) for name in ("pairs", "asked", "right", "longer", "longer wrong")),
    )
    return Table("by set", columns, tuple(_set(each) for each in made.sets))


def _set(each: SetFigures) -> tuple[Line, ...]:
    left = "".join(f"\n{count:,} left out: {reason}" for reason, count in sorted(each.left_out.items()))
    figures = each.figures
    return (
        line(Span(each.name, "name"), Span(f"  {each.source}" if each.source != each.name else "", "quiet"),
             Span(left, "quiet")),
        line(f"{each.items:,}"), line(f"{each.asked:,}"), line(_short(figures.accuracy)),
        line(_short(figures.prefer_longer)), line(_short(figures.longer_wrong)),
    )  # fmt: skip


def _by_principle(made: Examination) -> Table:
    columns = (
        Column(""),
        *(Column(name, numbers=True) for name in ("right", "95 % interval", "shown", "hidden", "on")),
    )
    return Table("by principle", columns, tuple(_one(each) for each in made.principles))


def _one(each: PrincipleFigures) -> tuple[Line, ...]:
    found = each.accuracy
    return (
        line(Span(each.id, "name"), Span(f"  {each.set}", "quiet")), line(_short(found)),
        line("" if found is None else _between(found)), line(_short(each.shown)), line(_short(each.hidden)),
        line("" if found is None else f"{found.n:,}"),
    )  # fmt: skip


def _short(found: Interval | None) -> str:
    return "-" if found is None else percent(found.value)
