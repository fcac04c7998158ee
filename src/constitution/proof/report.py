"""The report of a proof: a page of Markdown, arranged by what is claimed, with plots where they can be drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import TypeAlias

from constitution.proof.claims import Finding
from constitution.proof.figures import Figure, Part
from constitution.proof.plots import PLOTS, draw_plots
from constitution.proof.record import RECORD, Proof
from constitution.proof.rows import read_rows
from constitution.proof.seen import texts
from constitution.proof.words import measure, number
from constitution.store.disk import write_atomically

REPORT = "report.md"
TITLES: dict[Part, str] = {
    "base": "Before anything is asked for", "revision": "Revision", "judge": "The judge", "training": "Training"
}  # fmt: skip
ABOUT: dict[Part, str] = {
    "base": """\
How often the model's answers keep each principle that code can decide. Between 25 and 65 % there is room to see
a change in both directions.""",
    "revision": """\
The same drafts, revised under the principle in each cell. A draft that breaks it is *mended* where the revised
text keeps it; one that keeps it is *spoiled* where the revised text breaks it. `asked again` is no revision but
the model's other answer to the same question: it mends and spoils by chance alone, as a revision would that does
not see its draft or its principle. Hold `mended` and `spoiled` against it.""",
    "judge": """\
Two answers to the same question, of which exactly one keeps the principle, by code. 50 % is a coin; a tie
counts one half. `asked` is the principle's own question, both orders; `scoring` examines each answer alone;
`shown`, `hidden`, `exchanged` and `negated` ask the same neutral question after the principle's text, after
nothing, after another principle's, after its negation. `labels`
are the rows that come out of the same pairs on the whole way from template to export. Pairs that a question got
no readable verdict on (`no verdict`) are left out of its accuracy.""",
    "training": """\
DPO with LoRA (loss sigmoid + SFT) on the same prompts and answers; only the labels differ. `true`: by code.
`flipped`: a quarter turned round. `random`: half. `reversed`: all. (`judged`, of a full proof: the pairs that the
judge labels, which are not the same ones.) Measured on questions about subjects that were not trained on. Answers
that are empty or were cut (`no usable answer`) are left out of what is counted.""",
}
LIMITS = """\
- Code sees form, not sense: a principle that code can decide says that the loop, the labels and the training
  work, and how large their effect is. It says nothing about harm, and no number here is about harm.
- *Cannot tell at this size* is no verdict against a claim: the interval allows both. Another seed tells whether a
  finding comes again, not more of one that cannot be told: a claim holds where it holds in every seed.
- A principle that more than 95 % of drafts keep leaves no room: of it no claim says how often revisions keep it.
- Each claim is told by itself: of forty that are not true, one holds in one seed by chance.
- *Does not hold* of a training says so of these steps at this learning rate, not of DPO."""


Grid: TypeAlias = Mapping[str, Mapping[str, Figure]]
"""Figures by cell and measure."""


def write_report(proof: Proof) -> None:
    """Write the page, and the plots where matplotlib is installed.

    Raises:
        StoreError: the folder cannot be written.
    """
    drawn: Sequence[Part] = draw_plots(proof) if find_spec("matplotlib") else ()
    write_atomically(proof.folder / REPORT, "\n".join(_page(proof, drawn)).encode() + b"\n")


def _page(proof: Proof, drawn: Sequence[Part]) -> Iterator[str]:
    said = proof.settings
    yield f"# What a constitution does to {said['model']}"
    yield ""
    principles = ", ".join(f"`{each}`" for each in dict.fromkeys(figure.principle for figure in proof.figures
                                                                 if figure.key.part != "base"))  # fmt: skip
    yield f"Constitution `{said['constitution']}`, principle {principles}; judge {said['judge']}; seeds " + (
        ", ".join(map(str, proof.seeds)) + "."
    )
    yield "Shares and differences with 95 % intervals, counted by prompt; differences are paired by prompt."
    yield ""
    yield "## The claims"
    yield ""
    yield "| claim | source | measured | |"
    yield "|---|---|---|---|"
    for each in proof.findings:
        measured = "; ".join(_measured(each, named="," in principles))
        yield f"| {each.claim.says} | {each.claim.source} | {measured} | **{each.verdict}** |"
    for part in ("base", "revision", "judge", "training"):
        if proof.of(part):
            yield from _part(proof, part, drawn=part in drawn)
    yield "\n## What this cannot show\n"
    yield LIMITS
    yield f"\nEvery number stands in `{RECORD}` with the file of rows that it is counted from."
    if not drawn:
        yield "\nNo plots were drawn: they need matplotlib, `pip install 'constitution-rlaif[train]'`."


def _measured(found: Finding, *, named: bool) -> Iterator[str]:
    for figure, verdict in zip(found.figures, found.verdicts, strict=True):
        whose = f"{figure.principle}, " if named else ""
        own = "" if verdict == found.verdict else f" ({verdict})"
        yield f"{whose}seed {figure.seed}: {number(figure)}{own}"


def _part(proof: Proof, part: Part, *, drawn: bool) -> Iterator[str]:
    figures = proof.of(part)
    yield f"\n## {TITLES[part]}\n"
    yield ABOUT[part]
    yield ""
    if drawn:
        yield f"![{TITLES[part]}]({PLOTS}/{part}.svg)\n"
    for principle, seed in dict.fromkeys((figure.principle, figure.seed) for figure in figures if part != "base"):
        mine = [figure for figure in figures if (figure.principle, figure.seed) == (principle, seed)]
        yield f"### `{principle}`, seed {seed}\n"
        for rows in (_levels(mine), _differences(mine)):
            yield from _table(rows)
        lines = read_rows(proof.folder / mine[0].rows)
        yield from texts(part, [row for row in lines if row["principle"] == principle])
    if part == "base":
        for seed in dict.fromkeys(figure.seed for figure in figures):
            yield f"### Seed {seed}\n"
            yield from _table({figure.principle: {"kept": figure} for figure in figures if figure.seed == seed})


def _levels(figures: Sequence[Figure]) -> Grid:
    return _grid([figure for figure in figures if " - " not in figure.key.cell])


def _differences(figures: Sequence[Figure]) -> Grid:
    return _grid([figure for figure in figures if " - " in figure.key.cell])


def _grid(figures: Sequence[Figure]) -> Grid:
    rows: dict[str, dict[str, Figure]] = {}
    for figure in figures:
        rows.setdefault(figure.key.cell, {})[figure.key.measure] = figure
    return rows


def _table(rows: Grid) -> Iterator[str]:
    """A row a cell, a column a measure, as many as were measured on."""
    measures = list(dict.fromkeys(name for row in rows.values() for name in row))
    yield f"| | {' | '.join(map(measure, measures))} | n |"
    yield "|---" + "|--:" * (len(measures) + 1) + "|"
    for cell, row in rows.items():
        most = max(figure.by.n for figure in row.values())
        yield f"| {cell} | {' | '.join(number(row[name]) if name in row else '' for name in measures)} | {most:,} |"
    yield ""
