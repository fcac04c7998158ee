"""Filters in runs: settings, sums, files of what was dropped, older runs, exports under other filters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from constitution import Constitution, PreferencePair, Request, Run, ScriptedEngine
from constitution.cli.app import app
from constitution.engine import Completion
from constitution.errors import InputError, SettingsError, StoreError
from constitution.records import REASONS
from constitution.steps.filter import FILTERS, Filter
from tests.scripted_runs import sealed_files, tiny

LOOP = "You are not alone in this and I am here. " * 12
WORDS = ["amber", "basket", "candle", "distant", "early", "forest", "garden", "harbour"]
LONG = ". ".join(f"The {one} and the {other}" for one in WORDS for other in WORDS)
PLAIN = "Warm milk helps."
ITEMS = [{"id": f"r{n}", "prompt": f"Question {n}?"} for n in range(6)]


def said(request: Request) -> str:
    """Answers of the records: r0 plain, r1 a loop, r2 meta-talk, r3 a looping draft, r4 too long, r5 equal."""
    if request.stage == "critique":
        return "It is not kind."
    draft = request.stage == "draft"
    return {
        "r0": "A first answer." if draft else PLAIN,
        "r1": "A first answer." if draft else LOOP,
        "r2": "A first answer." if draft else "As requested, I have removed the insult. Try to rest.",
        "r3": LOOP if draft else PLAIN,
        "r4": "Sit down." if draft else LONG,
        "r5": PLAIN,
    }[request.record]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("filtered")
    return tiny(folder).generate(ITEMS, folder / "run", model=ScriptedEngine(said), rounds=1, verify="none")


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def flags(pairs: Iterator[PreferencePair]) -> dict[str, tuple[str, ...]]:
    return {pair.record: pair.flags for pair in pairs}


def test_a_run_drops_and_flags(run: Run) -> None:
    """By default: loops go, the rest is flagged; all of it counted, and everything adds up."""
    summary = run.summary()
    assert flags(run.pairs()) == {
        "r0": (), "r2": ("meta_talk",), "r3": ("rejected_repetition", "length_ratio"), "r4": ("length_ratio",),
    }  # fmt: skip
    assert summary["reasons"] == {"equal": 1, "repetition": 1}
    assert summary["pairs"] == {"proposed": 6, "kept": 4, "dropped": {"equal": 1, "repetition": 1}}
    assert {name: count for name, count in summary["signs"].items() if name.startswith("flagged")} == {
        "flagged_length_ratio": 2, "flagged_meta_talk": 1, "flagged_rejected_repetition": 1,
    }  # fmt: skip


def test_every_dropped_pair_stands_in_a_file(run: Run) -> None:
    """With its reason, what was seen, and both texts."""
    found = {line["id"]: line for line in lines(run.path / "dropped_pairs")}
    assert found.keys() == {"r1", "r5"}
    assert found["r1"]["reason"] == "repetition"
    assert found["r1"]["meaning"] == REASONS["repetition"]
    assert "12 times in a row" in found["r1"]["detail"]
    assert (found["r1"]["rejected"], found["r1"]["chosen"]) == ("A first answer.", LOOP.strip())
    assert found["r5"]["rounds"] == [0, 1] or found["r5"]["rounds"] is None
    inputs = {line["id"]: line for line in lines(run.path / "dropped")}
    assert inputs["r1"]["detail"] == found["r1"]["detail"]


def test_a_dropped_pair_of_a_paired_input_stands_there_too(tmp_path: Path) -> None:
    """With several pairs a chain, each that goes has its line and its place in the traces."""

    def two(request: Request) -> str:
        texts = {"draft": "A first answer.", "critique": "It is not kind."}
        return texts.get(request.stage) or (PLAIN if len(request.messages) < 6 else LOOP)

    made = tiny(tmp_path).generate(
        ITEMS[:1], tmp_path / "run", model=ScriptedEngine(two), rounds=2, verify="none", pairs="adjacent"
    )
    assert made.summary()["paired"] == 1
    (line,) = lines(made.path / "dropped_pairs")
    assert (line["id"], line["rounds"], line["rejected"]) == ("r0", [1, 2], PLAIN)
    assert not lines(made.path / "dropped")
    (trace,) = made.to_dataset("traces")
    assert [(each["rounds"], each["reason"]) for each in trace["dropped_pairs"]] == [([1, 2], "repetition")]
    assert [row["messages"][-1]["content"] for row in made.to_dataset("sft")] == [PLAIN]


def test_rows_carry_flags(run: Run) -> None:
    """A list of names on every preference row; drops have the detail."""
    rows = run.to_dataset()
    assert dict(zip(rows["id"], rows["flags"], strict=True))["r4"] == ["length_ratio"]
    assert rows["flags"][0] == []
    dropped = {row["id"]: row for row in run.to_dataset("drops")}
    assert "12 times in a row" in dropped["r1"]["detail"]


def test_other_filters_need_no_engine(run: Run) -> None:
    """A data set under other effects, or with a filter of one's own."""
    assert set(run.to_dataset(filters={"all": "keep"})["id"]) == {"r0", "r1", "r2", "r3", "r4"}
    assert set(run.to_dataset(filters={"meta_talk": "drop", "length_ratio": "drop"})["id"]) == {"r0"}
    asked = Filter("asks_two", lambda pair: "2" in pair.conversation[-1].content)
    dropped = run.to_dataset("drops", filters={asked & FILTERS["meta_talk"]: "drop"})
    assert {row["id"]: row["detail"] for row in dropped if row["reason"] == "filtered"} == {
        "r2": 'asks_two & meta_talk: asks_two: asks_two; meta_talk: "I have removed"'
    }
    with pytest.raises(SettingsError, match="did you mean meta_talk"):
        run.to_dataset(filters={"metatalk": "drop"})


