"""Wanted against given in runs: what over-refuses is seen, what would teach it goes, and everything says the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from constitution import Completion, Request, Revised, Run, ScriptedEngine
from constitution.cli.app import app
from constitution.display import draw
from constitution.steps.refusal_card import SIDES
from constitution.steps.refusal_sums import RefusalSums
from tests.display.seen import printed
from tests.scripted_runs import tiny
from tests.steps.refusing import ANSWER, FULL, PARTIAL, RULES, UNREAD

CASES: dict[str, tuple[list[str], str, str]] = {
    "over": (["benign"], FULL, ANSWER),
    "teaches": (["benign"], ANSWER, FULL),
    "breaks": (["harmful"], FULL, ANSWER),
    "keeps": (["harmful"], ANSWER, FULL),
    "both": (["harmful"], FULL, FULL + " Please talk to somebody you trust."),
    "strict": (["benign", "harmful"], ANSWER, FULL),
    "partly": (["dual_use"], FULL, PARTIAL),
    "untold": ([], ANSWER, FULL),
    "unread": (["benign"], UNREAD, ANSWER),
}
"""Tags, draft and revision of each record."""
ITEMS = [{"id": id, "prompt": f"Question {id}?", "tags": tags} for id, (tags, _, _) in CASES.items()]


def said(request: Request) -> str:
    _, draft, revision = CASES[request.record]
    return {"draft": draft, "critique": "It does not help.", "revise": revision}[request.stage]


def made(folder: Path, name: str = "run", rules: str = RULES, **settings: Any) -> Run:
    asked: dict[str, Any] = {"rounds": 1, "verify": "none", "chunk_size": 3} | settings
    return tiny(folder, rules, "rules.yaml").generate(ITEMS, folder / name, model=ScriptedEngine(said), **asked)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made(tmp_path_factory.mktemp("refusals"))


def test_what_teaches_a_needless_refusal_goes(run: Run) -> None:
    """And nothing else: what corrects one stays, and the rest is flagged."""
    flags = {pair.record: pair.flags for pair in run.pairs()}
    assert flags == {
        "over": (), "breaks": ("chosen_answers",), "keeps": (), "both": ("both_refuse",), "strict": (), "partly": (),
        "untold": ("chosen_refuses",), "unread": (),
    }  # fmt: skip
    assert run.summary()["reasons"] == {"teaches_refusal": 1}
    (line,) = map(orjson.loads, (run.path / "dropped_pairs" / "00000.jsonl").read_bytes().splitlines())
    assert (line["id"], line["detail"], line["chosen"]) == ("teaches", "wanted answer, chosen refuse", FULL)


def test_the_table(run: Run) -> None:
    """Drafts of all inputs, both sides of all kept pairs; rates of what was read."""
    card = run.refusals
    assert card.table("drafts") == {
        "answer": {"answer": 1, "partial": 0, "refuse": 1, "not read": 1},
        "partial": {"answer": 0, "partial": 0, "refuse": 1, "not read": 0},
        "refuse": {"answer": 2, "partial": 0, "refuse": 2, "not read": 0},
        "not stated": {"answer": 1, "partial": 0, "refuse": 0, "not read": 0},
    }
    assert [card.total(side) for side in SIDES] == [9, 8, 8, 0]
    assert card.table("chosen")["answer"] == {"answer": 2, "partial": 0, "refuse": 0, "not read": 0}
    assert card.table("rejected")["answer"] == {"answer": 0, "partial": 0, "refuse": 1, "not read": 1}
    over, breach = card.rate("over_refusal", "drafts"), card.rate("breach", "chosen")
    assert over is not None
    assert breach is not None
    assert (over.value, over.n, breach.value, breach.n) == (0.5, 2, 0.25, 4)
    assert (card.counterweights, card.teaching, card.dropped_teaching) == (1, 0, 1)


def test_the_seals_have_all_of_it(run: Run, tmp_path: Path) -> None:
    """The card is the sum of the seals; a seal of an older version is counted from its shard."""
    total = RefusalSums()
    for path in (run.path / "shards").glob("*.json"):
        total.add(RefusalSums.from_json(orjson.loads(path.read_bytes())["sums"]["refusals"]))
    assert run.refusals.sums == total
    older = made(tmp_path)
    for path in (older.path / "shards").glob("*.json"):
        seal = orjson.loads(path.read_bytes())
        del seal["sums"]["refusals"]
        path.write_bytes(orjson.dumps(seal))
    assert Run.open(older.path).refusals == run.refusals


def test_shards_merge_to_the_same_card(run: Run, tmp_path: Path) -> None:
    """As one process would have counted."""
    parts = [made(tmp_path, f"part{n}", shard=f"{n}/2") for n in range(2)]
    assert Run.merge([part.path for part in parts], tmp_path / "merged").refusals == run.refusals


def test_a_chunk_that_is_not_finished_is_told(run: Run, tmp_path: Path) -> None:
    """It is not counted."""
    part = made(tmp_path)
    (part.path / "shards" / "00001.json").unlink()
    card = Run.open(part.path).refusals
    assert (card.uncounted, card.total("drafts")) == (1, 6)
    assert "refusals not counted: 1 chunk is not finished" in printed(draw(Run.open(part.path).page()))
    assert made(tmp_path).refusals == run.refusals


def test_show(run: Run) -> None:
    """The table on 80 columns, and the same as JSON."""
    lines = printed(draw(run.page()), width=80).splitlines()
    rows = [" ".join(line.split()) for line in lines]
    assert "texts wanted answer partial refuse not read" in rows
    assert "drafts answer 1 0 1 1" in rows
    assert "over-refusal drafts 50.0 % 9.5 to 90.5 2" in rows
    assert "refusals 1 kept pair rejects a needless refusal; 1 dropped as teaches_refusal" in rows
    assert max(map(len, lines)) <= 80
    shown = CliRunner().invoke(app, ["show", str(run.path), "--json"])
    assert orjson.loads(shown.stdout)["refusals"] == run.refusals.to_json()


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        (RULES.replace("respond:", "description: a\n#"), "the constitution has no `respond`"),
        (
            RULES.replace("{harmful: refuse, dual_use: partial, benign: answer}", "{rude: answer}"),
            "no prompt has a tag",
        ),
    ],
)
def test_where_nothing_is_wanted_one_line_says_so(tmp_path: Path, rules: str, why: str) -> None:
    """Nothing is dropped for a refusal, every refusal is flagged, and all columns say `not stated`."""
    run = made(tmp_path, rules=rules)
    said = printed(draw(run.page()), width=300)
    assert "4 of 9 drafts refuse (0 more in part), 5 of 9 chosen texts refuse (1 more in part)" in said
    assert why in said
    assert "wanted against given" not in said
    assert run.summary()["pairs"]["kept"] == 9
    rows = run.to_dataset()
    assert set(rows["wanted"]) == {"not stated"}
    assert {row["id"] for row in rows if "chosen_refuses" in row["flags"]} == {
        "teaches", "keeps", "both", "strict", "untold", "partly",
    }  # fmt: skip
    run.export(tmp_path / "data")
    page = (tmp_path / "data" / "README.md").read_text()
    assert "What was wanted is not stated for any prompt. 4 of 9 drafts refuse" in page
    assert "over-refusal" not in page


def test_columns(run: Run) -> None:
    """Every row says what was wanted and what its texts refuse; nothing is null."""
    rows = {row["id"]: (row["wanted"], row["chosen_refusal"], row["rejected_refusal"]) for row in run.to_dataset()}
    assert rows == {
        "over": ("answer", "none", "full"), "breaks": ("refuse", "none", "full"), "keeps": ("refuse", "full", "none"),
        "both": ("refuse", "full", "full"), "strict": ("refuse", "full", "none"),
        "partly": ("partial", "partial", "full"),
        "untold": ("not stated", "full", "none"), "unread": ("answer", "none", "not read"),
    }  # fmt: skip
    sft = {row["id"]: (row["wanted"], row["refusal"]) for row in run.to_dataset("sft")}
    assert sft == {id: (wanted, chosen) for id, (wanted, chosen, _) in rows.items()}


def test_an_export_counts_under_its_own_filters(run: Run, tmp_path: Path) -> None:
    """By default as the run; what is kept on request is told at the top of the card."""
    run.export(tmp_path / "own")
    own = (tmp_path / "own" / "README.md").read_text()
    assert "| drafts | answer | 1 | 0 | 1 | 1 |" in own
    assert "| over-refusal: an answer is wanted, the text refuses | 50.0 % (9.5 to 90.5) of 2 | 0.0 %" in own
    assert "the counterweight: 1." in own
    assert "Pairs and fine drafts dropped as `teaches_refusal`: 1." in own
    assert "(`harmful` refuse, `dual_use` partial, `benign` answer)" in own
    assert "**Teaches needless refusals.**" not in own
    assert "**Answers what was to be refused.** A refusal was wanted and the chosen text answers in 1 " in own
    done = run.export(tmp_path / "all", filters={"teaches_refusal": "keep", "chosen_answers": "drop"})
    kept = (tmp_path / "all" / "README.md").read_text()
    assert "**Teaches needless refusals.** An answer was wanted and the chosen text refuses in 1 " in kept
    assert "**Answers what was to be refused.**" not in kept
    assert done.sums.refusals is not None
    assert done.sums.refusals.dropped == {"chosen_answers": 1}
    assert run.refusals.dropped_teaching == 1


def test_two_runs_are_one_table(run: Run, tmp_path: Path) -> None:
    """Each with what its own constitution wants."""
    from constitution.api import export_runs

    other = made(tmp_path, "other", RULES.replace("respond:", "description: a\n#"))
    export_runs([run, other], tmp_path / "data")
    page = (tmp_path / "data" / "README.md").read_text()
    assert "| drafts | answer | 1 | 0 | 1 | 1 |" in page
    assert "| drafts | not stated | 5 | 0 | 4 | 1 |" in page
    assert "`harmful` refuse" not in page


def test_a_fine_draft_that_refuses_needlessly_is_no_row(tmp_path: Path) -> None:
    """It would teach to refuse; one that refuses what is to be refused stays."""

    def fine(request: Request) -> str:
        found = '{"applies": true, "violates": false, "severity": 0, "critique": "Nothing."}'
        return FULL if request.stage == "draft" else found

    items = [item for item in ITEMS if item["id"] in ("over", "keeps", "untold")]
    run = tiny(tmp_path, RULES).generate(
        items, tmp_path / "run", model=ScriptedEngine(fine), rounds=1, verify="none", verdict_first=True
    )
    assert run.summary()["reasons"] == {"teaches_refusal": 1}
    assert set(run.to_dataset("sft")["id"]) == {"keeps", "untold"}
    card = run.refusals
    assert (card.dropped_teaching, card.sums.turned_down) == (1, {"teaches_refusal": 1})
    assert (card.total("drafts"), card.total("chosen")) == (3, 0)


def test_filters_are_settings_of_the_run(tmp_path: Path) -> None:
    """A run that keeps such pairs says so."""
    run = made(tmp_path, filters={"teaches_refusal": "flag"})
    flags = {pair.record: pair.flags for pair in run.pairs()}
    assert flags["teaches"] == ("teaches_refusal", "chosen_refuses")
    assert run.refusals.teaching == 1
    assert "1 kept pair teaches to refuse where an answer is wanted" in printed(draw(run.page()), width=200)


def finds_nothing(request: Request) -> str:
    """Refuses what is benign, answers the rest, and finds both fine."""
    if request.stage == "draft":
        return FULL if request.record.startswith("benign") else ANSWER
    return '{"applies": true, "violates": false, "severity": 0, "critique": "Nothing."}'


def test_fine_drafts_that_teach_what_is_wrong_are_told(tmp_path: Path) -> None:
    """They are rows of `sft` without a pair: `show` and the card of a data set that has such rows count and warn."""
    items = [{"id": f"{tag}{n}", "prompt": f"{tag} {n}?", "tags": [tag]} for tag in ("benign", "harmful") for n in "12"]
    run = tiny(tmp_path, RULES).generate(
        items, tmp_path / "run", model=ScriptedEngine(finds_nothing), rounds=1, verify="none", verdict_first=True,
        filters={"teaches_refusal": "flag"},
    )  # fmt: skip
    card = run.refusals
    assert (card.fine_teaching, card.fine_breaches, card.teaching, card.breaches) == (2, 2, 0, 0)
    assert card.total("fine") == len(run.to_dataset("sft")) == 4
    shown = printed(draw(run.page()), width=200)
    assert "2 fine drafts teach to refuse where an answer is wanted" in shown
    assert "2 fine drafts answer where a refusal is wanted" in shown
    warned = ("**Fine drafts teach needless refusals.**", "**Fine drafts answer what was to be refused.**")
    for name, settings, there in (
        ("all", {}, True), ("pairs", {"to": "preference"}, False), ("none", {"fine": False}, False),
        ("drop", {"filters": {"teaches_refusal": "drop", "chosen_answers": "drop"}}, False),
    ):  # fmt: skip
        run.export(tmp_path / name, **{"to": ("preference", "sft")} | settings)
        page = (tmp_path / name / "README.md").read_text()
        assert [text in page for text in warned] == [there, there], name
    assert "| fine drafts | answer | 0 | 0 | 2 | 0 |" in (tmp_path / "all" / "README.md").read_text()


def test_a_notebook_drops_it_too(tmp_path: Path) -> None:
    """`revise` settles by the constitution's own `respond`."""
    revised = tiny(tmp_path, RULES).revise(
        [{"id": "teaches", "prompt": "Q?", "tags": ["benign"]}, {"id": "over", "prompt": "P?", "tags": ["benign"]}],
        model=ScriptedEngine(said),
        rounds=1,
        verify="none",
    )
    assert isinstance(revised, list)
    teaches, over = revised
    assert isinstance(teaches, Revised)
    assert (teaches.outcome, teaches.reason) == ("dropped", "teaches_refusal")
    (pair,) = over.pairs
    assert (pair.wanted, pair.chosen_refusal, pair.rejected_refusal) == ("answer", "none", "full")


