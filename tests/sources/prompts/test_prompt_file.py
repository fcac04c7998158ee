"""Files of prompts: what is read, from where, and what is refused with its place."""

from __future__ import annotations

import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution.errors import Problem, PromptFileError, SettingsError
from constitution.messages import Message, Prompt, assistant, system, user
from constitution.sources.prompts import Entry, PromptFile, Reading, derived_id
from constitution.sources.prompts.json_lines import MAX_LINE

DOCS = Path(__file__).parents[3] / "docs" / "prompts.md"


def read(path: Path, data: bytes | str, name: str = "p.jsonl", **options: Any) -> list[Entry]:
    file = path / name
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return list(PromptFile(file, Reading(**options)).read())


def refused(path: Path, data: bytes | str, name: str = "p.jsonl") -> Problem:
    with pytest.raises(PromptFileError) as caught:
        read(path, data, name)
    (problem,) = caught.value.problems
    return problem


def test_row_with_every_key(tmp_path: Path) -> None:
    """Every key of a row arrives; metadata is canonical JSON text."""
    row = {"prompt": "hi", "id": "a", "tags": ["z", "b"], "response": "ho", "metadata": {"y": 1, "x": [1.5, None, {}]}}
    (entry,) = read(tmp_path, json.dumps(row))
    metadata = '{"x":[1.5,null,{}],"y":1}'
    assert entry.prompt == Prompt("a", (user("hi"),), "ho", ("z", "b"), metadata)
    assert entry.given_id


def test_conversation(tmp_path: Path) -> None:
    """Turns arrive in order, a developer turn among them."""
    turns = [("developer", "d"), ("user", "u"), ("assistant", "a"), ("user", "v")]
    (entry,) = read(tmp_path, json.dumps({"messages": [{"role": r, "content": c} for r, c in turns]}))
    assert [(m.role, m.content) for m in entry.prompt.conversation] == turns
    assert entry.prompt.response is None


def test_answer_at_the_end_becomes_the_response(tmp_path: Path) -> None:
    """A conversation that ends with an answer is a prompt with a response."""
    turns = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]
    (entry,) = read(tmp_path, json.dumps({"messages": turns}))
    assert (entry.prompt.conversation, entry.prompt.response) == ((user("u"),), "a")


def test_null_is_absent(tmp_path: Path) -> None:
    """Null under any key, known or not, is as good as no key: tables write it for empty cells."""
    row = {
        "prompt": "hi",
        "messages": None,
        "id": None,
        "tags": None,
        "response": None,
        "metadata": None,
        "split": None,
        "Tag": None,
    }
    (entry,) = read(tmp_path, json.dumps(row))
    assert entry.prompt == Prompt(derived_id((user("hi"),), None, ()), (user("hi"),))
    assert not entry.given_id


def test_whole_number_is_an_id(tmp_path: Path) -> None:
    """A whole number is an id by its digits, up to 64 bits."""
    entries = read(tmp_path, '{"prompt":"a","id":7}\n{"prompt":"b","id":18446744073709551615}')
    assert [entry.prompt.id for entry in entries] == ["7", "18446744073709551615"]


def test_longest_names(tmp_path: Path) -> None:
    """Ids and tags of 200 characters are accepted."""
    (entry,) = read(tmp_path, json.dumps({"prompt": "a", "id": "ü" * 200, "tags": ["t" * 200]}))
    assert (entry.prompt.id, entry.prompt.tags) == ("ü" * 200, ("t" * 200,))


def test_plain_text(tmp_path: Path) -> None:
    """In a .txt file each line that is not blank is one prompt, never trimmed."""
    entries = read(tmp_path, b" a \r\n\r\n \t\nb: {}\xe2\x80\xa8c\n\nd", "p.TXT")
    assert [entry.prompt.conversation[0].content for entry in entries] == [" a ", "b: {}\u2028c", "d"]
    assert [entry.line for entry in entries] == [1, 4, 6]


