"""A constitution file is read whole, or refused with every problem and its place."""

from __future__ import annotations

import math
import os
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from constitution.errors import ConstitutionFileError, Problem
from constitution.messages import assistant, system, user
from constitution.principles import Case, CheckSpec, FewShots, JudgeShot, Principle, Principles
from constitution.sources.constitution_file import parse_constitution, read_constitution

LEAST = """\
name: least
version: "1.0"
principles:
  - id: kind
    asks: Is the answer kind?
"""

FULL = Path(__file__).with_name("full.yaml").read_text("utf-8")

FULL_READ = Principles(
    name="full",
    version="1.10",
    description="Everything at once.",
    language="de",
    license="CC0-1.0",
    context="You help the guests of a library.\n",
    levels=("safety", "manners"),
    respond=MappingProxyType({"harmful": "refuse", "dual_use": "partial", "no": "answer"}),
    few_shots=FewShots(
        critique=((system("Be brief."), user("Hi"), assistant("Hello.")),),
        judge=(JudgeShot("Hi", "Hello.", "Go away.", "a"),),
    ),
    templates=MappingProxyType({"critique": "{{ principle.critique }}"}),
    principles=(
        Principle(
            id="no-lecturing",
            text="Do not lecture.",
            critique="Say where the answer lectures.",
            revision="Rewrite it without the lecture.",
            preference="Which answer lectures less?",
            asks="Is the answer free of lectures?",
            asks_broken="Does the answer lecture?",
            checks=(CheckSpec("no_digits"), CheckSpec("words", '{"max":60}')),
            why="Nobody asked.",
            level="manners",
            weight=2.0,
            tags=("evasion",),
            applies_to=("benign", "no"),
            negation="Lecture.",
            cases=(
                Case((user("May I eat here?"),), good="Yes.", bad="You should know.", note="Short."),
                Case((user("A"), assistant("B"), user("C")), good="D"),
            ),
            source="our own",
        ),
        Principle(id="off", preference="Which?", weight=0.0, cases=(Case((user("s"),), bad="b"),)),
    ),
)


def problems(text: str | bytes, **options: Any) -> tuple[Problem, ...]:
    """What is wrong with a text that must be refused."""
    with pytest.raises(ConstitutionFileError) as caught:
        parse_constitution(text, file="f.yaml", **options)
    return caught.value.problems


def test_every_key_is_read() -> None:
    """The nouns hold what the file says, no more and no less."""
    assert parse_constitution(FULL) == FULL_READ


def test_only_name_version_and_principles_are_needed() -> None:
    """The rest has defaults."""
    found = parse_constitution(LEAST)
    assert found == Principles("least", "1.0", (Principle("kind", asks="Is the answer kind?"),))


def test_no_type_of_the_reader_leaks_out() -> None:
    """Texts and numbers are Python's own, so that they pickle and hash as such."""
    found = parse_constitution(FULL)
    assert {type(found.name), type(found.principles[0].tags[0]), type(next(iter(found.respond)))} == {str}
    assert type(found.principles[0].weight) is float


MINIMAL = "name: n\nversion: v\nprinciples:\n  - id: p\n    asks: q\n"


def test_all_faults_are_told_at_once() -> None:
    """No fault hides another: of form, of keys, of types, between keys and in checks."""
    text = MINIMAL.replace("name: n", "name: 7") + (
        "    level: x\n    weight: -1\n    check: {wrds: }\n    critique: c\n    tags: t\n    level: y\nfoo: 1\n"
    )
    found = [(problem.line, problem.path) for problem in problems(text)]
    assert found == [
        (1, "name"),
        (6, "principles[0].level"),
        (7, "principles[0].weight"),
        (8, "principles[0].check.wrds"),
        (9, "principles[0].critique"),
        (10, "principles[0].tags"),
        (11, "principles[0].level"),
        (12, "foo"),
    ]


