"""Prompts with their places, and how a run keeps them: one canonical row a line, whatever they were before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from constitution.digest import digest
from constitution.errors import Problem
from constitution.messages import Message, Prompt
from constitution.sources.prompts.columns import Columns
from constitution.sources.prompts.json_lines import JsonPath, LineError, column_of, place
from constitution.sources.prompts.reading import Reading
from constitution.sources.prompts.rows import ID_VERSION, derived_id, row_of, tags_of

_NO_COLUMNS = Columns()
COPIED = b'{"run_copy":1,'
"""How a line of a run's copy begins, so that one is known for it where it is given as a source itself."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One prompt of a source, with its place."""

    prompt: Prompt
    given_id: bool
    """Whether the source gives the id; else it is the digest of the content."""
    line: int
    """Of the file that was read, 1-based; 0 where it has none."""
    offset: int
    """Of the line's first byte."""
    next_offset: int
    """Of the byte after the line's end."""
    place: str = ""
    """Where it stands for a person: `prompts.jsonl:12`, `train.parquet: row 12`."""
    source: int = 0
    """Number of its source, where a run has several."""
    bad: str | None = None
    """Why the row is no prompt; it then comes with an id and a conversation of what could be read."""
    columns: Columns = _NO_COLUMNS
    """What each column of its row is; not known of rows that a run has copied."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as a source has it, before anything is made of it."""

    value: Mapping[str, Any] | LineError
    """Columns and values, or why there are none."""
    raw: bytes
    """What stands there, for the id of a bad row."""
    file: str
    """What a problem names: the file; with the row where there are no lines."""
    line: int = 0
    """1-based; 0 where there are none."""
    path: JsonPath = ()
    """Place of the row in its source, where problems tell it so."""
    typed: bool = True
    """Whether people type such rows."""
    offset: int = 0
    """Of its first byte, in a file that is read where it is."""
    next_offset: int = 0
    """Of the byte after its end."""

    @property
    def place(self) -> str:
        """Where it stands for a person."""
        return f"{self.file}:{self.line}" if self.line else self.file + place(self.path)


def understand(row: RawRow, reading: Reading, source: int = 0) -> Entry | Problem:
    """What a row is: a prompt, a problem, or an entry that is to be dropped, as the user wants it."""
    error = row.value if isinstance(row.value, LineError) else None
    if not isinstance(row.value, LineError):
        try:
            found = row_of(row.value, reading, typed=row.typed)
            return Entry(
                found.prompt,
                found.given_id,
                row.line,
                row.offset,
                row.next_offset,
                row.place,
                source,
                None,
                found.columns,
            )
        except LineError as problem:
            error = problem
    assert error is not None
    if reading.bad_rows == "error":
        in_json = row.line and row.typed and error.path and not error.column
        column = column_of(row.raw, error.path) if in_json else error.column
        return Problem(row.file, row.line, column, place((*row.path, *error.path)), error.message)
    return bad_entry(row, error, reading, source)


def bad_entry(row: RawRow, error: LineError, reading: Reading, source: int = 0) -> Entry:
    """A bad row as an input that is to be dropped: its id is that of its bytes, its text what could be read."""
    value = {} if isinstance(row.value, LineError) else row.value
    names = [reading.prompt_column or "prompt", "messages", "conversations", "instruction", "question", "text"]
    said = next((value[name] for name in names if isinstance(value.get(name), str) and value[name].strip()), None)
    id = digest("bad row", ID_VERSION, row.raw.decode("utf-8", "surrogateescape"))
    where = place(error.path)
    reason = f"{where}: {error.message}" if where else error.message
    conversation = () if said is None else (Message("user", said),)
    prompt = Prompt(id, conversation, tags=tags_of(value, reading))
    return Entry(prompt, False, row.line, row.offset, row.next_offset, row.place, source, reason)


def written(entry: Entry) -> bytes:
    """An entry as one canonical line, without its end."""
    prompt = entry.prompt
    row: dict[str, Any] = {"run_copy": 1}
    if entry.given_id or entry.bad is not None:
        row["id"] = prompt.id
    row["messages"] = [_turn(message) for message in prompt.conversation]
    if prompt.response is not None:
        row["response"] = prompt.response
    if prompt.tags:
        row["tags"] = prompt.tags
    if prompt.responses:
        row["responses"] = prompt.responses
    for key in ("tools", "metadata", "preferred"):
        if (text := getattr(prompt, key)) is not None:
            row[key] = text
    row["place"] = entry.place
    if entry.source:
        row["source"] = entry.source
    if entry.bad is not None:
        row["bad"] = entry.bad
    return orjson.dumps(row)


def _turn(message: Message) -> dict[str, str]:
    turn = {"role": message.role, "content": message.content}
    return turn if message.extra is None else turn | {"extra": message.extra}


def unwritten(raw: bytes, line: int, offset: int, next_offset: int) -> Entry:
    """The entry of a line that `written` made.

    Raises:
        LineError: It is none.
    """
    try:
        row = orjson.loads(raw)
        turns = tuple(Message(turn["role"], turn["content"], turn.get("extra")) for turn in row["messages"])
        response, tags, tools, bad = row.get("response"), tuple(row.get("tags", ())), row.get("tools"), row.get("bad")
        id, responses = row.get("id"), tuple(row.get("responses", ()))
        prompt = Prompt(
            derived_id(turns, response, tags, tools, responses) if id is None else id,
            turns, response, tags, row.get("metadata"), tools, responses, row.get("preferred"),
        )  # fmt: skip
        given = id is not None and bad is None
        return Entry(prompt, given, line, offset, next_offset, row["place"], row.get("source", 0), bad)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise LineError(
            (), "is no line of a run's copy of its prompts; delete the run's folder, and start anew"
        ) from None
