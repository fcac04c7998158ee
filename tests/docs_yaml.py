"""YAML blocks of the documentation are constitutions, run files, or parts of these; each is read as what it is."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
from pydantic import BaseModel

from constitution.errors import InputError
from constitution.sources.compose import compose
from constitution.sources.constitution_file import json_schema, parse_constitution
from constitution.sources.file_models import ConstitutionFile
from constitution.sources.nodes import plain
from constitution.sources.run_file import RunFile, read_run
from tests.docs_pages import Block

BASE = {"name": "part", "version": '"1"', "principles": "[{id: any, asks: Is it so?}]"}
"""What makes a part of a constitution a whole one."""
RUN = {"constitution": "balanced", "model": "scripted", "out": "runs/part"}
"""What makes a part of a run file a whole one."""


def keys(model: type[BaseModel]) -> set[str]:
    """The keys of a file."""
    return {info.alias or name for name, info in model.model_fields.items()}


def data_of(block: Block) -> dict[str, Any]:
    """What a block holds."""
    node, problems = compose(block.text.encode(), block.place)
    assert node is not None, f"{block.place}: {problems}"
    data = plain(node)
    assert isinstance(data, dict), f"{block.place}: is no mapping"
    return data


def check_yaml(block: Block, folder: Path) -> str:
    """Read a block as what its top-level keys say that it is; gives what that was.

    Args:
        block: of YAML.
        folder: where the files of its page are, for `extends`.

    Raises:
        AssertionError: it cannot be read, or can be where the page says that it is refused.
    """
    refused = "refused" in block.info
    try:
        kind = _read(block, folder)
    except (InputError, jsonschema.ValidationError) as error:
        if refused:
            return "refused"
        raise AssertionError(f"{block.place}: {error}") from error
    assert not refused, f"{block.place}: is said to be refused, and is read"
    return kind


def _read(block: Block, folder: Path) -> str:
    found = set(data_of(block)) if "refused" not in block.info else set(BASE)
    if found <= keys(ConstitutionFile):
        missing = set() if "extends" in found else BASE.keys() - found
        text = block.text + "".join(f"{key}: {BASE[key]}\n" for key in sorted(missing))
        name = block.file or block.place.replace("/", "-")
        parse_constitution(text, file=name, folder=folder, checks=_own_checks(block))
        node, _ = compose(text.encode(), name)
        assert node is not None
        _validator().validate(plain(node))
        return "part of a constitution" if missing else "constitution"
    if found <= keys(RunFile):
        missing = RUN.keys() - found
        path = folder / "part-of-a-run.yaml"
        path.write_text(block.text + "".join(f"{key}: {RUN[key]}\n" for key in sorted(missing)))
        read_run(path).choice()
        return "part of a run file" if missing else "run file"
    other = ", ".join(sorted(found - keys(ConstitutionFile) - keys(RunFile))) or ", ".join(sorted(found))
    raise AssertionError(
        f"{block.place}: is neither a constitution nor a run file (keys: {other}); if it is something else, put "
        "<!-- not run: what it is --> before it"
    )


@cache
def _validator() -> Any:
    return jsonschema.Draft202012Validator(json_schema())


def _own_checks(block: Block) -> dict[str, Any]:
    """The checks that the Python on the same page passes by name."""
    named = re.findall(r'checks=\{"(\w+)":', block.page.read_text("utf-8"))
    return dict.fromkeys(named, lambda text, **_: bool(text))