@pytest.mark.parametrize(
    "text",
    ["x" * 1_000_000, "\u202eabc", "a\u200db 👩‍👩‍👧", "e" + "\u0301" * 500, "a\r\nb", "\x1b[31mred\x1b[0m", "</script>",
     "[/red]", "=cmd()", "{{ x }}", " \ttrailing \n", "<|im_start|>", "\ufeffx", "\u2028", "\x7f"],
    ids=lambda text: ascii(text)[:20],
)  # fmt: skip
def test_text_is_data(tmp_path: Path, text: str) -> None:
    """Whatever a text holds, it arrives unchanged."""
    if text.isspace():
        assert "is empty" in refused(tmp_path, json.dumps({"prompt": text})).message
    else:
        (entry,) = read(tmp_path, json.dumps({"prompt": text}))
        assert entry.prompt.conversation[0].content == text


def test_crlf_blank_lines_bom_and_missing_newline(tmp_path: Path) -> None:
    """Windows line ends, blank lines anywhere, a BOM at the start and a last line without end are accepted."""
    entries = read(tmp_path, b'\xef\xbb\xbf\r\n{"prompt":"a"}\r\n\r\n  \n{"prompt":"b"}')
    assert [(e.prompt.conversation[0].content, e.line, e.offset) for e in entries] == [("a", 2, 5), ("b", 5, 26)]
    assert entries[-1].next_offset == (tmp_path / "p.jsonl").stat().st_size