def test_an_export_has_its_own_counts_and_says_so(run: Run, tmp_path: Path) -> None:
    """Sums of the export follow its filters; the card lists them, and the command that makes it again."""
    own = Filter("short", lambda pair: len(pair.chosen) < 20, "a chosen text of less than 20 characters")
    done = run.export(tmp_path / "data", filters={"meta_talk": "drop", own: "flag"})
    assert dict(done.sums.pairs_dropped) == {"equal": 1, "repetition": 1, "meta_talk": 1}
    assert run.summary()["pairs"]["dropped"] == {"equal": 1, "repetition": 1}
    card = (tmp_path / "data" / "README.md").read_text()
    assert "| `meta_talk` | the chosen text speaks of its own rewriting | drop | 1 |" in card
    assert "| `short` | a chosen text of less than 20 characters | flag | 2 |" in card
    assert "--filter meta_talk=drop\n" in card
    assert "| `flagged_length_ratio` |" in card


def test_effects_are_settings(tmp_path: Path) -> None:
    """They stand in the manifest by name; the same ones go on, others are refused by name."""
    constitution = tiny(tmp_path)
    made = constitution.generate(
        ITEMS,
        tmp_path / "run",
        model=ScriptedEngine(said),
        rounds=1,
        verify="none",
        filters={"all": "keep", "meta_talk": "drop"},
    )
    manifest = orjson.loads((made.path / "manifest.json").read_bytes())
    assert manifest["settings"]["filters"] == {"meta_talk": "drop"}
    assert set(flags(made.pairs())) == {"r0", "r1", "r3", "r4"}
    same = {"all": "keep", "meta_talk": "drop", "repetition": "keep"}
    constitution.generate(ITEMS, tmp_path / "run", model=ScriptedEngine(said), rounds=1, verify="none", filters=same)
    with pytest.raises(InputError, match=r"filters\.meta_talk was 'drop', is 'flag'"):
        constitution.generate(ITEMS, tmp_path / "run", model=ScriptedEngine(said), rounds=1, verify="none")


def test_a_run_of_before_there_were_filters_opens(run: Run, tmp_path: Path) -> None:
    """It has none: its pairs are what its sums say."""
    made = tiny(tmp_path).generate(
        ITEMS, tmp_path / "run", model=ScriptedEngine(said), rounds=1, verify="none", filters={"all": "keep"}
    )
    path = made.path / "manifest.json"
    manifest = orjson.loads(path.read_bytes())
    assert manifest["settings"].pop("filters") == {}
    path.write_bytes(orjson.dumps(manifest))
    older = Run.open(made.path)
    assert len(list(older.pairs())) == older.summary()["pairs"]["kept"] == 5
    manifest["settings"]["filters"] = {"from_the_future": "drop"}
    path.write_bytes(orjson.dumps(manifest))
    with pytest.raises(StoreError, match="A newer version made this run"):
        Run.open(made.path)


def test_a_resumed_run_has_the_same_files(run: Run, tmp_path: Path) -> None:
    """A shard that is made again from the journal gives the same drops, byte for byte."""
    made = tiny(tmp_path).generate(ITEMS, tmp_path / "run", model=ScriptedEngine(said), rounds=1, verify="none")
    before = sealed_files(made.path)
    assert "dropped_pairs/00000.jsonl" in before
    for ending in (".parquet", ".json"):
        (made.path / "shards" / f"00000{ending}").unlink()
    (made.path / "dropped_pairs" / "00000.jsonl").unlink()
    tiny(tmp_path).generate(ITEMS, tmp_path / "run", model=ScriptedEngine(said), rounds=1, verify="none")
    assert sealed_files(made.path) == before


