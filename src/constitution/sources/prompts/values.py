"""Python values that stand for prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from constitution.errors import Problem, PromptFileError
from constitution.messages import Message, Prompt
from constitution.sources.prompts.entries import RawRow, understand
from constitution.sources.prompts.json_lines import JsonPath, LineError, parse_object, place, survey
from constitution.sources.prompts.reading import Reading
from constitution.sources.prompts.rows import check_system, derived_id
from constitution.sources.prompts.turns import any_json, check_text

_STRICT = orjson.OPT_PASSTHROUGH_DATACLASS


def is_one_prompt(value: object) -> bool:
    """Whether `value` stands for one prompt (text, conversation, row, `Prompt`) rather than for several."""
    if isinstance(value, str | Prompt | Mapping):
        return True
    return isinstance(value, Sequence) and bool(value) and all(_is_turn(item) for item in value)


def as_prompt(item: object, reading: Reading | None = None) -> tuple[Prompt, bool]:
    """Make one prompt of a Python value; the flag says whether its id was given.

    Args:
        item: A text, a conversation (list of `Message` or of dicts with `role` and `content`), a row (dict with the
            columns of a row in a file), or a `Prompt`.
        reading: What the user says about rows.

    Raises:
        PromptFileError: The value is no prompt.
        SettingsError: The system text is blank or no text.
    """
    reading = replace(reading or Reading(), bad_rows="error")
    check_system(reading.system)
    row, own = value_row(item, (), reading)
    found = understand(row, own)
    if isinstance(found, Problem):
        raise PromptFileError((found,))
    return found.prompt, found.given_id


def with_responses(prompt: Prompt, given: Mapping[str, object], path: JsonPath = ()) -> Prompt:
    """A prompt with answers that stand beside it, whatever it brought; a derived id is derived anew.

    Args:
        prompt: the prompt.
        given: the answers by the names that a message calls them.
        path: place of the prompt in a list.

    Raises:
        PromptFileError: one is no text, or blank.
    """
    texts: list[str] = []
    for name, text in given.items():
        try:
            texts.append(check_text(text, (name,)))
            texts[-1].encode()
        except (LineError, UnicodeEncodeError) as error:
            what = error.message if isinstance(error, LineError) else "holds half of a surrogate pair"
            raise answer_problem(what, (*path, name), listed=bool(path)) from None
    kept = prompt.conversation, prompt.tags, prompt.tools
    derived = prompt.id == derived_id(kept[0], prompt.response, *kept[1:], prompt.responses)
    id = derived_id(kept[0], None, *kept[1:], tuple(texts)) if derived else prompt.id
    return replace(prompt, id=id, response=None, responses=tuple(texts), preferred=None)


def answer_problem(message: str, path: JsonPath, *, listed: bool) -> PromptFileError:
    """The error about a prompt, or an answer, among Python values."""
    return PromptFileError((Problem("prompts" if listed else "prompt", 0, 0, place(path), message),))


def value_row(item: object, path: JsonPath, reading: Reading) -> tuple[RawRow, Reading]:
    """A value as a row, and how it is read: the columns that the user named are those of dictionaries.

    It passes through JSON, so that it meets the same rules as a line of a file.
    """
    if not isinstance(item, Mapping):
        brings = isinstance(item, Prompt) and bool(item.responses)
        reading = Reading(
            system=reading.system, tags=reading.tags, bad_rows=reading.bad_rows, answers=reading.answers or brings
        )
    raw = type(item).__name__.encode()
    value: Mapping[str, Any] | LineError
    try:
        try:
            row = _row(item)
            survey(row)
            raw = orjson.dumps(row, option=_STRICT)
        except TypeError as error:
            raise LineError((), f"cannot be written as JSON: {error}") from None
        value = parse_object(raw)
    except LineError as error:
        value = LineError(error.path, error.message)
    return RawRow(value, raw, "prompts" if path else "prompt", path=path), reading


def _row(item: object) -> dict[str, Any]:
    if isinstance(item, str):
        return {"prompt": item}
    if isinstance(item, Prompt):
        return _of_prompt(item)
    if isinstance(item, Mapping):
        if _is_turn(item):
            raise LineError((), "is one turn; a conversation is a list of turns")
        row = dict(item)
        return row | {key: _turns(value) for key, value in row.items() if isinstance(value, list | tuple)}
    if isinstance(item, Sequence) and item and all(_is_turn(turn) for turn in item):
        return {"messages": _turns(item)}
    if isinstance(item, Message):
        raise LineError((), "is one turn; a conversation is a list of turns")
    found = "an empty list" if item in ([], ()) else f"a value of type {type(item).__name__}"
    raise LineError((), f"expected a text, a list of turns, a row or a Prompt, found {found}")


def _of_prompt(prompt: Prompt) -> dict[str, Any]:
    metadata = None if prompt.metadata is None else parse_object(prompt.metadata.encode())
    tools = None if prompt.tools is None else any_json(prompt.tools)
    if prompt.responses and prompt.response is not None:
        raise LineError(("responses",), "stand beside a response; keep one of them")
    derived = prompt.id == derived_id(prompt.conversation, prompt.response, prompt.tags, prompt.tools, prompt.responses)
    row = {"messages": _turns(prompt.conversation), "response": prompt.response, "metadata": metadata, "tools": tools}
    if prompt.responses:
        row |= {"responses": list(prompt.responses), "label": prompt.preferred}
    return row | {"tags": list(prompt.tags) or None, "id": None if derived else prompt.id}


def _is_turn(value: object) -> bool:
    if isinstance(value, Message):
        return True
    if not isinstance(value, Mapping):
        return False
    return ("role" in value and ("content" in value or "tool_calls" in value)) or {"from", "value"} <= value.keys()


def _turns(turns: Sequence[object]) -> list[object]:
    return [_turn(turn) for turn in turns]


def _turn(turn: object) -> object:
    if isinstance(turn, Message):
        extra = {} if turn.extra is None else parse_object(turn.extra.encode())
        return {"role": turn.role, "content": turn.content, **extra}
    return dict(turn) if isinstance(turn, Mapping) else turn
