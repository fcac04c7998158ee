"""Sets by name: what comes along, what comes from a path or the hub, and what means nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from constitution.errors import PromptFileError, SettingsError
from constitution.examination.items import JudgedSet
from constitution.messages import user
from constitution.principles import Case, Principle, Principles
from constitution.sources.constitution_file import read_constitution
from constitution.sources.judged_sets import DEFAULT, SETS, read_sets
from constitution.sources.judged_sets.cases import ONE_SIDED, SWITCHED_OFF, read_cases
from constitution.sources.judged_sets.rows import SAME

BALANCED = read_constitution("balanced")
HHH = {"input": "How?", "targets": {"choices": ["x", "y"], "labels": [0, 1]}}


def read(*wanted: str, principles: Principles = BALANCED) -> tuple[JudgedSet, ...]:
    """Some sets."""
    return read_sets(wanted, principles)


def test_the_default_sets_come_along() -> None:
    """The pairs made by code, and the cases of the constitution."""
    found = read(*DEFAULT)
    assert [(each.name, len(each.items) > 0) for each in found] == [("checks", True), ("cases", True)]
    assert found[1].source == "constitution balanced"


def test_a_constitution_without_cases_is_no_error() -> None:
    """Beside another set; alone it is one, told where pairs are needed."""
    assert [each.name for each in read(*DEFAULT, principles=read_constitution("honest"))] == ["checks"]
    (alone,) = read("cases", principles=read_constitution("honest"))
    assert alone.items == ()


def test_cases_with_both_answers_are_items() -> None:
    """Others are counted."""

    def case(good: str | None, bad: str | None) -> Case:
        return Case((user("x"),), good, bad)

    principles = Principles(
        "own", "1",
        (
            Principle("a", text="A.", cases=(case("g", "b"), case("g", None), case("g", "g."), case("g2", "b2"))),
            Principle("off", text="B.", weight=0, cases=(case("g", "b"),)),
        ),
    )  # fmt: skip
    found = read_cases(principles)
    assert [item.id for item in found.items] == ["a/1", "a/4"]
    assert found.items[0].principle is principles.principles[0]
    assert dict(found.left_out) == {ONE_SIDED: 1, SAME: 1, SWITCHED_OFF: 1}


def test_published_sets_from_a_local_file(tmp_path: Path) -> None:
    """Each with its principle, and with what others measured on it."""
    (tmp_path / "h.jsonl").write_text(json.dumps(HHH) + "\n")
    said = "\n\nHuman: A\n\nAssistant:"
    (tmp_path / "r.jsonl").write_text(json.dumps({"chosen": f"{said} x", "rejected": f"{said} y"}) + "\n")
    hhh, harmless = read(f"hhh={tmp_path}/h.jsonl", f"hh-harmless={tmp_path}/r.jsonl")
    assert hhh.items[0].better == "y"
    assert "52.1 %" in hhh.published[0]
    assert "56.2 %" in hhh.published[0]
    assert harmless.items[0].better == "x"
    assert "55.3 %" in harmless.published[0]
    assert "69.4 to 72.1 %" in harmless.published[1]
    for each in (hhh, harmless):
        principle = each.items[0].principle
        assert principle is not None
        assert all((principle.text, principle.preference, principle.asks, principle.asks_broken, principle.negation))


def test_a_file_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has its name, and may refer to principles of the constitution."""
    monkeypatch.chdir(tmp_path)
    Path("mine.jsonl").write_text(
        json.dumps({"prompt": "a", "better": "b", "worse": "c", "principle": "no-flattery"}) + "\n"
    )
    Path("pairs").write_text(json.dumps({"prompt": "a", "better": "b", "worse": "c"}) + "\n")
    (found,) = read("mine.jsonl")
    assert found.name == "mine.jsonl"
    assert found.items[0].principle == BALANCED["no-flattery"]
    assert read("pairs")[0].name == "pairs"


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        ([], "no set is named; expected some of checks, cases, hhh, hh-harmless, model-spec"),
        (["chekcs"], "--on chekcs: neither a set .* nor a file"),
        (["hhh="], "--on hhh=: expected a path"),
        (["checks=x.jsonl"], "comes along and takes no path"),
        (["cases=x"], "comes along and takes no path"),
        (["model-spec"], "name its file, like model-spec=model_spec.md"),
        (["checks", "checks"], "'checks' is named twice"),
    ],
)
def test_what_means_nothing(wanted: list[str], what: str) -> None:
    """Is refused with what was expected."""
    with pytest.raises(SettingsError, match=what):
        read(*wanted)


def test_every_name_is_known_to_the_command() -> None:
    """In the order in which they are told."""
    assert SETS == ("checks", "cases", "hhh", "hh-harmless", "model-spec")


class Stream:
    """A data set of the hub, as `datasets` streams it."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def with_format(self, _: None) -> list[dict[str, Any]]:
        return self.rows


def test_published_sets_from_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """All configurations of one, the right folder of the other; their rows come with their place."""
    asked: list[tuple[Any, ...]] = []

    def load(name: str, config: str | None, **options: Any) -> Stream:
        asked.append((name, config, options["data_dir"], options["split"], options["revision"], options["streaming"]))
        row = {**HHH, "input": f"{config}?"} if config else {"chosen": "\n\nHuman: A\n\nAssistant: x",
                                                             "rejected": "\n\nHuman: A\n\nAssistant: y"}  # fmt: skip
        return Stream([row])

    monkeypatch.setattr(datasets, "load_dataset", load)
    hhh, harmless = read("hhh", "hh-harmless")
    assert [one[1] for one in asked] == ["harmless", "helpful", "honest", "other", None]
    assert asked[0] == ("HuggingFaceH4/hhh_alignment", "harmless", None, "test", "refs/convert/parquet", True)
    assert asked[4] == ("Anthropic/hh-rlhf", None, "harmless-base", "test", None, True)
    assert hhh.items[1].place == "HuggingFaceH4/hhh_alignment (helpful, test): row 1"
    assert len(harmless.items) == 1


def test_a_hub_that_cannot_be_reached_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the name of the set."""

    def load(*_: Any, **__: Any) -> Stream:
        raise ConnectionError("no route")

    monkeypatch.setattr(datasets, "load_dataset", load)
    with pytest.raises(PromptFileError, match="Anthropic/hh-rlhf: "):
        read("hh-harmless")
