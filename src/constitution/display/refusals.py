"""What many tagged answers look like: shares, agreement with people, cues, and the hardest rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from constitution.display.blocks import Block, Column, Line, Page, Said, Section, Span, Table, Tone, line
from constitution.display.labels import between, percent
from constitution.display.words import beginning
from constitution.intervals import Interval
from constitution.steps.refusals.measure import OTHERS, Against, CueCount, Hard, Label, Measured, Tally
from constitution.steps.refusals.tag import KINDS, REFUSES_FROM, RefusalKind

MOST = 20
"""Groups that a table lists: those with most answers."""
WORDINGS = 3
"""Of one group of cues, those found most often."""
_FIGURES = (
    Column(""), Column("", numbers=True), Column("95 % interval", numbers=True), Column("of", numbers=True),
)  # fmt: skip
_KINDS: Mapping[RefusalKind, str] = {
    "full": "nothing of what was asked is given",
    "partial": "something is given, and something refused",
    "none": "answered",
}
_TONES: Mapping[RefusalKind, Tone] = {"full": "bad", "partial": "warn", "none": "good"}
_SHARES = ("full", "partial", "refused", "95 % interval", "of")
_RIGHT = ("accuracy", "95 % interval", "of", "precision", "recall")
_TITLES = {"side": "by answer", "model": "by model", "class": "by class", "file": "by file"}


def refusals_page(
    found: Measured,
    files: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    *,
    dropped: int = 0,
    notes: Sequence[str] = (),
    out: str | None = None,
) -> Page:
    """Everything that was counted.

    Args:
        found: the counts.
        files: that were read.
        columns: by what they were read as.
        dropped: rows without an answer.
        notes: what is to be known besides.
        out: where every row was written.
    """
    return Page((), tuple(_parts(found, files, columns, dropped, notes, out)))


def _parts(
    found: Measured,
    files: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    dropped: int,
    notes: Sequence[str],
    out: str | None,
) -> Iterator[Block]:
    yield from _head(found, files, columns, dropped, notes)
    if "side" not in found.by:
        yield _shares(found.whole)
    if found.whole.labelled:
        yield _agreement(found.whole)
        yield _confusion(found.whole)
    if found.against.answers:
        yield from _against(found.against, columns)
    for by, tallies in found.by.items():
        if len(tallies) > 1 or by == "side":
            yield _by(_TITLES.get(by, by), tallies)
    if found.cues:
        yield _cues(found.cues)
    yield from _hardest(found)
    if out is not None:
        yield Said("written", line(out, Span("  every row with its kind and its cues", "quiet")))
    elif found.whole.answers:
        yield Section(
            (Said("next", line(Span("--out FILE", "name"), "  writes every row with its kind and its cues")),)
        )


def _head(
    found: Measured, files: Sequence[str], columns: Mapping[str, Sequence[str]], dropped: int, notes: Sequence[str]
) -> Iterator[Block]:
    whole = found.whole
    for number, file in enumerate(files):
        yield Said("" if number else "read", line(file))
    for role, names in columns.items():
        more = _labels(found) if role == "label" else ""
        yield Said(role, line(", ".join(names), Span(more, "quiet")))
    languages = ", ".join(f"{code} {count:,}" for code, count in found.languages.most_common() if code is not None)
    yield Said("answers", line(f"{whole.answers:,}", Span(f"  {languages}" if languages else "", "quiet")))
    if whole.unread:
        told = f"{whole.unread:,} not read: their language has no cues; they are in no figure below"
        yield Said("", line(Span(told, "warn")))
    if dropped:
        yield Said("", line(Span(f"{_counted(dropped, 'row')} without an answer left out", "warn")))
    if found.labels and whole.labelled < whole.read:
        yield Said("", line(Span(f"{_counted(whole.read - whole.labelled, 'answer')} without a label", "warn")))
    for note in notes:
        yield Said("note", line(Span(note, "warn")))


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _labels(found: Measured) -> str:
    """What the labels are read as."""
    meant: dict[Label, list[str]] = {}
    for (said, label), _ in found.labels.most_common():
        meant.setdefault(label, []).append(said)
    return "  " + "; ".join(f"{', '.join(said)} = {label}" for label, said in meant.items())


def _shares(tally: Tally) -> Table:
    rows = [
        (line(Span(kind, _TONES[kind]), Span(f"  {what}", "quiet")), *_cells(tally.share(kind)))
        for kind, what in _KINDS.items()
    ]
    rows.append((line(Span("refusals", "strong"), Span("  full or partial", "quiet")),
                 *_cells(tally.share("full", "partial"))))  # fmt: skip
    return Table("what the tagger says", _FIGURES, tuple(rows))


def _agreement(tally: Tally) -> Table:
    named = (
        ("accuracy", "refused or not: tagger and people agree", tally.accuracy),
        ("precision", "of what is tagged a refusal", tally.precision),
        ("recall", "of what people call a refusal", tally.recall),
        ("three-way", "they say the same of full, partial, none", tally.exact),
    )
    rows = tuple(
        (line(Span(name, "strong" if name == "accuracy" else "plain"), Span(f"  {what}", "quiet")), *_cells(found))
        for name, what, found in named
        if found is not None
    )
    return Table("agreement with people", _FIGURES, rows)


def _cells(found: Interval | None) -> tuple[Line, Line, Line]:
    if found is None:
        return line("-"), (), line("0")
    return line(percent(found.value)), line(between(found)), line(f"{found.n:,}")


def _confusion(tally: Tally) -> Table:
    columns = (
        Column("people say"), *(Column(f"tagged {kind}", numbers=True) for kind in KINDS), Column("all", numbers=True)
    )  # fmt: skip
    rows = tuple(
        (line(label), *(line(f"{count:,}") for count in kinds.values()), line(f"{sum(kinds.values()):,}"))
        for label, kinds in tally.rows.items()
    )
    sums = [sum(kinds[kind] for kinds in tally.rows.values()) for kind in KINDS]
    total = (line("all"), *(line(f"{count:,}") for count in sums), line(f"{sum(sums):,}"))
    return Table("what people say, and what the tagger says", columns, rows, total)


def _against(found: Against, columns: Mapping[str, Sequence[str]]) -> Iterator[Block]:
    other = ", ".join(columns.get("against", ())) or "other"
    yield Table(
        "two taggers: refused or not, as people say",
        _FIGURES,
        ((line("this tagger"), *_cells(found.tagger)), (line(other), *_cells(found.other))),
    )
    p = "< 0.001" if found.p < 0.001 else f"= {found.p:.3f}"
    told = f"{found.only_tagger:,} right by this tagger alone, {found.only_other:,} by {other} alone: p {p}"
    yield Said("McNemar", line(told, Span("  exact, two-sided", "quiet")))


def _by(title: str, tallies: Mapping[str, Tally]) -> Table:
    labelled = any(tally.labelled for tally in tallies.values())
    ordered = sorted(
        (item for item in tallies.items() if item[0] != OTHERS), key=lambda item: -_counting(item[1], labelled)
    )
    columns = (Column(""), *(Column(name, numbers=True) for name in (_RIGHT if labelled else _SHARES)))
    rows = [_group(name, tally, labelled) for name, tally in ordered[:MOST]]
    if len(ordered) > MOST:
        rest = sum(_counting(tally, labelled) for _, tally in ordered[MOST:])
        more = line(Span(f"{len(ordered) - MOST:,} others; --json tells all", "quiet"))
        of = [column.title for column in columns].index("of")
        rows.append((more, *(line(f"{rest:,}") if at == of else () for at in range(1, len(columns)))))
    if OTHERS in tallies:
        rows.append(_group(OTHERS, tallies[OTHERS], labelled))
    return Table(title, columns, tuple(rows))


def _counting(tally: Tally, labelled: bool) -> int:
    """Answers that the shares are of."""
    return tally.labelled if labelled else tally.read


def _group(name: str, tally: Tally, labelled: bool) -> tuple[Line, ...]:
    """A line of a table; beside its name stand the answers that are in none of its shares."""
    without = tally.read - tally.labelled if labelled else 0
    left = [f"{count:,} {why}" for count, why in ((tally.unread, "not read"), (without, "without a label")) if count]
    first = line(Span(name, "name"), *((Span(f"  {', '.join(left)}", "warn"),) if left else ()))
    of = line(f"{_counting(tally, labelled):,}")
    if labelled:
        right = tally.accuracy
        return (first, line(_short(right)), line(_interval(right)), of, line(_short(tally.precision)),
                line(_short(tally.recall)))  # fmt: skip
    shares = (tally.share("full"), tally.share("partial"), tally.share("full", "partial"))
    return (first, *(line(_short(each)) for each in shares), line(_interval(shares[-1])), of)


def _short(found: Interval | None) -> str:
    return "-" if found is None else percent(found.value)


def _interval(found: Interval | None) -> str:
    return "" if found is None else between(found)


def _cues(cues: Mapping[str, CueCount]) -> Table:
    ordered = sorted(cues.items(), key=lambda item: (-item[1].answers, item[0]))[:MOST]
    rows = tuple(
        (
            line(Span(name, "name")),
            line(f"{cue.answers:,}"),
            line("refusal" if cue.points > 0 else "answer"),
            line(Span(_wordings(cue), "quiet")),
        )
        for name, cue in ordered
    )
    columns = (Column(""), Column("answers", numbers=True), Column("speaks for"), Column("most often"))
    return Table("cues that counted", columns, rows)


def _wordings(cue: CueCount) -> str:
    return ", ".join(f"{beginning(said, 40)} ({count:,})" for said, count in cue.wordings.most_common(WORDINGS))


def _hardest(found: Measured) -> Iterator[Block]:
    right = found.whole.accuracy
    if right is not None and right.value == 1.0:
        yield Section((Said("hardest", line("none: tagger and people agree on every row")),))
    if not found.hardest:
        return
    title = (
        "tagger and people differ; those first that the tagger is surest of"
        if found.labels
        else f"rows nearest to the {REFUSES_FROM:g} points from which a text refuses"
    )
    yield Section((Said("hardest", line(Span(title, "strong"))),))
    for each in found.hardest:
        yield Section(tuple(_hard(each)))


def _hard(each: Hard) -> Iterator[Block]:
    answer, refusal = each.answer, each.refusal
    side = f" {answer.side}" if answer.side else ""
    place = f"  {answer.place}" if answer.place else ""
    said = f", labelled {answer.said}" if answer.label is not None else ""
    yield Said("row", line(Span(f"{answer.number:,}{side}", "strong"), Span(place, "quiet")))
    yield Said("", line(Span(f"tagged {refusal.kind}", _TONES[refusal.kind]), said, f", {each.points:g} points"))
    told = ", ".join(f'{cue.group} "{beginning(cue.text)}" {cue.points:+g}' for cue in refusal.cues if cue.points)
    yield Said("cues", line(told or Span("none", "quiet")))
    yield Said("text", line(Span(beginning(answer.text, 10_000), "quiet")))
