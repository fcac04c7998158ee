"""Turns of a conversation as other formats write them: roles by other names, calls of tools, content in parts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import orjson

from constitution.messages import EXTRA_KEYS, ROLES, Message, Role
from constitution.sources.prompts.json_lines import JsonPath, LineError, parse_object

MEANT: dict[str, Role] = {
    "human": "user", "gpt": "assistant", "chatgpt": "assistant", "model": "assistant", "bot": "assistant",
    "observation": "tool", "function": "tool", "function_response": "tool", "ipython": "tool",
    "function_call": "assistant", "tool_call": "assistant",
}  # fmt: skip
"""Roles by the names that ShareGPT, LLaMA-Factory and model makers use."""
_CALLERS = ("function_call", "tool_call")
_LIKE = '{"role": "user", "content": "..."}'


def turn_of(turn: object, path: JsonPath) -> Message:
    """Read one turn: `role` and `content`, or `from` and `value`, and what EXTRA_KEYS name. Other keys are left out.

    Raises:
        LineError: It is no turn, or holds what is no text.
    """
    if not isinstance(turn, Mapping):
        raise LineError(path, f"expected a turn like {_LIKE}")
    found = {key: value for key, value in turn.items() if value is not None}
    names = ("from", "value") if "from" in found and "role" not in found else ("role", "content")
    said, content = found.get(names[0]), found.get(names[1])
    role = role_of(said, (*path, names[0]), found)
    extra = _extra(found, role, path)
    if isinstance(said, str) and said.lower() in _CALLERS:
        extra = {"tool_calls": _calls(content, (*path, names[1]))}
        content = None
    silent = role == "tool" or "tool_calls" in extra
    text = _content(content, (*path, names[1]), turn, silent=silent)
    ordered = {key: extra[key] for key in EXTRA_KEYS if key in extra}
    return Message(role, text, orjson.dumps(ordered).decode() if ordered else None)


def role_of(said: object, path: JsonPath, turn: Mapping[str, object]) -> Role:
    """The role that a name means.

    Raises:
        LineError: It means none.
    """
    known = "expected system, developer, user, assistant or tool"
    if not isinstance(said, str):
        keys = ", ".join(_quoted(str(key)) for key in turn)
        raise LineError(path, f"a turn needs a role: {known}; its keys are {keys}")
    lower = said.lower()
    for role in ROLES:
        if role == lower:
            return role
    if lower in MEANT:
        return MEANT[lower]
    near = next(iter(get_close_matches(lower[:40], [*ROLES, *MEANT], n=1)), None)
    raise LineError(path, f"unknown role {_quoted(said)}; {known}" + (f' (did you mean "{near}"?)' if near else ""))


def _quoted(text: str) -> str:
    return json.dumps(text[:40])


def check_text(value: object, path: JsonPath) -> str:
    """A text as it stands, never trimmed.

    Raises:
        LineError: It is no text, blank, or holds a NUL character.
    """
    if not isinstance(value, str):
        raise LineError(path, f"expected a text, found {kind(value)}")
    if not value or value.isspace():
        raise LineError(path, "is empty")
    if "\0" in value:
        raise LineError(path, "holds a NUL character (\\u0000); remove it")
    return value


def kind(value: object) -> str:
    """What a value is, for a message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list | tuple) else "an object"


def any_json(text: str) -> Any:
    """A JSON value that stands in a text, read as strictly as a row.

    Raises:
        LineError: It is no JSON.
    """
    return parse_object(b'{"v":' + text.encode("utf-8", "surrogatepass") + b"}")["v"]


def tools_of(value: object, path: JsonPath, *, bare: bool = False) -> str | None:
    """The tools that a conversation may call, as a JSON array in the order of keys that was given.

    The order is kept since chat templates show tools to the model key by key, as they stand.

    Args:
        value: A list of objects, or of JSON texts of objects, or the whole as JSON text.
        path: Its place in the row.
        bare: Whether each is a function alone, which today stands under `function` with a type beside it.

    Raises:
        LineError: It is none of these.
    """
    found = _unwritten(value, path)
    items = [found] if isinstance(found, dict) else found
    if not isinstance(items, list):
        raise LineError(path, f"expected a list of tools, or its JSON text, found {kind(value)}")
    tools = [_unwritten(item, (*path, index)) for index, item in enumerate(items)]
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict):
            raise LineError((*path, index), f'expected a tool like {{"type": "function", ...}}, found {kind(tool)}')
    if bare:
        tools = [tool if "function" in tool else {"type": "function", "function": tool} for tool in tools]
    return orjson.dumps(tools).decode() if tools else None


