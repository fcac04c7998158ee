"""Tools and calls with harmless strings in the places of their own, to see what the strings do to a prompt.

Templates write names, descriptions and arguments into the prompt themselves, some of them between angle brackets, so
that no string can be judged by itself. Two renderings can be compared: as it is, and with harmless strings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from constitution.messages import Conversation

_INSIDE = frozenset({"function", "tool_calls", "parameters", "return", "items", "anyOf", "oneOf", "allOf"})
"""Keys under which tools, calls and schemas go on."""
_NAMED = frozenset({"properties", "$defs"})
"""Keys under which every key is a name that somebody chose."""
_KEYS = (
    _INSIDE | _NAMED | {"id", "type", "name", "description", "arguments", "required", "enum", "nullable", "response"}
)
"""Keys that templates look for; any other key is text."""
_LETTER = re.compile(r"\S")
_TYPES = frozenset({"function", "object", "string", "integer", "number", "boolean", "array", "null"})


def defuse(turns: Conversation, tools: str | None) -> tuple[Conversation, str | None]:
    """The same turns and tools with a harmless string for each string that is no word of function calls.

    Equal strings stay equal, different ones different; spaces stay where they are, and lengths from six letters on,
    since some templates check that of an id.

    Args:
        turns: with what they hold besides text, which alone is changed.
        tools: JSON array as text.
    """
    names = _Names()
    calm = tuple(turn if turn.extra is None else replace(turn, extra=_extra(turn.extra, names)) for turn in turns)
    return calm, None if tools is None else json.dumps(names.structure(json.loads(tools)))


def function_names(turns: Conversation, tools: str | None) -> Iterator[str]:
    """Names of the functions in tools and calls."""
    held: list[Any] = [] if tools is None else json.loads(tools)
    for turn in turns:
        held = [*held, *(json.loads(turn.extra).get("tool_calls") or () if turn.extra else ())]
    for one in held:
        function = one.get("function", one) if isinstance(one, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if isinstance(name, str):
            yield name


def strings(turns: Conversation, tools: str | None) -> Iterator[str]:
    """Every string, keys too, that stands in tools and calls."""
    left: list[Any] = [json.loads(held) for held in (tools, *(turn.extra for turn in turns)) if held is not None]
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            left += [*value, *value.values()]
        elif isinstance(value, list):
            left += value


class _Names:
    """Harmless strings, one for each string."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}

    def structure(self, value: Any) -> Any:
        """A tool, a call or a schema: keys that templates look for stay."""
        if isinstance(value, list):
            return [self.structure(held) for held in value]
        if not isinstance(value, dict):
            return self.free(value)
        return {key if key in _KEYS else self._text(key): self._under(key, held) for key, held in value.items()}

    def free(self, value: Any) -> Any:
        """Any JSON value: no string stays."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {self._text(key): self.free(held) for key, held in value.items()}
        if isinstance(value, list):
            return [self.free(held) for held in value]
        return value

    def _under(self, key: str, value: Any) -> Any:
        if key == "type":
            many = value if isinstance(value, list) else [value]
            kept = [one if isinstance(one, str) and one in _TYPES else self.free(one) for one in many]
            return kept if isinstance(value, list) else kept[0]
        if key in _NAMED and isinstance(value, dict):
            return {self._text(name): self.structure(held) for name, held in value.items()}
        return self.structure(value) if key in _INSIDE else self.free(value)

    def _text(self, text: str) -> str:
        if not text.strip():
            return text
        known = self._given.get(text)
        if known is None:
            number = f"{len(self._given):x}"
            known = self._given[text] = _LETTER.sub("x", text[: -len(number)]).rjust(6 - len(number), "x") + number
        return known


def _extra(extra: str, names: _Names) -> str:
    held: dict[str, Any] = json.loads(extra)
    calm = {key: names.structure(value) if key == "tool_calls" else names.free(value) for key, value in held.items()}
    return json.dumps(calm)
