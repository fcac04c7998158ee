"""A run whose pairs a model labels examines it first, and labels of a judge that did not pass are refused."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pyarrow.parquet as pq
import pytest
import typer
from rich.console import Console

from constitution import CallableJudge, Completion, Constitution, Request, Run, ScriptedEngine
from constitution.cli.exits import told
from constitution.display.paying import dry_run_view
from constitution.engines.scripted import from_key
from constitution.errors import JudgeNotPassed, SettingsChanged, SettingsError
from constitution.run.before.dry_run import DryRun
from constitution.run.examine import read_examination
from constitution.run.examined import FIRST_LOOK, FOLDER
from constitution.sources.judged_sets import DEFAULT, read_sets
from tests.examination.judges import Judge, Pairwise, deaf, first, honest, inverted, weak

BALANCED = Constitution.load("balanced")
SETS = read_sets(DEFAULT, BALANCED.principles)
PROMPTS = [f"How do I mend a chair of kind {number}?" for number in range(6)]
BOTH: dict[str, Any] = {"recipe": "ai_feedback", "judge_principles": 1}


class Counted(ScriptedEngine):
    """A judge with a vice, or none, on the pairs of the examination; elsewhere it answers from the key."""

    def __init__(self, vice: Pairwise, name: str = "scripted:counted") -> None:
        self.known = Judge(SETS, vice)
        self.examined = 0
        self.other = 0
        super().__init__(self.said, model=name)

    def said(self, request: Request) -> Completion | str:
        """Of a pair of the examination what the judge says."""
        if request.stage == "draft":
            self.other += 1
            return from_key(request)
        try:
            answer = self.known(request)
        except (KeyError, StopIteration):
            self.other += 1
            first = "</answer-A" in request.messages[-1].content
            return Completion("A", logprobs=(-0.5, -3.0) if first else (-3.0, -0.5))
        self.examined += 1
        return replace(answer, prompt_tokens=150)


def test_a_judge_that_passed_labels(tmp_path: Path) -> None:
    """Its record lies in the run's folder, and the run goes on as if it had not been there."""
    engine = Counted(honest)
    run = BALANCED.generate(PROMPTS, tmp_path / "run", model=engine, **BOTH)
    assert run.complete
    record = read_examination(tmp_path / "run" / FOLDER)
    assert record.passed
    assert record.figures.pairs == 300
    assert engine.examined > 0
    assert sum(counts["requests"] for counts in run.summary()["tokens"].values()) == engine.other


def test_a_judge_that_did_not_pass_is_refused(tmp_path: Path) -> None:
    """Before any draft is paid for; `anyway` goes on in the same folder and examines nothing again."""
    engine = Counted(deaf)
    with pytest.raises(JudgeNotPassed, match=r"did not pass its examination: deaf.*--anyway: every card"):
        BALANCED.generate(PROMPTS, tmp_path / "run", model=engine, **BOTH)
    assert engine.other == 0
    asked = engine.examined
    assert not Run.open(tmp_path / "run").complete
    assert BALANCED.generate(PROMPTS, tmp_path / "run", model=engine, anyway=True, **BOTH).complete
    assert engine.examined == asked
    assert not read_examination(tmp_path / "run" / FOLDER).passed


def test_an_unexamined_judge_is_refused(tmp_path: Path) -> None:
    """Nothing at all is asked; `anyway` labels without an examination."""
    engine = Counted(honest)
    with pytest.raises(JudgeNotPassed, match=r"is not examined.*--anyway"):
        BALANCED.generate(PROMPTS, tmp_path / "run", model=engine, examine=0, **BOTH)
    assert engine.requests == 0
    assert BALANCED.generate(PROMPTS, tmp_path / "run", model=engine, examine=0, anyway=True, **BOTH).complete
    assert not (tmp_path / "run" / FOLDER).exists()


def test_an_examination_that_was_made_before(tmp_path: Path) -> None:
    """It is taken where it is of this judge, in these words; another judge's is refused, with what to do."""
    engine = Counted(honest)
    assert BALANCED.generate(PROMPTS, tmp_path / "one", model=engine, **BOTH).complete
    asked = engine.examined
    made = str(tmp_path / "one" / FOLDER)
    assert BALANCED.generate(PROMPTS[:2], tmp_path / "two", model=engine, examination=made, **BOTH).complete
    assert engine.examined == asked
    assert read_examination(tmp_path / "two" / FOLDER) == read_examination(Path(made))
    with pytest.raises(SettingsError, match=r"is of another judge.*constitution examine"):
        BALANCED.generate(PROMPTS, tmp_path / "three", model=Counted(honest, "other"), examination=made, **BOTH)
    with pytest.raises(SettingsError, match="is of another judge"):
        BALANCED.generate(
            PROMPTS, tmp_path / "four", model=engine, examination=made, judge_mode="text", **BOTH
        )  # fmt: skip


