"""The reference page of the constitution file says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest

from constitution.errors import ConstitutionFileError
from constitution.sources.compose import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, MAX_NODES, compose
from constitution.sources.constitution_file import json_schema, parse_constitution, read_constitution
from constitution.sources.extends import MAX_CHAIN
from constitution.sources.file_models import ConstitutionFile, PrincipleFile
from constitution.sources.nodes import plain

PAGE = (Path(__file__).parents[2] / "docs" / "constitution-file.md").read_text("utf-8")


def blocks(kind: str) -> list[str]:
    """The code blocks of one kind, in order."""
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


LEAST, EVERY, CHILD = blocks("yaml")


@pytest.mark.parametrize("text", [LEAST, EVERY], ids=["least", "every key"])
def test_an_example_is_a_constitution(text: str) -> None:
    """As a file and in an editor."""
    node, _ = compose(text.encode(), "docs")
    assert node is not None
    jsonschema.validate(plain(node), json_schema())
    assert len(parse_constitution(text)) == 1


def test_the_example_of_extending_merges_as_told(tmp_path: Path) -> None:
    """With the page's own example as the parent."""
    (tmp_path / "library.yaml").write_text(EVERY)
    (tmp_path / "opening-hours.yaml").write_text("name: h\nversion: v\nprinciples: [{id: hours, asks: q}]\n")
    child = tmp_path / "child.yaml"
    child.write_text(CHILD.replace("[library,", "[library.yaml,"))
    found = read_constitution(child)
    assert [principle.id for principle in found.principles] == ["no-lecturing", "hours", "names-the-desk"]
    assert (found.context, found.principles[0].weight, found.principles[0].why) == ("", 0.5, "")
    assert found.principles[0].critique == "Say where the answer lectures."


def test_the_example_of_problems_is_what_is_told() -> None:
    """To the letter."""
    with pytest.raises(ConstitutionFileError) as caught:
        parse_constitution(blocks("yaml-refused")[0], file="house.yaml")
    assert str(caught.value) == blocks("text")[0].strip()


def test_the_import_works() -> None:
    """The names on the page exist."""
    for block in blocks("python"):
        exec(compile(block, "docs", "exec"), {})


@pytest.mark.parametrize("model", [ConstitutionFile, PrincipleFile])
def test_every_key_is_in_the_tables(model: type[ConstitutionFile | PrincipleFile]) -> None:
    """And in the example."""
    rows = "\n".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `"))
    for name, field in model.model_fields.items():
        assert f"`{field.alias or name}`" in rows
        assert f"{field.alias or name}:" in EVERY + CHILD


def test_the_limits_are_those_of_the_reader() -> None:
    """The numbers on the page."""
    for number in (f"{MAX_BYTES:,} bytes", f"{MAX_ALIASES} aliases", f"{MAX_NODES:,} values", f"{MAX_DEPTH} levels"):
        assert f"more than {number}" in PAGE
    assert f"At most {MAX_CHAIN} files" in PAGE
