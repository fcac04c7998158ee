"""Rows written in every form that prompts are read from."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",") -> bytes:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    written = io.StringIO()
    table = csv.writer(written, delimiter=delimiter)
    table.writerow(columns)
    for row in rows:
        values = [row.get(column) for column in columns]
        table.writerow([json.dumps(value) if isinstance(value, list | dict) else value for value in values])
    return written.getvalue().encode()


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    turns = pa.list_(pa.struct({"role": pa.string(), "content": pa.string()}))
    types = {"messages": turns, "tags": pa.list_(pa.string())}
    columns = list(dict.fromkeys(key for row in rows for key in row))
    schema = pa.schema({column: types.get(column, pa.string()) for column in columns})
    sink = io.BytesIO()
    table = pa.Table.from_pylist([{**dict.fromkeys(columns), **row} for row in rows], schema)
    pq.write_table(table, sink, row_group_size=max(2, len(rows) // 10))
    return sink.getvalue()


FORMS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    ".jsonl": lambda rows: b"\n".join(json.dumps(row).encode() for row in rows),
    ".json": lambda rows: json.dumps(rows, indent=1, ensure_ascii=False).encode(),
    "-lines.json": lambda rows: b"\n".join(json.dumps(row).encode() for row in rows),
    ".csv": as_csv,
    "-semicolon.csv": lambda rows: b"\xef\xbb\xbf" + as_csv(rows, ";"),
    ".tsv": lambda rows: as_csv(rows, "\t"),
    ".parquet": as_parquet,
}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": lambda data: zstandard.compress(data[: len(data) // 2]) + zstandard.compress(data[len(data) // 2 :]),
}
