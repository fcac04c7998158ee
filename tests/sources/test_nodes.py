"""YAML text becomes plain values with places, or problems; never a traceback."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution.sources.compose import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, MAX_NODES, compose
from constitution.sources.nodes import Date, Entry, Node, Sequence, Table, plain, show

WRITTEN = """\
# a comment
name: x
empty:
list:
- one
-
- {a: 1, b: [two]}
text: |
  first
  second
"""


def read(text: str | bytes) -> Any:
    """The plain data of a text that must be readable."""
    node, problems = compose(text.encode() if isinstance(text, str) else text, "f")
    assert problems == []
    assert node is not None
    return plain(node)


def told(text: str | bytes) -> list[str]:
    """The problems of a text."""
    return [str(problem) for problem in compose(text.encode() if isinstance(text, str) else text, "f")[1]]


def places(node: Node) -> dict[str, tuple[int, int]]:
    """Line and column of every node by its path."""
    found = {show(node.place.path): (node.place.line, node.place.column)}
    children = node.items if isinstance(node, Sequence) else ()
    if isinstance(node, Table):
        children = tuple(entry.value for entry in node.entries.values())
    for child in children:
        found |= places(child)
    return found


def test_every_node_knows_its_line_and_column() -> None:
    """Places are those of an editor, and an empty value stands at its key."""
    node, _ = compose(WRITTEN.encode(), "f")
    assert node is not None
    assert places(node) == {
        "": (2, 1),
        "name": (2, 7),
        "empty": (3, 1),
        "list": (5, 1),
        "list[0]": (5, 3),
        "list[1]": (6, 2),
        "list[2]": (7, 3),
        "list[2].a": (7, 7),
        "list[2].b": (7, 13),
        "list[2].b[0]": (7, 14),
        "text": (8, 7),
    }


def test_every_key_knows_its_line_and_column() -> None:
    """A key's place is the key itself, not its value."""
    node, _ = compose(b"a:\n  bc: 1\n", "f")
    assert isinstance(node, Table)
    inner = node.entries["a"].value
    assert isinstance(inner, Table)
    assert isinstance(inner.entries["bc"], Entry)
    assert (inner.entries["bc"].key.line, inner.entries["bc"].key.column) == (2, 3)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("off", "off"),
        ("012", 12),
        ("0o14", 12),
        ("0x1F", 31),
        ("-7", -7),
        ("1.10", 1.1),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("0b1", "0b1"),
        ("true", True),
        ("False", False),
        ("tRue", "tRue"),
        ("~", None),
        ("null", None),
        ("2024-01-02", Date("2024-01-02")),
        ("2024-01-02T10:00:00Z", Date("2024-01-02T10:00:00Z")),
        ("'1.10'", "1.10"),
        ('"null"', "null"),
        ("|-\n  1.10", "1.10"),
        (">\n  a\n  b\n\n  c", "a b\nc\n"),
        ("1" * 5000, math.inf),
        ("-" + "1" * 5000, -math.inf),
    ],
)
def test_plain_scalars_have_core_types(written: str, value: object) -> None:
    """Numbers, truth values and null are those of YAML 1.2; all else is text."""
    found = read(f"a: {written}\n")["a"]
    assert (type(found), found) == (type(value), value)


def test_not_a_number_is_a_number() -> None:
    """`.nan` is read as a float, for those who check to refuse."""
    assert math.isnan(read("a: .nan")["a"])


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]\n" for below, name in zip("abcdefghi", "bcdefghij", strict=True)
)

