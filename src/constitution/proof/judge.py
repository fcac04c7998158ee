"""The judge: of two answers of which exactly one keeps a principle, by code, which does it prefer, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from constitution.api import examine
from constitution.digest import uniform
from constitution.engine import Engine
from constitution.examination.intervals import calibration
from constitution.principles import Principle
from constitution.proof.asking import Asked
from constitution.proof.figures import Counter, Figure, Row, share_of
from constitution.proof.rows import exported, read_rows, write_rows
from constitution.run.examine import READS
from constitution.steps.filter import same_text

ROWS = "judge.jsonl"
PAIRS = "pairs.jsonl"
QUESTIONS = ("asked", "shown", "hidden", "exchanged", "negated", "scoring")
HALF = 0.5
SEVERAL = 4
"""Of a full proof: principles under which a pair is labelled together."""


def pairs_of(drafts: Sequence[Row], principle: Principle, most: int) -> list[dict[str, Any]]:
    """Pairs of answers to the same question of which exactly one keeps a principle, as a set for an examination."""
    answers: dict[str, list[Row]] = defaultdict(list)
    for row in drafts:
        answers[row["prompt"]].append(row)
    found = []
    for prompt, rows in answers.items():
        better = next((row for row in rows if row["kept"][principle.id]), None)
        worse = next((row for row in rows if not row["kept"][principle.id]), None)
        if better is None or worse is None or same_text(better["text"], worse["text"]):
            continue
        question, texts = better["question"], {"better": better["text"], "worse": worse["text"]}
        found.append({"id": prompt, "prompt": question, **texts, "principle": _told(principle)})
    return found[:most]


def _told(principle: Principle) -> dict[str, str]:
    names = ("id", "text", "preference", "asks", "asks_broken", "negation")
    return {name: value for name in names if (value := getattr(principle, name))}


def judged(
    asked: Asked,
    judge: str | Engine,
    principle: Principle,
    drafts: Sequence[Row],
    folder: Path,
    most: int,
    *,
    full: bool = False,
) -> None:
    """Examine a judge on the pairs of some answers, and write the rows of all principles that were judged so far."""
    pairs = pairs_of(drafts, principle, most)
    here = folder / "judge" / principle.id
    if not pairs:
        asked.say(f"{principle.id}: no two answers to one question of which exactly one keeps it: no judge was asked")
        return
    write_rows(here / PAIRS, pairs)
    asked.say(f"judge: {len(pairs)} pairs of {principle.id}")
    reads = _examined(asked, judge, here, here)
    columns = [_labels(replace(asked.under(principle.id), model=judge), pairs, here, "labels")]
    if full or (here / "thoughts" / READS).exists():
        thoughts = _examined(asked, judge, here, here / "thoughts", mode="think")
        columns.append({row["id"]: {"thoughts": row["asked"]} for row in thoughts})
    if full or (here / "several-rows").exists():
        several = replace(asked.under(*asked.beside(principle.id)[:SEVERAL]), model=judge)
        columns.append(_labels(several, pairs, here, "several"))
    rows = []
    for row in [*reads, *_unasked(pairs, reads)]:
        said = {name: value for column in columns for name, value in column.get(row["id"], {}).items()}
        rows.append({**row, **said, "prompt": row.pop("id"), "principle": principle.id})
    kept = [row for row in read_rows(folder / ROWS) if row["principle"] != principle.id]
    write_rows(folder / ROWS, [*kept, *rows])


def _examined(asked: Asked, judge: str | Engine, here: Path, out: Path, **how: Any) -> list[dict[str, Any]]:
    """What the judge says of the pairs, read by read; asked once."""
    if not (out / READS).exists():
        settings = {"seed": asked.seed, "progress": False, **how}
        examine(judge, str(here / PAIRS), constitution=asked.constitution, out=out, **settings)
    return read_rows(out / READS)


def _unasked(pairs: Sequence[dict[str, Any]], reads: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Pairs that the judge could not be asked about, or that failed, as rows that say nothing."""
    known = {row["id"] for row in reads}
    for pair in pairs:
        if pair["id"] not in known:
            yield {**dict.fromkeys(reads[0]), "id": pair["id"]}


