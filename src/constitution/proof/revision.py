"""Revision: how many drafts that break a principle a revision mends, and how many that keep it it spoils.

Every cell revises the very same drafts, under one principle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from constitution.api import Run
from constitution.principles import Principle
from constitution.proof.asking import Asked
from constitution.proof.figures import Counter, Figure, Row, share_of
from constitution.proof.rows import measured, read_rows, write_rows
from constitution.records import Trace
from constitution.run.resolve import build_checks

ROWS = "revision.jsonl"
ROUNDS = 2
MOST_ROUNDS = 4
"""Of a full proof."""
CELLS: dict[str, dict[str, Any]] = {"critique": {"critique": True}, "direct": {"critique": False}}
FULL_CELLS: dict[str, dict[str, Any]] = {**CELLS, "verdict first": {"critique": True, "verdict_first": True}}
SEVERAL = (4, 10)
"""Of a full proof: how many principles are drawn from, the one that is measured among them."""
STAGES = ("critique", "revise")
DRAFT = "draft"
LEVELS = ("kept", "on_topic", "kept_on_topic")
AGAIN = "asked again"
"""The other answer to the question of a draft, which saw neither the draft nor the principle: what chance mends."""
MANIFEST = "manifest.json"


def revise(
    asked: Asked, principle: Principle, drafts: Sequence[Row], again: Sequence[Row], folder: Path, *, full: bool
) -> None:
    """Revise drafts in every cell, and write the rows of all principles that were revised so far.

    Args:
        asked: of the whole constitution.
        principle: the only one that is drawn.
        drafts: rows of the base: the first answers, which are revised.
        again: the second answers.
        folder: of the seed.
        full: all cells, and more rounds.
    """
    given = [{"id": row["prompt"], "prompt": row["question"], "response": row["text"]} for row in drafts]
    under = asked.under(principle.id)
    rows = [{"principle": principle.id, "cell": AGAIN, **row} for row in _again(drafts, again, principle)]
    for name, cell in (FULL_CELLS if full else CELLS).items():
        here, rounds = _folder(folder / "revision" / principle.id / name.replace(" ", "-"), full=full)
        run = under.run(given, here, **rounds, **cell)
        rows += [{"principle": principle.id, "cell": name, **row} for row in _rows(run, under, principle)]
    if full:
        rows += _among_others(asked, principle, given, folder)
    new = {(row["principle"], row["cell"]) for row in rows}
    kept = [row for row in read_rows(folder / ROWS) if (row["principle"], row["cell"]) not in new]
    write_rows(folder / ROWS, [*kept, *rows])


def _again(drafts: Sequence[Row], again: Sequence[Row], principle: Principle) -> Iterator[dict[str, Any]]:
    """Drafts as round 0, and the other answers to their questions as if those were a revision."""
    others = {row["prompt"]: row for row in again}
    for draft in drafts:
        for number, row in enumerate([draft, others[draft["prompt"]]] if draft["prompt"] in others else ()):
            kept, on_topic = row["kept"][principle.id], row["on_topic"]
            both = None if on_topic is None else kept and on_topic
            said = {"round": number, "kept": kept, "kept_on_topic": both, "defect": None, "preamble": False}
            yield {**{name: row[name] for name in ("prompt", "question", "text", "on_topic", "words")}, **said}


def _folder(short: Path, *, full: bool) -> tuple[Path, dict[str, Any]]:
    """Where a cell is run, and how: what has few rounds already lends its answers to the run that has more of them."""
    many = short.with_name(f"{short.name}-{MOST_ROUNDS}-rounds")
    if not full and not (many / MANIFEST).exists():
        return short, {"rounds": ROUNDS}
    lent = {"reuse": str(short)} if (short / MANIFEST).exists() else {}
    return many, {"rounds": MOST_ROUNDS, **lent}


def _among_others(
    asked: Asked, principle: Principle, given: Sequence[dict[str, Any]], folder: Path
) -> Iterator[dict[str, Any]]:
    """Rows of drafts that drew the principle among several, in one of their rounds."""
    ids = asked.beside(principle.id)
    for several in dict.fromkeys(min(each, len(ids)) for each in SEVERAL):
        if several < 2:
            continue
        name = f"{several} principles"
        under = asked.under(*ids[:several])
        run = under.run(given, folder / "revision" / principle.id / name.replace(" ", "-"), rounds=MOST_ROUNDS)
        for row in _rows(run, under, principle):
            yield {"principle": principle.id, "cell": name, **row}


def _rows(run: Run, asked: Asked, principle: Principle) -> Iterator[dict[str, Any]]:
    """One row a round of each draft that drew the principle, round 0 the draft itself; and what the whole cell cost."""
    checks = build_checks(asked.constitution.principles, asked.constitution.own_checks)[principle.id]
    for trace in run.traces():
        if not isinstance(trace, Trace) or trace.draft is None or principle.id not in trace.principles:
            continue
        question, text = trace.conversation[-1].content, trace.draft.text
        own = {"prompt": trace.record, "question": question}
        yield {**own, "round": 0, **measured(question, text, checks), "defect": None, "preamble": False}
        for made in trace.rounds:
            revision = made.revision
            if revision is not None and revision.good:
                text = revision.text
            defect = made.unusable if revision is None else revision.defect
            preamble = revision is not None and revision.preamble is not None
            said = {"defect": defect, "preamble": preamble}
            yield {**own, "round": made.number, **measured(question, text, checks), **said}
    tokens = run.summary()["tokens"]
    spent = {name: sum(tokens[stage][name] for stage in STAGES if stage in tokens) for name in ("prompt", "output")}
    yield {"round": None, **spent}


def figures(rows: Sequence[Row], seed: int, file: str) -> list[Figure]:
    """All figures of revision, of every principle."""
    found: list[Figure] = []
    for principle in dict.fromkeys(row["principle"] for row in rows):
        count = Counter("revision", seed, principle, file)
        cells: dict[str, dict[int, dict[str, Row]]] = {}
        for row in rows:
            if row["principle"] == principle and row["round"] is not None:
                cells.setdefault(row["cell"], {}).setdefault(row["round"], {})[row["prompt"]] = row
        for cell, rounds in cells.items():
            found += _cell(count, cell, rounds)
            if cell in FULL_CELLS:
                found += _cost(count, cell, rounds, rows)
        if "critique" in cells and "direct" in cells:
            first, second = cells["direct"].get(1, {}), cells["critique"].get(1, {})
            for measure in LEVELS:
                found += count.change(
                    "critique, round 1 - direct, round 1", measure, first.values(), second.values(), share_of(measure)
                )
            broken = [prompt for prompt, row in cells["direct"][0].items() if not row["kept"]]
            before, after = ([side[prompt] for prompt in broken if prompt in side] for side in (first, second))
            found += count.change("critique, round 1 - direct, round 1", "mended", before, after, share_of("kept"))
        if AGAIN in cells:
            broken = [prompt for prompt, row in cells[AGAIN][0].items() if not row["kept"]]
            for cell in CELLS:
                sides = (cells[AGAIN][1], cells.get(cell, {}).get(1, {}))
                before, after = ([side[prompt] for prompt in broken if prompt in side] for side in sides)
                found += count.change(f"{cell}, round 1 - {AGAIN}", "mended", before, after, share_of("kept"))
    return found


def _cell(count: Counter, cell: str, rounds: dict[int, dict[str, Row]]) -> Iterator[Figure]:
    """Levels and changes, round by round."""
    drafts = rounds[0]
    kept, on_topic = share_of("kept"), share_of("on_topic")
    if cell == "critique":
        for measure in LEVELS:
            yield from count.share(DRAFT, measure, drafts.values(), share_of(measure))
        yield from count.mean(DRAFT, "words", drafts.values(), share_of("words"), "words")
    for number in sorted(rounds)[1:]:
        after, name = rounds[number], AGAIN if cell == AGAIN else f"{cell}, round {number}"
        whole = list(after.values())
        broken = [row for prompt, row in after.items() if not drafts[prompt]["kept"]]
        fine = [row for prompt, row in after.items() if drafts[prompt]["kept"]]
        yield from count.share(name, "kept", whole, kept)
        yield from count.share(name, "mended", broken, kept)
        yield from count.share(name, "spoiled", fine, lambda row: float(not row["kept"]))
        yield from count.share(name, "on_topic", whole, on_topic)
        yield from count.share(name, "kept_on_topic", whole, share_of("kept_on_topic"))
        yield from count.share(name, "mended_on_topic", [row for row in broken if row["kept"]], on_topic)
        yield from count.mean(name, "words", whole, share_of("words"), "words")
        yield from count.share(name, "lost", whole, lambda row: float(row["defect"] is not None))
        yield from count.share(name, "copies", whole, lambda row: float(row["defect"] == "equal"))
        yield from count.share(name, "preambles", whole, share_of("preamble"))
        for measure in LEVELS:
            yield from count.change(f"{name} - {DRAFT}", measure, drafts.values(), whole, share_of(measure))
        if number > 1:
            before = rounds[number - 1].values()
            yield from count.change(f"{name} - round {number - 1}", "kept", before, whole, kept)


def _cost(count: Counter, cell: str, rounds: dict[int, dict[str, Row]], rows: Sequence[Row]) -> Iterator[Figure]:
    """Sampled tokens for each draft that the whole chain mended; the interval is that of the share that it mends."""
    last = rounds[max(rounds)]
    broken = [row for prompt, row in last.items() if not rounds[0][prompt]["kept"]]
    (share,) = count.share("", "", broken, share_of("kept")) or (None,)
    spent = next(
        row["output"]
        for row in rows
        if row["round"] is None and row["cell"] == cell and row["principle"] == count.principle
    )
    if share is None or share.by.value == 0 or not spent:
        return
    each = spent / len(broken)
    by = type(share.by)(each / share.by.value, each / share.by.high, each / max(share.by.low, 1e-9), len(broken))
    yield from count.number(f"{cell}, round {max(rounds)}", "tokens_for_a_mended_draft", by, "tokens")
