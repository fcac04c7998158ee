"""What is left out of a number is told beside it; and chance is told beside what a revision does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from constitution import Completion, Request, ScriptedEngine
from constitution.digest import uniform
from constitution.errors import RequestRefused
from constitution.proof import paired, plots, report
from constitution.proof.claims import told
from constitution.proof.figures import Figure
from constitution.proof.proving import Sizes, prove
from constitution.proof.record import Proof
from constitution.proof.report import REPORT
from tests.proof.models import ID, Model
from tests.proof.test_training import Learner

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """No plots, and few draws of the bootstrap."""
    monkeypatch.setattr(paired, "DRAWS", 400)
    monkeypatch.setattr(report, "find_spec", lambda _: None)


def proof(out: Path, model: Any, only: str, principles: tuple[str, ...] = (ID,)) -> Proof:
    """One part."""
    sizes = Sizes(questions=160, revised=160, judged=60)
    return prove(
        out, model=ScriptedEngine(model), only=(only,), sizes=sizes, principles=principles, say=lambda _: None  # type: ignore[arg-type]  # a part
    )  # fmt: skip


def figure(found: Proof, cell: str, measure: str, principle: str = ID) -> Figure:
    """The only one."""
    mine = (each for each in found.figures if each.principle == principle)
    (one,) = (each for each in mine if (each.key.cell, each.key.measure) == (cell, measure))
    return one


class Again(Model):
    """Answers anew when it is asked to revise, and looks at nothing."""

    def __call__(self, request: Request) -> str | Completion:
        if request.stage == "revise":
            return self._text(request, uniform("kept", request.key) < self.base)
        return super().__call__(request)


def test_a_model_that_answers_anew_mends_no_more_than_chance(tmp_path: Path) -> None:
    """It mends as many drafts as it keeps anyway; the other answer to the question does so too, and no claim holds."""
    found = proof(tmp_path, Again("ignores"), "revision")
    assert figure(found, "critique, round 1", "mended").by.value > 0.3
    assert figure(found, "asked again", "mended").by.value > 0.3
    assert figure(found, "critique, round 1 - asked again", "mended").by.holds_zero
    assert "holds" not in {told(found.findings)[id] for id in ("revision-mends", "direct-mends", "critique-helps")}
    assert "| asked again |" in (tmp_path / REPORT).read_text()


class Silent(Model):
    """Gives no label for some pairs, and fails on others."""

    def __call__(self, request: Request) -> str | Completion:
        pair = uniform("pair", request.record)
        if request.labels and pair < 0.3:
            raise RequestRefused("too much")
        if request.labels and pair < 0.6:
            return Completion("neither")
        return super().__call__(request)


def test_pairs_without_a_verdict_are_told(tmp_path: Path) -> None:
    """An accuracy says on how few pairs it was measured, those that failed among the rest."""
    found = proof(tmp_path, Silent("obeys"), "judge")
    rows = [json.loads(line) for line in (tmp_path / "seed-0" / "judge.jsonl").read_text().splitlines()]
    pairs = (tmp_path / "seed-0" / "judge" / ID / "pairs.jsonl").read_text().splitlines()
    unread = figure(found, "asked", "unread").by
    assert len(rows) == unread.n == len(pairs)
    assert unread.value == pytest.approx(0.6, abs=0.2)
    assert figure(found, "asked", "accuracy").by.n == round((1 - unread.value) * unread.n)


class Cut(Model):
    """Is cut off in its answers to a third of the questions."""

    def __call__(self, request: Request) -> str | Completion:
        if uniform("cut", request.record) < 1 / 3:
            return Completion("On and on", finish_reason="length")
        return super().__call__(request)


def test_answers_that_were_lost_are_told(tmp_path: Path) -> None:
    """Of every arm: an arm that answers less often is not compared as if it had."""
    found = Learner().proof(tmp_path, Cut("obeys"))
    assert figure(found, "before", "unusable").by.value == pytest.approx(1 / 3, abs=0.12)
    assert figure(found, "before", "unusable").by.n == 120
    assert figure(found, "true", "unusable").by.value == 0


def test_a_principle_that_all_drafts_keep_decides_no_claim(tmp_path: Path) -> None:
    """No revision could make more of them keep it, so that none is said not to."""
    found = proof(tmp_path, Model("obeys"), "revision", principles=(ID, "sixty-words"))
    assert figure(found, "critique, round 1 - draft", "kept", "sixty-words").by.value == 0
    (mends,) = (each for each in found.findings if each.claim.id == "revision-mends")
    assert [each.principle for each in mends.figures] == [ID]
    assert mends.verdict == "holds"
    assert f"{ID}, seed 0: +" in (tmp_path / REPORT).read_text()


def test_no_two_principles_share_a_row_of_a_plot(tmp_path: Path) -> None:
    """Dots of one row are seeds."""
    found = proof(tmp_path, Model("obeys"), "revision", principles=(ID, "sixty-words"))
    pytest.importorskip("matplotlib")
    plots.draw_plots(found)
    drawn = (tmp_path / plots.PLOTS / "revision.svg").read_text()
    assert {f"{each}: draft" in drawn for each in (ID, "sixty-words")} == {True}


class Spoilt(Model):
    """Revises badly: says what it was told, is cut off, begins with an introduction."""

    def __call__(self, request: Request) -> str | Completion:
        said = super().__call__(request)
        if request.stage != "revise":
            return said
        assert isinstance(said, str)
        copied = request.messages[-1].content
        kinds = (Completion(said, finish_reason="length"), f"Here is the revised answer:\n\n{said}", copied)
        return kinds[int(3 * uniform("kind", request.record))]


def test_a_draft_stands_where_its_revision_is_lost(tmp_path: Path) -> None:
    """Cut revisions and copied requests are told as such, and the text that a user would have is the draft."""
    found = proof(tmp_path, Spoilt("obeys"), "revision")
    lines = (tmp_path / "seed-0" / "revision.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if row["cell"] == "direct"]
    drafts = {row["prompt"]: row["text"] for row in rows if row["round"] == 0}
    first = [row for row in rows if row["round"] == 1]
    assert {row["defect"] for row in first} == {None, "truncated", "leak"}
    assert {row["text"] == drafts[row["prompt"]] for row in first if row["defect"]} == {True}
    for measure in ("lost", "preambles"):
        share = {"lost": 2 / 3, "preambles": 1 / 3}[measure]
        assert figure(found, "direct, round 1", measure).by.value == pytest.approx(share, abs=0.12)


def test_no_more_pairs_are_judged_than_were_asked_for(tmp_path: Path) -> None:
    """Of 160 questions some 70 have a pair."""
    proof(tmp_path, Model("obeys"), "judge")
    assert len((tmp_path / "seed-0" / "judge.jsonl").read_text().splitlines()) == 60
