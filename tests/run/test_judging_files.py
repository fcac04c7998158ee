"""Files of pairs through a whole run: read, judged, stored with what people said, and held against it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from constitution import CallableJudge, Constitution, Request, Run, ScriptedEngine, Trace
from constitution.display import draw
from constitution.errors import PromptFileError, RequestRefused, SettingsChanged
from constitution.recipes.ai_feedback import AIFeedback
from constitution.recipes.judging import Judging
from constitution.steps.agreement import Agreement, agreement
from constitution.steps.label import Labelling
from tests.display.seen import printed
from tests.scripted_judges import PRINCIPLES, oracle, quality
from tests.scripted_runs import rows, write_prompts

MINE = Constitution(PRINCIPLES)
TEXTS = sorted((f"answer {number}" for number in range(24)), key=quality)
WORST, BEST = TEXTS[:12], TEXTS[12:]


def pairs() -> list[dict[str, Any]]:
    """Rows of several forms; people are right about all but two, and one is a tie."""
    made: list[dict[str, Any]] = []
    for number, (bad, good) in enumerate(zip(WORST, BEST, strict=True)):
        prompt = f"Question {number}?"
        if number % 3 == 0:
            made.append({"prompt": prompt, "chosen": good, "rejected": bad})
        elif number % 3 == 1:
            made.append({"prompt": prompt, "text_a": bad, "text_b": good, "label": "b"})
        else:
            said = "\n\nHuman: {}\n\nAssistant: {}".format
            made.append({"chosen": said(prompt, good), "rejected": said(prompt, bad)})
    made[0] = {"prompt": "Question 0?", "chosen": WORST[0], "rejected": BEST[0]}
    made[1]["label"] = "a"
    made[4]["label"] = "tie"
    made.append({"prompt": "No label?", "text_a": BEST[0], "text_b": WORST[0]})
    return made


def judged(folder: Path, made: list[dict[str, Any]], engine: Any, **settings: Any) -> Run:
    """A run over a file of pairs."""
    file = write_prompts(folder / "pairs.jsonl", made)
    unexamined = {"examine": 0, "anyway": True, **settings}
    return MINE.generate(file, folder / "run", model=engine, recipe="ai_feedback", answers=True, **unexamined)


def test_a_file_of_pairs(tmp_path: Path) -> None:
    """Every pair gets the label of the judge; no draft is asked for; people's labels stand beside it in the store."""
    engine = ScriptedEngine(oracle)
    run = judged(tmp_path, pairs(), engine)
    assert run.summary()["paired"] == 13
    assert engine.requests == 13 * 2
    traces = [trace for trace in rows(run) if isinstance(trace, Trace)]
    assert [trace.preferred for trace in traces] == ["a", "a", "a", "a", "tie", *"aabaaba", None]
    assert agreement(traces, Labelling()) == Agreement(agree=9, disagree=2, people_tie=1)
    for pair in run.pairs():
        assert quality(pair.chosen) > quality(pair.rejected)


def test_pairs_that_were_not_judged(tmp_path: Path) -> None:
    """What is turned away before its first request keeps what people said, and is counted apart."""
    made = [*pairs()[2:4], {"prompt": "u", "text_a": "x " * 9000, "text_b": "y", "label": "a"}]
    run = judged(tmp_path, made, ScriptedEngine(oracle, max_context=4000))
    traces = [trace for trace in rows(run) if isinstance(trace, Trace)]
    assert [trace.reason for trace in traces] == [None, None, "too_long"]
    assert agreement(traces, Labelling()) == Agreement(agree=2, not_judged=1)


def test_pairs_that_failed(tmp_path: Path) -> None:
    """They keep what people said, in the store, in the journal and on the card, and are counted as not judged."""
    made = [{**row, "id": f"r{number}"} for number, row in enumerate(pairs()[2:5])]

    def fault(request: Request) -> Exception | None:
        return RequestRefused("no") if request.record == "r1" else None

    run = judged(tmp_path, made, ScriptedEngine(oracle, fault=fault))
    expected = Agreement(agree=1, people_tie=1, not_judged=1)
    failed = rows(run)[1]
    assert (failed.error, failed.preferred) == ("RequestRefused", "a")
    assert run.people() == expected
    assert run.labels is not None
    assert Agreement(**run.labels.sums.people) == expected
    for file in (run.path / "shards").iterdir():
        file.unlink()
    assert Run.open(run.path).people() == expected  # by its journal
    again = judged(tmp_path, made, ScriptedEngine(oracle))
    assert again.people() == expected
    assert rows(again)[1] == failed


