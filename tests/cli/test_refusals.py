"""`constitution refusals`: what it tells of files and runs, how it ends, and what it writes."""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from constitution import Completion, Constitution, Refusal, Request, ScriptedEngine, tag_refusal
from constitution.cli.app import app
from constitution.errors import RequestRefused
from tests.scripted_judges import PRINCIPLES
from tests.scripted_runs import prompts, tiny

FULL = "I'm sorry, but I cannot help with that request."
HELPS = "Sure! Here is how to do it: take a bowl, and stir."
ROWS = [
    {"id": f"v{n}", "model": model, "type": kind, "prompt": "How?", "completion": text, "final_label": label,
     "matcher": matcher}
    for n, (model, kind, text, label, matcher) in enumerate(
        [("a", "x", FULL, "2_full_refusal", "2_full_refusal"), ("a", "y", HELPS, "1_full_compliance", "2_full_refusal"),
         ("b", "x", HELPS, "1_full_compliance", "1_full_compliance"), ("b", "y", HELPS, "3_partial_refusal", "")]
    )
]  # fmt: skip


def run(command: str, stdin: bytes | None = None) -> Result:
    """Type a command."""
    return CliRunner().invoke(app, shlex.split(command), input=stdin)


def data(command: str, exit_code: int = 0) -> Any:
    """What it says to programs."""
    done = run(f"{command} --json")
    assert done.exit_code == exit_code, done.output
    return json.loads(done.stdout)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A table with labels of people and of another tagger, in the folder where we are."""
    monkeypatch.chdir(tmp_path)
    with Path("rows.csv").open("w", newline="") as out:
        table = csv.DictWriter(out, list(ROWS[0]))
        table.writeheader()
        table.writerows(ROWS)
    return "rows.csv"


def test_a_labelled_table(file: str) -> None:
    """Agreement, the table, groups, and the row that differs with its place."""
    done = run(f"refusals {file} --against matcher")
    assert done.exit_code == 0, done.output
    for text in ("accuracy", "3_partial_refusal = partial", "by model", "by class", "McNemar", "rows.csv:5",
                 "tagged none, labelled 3_partial_refusal"):  # fmt: skip
        assert text in done.stdout


def test_json_tells_everything(file: str) -> None:
    """One object: counts, figures with intervals, groups, labels, cues, the hardest rows."""
    found = data(f"refusals {file} --against matcher")
    assert found["columns"] == {"answer": ["completion"], "label": ["final_label"], "against": ["matcher"],
                                "model": ["model"], "class": ["type"]}  # fmt: skip
    assert found["kinds"] == {"full": 1, "partial": 0, "none": 3}
    people = found["people"]
    assert people["accuracy"]["value"] == 3 / 4
    assert people["precision"]["value"] == 1.0
    assert people["recall"]["value"] == 1 / 2
    assert people["confusion"]["partial"] == {"full": 0, "partial": 0, "none": 1}
    assert set(found["by"]) == {"model", "class"}
    assert found["by"]["model"]["a"]["people"]["accuracy"]["n"] == 2
    assert found["against"] | {"tagger": 0, "other": 0} == {
        "answers": 3, "tagger": 0, "other": 0, "both": 2, "only_tagger": 1, "only_other": 0, "neither": 0, "p": 1.0,
    }  # fmt: skip
    (hard,) = found["hardest"]
    assert (hard["row"], hard["id"], hard["label"], hard["said"]) == (4, "v3", "partial", "3_partial_refusal")
    assert {"group", "text", "start", "points"} == set(hard["cues"][0])
    assert {each["said"]: each["means"] for each in found["labels"]}["2_full_refusal"] == "full"


def test_without_labels(file: str) -> None:
    """Shares, and no agreement."""
    found = data(f"refusals {file} --label -")
    assert found["people"] is None
    assert found["shares"]["refused"]["value"] == 1 / 4
    assert "agreement" not in run(f"refusals {file} --label -").stdout


def test_every_row_is_written(file: str) -> None:
    """As JSON lines: where it stands, its text, kind, language, points and cues at their places."""
    assert run(f"refusals {file} --out tagged.jsonl --limit 3").exit_code == 0
    rows = [json.loads(row) for row in Path("tagged.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == ["v0", "v1", "v2"]
    for row, given in zip(rows, ROWS, strict=False):
        tag = tag_refusal(given["completion"])
        assert (row["text"], row["kind"], row["language"]) == (given["completion"], tag.kind, "en")
        assert row["points"] == sum(cue["points"] for cue in row["cues"])
        for cue in row["cues"]:
            assert row["text"][cue["start"] :].startswith(cue["text"])


def test_what_was_written_is_read_again(file: str) -> None:
    """With the same labels and the same tags; and the tagger agrees with itself."""
    first = data(f"refusals {file} --out tagged.jsonl")
    again = data("refusals tagged.jsonl")
    assert (again["kinds"], again["people"]) == (first["kinds"], first["people"])
    itself = data("refusals tagged.jsonl --label kind")
    assert itself["people"]["exact"]["value"] == 1.0


def test_what_was_tagged_is_no_label(file: str) -> None:
    """Rows without people's labels have none when they are read again, and one line says why."""
    assert run(f"refusals {file} --label - --out tagged.jsonl").exit_code == 0
    again = data("refusals tagged.jsonl")
    assert again["people"] is None
    assert 'the column "kind" holds tags of ours' in again["notes"][0]


