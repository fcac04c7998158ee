"""Digests: different parts, different bytes; and nothing but the parts counts."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from constitution.digest import Part, digest, digest_bytes, seed63, uniform

atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters()),
    st.text(st.characters(categories=["Cs", "Ll"]), max_size=3),
)
parts: st.SearchStrategy[Part] = st.recursive(atoms, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=6)


def shape(part: Part) -> str:
    """What a part is, types included."""
    return repr(part)


@given(parts, parts)
def test_other_parts(one: Part, two: Part) -> None:
    """Two different lists of parts never give the same digest: 1, 1.0, True, '1' and ('1',) stay apart."""
    assume(shape(one) != shape(two))
    assert digest(one) != digest(two)
    assert digest(one, two) != digest((one, two))
    assert digest(one) != digest(one, None)


@given(parts, st.integers(1, 64))
def test_sizes(part: Part, size: int) -> None:
    """The size is in bytes, and the text is the hexadecimal form of the bytes."""
    assert digest(part, size=size) == digest_bytes(part, size=size).hex()
    assert len(digest_bytes(part, size=size)) == size


@given(parts)
def test_numbers_from_parts(part: Part) -> None:
    """Uniform numbers lie in the open interval, seeds in 63 bits."""
    assert 0.0 < uniform(part) < 1.0
    assert 0 <= seed63(part) < 2**63


def test_uniform_is_uniform() -> None:
    """Ten thousand numbers fall evenly into ten boxes (chi-square, 9 degrees of freedom, p > 0.001)."""
    boxes = [0] * 10
    for number in range(10_000):
        boxes[int(uniform("test", number) * 10)] += 1
    assert sum((count - 1000) ** 2 / 1000 for count in boxes) < 27.88


def test_surrogates_and_large_numbers() -> None:
    """Half of a surrogate pair and integers over 64 bits have digests like any other part."""
    assert digest("\ud800") != digest("\\ud800") != digest("?")
    assert digest(2**70) != digest(2**70 + 1) != digest(float(2**70))