def test_a_fine_draft_that_loops_is_dropped(tmp_path: Path) -> None:
    """It would be a row to train on."""

    def fine(request: Request) -> str:
        found = '{"applies": true, "violates": false, "severity": 0, "critique": "Nothing."}'
        return (LOOP if request.record == "r1" else PLAIN) if request.stage == "draft" else found

    made = tiny(tmp_path).generate(
        ITEMS[:2], tmp_path / "run", model=ScriptedEngine(fine), rounds=1, verify="none", verdict_first=True
    )
    summary = made.summary()
    assert (summary["fine"], summary["reasons"]) == (1, {"repetition": 1})
    assert summary["pairs"]["proposed"] == 0
    assert made.to_dataset("sft")["id"] == ["r0"]
    (line,) = lines(made.path / "dropped")
    assert "12 times in a row" in line["detail"]


@pytest.mark.parametrize(
    ("closing", "kept"), [("I hope this revised answer is kinder.", False), ("I hope this helps.", True)]
)
def test_a_closing_remark_goes_from_a_revision(tmp_path: Path, closing: str, kept: bool) -> None:
    """And is told with what was stripped."""

    def closed(request: Request) -> str:
        texts = {"draft": "A first answer.", "critique": "It is not kind."}
        return texts.get(request.stage) or f"Here is the revised answer:\n\n{PLAIN}\n\n{closing}"

    revised = tiny(tmp_path).revise("Q?", model=ScriptedEngine(closed), rounds=1, verify="none")
    assert not isinstance(revised, list)
    assert revised.text == (f"{PLAIN}\n\n{closing}" if kept else PLAIN)
    (round,) = revised.rounds
    assert round.revision is not None
    opening = "Here is the revised answer:"
    assert round.revision.preamble == (opening if kept else f"{opening}\n\n{closing}")


def test_a_truncated_answer_is_never_chosen(tmp_path: Path) -> None:
    """Neither side of a pair, nor a row: its round gives nothing, a draft drops its record."""

    class Cutting(ScriptedEngine):
        async def answer(self, request: Request) -> Completion:
            cut = request.stage == ("draft" if request.record == "r0" else "revise")
            return Completion(said(request), finish_reason="length" if cut else "stop")

    made = tiny(tmp_path).generate(ITEMS[:2], tmp_path / "run", model=Cutting(), rounds=1, verify="none")
    assert made.summary()["reasons"] == {"truncated": 2}
    assert not list(made.pairs())
    assert made.to_dataset("sft").num_rows == 0


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--filter", "meta_talk=drop"], 0, "6 proposed"),
        (["--filter", "all=keep", "--filter", "repetition=flag"], 0, "5 kept"),
        (["--filter", "meta_talk"], 2, "expected NAME=EFFECT"),
        (["--filter", "metatalk=drop"], 2, "did you mean meta_talk"),
        (["--filter", "meta_talk=hide"], 2, "none of drop, flag, keep"),
        (["--filter", "meta_talk=drop", "--filter", "meta_talk=flag"], 2, "each filter once"),
        (["--max-length", "100"], 2, "--tokenizer"),
    ],
)
def test_the_command(run: Run, tmp_path: Path, options: list[str], code: int, message: str) -> None:
    """`export` takes `--filter`, and refuses what is none with 2."""
    done = CliRunner().invoke(app, ["export", str(run.path), "--out", str(tmp_path / "data"), *options])
    assert done.exit_code == code, done.output
    assert message in " ".join(done.output.split())


def test_a_run_file_names_filters(tmp_path: Path) -> None:
    """Names and effects are checked at their place."""
    (tmp_path / "run.yaml").write_text(
        "constitution: balanced\nmodel: scripted\nout: run\nprompts: p.jsonl\nfilters:\n  repetitions: drop\n"
    )
    done = CliRunner().invoke(app, ["generate", str(tmp_path / "run.yaml")])
    assert done.exit_code == 2
    assert "run.yaml:6:" in done.output.replace("\n", "")
    done = CliRunner().invoke(app, ["generate", str(tmp_path / "run.yaml"), "--set", "filters.repetition=hide"])
    assert done.exit_code == 2


def test_constitutions_revise_with_filters(tmp_path: Path) -> None:
    """In a notebook the same filters hold."""
    engine = ScriptedEngine(lambda request: LOOP if request.stage == "revise" else "A first answer.")
    constitution: Constitution = tiny(tmp_path)
    (one,) = constitution.revise(["Q?"], model=engine, rounds=1)  # type: ignore[misc]  # a list gives a list
    assert (one.outcome, one.reason) == ("dropped", "repetition")
    (one,) = constitution.revise(["Q?"], model=engine, rounds=1, verify="none", filters={"repetition": "flag"})  # type: ignore[misc]
    assert one.pairs[0].flags[0] == "repetition"