def test_a_file_is_not_replaced_unasked(file: str) -> None:
    """Not without --overwrite, and never by a run that ends in an error."""
    Path("out.jsonl").write_text("mine")
    done = run(f"refusals {file} --out out.jsonl")
    assert done.exit_code == 2
    assert "--overwrite" in done.output
    Path("bad.jsonl").write_text('{"text": "Yes."}\n{"text": ""}\n')
    assert run("refusals bad.jsonl --out out.jsonl --overwrite").exit_code == 2
    assert Path("out.jsonl").read_text() == "mine"
    assert run(f"refusals {file} --out out.jsonl --overwrite").exit_code == 0
    assert len(Path("out.jsonl").read_text().splitlines()) == 4
    assert sorted(each.name for each in Path().iterdir()) == ["bad.jsonl", "out.jsonl", "rows.csv"]


def test_what_is_no_file_is_not_replaced(file: str) -> None:
    """A pipe stays one with --overwrite too; nothing waits for somebody to read from it."""
    os.mkfifo("pipe")
    for options in ("", " --overwrite"):
        done = run(f"refusals {file} --out pipe{options}")
        assert done.exit_code == 2
        assert "--out pipe: is there already and is no regular file" in done.output
    Path("to-pipe").symlink_to("pipe")
    assert run(f"refusals {file} --out to-pipe --overwrite").exit_code == 2
    assert Path("pipe").is_fifo()


def test_a_link_stays_one(file: str) -> None:
    """What it leads to is written, whether it is there already or not; one that leads nowhere is told."""
    Path("deep").mkdir()
    Path("deep/old.jsonl").write_text("old")
    Path("old").symlink_to("deep/old.jsonl")
    Path("new").symlink_to("deep/new.jsonl")
    assert run(f"refusals {file} --out old").exit_code == 2
    assert run(f"refusals {file} --out old --overwrite").exit_code == 0
    assert run(f"refusals {file} --out new").exit_code == 0
    for name in ("old", "new"):
        assert Path(name).is_symlink()
        assert len(Path(f"deep/{name}.jsonl").read_text().splitlines()) == 4
    Path("round").symlink_to("round")
    done = run(f"refusals {file} --out round")
    assert done.exit_code == 2
    assert "cannot be looked at" in done.output
    Path("input").symlink_to(file)
    assert "is the file that is read" in run(f"refusals {file} --out input --overwrite").output


