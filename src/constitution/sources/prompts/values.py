"""Python values that stand for prompts: one of them, or many written to a file from which a run is planned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from constitution.errors import Problem, PromptFileError
from constitution.messages import Message, Prompt
from constitution.sources.prompts.files import replacing
from constitution.sources.prompts.json_lines import JsonPath, LineError, parse_object, place, survey, too_long
from constitution.sources.prompts.rows import check_system, derived_id, prompt_of

MAX_PROBLEMS = 20
"""Bad values that are told before the rest is left unread."""

_STRICT = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


def is_one_prompt(value: object) -> bool:
    """Whether `value` stands for one prompt (text, conversation, row, `Prompt`) rather than for several."""
    if isinstance(value, str | Prompt | Mapping):
        return True
    return isinstance(value, Sequence) and bool(value) and all(_is_turn(item) for item in value)


def as_prompt(item: object, *, system: str | None = None) -> tuple[Prompt, bool]:
    """Make one prompt of a Python value; the flag says whether its id was given.

    Args:
        item: A text, a conversation (list of `Message` or of dicts with `role` and `content`), a row (dict with the
            keys of a JSONL row), or a `Prompt`.
        system: Text of a system turn for a conversation that has none.

    Raises:
        PromptFileError: The value is no prompt.
        SettingsError: The system text is blank or no text.
    """
    check_system(system)
    try:
        return _parse(item, system)
    except LineError as error:
        raise PromptFileError((_problem(error, ()),)) from None


def write_prompts(items: Iterable[object], path: Path) -> None:
    """Write values that stand for prompts as JSONL, in one step: the file is there whole, or not at all.

    Args:
        items: Values as `as_prompt` takes them; read once, one at a time. A single one is taken as a list of one.
        path: The file to make, or to replace. Its folder exists.

    Raises:
        PromptFileError: Values are no prompts (reading stops after 20 of them).
        StoreError: The file cannot be written.
    """
    problems: list[Problem] = []
    with replacing(path) as write:
        for index, item in enumerate((items,) if is_one_prompt(items) else items):
            try:
                line = _line(*_parse(item, None))
                too_long(line)
            except LineError as error:
                problems.append(_problem(error, (index,)))
                if len(problems) == MAX_PROBLEMS:
                    break
            else:
                write(line + b"\n")
        if problems:
            raise PromptFileError(tuple(problems))


def _parse(item: object, system: str | None) -> tuple[Prompt, bool]:
    """Pass a value through JSON, so that it meets the same rules as a line of a file."""
    try:
        row = _row(item)
        survey(row)
        raw = orjson.dumps(row, option=_STRICT)
    except TypeError as error:
        raise LineError((), f"cannot be written as JSON: {error}") from None
    return prompt_of(parse_object(raw), system)


def _row(item: object) -> dict[str, Any]:
    if isinstance(item, str):
        return {"prompt": item}
    if isinstance(item, Prompt):
        metadata = None if item.metadata is None else parse_object(item.metadata.encode())
        row = {"messages": _turns(item.conversation), "response": item.response, "metadata": metadata}
        derived = item.id == derived_id(item.conversation, item.response, item.tags)
        return row | {"tags": list(item.tags), "id": None if derived else item.id}
    if isinstance(item, Mapping):
        if _is_turn(item):
            raise LineError((), "is one turn; a conversation is a list of turns")
        row = dict(item)
        turns = row.get("messages")
        return row | {"messages": _turns(turns)} if isinstance(turns, Sequence) else row
    if isinstance(item, Sequence) and item and all(_is_turn(turn) for turn in item):
        return {"messages": _turns(item)}
    if isinstance(item, Message):
        raise LineError((), "is one turn; a conversation is a list of turns")
    found = "an empty list" if item in ([], ()) else f"a value of type {type(item).__name__}"
    raise LineError((), f"expected a text, a list of turns, a row or a Prompt, found {found}")


def _is_turn(value: object) -> bool:
    return isinstance(value, Message) or (isinstance(value, Mapping) and "role" in value and "content" in value)


def _turns(turns: Sequence[object]) -> object:
    if isinstance(turns, str):
        return turns
    return [
        {"role": turn.role, "content": turn.content} if isinstance(turn, Message)
        else dict(turn) if isinstance(turn, Mapping)
        else turn
        for turn in turns
    ]  # fmt: skip


def _line(prompt: Prompt, given: bool) -> bytes:
    row: dict[str, Any] = {"id": prompt.id} if given else {}
    if len(prompt.conversation) == 1:
        row["prompt"] = prompt.conversation[0].content
    else:
        row["messages"] = _turns(prompt.conversation)
    if prompt.response is not None:
        row["response"] = prompt.response
    if prompt.tags:
        row["tags"] = prompt.tags
    if prompt.metadata is not None:
        row["metadata"] = orjson.Fragment(prompt.metadata)
    return orjson.dumps(row)


def _problem(error: LineError, at: JsonPath) -> Problem:
    return Problem("prompts" if at else "prompt", 0, 0, place((*at, *error.path)), error.message)