def likes_refusals(request: Request) -> str | Completion:
    """Answers or refuses by chance; the negation of the principle refuses; as a judge it prefers the refusal."""
    if request.role == "judge":
        shown = request.messages[-1].content
        logprobs = (-0.01, -4.6) if shown.index(FULL) < shown.index(ANSWER) else (-4.6, -0.01)
        return Completion("A", logprobs=logprobs)
    if request.messages[0].role == "system":
        return FULL if "do not help" in request.messages[0].content else ANSWER
    return FULL if request.key[0] in "01234567" else ANSWER


def test_a_judge_that_likes_refusals_teaches_none(tmp_path: Path) -> None:
    """Of AI feedback too, pairs that prefer a needless refusal go; where one is wanted they stay."""
    items = [{"id": f"r{n}", "prompt": f"Q {n}?", "tags": ["benign" if n % 2 else "harmful"]} for n in range(20)]
    run = tiny(tmp_path, RULES).generate(
        items, tmp_path / "run", model=ScriptedEngine(likes_refusals), recipe="ai_feedback", examine=0, anyway=True
    )
    summary, card = run.summary(), run.refusals
    kept = {pair.record: (pair.wanted, pair.chosen_refusal, pair.rejected_refusal) for pair in run.pairs()}
    assert kept
    assert set(kept.values()) == {("refuse", "full", "none")}
    assert summary["reasons"]["teaches_refusal"] == card.dropped_teaching > 0
    assert (card.total("drafts"), card.total("chosen")) == (20, len(kept))


def test_contrast_has_pairs_and_no_drafts(tmp_path: Path) -> None:
    """Its answers were made under a principle: they are not what anybody would have got."""
    run = tiny(tmp_path, RULES).generate(
        ITEMS, tmp_path / "run", model=ScriptedEngine(likes_refusals), recipe="contrast", verify="none"
    )
    card = run.refusals
    assert {(pair.chosen_refusal, pair.rejected_refusal) for pair in run.pairs()} == {("none", "full")}
    assert (card.total("drafts"), card.total("chosen"), card.counterweights) == (0, len(CASES), 3)


def test_a_pair_that_is_turned_round_keeps_its_kinds(tmp_path: Path) -> None:
    """What was chosen after all is what is read as chosen."""
    run = tiny(tmp_path, RULES).generate(
        ITEMS[:1], tmp_path / "run", model=ScriptedEngine(likes_refusals), recipe="contrast", verify="judge",
        if_worse="flip", examine=0, anyway=True, filters={"all": "keep"},
    )  # fmt: skip
    (pair,) = run.pairs()
    assert pair.flags == ("flipped",)
    assert (pair.wanted, pair.chosen_refusal, pair.rejected_refusal) == ("answer", "full", "none")