@pytest.mark.parametrize(
    "settings", [{"verify": "judge"}, {"recipe": "contrast", "verify": "judge"}, {"judge_read": "scoring", **BOTH}]
)
def test_every_way_of_labelling_is_examined(tmp_path: Path, settings: dict[str, Any]) -> None:
    """Confirming a pair is labelling it too."""
    with pytest.raises(JudgeNotPassed):
        BALANCED.generate(PROMPTS, tmp_path / "run", model="scripted", rounds=1, **settings)


@pytest.mark.parametrize("settings", [{}, {"verify": "none"}, {"recipe": "contrast"}])
def test_runs_without_a_judge_examine_nobody(tmp_path: Path, settings: dict[str, Any]) -> None:
    """Their pairs are made by the loop, or confirmed by code."""
    assert BALANCED.generate(PROMPTS, tmp_path / "run", model="scripted", **settings).complete
    assert not (tmp_path / "run" / FOLDER).exists()


def test_a_function_is_not_examined(tmp_path: Path) -> None:
    """It reads no principle; what it is worth its maker knows."""

    def longest(_: object, responses: list[str]) -> list[float]:
        return [float(len(text)) for text in responses]

    run = BALANCED.generate(PROMPTS, tmp_path / "run", model="scripted", judge=longest, **BOTH)
    assert run.complete
    assert not (tmp_path / "run" / FOLDER).exists()
    for pair in run.pairs():
        assert len(pair.chosen) > len(pair.rejected)
        assert pair.judge == "value"
    own = CallableJudge(longest, name="another")
    with pytest.raises(SettingsError, match="judge_read value takes a judge that is a Python function"):
        BALANCED.generate(PROMPTS, tmp_path / "no", model="scripted", judge_read="value", **BOTH)
    with pytest.raises(SettingsChanged, match=r"judge was .*, is 'another'"):
        BALANCED.generate(PROMPTS, tmp_path / "run", model="scripted", judge=own, **BOTH)


def test_limits_hold_the_examination_too(tmp_path: Path) -> None:
    """What it pays is counted, in the next session as well."""
    engine = Counted(honest)
    with pytest.warns(UserWarning, match="--max-total-tokens"):
        run = BALANCED.generate(PROMPTS, tmp_path / "run", model=engine, max_total_tokens=20_000, **BOTH)
    assert not run.complete
    assert engine.other == 0
    before = engine.examined
    assert before > 0
    with pytest.warns(UserWarning, match="--max-total-tokens"):
        BALANCED.generate(PROMPTS, tmp_path / "run", model=engine, max_total_tokens=20_000, **BOTH)
    assert engine.examined == before


def test_a_refused_judge_is_no_bad_input() -> None:
    """Exit code 1: it is below a threshold."""
    with pytest.raises(typer.Exit) as left, told():
        raise JudgeNotPassed("no")
    assert left.value.exit_code == 1


def test_a_dry_run_tells_of_the_examination(tmp_path: Path) -> None:
    """That it comes first, and that it is not counted; nothing where none is to come."""
    dry = BALANCED.dry_run(PROMPTS, model="scripted", **BOTH)
    assert dry.examined == 300
    assert "Before all this the judge is examined on 300 pairs" in _printed(dry)
    for options in ({"examine": 0, **BOTH}, {"examination": str(tmp_path), **BOTH}, {}):
        none = BALANCED.dry_run(PROMPTS, model="scripted", **options)
        assert none.examined == 0
        assert "examined" not in _printed(none)


def _printed(dry: DryRun) -> str:
    out = Console(file=io.StringIO(), width=120)
    out.print(dry_run_view(dry, {}))
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


@pytest.mark.parametrize(("vice", "verdict"), [(first, "position-locked"), (inverted, "inverted")])
def test_a_hopeless_judge_is_asked_little(tmp_path: Path, vice: Pairwise, verdict: str) -> None:
    """Forty pairs are enough to see that more could not make it pass; the same command asks none of them again."""
    engine = Counted(vice)
    for _ in range(2):
        with pytest.raises(JudgeNotPassed, match=verdict):
            BALANCED.generate(PROMPTS, tmp_path / "run", model=engine, **BOTH)
    assert read_examination(tmp_path / "run" / FOLDER).figures.pairs == FIRST_LOOK
    assert engine.examined == FIRST_LOOK * 14


def test_a_first_look_is_no_examination(tmp_path: Path) -> None:
    """One that stopped behind it goes on to the whole, and asks nothing twice."""
    engine, whole = Counted(honest), Counted(honest)
    assert BALANCED.generate(PROMPTS, tmp_path / "whole", model=whole, **BOTH).complete
    job_folder = tmp_path / "run"
    with pytest.raises(JudgeNotPassed, match="too few to tell"):
        BALANCED.generate(PROMPTS, job_folder, model=engine, examine=FIRST_LOOK, **BOTH)
    assert engine.examined == FIRST_LOOK * 14
    assert BALANCED.generate(PROMPTS, job_folder, model=engine, **BOTH).complete
    assert engine.examined == whole.examined


