"""A tag that is nearly another one is told, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from constitution import Principle, Principles, shipped
from constitution.cli.app import app
from constitution.sources.constitution_file import read_constitution
from constitution.sources.doubts import doubts

RIGHT = (
    Principle("a", asks="?", applies_to=("benign", "dual_use")),
    Principle("b", asks="?", applies_to=("benign",), tags=("caveats",)),
    Principle("c", asks="?", applies_to=("looks_harmful",)),
)


def made(*more: Principle, respond: dict[str, str] | None = None) -> list[str]:
    """Doubts about a constitution with some more principles."""
    return list(doubts(Principles("x", "1", (*RIGHT, *more), respond=respond or {})))  # type: ignore[arg-type]  # replies


def test_a_tag_that_stands_once_and_is_like_another_is_told() -> None:
    """With its place and what may be meant."""
    (told,) = made(Principle("d", asks="?", applies_to=("bening",)))
    assert told == "principle 'd': applies_to: the tag 'bening' stands nowhere else; did you mean 'benign'?"
    (told,) = made(respond={"benign": "answer", "bening": "answer"})
    assert told == "respond: the tag 'bening' stands nowhere else; did you mean 'benign'?"


def test_tags_that_are_meant_are_not_told() -> None:
    """One that stands twice, one that is like none, one that is like another that stands once, a tag of a principle."""
    assert made() == []
    assert made(Principle("d", asks="?", applies_to=("bening",)), respond={"bening": "refuse"}) == []
    assert made(Principle("d", asks="?", applies_to=("bening",), tags=("bening",))) == []
    assert made(Principle("d", asks="?", applies_to=("minors",))) == []
    assert made(Principle("d", asks="?", applies_to=("dual_user",))) == []
    assert made(Principle("d", asks="?", tags=("bening",))) == []


@pytest.mark.parametrize("name", shipped.names("principles", ".yaml"))
def test_constitutions_that_ship_raise_no_doubt(name: str) -> None:
    """None of them."""
    assert list(doubts(read_constitution(name))) == []


def test_check_tells_doubts_and_ends_with_0(tmp_path: Path) -> None:
    """On the error stream: the file is valid."""
    file = tmp_path / "tags.yaml"
    file.write_text(
        "name: tags\nversion: '1'\nrespond: {benign: answer}\nprinciples:\n"
        "  - {id: a, asks: q, applies_to: [benign]}\n  - {id: b, asks: q, applies_to: [bening]}\n"
    )
    done = CliRunner().invoke(app, ["check", str(file)])
    assert done.exit_code == 0
    assert "2 principles, no problems" in done.stdout
    assert done.stderr == "principle 'b': applies_to: the tag 'bening' stands nowhere else; did you mean 'benign'?\n"