def _labels(asked: Asked, pairs: Sequence[dict[str, Any]], here: Path, name: str) -> dict[str, dict[str, float | None]]:
    """What becomes of the same pairs on the whole way from templates to exported rows: 1 = right, None = no label."""
    rows = []
    for pair in pairs:
        first, second = ("better", "worse") if uniform("side", pair["id"]) < HALF else ("worse", "better")
        rows.append({"id": pair["id"], "prompt": pair["prompt"], "responses": [pair[first], pair[second]]})
    given: dict[str, Any] = {
        "recipe": "ai_feedback",
        "answers": True,
        "judge_principles": 0,
        "examine": 0,
        "anyway": True,
    }
    run = asked.run(rows, here / name, **given)
    found: dict[str, float | None] = dict.fromkeys([pair["id"] for pair in pairs])
    better = {pair["id"]: pair["better"] for pair in pairs}
    for row in exported(run, here / f"{name}-rows"):
        found[row["id"]] = float(row["chosen"][-1]["content"] == better[row["id"]])
    return {id: {name: right, f"{name}_given": float(right is not None)} for id, right in found.items()}


def figures(rows: Sequence[Row], seed: int, file: str) -> list[Figure]:
    """All figures of a judge, by principle."""
    found: list[Figure] = []
    for principle in dict.fromkeys(row["principle"] for row in rows):
        mine = [row for row in rows if row["principle"] == principle]
        found += _figures(Counter("judge", seed, principle, file), mine)
    return found


def _figures(count: Counter, rows: Sequence[Row]) -> Iterator[Figure]:
    for name in QUESTIONS:
        yield from count.share(name, "accuracy", rows, share_of(name))
        yield from count.share(name, "unread", rows, partial(_unread, name))
    for name in ("asked", "scoring"):
        wrong = [row for row in rows if row["longer"] == 0]
        yield from count.share(name, "accuracy_where_longer_is_wrong", wrong, share_of(name))
    for name in ("labels", "several"):
        mine = [row for row in rows if name in row]
        yield from count.share(name, "accuracy", mine, share_of(name))
        yield from count.share(name, "labelled", mine, share_of(f"{name}_given"))
    yield from count.share("take the longer answer", "accuracy", rows, share_of("longer"))
    yield from count.share("asked", "verdict_changes_with_order", rows, share_of("flipped"))
    yield from count.share("asked", "ties", rows, _tie)
    for name, p in (("asked", "p"), ("scoring", "scoring_p")):
        error = calibration([row[p] for row in rows if row[p] is not None])
        yield from count.number(name, "calibration_error", error, "error")
    for name in ("asked", "scoring"):
        coin = [(row[name], HALF) for row in rows if row[name] is not None]
        yield from count.shares_differ(f"{name} - a coin", "accuracy", coin)
    for other in ("hidden", "exchanged", "negated"):
        both = [(row["shown"], row[other]) for row in rows if row["shown"] is not None and row[other] is not None]
        yield from count.shares_differ(f"shown - {other}", "accuracy", both)
    thoughts = [row for row in rows if row.get("thoughts") is not None]
    yield from count.share("thoughts", "accuracy", thoughts, share_of("thoughts"))
    after = [(row["thoughts"], row["asked"]) for row in thoughts if row["asked"] is not None]
    yield from count.shares_differ("thoughts - asked", "accuracy", after)
    yield from _softness(count, rows)
    reads = [(row["asked"], row["scoring"]) for row in rows if row["asked"] is not None and row["scoring"] is not None]
    yield from count.shares_differ("asked - scoring", "accuracy", reads)
    against = [(row["asked"], HALF) for row in rows if row["longer"] == 0 and row["asked"] is not None]
    yield from count.shares_differ("asked - a coin", "accuracy_where_longer_is_wrong", against)


def _softness(count: Counter, rows: Sequence[Row]) -> Iterator[Figure]:
    """How far soft labels (p) and hard ones (the verdict) are from the truth, which is 1 (Brier 1950)."""
    known = [row for row in rows if row["p"] is not None and row["asked"] is not None]
    errors = [{"prompt": row["prompt"], "soft": (1 - row["p"]) ** 2, "hard": (1 - row["asked"]) ** 2} for row in known]
    for name in ("soft", "hard"):
        yield from count.mean(f"{name} labels", "squared_error", errors, share_of(name), "error")
    soft, hard = ([{"prompt": row["prompt"], "error": row[name]} for row in errors] for name in ("soft", "hard"))
    yield from count.change("hard labels - soft labels", "squared_error", soft, hard, share_of("error"), "error")


def _unread(name: str, row: Row) -> float:
    return float(row[name] is None)


def _tie(row: Row) -> float | None:
    return None if row["asked"] is None else float(row["asked"] == HALF)
