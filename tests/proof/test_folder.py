"""The folder of a proof: it is of one model, one size, and nothing that stands in it is lost or taken for another's."""

from __future__ import annotations

import json
import shutil
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from constitution import Constitution, EngineStartError, Principles, ScriptedEngine
from constitution.errors import InputError, SettingsChanged, SettingsError
from constitution.proof import paired, proving, report
from constitution.proof.proving import SETTINGS, Sizes, prove
from constitution.proof.record import RECORD, Proof
from constitution.proof.report import REPORT
from tests.proof.models import ID, Model

pytestmark = pytest.mark.slow
SIZES = Sizes(questions=40, revised=10, judged=8)
NOBODY = "http://127.0.0.1:9#nobody"


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """No plots, and few draws of the bootstrap: no interval is looked at here."""
    monkeypatch.setattr(paired, "DRAWS", 50)
    monkeypatch.setattr(report, "find_spec", lambda _: None)


def proof(out: Path, model: Any = None, **more: Any) -> Proof:
    """A small proof under one principle."""
    engine = Model("obeys").engine() if model is None else model
    given = {"model": engine, "only": ("revision",), "sizes": SIZES, "principles": (ID,), "say": lambda _: None}
    return prove(out, **{**given, **more})


def _cells(found: Proof) -> set[str]:
    return {figure.key.cell for figure in found.figures}


def test_drafts_of_a_proof_that_found_no_principle_are_not_taken_for_others(tmp_path: Path) -> None:
    """It ends after its drafts; other sizes in the same folder are refused, and the same with a principle go on."""
    engine = ScriptedEngine(Model("obeys", base=1.0))
    with pytest.raises(SettingsError, match="name one with --principle"):
        proof(tmp_path, engine, principles=())
    with pytest.raises(SettingsError, match="holds a proof with sizes"):
        proof(tmp_path, engine, sizes=Sizes(questions=12))
    asked = engine.requests
    assert proof(tmp_path, engine).settings["principles"] == [ID]
    assert engine.requests > asked


def test_a_run_with_other_settings_is_not_taken_as_it_is(tmp_path: Path) -> None:
    """Complete or not: what its settings were is compared."""
    proof(tmp_path)
    manifest = tmp_path / "seed-0" / "drafts" / "manifest.json"
    manifest.write_text(
        manifest.read_text().replace('"samples":1', '"samples":2').replace('"samples": 1', '"samples": 2')
    )
    with pytest.raises(SettingsChanged, match="samples was 2, is 1"):
        proof(tmp_path)


def test_a_model_that_does_not_start_binds_nothing(tmp_path: Path) -> None:
    """The name of a server was wrong: the same folder takes the right one."""
    with pytest.raises(EngineStartError):
        proof(tmp_path, NOBODY)
    assert proof(tmp_path).figures


def test_more_rounds_after_fewer_are_those_of_a_full_proof(tmp_path: Path) -> None:
    """A full proof goes on with the chains of the default one, whose figures it does not change."""
    small = proof(tmp_path / "both")
    asked, whole = Model("obeys").engine(), Model("obeys").engine()
    after = proof(tmp_path / "both", asked, full=True)
    assert "critique, round 4" in _cells(after)
    assert set(after.figures) == set(proof(tmp_path / "full", whole, full=True).figures)
    assert asked.requests < whole.requests
    mended = {figure for figure in small.figures if "tokens" not in figure.key.measure}
    assert mended <= set(after.figures)


@pytest.mark.parametrize("only", ["revision", "judge"])
def test_the_default_after_a_full_proof_takes_nothing_away(tmp_path: Path, only: str) -> None:
    """Nor does it ask anything: all that it wants is there."""
    full = proof(tmp_path, full=True, only=(only,))
    again = Model("obeys").engine()
    assert set(proof(tmp_path, again, only=(only,)).figures) == set(full.figures)
    assert again.requests == 0


def test_one_principle_after_all(tmp_path: Path) -> None:
    """A full proof names no principle, so that one can be named later."""
    fewer = Constitution(Principles("own", "1", Constitution.load("verifiable").principles.principles[:2]))
    proof(tmp_path, constitution=fewer, full=True, principles=())
    both = proof(tmp_path, constitution=fewer, seed=1)
    assert [len({each.principle for each in both.of("revision") if each.seed == seed}) for seed in (0, 1)] == [2, 1]


def test_a_copy_of_a_seed_is_no_seed(tmp_path: Path) -> None:
    """A folder beside the seeds that has another name is left alone."""
    proof(tmp_path)
    shutil.copytree(tmp_path / "seed-0", tmp_path / "seed-0.bak")
    assert proof(tmp_path).seeds == (0,)


@pytest.mark.parametrize("content", ["[]", '{"editor.tabSize": 4}', '{"model": '])
def test_settings_of_something_else_are_not_written_over(tmp_path: Path, content: str) -> None:
    """A folder of another program may have a file of that name."""
    (tmp_path / SETTINGS).write_text(content)
    with pytest.raises(SettingsError, match="of something else than a proof"):
        proof(tmp_path)
    assert (tmp_path / SETTINGS).read_text() == content


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """What stands in the way is told."""
    (tmp_path / "out").write_text("x")
    with pytest.raises(Exception, match=r"out: cannot make the folder: .*; name one that can be written"):
        proof(tmp_path / "out")


@pytest.mark.parametrize("who", ["model", "judge"])
def test_no_secret_of_an_address_is_written(tmp_path: Path, who: str) -> None:
    """An address with a key is refused before anything is asked, whether the part that needs it is wanted or not."""
    with pytest.raises(InputError, match="credentials"):
        proof(tmp_path, **{who: "http://me:hidden@127.0.0.1:9/v1?key=hidden#nobody"})
    assert not list(tmp_path.iterdir())


def test_training_without_its_extra_is_refused_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after an hour of drafts."""
    monkeypatch.setattr(proving, "find_spec", lambda name: None if name == "trl" else util.find_spec(name))
    with pytest.raises(SettingsError, match=r"training needs trl: pip install .*--only revision,judge"):
        prove(tmp_path, model="org/name", say=lambda _: None)
    assert not list(tmp_path.iterdir())


def test_a_judge_that_does_not_start_costs_no_report(tmp_path: Path) -> None:
    """What was measured before can be read."""
    with pytest.raises(EngineStartError):
        proof(tmp_path, judge=NOBODY, only=("revision", "judge"))
    assert "## Revision" in (tmp_path / REPORT).read_text()
    assert json.loads((tmp_path / RECORD).read_text())["claims"]
