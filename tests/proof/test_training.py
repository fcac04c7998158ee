"""The arms of the proof: only labels differ, and a model that learns what it is told ends in their order.

The learner is scripted: it keeps the principle as often as the chosen texts of its rows do. What TRL makes of the same
rows is measured by `make prove`, and told with its date in `docs/proof.md`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from constitution import Constitution, Principles, ScriptedEngine
from constitution.proof import claims
from constitution.proof.proving import Sizes, prove
from constitution.proof.record import Proof
from constitution.proof.trainer import Steps
from constitution.proof.training import ARMS, Trained
from constitution.records import PreferencePair
from constitution.steps import label, pair
from tests.proof.models import ID, Model

pytestmark = pytest.mark.slow
SIZES = Sizes(questions=240, held_out=120)
SHORT = Constitution.load("verifiable").principles["sixty-words"]
SAID = {"labels-teach", "noise-costs", "noise-still-teaches", "reversed-unteaches"}


class Learner:
    """Is given rows in place of TRL; keeps what it was given by the folder of the model."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.served: list[str] = []

    def train(self, _: str, rows: Any, out: Path, steps: Steps) -> Path:
        """Learn how often chosen texts keep the principle."""
        self.rows[out.name] = [dict(row) for row in rows]
        out.mkdir(parents=True, exist_ok=True)
        log = [{"loss": 0.5, "logps/chosen": -40.0 + step} for step in range(steps.steps)]
        (out / "training.json").write_text(json.dumps({"log": log}))
        return out

    def serve(self, folder: Path) -> ScriptedEngine:
        """A model that does as its rows said."""
        chosen = [row["chosen"][-1]["content"] for row in self.rows[folder.name]]
        self.served.append(folder.name)
        return ScriptedEngine(
            Model("obeys", base=sum("your" in text for text in chosen) / len(chosen)), model=folder.name
        )

    def proof(self, out: Path, model: Model | None = None) -> Proof:
        """A proof of trainings alone."""
        how = Trained("-", Steps(5), SIZES.questions, SIZES.held_out, self.train, self.serve)
        engine = (model or Model("obeys")).engine()
        return prove(out, model=engine, only=("training",), sizes=SIZES, trained=how, say=lambda _: None)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Learner, Proof]:
    """One proof, and what was learned in it."""
    learner = Learner()
    return learner, learner.proof(tmp_path_factory.mktemp("training"))


def test_arms_hold_the_same_rows_but_for_their_labels(learned: tuple[Learner, Proof]) -> None:
    """The same prompts and pairs of answers; what one arm has turned, every worse arm has turned too."""
    learner, _ = learned
    turned: set[str] = set()
    sizes = {}
    for arm, share in ARMS.items():
        rows = learner.rows[arm]
        texts = {row["id"]: frozenset((row["chosen"][-1]["content"], row["rejected"][-1]["content"])) for row in rows}
        assert texts == {row["id"]: frozenset((row["chosen"][-1]["content"], row["rejected"][-1]["content"]))
                         for row in learner.rows["true"]}  # fmt: skip
        now = {row["id"] for row in rows if "your" not in row["chosen"][-1]["content"]}
        assert turned <= now
        turned, sizes[arm] = now, len(now) / len(rows)
        assert sizes[arm] == pytest.approx(share, abs=0.5 / len(rows) + 1e-9)
    assert (sizes["true"], sizes["reversed"]) == (0, 1)


def test_claims_of_a_model_that_learns_its_labels(learned: tuple[Learner, Proof]) -> None:
    """Right labels teach, a quarter of noise costs, random ones teach nothing, reversed ones the opposite."""
    _, found = learned
    told = claims.told(found.findings)
    assert {id: told[id] for id in SAID} == dict.fromkeys(SAID, "holds")
    kept = {each.key.cell: each.by.value for each in found.of("training") if each.key.measure == "kept"}
    assert kept["true"] > kept["flipped"] > kept["random"] > kept["reversed"]
    assert kept["reversed"] < kept["before"] < kept["true"]


def test_figures_can_be_counted_again(learned: tuple[Learner, Proof]) -> None:
    """By prompt, from the rows that they name: levels, and differences as those of levels."""
    _, found = learned
    rows = [json.loads(line) for line in (found.folder / "seed-0" / "training.jsonl").read_text().splitlines()]

    def level(arm: str, measure: str) -> float:
        prompts: dict[str, list[float]] = {}
        for row in rows:
            if row["arm"] == arm and row["prompt"] is not None:
                value = row["text"] is None if measure == "unusable" else row[measure]
                prompts.setdefault(row["prompt"], []).append(float(value))
        return sum(sum(each) / len(each) for each in prompts.values()) / len(prompts)

    assert len(found.of("training")) > 30
    for figure in found.of("training"):
        first, _, second = figure.key.cell.partition(" - ")
        first = first.partition(",")[0]
        if figure.key.measure == "chosen_log_probability":
            (own,) = [row for row in rows if row["arm"] == first and row["prompt"] is None]
            value = own["chosen_log_probability"][1 if "last" in figure.key.cell else 0]
        else:
            value = level(first, figure.key.measure) - (level(second, figure.key.measure) if second else 0)
        assert figure.by.value == pytest.approx(value), figure.key


def test_the_same_call_measures_nothing_again(learned: tuple[Learner, Proof]) -> None:
    """Answers that were given are taken; the figures are the same."""
    learner, found = learned
    before = len(learner.rows["true"])
    model = Model("obeys")
    again = learner.proof(found.folder, model)
    assert again.figures == found.figures
    assert len(learner.rows["true"]) == before


BUGS: dict[str, Callable[[PreferencePair], bool]] = {
    "chosen is always the first answer": lambda pair: pair.rounds[1] != 0,
    "never turned back from canonical order": lambda pair: pair.chosen < pair.rejected,
    "chosen and rejected are exchanged": lambda _: True,
}


@pytest.mark.parametrize("bug", BUGS)
def test_label_bugs_show_in_the_arms(bug: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a bug of published code on the way from verdicts to rows, right labels no longer teach."""
    ours = label.labelled_pairs

    def wrong(trace: Any, labelling: Any) -> tuple[Any, ...]:
        return tuple(
            replace(each, chosen=each.rejected, rejected=each.chosen)
            if isinstance(each, PreferencePair) and BUGS[bug](each) else each
            for each in ours(trace, labelling)
        )  # fmt: skip

    monkeypatch.setattr(pair, "labelled_pairs", wrong)
    told = claims.told(Learner().proof(tmp_path).findings)
    assert told["labels-teach"] != "holds"


def test_a_principle_without_pairs_costs_the_others_nothing(tmp_path: Path) -> None:
    """All answers are short: of that principle no model is trained, and it is told; the other one is proven."""
    learner, said = Learner(), list[str]()
    sizes = Sizes(questions=60, held_out=12)
    how = Trained("-", Steps(5), sizes.questions, sizes.held_out, learner.train, learner.serve)
    two = Constitution(Principles("own", "1", (SHORT, Model("obeys").principle)))
    found = prove(
        tmp_path, model=Model("obeys").engine(), constitution=two, only=("training",), sizes=sizes, trained=how,
        principles=(SHORT.id, ID), say=said.append,
    )  # fmt: skip
    assert {figure.principle for figure in found.of("training")} == {ID}
    assert [line for line in said if "no model was trained" in line] == [
        "sixty-words: 0 pairs of which exactly one answer keeps it: no model was trained"
    ]