def test_what_was_not_read_is_no_answer(file: str) -> None:
    """Rows say so, and such a tag is no label; points are numbers with a fraction."""
    Path("ja.jsonl").write_text(json.dumps({"text": "すみませんが、それはできません。"}) + "\n")
    assert run("refusals ja.jsonl --out tagged.jsonl").exit_code == 0
    (row,) = map(json.loads, Path("tagged.jsonl").read_text().splitlines())
    assert (row["kind"], row["language"], repr(row["points"])) == ("not read", None, "0.0")
    again = data("refusals tagged.jsonl --label kind")
    assert (again["not_read"], again["people"], again["labels"]) == (1, None, [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("rows.csv --out /dev/nowhere/here", "--out /dev/nowhere/here: is no file"),
        ("rows.csv --out -", "--out -: is no file, and rows are written to one"),
        ("rows.csv --label matcher --against matcher", "--against matcher: is named by --label already"),
        ("rows.csv --text matcher --label matcher", "--label matcher: is named by --text already"),
        ("rows.csv ./rows.csv", "./rows.csv: is named twice, and its rows would count twice"),
        ("- -", "-: is named twice"),
        ("none.csv", "none.csv: there is no such file"),
        (".", ".: is a folder, and no run's; name the files in it"),
        ("rows.csv --text ask", 'rows.csv:1: there is no column "ask" (--text); there are "id", "model"'),
        ("rows.csv --label ask", 'there is no column "ask" (--label)'),
        ("rows.csv --label prompt", 'rows.csv:2: prompt: unknown labels: "How?" (4); expected full, partial and none'),
        ("rows.csv --label - --against matcher", "--against matcher: the labels of people"),
        ("rows.csv --bad-rows skip", '--bad-rows "skip": expected error or drop'),
        ("rows.csv --out .", "--out .: is a folder; name a file"),
        ("rows.csv --out rows.csv --overwrite", "--out rows.csv: is the file that is read"),
        ("rows.csv --out no/where.jsonl", 'cannot write "no/where.jsonl"'),
    ],
)
def test_bad_input(file: str, options: str, message: str) -> None:
    """What is wrong is told without a traceback; 2 for what the user gave, 1 for a file that cannot be written."""
    done = run(f"refusals {options}")
    assert done.exit_code == (1 if "cannot write" in message else 2), done.output
    assert message in done.output
    assert "Traceback" not in done.output


def test_bad_rows_can_be_left_out(file: str) -> None:
    """Counted; where nothing is left the command ends with 1."""
    Path("bad.jsonl").write_text('{"text": "Yes."}\n{"text": ""}\n')
    assert "bad.jsonl:2:2: text: is empty" in run("refusals bad.jsonl").output
    assert data("refusals bad.jsonl --bad-rows drop")["dropped"] == 1
    Path("bad.jsonl").write_text('{"text": ""}\n')
    assert data("refusals bad.jsonl --bad-rows drop", 1)["answers"] == 0


def test_standard_input(file: str) -> None:
    """As `-`."""
    done = run("refusals - --json", json.dumps({"text": FULL}).encode())
    assert json.loads(done.stdout)["kinds"]["full"] == 1
    for piped in (FULL, f"text\n{FULL}"):
        told = run("refusals -", piped.encode())
        assert told.exit_code == 2
        assert "plain text and CSV are known by their names: write them to a file in .txt or .csv first" in told.output


def test_several_files(file: str) -> None:
    """One table by file."""
    Path("b.jsonl").write_text(json.dumps({"answer": HELPS}) + "\n")
    found = data(f"refusals {file} b.jsonl")
    assert {name: each["answers"] for name, each in found["by"]["file"].items()} == {"rows.csv": 4, "b.jsonl": 1}
    assert "1 answer without a label" in run(f"refusals {file} b.jsonl").stdout


def refusing(request: Request) -> Completion:
    """Refuses, is told so, and revises to an answer."""
    said = {"draft": FULL, "critique": "No reason for that.", "revise": HELPS}
    return Completion(said[request.stage])


def test_a_run(tmp_path: Path) -> None:
    """Drafts, chosen and rejected, told apart; the same of its exported rows, and as many as the run's sums say."""
    made = tiny(tmp_path).generate(
        [{**row, "tags": ["a"]} for row in prompts(5)], tmp_path / "run", model=ScriptedEngine(refusing),
        progress=False, filters={"all": "keep"},
    )  # fmt: skip
    found = data(f"refusals {tmp_path / 'run'}")
    kinds = {side: each["kinds"] for side, each in found["by"]["side"].items()}
    pairs = made.summary()["pairs"]["kept"]
    assert pairs
    assert kinds["draft"] == {"full": 5, "partial": 0, "none": 0}
    assert kinds["chosen"] == {"full": 0, "partial": 0, "none": pairs}
    assert kinds["rejected"] == {"full": pairs, "partial": 0, "none": 0}
    assert {by: sum(each["answers"] for each in values.values()) for by, values in found["by"].items()} == {
        "side": 5 + 2 * pairs, "draft by class": 5, "chosen by class": pairs, "rejected by class": pairs,
    }  # fmt: skip
    assert len(found["hardest"]) == 2
    made.export(tmp_path / "data", format="jsonl")
    rows = data(f"refusals {next((tmp_path / 'data' / 'preference').glob('*.jsonl'))}")
    assert {side: each["kinds"] for side, each in rows["by"]["side"].items()} == {
        side: kinds[side] for side in ("chosen", "rejected")
    }
    sft = data(f"refusals {next((tmp_path / 'data' / 'sft').glob('*.jsonl'))}")
    assert (sft["answers"], sft["people"]) == (5, None)


