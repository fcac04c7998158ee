"""A JSON array is cut into the items that a parser finds in it, however its bytes come."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.errors import PromptFileError
from constitution.sources.prompts import arrays
from constitution.sources.prompts.arrays import array_rows
from constitution.sources.prompts.json_lines import MAX_LINE

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\[]{},'), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
items = st.lists(st.dictionaries(texts, values, max_size=3) | texts, max_size=5)


class Bytes(io.BytesIO):
    """A stream that gives its bytes in blocks of a size of its own."""

    size = 1

    def read(self, _: int | None = -1) -> bytes:
        return super().read(self.size)


@given(items, st.integers(1, 9), st.sampled_from([None, 1]), st.booleans())
def test_items_are_those_of_a_parser(found: list[Any], size: int, indent: int | None, ascii: bool) -> None:
    """Each item comes as it is, wherever blocks end: within texts, escapes and characters too."""
    stream = Bytes(b" \n" + json.dumps(found, indent=indent, ensure_ascii=ascii).encode() + b"\n ")
    stream.size = size
    rows = list(array_rows(stream, "p.json"))
    assert [row.value for row in rows] == [{"prompt": item} if isinstance(item, str) else item for item in found]
    assert [row.place for row in rows] == [f"p.json: row {number}" for number in range(1, len(found) + 1)]


@given(items, st.data())
def test_what_is_cut_off_is_told(found: list[Any], data: st.DataObject) -> None:
    """An array that ends too early is refused, wherever it was cut."""
    whole = json.dumps(found).encode()
    part = whole[: data.draw(st.integers(1, len(whole) - 1))]
    with pytest.raises(PromptFileError, match="ends in the middle of row"):
        list(array_rows(io.BytesIO(part), "p.json"))


def test_long_items_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """An item that is too long is told and not held; those behind it are read."""
    monkeypatch.setattr(arrays, "_BLOCK", 1000)
    data = b'["a", "' + b"x" * (MAX_LINE + 10_000) + b'", "b"]'
    rows = list(array_rows(io.BytesIO(data), "p.json"))
    assert [row.value for row in rows[::2]] == [{"prompt": "a"}, {"prompt": "b"}]
    assert "longer than 4,000,000 bytes" in str(rows[1].value)
    assert len(rows[1].raw) <= MAX_LINE + 2
