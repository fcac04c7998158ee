"""Critique: requests, and findings read strictly."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.engine import Completion
from constitution.records import Finding
from constitution.steps.critique import (
    FINDING_CHARACTERS,
    FINDING_SCHEMA,
    critique_request,
    parse_finding,
    unusable_finding,
)
from tests.strategies import finding_text, simple, texts

GOOD = '{"applies": true, "violates": true, "severity": 2, "critique": "Too long."}'


@given(st.booleans(), st.booleans(), st.integers(0, 3), texts)
def test_a_finding_is_read(applies: bool, violates: bool, severity: int, critique: str) -> None:
    """Every finding of the schema is read as it was written, contradictory ones too."""
    text = finding_text(applies=applies, violates=violates, severity=severity, critique=critique)
    assert parse_finding(text) == Finding(applies, violates, severity, critique)
    assert parse_finding(f"\n {text} ") == Finding(applies, violates, severity, critique)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"violates"',
        "{",
        "{}",
        GOOD + "x",
        GOOD + GOOD,
        f"```json\n{GOOD}\n```",
        GOOD.replace("true", '"true"', 1),
        GOOD.replace("true", "1"),
        GOOD.replace("2", "4"),
        GOOD.replace("2", "-1"),
        GOOD.replace("2", "2.0"),
        GOOD.replace("2", "true"),
        GOOD.replace("2", '"2"'),
        GOOD.replace("2", "null"),
        GOOD.replace("2", "9" * 5000),
        GOOD.replace('"Too long."', "null"),
        GOOD.replace('"Too long."', '["Too long."]'),
        GOOD.replace("Too long.", "\\ud83d"),
        GOOD.replace("}", ', "more": 1}'),
        GOOD.replace('"applies": true, ', ""),
        GOOD.replace('"violates": true', '"violates": false, "violates": true'),
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
    ids=lambda text: text[:30],
)
def test_anything_else_is_not(text: str) -> None:
    """What is not exactly one object of the schema is no finding: types are strict, no key twice, nothing around it."""
    assert parse_finding(text) is None
    assert unusable_finding(Completion(text)) == ("unreadable_finding" if text else "empty")


@given(st.one_of(texts, st.text(st.characters())))
def test_reading_never_raises(text: str) -> None:
    """Any text is a finding or none."""
    finding = parse_finding(text)
    assert finding is None or json.loads(text)["critique"] == finding.critique


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        (Completion(GOOD), None),
        (Completion(GOOD, finish_reason="length"), "unreadable_finding"),
        (Completion(" \n"), "empty"),
        (Completion("", reasoning="Hm."), "only_thoughts"),
        (Completion("Too long."), "unreadable_finding"),
    ],
)
def test_unusable(completion: Completion, reason: str | None) -> None:
    """A finding is unusable where it is empty, only thoughts, cut, or unreadable."""
    assert unusable_finding(completion) == reason


def test_the_schema_puts_the_verdict_first() -> None:
    """The model writes the verdict before its reasons, and the text is bounded."""
    schema = json.loads(FINDING_SCHEMA)
    assert list(schema["properties"]) == ["applies", "violates", "severity", "critique"]
    assert schema["properties"]["critique"]["maxLength"] == FINDING_CHARACTERS
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("finding", [False, True])
def test_the_request_opens_with_the_context(finding: bool) -> None:
    """The setting opens the request, then comes what the principle asks; without a setting the principle opens it."""
    principle = simple(1).principles[0]
    with_context = critique_request(simple(1, context="A school."), principle, finding=finding)
    assert with_context.startswith("A school.\n\nCritique 0?")
    assert critique_request(simple(1), principle, finding=finding).startswith("Critique 0?")


def test_a_finding_request_names_the_keys() -> None:
    """The request for a finding names the principle and every key of the schema."""
    request = critique_request(simple(1), simple(1).principles[0], finding=True)
    assert "Text 0." in request
    assert all(f'"{key}"' in request for key in json.loads(FINDING_SCHEMA)["required"])