def _unwritten(value: object, path: JsonPath) -> Any:
    """A value that may stand as JSON text."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return []
    try:
        return any_json(value)
    except LineError as error:
        raise LineError(path, f"as JSON text: {error.message}") from None


def _content(content: object, path: JsonPath, turn: Mapping[str, object], *, silent: bool) -> str:
    if isinstance(content, list | tuple):
        content = _joined(content, path)
    if silent and (content is None or content == ""):
        return ""  # calls need no words, and a tool may return none
    if content is None:
        keys = ", ".join(_quoted(str(key)) for key in turn)
        what = "expected a text, found null" if path[-1] in turn else f"the turn has none; its keys are {keys}"
        raise LineError(path, what)
    if isinstance(content, Mapping):
        raise LineError(path, "expected a text, found an object; write it as JSON text")
    return check_text(content, path)


def _joined(parts: list[Any] | tuple[Any, ...], path: JsonPath) -> str:
    """Content in parts that are all text, one after the other."""
    texts: list[str] = []
    for index, part in enumerate(parts):
        type = part.get("type") if isinstance(part, Mapping) else None
        text = part.get("text") if isinstance(part, Mapping) else None
        if type != "text" or not isinstance(text, str):
            what = f"a part of type {_quoted(type)}" if isinstance(type, str) else kind(part)
            reason = "only texts are read, images and sound cannot be read; leave the row out"
            if isinstance(part, str) or isinstance(text, str):
                reason = "write a text as such a part"
            raise LineError((*path, index), f'expected {{"type": "text", "text": "..."}}, found {what}: {reason}')
        texts.append(text)
    return "".join(texts)


def _extra(turn: Mapping[str, Any], role: Role, path: JsonPath) -> dict[str, Any]:
    """What a turn says besides its text."""
    extra: dict[str, Any] = {}
    for key in ("tool_call_id", "name", "reasoning_content"):
        value = turn.get(key)
        if value is not None and value != "":
            if not isinstance(value, str):
                raise LineError((*path, key), f"expected a text, found {kind(value)}")
            extra[key] = value
    for key in ("tool_calls", "function_call"):
        calls = _calls(turn[key], (*path, key)) if key in turn else []
        if calls and role != "assistant":
            raise LineError((*path, key), f"only assistant turns call tools, this one is the {role}'s")
        if calls:
            extra["tool_calls"] = calls
    return extra


def _calls(value: object, path: JsonPath) -> list[dict[str, Any]]:
    """Calls in the form that chat templates of transformers read: `{"function": {"name", "arguments"}}`."""
    found = _unwritten(value, path)
    items = [found] if isinstance(found, Mapping) else found
    if not isinstance(items, list | tuple):
        raise LineError(path, f"expected a list of calls, found {kind(value)}")
    return [_call(_unwritten(item, (*path, index)), (*path, index)) for index, item in enumerate(items)]


def _call(call: object, path: JsonPath) -> dict[str, Any]:
    like = '{"function": {"name": "...", "arguments": {...}}}'
    if not isinstance(call, Mapping):
        raise LineError(path, f"expected a call like {like}, found {kind(call)}")
    whole = {key: value for key, value in call.items() if value is not None}
    if "function" not in whole and "name" in whole:
        told = {key: whole.pop(key) for key in ("name", "arguments") if key in whole}
        whole = {"type": "function"} | whole | {"function": told}
    function = whole.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise LineError(path, f"expected a call like {like}")
    named = {key: value for key, value in function.items() if value is not None}
    return whole | {"function": named | {"arguments": _arguments(named.get("arguments", {}))}}


def _arguments(value: object) -> object:
    """Arguments as the object that templates and TRL read; a text that is no JSON object stays a text."""
    if not isinstance(value, str):
        return value
    try:
        return parse_object(value.encode())
    except (LineError, UnicodeEncodeError):
        return value
