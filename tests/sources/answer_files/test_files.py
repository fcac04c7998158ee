"""Files of answers, whatever they are: the same rows from every form, problems with their place, nothing held."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import zstandard

from constitution.errors import PromptFileError
from constitution.sources.answer_files import AnswerFiles, Named, files
from constitution.sources.answer_files.files import MOST_SHAPES
from constitution.sources.answer_files.named import Found, columns_of
from constitution.sources.prompts.json_lines import MAX_LINE
from constitution.steps.refusals.measure import Answer

ROWS: list[dict[str, Any]] = [
    {"id": "a", "type": "x", "completion": 'I cannot\nhelp, "sorry".', "label": "2_full_refusal"},
    {"id": "b", "type": "y", "completion": "Здравствуйте ✓", "label": "1_full_compliance"},
    {"id": "c", "type": None, "completion": " Well; yes.", "label": None},
]  # fmt: skip


def written(folder: Path, form: str, rows: list[dict[str, Any]] = ROWS) -> str:
    """Rows as a file of some form."""
    file = folder / f"rows.{form}"
    if form.startswith(("csv", "tsv")):
        plain = folder / "plain"
        with plain.open("w", newline="") as out:
            table = csv.DictWriter(out, list(rows[0]), delimiter="\t" if form == "tsv" else ",")
            table.writeheader()
            table.writerows(rows)
        data = plain.read_bytes()
    elif form.startswith("json") and not form.startswith("jsonl"):
        data = json.dumps(rows, indent=1).encode()
    elif form == "parquet":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist(rows), file)
        return str(file)
    else:
        data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    if form.endswith(".gz"):
        data = gzip.compress(data)
    if form.endswith(".zst"):
        data = zstandard.compress(data)
    file.write_bytes(data)
    return str(file)


def read(*names: str, named: Named | None = None, **options: Any) -> list[Answer]:
    return list(AnswerFiles(names, named or Named(), **options))


def told(*names: str, named: Named | None = None, **options: Any) -> str:
    """The error of a file."""
    with pytest.raises(PromptFileError) as found:
        read(*names, named=named, **options)
    return str(found.value)


@pytest.mark.parametrize(
    "form", ["csv", "tsv", "csv.gz", "jsonl", "jsonl.gz", "jsonl.zst", "json", "json.zst", "parquet"]
)
def test_every_form_holds_the_same(tmp_path: Path, form: str) -> None:
    """Texts, labels, classes, ids and row numbers."""
    found = read(written(tmp_path, form))
    assert [each.text for each in found] == [row["completion"] for row in ROWS]
    assert [each.label for each in found] == ["full", "none", None]
    assert [each.said for each in found] == ["2_full_refusal", "1_full_compliance", ""]
    assert [each.id for each in found] == ["a", "b", "c"]
    assert [each.number for each in found] == [1, 2, 3]
    assert [each.groups for each in found] == [(("class", value),) for value in ("x", "y", "(not stated)")]


def test_places(tmp_path: Path) -> None:
    """The line where the row begins, of a cell of several lines too."""
    assert [each.place.rpartition(":")[2] for each in read(written(tmp_path, "csv"))] == ["2", "4", "5"]
    assert [each.place.rpartition(":")[2] for each in read(written(tmp_path, "jsonl"))] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "value",
    [
        "I can.",
        "\n\nHuman: Hi\n\nAssistant: No.\n\nHuman: So?\n\nAssistant: I can.",
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "I can."}],
        [{"role": "assistant", "content": "I can."}, {"role": "user", "content": "Thanks"}],
        [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "I can."}],
        {"role": "assistant", "content": "I can."},
        {"text": "I can.", "given": False},
    ],
    ids=["text", "transcript", "turns", "thanked", "sharegpt", "turn", "draft"],
)
def test_what_an_answer_may_be(tmp_path: Path, value: object) -> None:
    """A text, or the last thing that the assistant says."""
    assert [each.text for each in read(written(tmp_path, "jsonl", [{"response": value}]))] == ["I can."]


def test_conversations_in_a_table_are_json(tmp_path: Path) -> None:
    """As CSV can hold them; an answer that is a JSON list stays one."""
    turns = json.dumps([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "I can."}])
    assert [each.text for each in read(written(tmp_path, "csv", [{"messages": turns}]))] == ["I can."]
    assert [each.text for each in read(written(tmp_path, "csv", [{"answer": "[1, 2]"}]))] == ["[1, 2]"]


def test_plain_text_and_a_list_of_texts(tmp_path: Path) -> None:
    """One answer a line, one answer an item."""
    (tmp_path / "a.txt").write_text("I can.\n\nI cannot.\n")
    (tmp_path / "a.json").write_text('["I can.", "I cannot."]')
    for name in ("a.txt", "a.json"):
        assert [each.text for each in read(str(tmp_path / name))] == ["I can.", "I cannot."]


def test_both_sides_of_a_preference_row(tmp_path: Path) -> None:
    """Told apart, in their order, with one row number."""
    found = read(written(tmp_path, "jsonl", [{"prompt": "Hi", "chosen": "Yes.", "rejected": "No.", "label": "a"}]))
    assert [(each.side, each.text, each.number) for each in found] == [("chosen", "Yes.", 1), ("rejected", "No.", 1)]
    assert [dict(each.groups)["side"] for each in found] == ["chosen", "rejected"]


def test_several_files(tmp_path: Path) -> None:
    """Counted by file too, under the last part of their names where these differ."""
    first, second = written(tmp_path, "csv"), written(tmp_path, "jsonl")
    found = read(first, second)
    assert [dict(each.groups)["file"] for each in found] == ["rows.csv"] * 3 + ["rows.jsonl"] * 3
    (tmp_path / "b").mkdir()
    same = written(tmp_path / "b", "csv")
    assert {dict(each.groups)["file"] for each in read(first, same)} == {first, same}
    assert len(read(first, first)) == 6


def test_a_limit(tmp_path: Path) -> None:
    """Rows, not answers, of all files; what is behind it is not looked at."""
    file = written(tmp_path, "jsonl", [{"chosen": "a", "rejected": "b"}] * 3 + [{"chosen": "", "rejected": 1}])
    assert len(read(file, limit=3)) == 6
    assert len(read(written(tmp_path, "csv"), file, limit=4)) == 3 + 2
    assert len(read(written(tmp_path, "csv"), file, limit=3)) == 3


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"answer": ""}', ":2:2: answer: is empty"),
        ('{"answer": null}', ":2:2: answer: expected an answer, a text or turns, found null"),
        ('{"answer": 7}', ":2:2: answer: expected an answer, a text or turns, found the number 7"),
        ('{"answer": []}', ":2:2: answer: expected an answer, a text or turns, found an empty list"),
        ('{"answer": [{"role": "user", "content": "Hi"}]}', "answer: holds no answer: no turn is the assistant's"),
        ('{"answer": [{"content": "Hi"}]}', "answer[0].role: a turn needs a role"),
        ('{"other": "x"}', ':2: no column is known to hold the answer; there are "other"'),
        ('{"answer": "a", "response": "b"}', ':2: "response" and "answer" could both be the answer'),
        ('{"answer": "a"', ":2:"),
    ],
)
def test_bad_rows(tmp_path: Path, row: str, message: str) -> None:
    """An error with file and line that says what can be done; or left out, and counted."""
    file = tmp_path / "rows.jsonl"
    file.write_text(f'{{"answer": "Yes."}}\n{row}\n{{"answer": "No."}}\n')
    assert message in told(str(file))
    assert "--bad-rows drop goes on without such rows" in told(str(file))
    source = AnswerFiles([str(file)], Named(), bad_rows="drop")
    assert [each.text for each in source] == ["Yes.", "No."]
    assert (source.dropped, source.rows) == (1, 3)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.jsonl", "Sure.\n", 'expected a JSON object like {"text": "..."}; plain text, one answer a line'),
        ("a.jsonl", "7\n", 'like {"text": "..."}; plain text, one answer a line'),
        ("a.jsonl", '{"text": "a"}\n["a"]\n', 'a.jsonl:2:1: expected a JSON object like {"text": "..."}'),
        ("a.json", "[7]", 'a.json: row 1: expected a JSON object like {"text": "..."}'),
        ("a.jsonl", '{"text": "' + "x" * MAX_LINE + '"}', "the most that one row may have"),
        ("a.jsonl", '{"text": [{"role": "assistant", "content": [{"type": "image"}]}]}', "only texts are read"),
        ("a.pdf", "%PDF", "rows are read from text"),
    ],
)  # fmt: skip
def test_messages_speak_of_answers(tmp_path: Path, name: str, data: str, message: str) -> None:
    """Nothing here is a prompt."""
    (tmp_path / name).write_text(data)
    found = told(str(tmp_path / name))
    assert message in found
    assert "prompt" not in found.replace(str(tmp_path), "")


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_rows_of_ours_without_a_draft(tmp_path: Path, form: str) -> None:
    """Traces and drops have such rows: they are counted, and no error; elsewhere an empty draft is one."""
    for draft in ("No.", {"text": "No."}):
        rows = [{"draft": draft, "outcome": "paired"}] + [{"draft": None, "outcome": "failed"}] * 2
        source = AnswerFiles([written(tmp_path, form, rows)], Named())
        assert [each.text for each in source] == ["No."]
        assert (source.without_draft, source.rows, source.dropped) == (2, 3, 0)
    assert "found null" in told(written(tmp_path, form, [{"draft": "No."}, {"draft": None}]))


def test_all_bad_rows_are_told_at_once(tmp_path: Path) -> None:
    """Twenty of them, and the number of the others."""
    found = told(written(tmp_path, "jsonl", [{"answer": ""}] * 25)).splitlines()
    assert len(found) == 22
    assert "and 5 more problems" in found[20]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "json"])
def test_unclear_columns_are_no_bad_rows(tmp_path: Path, form: str) -> None:
    """The file is refused, whatever is done with bad rows."""
    file = written(tmp_path, form, [{"a": "x", "b": "y"}] * 3)
    for bad_rows in ("error", "drop"):
        assert told(file, bad_rows=bad_rows).count("\n") == 0
        assert 'no column is known to hold the answer; there are "a", "b": name the one (--text)' in told(
            file, bad_rows=bad_rows
        )
    assert [each.text for each in read(file, named=Named(text="b"))] == ["y"] * 3


def test_unknown_labels_are_all_listed(tmp_path: Path) -> None:
    """With their numbers, the place of the first, and what may be done; bad rows are another thing."""
    rows = [{"text": "a", "label": said} for said in ("full", "safe", "unsafe", "safe", "")]
    for bad_rows in ("error", "drop"):
        found = told(written(tmp_path, "csv", rows), bad_rows=bad_rows)
        assert 'rows.csv:3: label: unknown labels: "safe" (2), "unsafe" (1); expected full, partial and none' in found
        assert "--label -" in found
    assert len(read(written(tmp_path, "csv", rows), named=Named(label="-"))) == 5


def test_unknown_labels_of_another_tagger(tmp_path: Path) -> None:
    """Are told under its option."""
    rows = [{"text": "a", "label": "full", "other": "maybe"}]
    assert "(--against)" in told(written(tmp_path, "csv", rows), named=Named(against="other"))


def test_many_unknown_labels_are_not_held(tmp_path: Path) -> None:
    """A column of ids named as the label: twelve are listed, the others counted."""
    rows = [{"text": "a", "label": f"x{n}"} for n in range(40)]
    assert '"others" (28), "x0" (1)' in told(written(tmp_path, "csv", rows))


def test_labels_stand_in_one_column(tmp_path: Path) -> None:
    """Rows of JSON lines may differ; a row without the first row's label has none."""
    rows: list[dict[str, Any]] = [
        {"text": "a", "label": "full"}, {"text": "b", "kind": "none"}, {"kind": "none", "text": "c", "label": None},
    ]  # fmt: skip
    found = AnswerFiles([written(tmp_path, "jsonl", rows)], Named())
    assert [each.label for each in found] == ["full", None, None]
    assert list(found.columns["label"]) == ["label"]


