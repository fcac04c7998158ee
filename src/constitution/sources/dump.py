"""Writes a constitution as one YAML text that stands alone and reads back the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from constitution.messages import Conversation
from constitution.principles import Case, FewShots, Principle, Principles
from constitution.sources.nodes import kind_of

_BARE = re.compile(r"[^\W\d_][\w .,'/()?!;-]*(?<! )")
_YAML_1_1 = frozenset({"y", "n", "yes", "no", "on", "off"})
"""Text here, truth values for older readers."""
_LONGEST_KEY = 500
"""Characters; YAML wants a longer key marked with `?`."""


def dump_constitution(principles: Principles) -> str:
    """One standalone YAML text; reading it gives an equal `Principles` with the same digest.

    It holds for what a file can hold: blank text, half of a surrogate pair or a level that is not listed is written,
    and refused when it is read.

    Raises:
        ValueError: a principle has two checks of one name.
    """
    data = {
        "schema": 1,
        "name": principles.name,
        "version": principles.version,
        "description": principles.description,
        "language": principles.language,
        "license": principles.license,
        "context": principles.context,
        "levels": list(principles.levels),
        "respond": dict(principles.respond),
        "few_shots": _few_shots(principles.few_shots),
        "templates": dict(principles.templates),
        "principles": [_principle(principle) for principle in principles.principles],
    }
    return "\n".join(_lines(_given(data), 0)) + "\n"


def _given(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value not in ("", None, [], {})}


def _principle(principle: Principle) -> dict[str, Any]:
    if len({check.name for check in principle.checks}) < len(principle.checks):
        raise ValueError(f"principle '{principle.id}' has two checks of one name, which a file cannot hold")
    data = {
        "id": principle.id,
        "text": principle.text,
        "critique": principle.critique,
        "revision": principle.revision,
        "preference": principle.preference,
        "asks": principle.asks,
        "asks_broken": principle.asks_broken,
        "check": {check.name: json.loads(check.params) for check in principle.checks},
        "why": principle.why,
        "level": principle.level,
        "weight": None if principle.weight == 1 else float(principle.weight),
        "tags": list(principle.tags),
        "applies_to": list(principle.applies_to),
        "negation": principle.negation,
        "cases": [_case(case) for case in principle.cases],
        "source": principle.source,
    }
    return _given(data)


def _case(case: Case) -> dict[str, Any]:
    turns = case.situation
    situation = turns[0].content if [turn.role for turn in turns] == ["user"] else _turns(turns)
    return _given({"situation": situation, "good": case.good, "bad": case.bad, "note": case.note})


def _few_shots(shots: FewShots) -> dict[str, Any]:
    judge = [{"prompt": shot.prompt, "a": shot.a, "b": shot.b, "better": shot.better} for shot in shots.judge]
    return _given({"critique": [_turns(shot) for shot in shots.critique], "judge": judge})


def _turns(conversation: Conversation) -> list[dict[str, Any]]:
    return [{"role": turn.role, "content": turn.content} for turn in conversation]


def _lines(value: Any, indent: int) -> Iterator[str]:
    """The lines of a mapping or list that is not empty."""
    pad = " " * indent
    if isinstance(value, dict):
        for key, item in value.items():
            name = _quoted_or_bare(key)
            head = f"{pad}{name}:" if len(name) <= _LONGEST_KEY else f"{pad}? {name}\n{pad}:"
            yield from _under(head, item, indent + 2)
        return
    for item in value:
        if isinstance(item, dict | list) and item:
            inner = _lines(item, indent + 2)
            yield f"{pad}- {next(inner)[indent + 2 :]}"
            yield from inner
        else:
            yield from _under(f"{pad}-", item, indent + 2)


def _under(head: str, value: Any, deeper: int) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        yield head
        yield from _lines(value, deeper)
    elif isinstance(value, str) and _fits_block(value):
        ends = value.endswith("\n")
        yield f"{head} |" if ends else f"{head} |-"
        yield from (f"{' ' * deeper}{line}" if line else "" for line in value.removesuffix("\n").split("\n"))
    else:
        yield f"{head} {_scalar(value)}"


def _fits_block(text: str) -> bool:
    """Whether `text` can stand as it is, indented under `|`."""
    lines = text.removesuffix("\n").split("\n")
    return (
        "\n" in text
        and all(line.isprintable() and line == line.rstrip(" ") for line in lines)
        and bool(lines[0] and lines[-1])
        and not lines[0].startswith(" ")
    )


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        mantissa, e, exponent = repr(value).partition("e")  # YAML 1.1 wants a dot before the exponent
        return f"{mantissa}.0{e}{exponent}" if e and "." not in mantissa else repr(value)
    if isinstance(value, str):
        return _quoted_or_bare(value)
    return str(value) if isinstance(value, int) else "[]" if isinstance(value, list) else "{}"


def _quoted_or_bare(text: str) -> str:
    bare = _BARE.fullmatch(text) and kind_of(text) == "text" and text.lower() not in _YAML_1_1
    return text if bare else '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    code = ord(char)
    return {"\n": "\\n", "\t": "\\t"}.get(char) or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
