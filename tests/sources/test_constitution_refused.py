"""Each fault of a constitution file makes one problem, and the JSON Schema sees those of form."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from constitution.errors import ConstitutionFileError
from constitution.sources.compose import compose
from constitution.sources.constitution_file import json_schema, parse_constitution
from constitution.sources.nodes import plain

MINIMAL = "name: n\nversion: v\nprinciples:\n  - id: p\n    asks: q\n"
FULL = Path(__file__).with_name("full.yaml").read_text("utf-8")

# What is added to, or put in place of, a good file; the one problem that it makes; whether the JSON Schema sees it.
REFUSED: dict[str, tuple[str, str, bool]] = {
    "not a mapping": ("- a\n", "1:1: is a list, expected a mapping of keys to values", True),
    "text only": ("hello\n", "1:1: is text (hello), expected a mapping of keys to values", True),
    "no name": (MINIMAL.replace("name: n\n", ""), "1:1: name: is missing", True),
    "no principles key": ("name: n\nversion: v\n", "1:1: principles: is missing", True),
    "no principle": (
        "name: n\nversion: v\nprinciples: []\n",
        "3:13: principles: is empty, expected at least one entry",
        True,
    ),
    "empty principles": ("name: n\nversion: v\nprinciples:\n", "3:1: principles: is empty, expected a list", True),
    "unknown key": (
        MINIMAL + "descripton: x\n",
        "6:1: descripton: is an unknown key, did you mean 'description'?",
        True,
    ),
    "unknown key of a principle": (
        MINIMAL + "    wieght: 1\n",
        "6:5: principles[0].wieght: is an unknown key, did you mean 'weight'?",
        True,
    ),
    "unknown key far from all": (
        MINIMAL + "    cases: [{situation: x, good: y, zzz: 1}]\n",
        "6:37: principles[0].cases[0].zzz: is an unknown key, expected one of situation, good, bad, note",
        True,
    ),
    "newer schema": (
        MINIMAL + "schema: 2\n",
        "6:9: schema: is a number (2), expected 1: a newer version of this library reads it",
        True,
    ),
    "schema as truth": (MINIMAL + "schema: true\n", "6:9: schema: is true or false (true), expected 1", True),
    "number for text": (
        MINIMAL.replace("version: v", "version: 1.10"),
        '2:10: version: is a number (1.10), expected text: write it in quotes, "1.10"',
        True,
    ),
    "truth for text": (
        MINIMAL.replace("asks: q", "asks: true"),
        '5:11: principles[0].asks: is true or false (true), expected text: write it in quotes, "true"',
        True,
    ),
    "date for text": (
        MINIMAL.replace("version: v", "version: 2024-01-02"),
        '2:10: version: is a date (2024-01-02), expected text: write it in quotes, "2024-01-02"',
        True,
    ),
    "null for text": (MINIMAL + "    text:\n", "6:5: principles[0].text: is empty, expected text", True),
    "blank text": (
        MINIMAL + '    text: " "\n',
        "6:11: principles[0].text: is blank, expected text, or no such key",
        True,
    ),
    "empty critique": (
        MINIMAL + '    critique: ""\n    revision: r\n',
        "6:15: principles[0].critique: is blank, expected text, or no such key",
        True,
    ),
    "list for text": (MINIMAL + "context: [a]\n", "6:10: context: is a list, expected text", True),
    "text for list": (MINIMAL + "levels: a\n", "6:9: levels: is text (a), expected a list", True),
    "text for mapping": (
        MINIMAL + "respond: a\n",
        "6:10: respond: is text (a), expected a mapping of keys to values",
        True,
    ),
    "bad id": (
        MINIMAL.replace("id: p", "id: Be Kind"),
        "4:9: principles[0].id: is text (Be Kind), expected at most 64 lower-case letters",
        True,
    ),
    "long id": (MINIMAL.replace("id: p", f"id: {'p' * 65}"), "4:9: principles[0].id: is text", True),
    "number as id": (MINIMAL.replace("id: p", "id: 7"), "4:9: principles[0].id: is a number (7), expected text", True),
    "no id": (MINIMAL.replace("- id: p\n    asks", "- asks"), "4:5: principles[0].id: is missing", True),
    "id twice": (
        MINIMAL + "  - id: p\n    asks: r\n",
        "6:9: principles[1].id: the id 'p' is given twice, first in line 4",
        False,
    ),
    "unknown level": (
        MINIMAL + "    level: hihg\nlevels: [high, low]\n",
        "6:12: principles[0].level: 'hihg' is an unknown level, did you mean 'high'?",
        False,
    ),
    "level without levels": (
        MINIMAL + "    level: high\n",
        "6:12: principles[0].level: 'high' is an unknown level: name it in the constitution's `levels`",
        False,
    ),
    "level twice": (MINIMAL + "levels: [a, b, a]\n", "6:16: levels[2]: 'a' is listed twice", False),
    "negative weight": (
        MINIMAL + "    weight: -1\n",
        "6:13: principles[0].weight: is a number (-1), expected at least 0",
        True,
    ),
    "weight not a number": (
        MINIMAL + "    weight: .nan\n",
        "6:13: principles[0].weight: is a number (.nan), expected a finite number",
        False,
    ),
    "infinite weight": (
        MINIMAL + "    weight: .inf\n",
        "6:13: principles[0].weight: is a number (.inf), expected a finite number",
        False,
    ),
    "weight as truth": (
        MINIMAL + "    weight: true\n",
        "6:13: principles[0].weight: is true or false (true), expected a number",
        True,
    ),
    "every weight 0": (
        MINIMAL + "    weight: 0\n",
        "3:1: principles: every weight is 0, so no principle is left: give one a weight",
        False,
    ),
    "asks nothing": (
        MINIMAL.replace("asks", "text"),
        "4:5: principles[0]: asks nothing of a model: give `critique` with `revision`, `preference`, or `asks`",
        True,
    ),
    "critique alone": (
        MINIMAL + "    critique: c\n",
        "6:5: principles[0].critique: `critique` stands without `revision`: give both, or neither",
        True,
    ),
    "revision alone": (
        MINIMAL + "    revision: c\n",
        "6:5: principles[0].revision: `revision` stands without `critique`: give both, or neither",
        True,
    ),
    "unknown reply": (
        MINIMAL + "respond: {a: maybe}\n",
        "6:14: respond.a: is text (maybe), expected 'answer', 'partial' or 'refuse'",
        True,
    ),
    "case without answer": (
        MINIMAL + "    cases: [{situation: x}]\n",
        "6:13: principles[0].cases[0]: gives no answer: give `good`, `bad` or both",
        True,
    ),
    "empty answer of a case": (
        MINIMAL + "    cases: [{situation: x, good: }]\n",
        "6:28: principles[0].cases[0].good: is empty, expected text",
        True,
    ),
    "case without situation": (
        MINIMAL + "    cases: [{good: x}]\n",
        "6:13: principles[0].cases[0].situation: is missing",
        True,
    ),
    "number as situation": (
        MINIMAL + "    cases: [{situation: 3, good: x}]\n",
        "6:25: principles[0].cases[0].situation: is a number (3), expected text or a list",
        True,
    ),
    "situation ends with an answer": (
        MINIMAL + "    cases:\n    - good: x\n      situation:\n      - {role: user, content: x}\n"
        "      - {role: assistant, content: x}\n",
        "10:9: principles[0].cases[0].situation[1]: the last turn has the role 'assistant', expected 'user'",
        False,
    ),
    "few-shot of nobody": (
        MINIMAL + "few_shots: {critique: [[{role: me, content: x}]]}\n",
        "6:32: few_shots.critique[0][0].role: is text (me), expected 'system', 'user' or 'assistant'",
        True,
    ),
    "empty few-shot": (
        MINIMAL + "few_shots: {critique: [[]]}\n",
        "6:24: few_shots.critique[0]: is empty, expected at least one entry",
        True,
    ),
    "few-shot without answer": (
        MINIMAL + "few_shots: {critique: [[{role: user, content: x}]]}\n",
        "6:25: few_shots.critique[0][0]: the last turn has the role 'user', expected 'assistant'",
        False,
    ),
    "few-shot out of turn": (
        MINIMAL + "few_shots: {critique: [[{role: assistant, content: x}, {role: assistant, content: x}]]}\n",
        "6:25: few_shots.critique[0][0]: a turn of role 'assistant' stands where 'user' is expected",
        False,
    ),
    "late system turn": (
        MINIMAL + "few_shots: {critique: [[{role: user, content: x}, {role: system, content: x}]]}\n",
        "6:51: few_shots.critique[0][1]: a turn of role 'system' stands where 'assistant' is expected",
        False,
    ),
    "judge shot without better": (
        MINIMAL + "few_shots: {judge: [{prompt: x, a: y, b: z}]}\n",
        "6:21: few_shots.judge[0].better: is missing",
        True,
    ),
    "unknown template": (
        MINIMAL + "templates: {critik: x}\n",
        "6:13: templates.critik: is an unknown template, did you mean 'critique'?",
        True,
    ),
    "bad template": (
        MINIMAL + "templates:\n  critique: '{{ secret }}'\n",
        "7:13: templates.critique: template 'critique' line 1: unknown variable 'secret'",
        False,
    ),
    "unknown check": (
        MINIMAL + "    check: {wrds: {max: 3}}\n",
        "6:13: principles[0].check.wrds: no check is called 'wrds'; did you mean 'words'?",
        False,
    ),
    "bad parameter of a check": (
        MINIMAL + "    check: {words: {max: x}}\n",
        "6:13: principles[0].check.words: check 'words': max: ",
        True,
    ),
    "date in a check": (
        MINIMAL + "    check: {words: {max: 2024-01-01}}\n",
        '6:13: principles[0].check.words: holds a date (2024-01-01): write it in quotes, "2024-01-01"',
        True,
    ),
    "infinity in a check": (MINIMAL + "    check: {words: {max: .inf}}\n", "6:13: principles[0].check.words: ", True),
    "check without parameters' mapping": (
        MINIMAL + "    check: {words: 3}\n",
        "6:13: principles[0].check.words: is a number (3), expected a mapping of parameters, or nothing",
        True,
    ),
    "check as text": (
        MINIMAL + "    check: words\n",
        "6:12: principles[0].check: is text (words), expected a mapping of keys to values",
        True,
    ),
    "empty check": (
        MINIMAL + "    check: {}\n",
        "6:12: principles[0].check: is empty, expected at least one entry",
        True,
    ),
    "huge number": (
        MINIMAL + f"    weight: {'9' * 400}\n",
        "6:13: principles[0].weight: is a number (999",
        False,
    ),
}


def schema_accepts(text: str) -> bool:
    """Whether the JSON Schema lets the text through."""
    node, _ = compose(text.encode(), "f.yaml")
    assert node is not None
    return bool(jsonschema.Draft202012Validator(json_schema()).is_valid(plain(node)))


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_told_once_with_its_place(name: str) -> None:
    """One fault makes one problem, at its line and column, with what was expected."""
    text, expected, _ = REFUSED[name]
    with pytest.raises(ConstitutionFileError) as caught:
        parse_constitution(text, file="f.yaml")
    found = [str(problem) for problem in caught.value.problems]
    assert len(found) == 1, found
    assert found[0].startswith(f"f.yaml:{expected}"), found


@pytest.mark.parametrize("name", REFUSED)
def test_the_schema_refuses_what_it_can_see(name: str) -> None:
    """An editor marks each fault of form; faults between keys are found when the file is read."""
    text, _, seen = REFUSED[name]
    assert schema_accepts(text) is not seen


@pytest.mark.parametrize("text", [FULL, MINIMAL], ids=["full", "minimal"])
def test_the_schema_accepts_what_is_accepted(text: str) -> None:
    """A good file is good in an editor too."""
    assert schema_accepts(text)


HEAD = "name: n\nversion: v\n"


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        (HEAD + "extends: balanced\n", True),
        (HEAD + "extends: [balanced]\nprinciples:\n", True),
        (HEAD + "extends: [balanced]\ncontext:\nprinciples: [{id: a, weight: 0, why: , critique: }]\n", True),
        (HEAD + "extends: [balanced]\nprinciples: [{weight: 0}]\n", False),
        (HEAD + "extends: [balanced]\nprinciples: [{id: a, wieght: 0}]\n", False),
        (HEAD + "extends: [balanced]\nprinciples: [{id: }]\n", False),
        (HEAD + "extends: 7\n", False),
        ("version: v\nextends: balanced\n", False),
        (MINIMAL + "context:\n", False),
    ],
)
def test_the_schema_allows_partial_principles_beside_extends(text: str, accepted: bool) -> None:
    """And null, which deletes what a parent gives; neither without `extends`."""
    assert schema_accepts(text) is accepted


def test_the_schema_is_a_schema() -> None:
    """It follows its own draft."""
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)


def test_the_schema_describes_every_key() -> None:
    """Editors show what each key is for."""
    schema: Mapping[str, Any] = json_schema()
    for table in (schema, *schema["$defs"].values()):
        for key, about in table["properties"].items():
            assert about.get("description"), key


def test_the_schema_knows_the_checks() -> None:
    """Their names are offered, with their parameters."""
    schema: Mapping[str, Any] = json_schema()
    checks = schema["$defs"]["PrincipleFile"]["properties"]["check"]["properties"]
    assert "max" in str(checks["words"])
