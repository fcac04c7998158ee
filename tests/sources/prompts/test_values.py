"""Python values that stand for prompts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution.errors import PromptFileError, SettingsError, StoreError
from constitution.messages import Message, Prompt, assistant, system, user
from constitution.sources.prompts import PromptFile, Reading, as_prompt, derived_id, intake_items, is_one_prompt

DOCS = Path(__file__).parents[3] / "docs" / "prompts.md"

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)
names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=20).filter(str.strip)
metadata = st.none() | st.dictionaries(texts, st.none() | texts | st.integers(-(2**63), 2**64 - 1), max_size=3)
rows = st.fixed_dictionaries(
    {},
    optional={
        "id": names,
        "tags": st.lists(names, unique=True, max_size=3),
        "response": texts,
        "metadata": metadata,
    },
)
turns = st.lists(st.tuples(texts, texts), max_size=2)


@st.composite
def items(draw: st.DrawFn) -> object:
    """One value of any form."""
    text = draw(texts)
    conversation = [m for u, a in draw(turns) for m in (user(u), assistant(a))]
    opening = [system(draw(texts))] if draw(st.booleans()) else []
    messages = [*opening, *conversation, user(text)]
    dicts = [{"role": m.role, "content": m.content} for m in messages]
    row = draw(rows)
    form = draw(st.sampled_from(["text", "messages", "tuple", "dicts", "row", "prompt row", "Prompt"]))
    return {
        "text": text,
        "messages": messages,
        "tuple": tuple(messages),
        "dicts": dicts,
        "row": row | {"messages": messages},
        "prompt row": row | {"prompt": text},
        "Prompt": as_prompt(MappingProxyType(row | {"messages": dicts}))[0],
    }[form]


@given(st.lists(items(), max_size=5), st.none() | texts)
@settings(deadline=None, max_examples=150)
def test_written_values_are_the_values(
    tmp_path_factory: pytest.TempPathFactory, values: list[object], opening: str | None
) -> None:
    """What is read back from the file is what each value stands for, given ids and system turns included."""
    file = tmp_path_factory.mktemp("values") / "p.jsonl"
    reading = Reading(system=opening)
    intake_items(iter(values), reading, file)
    read = [(entry.prompt, entry.given_id) for entry in PromptFile(file, copied=True).read()]
    assert read == [as_prompt(value, reading) for value in values]
    assert all(is_one_prompt(value) for value in values)


@pytest.mark.parametrize(
    ("value", "one"),
    [
        ("a", True),
        ([user("a")], True),
        ((user("a"), assistant("b"), user("c")), True),
        ({"prompt": "a"}, True),
        (Prompt("x", (user("a"),)), True),
        ([], False),
        (["a"], False),
        ([[user("a")]], False),
        ([{"prompt": "a"}], False),
        ([user("a"), "b"], False),
        (iter([user("a")]), False),
    ],
    ids=lambda value: re.sub(" at 0x[0-9a-f]+", "", repr(value)),
)
def test_one_or_several(value: object, one: bool) -> None:
    """Text, conversation, row and `Prompt` are one prompt; all else is several."""
    assert is_one_prompt(value) is one


def test_one_value_is_a_list_of_one(tmp_path: Path) -> None:
    """A single value is written as one line, a text not as its characters."""
    for value in ("ab", [user("ab")], {"prompt": "ab"}):
        (entry,) = intake_items(value, Reading(), tmp_path / "p.jsonl").read()
        assert entry.prompt.conversation == (user("ab"),)
        assert entry.place == "prompts[0]"


def test_derived_ids_stay_derived() -> None:
    """A `Prompt` with its derived id is no given id: with a system turn it gets the id of what it then is."""
    plain, _ = as_prompt("a")
    opened, given_id = as_prompt(plain, Reading(system="s"))
    assert (opened, given_id) == as_prompt("a", Reading(system="s"))
    assert not given_id
    assert opened.id == derived_id((system("s"), user("a")), None, ()) != plain.id


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "prompt: prompt: is empty"),
        ("\ud800", "prompt: cannot be written as JSON"),
        (3, "found a value of type int"),
        (None, "found a value of type NoneType"),
        ([], "found an empty list"),
        (b"a", "found a value of type bytes"),
        (user("a"), "is one turn; a conversation is a list of turns"),
        ({"role": "user", "content": "a"}, "is one turn"),
        ({"prompt": "a", "metadata": {"x": float("nan")}}, "nan is not JSON"),
        ({"prompt": "a", "metadata": {"x": (1, float("inf"))}}, "inf is not JSON"),
        ({"prompt": "a", "metadata": {"x": 2**64}}, "64-bit"),
        ({"prompt": "a", "metadata": {"x": {1}}}, "not JSON serializable: set"),
        ({"prompt": "a", "picture": b"x"}, "not JSON serializable: bytes"),
        ({"prompt": "a", "metadata": {1: 2}}, "key must be str"),
        ({"prompt": "a", "Tag": "x"}, "prompt: Tag: unknown key"),
        ({"messages": [user("a"), 3]}, "prompt: messages[1]: expected a turn"),
        ({"messages": "a"}, "prompt: messages: expected a list"),
        (Prompt("", (user("a"),)), "prompt: id: is empty"),
        (Prompt("x", ()), "prompt: messages: expected a list"),
        (Prompt("x", (user("\ud800"),)), "cannot be written as JSON"),
        (Prompt("x", (Message("tool", "t"),)), "no user turn"),
        (Prompt("x", (user("a"),), metadata="{"), "over several lines"),
    ],
    ids=repr,
)
def test_bad_value(value: object, message: str) -> None:
    """A value that is no prompt is refused with its place in the value and the reason."""
    with pytest.raises(PromptFileError, match=re.escape(message)):
        as_prompt(value)


def test_bad_system_text() -> None:
    """A blank system text is refused."""
    with pytest.raises(SettingsError, match="the system text cannot be used: it is empty"):
        as_prompt("a", Reading(system=" "))


def test_bad_values_are_told_together(tmp_path: Path) -> None:
    """Bad values are told by number, at most twenty, the others counted, and the file stays as it was."""
    file = tmp_path / "p.jsonl"
    file.write_text("old")
    with pytest.raises(PromptFileError) as caught:
        intake_items(["a", "", "b", {"x": 1}], Reading(), file)
    assert [problem.path for problem in caught.value.problems] == ["[1].prompt", "[3]", ""]
    with pytest.raises(PromptFileError) as caught:
        intake_items(("" for _ in range(10**9)), Reading(), file)
    assert len(caught.value.problems) == 22
    assert "9,980 more problems; the rest of the file was not read" in str(caught.value)
    assert "--bad-rows drop" in str(caught.value)
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["p.jsonl"]


def test_value_too_long_for_a_line(tmp_path: Path) -> None:
    """A value that would make a line that no reader takes is refused when it is written."""
    with pytest.raises(PromptFileError, match="longer than 4,000,000 bytes"):
        intake_items(["x" * 4_000_000], Reading(), tmp_path / "p.jsonl")


def test_values_that_break_leave_no_file(tmp_path: Path) -> None:
    """An error of the caller's own iterable passes through as it is, and no half file stays."""

    def broken() -> Iterator[str]:
        yield "a"
        raise OSError("their disk")

    with pytest.raises(OSError, match="their disk"):
        intake_items(broken(), Reading(), tmp_path / "p.jsonl")
    assert not list(tmp_path.iterdir())


def test_folder_that_is_missing(tmp_path: Path) -> None:
    """A file that cannot be made is named with the reason."""
    with pytest.raises(StoreError, match=r"cannot write .*No such file or directory"):
        intake_items(["a"], Reading(), tmp_path / "none" / "p.jsonl")


def test_dates_become_text() -> None:
    """Dates in what becomes metadata are written as ISO text."""
    prompt, _ = as_prompt({"prompt": "a", "when": datetime(2020, 1, 2, tzinfo=UTC)})
    assert prompt.metadata == '{"when":"2020-01-02T00:00:00+00:00"}'


def test_documented_code_runs() -> None:
    """The Python of the documentation does what it says."""
    (block,) = re.findall(r"^```python\n(.*?)^```$", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    assert names["prompt"].id