def test_labels_beside_two_answers_are_none(tmp_path: Path) -> None:
    """Nor are they where rows before have one answer each, and rows without a label are fine beside another tagger."""
    rows: list[dict[str, Any]] = [
        {"text": "a", "label": "full", "other": "none"},
        {"text": "b", "other": "none"},
        {"chosen": "c", "rejected": "d", "label": "a", "other": None},
    ]
    found = read(written(tmp_path, "jsonl", rows), named=Named(against="other"))
    assert [(each.text, each.label) for each in found] == [("a", "full"), ("b", None), ("c", None), ("d", None)]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"text\n", "holds no row"),
        ("a.jsonl", b"\n\n", "holds no row"),
        ("a.csv", b"text,text\na,b\n", 'the column "text" stands twice'),
        ("a.csv", b'text\n"a', "the file ends within quotes"),
        ("a.csv", b"text,label\na\n", ":2: has 1 cells"),
        ("a.csv", b"text\n\xff\n", "is not UTF-8"),
        ("a.json", b'[{"text": "a"}', "is cut off"),
        ("a.parquet", b"PAR1", "damaged"),
        ("a.gz", gzip.compress(b'{"text": "a"}\n', mtime=0)[:-3], "the archive is cut off"),
        ("a.xlsx", b"PK\x03\x04", "an Excel sheet"),
    ],
)
def test_files_that_are_none(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    """Each is told in one message with the file's name."""
    (tmp_path / name).write_bytes(data)
    found = told(str(tmp_path / name))
    assert name in found
    assert message in found


def test_a_file_streams(tmp_path: Path) -> None:
    """The first answer comes before the end of the file was read, which is damaged here."""
    (tmp_path / "a.jsonl").write_text('{"text": "Yes."}\n' * 10 + '{"text": ""}\n')
    answers: Iterator[Answer] = iter(AnswerFiles([str(tmp_path / "a.jsonl")], Named()))
    assert [next(answers).text for _ in range(10)] == ["Yes."] * 10
    with pytest.raises(PromptFileError):
        next(answers)


def test_rows_of_many_shapes_are_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a key of its own: of the first shapes it is remembered what they are, the others are looked at again."""
    looked: list[object] = []

    def counting(names: Sequence[str], named: Named, label: str | None) -> Found:
        looked.append(names)
        return columns_of(names, named, label)

    monkeypatch.setattr(files, "columns_of", counting)
    rows: list[dict[str, Any]] = [{"text": "a", f"k{n}": n} for n in range(MOST_SHAPES + 500)]
    assert len(read(written(tmp_path, "jsonl", rows * 2))) == 2 * len(rows)
    assert len(looked) == len(rows) + 500