def test_a_principle_whose_id_repeats_is_checked_too() -> None:
    """Its own faults are told beside the repetition."""
    found = problems(MINIMAL + "  - {id: p, asks: q, weight: -1}\n")
    assert [problem.path for problem in found] == ["principles[1].id", "principles[1].weight"]


def test_a_problem_is_one_line_that_moves_no_terminal() -> None:
    """Text of the file is shown short and escaped."""
    odd = '"\\e[31m\\n' + "x" * 300 + '"'
    text = MINIMAL + f"    level: {odd}\n    {odd}: 1\n    check: {{{odd}: }}\nlevels: [a]\nrespond: {{{odd}: {odd}}}\n"
    found = [str(problem) for problem in problems(text + f"templates: {{{odd}: x}}\n")]
    assert len(found) == 5
    assert all(line.isprintable() and len(line) < 700 for line in found)


def test_a_text_with_a_fault_of_form_is_still_checked() -> None:
    """A tag and an unknown key are told together."""
    assert len(problems(MINIMAL + "language: !!str en\nfoo: 1\n")) == 2


def test_own_checks_are_known_when_they_are_passed() -> None:
    """A check of the user is a check like others, and only then."""
    text = MINIMAL + "    check: {mine: {least: 2}, words: {max: 3}}\n"
    found = parse_constitution(text, checks={"mine": lambda text, least: len(text) >= least})
    assert found.principles[0].checks == (CheckSpec("mine", '{"least":2}'), CheckSpec("words", '{"max":3}'))
    assert "no check is called 'mine'" in str(problems(text)[0])


def test_parameters_of_checks_are_canonical() -> None:
    """The order of keys in the file is no part of the digest, the order of checks neither."""
    one = parse_constitution(MINIMAL + "    check: {words: {min: 1, max: 3}, no_digits: }\n")
    other = parse_constitution(MINIMAL + "    check: {no_digits: {}, words: {max: 3, min: 1}}\n")
    assert one.principles[0].checks == (CheckSpec("no_digits"), CheckSpec("words", '{"max":3,"min":1}'))
    assert one.digest == other.digest


def test_a_value_that_is_used_twice_is_told_once() -> None:
    """By an alias, at the place where it is written."""
    found = problems(MINIMAL + "    tags: &t [7]\n    applies_to: *t\n")
    assert [problem.path for problem in found] == ["principles[0].tags[0]"]


@pytest.mark.parametrize("weight", ["1e308", "5e-324", "7", "0.5", "0x10"])
def test_any_finite_weight_is_read(weight: str) -> None:
    """Huge and tiny weights are the author's business."""
    found = parse_constitution(MINIMAL + f"    weight: {weight}\n").principles[0].weight
    assert type(found) is float
    assert 0 < found < math.inf


def test_ten_thousand_principles_are_read() -> None:
    """A file may hold as many as fit."""
    lines = [f"  - {{id: p{at}, asks: Is rule {at} kept?, weight: 0.5}}" for at in range(10_000)]
    found = parse_constitution("name: many\nversion: v\nprinciples:\n" + "\n".join(lines))
    assert (len(found), found["p9999"].asks) == (10_000, "Is rule 9999 kept?")


def test_a_path_is_read(tmp_path: Path) -> None:
    """A path may be text or a path object."""
    file = tmp_path / "a.yaml"
    file.write_text(LEAST)
    assert read_constitution(file) == read_constitution(str(file)) == parse_constitution(LEAST)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("none.yaml", "cannot be read: no such file or directory"),
        ("folder.yaml", "cannot be read: is a folder, expected a file"),
        ("pipe.yaml", "cannot be read: is no regular file"),
        ("nul\x00.yaml", "cannot be read: "),
        ("x" * 300 + ".yaml", "cannot be read: file name too long"),
        ("large.yaml", "is larger than 1,000,000 bytes, the most that is read"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str, expected: str) -> None:
    """Neither a traceback nor a wait."""
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "large.yaml").write_bytes(b"a" * 1_000_001)
    with pytest.raises(ConstitutionFileError, match=f": {expected}"):
        read_constitution(str(tmp_path / name))