BAD: dict[str, tuple[str | bytes, str]] = {
    "tab": ("a:\n\tb: 1\n", "f:2:1: is not valid YAML: found character '\\t' that cannot start any token (tabs cannot"),
    "duplicate key": ("a: 1\nb: 2\na: 3\n", "f:3:1: a: the key is given twice, first in line 1: keep one"),
    "python tag": (
        "a: !!python/object/apply:os.system [x]\n",
        'f:1:4: a: the tag "tag:yaml.org,2002:python/object/app',
    ),
    "string tag": ("a: !!str 1\n", 'f:1:4: a: the tag "tag:yaml.org,2002:str" is not read: leave tags out'),
    "own tag": ("a: !x {}\n", 'f:1:4: a: the tag "!x" is not read'),
    "bare tag": ("a: ! 1\n", 'f:1:4: a: the tag "!" is not read'),
    "undefined alias": ("a: *b\n", "f:1:4: a: the alias *b names nothing: no &b stands before it"),
    "self alias": ("a: &b\n- *b\n", "f:2:3: a[0]: the alias *b stands inside what it names"),
    "alias bomb": (BOMB, f"f:6:8: f[0]: more than {MAX_NODES:,} values (aliases written out), the most that is read"),
    "too many aliases": (
        "a: &a x\nb: [" + "*a, " * (MAX_ALIASES + 1) + "]\n",
        f"more than {MAX_ALIASES} aliases",
    ),
    "too many nodes": ("-\n" * MAX_NODES, f"f:{MAX_NODES}:2: [{MAX_NODES - 1}]: more than {MAX_NODES:,} values"),
    "too deep": ("[" * (MAX_DEPTH + 1), f"is nested more than {MAX_DEPTH} deep"),
    "too deep by aliases": (
        f"a: &a {'[' * 30}{']' * 30}\nb: {'[' * 25}*a{']' * 25}\n",
        f"is nested more than {MAX_DEPTH} deep",
    ),
    "merge key": ("a: &a {x: 1}\nb:\n  <<: *a\n", "f:3:3: b.<<: merge keys (<<) are not read"),
    "list as key": ("? [a]\n: 1\n", "f:1:3: a list or mapping stands where a key is expected; keys are text"),
    "list as key by alias": ("a: &a [x]\n*a : 1\n", "f:2:1: a list or mapping stands where a key is expected"),
    "number as key": ("1: x\n", 'f:1:1: 1: the key is a number, expected text: write it in quotes, "1"'),
    "empty key": (": x\n", "the key is empty"),
    "NUL after no UTF-8": (b"\x80\x00", "f:1:2: holds a NUL byte"),
    "NUL": (b"a: x\nb: y\x00\n", "f:2:5: holds a NUL byte, expected text in UTF-8"),
    "BOM": (b"\xef\xbb\xbfa: 1\n", "f: is UTF-8 with a byte order mark, expected plain UTF-8"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "f: is UTF-16, expected plain UTF-8"),
    "UTF-16 without a mark": ("a: 1\n".encode("utf-16-le"), "f:1:2: holds a NUL byte"),
    "UTF-32": ("a: 1\n".encode("utf-32"), "f: is UTF-32, expected plain UTF-8"),
    "Latin-1": (
        "a: x\nb: né\n".encode("latin-1"),
        "f:2:5: byte 0xE9 is not UTF-8: save the file as UTF-8 (is it Latin",
    ),
    "50 MB": (b"a" * 50_000_000, f"f: is larger than {MAX_BYTES:,} bytes"),
    "control character": ("a: x\nb: é\x07\n", "f:2:5: holds the character U+0007"),
    "line separator": ("a: x\u2028y\n", "f:1:5: holds the character U+2028"),
    "empty": ("", "f: is empty, expected a mapping"),
    "only a comment": ("# x\n", "f: is empty, expected a mapping"),
    "two documents": ("a: 1\n---\nb: 2\n", "f:2:1: a second document begins here"),
    "YAML directive": ("%YAML 1.1\n---\na: no\n", "f:1:1: a % directive is not read: leave the line out"),
    "TAG directive": ("%TAG ! tag:x,2000:\n---\na: 1\n", "f:1:1: a % directive is not read"),
    "open quote": (
        "a: 1\nb: 'x\nc: 2\n",
        "is not valid YAML: while scanning a quoted scalar that begins in line 2, found",
    ),
    "open bracket": ("a: [1,\n", "is not valid YAML"),
    "colon in text": (
        "a: b: c\n",
        "f:1:5: is not valid YAML: mapping values are not allowed here (a text with a colon",
    ),
    "broken escape": ('a: "\\U99999999"\n', "is not valid YAML"),
    "NUL by escape": ('a: "\\0"\n', "f:1:4: a: holds U+0000 or half of a surrogate pair"),
    "surrogate by escape": ('a: "\\ud800"\n', "f:1:4: a: holds U+0000 or half of a surrogate pair"),
    "surrogate in a key": ('"\\ud800": 1\n', "holds U+0000 or half of a surrogate pair"),
    "reserved character": (
        "a: @x\n",
        "f:1:4: is not valid YAML: found character '@' that cannot start any token (a text",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_text_is_told_with_its_place(name: str) -> None:
    """Each is one plain sentence with line and column, and nothing is executed."""
    text, expected = BAD[name]
    problems = told(text)
    assert expected in problems[0], problems


@pytest.mark.parametrize(
    "text",
    [
        "a: é\r\nb: 1\r\n",
        "---\na: 1\n...\n",
        "a: &x [1]\nb: *x\n",
        '"<<": 1\n',
        "&k a: 1\n*k2 : 2\n".replace("*k2", "c"),
    ],
)
def test_what_is_unusual_and_fine_is_read(text: str) -> None:
    """Windows line ends, document marks, honest aliases and a quoted `<<` are no problems."""
    assert told(text) == []


def test_limits_are_the_last_that_pass() -> None:
    """Exactly as many aliases, nodes and levels as the limit says are read."""
    assert told("a: &a x\nb: [" + "*a, " * MAX_ALIASES + "]\n") == []
    assert told("-\n" * (MAX_NODES - 1)) == []
    assert told("[" * MAX_DEPTH + "]" * MAX_DEPTH) == []
    assert told(b"a: " + b"x" * (MAX_BYTES - 3)) == []


def test_problems_of_form_are_told_together() -> None:
    """Reading goes on after a tag, a repeated key or a merge key."""
    assert len(told("a: !!str x\na: 2\n<<: {b: 1}\n1: x\n")) == 4


def test_the_first_of_two_keys_counts() -> None:
    """What a repeated key holds is left out, so that the rest is checked as it was meant first."""
    node, _ = compose(b"a: 1\na: 2\n", "f")
    assert node is not None
    assert plain(node) == {"a": 1}


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029\ufeff"))
clean = texts.filter(lambda text: not any(ord(char) in {0xFFFE, 0xFFFF} for char in text))
data = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | clean,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(clean, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=150)
@given(data)
def test_json_is_yaml(value: object) -> None:
    """What JSON holds is read as the same data (JSON's own words for infinity excepted)."""
    written = json.dumps(value, ensure_ascii=False).replace("Infinity", ".inf")
    if ".inf" not in written:
        assert read(written) == value


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60) | st.text("ab:-[]{}&*!|>'\"%@`#?,\n\t 0.<\\x", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_told(blob: bytes) -> None:
    """No bytes raise anything."""
    node, problems = compose(blob, "f")
    assert node is not None or problems
    assert all(str(problem).startswith("f") for problem in problems)
