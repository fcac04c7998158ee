"""JSON read strictly, and places in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from constitution.sources.prompts.json_lines import LineError, column_of, parse_object

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(texts, values, max_size=4)


@given(objects)
@settings(deadline=None)
def test_strict_json_is_json(value: dict[str, Any]) -> None:
    """What the strict parser takes is what Python's own parser reads, however it is spaced and escaped."""
    for text in (json.dumps(value), json.dumps(value, indent=1), json.dumps(value, ensure_ascii=False)):
        assert parse_object(text.encode()) == value


@given(objects, texts, values, st.data())
@settings(deadline=None)
def test_repeated_keys_never_pass(value: dict[str, Any], key: str, second: object, data: st.DataObject) -> None:
    """A key that stands twice in any object is refused, whatever the texts around it hold."""
    name = json.dumps(key)
    between = json.dumps(value)[1:-1] or '"\\":": 0'
    pair = f"{{{name}: 1, {between}, {name} : {json.dumps(second)}}}"
    text = data.draw(st.sampled_from([pair, f'{{"a\\": ": [{pair}]}}', f'{{"": {{":": {pair}}}}}']))
    with pytest.raises(LineError, match="stands twice"):
        parse_object(text.encode())


@given(objects, st.data())
@settings(deadline=None)
def test_columns_point_at_keys(value: dict[str, Any], data: st.DataObject) -> None:
    """The column of a path is where its key stands in the line."""
    assume(value)
    key = data.draw(st.sampled_from(sorted(value)))
    text = json.dumps(value, ensure_ascii=False)
    assert text[column_of(text.encode(), (key,)) - 1 :].startswith(json.dumps(key, ensure_ascii=False))
