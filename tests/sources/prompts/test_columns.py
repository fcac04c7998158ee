"""Which column is what, in rows of other formats; and what becomes of the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from constitution.errors import PromptFileError
from constitution.messages import Message, Prompt, assistant, system, user
from constitution.sources.prompts import Reading, as_prompt
from constitution.sources.prompts.columns import PROMPTS, RESPONSES, SYSTEMS

DOCS = Path(__file__).parents[3] / "docs" / "prompts.md"
ASKED = {"role": "user", "content": "u"}
SAID = {"role": "assistant", "content": "a"}


def read(row: dict[str, Any], **reading: Any) -> Prompt:
    return as_prompt(row, Reading(**reading))[0]


def refused(row: dict[str, Any], **reading: Any) -> str:
    with pytest.raises(PromptFileError) as caught:
        read(row, **reading)
    return str(caught.value)


def data(prompt: Prompt) -> object:
    return None if prompt.metadata is None else json.loads(prompt.metadata)


@pytest.mark.parametrize("name", [name for group in PROMPTS for name in group if name != "messages"])
@pytest.mark.parametrize("value", ["u", [ASKED], [{"from": "human", "value": "u"}], "\n\nHuman: u\n\nAssistant:"])
def test_prompt_columns(name: str, value: Any) -> None:
    """Each known column may hold a text, turns of either kind, or a transcript."""
    if value == "u" and name.startswith("conversation"):
        assert "expected a list like" in refused({name: value})
    else:
        assert read({name: value}) == as_prompt("u")[0]


@pytest.mark.parametrize("name", [name for group in RESPONSES for name in group])
@pytest.mark.parametrize("value", ["a", [SAID], [{"from": "gpt", "value": "a"}]])
def test_response_columns(name: str, value: Any) -> None:
    """Each known column of answers may hold a text or turns."""
    assert read({"prompt": "u", name: value}).response == "a"


def test_surer_columns_win() -> None:
    """A surer column is the prompt; what else might have been one is metadata."""
    prompt = read({"text": "t", "question": "q", "prompt": "p", "output": "o", "response": "r"})
    assert (prompt.conversation, prompt.response) == ((user("p"),), "r")
    assert data(prompt) == {"text": "t", "question": "q", "output": "o"}


@pytest.mark.parametrize("group", [group for group in PROMPTS if "prompt" not in group], ids=str)
def test_equals_are_refused(group: tuple[str, ...]) -> None:
    """Where two columns could equally be the prompt, the message says how to name one, and naming it helps."""
    first, second = group[:2]
    row = {first: "\n\nHuman: u", second: "\n\nHuman: v"}
    assert f'"{first}" and "{second}" could both be the prompt' in refused(row)
    assert f"--prompt-column {first}" in refused(row)
    assert read(row, prompt_column=second).conversation == (user("v"),)


def test_values_decide_what_weak_names_mean() -> None:
    """A number under a name that is not ours is no prompt and no answer."""
    prompt = read({"question": "q", "text": 3, "answer": 2, "output": ["x"], "completion": {"a": 1}})
    assert prompt.response is None
    assert data(prompt) == {"text": 3, "answer": 2, "output": ["x"], "completion": {"a": 1}}


def test_named_columns() -> None:
    """Columns that the user names are taken, whatever they are called and whatever else is there."""
    row = {"ask": "u", "say": "a", "key": 7, "class": True, "prompt": "p", "response": "r", "id": "i", "tags": ["t"]}
    prompt = read(row, prompt_column="ask", response_column="say", id_column="key", tag_column="class")
    assert (prompt.conversation, prompt.response, prompt.id, prompt.tags) == ((user("u"),), "a", "7", ("true",))
    assert data(prompt) == {"prompt": "p", "response": "r", "id": "i", "tags": ["t"]}


@pytest.mark.parametrize(
    ("name", "option"),
    [("prompt_column", "--prompt-column"), ("response_column", "--response-column"), ("tag_column", "--tag-column")],
)
def test_named_columns_must_be_there(name: str, option: str) -> None:
    """A named column that is not there is refused, with those that are; null in it is as good as nothing."""
    assert f'no column "x" ({option}); it has "prompt"' in refused({"prompt": "u"}, **{name: "x"})
    if name != "prompt_column":
        assert read({"prompt": "u", "x": None}, **{name: "x"}) == as_prompt("u")[0]
    else:
        assert "x: is null" in refused({"prompt": "u", "x": None}, prompt_column="x")


def test_no_column() -> None:
    """A dash says that no column is taken for an answer, an id, or tags."""
    row = {"prompt": "u", "response": "r", "id": "i", "tags": ["t"]}
    prompt, given = as_prompt(row, Reading(response_column="-", id_column="-", tag_column="-"))
    assert (prompt.response, prompt.tags, given) == (None, (), False)
    assert data(prompt) == {"response": "r", "id": "i", "tags": ["t"]}


def test_alpaca() -> None:
    """Instruction and input are one turn, the system text and the history stand before it."""
    row = {"instruction": "Translate.", "input": "Haus", "output": "house", "system": "s", "history": [["q", "a"]]}
    prompt = read(row)
    assert prompt.conversation == (system("s"), user("q"), assistant("a"), user("Translate.\nHaus"))
    assert (prompt.response, prompt.metadata) == ("house", None)
    assert read({"instruction": "u", "input": "", "output": "a", "system": "", "history": []}) == read(
        {"prompt": "u", "response": "a"}
    )


@pytest.mark.parametrize("history", [["q"], [["q"]], [["q", ""]], "q"])
def test_bad_history(history: object) -> None:
    """A history that is no list of pairs is refused."""
    assert "history" in refused({"instruction": "u", "history": history})


def test_system_columns() -> None:
    """A system column opens a conversation that has no system turn; two that differ are refused."""
    for name in SYSTEMS:
        assert read({"prompt": "u", name: "s"}).conversation == (system("s"), user("u"))
    turns = [{"role": "system", "content": "s"}, ASKED]
    assert read({"messages": turns, "system": "s"}).conversation == (system("s"), user("u"))
    assert "system: differs from the system turn" in refused({"messages": turns, "system": "t"})
    assert read({"prompt": "u", "system": "s"}, system="all").conversation[0] == system("s")


def test_tags() -> None:
    """Tags are a text or a list, whole numbers and truth values by their text, renamed where that is wanted."""
    assert read({"prompt": "u", "tags": "a"}).tags == ("a",)
    assert read({"prompt": "u", "tags": '["a", "b"]'}).tags == ("a", "b")
    assert read({"prompt": "u", "tags": "[a]"}).tags == ("[a]",)
    assert read({"prompt": "u", "label": 0}, tag_column="label", tags=(("0", "benign"),)).tags == ("benign",)
    assert read({"prompt": "u", "tags": ["a", "b"]}, tags=(("a", "c"), ("b", "c"))).tags == ("c",)
    assert read({"prompt": "u", "tags": None}).tags == ()


def test_metadata() -> None:
    """Columns that are nothing else become metadata, beside what stands there; no value is lost where names meet."""
    assert data(read({"prompt": "u", "set": "x", "score": 1.5, "gone": None})) == {"set": "x", "score": 1.5}
    assert data(read({"prompt": "u", "metadata": {"set": "x"}, "set": "y"})) == {"set": "x", "set (column)": "y"}
    assert data(read({"prompt": "u", "metadata": '{"set": "x"}'})) == {"set": "x"}
    assert data(read({"prompt": "u", "metadata": [1]})) == {"metadata": [1]}
    assert read({"prompt": "u", "metadata": {}}).metadata == "{}"
    assert "metadata: is no JSON" in refused({"prompt": "u", "metadata": "{"})


@pytest.mark.parametrize(
    "key",
    ["Prompts", "promt", "mesages", "tag", "TAGS", "respones", "ID", "tool", "metdata"],
)
def test_slips_are_refused(key: str) -> None:
    """A key that is one of ours with a slip is refused where it holds what ours would."""
    values: dict[str, Any] = {"mesages": [ASKED], "metdata": {}, "tool": [{}]}
    row = {key: values.get(key, "x")}
    assert "did you mean" in refused(row if key[0] in "Ppm" and key != "metdata" else row | {"prompt": "u"})


@pytest.mark.parametrize(
    "row",
    [{"responses": ["a"]}, {"response_a": "a"}, {"idx": 1}, {"prompts": "x"}, {"tag": 3.5}, {"type": "x"}, {"ids": 3}],
    ids=str,
)
def test_other_columns_are_no_slips(row: dict[str, Any]) -> None:
    """Columns of public sets that only sound like ours are metadata."""
    assert data(read({"prompt": "u", **row})) == row


EXPLICIT = {"prompt": "u", "chosen": "good", "rejected": "bad"}
TURNS = {
    "prompt": [ASKED],
    "chosen": [{"role": "assistant", "content": "good"}],
    "rejected": [{"role": "assistant", "content": "bad"}],
}
IMPLICIT = {"chosen": [ASKED, *TURNS["chosen"]], "rejected": [ASKED, *TURNS["rejected"]]}
FACTORY = {
    "conversations": [{"from": "human", "value": "u"}],
    "chosen": {"from": "gpt", "value": "good"},
    "rejected": {"from": "gpt", "value": "bad"},
}
HH = {"chosen": "\n\nHuman: u\n\nAssistant: good", "rejected": "\n\nHuman: u\n\nAssistant: bad"}
ALPACA = {"instruction": "u", "input": "", "chosen": "good", "rejected": "bad"}
ULTRA = {"prompt": "u", **IMPLICIT}
AXOLOTL = {"messages": [ASKED], "chosen": TURNS["chosen"][0], "rejected": TURNS["rejected"][0]}


@pytest.mark.parametrize(
    "row", [EXPLICIT, TURNS, IMPLICIT, FACTORY, HH, ALPACA, ULTRA, AXOLOTL],
    ids=["texts", "turns", "implicit", "llama-factory", "hh", "alpaca", "ultrafeedback", "axolotl"],
)  # fmt: skip
def test_preference_rows(row: dict[str, Any]) -> None:
    """A preference row in any form is its shared turns, or starts from the side that is to be revised."""
    assert read(row) == as_prompt("u")[0]
    for side, text in (("chosen", "good"), ("rejected", "bad")):
        assert read(row, revise=side) == read({"prompt": "u", "response": text})


def test_sides_that_part_early() -> None:
    """Where the sides differ before the last answer, the prompt is what they share, up to a turn of a user."""
    chosen = [ASKED, SAID, {"role": "user", "content": "v"}, SAID]
    rejected = [ASKED, {"role": "assistant", "content": "b"}, {"role": "user", "content": "v"}, SAID]
    assert read({"chosen": chosen, "rejected": rejected}) == as_prompt("u")[0]
    rejected = [ASKED, SAID, {"role": "user", "content": "w"}, SAID]
    assert read({"chosen": chosen, "rejected": rejected}) == as_prompt("u")[0]
    assert read({"chosen": chosen, "rejected": chosen}) == as_prompt([user("u"), assistant("a"), user("v")])[0]
    assert read({"chosen": chosen, "rejected": rejected}, revise="rejected").conversation[-1] == user("w")


@pytest.mark.parametrize(
    ("row", "reading", "message"),
    [
        ({"chosen": "good", "rejected": "bad"}, {}, "is an answer without a prompt"),
        ({"chosen": [ASKED, SAID], "rejected": [{"role": "user", "content": "v"}, SAID]}, {}, "share no turn"),
        (
            {"prompt": "v", "chosen": [ASKED, SAID], "rejected": [ASKED, SAID]},
            {},
            "another conversation than the prompt",
        ),
        ({"prompt": "u", "chosen": "good", "rejected": ""}, {}, "rejected: is empty"),
        ({"chosen": [ASKED, SAID], "rejected": [ASKED]}, {}, "does not end with an answer"),
        ({"messages": [ASKED, SAID], "chosen": "good", "rejected": "bad"}, {}, 'the row has a "rejected" too'),
        ({"prompt": "u"}, {"revise": "rejected"}, '--revise rejected: the row has no "rejected"; it has "prompt"'),
        ({"prompt": "u", "chosen": "a", "rejected": None}, {"revise": "rejected"}, "--revise rejected: the row has no"),
    ],
)
def test_bad_preference_rows(row: dict[str, Any], reading: dict[str, Any], message: str) -> None:
    """A preference row that leaves something open is refused with the reason."""
    assert message in refused(row, **reading)


def test_one_side_is_enough_to_revise() -> None:
    """The side that is to be revised may stand alone."""
    assert read({"prompt": "u", "rejected": "bad"}, revise="rejected").response == "bad"
    assert read({"prompt": "u", "chosen": "good"}) == read({"prompt": "u", "metadata": {"chosen": "good"}})


def test_named_side_is_a_prompt() -> None:
    """A side that is named as the prompt column is one, with its answer."""
    prompt = read(HH, prompt_column="chosen")
    assert (prompt.conversation, prompt.response) == ((user("u"),), "good")


def test_kto_rows() -> None:
    """A KTO row is a prompt with an answer; its label is metadata."""
    for row in (
        {"prompt": "u", "completion": "a"},
        {"prompt": [ASKED], "completion": [SAID]},
        {"messages": [ASKED, SAID]},
    ):
        prompt = read(row | {"label": False})
        assert (prompt.conversation, prompt.response, data(prompt)) == ((user("u"),), "a", {"label": False})


def test_answers_of_several_turns() -> None:
    """An answer that called tools on its way is the turns up to it, and its last text."""
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}
    prompt = read({"prompt": [ASKED], "completion": [call, {"role": "tool", "content": "8"}, SAID]})
    assert [turn.role for turn in prompt.conversation] == ["user", "assistant", "tool"]
    assert prompt.response == "a"
    assert isinstance(prompt.conversation[2], Message)


def test_documentation_names_all_columns() -> None:
    """The table of the documentation holds every known name, in the order of preference."""
    text = DOCS.read_text()
    for groups in (PROMPTS, RESPONSES):
        names = [f"`{name}`" for group in groups for name in group]
        places = [text.index(name, text.index("## Columns")) for name in names]
        assert sorted(places) == places


@pytest.mark.parametrize("row", [{"conversations": []}, {"question": [[ASKED]]}, {"input": {"messages": [ASKED]}}])
def test_a_known_column_that_holds_no_prompt(row: dict[str, Any]) -> None:
    """The column is told, not that there is none."""
    assert f"{next(iter(row))}: expected a text or turns" in refused(row)


def test_a_row_that_is_one_turn_of_an_answer() -> None:
    """It is not taken for a user's, unless the column is named; other roles are data."""
    row = {"text": "Yes.", "role": "assistant"}
    assert 'role: the row is one turn, of the role "assistant"' in refused(row)
    assert read(row, prompt_column="text").conversation == (user("Yes."),)
    assert data(read({**row, "role": "prompter"})) == {"role": "prompter"}


def test_a_column_that_differs_in_case() -> None:
    """A key that is one of ours but for its case is told as the one to name."""
    assert "--prompt-column Question" in refused({"Question": "Why?"})
