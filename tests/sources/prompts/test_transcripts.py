"""Transcripts of hh-rlhf: turns and their texts, and what nobody can tell apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.errors import Problem, PromptFileError
from constitution.messages import Message, assistant, user
from constitution.sources.prompts import PromptFile, Reading, as_prompt
from constitution.sources.prompts.json_lines import LineError
from constitution.sources.prompts.transcripts import is_transcript, join_transcript, parse_transcript

DATA = Path(__file__).parents[2] / "data" / "prompts" / "hh_rlhf_harmless_first300.jsonl"

texts = st.text(st.characters(exclude_categories=["Cs"])).filter(
    lambda text: "\n\nHuman:" not in f"\n\n{text}" and "\n\nAssistant:" not in f"\n\n{text}"
)


def transcripts() -> list[tuple[int, str, str]]:
    """Line, side and text of all 600."""
    rows = [json.loads(line) for line in DATA.read_text().splitlines()]
    return [(number, side, row[side]) for number, row in enumerate(rows, 1) for side in ("chosen", "rejected")]


def test_turns_joined_are_the_source() -> None:
    """On all 600 transcripts roles alternate, a user begins, and the joined turns are the text byte for byte."""
    found = transcripts()
    assert len(found) == 600
    for _, _, text in found:
        turns = parse_transcript(text)
        assert join_transcript(turns) == text
        assert [turn.role for turn in turns] == ["user", "assistant"] * (len(turns) // 2)


def test_empty_turn_is_reported_with_its_place() -> None:
    """The one row with an empty turn is told by line and turn, or dropped; all others are read."""
    (empty,) = [
        (line, side) for line, side, text in transcripts() for turn in parse_transcript(text) if not turn.content
    ]
    for revise in (None, "rejected", "chosen"):
        problems: list[Problem] = []
        entries = list(PromptFile(DATA, Reading(revise=revise)).read(report=problems.append))
        assert [(problem.line, problem.path, problem.message) for problem in problems] == [
            (*empty, "turn 4 of the transcript (Assistant) is empty")
        ]
        assert [entry.line for entry in entries] == [line for line in range(1, 301) if line != empty[0]]
        dropped = PromptFile(DATA, Reading(revise=revise, bad_rows="drop")).read()
        assert [entry.line for entry in dropped if entry.bad] == [empty[0]]


def test_context_is_kept_whole() -> None:
    """With a side to revise, conversation and answer together are that side of the row, for every row."""
    sides = {(line, side): text for line, side, text in transcripts()}
    for side in ("chosen", "rejected"):
        for entry in PromptFile(DATA, Reading(revise=side, bad_rows="drop")).read():
            if entry.bad is None:
                whole = (*entry.prompt.conversation, assistant(entry.prompt.response or ""))
                assert join_transcript(whole) == sides[entry.line, side]


def test_shared_turns_are_the_prompt() -> None:
    """Without a side, the prompt is what both transcripts begin with, up to the last turn of a user."""
    sides = {(line, side): parse_transcript(text) for line, side, text in transcripts()}
    for entry in PromptFile(DATA, Reading(bad_rows="drop")).read():
        if entry.bad is None:
            length = len(entry.prompt.conversation)
            assert entry.prompt.response is None
            assert all(sides[entry.line, side][:length] == entry.prompt.conversation for side in ("chosen", "rejected"))
            assert entry.prompt.conversation[-1].role == "user"


@given(st.lists(texts, min_size=1, max_size=6), st.sampled_from(["user", "assistant"]), st.booleans())
def test_any_turns_come_back(said: list[str], first: str, asks: bool) -> None:
    """Turns that hold no mark of their own come back whatever they hold, with the mark that asks for an answer too."""
    roles = ["user", "assistant"] if first == "user" else ["assistant", "user"]
    turns = tuple(Message(roles[index % 2], text) for index, text in enumerate(said))  # type: ignore[arg-type]  # roles
    text = join_transcript(turns)
    assert is_transcript(text)
    assert parse_transcript(text) == turns
    if asks and turns[-1].role == "user":
        assert parse_transcript(text + "\n\nAssistant:") == turns


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("\n\nHuman: hi", (user("hi"),)),
        ("\n\nHuman: hi\n\nAssistant:", (user("hi"),)),
        ("\n\nHuman: hi\n\nAssistant: ", (user("hi"), assistant(""))),
        ("\n\nHuman:  two\n\n\n\nAssistant: a\n", (user(" two\n\n"), assistant("a\n"))),
        ("\n\nHuman: I said \nHuman: and Assistant: here", (user("I said \nHuman: and Assistant: here"),)),
        ("\n\nHuman: the human:\n\nhuman: no", (user("the human:\n\nhuman: no"),)),
    ],
    ids=["one turn", "asks", "empty answer", "spaces", "words in mid-text", "lower case"],
)
def test_marks_and_text(text: str, turns: tuple[Message, ...]) -> None:
    """Only a mark at the beginning of a paragraph, with its space, begins a turn."""
    assert parse_transcript(text) == turns


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n\nHuman: a\n\nHuman: b", "turns 1 and 2 of the transcript are both Human's"),
        ("\n\nHuman: a\n\nAssistant: b\n\nAssistant: c", "turns 2 and 3 of the transcript are both Assistant's"),
        ("\n\nHuman: a\n\nAssistant: b\n\nAssistant:", "an answer after an answer"),
        ("\n\nHuman:a", "it may be a mark or text"),
        ("\n\nHuman: a\n\nAssistant:\nb", "turn 2 of the transcript: a mark has a space behind it"),
        ("hi", "does not begin with"),
        ("hi\n\nHuman: a", "does not begin with"),
        ("\n\nAssistant:", "does not begin with"),
    ],
)
def test_nobody_can_tell(text: str, message: str) -> None:
    """Where turns cannot be told apart the transcript is refused, not guessed at."""
    with pytest.raises(LineError, match=message):
        parse_transcript(text)


@pytest.mark.parametrize("text", ["Human: a", "\nHuman: a", " \n\nHuman: a", "x\n\nHuman: a"])
def test_other_texts_are_texts(tmp_path: Path, text: str) -> None:
    """A text that does not begin with a mark is one turn, as it stands."""
    assert not is_transcript(text)
    file = tmp_path / "p.jsonl"
    file.write_text(json.dumps({"prompt": text}))
    (entry,) = PromptFile(file).read()
    assert entry.prompt.conversation == (user(text),)


@pytest.mark.parametrize(
    "text",
    [
        "Human: a\n\nAssistant: b",
        " \n\nHuman: a\n\nAssistant:",
        "\r\n\r\nHuman: a\r\n\r\nAssistant: b",
        "\n\nHuman: a\r\n\r\nAssistant: b",
        "### Human: a### Assistant: b",
        "USER: a\n\n\nASSISTANT: b",
    ],
)
def test_turns_told_apart_otherwise(text: str) -> None:
    """Texts that are plainly several turns are not taken for one of a user; as a turn of a list they are."""
    with pytest.raises(PromptFileError, match="turns"):
        as_prompt(text)
    assert as_prompt([{"role": "user", "content": text}])[0].conversation == (user(text),)


def test_a_space_behind_the_last_mark_of_a_prompt() -> None:
    """A prompt that ends with the mark of an answer asks for one, with or without a space; a side lacks its own."""
    asked = "\n\nHuman: a \n\nAssistant: "
    assert as_prompt(asked) == as_prompt(asked[:-1])
    assert as_prompt("\n\nHuman: a: ")[0].conversation == (user("a: "),)
    with pytest.raises(PromptFileError, match="is empty"):
        as_prompt({"chosen": asked, "rejected": asked})
