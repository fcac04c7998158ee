"""One row, as a file or a Python value gives it, becomes one prompt, or is refused with the reason."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from typing import Any

import orjson

from constitution.digest import digest
from constitution.errors import SettingsError
from constitution.messages import ROLES, Conversation, Message, Prompt
from constitution.sources.prompts.json_lines import JsonPath, LineError

ID_VERSION = 1
"""Raised when what a derived id holds changes."""
MAX_NAME = 200
"""Characters that an id or a tag may have."""
ROW_KEYS = ("prompt", "messages", "id", "tags", "response", "metadata")
MESSAGE_KEYS = ("role", "content")

_ROW_KEYS = frozenset(ROW_KEYS)
_MESSAGE_KEYS = frozenset(MESSAGE_KEYS)
_OPENING = ("system", "developer")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MEANT = {
    "text": "prompt", "question": "prompt", "instruction": "prompt", "input": "prompt", "query": "prompt",
    "conversation": "messages", "conversations": "messages", "turns": "messages",
    "answer": "response", "completion": "response", "output": "response",
    "human": "user", "gpt": "assistant", "model": "assistant", "bot": "assistant",
    "from": "role", "value": "content",
}  # fmt: skip
"""What other formats call the same thing."""


def derived_id(
    conversation: Conversation, response: str | None, tags: tuple[str, ...], tools: str | None = None
) -> str:
    """The id of a prompt that was given none: 32 hexadecimal digits.

    In it: the turns (a system turn put in by `system=` is one of them), the given response, the tags, the tools. Not in
    it: the metadata, the file and the place in it.
    """
    turns = tuple([message.parts for message in conversation])
    parts = (turns, response, tags) if tools is None else (turns, response, tags, tools)
    return digest("prompt", ID_VERSION, *parts)


def check_system(system: str | None) -> None:
    """Refuse a system text that no conversation could open with.

    Raises:
        SettingsError: It is blank, or holds NUL or half of a surrogate pair.
    """
    if system is None:
        return
    try:
        system.encode()
        _text(system, ())
    except (LineError, UnicodeEncodeError) as error:
        raise SettingsError(f"the system text cannot be used: it {_reason(error)}") from None


def prompt_of(row: dict[str, Any], system: str | None = None) -> tuple[Prompt, bool]:
    """Make the prompt of a parsed row; the flag says whether its id was given. A null is as good as an absent key.

    Args:
        row: Keys as in `ROW_KEYS`.
        system: Text of a system turn for a conversation that has none.

    Raises:
        LineError: The row is no prompt.
    """
    if not row.keys() <= _ROW_KEYS:
        _refuse_keys(row, ROW_KEYS, (), 'other data goes into "metadata": {...}')
    text, turns, response = row.get("prompt"), row.get("messages"), row.get("response")
    if response is not None:
        response = _text(response, ("response",))
    if turns is not None:
        if text is not None:
            raise LineError(("messages",), 'a row has "prompt" or "messages", not both')
        conversation, response = _conversation(turns, response)
    elif text is not None:
        conversation = (Message("user", _prompt_text(text)),)
    elif "prompt" in row or "messages" in row:
        raise LineError(("prompt" if "prompt" in row else "messages",), "is null; give a text, or leave the row out")
    else:
        raise LineError((), 'the row has neither "prompt" nor "messages"')
    if system is not None and conversation[0].role not in _OPENING:
        conversation = (Message("system", system), *conversation)
    return _finish(row, conversation, response)


def _finish(row: dict[str, Any], conversation: Conversation, response: str | None) -> tuple[Prompt, bool]:
    tags = row.get("tags")
    names = () if tags is None else _tags(tags)
    metadata = row.get("metadata")
    if metadata is not None:
        if not isinstance(metadata, dict):
            raise LineError(("metadata",), 'expected an object like {"source": "..."}')
        metadata = orjson.dumps(metadata, option=orjson.OPT_SORT_KEYS).decode()
    given = row.get("id")
    id = derived_id(conversation, response, names) if given is None else _id(given)
    return Prompt(id, conversation, response, names, metadata), given is not None


def _conversation(turns: object, response: str | None) -> tuple[Conversation, str | None]:
    """Read the turns; an answer at their end becomes the response."""
    if not isinstance(turns, list) or not turns:
        raise LineError(("messages",), 'expected a list like [{"role": "user", "content": "..."}]')
    messages = [_message(turn, ("messages", index)) for index, turn in enumerate(turns)]
    for index, message in enumerate(messages):
        if index and message.role in _OPENING:
            raise LineError(("messages", index, "role"), f'a "{message.role}" turn may only come first')
    last = ("messages", len(messages) - 1)
    if messages[-1].role == "assistant":
        if response is not None:
            raise LineError(last, 'the last turn is an answer, and the row has a "response" too; keep one of them')
        response = messages.pop().content
    if not any(message.role == "user" for message in messages):
        raise LineError(("messages",), "the conversation has no user turn")
    if messages[-1].role == "assistant":
        raise LineError(last, "two assistant turns stand at the end; join them")
    return tuple(messages), response


def _message(turn: object, path: JsonPath) -> Message:
    if not isinstance(turn, dict):
        raise LineError(path, 'expected a turn like {"role": "user", "content": "..."}')
    role = turn.get("role")
    if role == "tool" or turn.get("tool_calls") is not None or turn.get("function_call") is not None:
        raise LineError(path, "a tool turn; conversations with tools come with a later version")
    if not turn.keys() <= _MESSAGE_KEYS:
        _refuse_keys(turn, MESSAGE_KEYS, path, "a turn holds nothing else")
    if role not in ROLES:
        raise LineError((*path, "role"), _unknown_role(role))
    content = turn.get("content")
    if isinstance(content, list):
        message = "expected a text; content in parts (images, audio) comes with a later version"
        raise LineError((*path, "content"), message)
    return Message(role, _text(content, (*path, "content")))


def _unknown_role(role: object) -> str:
    known = "expected system, developer, user or assistant"
    if not isinstance(role, str):
        return f"a turn needs a role: {known}"
    near = _nearest(role, ROLES)
    return f"unknown role {json.dumps(role[:40])}; {known}" + (f' (did you mean "{near}"?)' if near else "")


def _refuse_keys(found: dict[str, Any], known: tuple[str, ...], path: JsonPath, advice: str) -> None:
    """Refuse the first key that is not known and not null."""
    for key, value in found.items():
        if key not in known and value is not None:
            near = _nearest(key, known)
            hint = f'did you mean "{near}"?' if near else f"known are {', '.join(known)}"
            raise LineError((*path, key), f"unknown key; {hint} ({advice})")


def _nearest(word: str, known: tuple[str, ...]) -> str | None:
    lower = word.lower()
    meant = _MEANT.get(lower)
    if meant in known:
        return meant
    close = get_close_matches(lower[:40], known, n=1)
    return close[0] if close else None


def _prompt_text(value: object) -> str:
    if isinstance(value, list):
        raise LineError(("prompt",), 'is a list; a conversation goes into "messages"')
    return _text(value, ("prompt",))


def _text(value: object, path: JsonPath) -> str:
    """A text as it stands, never trimmed."""
    if not isinstance(value, str):
        raise LineError(path, f"expected a text, found {_kind(value)}")
    if not value or value.isspace():
        raise LineError(path, "is empty")
    if "\0" in value:
        raise LineError(path, "holds a NUL character (\\u0000); remove it")
    return value


def _id(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise LineError(("id",), f"expected a text or a whole number, found {_kind(value)}")
    return _name(value, ("id",))


def _tags(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise LineError(("tags",), 'expected a list of texts like ["benign"]')
    seen: dict[str, int] = {}
    for index, tag in enumerate(value):
        if not isinstance(tag, str):
            raise LineError(("tags", index), f"expected a text, found {_kind(tag)}")
        if seen.setdefault(_name(tag, ("tags", index)), index) != index:
            raise LineError(("tags", index), "this tag stands twice")
    return tuple(seen)


def _name(value: str, path: JsonPath) -> str:
    if not value or value.isspace():
        raise LineError(path, "is empty")
    if len(value) > MAX_NAME:
        raise LineError(path, f"has {len(value):,} characters, at most {MAX_NAME} are allowed")
    if _CONTROL.search(value):
        raise LineError(path, "holds a control character or a line break; remove it")
    return value


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    return "a list" if isinstance(value, list) else "an object"


def _reason(error: LineError | UnicodeEncodeError) -> str:
    return error.message if isinstance(error, LineError) else "holds half of a surrogate pair"
