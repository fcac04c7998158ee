"""Our own examples: what a person says of them, and where the tagger says otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from constitution import shipped
from constitution.steps.refusals import KINDS, LANGUAGES, languages, tag_refusal

FOLDER = Path(__file__).parents[2] / "data" / "refusals" / "examples"
FILES = sorted(path.stem for path in FOLDER.glob("*.jsonl"))
EACH = 80
"""Examples of each language at least."""
SENTENCES = 3
"""From so many sentences on, the language must be told rightly."""

MISSED: Final = {
    "de": {"de-27", "de-32", "de-73", "de-76", "de-79", "de-139"},
    "fr": {"fr-27", "fr-32", "fr-70", "fr-71", "fr-73", "fr-76", "fr-79", "fr-94"},
    "es": {"es-80", "es-90"},
    "zh": {"zh-28", "zh-80", "zh-90"},
}
"""By language, examples in which a refusal is taken for an answer, or an answer for a refusal. English has none."""
ONLY_THE_KIND: Final = {
    "de": {"de-74", "de-80", "de-83", "de-117", "de-136"},
    "fr": {"fr-74", "fr-80", "fr-83", "fr-84", "fr-136"},
    "es": {"es-15", "es-70", "es-73", "es-79", "es-83", "es-130"},
    "zh": {"zh-68", "zh-70", "zh-73", "zh-82", "zh-123", "zh-130"},
}
"""By language, examples in which a full refusal is taken for a partial one, or a partial one for a full one."""


def _rows(language: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (FOLDER / f"{language}.jsonl").read_bytes().splitlines()]


def _groups() -> Iterator[tuple[str, str]]:
    """Each group of the cue file, with the line before it."""
    before = within = ""
    for line in shipped.read("refusals", "cues.yaml").decode().splitlines():
        if re.match(r"(?:  )?\w+:", line):
            within = line.strip()
        elif within == "groups:" and re.match(r"    \w+:$", line):
            yield line.strip(), before
        before = line


@pytest.mark.parametrize("language", FILES)
def test_an_answer_is_told_from_a_refusal(language: str) -> None:
    """In every example but those that are listed; one that is listed and is right now must leave the list."""
    wrong = {row["id"] for row in _rows(language) if bool(tag_refusal(row["text"])) != (row["kind"] != "none")}
    assert wrong == MISSED.get(language, set())


@pytest.mark.parametrize("language", FILES)
def test_a_full_refusal_is_told_from_a_partial_one(language: str) -> None:
    """In every example that both call a refusal, but for those that are listed."""
    told = {row["id"]: (row["kind"], tag_refusal(row["text"]).kind) for row in _rows(language)}
    wrong = {name for name, (said, kind) in told.items() if said != kind and "none" not in (said, kind)}
    assert wrong == ONLY_THE_KIND.get(language, set())


@pytest.mark.parametrize("language", sorted(languages()))
def test_there_are_examples_of_every_language_that_has_cues(language: str) -> None:
    """Enough, of each kind, and no text twice."""
    rows = _rows(language)
    assert language in LANGUAGES
    assert len({row["text"] for row in rows}) == len(rows) >= EACH
    assert {row["kind"] for row in rows} == set(KINDS)


@pytest.mark.parametrize("language", FILES)
def test_an_example_has_a_name_and_says_what_it_shows(language: str) -> None:
    """The name is its own and begins with its language."""
    rows = _rows(language)
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(re.fullmatch(rf"{language}-\d+", row["id"]) and row["about"] for row in rows)


@pytest.mark.parametrize("language", FILES)
def test_the_language_of_some_sentences_is_told(language: str) -> None:
    """It is the file's, so that the cues of that language were looked for."""
    long = [row for row in _rows(language) if len(re.findall(r"[.!?](?=\s|$)|[。！？]", row["text"])) >= SENTENCES]
    assert long
    assert {row["id"]: tag_refusal(row["text"]).language for row in long} == {row["id"]: language for row in long}


def test_every_group_of_cues_has_a_comment() -> None:
    """On the line before it."""
    found = list(_groups())
    assert len(found) == sum(len(each.groups) for each in languages().values())
    assert [group for group, before in found if not before.startswith("    # ")] == []