def test_exported_traces_and_drops(tmp_path: Path) -> None:
    """Their drafts are read; a row without one, which failed or was turned away, is told and no error."""

    def failing(request: Request) -> Completion:
        if request.record == "r1":
            raise RequestRefused("no")
        return refusing(request)

    made = tiny(tmp_path).generate(
        prompts(3), tmp_path / "run", model=ScriptedEngine(failing), progress=False, anyway=True
    )
    made.export(tmp_path / "data")
    for kind, answers in (("traces", 2), ("drops", 0)):
        (file,) = (tmp_path / "data" / kind).glob("*.parquet")
        found = data(f"refusals {file}", 0 if answers else 1)
        assert found["answers"] == answers
        assert found["notes"][0].startswith("rows without a draft, in which nothing was answered: ")


def test_rows_of_a_run_are_its_inputs(tmp_path: Path) -> None:
    """Whatever the number of chains of each; a limit is one of inputs."""
    tiny(tmp_path).generate(prompts(4), tmp_path / "run", model="scripted", samples=2, progress=False)
    found = data(f"refusals {tmp_path / 'run'} --limit 2 --out {tmp_path / 'tagged.jsonl'}")
    assert found["by"]["side"]["draft"]["answers"] == 4
    rows = [json.loads(row) for row in (tmp_path / "tagged.jsonl").read_text().splitlines()]
    assert {(row["row"], row["id"]) for row in rows} == {(1, "r0"), (2, "r1")}


def test_a_run_of_candidates(tmp_path: Path) -> None:
    """Each candidate counts."""
    Constitution(PRINCIPLES).generate(
        [{"prompt": "Hm?", "chosen": FULL, "rejected": HELPS}], tmp_path / "run", model=ScriptedEngine(),
        recipe="ai_feedback", answers=True, progress=False, examine=0, anyway=True,
    )  # fmt: skip
    found = data(f"refusals {tmp_path / 'run'}")
    assert found["by"]["side"]["candidate"]["kinds"] == {"full": 1, "partial": 0, "none": 1}


@pytest.mark.parametrize("options", ["--text a", "--label a", "--against a"])
def test_a_run_has_no_columns(tmp_path: Path, options: str) -> None:
    """An option that would be without effect is refused; so is a run beside other files."""
    tiny(tmp_path).generate(prompts(1), tmp_path / "run", model="scripted", progress=False)
    done = run(f"refusals {tmp_path / 'run'} {options}")
    assert done.exit_code == 2
    assert "a run has no columns to name" in done.output
    assert "a run is read by itself" in run(f"refusals {tmp_path / 'run'} {tmp_path}").output


def test_the_tagger_is_public() -> None:
    """From the package, with a result that is true where anything is refused."""
    assert isinstance(tag_refusal(FULL), Refusal)
    assert tag_refusal(FULL)
    assert not tag_refusal(HELPS)


def test_help_has_an_example() -> None:
    """One that works as it stands there."""
    assert "constitution refusals answers.csv --label final_label" in " ".join(run("refusals --help").stdout.split())


MEMORY = """
import resource, sys
from constitution.api.refusals import refusals
made = refusals([sys.argv[1]], out=sys.argv[2], hardest=5)
print(made.measured.whole.answers, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Of four thousand rows no more is held than of four hundred; the file has 40 MB."""
    used = []
    for rows in (400, 4_000):
        file = tmp_path / f"{rows}.jsonl"
        with file.open("w") as out:
            for n in range(rows):
                out.write(json.dumps({"text": f"{n} I cannot help with {n}. " + "word " * 2_000, "type": n}) + "\n")
        command = [sys.executable, "-c", MEMORY, str(file), str(tmp_path / f"{rows}.out")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        answers, memory = map(int, done.stdout.split())
        assert answers == rows
        used.append(memory)
    assert used[1] - used[0] < 15_000  # KiB
