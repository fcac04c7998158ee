"""What an examination looks like: the verdict, what it rests on, and the sets that it was made on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from constitution.display.blocks import Block, Column, Fold, Line, Page, Said, Section, Span, Table, Tone, line
from constitution.examination.decision import ENOUGH, percent
from constitution.examination.figures import Figures
from constitution.examination.record import Examination, PrincipleFigures, SetFigures
from constitution.intervals import Interval

TONES: dict[str, Tone] = {"passed": "good", "too few to tell": "warn"}
"""Of a verdict; the others are bad."""
LABELS: tuple[tuple[str, str, str], ...] = (
    ("accuracy", "right", "ties count one half"),
    ("longer_wrong", "right where the longer one is wrong", ""),
    ("decided", "right of those that are no tie", ""),
    ("prefer_longer", "taking the longer answer", ""),
    ("prefer_shorter", "taking the shorter answer", ""),
    ("always_first", "taking the first answer", ""),
)
READS: tuple[tuple[str, str, str], ...] = (
    ("flips", "orders disagree", "at most 50 %"),
    ("flips_to_first", "  the first answer wins then", ""),
    ("ties", "ties", ""),
    ("unreadable", "unreadable reads", "at most 10 %"),
    ("label_mass", "label mass", "how likely a label is"),
    ("calibration_error", "calibration error", "sureness less right"),
)
TWO_READS: tuple[tuple[str, str, str], ...] = (
    ("pairwise", "right side by side", ""),
    ("scoring", "right one answer at a time", ""),
    ("reads_agree", "both reads agree", "where both decide"),
    ("wordings_agree", "both wordings agree", ""),
)
SHOWN: tuple[tuple[str, str, str, str | None], ...] = (
    ("shown", "shown", "", None),
    ("hidden", "hidden", "", "shown_hidden"),
    ("exchanged", "exchanged", "", "shown_exchanged"),
    ("negated", "negated", "", "shown_negated"),
)
FEW = 10
"""Pairs of most principles below which a terminal shows none by itself."""
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
    yield from (_shown(each) for each in made.sets if each.figures.shown is not None)
    yield _sets(made)
    for each in made.sets:
        yield from _by_principle(each.name, [one for one in made.principles if one.set == each.name])
    for each in made.sets:
        for sentence in each.published:
            yield Said(each.name, line(Span(sentence, "quiet")))
    if not made.passed:
        yield Section((Said("next", line(Span(_next(made), "name"))),))


def _next(made: Examination) -> str:
    """What a user tries next with a judge that did not pass."""
    if made.verdict == "too few to tell":
        if any(each.asked < each.items for each in made.sets):
            return "constitution examine with a higher --limit, or without one: few pairs tell little"
        return "constitution examine with more pairs: --on NAME or --on FILE, several times; few pairs tell little"
    ways = ["another --judge"]
    if made.judge.read == "scoring":
        ways.append("--read pairwise")
    elif made.judge.mode == "direct":
        ways.append("--mode text" if made.verdict == "unreadable" else "--mode think")
    if made.verdict == "position-locked" and made.judge.read != "scoring":
        ways.append("--read scoring, which knows no order")
    if made.verdict == "too weak":
        ways.append("a lower --at-least")
    return f"constitution examine with {', or '.join(ways)}; to label with this judge, --anyway: every card will say so"


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


def _shown(each: SetFigures) -> Table:
    """Whether the judge reads the principle, and how much it gains from it on the same pairs."""
    columns = (
        *_COLUMNS[:3], Column("shown less it", numbers=True), Column("on", numbers=True)
    )  # fmt: skip
    rows = []
    for name, label, note, gain in SHOWN:
        found: Interval | None = getattr(each.figures, name)
        if found is not None:
            value, between, on = _cells(found)
            less = () if gain is None else _gain(getattr(each.figures, gain))
            rows.append((_named(label, note), value, between, less, on))
    return Table(
        f"{each.name}: a neutral question after the principle, nothing, another one, its negation", columns, tuple(rows)
    )


def _gain(found: Interval | None) -> Line:
    if found is None:
        return ()
    told = f"{100 * found.value:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    return line(Span(told, "bad" if found.low <= 0 else "good"))


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


def _by_principle(set: str, found: Sequence[PrincipleFigures]) -> Iterator[Block]:
    """Each principle of a set; folded away where each has but a few pairs."""
    if len(found) < 2:
        return
    columns = (
        Column(""),
        *(Column(name, numbers=True) for name in ("right", "95 % interval", "shown", "hidden", "on")),
    )
    made = Table(f"by principle: {set}", columns, tuple(_one(each) for each in found))
    enough = [each for each in found if each.accuracy is not None and each.accuracy.n >= FEW]
    few = 2 * len(enough) < len(found)
    yield Fold(f"by principle: {set}", (made,)) if few else made


def _one(each: PrincipleFigures) -> tuple[Line, ...]:
    found = each.accuracy
    return (
        line(Span(each.id, "name")), line(_short(found)),
        line("" if found is None else _between(found)), line(_short(each.shown)), line(_short(each.hidden)),
        line("" if found is None else f"{found.n:,}"),
    )  # fmt: skip


def _short(found: Interval | None) -> str:
    return "-" if found is None else percent(found.value)
