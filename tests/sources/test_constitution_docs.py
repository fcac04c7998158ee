"""The page of the constitution file says what is so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from constitution.principles import Reply
from constitution.sources.compose import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, MAX_NODES
from constitution.sources.extends import MAX_CHAIN
from constitution.sources.file_models import (
    CaseFile,
    ConstitutionFile,
    FewShotsFile,
    JudgeShotFile,
    MessageFile,
    PrincipleFile,
)
from constitution.templates import TEMPLATE_NAMES
from tests.docs_pages import ROOT, WHOLE, blocks, write_file
from tests.docs_yaml import check_yaml, data_of, keys

FILE = ROOT / "docs" / "constitution-file.md"
PAGE = FILE.read_text("utf-8")
YAML = [block for block in blocks(FILE) if block.language == "yaml"]
EXAMPLES = [data_of(block) for block in YAML if "refused" not in block.info]


def test_the_page_runs_whole() -> None:
    """Its commands and its Python are run with those of all pages (`tests/house/test_docs.py`), none left out."""
    assert WHOLE in PAGE
    assert not [block.place for block in blocks(FILE) if block.skipped]


def test_every_example_is_read_as_what_it_says_it_is(tmp_path: Path) -> None:
    """By the reader and by the JSON Schema. Whole files have a name, parts say `part`, what is refused says that."""
    for block in YAML:
        if block.file is not None:
            write_file(block, tmp_path)
        kind = check_yaml(block, tmp_path)
        expected = {"constitution": "yaml", "part of a constitution": "yaml part", "refused": "yaml refused"}[kind]
        assert block.info == expected, block.place
        assert (block.file is None) == (kind == "part of a constitution"), block.place


def examples_of(model: type[BaseModel]) -> Iterator[dict[str, Any]]:
    """Every mapping of the examples that is of a model."""
    principles = [one for data in EXAMPLES for one in data.get("principles", [])]
    cases = [case for one in principles for case in one.get("cases", [])]
    shots = [data["few_shots"] for data in EXAMPLES if data.get("few_shots")]
    said = [turn for shot in shots for one in shot.get("critique", []) for turn in one]
    said += [turn for case in cases if isinstance(case["situation"], list) for turn in case["situation"]]
    yield from {
        ConstitutionFile: EXAMPLES,
        PrincipleFile: principles,
        CaseFile: cases,
        FewShotsFile: shots,
        JudgeShotFile: [one for shot in shots for one in shot.get("judge", [])],
        MessageFile: said,
    }[model]


@pytest.mark.parametrize("model", [ConstitutionFile, PrincipleFile, CaseFile, FewShotsFile, JudgeShotFile, MessageFile])
def test_every_key_has_an_example(model: type[BaseModel]) -> None:
    """Also in the file that has all of them."""
    given = {key for example in examples_of(model) for key in example}
    assert given == keys(model)


@pytest.mark.parametrize("model", [ConstitutionFile, PrincipleFile])
def test_every_key_is_in_the_tables(model: type[BaseModel]) -> None:
    """In the first column of a row."""
    rows = "\n".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `"))
    assert not [key for key in keys(model) if f"`{key}`" not in rows]


def test_the_file_with_every_key_has_every_key() -> None:
    """But for `extends`, which has an example of its own."""
    (every,) = [data_of(block) for block in YAML if block.file == "library.yaml"]
    assert set(every) == keys(ConstitutionFile) - {"extends"}
    assert {key for principle in every["principles"] for key in principle} == keys(PrincipleFile)


def test_names_of_templates_and_replies() -> None:
    """All of them stand on the page."""
    for name in (*TEMPLATE_NAMES, *get_args(Reply)):
        assert f"`{name}`" in PAGE


def test_the_limits_are_those_of_the_reader() -> None:
    """The numbers on the page."""
    for number in (f"{MAX_BYTES:,} bytes", f"{MAX_ALIASES} aliases", f"{MAX_NODES:,} values", f"{MAX_DEPTH} levels"):
        assert f"more than {number}" in PAGE
    assert f"At most {MAX_CHAIN} files" in PAGE
