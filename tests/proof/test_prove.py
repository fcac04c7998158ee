"""The proof with scripted models: the verdicts are right, and every number can be counted again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from constitution import Completion, Constitution, EngineDeadError, Principles, Request, ScriptedEngine
from constitution.errors import InputError, SettingsError
from constitution.intervals import Interval
from constitution.proof import claims
from constitution.proof.figures import Key
from constitution.proof.proving import Sizes, prove
from constitution.proof.record import Proof
from constitution.proof.report import REPORT
from constitution.records import PreferencePair
from constitution.steps import label, pair
from tests.proof.models import ID, Manner, Model

pytestmark = pytest.mark.slow
SIZES = Sizes(questions=260, revised=130, judged=110, held_out=60)
ASKED = ("revision", "judge")
RIGHT: dict[Manner, dict[str, str]] = {
    "obeys": {
        "revision-mends": "holds", "revision-mends-the-answer": "holds", "more-than-chance": "holds",
        "direct-mends": "holds", "revision-stays-on-topic": "holds", "judge-tells": "holds",
        "scoring-tells": "holds", "judge-reads": "holds", "judge-reads-this-one": "holds", "judge-turns": "holds",
        "judge-not-length": "holds",
    },
    "ignores": {
        "revision-mends": "does not hold", "revision-mends-the-answer": "does not hold",
        "more-than-chance": "does not hold", "direct-mends": "does not hold", "critique-helps": "does not hold",
        "more-rounds-help": "does not hold", "revision-stays-on-topic": "holds", "judge-reads": "does not hold",
        "judge-reads-this-one": "does not hold",
    },
    "inverts": {
        "revision-mends": "does not hold", "direct-mends": "does not hold", "judge-tells": "does not hold",
        "scoring-tells": "does not hold", "judge-reads": "does not hold", "judge-turns": "does not hold",
        "judge-not-length": "does not hold",
    },
}  # fmt: skip


def quiet(_: str) -> None:
    """Nobody is told."""


def proof(out: Path, engine: ScriptedEngine, **more: Any) -> Proof:
    """A small proof without trainings."""
    return prove(out, **{"model": engine, "only": ASKED, "sizes": SIZES, "say": quiet, **more})


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[Manner, Path]:
    """One proof of each model."""
    found: dict[Manner, Path] = {}
    for manner in RIGHT:
        found[manner] = tmp_path_factory.mktemp(manner) / "proof"
        proof(found[manner], Model(manner).engine())
    return found


@pytest.mark.parametrize("manner", RIGHT)
def test_verdicts_are_right(folders: dict[Manner, Path], manner: Manner) -> None:
    """Of a model that obeys, one that ignores, one that inverts; and none is said to do what it does not."""
    told = claims.told(Proof.open(folders[manner]).findings)
    assert {id: told[id] for id in RIGHT[manner]} == RIGHT[manner]
    if manner == "ignores":
        holding = {id for id, verdict in told.items() if verdict == "holds"}
        # A coin's verdicts are as often wrong as right, and those of a judge that is not sure of them err less.
        assert holding == {"revision-stays-on-topic", "soft-is-nearer"}


def _rows(folder: Path, file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / file).read_text().splitlines()]


def _share(values: list[Any]) -> float:
    found = [float(value) for value in values if value is not None]
    return sum(found) / len(found)


def _mean_by_prompt(rows: list[dict[str, Any]], name: str) -> float:
    prompts: dict[str, list[float]] = {}
    for row in rows:
        if row[name] is not None:
            prompts.setdefault(row["prompt"], []).append(float(row[name]))
    return sum(sum(each) / len(each) for each in prompts.values()) / len(prompts)


def _of_revision(rows: list[dict[str, Any]], cell: str, measure: str) -> float:
    """Counted from the rows in another way than the library does: by filters over a plain list."""
    if " - " in cell:
        first, second = cell.split(" - ")
        if second.startswith(("round", "draft")):
            second = f"{first.split(', ')[0]}, {second.replace('draft', 'round 0')}"
        if measure != "mended":
            return _of_revision(rows, first, measure) - _of_revision(rows, second, measure)
        return _of_revision(rows, first, "mended") - _of_revision(rows, second, "mended")
    name, _, number = cell.partition(", round ")
    name, number = {"draft": ("critique", "0"), "asked again": (cell, "1")}.get(cell, (name, number))
    mine = [row for row in rows if row["cell"] == name and row["round"] == int(number or 0)]
    drafts = {row["prompt"]: row for row in rows if row["cell"] == name and row["round"] == 0}
    broken = [row for row in mine if not drafts[row["prompt"]]["kept"]]
    if measure == "tokens_for_a_mended_draft":
        (spent,) = [row["output"] for row in rows if row["cell"] == name and row["round"] is None]
        return float(spent / sum(row["kept"] for row in broken))
    counts: dict[str, Callable[[], float]] = {
        "kept": lambda: _share([row["kept"] for row in mine]),
        "mended": lambda: _share([row["kept"] for row in broken]),
        "spoiled": lambda: _share([not row["kept"] for row in mine if drafts[row["prompt"]]["kept"]]),
        "on_topic": lambda: _share([row["on_topic"] for row in mine]),
        "kept_on_topic": lambda: _share([row["kept"] and row["on_topic"] for row in mine]),
        "mended_on_topic": lambda: _share([row["on_topic"] for row in broken if row["kept"]]),
        "words": lambda: _share([len(row["text"].split()) for row in mine]),
        "lost": lambda: _share([row["defect"] is not None for row in mine]),
        "copies": lambda: _share([row["defect"] == "equal" for row in mine]),
        "preambles": lambda: _share([row["preamble"] for row in mine]),
    }
    return counts[measure]()


def _of_judge(rows: list[dict[str, Any]], cell: str, measure: str) -> float:
    if measure == "calibration_error":
        bins: dict[int, list[float]] = {}
        for p in (row["p" if cell == "asked" else "scoring_p"] for row in rows):
            bins.setdefault(min(4, int((max(p, 1 - p) - 0.5) * 10)), []).append(max(p, 1 - p) - (p > 0.5))
        return sum(abs(sum(each)) for each in bins.values()) / len(rows)
    if measure.endswith("longer_is_wrong"):
        rows, measure = [row for row in rows if row["longer"] == 0], "accuracy"
    if " - " in cell:
        first, second = cell.split(" - ")
        return _of_judge(rows, first, measure) - (0.5 if second == "a coin" else _of_judge(rows, second, measure))
    if measure == "unread":
        return _share([row[cell] is None for row in rows])
    if measure == "verdict_changes_with_order":
        return _share([row["flipped"] for row in rows])
    if measure == "ties":
        return _share([row["asked"] == 0.5 for row in rows])
    if measure == "labelled":
        return _share([row[cell] is not None for row in rows])
    if measure == "squared_error":
        name = {"soft labels": "p", "hard labels": "asked"}[cell]
        return _share([(1 - row[name]) ** 2 for row in rows])
    return _share([row["longer" if cell.startswith("take") else cell] for row in rows])


@pytest.mark.parametrize("manner", ["obeys", "inverts"])
def test_every_number_can_be_counted_again(folders: dict[Manner, Path], manner: Manner) -> None:
    """From the rows that it names, by other code than that which counted it; its interval lies around it."""
    found = Proof.open(folders[manner])
    kinds = set()
    for figure in found.figures:
        rows = _rows(found.folder, figure.rows)
        key = figure.key
        if key.part == "base":
            value = _mean_by_prompt([{**row, "kept": row["kept"][figure.principle]} for row in rows], "kept")
        else:
            rows = [row for row in rows if row["principle"] == figure.principle]
            value = {"revision": _of_revision, "judge": _of_judge}[key.part](rows, key.cell, key.measure)
        assert figure.by.value == pytest.approx(value, abs=1e-9), key
        assert figure.by.low <= figure.by.value <= figure.by.high
        kinds.add((key.part, key.measure))
    assert len(kinds) >= 16


def test_every_number_of_the_report_stands_in_the_record(folders: dict[Manner, Path]) -> None:
    """What a person reads is what a program reads."""
    found = Proof.open(folders["obeys"])
    page = (found.folder / REPORT).read_text()
    for each in found.findings:
        assert each.claim.says in page
        for figure in each.figures:
            by = figure.by
            if figure.unit == "points":
                assert f"{100 * by.value:+.0f} points ({100 * by.low:+.0f} to {100 * by.high:+.0f})" in page
            else:
                assert f"{by.value:+.2f} ({by.low:+.2f} to {by.high:+.2f})" in page
    assert Proof.counted(found.folder, found.settings).figures == found.figures


def test_no_number_is_about_harm(folders: dict[Manner, Path]) -> None:
    """A judge that fails here, and one that passes: neither gives a number about harm."""
    for folder in folders.values():
        for figure in Proof.open(folder).figures:
            told = f"{figure.key.cell} {figure.key.measure}"
            assert not any(word in told for word in ("harm", "refus", "safe", "toxic"))


def test_the_same_call_asks_nothing_again_and_seeds_are_added(tmp_path: Path) -> None:
    """A finished proof is counted anew from its rows; another seed stands beside it, with its own answers."""
    sizes = Sizes(questions=60, revised=20, judged=10)
    first = Model("obeys").engine()
    found = proof(tmp_path, first, sizes=sizes)
    again = Model("obeys").engine()
    assert proof(tmp_path, again, sizes=sizes).figures == found.figures
    assert again.requests == 0
    both = proof(tmp_path, again, sizes=sizes, seed=3)
    assert both.seeds == (0, 3)
    assert [figure for figure in both.figures if figure.seed == 0] == list(found.figures)
    texts = [{row["text"] for row in _rows(tmp_path, f"seed-{seed}/base.jsonl")} for seed in (0, 3)]
    assert not texts[0] & texts[1]


def test_a_full_proof_has_every_cell(tmp_path: Path) -> None:
    """More rounds, verdicts first, several principles, thoughts, labels under several principles; all counted right."""
    sizes = Sizes(questions=60, revised=20, judged=15)
    found = proof(tmp_path, Model("obeys").engine(), sizes=sizes, full=True, principles=(ID,))
    cells = {figure.key.cell for figure in found.figures}
    assert {"critique, round 4", "direct, round 4", "verdict first, round 4", "4 principles, round 4",
            "10 principles, round 4", "thoughts", "several", "thoughts - asked"} <= cells  # fmt: skip
    for figure in found.figures:
        if figure.key.part in ("revision", "judge"):
            rows = [row for row in _rows(found.folder, figure.rows) if row["principle"] == figure.principle]
            count = {"revision": _of_revision, "judge": _of_judge}[figure.key.part]
            value = count(rows, figure.key.cell, figure.key.measure)
            assert figure.by.value == pytest.approx(value, abs=1e-9), figure.key


def test_a_part_at_a_time_is_the_whole(tmp_path: Path) -> None:
    """Parts that are asked for one after the other give the figures of both at once."""
    sizes = Sizes(questions=60, revised=20, judged=10)
    for part in ASKED:
        apart = proof(tmp_path / "apart", Model("obeys").engine(), sizes=sizes, only=(part,))
    whole = proof(tmp_path / "whole", Model("obeys").engine(), sizes=sizes)
    assert set(apart.figures) == set(whole.figures)


def test_a_dead_engine_costs_nothing_that_was_answered(tmp_path: Path) -> None:
    """The engine dies again and again; the same call goes on, and the figures are those of an undisturbed proof."""
    sizes = Sizes(questions=60, revised=20, judged=10)

    def dying(limit: int) -> ScriptedEngine:
        left = iter(range(limit))
        return ScriptedEngine(
            Model("obeys"), model="obeys", fault=lambda _: EngineDeadError("gone") if next(left, None) is None else None
        )

    deaths = 0
    while True:
        try:
            found = proof(tmp_path / "dying", dying(150), sizes=sizes)
        except EngineDeadError:
            deaths += 1
            assert deaths < 20
        else:
            break
    assert deaths >= 2
    whole = Model("obeys").engine()
    assert set(proof(tmp_path / "whole", whole, sizes=sizes).figures) == set(found.figures)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"principles": ("kindness",)}, "kindness: code can decide speak-to-the-reader"),
        ({"only": ("judgement",)}, "expected some of revision, judge, training"),
        ({"constitution": "balanced"}, "has no principle with `check`"),
        ({"only": ("training",)}, "has no weights to train here: leave training out"),
    ],
)
def test_what_cannot_be_proven_is_refused_before_anything_is_asked(
    tmp_path: Path, more: dict[str, Any], message: str
) -> None:
    """Nothing was paid for."""
    engine = Model("obeys").engine()
    with pytest.raises(SettingsError, match=message):
        proof(tmp_path, engine, **more)
    assert engine.requests == 0


def test_a_folder_is_one_proof(tmp_path: Path) -> None:
    """Other sizes, principles or models are refused, and what would have to be named otherwise is said."""
    sizes = Sizes(questions=60, revised=5, judged=5)
    proof(tmp_path, Model("obeys").engine(), sizes=sizes)
    with pytest.raises(SettingsError, match="holds a proof with sizes"):
        proof(tmp_path, Model("obeys").engine())
    with pytest.raises(SettingsError, match=f"holds a proof of {ID}, not of sixty-words"):
        proof(tmp_path, Model("obeys").engine(), sizes=sizes, principles=("sixty-words",))


def test_a_full_proof_names_no_principle_for_later(tmp_path: Path) -> None:
    """All principles, then another seed by default: it picks the one that can show most."""
    sizes = Sizes(questions=24, revised=3, judged=3)
    fewer = Constitution(Principles("own", "1", Constitution.load("verifiable").principles.principles[:2]))
    proof(tmp_path, Model("obeys").engine(), constitution=fewer, sizes=sizes, full=True, only=("revision",))
    both = proof(tmp_path, Model("obeys").engine(), constitution=fewer, sizes=sizes, seed=1, only=("revision",))
    assert [len({each.principle for each in both.of("revision") if each.seed == seed}) for seed in (0, 1)] == [2, 1]


def test_a_model_that_keeps_everything_shows_nothing(tmp_path: Path) -> None:
    """No principle is picked where none has room, and all rates are told."""
    with pytest.raises(InputError, match=r"no principle is kept in 25 to 65 % .*speak-to-the-reader 100 %"):
        proof(tmp_path, ScriptedEngine(Model("obeys", base=1.0)), sizes=Sizes(questions=12))


def test_a_proof_needs_a_check_of_every_principle(tmp_path: Path) -> None:
    """A constitution of one's own works as well as a shipped one; only principles that code can decide are taken."""
    own = Constitution.load("verifiable").principles
    fewer = Constitution(Principles("own", "1", own.principles[:1]))
    found = proof(tmp_path, Model("obeys").engine(), constitution=fewer, sizes=Sizes(questions=40, revised=5, judged=5))
    assert {figure.principle for figure in found.figures} == {ID}