USER = '{"role": "user", "content": "u"}'
ANSWER = '{"role": "assistant", "content": "a"}'
ANY = -1
"""A column that orjson names; it differs by a character between versions."""
BAD_ROWS = [
    ('{"prompt": ""}', 2, "prompt", "is empty"),
    ('{"prompt": " \\n"}', 2, "prompt", "is empty"),
    ('{"prompt": null}', 2, "prompt", "is null"),
    ('{"prompt": 3}', 2, "prompt", "expected a text, or a list like [{"),
    ('{"prompt": []}', 2, "prompt", "or a list like [{"),
    ('{"prompt": ["a"]}', 13, "prompt[0]", "expected a turn like"),
    ('{"id": "x"}', 0, "", 'neither "prompt" nor "messages"'),
    ('{"prompt": "a", "messages": [' + USER + "]}", 17, "messages", "could both be the prompt"),
    ('{"question": "a", "query": "b"}', 19, "query", "--prompt-column question"),
    ('{"prompt": "a", "answer": "b", "output": "c"}', 32, "output", "--response-column - to have one drafted"),
    ('{"messsages": [' + USER + "]}", 2, "messsages", 'did you mean "messages"?'),
    ('{"ask": "a"}', 0, "", 'it has "ask": name the one (--prompt-column)'),
    ('{"prompt": "a", "Tag": ["x"]}', 17, "Tag", 'did you mean "tags"? (other data goes into "metadata": {...})'),
    ('{"prompt": "a", "response": ""}', 17, "response", "is empty"),
    ('{"prompt": "a\\u0000b"}', 2, "prompt", "NUL"),
    ('{"prompt": "a", "id": ""}', 17, "id", "is empty"),
    ('{"prompt": "a", "id": 1.0}', 17, "id", "expected a text or a whole number, found the number 1.0"),
    ('{"prompt": "a", "id": true}', 17, "id", "found true"),
    ('{"prompt": "a", "id": "' + "x" * 201 + '"}', 17, "id", "has 201 characters, at most 200"),
    ('{"prompt": "a", "id": "x\\ny"}', 17, "id", "control character"),
    ('{"prompt": "a", "id": 12345678901234567890123}', 23, "", "does not fit in 64 bits"),
    ('{"prompt": "a", "metadata": {"n": -9223372036854775809}}', 35, "", "does not fit in 64 bits"),
    ('{"prompt": "a", "tags": 1.5}', 17, "tags", "expected a text or a list of texts, found the number 1.5"),
    ('{"prompt": "a", "tags": {}}', 17, "tags", "found an object"),
    ('{"prompt": "ä", "tags": ["x", null]}', 31, "tags[1]", "expected a text"),
    ('{"prompt": "a", "tags": ["x", "x"]}', 31, "tags[1]", "stands twice"),
    ('{"prompt": "a", "tags": [""]}', 26, "tags[0]", "is empty"),
    ('{"prompt": "a", "metadata": ' + '{"a":' * 120 + "1" + "}" * 121, 0, "", "nested deeper than 100"),
    ('{"prompt": "a", "metadata": ' + '{"a":' * 1100 + "1" + "}" * 1101, ANY, "", "depth"),
    ('{"messages": []}', 2, "messages", "expected a list like"),
    ('{"messages": "a"}', 2, "messages", "expected a list like"),
    ('{"messages": ["a"]}', 15, "messages[0]", "expected a turn like"),
    ('{"messages": [' + USER + ', {"role": "system", "content": "s"}]}', 50, "messages[1].role", "may only come first"),
    ('{"messages": [{"role": "system", "content": "s"}]}', 2, "messages", "no user turn"),
    ('{"messages": [' + ANSWER + "]}", 2, "messages", "no user turn"),
    ('{"messages": [' + USER + ", " + ANSWER + ", " + ANSWER + "]}", 88, "messages[2]", "join them"),
    ('{"messages": [' + USER + ", " + ANSWER + '], "response": "r"}', 49, "messages[1]", "keep one"),
    ('{"messages": [{"role": "usr", "content": "u"}]}', 16, "messages[0].role", 'did you mean "user"?'),
    ('{"messages": [{"role": "\\u001b", "content": "u"}]}', 16, "messages[0].role", '"\\u001b"; expected system'),
    ('{"messages": [{"content": "u"}]}', 15, "messages[0].role", "a turn needs a role"),
    ('{"messages": [{"role": "user", "text": "u"}]}', 15, "messages[0].content", 'its keys are "role", "text"'),
    ('{"messages": [{"role": "user", "content": null}]}', 32, "messages[0].content", "found null"),
    ('{"messages": [{"role": "user", "content": " "}]}', 32, "messages[0].content", "is empty"),
    ('{"messages": [{"role": "user", "content": [{"type": "image"}]}]}', 44, "messages[0].content[0]", "images"),
    ('{"messages": [{"role": "user", "content": {"a": 1}}]}', 32, "messages[0].content", "write it as JSON text"),
    ('{"messages": [{"role": "tool", "content": "t"}]}', 2, "messages", "no user turn"),
    ('{"messages": [{"role": "assistant", "tool_calls": []}]}', 15, "messages[0].content", "the turn has none"),
    ('{"prompt": "a", "prompt": "b"}', 17, "prompt", "stands twice in one object (first at column 2)"),
    ('{"prompt": "a", "metadata": {"x": {"k" : 1, "k": 2}}}', 45, "metadata.x.k", "stands twice"),
    ('{"prompt": "a", "pr\\u006fmpt": "b"}', 17, "prompt", "stands twice"),
    ('{"prompt": "a", "metadata": {"x": NaN}}', ANY, "", "NaN is not JSON"),
    ('{"prompt": "a", "metadata": {"x": -Infinity}}', ANY, "", "-Infinity is not JSON"),
    ('{"prompt": "a", "metadata": {"x": 1e999}}', ANY, "", "not JSON"),
    ('{"prompt": "\\ud800"}', ANY, "", "half of a surrogate pair"),
    ('{"prompt": "a"', ANY, "", "not JSON"),
    ("{", 1, "", "over several lines"),
    ("[", 1, "", "over several lines"),
    ("hello", 1, "", ".txt"),
    ('["a"]', 1, "", "where it is the whole file"),
    ('"a"', 1, "", "expected a JSON object"),
    ('\ufeff{"prompt": "a"}', 1, "", "byte order mark"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "column", "path", "message"), BAD_ROWS, ids=[row[0][:60] for row in BAD_ROWS])
