"""What every export shares: a kind has columns and rows; writing streams, with a fixed schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import orjson

from constitution.errors import StoreError
from constitution.messages import Conversation
from constitution.records import ChainResult
from constitution.steps.settle import Settler
from constitution.store.disk import sync_folder

if TYPE_CHECKING:
    import pyarrow as pa

FileFormat: TypeAlias = Literal["parquet", "jsonl"]
FORMATS: tuple[str, ...] = ("parquet", "jsonl")
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides which columns a data set has, the same for all of its rows."""

    checks: bool = False
    """Whether a principle of the constitution has a check."""
    tools: bool = False
    """Whether an input has tools, calls or reasoning: turns are then JSON objects, with no keys that they lack."""


class Kind(Protocol):
    """One kind of rows."""

    name: str

    def schema(self, shape: Shape, /) -> pa.Schema:
        """The columns."""

    def rows(self, chains: tuple[ChainResult, ...], settler: Settler, shape: Shape, /) -> Iterator[dict[str, Any]]:
        """The rows of one input."""


def turns(conversation: Conversation) -> list[dict[str, str]]:
    """Messages as trainers read them."""
    return [{"role": message.role, "content": message.content} for message in conversation]


def answer(text: str) -> list[dict[str, str]]:
    """One assistant turn."""
    return [{"role": "assistant", "content": text}]


def message_type() -> pa.DataType:
    """The column type of a conversation."""
    import pyarrow as pa

    return pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


def write_rows(rows: Iterable[dict[str, Any]], schema: pa.Schema, path: Path, format: FileFormat) -> int:
    """Write rows as they come, under a temporary name until all are there.

    Returns:
        How many rows were written; a file with none is valid and has the columns.

    Raises:
        StoreError: if the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        count = _write_parquet(rows, schema, temporary) if format == "parquet" else _write_jsonl(rows, temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"{path}: cannot write: {error.strerror}") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return count


def _write_parquet(rows: Iterable[dict[str, Any]], schema: pa.Schema, path: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    count, source = 0, iter(rows)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := list(islice(source, BATCH)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            count += len(batch)
    return count


def _write_jsonl(rows: Iterable[dict[str, Any]], path: Path) -> int:
    count = 0
    with path.open("wb") as file:
        for row in rows:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            count += 1
    return count
