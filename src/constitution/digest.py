"""Digests: the one way in which identities, seeds and draws are derived.

Everything that must be the same again (record ids, request keys, seeds, draws of principles) is a BLAKE2b hash of its
parts, written as a JSON array, in which text, whole and real numbers, truth values and nesting stay apart: no two
different lists of parts give the same bytes. Python's own `hash` is salted by process and never used.
"""

from __future__ import annotations

from hashlib import blake2b
from json import dumps as slow_dumps
from typing import TypeAlias

from orjson import JSONEncodeError, dumps

Part: TypeAlias = "str | int | float | bool | tuple[Part, ...] | None"


def _written(parts: tuple[Part, ...]) -> bytes:
    try:
        return dumps(parts)
    except JSONEncodeError:  # half of a surrogate pair, or an integer over 64 bits
        return b"!" + slow_dumps(parts).encode()


def digest_bytes(*parts: Part, size: int = 16) -> bytes:
    """Hash `parts` to `size` bytes. Numbers must be finite."""
    return blake2b(_written(parts), digest_size=size).digest()


def digest(*parts: Part, size: int = 16) -> str:
    """Hash `parts` to a hexadecimal string of `2 * size` characters."""
    return blake2b(_written(parts), digest_size=size).hexdigest()


def uniform(*parts: Part) -> float:
    """A number in the open interval (0, 1) that depends on nothing but `parts`."""
    return (int.from_bytes(digest_bytes(*parts, size=8), "big") >> 11) / 2.0**53 + 2.0**-54


def seed63(*parts: Part) -> int:
    """A seed of 63 bits that depends on nothing but `parts`."""
    return int.from_bytes(digest_bytes(*parts, size=8), "big") >> 1
