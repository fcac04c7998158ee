"""The label card of runs: judges of known habits show in the right figure, wherever the card is looked at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from constitution import Completion, Request, Run, ScriptedEngine
from constitution.cli.app import app
from constitution.digest import uniform
from constitution.display import draw
from constitution.errors import InputError, StoreError
from constitution.run.labels import write_label_card
from constitution.steps.label_card import LabelCard
from constitution.steps.label_sums import LabelSums
from constitution.store.folder import Manifest, RunFolder
from tests.display.seen import printed
from tests.scripted_runs import prompts, tiny

RULES = """\
schema: 1
name: rules
version: "1"
principles:
  - {id: short, text: Answers are short., negation: Answers are long., preference: Which is shorter?,
     asks: Is it short?, critique: Where is it long?, revision: Shorten it.}
  - {id: kind, text: Answers are kind., negation: Answers are rude., preference: Which is kinder?, asks: Is it kind?,
     critique: Where is it rude?, revision: Mend it.}
"""
Odds = Callable[[str, str], float]


def worth(text: str) -> float:
    """How good a text is, by its digest."""
    return 6 * uniform("worth", text) - 3


def judge(odds: Odds, *, yes: float = 0.0, mass: float = 0.9) -> ScriptedEngine:
    """Drafts of different lengths, and a judge with such log-odds for what stands first."""

    def script(request: Request) -> str | Completion:
        if request.role != "judge":
            made = "Revised" if request.stage == "revise" else "Answer"
            return f"{made} {request.key[:6]}" + " word" * int(uniform("words", request.key) * 40)
        said = request.messages[-1].content
        shown = re.findall(r"<(answer(?:-[AB])?)-([0-9a-f]{8})>\n(.*?)\n</\1-\2>", said, re.DOTALL)
        texts = [text for _, _, text in shown]
        if len(texts) == 1:
            good = odds(texts[0], "")
            first = (-good if "Is the true reply to that no?" in said else good) + yes
        else:
            first = odds(*texts)
        p = 1 / (1 + 2.718281828459045**-first)
        return Completion("A", logprobs=(log(mass * p), log(mass * (1 - p))))

    return ScriptedEngine(script)


def by_worth(first: str, second: str) -> float:
    """An oracle's: a text alone is held against 0."""
    return worth(first) - (worth(second) if second else 0)


