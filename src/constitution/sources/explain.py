"""Turns what pydantic found in plain data into problems with places. Knows no file format's meaning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from inspect import isclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from constitution.errors import Problem
from constitution.sources.nodes import KINDS, Node, Place, Scalar, Sequence, Table, short

_EXPECTED = {
    "string_type": "text",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
}
_MAX_NEAREST = 100


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the known one that is most like it, or all that are known."""
    names = list(known)
    close = get_close_matches(word.lower(), names, n=1, cutoff=0.6) if len(word) <= 64 else []
    if close:
        return f", did you mean '{close[0]}'?"
    return f", expected one of {', '.join(names)}" if names else ""


def describe(node: Node) -> str:
    """What stands there, in words."""
    if isinstance(node, Table):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    if node.kind == "nothing":
        return "empty"
    if node.kind == "text" and not node.text.strip():
        return "blank"
    return f"{KINDS[node.kind]} ({short(node.text)})"


def not_text(node: Node) -> str:
    """The message where text is expected and something else stands."""
    message = f"is {describe(node)}, expected text"
    if isinstance(node, Scalar) and node.kind != "nothing":
        message += f': write it in quotes, "{short(node.text)}"'
    return message


def explain(
    error: ValidationError, root: Table, model: type[BaseModel], patterns: Mapping[str, str]
) -> Iterator[Problem]:
    """One problem for each error, at its place in the file.

    Args:
        error: what validating `plain(root)` raised.
        root: the nodes that were validated.
        model: the model that refused them.
        patterns: for each regular expression of the model, what it expects in words.
    """
    searched = 0
    for details in error.errors(include_url=False, include_input=False):
        node, key, rest = _find(root, details["loc"])
        place = node.place
        if details["type"] == "missing":
            yield place.problem("is missing", str(rest[-1]))
        elif details["type"] == "extra_forbidden":
            searched += 1  # a search takes a while, and a file of junk has many unknown keys
            known = keys_at(model, details["loc"][:-1]) if searched <= _MAX_NEAREST else []
            yield key.problem(f"is an unknown key{nearest(str(details['loc'][-1]), known)}")
        else:
            yield place.problem(_message(details, node, rest, patterns))


def _find(root: Node, loc: tuple[str | int, ...]) -> tuple[Node, Place, list[str | int]]:
    """The node at `loc`, the place of the last key on the way, and the steps that lead nowhere."""
    node: Node = root
    key, rest = root.place, list[str | int]()
    for step in loc:
        if isinstance(node, Table) and step in node.entries:
            entry = node.entries[str(step)]
            node, key = entry.value, entry.key
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            rest.append(step)  # a missing key, or the tag of a union
    return node, key, rest


def _message(details: ErrorDetails, node: Node, rest: list[str | int], patterns: Mapping[str, str]) -> str:
    kind = details["type"]
    context: Mapping[str, Any] = details.get("ctx", {})
    if kind == "string_type":
        return not_text(node)
    if kind == "list_type" and rest:
        return f"is {describe(node)}, expected text or a list"  # one arm of a union
    if kind in _EXPECTED:
        return f"is {describe(node)}, expected {_EXPECTED[kind]}"
    if kind == "literal_error":
        return f"is {describe(node)}, expected {context['expected']}"
    if kind == "string_pattern_mismatch":
        return f"is {describe(node)}, expected {patterns.get(context['pattern'], context['pattern'])}"
    if kind == "finite_number":
        return f"is {describe(node)}, expected a finite number"
    if kind == "greater_than_equal":
        return f"is {describe(node)}, expected at least {context['ge']:g}"
    if kind == "too_short":
        return "is empty, expected at least one entry"
    if kind == "string_unicode":
        return "holds half of a surrogate pair: write the character itself"
    return details["msg"][:1].lower() + details["msg"][1:]


def keys_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """The keys that a model knows at `loc`."""
    models = [model]
    for step in loc:
        fields = [info for m in models for name, info in m.model_fields.items() if (info.alias or name) == step]
        models = [found for info in fields for found in _models(info.annotation)] or models
    return [info.alias or name for m in models for name, info in m.model_fields.items()]


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
