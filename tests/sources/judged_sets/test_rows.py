"""Rows of every shape become items; every malformed one is told with its line before anything starts."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from constitution.errors import PromptFileError
from constitution.examination.items import Item, JudgedSet
from constitution.messages import assistant, system, user
from constitution.principles import Principle, Principles
from constitution.sources.judged_sets.files import file_set
from constitution.sources.judged_sets.rows import EMPTY, REPEATED, SAME, UNCLEAR, UNLIKE, Rows

PRINCIPLES = Principles("house", "1", (Principle("short", text="Short.", preference="Which is shorter?"),))
OWN: dict[str, Any] = {"prompt": "How?", "better": "So.", "worse": "Not so."}


def written(folder: Path, *rows: object, name: str = "pairs.jsonl") -> Path:
    """A file of rows; a text is a line as it is."""
    path = folder / name
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def read(path: Path, principle: Principle | None = None) -> JudgedSet:
    """The set in a file."""
    return file_set(str(path), Rows("pairs", principle, PRINCIPLES))


def only(folder: Path, row: object) -> Item:
    """The one item of one row."""
    (item,) = read(written(folder, row)).items
    return item


def test_our_own_form(tmp_path: Path) -> None:
    """Prompt, better, worse; an id, a principle by name and a note where they are given."""
    item = only(tmp_path, {**OWN, "id": 7, "principle": "short", "note": "mine"})
    assert (item.id, item.conversation, item.better, item.worse) == ("7", (user("How?"),), "So.", "Not so.")
    assert item.principle == PRINCIPLES["short"]
    assert item.place == f"{tmp_path}/pairs.jsonl:1"
    bare = only(tmp_path, OWN)
    assert bare.principle is None
    assert bare.id == bare.digest


def test_our_own_form_with_turns_and_a_principle_of_its_own(tmp_path: Path) -> None:
    """A whole conversation, and a principle that the row brings along."""
    turns = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]
    item = only(tmp_path, {"messages": turns, "better": "a", "worse": "b",
                           "principle": {"text": "Be brief.", "asks": "Is it brief?"}})  # fmt: skip
    assert item.conversation == (system("S"), user("U"))
    assert item.principle == Principle("Be brief.", text="Be brief.", asks="Is it brief?")


def test_rows_with_choices_and_labels(tmp_path: Path) -> None:
    """The choice with label 1 is better, wherever it stands."""
    for labels, better in (([1, 0], "x"), ([0, 1], "y")):
        row = {"input": "How?", "targets": {"choices": ["x", "y"], "labels": labels}}
        item = only(tmp_path, row)
        assert (item.conversation, item.better) == ((user("How?"),), better)
        assert {item.better, item.worse} == {"x", "y"}


def test_rows_with_a_correct_and_an_incorrect_text(tmp_path: Path) -> None:
    """As they say."""
    item = only(tmp_path, {"prompt": "How?", "text_correct": "x", "text_incorrect": "y", "source": "z"})
    assert (item.conversation, item.better, item.worse) == ((user("How?"),), "x", "y")


def test_transcripts(tmp_path: Path) -> None:
    """The turns that both share, and the last answer of each."""
    start = "\n\nHuman: A\n\nAssistant: B\n\nHuman: C\n\nAssistant:"
    item = only(tmp_path, {"chosen": f"{start} good", "rejected": f"{start} bad"})
    assert item.conversation == (user("A"), assistant("B"), user("C"))
    assert (item.better, item.worse) == ("good", "bad")


def test_preference_rows_of_trainers(tmp_path: Path) -> None:
    """A prompt beside answers, as texts or as turns."""
    turns = {
        "chosen": [{"role": "assistant", "content": "good"}],
        "rejected": [{"role": "assistant", "content": "bad"}],
    }
    for row in ({"prompt": "How?", "chosen": "good", "rejected": "bad"},
                {"prompt": [{"role": "user", "content": "How?"}], **turns}):  # fmt: skip
        item = only(tmp_path, row)
        assert (item.conversation, item.better, item.worse) == ((user("How?"),), "good", "bad")


def test_a_prompt_may_be_a_transcript(tmp_path: Path) -> None:
    """Which asks for an answer."""
    row = {"input": "\n\nHuman: A\n\nAssistant: B\n\nHuman: C\n\nAssistant:",
           "targets": {"choices": ["x", "y"], "labels": [1, 0]}}  # fmt: skip
    assert only(tmp_path, row).conversation == (user("A"), assistant("B"), user("C"))


def test_a_set_gives_its_principle(tmp_path: Path) -> None:
    """To rows that name none."""
    path = written(tmp_path, OWN, {**OWN, "prompt": "Why?", "principle": "short"})
    mine = Principle("mine", text="Mine.")
    assert [item.principle for item in read(path, mine).items] == [mine, PRINCIPLES["short"]]


def test_rows_that_can_be_no_item_are_counted(tmp_path: Path) -> None:
    """Published sets hold some; each reason is told, and the others go on."""
    said = "\n\nHuman: A\n\nAssistant:"
    path = written(
        tmp_path, OWN, OWN, {**OWN, "id": "again"}, {**OWN, "better": " "}, {**OWN, "worse": "So"},
        {"chosen": f"{said} x\n\nHuman: B\n\nAssistant: y", "rejected": f"{said} z\n\nHuman: B\n\nAssistant: w"},
        {"chosen": "\n\nHuman: A\n\nHuman: B\n\nAssistant: y", "rejected": f"{said} z"},
    )  # fmt: skip
    found = read(path)
    assert len(found.items) == 1
    assert dict(found.left_out) == {REPEATED: 2, EMPTY: 1, SAME: 1, UNLIKE: 1, UNCLEAR: 1}


@pytest.mark.parametrize(
    ("row", "place", "what"),
    [
        ("{", ":2:1: ", "the value goes on over several lines"),
        ("[1]", ":2:1: ", "expected a JSON object"),
        ("{}", ":2: ", "expected a pair: prompt .* found nothing"),
        ({"prompt": "How?"}, ":2: ", "expected a pair"),
        ({"better": "a", "worse": "b"}, ":2: ", "the pair has no prompt"),
        ({**OWN, "messages": []}, ": messages: ", "the row has a `prompt` too"),
        ({**OWN, "prompt": 3}, ":2:2: prompt: ", "expected a text, or a list"),
        ({**OWN, "prompt": " "}, ":2:2: prompt: ", "is empty"),
        ({**OWN, "prompt": []}, ":2:2: prompt: ", "expected a text, or a list"),
        ({**OWN, "prompt": [{"role": "king", "content": "x"}]}, r": prompt\[0\].role: ", "unknown role"),
        ({**OWN, "better": None}, ":2:20: better: ", "expected a text, found null"),
        ({**OWN, "worse": 1}, ": worse: ", "expected a text, found the number 1"),
        ({**OWN, "worse": "a\0b"}, ": worse: ", "NUL"),
        ({**OWN, "id": 1.5}, ": id: ", "expected a text or a whole number"),
        ({**OWN, "betterr": "x"}, ": betterr: ", "unknown key, did you mean 'better'"),
        ({**OWN, "principle": "shrt"}, ": principle: ", '"shrt" in constitution .house., did you mean .short.'),
        ({**OWN, "principle": 3}, ": principle: ", "expected the id of a principle"),
        ({**OWN, "principle": {"txt": "x"}}, ": principle.txt: ", "unknown key, did you mean 'text'"),
        ({**OWN, "principle": {"text": ""}}, ": principle.text: ", "is empty"),
        ({**OWN, "principle": {"asks": "Is it?"}}, ": principle: ", "needs `text` or `preference`"),
        ({"input": "How?", "targets": 3}, ": targets: ", "expected an object like"),
        ({"input": "How?", "targets": {"choices": ["a", "b"]}}, ": targets: ", "expected an object like"),
        ({"input": "How?", "targets": {"choices": ["a"], "labels": [1]}}, ": targets.choices: ", "two answers"),
        ({"input": "How?", "targets": {"choices": ["a", 1], "labels": [1, 0]}}, r"choices\[1\]: ", "expected a text"),
        ({"input": "How?", "targets": {"choices": ["a", "b"], "labels": [1, 1]}}, ": targets.labels: ", "1, 0"),
        ({"input": "How?", "targets": {"choices": ["a", "b"], "labels": "a"}}, ": targets.labels: ", "1, 0"),
        ({"chosen": "a", "rejected": "b"}, ": chosen: ", "an answer without a prompt"),
        ({"chosen": 1, "rejected": "b"}, ": chosen: ", "expected a text, or a list"),
        ({"chosen": [{"role": "assistant", "content": "a"}], "rejected": "b"}, ": chosen: ", "without a prompt"),
        ({"prompt": "How?", "chosen": [{"role": "user", "content": "a"}], "rejected": "b"}, ": chosen: ",
         "does not end with an answer"),
    ],
)  # fmt: skip
def test_malformed_rows_are_told_with_their_place(tmp_path: Path, row: object, place: str, what: str) -> None:
    """File, line and column, the key, and what was expected."""
    path = written(tmp_path, {**OWN, "prompt": "First?"}, row)
    with pytest.raises(PromptFileError, match=f"pairs.jsonl.*{place}.*{what}"):
        read(path)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    """Not only the first."""
    with pytest.raises(PromptFileError) as caught:
        read(written(tmp_path, {"prompt": 1}, OWN, {**OWN, "id": 1.5}))
    assert [problem.line for problem in caught.value.problems] == [1, 3]


def test_an_id_stands_once(tmp_path: Path) -> None:
    """The other place is named."""
    rows = [{**OWN, "id": "x"}, {**OWN, "prompt": "Why?", "id": "x"}]
    with pytest.raises(PromptFileError, match=r':2:.*: id: the id "x" stands at .*pairs.jsonl:1 too'):
        read(written(tmp_path, *rows))


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([], "holds no pair"),
        ([{**OWN, "better": ""}], "no pair that a judge can be examined on .1 rows: an answer is empty"),
    ],
)
def test_a_file_without_pairs_is_refused(tmp_path: Path, rows: list[object], what: str) -> None:
    """With the reasons why."""
    with pytest.raises(PromptFileError, match=what):
        read(written(tmp_path, *rows))


def test_files_of_other_kinds(tmp_path: Path) -> None:
    """An array and a packed file are read; a table is refused, a file that is not there too."""
    (tmp_path / "pairs.json").write_text(json.dumps([OWN, {**OWN, "prompt": "Why?"}]))
    assert [item.place for item in read(tmp_path / "pairs.json").items] == [
        f"{tmp_path}/pairs.json: row 1", f"{tmp_path}/pairs.json: row 2"
    ]  # fmt: skip
    (tmp_path / "pairs.jsonl.gz").write_bytes(gzip.compress(json.dumps(OWN).encode()))
    assert len(read(tmp_path / "pairs.jsonl.gz").items) == 1
    (tmp_path / "pairs.csv").write_text("prompt,better,worse\na,b,c\n")
    with pytest.raises(PromptFileError, match="is csv; pairs are read from JSON lines"):
        read(tmp_path / "pairs.csv")
    with pytest.raises(PromptFileError, match="there is no such file"):
        read(tmp_path / "none.jsonl")