def test_the_run_says_what_is_asked_for(tmp_path: Path) -> None:
    """In one folder another accuracy gives another verdict on the same figures, and nothing is asked again."""
    engine, own = Counted(weak), tmp_path / "run"
    with pytest.raises(JudgeNotPassed, match=r"too weak.*95 % were asked for"):
        BALANCED.generate(PROMPTS, own, model=engine, at_least=0.95, **BOTH)
    asked = engine.examined
    assert BALANCED.generate(PROMPTS, own, model=engine, at_least=0.5, **BOTH).complete
    assert engine.examined == asked
    record = read_examination(own / FOLDER)
    assert (record.at_least, record.verdict, record.passed) == (0.5, "passed", True)


def test_one_made_before_is_judged_by_the_run(tmp_path: Path) -> None:
    """Passed at less is not passed at more, and so says the record beside the labels; the other stays as it is."""
    engine = Counted(weak)
    assert BALANCED.generate(PROMPTS, tmp_path / "one", model=engine, at_least=0.5, **BOTH).complete
    asked, made = engine.examined, tmp_path / "one" / FOLDER
    with pytest.raises(JudgeNotPassed, match=r"too weak.*95 % were asked for"):
        BALANCED.generate(PROMPTS, tmp_path / "two", model=engine, at_least=0.95, examination=str(made), **BOTH)
    assert read_examination(tmp_path / "two" / FOLDER).verdict == "too weak"
    assert read_examination(made).passed
    assert engine.examined == asked


def test_another_band_of_ties_is_another_examination(tmp_path: Path) -> None:
    """A named one is refused with both bands; one in the folder is made anew from the answers that lie there."""
    engine, made, own = Counted(honest), tmp_path / "wide" / FOLDER, tmp_path / "run"
    with pytest.raises(JudgeNotPassed):
        BALANCED.generate(PROMPTS, tmp_path / "wide", model=engine, tie_band=5.0, **BOTH)
    with pytest.raises(SettingsError, match=r"nearer to 0 than 5 .*nearer than 0\.5"):
        BALANCED.generate(PROMPTS, tmp_path / "two", model=engine, tie_band=0.5, examination=str(made), **BOTH)
    asked = engine.examined
    with pytest.raises(JudgeNotPassed, match="is not examined"):
        BALANCED.generate(PROMPTS, own, model=engine, tie_band=0.5, examine=0, **BOTH)
    copytree(made, own / FOLDER)
    assert BALANCED.generate(PROMPTS, own, model=engine, tie_band=0.5, **BOTH).complete
    assert engine.examined == asked
    record = read_examination(own / FOLDER)
    assert (record.band, record.verdict) == (0.5, "passed")


def test_settings_that_do_nothing_are_refused(tmp_path: Path) -> None:
    """Before anything is asked, with where they belong."""

    def judge(_: object, responses: list[str]) -> list[float]:
        return [0.0 for _ in responses]

    for options, message in (
        ({"answers": True}, "answers has no effect with the recipe critique_revise; it goes with ai_feedback"),
        ({"recipe": "contrast", "candidates": 3}, "candidates has no effect"),
        ({"recipe": "ai_feedback", "verify": "judge"}, "verify has no effect with the recipe ai_feedback"),
        ({"verify": "check"}, "no principle of 'balanced' has a `check`"),
        ({"judge": judge}, "asks no judge"),
        ({"recipe": "ai_feedback", "clamp": 0.52}, "every pair would be a tie"),
    ):
        with pytest.raises(SettingsError, match=message):
            BALANCED.generate(PROMPTS, tmp_path / "run", model="scripted", **options)
    with pytest.raises(SettingsError, match="read is 'both', expected one of pairwise, scoring, value"):
        BALANCED.judge("q", "a", "b", model="scripted", read="both")  # type: ignore[arg-type]  # what a user may type


def test_data_sets_have_what_the_judge_said(tmp_path: Path) -> None:
    """`to_dataset` and an export have the same columns."""
    run = BALANCED.generate(PROMPTS, tmp_path / "run", model="scripted", examine=0, anyway=True, **BOTH)
    names = run.to_dataset().column_names
    assert {"margin", "p_chosen", "position_consistent", "votes"} <= set(names)
    run.export(tmp_path / "data")
    exported = pq.read_schema(next((tmp_path / "data" / "preference").glob("*.parquet"))).names
    assert exported == names
    plain = BALANCED.generate(PROMPTS, tmp_path / "plain", model="scripted")
    assert "margin" not in plain.to_dataset().column_names
    with pytest.raises(SettingsError, match="no judge was asked in"):
        plain.export(tmp_path / "none", verify="judge")


def test_a_function_as_model_needs_a_name_too(tmp_path: Path) -> None:
    """Its numbers are kept under it."""
    own = CallableJudge(lambda _, responses: [0.0 for _ in responses])
    with pytest.raises(SettingsError, match="has no name by which a run could tell it"):
        BALANCED.generate(PROMPTS, tmp_path / "run", model=own, recipe="ai_feedback", judge_read="value")
