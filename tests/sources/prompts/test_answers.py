"""Rows that bring answers to be judged: every form, what people said of them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.errors import PromptFileError, SettingsError
from constitution.messages import Prompt, assistant, system, user
from constitution.sources.prompts import Entry, PromptSource, Reading, as_prompt, derived_id, intake, intake_items
from tests.prompt_forms import FORMS, PACKINGS
from tests.strategies import prompts, texts

ANSWERS = Reading(answers=True)
ASKED = {"role": "user", "content": "u"}


def said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def read(row: object, **reading: Any) -> Prompt:
    return as_prompt(row, Reading(answers=True, **reading))[0]


def refused(row: object, **reading: Any) -> str:
    with pytest.raises(PromptFileError) as caught:
        read(row, **reading)
    return str(caught.value)


PAIRS: dict[str, dict[str, Any]] = {
    "ours": {
        "prompt": [ASKED], "chosen": [said("x")], "rejected": [said("y")], "sample": 0, "principle_ids": ["p"],
        "rounds": [0, 1], "similarity": 0.5, "tags": [], "metadata": None,
    },
    "explicit turns": {"prompt": [ASKED], "chosen": [said("x")], "rejected": [said("y")]},
    "explicit texts": {"prompt": "u", "chosen": "x", "rejected": "y"},
    "implicit turns": {"chosen": [ASKED, said("x")], "rejected": [ASKED, said("y")]},
    "hh-rlhf": {"chosen": "\n\nHuman: u\n\nAssistant: x", "rejected": "\n\nHuman: u\n\nAssistant: y"},
    "sharegpt": {"conversations": [{"from": "human", "value": "u"}], "chosen": {"from": "gpt", "value": "x"},
                 "rejected": {"from": "gpt", "value": "y"}},
    "a and b": {"prompt": "u", "text_a": "x", "text_b": "y", "label": "a"},
    "a and b, whole": {"text_a": "\n\nHuman: u\n\nAssistant: x",
                       "text_b": "\n\nHuman: u\n\nAssistant: y", "label": "A"},
    "responses": {"messages": [ASKED], "responses": ["x", "y"], "label": "a"},
    "responses as turns": {"prompt": "u", "responses": [[said("x")], [said("y")]], "label": "a"},
    "responses as JSON text": {"prompt": "u", "responses": '["x", "y"]', "label": " A "},
}  # fmt: skip


@pytest.mark.parametrize("row", PAIRS.values(), ids=PAIRS.keys())
def test_every_form_of_a_pair(row: dict[str, Any]) -> None:
    """Preference rows of any kind, columns of two texts, and lists: one conversation, two answers, what people say."""
    prompt = read(row)
    assert prompt.conversation == (user("u"),)
    assert (prompt.response, prompt.responses, prompt.preferred) == (None, ("x", "y"), "a")


@pytest.mark.parametrize("row", PAIRS.values(), ids=PAIRS.keys())
def test_forms_share_an_id(row: dict[str, Any]) -> None:
    """The id is that of conversation and answers, in whatever form they stood."""
    assert read(row).id == derived_id((user("u"),), None, (), None, ("x", "y"))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("packing", PACKINGS)
def test_files_of_pairs(form: str, packing: str, tmp_path: Path) -> None:
    """Every kind of file gives the same prompts, read in place or copied."""
    rows: list[dict[str, Any]] = [
        {"prompt": "u", "text_a": "x", "text_b": "y", "label": "tie"},
        {"prompt": "v", "text_a": "x, with a comma", "text_b": 'and "quotes"', "label": None},
    ]
    file = tmp_path / f"pairs{form}{packing}"
    file.write_bytes(PACKINGS[packing](FORMS[form](rows)))
    entries = list(intake([PromptSource(str(file))], ANSWERS, tmp_path / "input.jsonl").read())
    assert [entry.prompt for entry in entries] == [read(row) for row in rows]


def test_columns_of_a_table_in_any_case(tmp_path: Path) -> None:
    """In tables case and spaces are overlooked, in the columns of answers too; elsewhere they are names like others."""
    (tmp_path / "a.csv").write_text("Prompt,Text_A, TEXT_B ,Label\nu,x,y,B\n")
    source = [PromptSource(str(tmp_path / "a.csv"))]
    (entry,) = intake(source, ANSWERS, tmp_path / "1.jsonl").read()
    assert (entry.prompt.responses, entry.prompt.preferred) == (("x", "y"), "b")
    (entry,) = intake(source, Reading(), tmp_path / "2.jsonl").read()
    assert entry.prompt.responses == ()
    assert json.loads(entry.prompt.metadata or "") == {"Text_A": "x", " TEXT_B ": "y", "Label": "B"}


@pytest.mark.parametrize("label", ["a", "b", "tie", None])
def test_labels(label: str | None) -> None:
    """What people say is kept beside the answers, and is neither in the id nor in the metadata."""
    row = {"prompt": "u", "text_a": "x", "text_b": "y", "label": label, "set": "s"}
    prompt = read(row)
    assert prompt.preferred == label
    assert prompt.id == read(row | {"label": None}).id
    assert json.loads(prompt.metadata or "") == {"set": "s"}


@pytest.mark.parametrize("label", ["c", "", "chosen", 0, 1, True, ["a"]])
def test_bad_labels(label: object) -> None:
    """A label that is none is refused with its place, never taken for a tie."""
    message = refused({"prompt": "u", "text_a": "x", "text_b": "y", "label": label})
    assert "label: expected a, b or tie, found" in message


def test_a_label_with_a_purpose_of_its_own() -> None:
    """Named as the column of tags it is no verdict; beside three answers it is metadata."""
    row = {"prompt": "u", "text_a": "x", "text_b": "y", "label": "safe"}
    assert read(row, tag_column="label").tags == ("safe",)
    assert read(row, tag_column="label").preferred is None
    three = read({"prompt": "u", "responses": ["x", "y", "z"], "label": "safe"})
    assert (three.preferred, json.loads(three.metadata or "")) == (None, {"label": "safe"})


def test_many_answers() -> None:
    """A list may hold any number from two on, and some of them twice."""
    assert read({"prompt": "u", "responses": ["x", "y", "x"]}).responses == ("x", "y", "x")


def test_conversations_are_kept_whole() -> None:
    """All turns that the sides share are the conversation, a system turn too; tags and tools as in every row."""
    turns = [{"role": "system", "content": "s"}, ASKED, said("w"), {"role": "user", "content": "v"}]
    prompt = read({"chosen": [*turns, said("x")], "rejected": [*turns, said("y")], "tags": ["benign"]})
    assert prompt.conversation == (system("s"), user("u"), assistant("w"), user("v"))
    assert prompt.tags == ("benign",)
    assert read({"prompt": "u", "text_a": "x", "text_b": "y"}, system="s").conversation == (system("s"), user("u"))


@given(prompts(responses=False), texts, texts)
def test_order_is_not_in_the_id(prompt: Prompt, a: str, b: str) -> None:
    """A pair and its swap have one id; another answer, or none, has another."""
    given = prompt.conversation, None, prompt.tags, prompt.tools
    assert derived_id(*given, (a, b)) == derived_id(*given, (b, a))
    assert derived_id(*given, (a, b)) != derived_id(*given, (a, b + "."))
    assert derived_id(*given, (a,)) != derived_id(*given) != derived_id(*given, (a, b))


@given(
    st.lists(texts.filter(lambda text: "\0" not in text), min_size=2, max_size=4, unique=True),
    st.sampled_from(["a", "b", "tie", None]),
)
def test_a_copy_says_the_same(answers: list[str], label: str | None) -> None:
    """What a run copies, and a `Prompt` that comes back, is the same prompt, whether answers were asked for or not."""
    prompt = read({"prompt": "u", "responses": answers, "label": label if len(answers) == 2 else None})
    for reading in (ANSWERS, Reading()):
        assert as_prompt(prompt, reading) == (prompt, False)


def test_copies(tmp_path: Path) -> None:
    """The file that a run makes of its input brings answers and labels back, as a source of another run too."""
    rows = [PAIRS["hh-rlhf"], {"prompt": "u", "responses": ["x", "y", "z"]}, {"prompt": "v", "id": "own", "text_a": "x",
            "text_b": "y", "label": "b"}]  # fmt: skip
    first = list(intake_items(rows, ANSWERS, tmp_path / "input.jsonl").read())
    again = list(intake([PromptSource(str(tmp_path / "input.jsonl"))], ANSWERS, tmp_path / "again.jsonl").read())
    assert [entry.prompt for entry in first] == [read(row) for row in rows] == [entry.prompt for entry in again]
    assert [entry.given_id for entry in again] == [False, False, True]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no answers": ({"prompt": "u"}, 'brings no answers to judge: expected "chosen" and "rejected", "text_a" and'),
    "one side": ({"prompt": "u", "chosen": "x"}, 'of two answers the row has only "chosen"'),
    "one text": ({"prompt": "u", "text_b": "x", "text_a": None}, 'of two answers the row has only "text_b"'),
    "twice": ({"prompt": "u", **PAIRS["explicit texts"], "text_a": "x", "text_b": "y"}, "brings answers twice"),
    "no prompt": ({"text_a": "x", "text_b": "y"}, "text_a: is an answer without a prompt"),
    "equal": ({"prompt": "u", "text_a": "x", "text_b": "x"}, "text_b: the two answers are the same text"),
    "all equal": ({"prompt": "u", "responses": ["x"] * 3}, "responses: all answers are the same text"),
    "one of a list": ({"prompt": "u", "responses": ["x"]}, "responses: a judge needs two answers or more, found 1"),
    "no list": ({"prompt": "u", "responses": "x"}, "responses: expected a list of answers, found a text"),
    "broken list": ({"prompt": "u", "responses": "[x"}, "responses: is no JSON"),
    "blank": ({"prompt": "u", "text_a": " ", "text_b": "x"}, "text_a: is empty"),
    "blank in a list": ({"prompt": "u", "responses": ["x", ""]}, "responses[1]: is empty"),
    "number": ({"prompt": "u", "responses": ["x", 1]}, "responses[1]: expected a text, found the number 1"),
    "null": ({"prompt": "u", "responses": ["x", None]}, "responses[1]: expected a text, found null"),
    "NUL": ({"prompt": "u", "text_a": "x\0", "text_b": "x"}, "text_a: holds a NUL character"),
    "answered prompt": ({"messages": [ASKED, said("w")], "text_a": "x", "text_b": "y"},
                        'the last turn is an answer, and the row has a "text_a" too'),
    "parted before": ({"chosen": [ASKED, said("v"), ASKED, said("x")],
                       "rejected": [ASKED, said("w"), ASKED, said("y")]},
                      "rejected[3]: answers another conversation than the one before it"),
    "other prompts": ({"chosen": [ASKED, said("x")], "rejected": [{"role": "user", "content": "v"}, said("y")]},
                      "rejected[1]: answers another conversation"),
    "no answer at the end": ({"chosen": [ASKED, said("x")], "rejected": [ASKED]}, "does not end with an answer"),
    "empty transcript": ({"chosen": "\n\nHuman: u\n\nAssistant: ", "rejected": "\n\nHuman: u\n\nAssistant: y"},
                         "chosen: turn 2 of the transcript (Assistant) is empty"),
    "a call": ({"prompt": "u", "chosen": [{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}],
                "rejected": [said("y")]}, "calls tools, which is no answer that could be judged"),
}  # fmt: skip


@pytest.mark.parametrize(("row", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_judged(row: dict[str, Any], message: str) -> None:
    """Each is refused with its place and the reason."""
    assert message in refused(row)


@pytest.mark.parametrize("form", [".jsonl", ".csv"])
def test_places(form: str, tmp_path: Path) -> None:
    """Bad rows are told with file and line before anything is paid for, or dropped as inputs with the reason."""
    file = tmp_path / f"pairs{form}"
    file.write_bytes(FORMS[form]([{"prompt": "u", "text_a": "x", "text_b": text} for text in ("y", "x", "z")]))
    source = [PromptSource(str(file))]
    with pytest.raises(PromptFileError, match=r"pairs\.\w+:[23](:\d+)?: text_b: the two answers are the same text"):
        list(intake(source, ANSWERS, tmp_path / "1.jsonl").read())
    entries: list[Entry] = list(intake(source, Reading(answers=True, bad_rows="drop"), tmp_path / "2.jsonl").read())
    assert [entry.bad is not None for entry in entries] == [False, True, False]


@pytest.mark.parametrize("columns", [["prompt", "text_a"], ["prompt", "x"], ["chosen", "text_b"]], ids=str)
def test_tables_without_answers(columns: list[str], tmp_path: Path) -> None:
    """A table that cannot hold any is refused once, by its first line."""
    (tmp_path / "a.csv").write_text(",".join(columns) + "\n" + "u,x\n" * 50)
    with pytest.raises(PromptFileError) as caught:
        list(intake([PromptSource(str(tmp_path / "a.csv"))], ANSWERS, tmp_path / "input.jsonl").read())
    (problem, *_) = caught.value.problems
    assert (problem.line, len(caught.value.problems)) == (1, 1)
    assert 'expected "chosen" and "rejected"' in str(problem)


def test_plain_text_and_texts_bring_none(tmp_path: Path) -> None:
    """A line of plain text, a text and a conversation are prompts without answers."""
    (tmp_path / "a.txt").write_text("Why is the sky blue?\n")
    with pytest.raises(PromptFileError, match=r"a.txt:1: the row brings no answers to judge"):
        list(intake([PromptSource(str(tmp_path / "a.txt"))], ANSWERS, tmp_path / "input.jsonl").read())
    assert "brings no answers" in refused("Why?")
    assert "brings no answers" in refused([ASKED, said("x")])


def test_without_the_reading_nothing_changes() -> None:
    """Where answers are not asked for, such rows are prompts as ever, and the columns metadata."""
    row = {"prompt": "u", "text_a": "x", "text_b": "y", "label": "a", "responses": ["x"]}
    prompt = as_prompt(row)[0]
    assert (prompt.id, prompt.responses, prompt.preferred) == (as_prompt("u")[0].id, (), None)
    assert json.loads(prompt.metadata or "") == {"text_a": "x", "text_b": "y", "label": "a", "responses": ["x"]}
    assert as_prompt(PAIRS["hh-rlhf"])[0] == as_prompt("u")[0]


@pytest.mark.parametrize("other", [{"revise": "chosen"}, {"response_column": "x"}], ids=str)
def test_what_does_not_go_with_it(other: dict[str, Any]) -> None:
    """Answers that are judged are not revised, and one column of an answer says nothing of two."""
    with pytest.raises(SettingsError, match="leave"):
        Reading(answers=True, **other)