def test_what_people_say_shapes_no_row(tmp_path: Path) -> None:
    """Another label asks nothing anew, and changes no verdict."""
    changed = [{**row, "label": "tie"} if "text_a" in row else row for row in pairs()]
    runs = []
    for name, made in (("one", pairs()), ("other", changed)):
        (tmp_path / name).mkdir()
        runs.append(judged(tmp_path / name, made, ScriptedEngine(oracle)))
    assert [trace.judged for trace in rows(runs[0])] == [trace.judged for trace in rows(runs[1])]
    assert [trace.record for trace in rows(runs[0])] == [trace.record for trace in rows(runs[1])]


def test_a_pair_and_its_swap_are_duplicates(tmp_path: Path) -> None:
    """They are one input, and the second is dropped as such."""
    one = {"prompt": "u", "text_a": BEST[0], "text_b": WORST[0]}
    run = judged(tmp_path, [one, {"prompt": "u", "text_a": WORST[0], "text_b": BEST[0]}], ScriptedEngine(oracle))
    assert (run.summary()["paired"], run.summary()["dropped"]) == (1, 1)
    (dropped,) = (file.read_text() for file in (run.path / "dropped").iterdir())
    assert json.loads(dropped)["reason"] == "duplicate"


def test_answers_that_say_the_same(tmp_path: Path) -> None:
    """Equal texts are refused with their line; such as differ in a full stop are dropped as `too_few`."""
    with pytest.raises(PromptFileError, match=r"pairs.jsonl:1:\d+: text_b: the two answers are the same text"):
        judged(tmp_path, [{"prompt": "u", "text_a": "x", "text_b": "x"}], ScriptedEngine(oracle))
    engine = ScriptedEngine(oracle)
    (tmp_path / "dots").mkdir()
    run = judged(tmp_path / "dots", [{"prompt": "u", "text_a": "x", "text_b": "x.", "label": "b"}], engine)
    assert (run.summary()["dropped"], engine.requests) == (1, 0)
    assert agreement([trace for trace in rows(run) if isinstance(trace, Trace)], Labelling()) == Agreement(tie=1)


def test_the_reading_is_a_setting(tmp_path: Path) -> None:
    """The same folder with another reading is refused by name."""
    judged(tmp_path, pairs(), ScriptedEngine(oracle))
    with pytest.raises(SettingsChanged, match="answers"):
        MINE.generate(tmp_path / "pairs.jsonl", tmp_path / "run", model=ScriptedEngine(oracle), recipe="ai_feedback")


def test_a_function_labels_a_file(tmp_path: Path) -> None:
    """Its numbers go through the journal and the store like every answer; what it fails on fails alone."""
    asked: list[str] = []

    def f(_: object, responses: list[str]) -> list[float]:
        asked.extend(responses)
        if BEST[3] in responses:
            raise ValueError("not this one")
        return [9 * quality(text) for text in responses]

    recipe = AIFeedback(Judging(PRINCIPLES, "value"))
    file = write_prompts(tmp_path / "pairs.jsonl", pairs())
    settings: dict[str, Any] = {"model": CallableJudge(f, "mine", batch=5), "recipe": recipe, "answers": True}
    run = MINE.generate(file, tmp_path / "run", tie_band=0.0, **settings)
    assert (run.summary()["paired"], run.summary()["failed"]) == (12, 1)
    assert all(quality(pair.chosen) > quality(pair.rejected) for pair in run.pairs())
    done = len(asked)
    again = MINE.generate(file, tmp_path / "run", tie_band=0.0, **settings)
    assert (again.summary(), len(asked)) == (run.summary(), done)
    assert '"callable:mine"' in (run.path / "manifest.json").read_text()


def test_why_a_function_failed_is_told_at_the_end(tmp_path: Path) -> None:
    """Where the run is shown, where it is named, and in its log; not only in a file of failed inputs."""

    def f(_: object, responses: list[str]) -> list[float]:
        if BEST[3] in responses:
            raise ValueError("no \x1b[31msuch\n column")
        return [9 * quality(text) for text in responses]

    file = write_prompts(tmp_path / "pairs.jsonl", pairs())
    settings: dict[str, Any] = {"recipe": "ai_feedback", "answers": True, "model": "scripted"}
    run = MINE.generate(file, tmp_path / "run", judge=CallableJudge(f, "mine"), **settings)
    assert run.summary()["failed"] == 1
    told = " ".join(printed(draw(run.page())).split())
    for said in (told, repr(run), (run.path / "run.log").read_text()):
        assert "judge 'mine' raised ValueError: no" in said
    assert "\x1b[31m" not in told + repr(run)
    (failed,) = (run.path / "failed").iterdir()
    failed.write_text('{"id": "changed by hand"}\nno JSON\n')
    assert "1 failed" in repr(Run.open(run.path))
    assert "ValueError" not in repr(Run.open(run.path))