HABITS: dict[str, Odds] = {
    "oracle": by_worth,
    "place": lambda first, second: 3.0 if second else 0.0,
    "last": lambda first, second: -3.0 if second else 0.0,
    "longer": lambda first, second: (len(first) - len(second)) / 10,
    "nothing": lambda first, second: 0.0,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of each habit, over the same answers."""
    folder = tmp_path_factory.mktemp("labels")
    for name, odds in HABITS.items():
        made(folder, name, odds)
    return folder


UNEXAMINED: dict[str, Any] = {"examine": 0, "anyway": True}


def made(folder: Path, name: str, odds: Odds, **settings: Any) -> Run:
    """A judged run of 60 prompts in three chunks."""
    asked: dict[str, Any] = (
        {
            "recipe": "ai_feedback",
            "judge_read": "both",
            "judge_principles": 0,
            "chunk_size": 20,
        }
        | UNEXAMINED
        | settings
    )
    return tiny(folder, RULES, "rules.yaml").generate(prompts(60), folder / name, model=judge(odds), **asked)


def card(folder: Path, name: str) -> LabelCard:
    """Of one of the runs."""
    found = Run.open(folder / name).labels
    assert found is not None
    return found


def value(found: Any) -> float:
    """Of an interval that is there."""
    assert found is not None
    return float(found.value)


def test_an_oracle(folder: Path) -> None:
    """No flips, everything readable, both ways of asking agree, and length plays no part."""
    found = card(folder, "oracle")
    assert (value(found.flips), value(found.unreadable), value(found.reads_agree)) == (0.0, 0.0, 1.0)
    assert value(found.decided) + value(found.ties) == pytest.approx(1)
    assert value(found.label_mass) == pytest.approx(0.9)
    assert not [measure.name for measure, each in found.figures() if measure.bad(each)]


@pytest.mark.parametrize(("name", "first"), [("place", 1.0), ("last", 0.0)])
def test_a_judge_that_goes_by_place(folder: Path, name: str, first: float) -> None:
    """All flips, all of them to one place, and no label."""
    found = card(folder, name)
    assert (value(found.flips), value(found.flips_to_first), value(found.decided)) == (1.0, first, 0.0)
    assert "flips" in [measure.name for measure, each in found.figures() if measure.bad(each)]


def test_a_judge_that_likes_length(folder: Path) -> None:
    """The longer answer always wins; an oracle's labels have nothing to do with it."""
    found = card(folder, "longer")
    assert value(found.longer_wins) == 1.0
    assert value(found.length_correlation) > 0.8
    assert abs(value(card(folder, "oracle").length_correlation)) < 0.3


def test_a_judge_that_knows_nothing(folder: Path) -> None:
    """Ties, one bit of entropy, and no flips: it likes no place."""
    found = card(folder, "nothing")
    assert (value(found.ties), value(found.entropy), value(found.flips)) == (1.0, 1.0, 0.0)
    assert found.longer_wins is None


def test_a_judge_that_says_yes(tmp_path: Path) -> None:
    """Its two wordings disagree."""
    engine = judge(lambda first, second: 0.1, yes=3.0)
    run = tiny(tmp_path, RULES).generate(
        prompts(5), tmp_path / "run", model=engine, recipe="ai_feedback", judge_read="scoring", **UNEXAMINED
    )
    assert run.labels is not None
    assert value(run.labels.wordings_differ) == 1.0
    assert run.labels.flips is None


def test_a_judge_that_finds_revisions_worse(tmp_path: Path) -> None:
    """The text that was meant to be better loses, under every principle."""

    def against_revisions(first: str, second: str) -> float:
        return 4.0 * (second.startswith("Revised") - first.startswith("Revised"))

    run = tiny(tmp_path, RULES).generate(
        prompts(20), tmp_path / "run", model=judge(against_revisions), verify="judge", rounds=1, **UNEXAMINED
    )  # fmt: skip
    found = run.labels
    assert found is not None
    assert value(found.meant_wins) == 0.0
    assert found.pairs == 20
    assert {each.id: value(each.meant_wins) for each in found.by_principle} == {"short": 0.0, "kind": 0.0}
    assert [measure.name for measure, each in found.figures() if measure.bad(each)] == ["meant_wins"]


def test_the_side_of_a_principle_is_meant_to_win(tmp_path: Path) -> None:
    """In a contrast, whichever of the two texts is asked about first."""
    run = tiny(tmp_path, RULES).generate(
        prompts(20), tmp_path / "run", model=judge(by_worth), recipe="contrast", verify="judge", **UNEXAMINED
    )  # fmt: skip
    found, pairs = run.labels, list(run.pairs())
    assert found is not None
    kept = [pair for pair in pairs if not pair.flags]
    assert found.sums.pairs["meant_wins"] == len(kept)
    assert found.sums.pairs["meant_decided"] == found.sums.pairs["decided"] > len(kept)


def test_the_seals_have_all_of_it(folder: Path) -> None:
    """The card is the sum of what stands in the seals, and that is what a count over the chains gives."""
    run = Run.open(folder / "longer")
    total, counted = LabelSums(), LabelSums()
    for path in sorted((run.path / "shards").glob("*.json")):
        total.add(LabelSums.from_json(orjson.loads(path.read_bytes())["sums"]["labels"]))
    found = card(folder, "longer")
    for chain in run.traces():
        counted.count(chain, found.labelling)
    assert found.sums == total == counted == run._opened.sums().labels
    assert found.sums.chains == 60


def test_labels_json_is_the_card(folder: Path) -> None:
    """The file, `show --json` and Python say the same; a run without a judge has none."""
    run = Run.open(folder / "oracle")
    expected = card(folder, "oracle").to_json()
    assert orjson.loads((run.path / "labels.json").read_bytes()) == expected
    assert run.summary()["labels"] == expected
    plain = tiny(folder).generate(prompts(2), folder / "plain", model="scripted")
    assert plain.labels is None
    assert "labels" not in plain.summary()
    assert not (plain.path / "labels.json").exists()


def test_a_file_that_is_gone_comes_back(tmp_path: Path) -> None:
    """Where nothing is left to do, too."""
    run = made(tmp_path, "run", by_worth)
    before = (run.path / "labels.json").read_bytes()
    (run.path / "labels.json").unlink()
    made(tmp_path, "run", by_worth)
    assert (run.path / "labels.json").read_bytes() == before


def test_old_seals_are_counted_from_their_shards(tmp_path: Path) -> None:
    """A seal without labels, as an older version wrote it."""
    run = made(tmp_path, "run", by_worth)
    expected = run.labels
    for path in (run.path / "shards").glob("*.json"):
        seal = orjson.loads(path.read_bytes())
        del seal["sums"]["labels"]
        path.write_bytes(orjson.dumps(seal))
    assert Run.open(run.path).labels == expected


def test_an_unfinished_run_says_what_is_not_counted(tmp_path: Path) -> None:
    """Chunks without a seal are named."""
    run = made(tmp_path, "run", by_worth)
    (run.path / "shards" / "00001.json").unlink()
    found = Run.open(run.path).labels
    assert found is not None
    assert (found.uncounted, found.sums.chains) == (1, 40)
    assert "1 chunk is not finished" in printed(draw(Run.open(run.path).page()))


def test_shards_merge_to_the_same_card(tmp_path: Path) -> None:
    """As one process would have counted, with the examination of the parts."""
    whole = made(tmp_path, "whole", HABITS["longer"])
    parts = [made(tmp_path, f"part{n}", HABITS["longer"], shard=f"{n}/2") for n in range(2)]
    for part in parts:
        examine(part.path)
    merged = Run.merge([part.path for part in parts], tmp_path / "merged").labels
    assert merged is not None
    assert merged.examined is not None
    assert whole.labels == replace(merged, examined=None)
    assert orjson.loads((tmp_path / "merged" / "labels.json").read_bytes()) == merged.to_json()


def readme(runs: Iterable[Run], out: Path, **options: Any) -> str:
    """The card of an export."""
    from constitution.api import export_runs

    export_runs(list(runs), out, **options)
    return (out / "README.md").read_text()


def test_an_export_counts_under_its_own_band(folder: Path, tmp_path: Path) -> None:
    """With a band of 100 all pairs are ties, in the card of the export and nowhere else."""
    run = Run.open(folder / "oracle")
    own, wide = readme([run], tmp_path / "own"), readme([run], tmp_path / "wide", tie_band=100)
    assert "| ties | 100.0 %" in wide
    assert f"| ties | {100 * value(card(folder, 'oracle').ties):.1f} %" in own
    assert "| ties | 100.0 %" not in own


def test_the_data_set_tells_of_two_judges(folder: Path, tmp_path: Path) -> None:
    """A table for each run, what the figures mean once, and how often the judges agree."""
    runs = [Run.open(folder / name) for name in ("oracle", "longer")]
    said = readme(runs, tmp_path / "data")
    found = runs[0].agreement(runs[1])
    assert found.share is not None
    assert f"prefer the same answer in {100 * found.share.value:.1f} %" in said
    assert said.count("| orders disagree |") == 2
    assert said.count("- **orders disagree**") == 1
    assert "Lee et al." in said


def examine(path: Path, verdict: str = "position-locked", *, passed: bool = False) -> None:
    """Put an examination beside a run."""
    data = {
        "passed": passed, "verdict": verdict, "why": "57.0 % of the pairs flip.", "judge": {"name": "demo"},
        "sets": [{"name": "checks"}, {"name": "cases"}],
        "figures": {"accuracy": {"value": 0.51, "low": 0.47, "high": 0.55, "n": 400}},
    }  # fmt: skip
    (path / "examination").mkdir(exist_ok=True)
    (path / "examination" / "examination.json").write_bytes(orjson.dumps(data))


def test_an_examination_is_told(tmp_path: Path) -> None:
    """In `show` and at the top of the data set's card; without one both say so."""
    run = made(tmp_path, "run", by_worth)
    assert "not examined" in printed(draw(run.page()))
    assert "**Not examined.**" in readme([run], tmp_path / "none")
    examine(run.path)
    shown = printed(draw(run.page()), width=200)
    assert "position-locked" in shown
    assert "51.0 % right (47.0 to 55.0) on checks, cases" in shown
    said = readme([run], tmp_path / "failed")
    assert "**Not passed.**" in said
    assert "57.0 % of the pairs flip." in said
    examine(run.path, "passed", passed=True)
    said = readme([run], tmp_path / "passed")
    assert "**passed**" in said
    assert "**Not passed.**" not in said


def test_a_broken_examination_is_refused(tmp_path: Path) -> None:
    """With its path, and what to do."""
    run = made(tmp_path, "run", by_worth)
    (run.path / "examination").mkdir()
    (run.path / "examination" / "examination.json").write_text('{"verdict": "passed"}')
    with pytest.raises(StoreError, match=r"examination\.json: cannot read the examination.*delete it"):
        _ = run.labels


def test_show_holds_two_runs_together(folder: Path) -> None:
    """As a page and as JSON; a run without a judge is refused."""
    paths = [str(folder / name) for name in ("oracle", "longer")]
    page = CliRunner().invoke(app, ["show", paths[0], "--against", paths[1]])
    found = Run.open(paths[0]).agreement(Run.open(paths[1]))
    assert found.share is not None
    assert f"agrees in {100 * found.share.value:.1f} %" in " ".join(page.output.split())
    data = CliRunner().invoke(app, ["show", paths[0], "--against", paths[1], "--json"])
    assert orjson.loads(data.stdout)["agreement"] == found.to_json()
    plain = tiny(folder).generate(prompts(2), folder / "unjudged", model="scripted")
    with pytest.raises(InputError, match="no judge was asked in this run"):
        Run.open(paths[0]).agreement(plain)


def test_a_card_can_be_written_again(folder: Path) -> None:
    """The same bytes, out of the seals."""
    path = folder / "place"
    before = (path / "labels.json").read_bytes()
    write_label_card(RunFolder(path), Manifest.read(path / "manifest.json"))
    assert (path / "labels.json").read_bytes() == before
