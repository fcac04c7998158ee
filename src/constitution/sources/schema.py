"""The JSON Schema of constitution files, for editors."""

from __future__ import annotations

from typing import Any

from constitution.sources.file_models import ConstitutionFile

_ALWAYS_OWN = frozenset({"schema", "name", "version", "extends", "principles"})


def json_schema() -> dict[str, object]:
    """JSON Schema (draft 2020-12) of a constitution file.

    It knows the form of the file: keys, types, names of checks and templates. What keys ask of one another (levels,
    ids, the order of turns) is checked when the file is read. Beside `extends` a principle may be partial, and `null`
    deletes what a parent gives.
    """
    from constitution.checks import params_schema
    from constitution.templates import TEMPLATE_NAMES

    schema = ConstitutionFile.model_json_schema(by_alias=True)
    _tidy(schema)
    definitions = schema["$defs"]
    top = schema["properties"]
    whole = definitions["PrincipleFile"]
    whole["properties"]["check"] = params_schema()
    definitions["PartialPrincipleFile"] = _partial(whole)
    whole["dependentRequired"] = {"critique": ["revision"], "revision": ["critique"]}
    whole["anyOf"] = [{"required": [key]} for key in ("critique", "preference", "asks")]
    definitions["CaseFile"]["anyOf"] = [{"required": ["good"]}, {"required": ["bad"]}]
    top["templates"]["propertyNames"] = {"enum": list(TEMPLATE_NAMES)}
    inherited = [key for key in top if key not in _ALWAYS_OWN]
    for key in inherited:
        top[key] = _or_null(top[key])
    about = top["principles"]["description"]
    top["principles"] = {"description": about, "type": ["array", "null"]}
    schema["required"] = ["name", "version"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **{str(key): value for key, value in schema.items()},
        "title": "Constitution",
        "if": {"required": ["extends"]},
        "then": {"properties": {"principles": {"items": {"$ref": "#/$defs/PartialPrincipleFile"}}}},
        "else": {
            "required": ["principles"],
            "properties": {
                "principles": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/PrincipleFile"}},
                **{key: {"not": {"type": "null"}} for key in inherited},
            },
        },
    }


def _partial(whole: dict[str, Any]) -> dict[str, Any]:
    properties = {key: value if key == "id" else _or_null(value) for key, value in whole["properties"].items()}
    return {**whole, "properties": properties, "description": "A principle, or what changes in a parent's."}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    about = {key: schema[key] for key in ("description", "default") if key in schema}
    rest = {key: value for key, value in schema.items() if key not in about}
    return about | {"anyOf": [rest, {"type": "null"}]}


def _tidy(schema: object) -> None:
    """Drop the titles that pydantic makes of names, and defaults that stand for a key that is not there."""
    if isinstance(schema, list):
        for item in schema:
            _tidy(item)
    if isinstance(schema, dict):
        if isinstance(schema.get("title"), str):
            del schema["title"]
        if schema.get("default") == "":
            del schema["default"]
        for item in schema.values():
            _tidy(item)
