"""Whatever stands in a constitution file, it is read or refused with places; never a traceback."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from constitution.errors import ConstitutionFileError, Problem
from constitution.sources.constitution_file import parse_constitution

FULL = Path(__file__).with_name("full.yaml").read_text("utf-8")


def told(text: str) -> tuple[Problem, ...] | None:
    """The problems of a text, None if it is read; any other error passes through."""
    try:
        parse_constitution(text)
    except ConstitutionFileError as error:
        return error.problems
    return None


def mutated(text: str, moves: random.Random) -> str:
    """The text with some lines or pieces cut, doubled, swapped or replaced."""
    for _ in range(moves.randint(1, 4)):
        start = moves.randrange(len(text) + 1)
        end = min(len(text), start + moves.choice([0, 1, 1, 3, 10, 60]))
        piece = moves.choice(
            [
                "",
                text[start:end] * 2,
                "\n",
                "  ",
                "- ",
                ": ",
                "!x ",
                "*a",
                "&a ",
                "{",
                "]",
                '"',
                "\t",
                "\x00",
                "null",
                "é",
                "#",
                "|",
            ]
        )
        text = text[:start] + piece + text[end:]
    return text


@settings(deadline=None, max_examples=150)
@given(st.randoms(use_true_random=False))
def test_a_broken_file_is_read_or_refused(moves: random.Random) -> None:
    """No change of a good file raises anything but the error for files."""
    problems = told(mutated(FULL, moves))
    assert problems is None or len(problems) > 0


nested = st.recursive(
    st.sampled_from(["null", "1", "x", "2024-01-01", ".nan", "true", '""', "[]", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(st.sampled_from(["id", "role", "content", "critique", "x", "words"]), inner, max_size=3).map(
            lambda table: "{" + ", ".join(f"{key}: {value}" for key, value in table.items()) + "}"
        )
    ),
    max_leaves=5,
)
KEYS = [line.strip(" -").split(":")[0] for line in FULL.splitlines() if line.strip(" -").split(":")[0].isidentifier()]


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(set(KEYS))), nested)
def test_any_value_for_any_key_is_read_or_refused(key: str, value: str) -> None:
    """Wrong shapes at every key are problems, each with a line."""
    lines = FULL.splitlines()
    at = next(n for n, line in enumerate(lines) if line.strip(" -").startswith(f"{key}:"))
    indent = len(lines[at]) - len(lines[at].lstrip(" -"))
    after = next(
        (n for n in range(at + 1, len(lines)) if len(lines[n]) - len(lines[n].lstrip(" -")) <= indent), len(lines)
    )
    text = "\n".join([*lines[:at], lines[at][: lines[at].index(":")] + ": " + value, *lines[after:]])
    assert all(problem.line for problem in told(text) or ())