def _swapped(made: tuple[Any, ...], which: Callable[[PreferencePair], bool]) -> tuple[Any, ...]:
    return tuple(
        replace(each, chosen=each.rejected, rejected=each.chosen)
        if isinstance(each, PreferencePair) and which(each)
        else each
        for each in made
    )


BUGS: dict[str, Callable[[PreferencePair], bool]] = {
    "chosen is always the first answer": lambda pair: pair.rounds[1] != 0,
    "never turned back from canonical order": lambda pair: pair.chosen < pair.rejected,
    "chosen is the longer one where the judge is unsure": lambda pair: len(pair.chosen) < len(pair.rejected),
    "a random pair is the label": lambda pair: hash_of(pair) % 2 == 0,
    "chosen and rejected are exchanged": lambda _: True,
}


def hash_of(pair: PreferencePair) -> int:
    """A coin."""
    return sum(map(ord, pair.record + pair.chosen))


@pytest.fixture
def planted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A label bug of published code, put into the way from verdicts to rows."""
    ours = label.labelled_pairs

    def wrong(trace: Any, labelling: Any) -> tuple[Any, ...]:
        return _swapped(ours(trace, labelling), BUGS[request.param])

    monkeypatch.setattr(pair, "labelled_pairs", wrong)
    return str(request.param)


def _accuracy(found: Proof, cell: str) -> Interval:
    (one,) = (each for each in found.figures if each.key == Key("judge", cell, "accuracy"))
    return one.by


@pytest.mark.parametrize("planted", BUGS, indirect=True)
def test_label_bugs_show_as_a_fall(planted: str, folders: dict[Manner, Path], tmp_path: Path) -> None:
    """With each the labels are right less often than the judge, by more than the interval; without, as often."""
    whole = Proof.open(folders["obeys"])
    theirs = _accuracy(proof(tmp_path, Model("obeys").engine(), sizes=SIZES, only=("judge",)), "labels")
    ours, asked = _accuracy(whole, "labels"), _accuracy(whole, "asked")
    assert ours.value == pytest.approx(asked.value)
    assert theirs.high < ours.low, planted


def test_texts_of_a_report_are_no_markup(tmp_path: Path) -> None:
    """What a model says is shown as it is, and ends no cell, part or page."""

    def said(request: Request) -> str | Completion:
        text = Model("obeys")(request)
        return text if isinstance(text, Completion) else f"{text} | </details> <script> **loud** `code`"

    proof(tmp_path, ScriptedEngine(said), sizes=Sizes(questions=24, revised=10, judged=2), only=("revision",))
    page = (tmp_path / REPORT).read_text()
    assert "Some of the texts" in page
    assert "<script>" not in page
    assert "**loud**" not in page
    assert page.count("<details>") == page.count("</details>") == 1
    rows = [line for line in page.splitlines() if "On the matter" in line]
    assert rows
    assert all(line.replace("\\|", "").count("|") == 5 for line in rows)
