"""Checks of one answer by code: pure, named, and never seen by a model.

They say whether an answer keeps a principle of form, and where. No prompt ever holds a check, its name or its
parameters: templates and the steps that build requests may not import this package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import Parameter, iscoroutinefunction, signature
from types import MappingProxyType
from typing import Any, TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from constitution.checks import form, wording
from constitution.checks.base import Checked, Named
from constitution.errors import RecordError
from constitution.principles import CheckSpec

__all__ = ["CHECKS", "Check", "Checked", "Own", "build", "keeps", "params_schema"]

Check: TypeAlias = Callable[[str], Checked]
Own: TypeAlias = Callable[..., object]
"""A function of the user: `f(text, **params) -> bool | Checked`."""


CHECKS: Mapping[str, type[Named]] = MappingProxyType(
    {
        "words": wording.Words,
        "sentences": wording.Sentences,
        "starts_with": wording.StartsWith,
        "ends_with": wording.EndsWith,
        "contains_all": wording.ContainsAll,
        "contains_any": wording.ContainsAny,
        "contains_none": wording.ContainsNone,
        "speaks_to_reader": wording.SpeaksToReader,
        "first_person": wording.FirstPerson,
        "no_digits": form.NoDigits,
        "numbered_steps": form.NumberedSteps,
        "ends_with_question": form.EndsWithQuestion,
        "json": form.Json,
        "no_markdown": form.NoMarkdown,
        "script": form.Script,
    }
)
"""The checks that ship, by the name that a constitution file uses."""


@dataclass(frozen=True, slots=True)
class _OwnCheck:
    name: str
    function: Own
    params: Mapping[str, Any]

    def __call__(self, text: str) -> Checked:
        """Call the user's function.

        Raises:
            RecordError: it raised, or gave neither bool nor Checked, or a place outside of the text.
        """
        try:
            found = self.function(text, **self.params)
        except Exception as error:
            raise RecordError(f"your check {self.name!r} raised {type(error).__name__}: {error}") from error
        if isinstance(found, bool):
            return Checked(found)
        if not isinstance(found, Checked):
            raise RecordError(f"your check {self.name!r} returned {type(found).__name__}; return a bool or a Checked")
        if found.where is not None and not 0 <= found.where[0] <= found.where[1] <= len(text):
            raise RecordError(f"your check {self.name!r} named the place {found.where}, outside of 0..{len(text)}")
        return found


def _nearest(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def _told(name: str, definition: type[Named], error: ErrorDetails) -> str:
    """One problem with a parameter, for the author of the file."""
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = sorted(definition.model_fields)
        has = f"it takes {', '.join(known)}" if known else "it takes none"
        return f"check {name!r} has no parameter {place!r}{_nearest(place, known)} ({has})"
    message = error["msg"].removeprefix("Value error, ")
    return f"check {name!r}: {place}: {message}" if place else f"check {name!r}: {message}"


def _build_own(spec: CheckSpec, function: Own) -> Check:
    if spec.name in CHECKS:
        raise ValueError(f"your check {spec.name!r} has the name of a shipped one; give it another name")
    params = from_json(spec.params) or {}
    if not isinstance(params, dict):
        raise ValueError(f"check {spec.name!r}: parameters must be a mapping, not {spec.params}")  # noqa: TRY004 (see build)
    if iscoroutinefunction(function):
        raise ValueError(f"your check {spec.name!r} is a coroutine function; a check must be a plain function")
    try:
        takes = signature(function)
    except (TypeError, ValueError):  # built in, without a signature
        return _OwnCheck(spec.name, function, params)
    try:
        takes.bind("", **params)
    except TypeError as error:
        named = [p.name for p in takes.parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
        raise ValueError(f"your check {spec.name!r}({', '.join(named)}): {error}") from None
    return _OwnCheck(spec.name, function, params)


def build(spec: CheckSpec, own: Mapping[str, Own] | None = None) -> Check:
    """The check that a constitution names.

    Args:
        spec: name and parameters; parameters are strictly typed (a bool is no int, 60.0 is no int).
        own: the user's functions by name, `f(text, **params) -> bool | Checked`.

    Raises:
        ValueError: no such check (the nearest name is told), or bad, missing or unknown parameters.
    """
    if own and spec.name in own:
        return _build_own(spec, own[spec.name])
    definition = CHECKS.get(spec.name)
    if definition is None:
        known = [*CHECKS, *(own or {})]
        raise ValueError(
            f"no check is called {spec.name!r}{_nearest(spec.name, known)} (there are {', '.join(sorted(known))}; "
            "your own are passed in Python: checks={'name': function})"
        )
    try:
        return definition.model_validate_json("{}" if spec.params == "null" else spec.params)
    except ValidationError as error:
        told = [_told(spec.name, definition, problem) for problem in error.errors(include_url=False)]
        raise ValueError("; ".join(told)) from None


def keeps(checks: tuple[Check, ...], text: str) -> bool:
    """Whether `text` keeps all of them."""
    return all(check(text).kept for check in checks)


def params_schema() -> dict[str, object]:
    """JSON Schema of one `check:` mapping of a constitution file: names to parameters, or to null for none.

    Other names are let through, since a user's own checks are known in Python only; `build` refuses the unknown.
    """
    properties: dict[str, object] = {}
    for name, definition in CHECKS.items():
        schema = definition.model_json_schema()
        about = schema.pop("description", "")
        schema.pop("title", None)
        for parameter in schema.get("properties", {}).values():
            parameter.pop("title", None)
        properties[name] = schema if schema.get("required") else {"anyOf": [schema, {"type": "null"}]}
        properties[name] = {**properties[name], "description": about}  # type: ignore[dict-item]  # a JSON Schema made by pydantic holds objects here
    return {
        "type": "object",
        "description": "Checks of an answer by code; all must hold. No model ever sees them.",
        "properties": properties,
        "additionalProperties": {"type": ["object", "null"], "description": "A check of your own, passed in Python."},
        "minProperties": 1,
    }
