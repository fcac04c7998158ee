"""Lines of a file, and JSON read strictly: what orjson lets pass or alters without a word is refused with its place.

orjson keeps the last of repeated keys and turns integers beyond 64 bits into floats. Both are found here without a
second parse of the lines that cannot hold them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from math import isfinite
from typing import Any, BinaryIO, NoReturn, TypeAlias

import orjson

MAX_LINE = 4_000_000
"""Bytes that a line may have, its end not counted."""
MAX_DEPTH = 100
"""Objects and lists that may stand inside one another."""

JsonPath: TypeAlias = "tuple[str | int, ...]"

_BIG = 2.0**63
_KEY_END = re.compile(rb'"[ \t\r\n]*:')
_SPACE = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_DECODER = json.JSONDecoder()


class LineError(Exception):
    """One line, or one Python value, that is no prompt. Never leaves `sources`: readers turn it into a `Problem`."""

    def __init__(self, path: JsonPath, message: str, column: int = 0) -> None:
        super().__init__(message)
        self.path = path
        self.message = message
        self.column = column
        """1-based, in characters; 0 where the place is `path`."""


def lines(file: BinaryIO, offset: int, number: int, *, ends: bool = False) -> Iterator[tuple[int, int, int, bytes]]:
    """Read (line number, offset, offset of the next line, bytes without the line's end), from where the file stands on.

    At most `MAX_LINE + 2` bytes of a line are ever held; a longer line comes cut, so its length tells.

    Args:
        file: A file or stream, at the beginning of a line.
        offset: Of that line; only counted on.
        number: Of that line.
        ends: Whether the lines keep their ends.
    """
    room = MAX_LINE + 2
    while raw := file.readline(room):
        following = offset + len(raw)
        if len(raw) == room and not raw.endswith(b"\n"):
            while rest := file.readline(room):
                following += len(rest)
                if rest.endswith(b"\n"):
                    break
        yield number, offset, following, raw if ends else raw.removesuffix(b"\n").removesuffix(b"\r")
        number, offset = number + 1, following


def too_long(raw: bytes) -> None:
    """Refuse a line of more than `MAX_LINE` bytes."""
    if len(raw) > MAX_LINE:
        raise LineError((), f"the line is longer than {MAX_LINE:,} bytes, the most that one row may have")


def as_text(raw: bytes) -> str:
    """Decode UTF-8, or say where it is broken."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        column = len(raw[: error.start].decode()) + 1
        raise LineError((), f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8", column) from None


def parse_object(raw: bytes) -> dict[str, Any]:
    """Parse one JSON object.

    Raises:
        LineError: It is no JSON, no object, nested deeper than `MAX_DEPTH`, repeats a key within one object, or holds
            an integer beyond 64 bits.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        _explain(raw, error)
    if not isinstance(value, dict):
        hint = "; a JSON array is read where it is the whole file" if isinstance(value, list) else ""
        raise LineError((), f'expected a JSON object like {{"prompt": "..."}}{hint}', 1)
    keys, big = survey(value)
    # Each key ends in `":`, texts may hold it too: so equal counts prove that no key was lost.
    if big or keys != len(_KEY_END.findall(raw)):
        _reread(raw)
    return value


def survey(value: object) -> tuple[int, bool]:
    """Count the keys of all objects in `value`, and say whether a number may have been an integer beyond 64 bits.

    Raises:
        LineError: `value` is nested deeper than `MAX_DEPTH`, or holds NaN or an infinity (values from Python may).
    """
    keys, big, depth = 0, False, 0
    level: list[Any] = [value]
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise LineError((), f"nested deeper than {MAX_DEPTH} levels")
        below: list[Any] = []
        for container in level:
            if isinstance(container, dict):
                keys += len(container)
                members = container.values()
            else:
                members = container
            for member in members:
                if type(member) is str:
                    continue
                if isinstance(member, dict | list | tuple):
                    below.append(member)
                elif isinstance(member, float) and not -_BIG < member < _BIG:
                    if not isfinite(member):
                        raise LineError((), f"{member} is not JSON; write null or a text")
                    big = True
        level = below
    return keys, big


def column_of(raw: bytes, path: JsonPath) -> int:
    """The column, 1-based in characters, of the key or item at `path`; of the nearest one around it if it is absent."""
    text = raw.decode("utf-8", "replace")
    best = 0
    try:
        for place, position in _places(text, _skip(text, 0), ()):
            if place == path[: len(place)]:
                best = position + 1
    except (ValueError, IndexError, RecursionError):
        pass  # no JSON, or nested too deeply to walk: the line alone must do
    return best


def place(path: JsonPath) -> str:
    """A path as people write it, like `messages[2].role`; what is no plain word comes quoted and escaped."""
    text = "".join(
        f".{part}" if isinstance(part, str) and part.isidentifier() else f"[{json.dumps(part)[:80]}]" for part in path
    )
    return text.removeprefix(".")


def _explain(raw: bytes, error: orjson.JSONDecodeError) -> NoReturn:
    """Say why a line is no JSON, in terms of what may be done about it."""
    text = as_text(raw)

    def constant(name: str) -> NoReturn:
        raise LineError((), f"{name} is not JSON; write null or a text", error.colno)

    if text.startswith("\ufeff"):
        raise LineError((), "a byte order mark stands in the middle of the file; remove it", 1)
    if "\0" in text:
        raise LineError((), "a NUL character; is the file UTF-16? Save it as UTF-8", text.index("\0") + 1)
    if text.strip() in ("{", "["):
        raise LineError((), "the value goes on over several lines; JSONL wants one whole object on each line", 1)
    try:
        json.loads(text, parse_constant=constant)
    except (ValueError, RecursionError):
        pass
    else:
        if _SURROGATE.search(text):
            raise LineError((), "half of a surrogate pair (\\ud800 to \\udfff) is no text; remove it", error.colno)
    if not text.lstrip().startswith("{"):
        names = "plain text, one prompt a line, wants a name in .txt, a table one in .csv"
        message = f'expected a JSON object like {{"prompt": "..."}}; {names}'
        raise LineError((), message, 1)
    raise LineError((), f"not JSON: {error.msg}", error.colno)


def _reread(raw: bytes) -> None:
    """Parse again with hooks; refuse repeated keys and integers beyond 64 bits."""
    text = raw.decode()
    try:
        _STRICT.decode(text)
    except _RepeatedKey:
        _refuse_repeated(text)
    except _BigInteger as error:
        digits = str(error)
        message = f"the integer {digits[:30]} does not fit in 64 bits; write it as text"
        raise LineError((), message, text.find(digits) + 1) from None
    except RecursionError:
        raise LineError((), f"nested deeper than {MAX_DEPTH} levels") from None


class _RepeatedKey(Exception):
    """An object has a key twice; the hook does not know where."""


class _BigInteger(Exception):
    """An integer beyond 64 bits, by its digits."""


def _members(members: list[tuple[str, object]]) -> None:
    if len(dict(members)) < len(members):
        raise _RepeatedKey


def _integer(digits: str) -> None:
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**64:
        raise _BigInteger(digits)


_STRICT = json.JSONDecoder(object_pairs_hook=_members, parse_int=_integer)


def _refuse_repeated(text: str) -> NoReturn:
    # An object's own places come in a row between those of what it holds, so earlier paths must all be kept.
    seen: dict[JsonPath, int] = {}
    for path, position in _places(text, _skip(text, 0), ()):
        if path in seen:
            message = f"this key stands twice in one object (first at column {seen[path] + 1}); keep one"
            raise LineError(path, message, position + 1)
        seen[path] = position
    raise AssertionError("no repeated key")


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _places(text: str, at: int, path: JsonPath) -> Generator[tuple[JsonPath, int], None, int]:
    """Path and position of each key and item of a valid JSON value that begins at `at`; returns where it ends."""
    if text[at] not in "{[":
        return _DECODER.raw_decode(text, at)[1]
    close = "}" if text[at] == "{" else "]"
    key: str | int = 0
    index = 0
    at = _skip(text, at + 1)
    while text[at] != close:
        start, key = at, index
        if close == "}":
            key, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        yield (*path, key), start
        at = yield from _places(text, at, (*path, key))
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
        index += 1
    return at + 1