def test_bad_row(tmp_path: Path, row: str, column: int, path: str, message: str) -> None:
    """A bad row is refused with line, column, place in the data, and the reason."""
    problem = refused(tmp_path, '{"prompt": "fine"}\n\n' + row + "\n")
    assert (problem.line, problem.path) == (3, path)
    assert problem.column == column or (column == ANY and problem.column > 0)
    assert message in problem.message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"prompt": "\xc3\xa4\xff"}', "byte 0xff is not UTF-8"),
        (b'{"prompt": "\xed\xa0\x80"}', "byte 0xed is not UTF-8"),
        ('{"prompt": "a"}'.encode("utf-16-le"), "is the file UTF-16"),
        (b'{"prompt": "' + b"x" * MAX_LINE + b'"}', "longer than 4,000,000 bytes"),
    ],
    ids=["latin-1", "surrogate", "utf-16", "long"],
)
def test_bad_bytes(tmp_path: Path, data: bytes, message: str) -> None:
    """Bytes that are no UTF-8 text of bearable length are refused, in plain files too."""
    assert message in refused(tmp_path, data).message
    plain = refused(tmp_path, data, "p.txt")
    assert message.replace("is the file UTF-16", "NUL") in plain.message
    assert plain.path == ""


@pytest.mark.parametrize(
    ("head", "message"),
    [(b"\xff\xfe{\0", "UTF-16"), (b"\xfe\xff\0{", "UTF-16"), (b"PK\x03\x04", "zip"), (b"BZh9", "bzip2"),
     (b"\x1f\x8b\x08\x00", "gzip"), (b"PAR1....", "parquet"), (b" [1]", "JSON array")],
)  # fmt: skip
def test_foreign_files(tmp_path: Path, head: bytes, message: str) -> None:
    """Files that are often taken for text are named for what they are."""
    problem = refused(tmp_path, head)
    assert message in problem.message
    assert problem.line == 0


def test_one_object_over_several_lines(tmp_path: Path) -> None:
    """A file that is one object, written over lines, is refused once, not line by line."""
    assert "over several lines" in refused(tmp_path, '{\n "prompt": "a"\n}\n').message


def test_long_line_is_passed_over(tmp_path: Path) -> None:
    """After a line that is too long reading goes on at the next one, and a line of exactly the limit is read."""
    longest = b'{"prompt": "' + b"x" * (MAX_LINE - 14) + b'"}'
    file = tmp_path / "p.jsonl"
    file.write_bytes(b"y" * (3 * MAX_LINE) + b"\r\n" + longest + b"\r\n" + b" " + longest + b"\n" + longest)
    problems: list[Problem] = []
    entries = list(PromptFile(file).read(report=problems.append))
    assert [entry.line for entry in entries] == [2, 4]
    assert [problem.line for problem in problems] == [1, 3]
    assert entries[-1].next_offset == file.stat().st_size


def test_reading_holds_one_line(tmp_path: Path) -> None:
    """The peak of memory does not depend on the length of the file, nor on that of a line that is too long."""
    file = tmp_path / "p.jsonl"
    with file.open("wb") as out:
        for _ in range(30):
            out.write(b'{"prompt": "' + b"x" * 1_000_000 + b'"}\n')
        out.write(b"y" * 40_000_000)
    tracemalloc.start()
    count = sum(1 for _ in PromptFile(file).read(report=lambda _: None))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 30
    assert peak < 20_000_000


def test_problems_are_raised_or_reported(tmp_path: Path) -> None:
    """Without a reporter the first bad line is raised; with one each is told and the others are read."""
    file = tmp_path / "p.jsonl"
    file.write_text('{"prompt": "a"}\n{}\n{"prompt": "b"}\n{"x": 1}\n')
    problems: list[Problem] = []
    assert [entry.line for entry in PromptFile(file).read(report=problems.append)] == [1, 3]
    assert [problem.line for problem in problems] == [2, 4]
    with pytest.raises(PromptFileError, match=rf"^{re.escape(str(file))}:2: the row has neither"):
        list(PromptFile(file).read())


@given(st.lists(st.sampled_from(['{"prompt":"a"}', '{"prompt":"ä\\n","id":1}', "", "  "]), max_size=12), st.data())
@settings(max_examples=60, deadline=None)
def test_reading_from_any_entry(tmp_path_factory: pytest.TempPathFactory, rows: list[str], data: st.DataObject) -> None:
    """From each entry's place on, the same entries come with the same places, as many as asked for."""
    file = tmp_path_factory.mktemp("any") / "p.jsonl"
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    file.write_bytes(end.join(rows).encode())
    source = PromptFile(file)
    entries = list(source.read())
    for index, entry in enumerate(entries):
        count = data.draw(st.integers(0, len(rows)))
        assert list(source.read(entry.offset, entry.line, count)) == entries[index : index + count]
        assert list(source.read(entry.next_offset, entry.line + 1)) == entries[index + 1 :]


def test_system_turn_is_put_in(tmp_path: Path) -> None:
    """A system text opens conversations that have no system or developer turn, and is part of derived ids."""
    turns = [{"role": "developer", "content": "d"}, {"role": "user", "content": "u"}]
    data = json.dumps({"prompt": "p"}) + "\n" + json.dumps({"messages": turns})
    plain, opened = read(tmp_path, data), read(tmp_path, data, system="s")
    assert opened[0].prompt.conversation == (system("s"), user("p"))
    assert opened[0].prompt.id == derived_id((system("s"), user("p")), None, ()) != plain[0].prompt.id
    assert opened[1] == plain[1]


@pytest.mark.parametrize("text", ["", " \n", "a\0b", "\ud800"])
def test_bad_system_text(text: str) -> None:
    """A system text that is blank or no text is refused before any file is opened."""
    with pytest.raises(SettingsError, match="the system text cannot be used"):
        PromptFile("none.jsonl", Reading(system=text))


def test_derived_id_holds_content_only() -> None:
    """Turns, response and tags each change a derived id, and no two splits of the same text share one."""
    turns = (user("u"),)
    variants = [
        derived_id(turns, None, ()),
        derived_id((user("v"),), None, ()),
        derived_id((user("u"), assistant("")), None, ()),
        derived_id((Message("system", "u"),), None, ()),
        derived_id(turns, "u", ()),
        derived_id(turns, "", ()),
        derived_id(turns, None, ("u",)),
        derived_id(turns, None, ("u", "v")),
        derived_id(turns, None, ("v", "u")),
    ]
    assert len(set(variants)) == len(variants)
    assert all(re.fullmatch("[0-9a-f]{32}", id) for id in variants)


def test_derived_id_is_pinned() -> None:
    """A derived id never changes between versions without `ID_VERSION`: runs are resumed by it."""
    assert derived_id((system("Be kind."), user("Grüße")), "Hallo", ("benign",)) == "0533f6a32da50ee33d5c2ab27bf321d8"


def test_metadata_is_not_identity(tmp_path: Path) -> None:
    """Rows that differ in metadata only have the same derived id."""
    entries = read(tmp_path, '{"prompt":"a","metadata":{"n":1}}\n{"metadata":{"n":2},"prompt":"a"}')
    assert entries[0].prompt.id == entries[1].prompt.id


def test_documented_rows_are_read(tmp_path: Path) -> None:
    """Each JSONL and text block of the documentation is a file of prompts."""
    blocks = re.findall(r"^```(jsonl|text)\n(.*?)^```$", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    for kind, block in blocks:
        assert len(read(tmp_path, block, f"p.{kind.replace('text', 'txt')}")) == len(block.splitlines())
