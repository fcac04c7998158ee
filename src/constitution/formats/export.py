"""Export: rows of one kind from the shards of a run, streaming."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from constitution.errors import SettingsError
from constitution.formats import preference, sft, traces
from constitution.formats.rows import FORMATS, FileFormat, Shape, write_rows
from constitution.records import ChainResult
from constitution.steps.settle import Settler, by_input
from constitution.store.sums import Sums

KINDS: Mapping[str, ModuleType] = MappingProxyType({"preference": preference, "sft": sft, "traces": traces})


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote."""

    path: Path
    rows: int
    sums: Sums
    """Inputs and pairs under the policy of this export."""


def kind_of(name: str) -> ModuleType:
    """The module of one kind of rows.

    Raises:
        SettingsError: if there is none of this name.
    """
    if name not in KINDS:
        raise SettingsError(f"--to {name}: expected one of {', '.join(KINDS)}")
    return KINDS[name]


def rows(
    name: str, chains: Iterable[ChainResult], settler: Settler, shape: Shape, *, fine: bool, sums: Sums
) -> Iterator[dict[str, Any]]:
    """Rows of one kind, counting inputs and pairs into `sums` on the way."""
    kind = kind_of(name)
    for group in by_input(iter(chains)):
        sums.count_input(settler.input(group))
        for row in kind.rows(group, settler, shape):
            if fine or not row.get("fine"):
                yield row


def export(
    name: str,
    chains: Iterable[ChainResult],
    settler: Settler,
    shape: Shape,
    out: Path,
    format: FileFormat,
    *,
    fine: bool = True,
) -> Exported:
    """Write `out/NAME.FORMAT`.

    Raises:
        SettingsError: for an unknown kind or format.
        StoreError: if it cannot be written.
    """
    kind = kind_of(name)
    if format not in FORMATS:
        raise SettingsError(f"--format {format}: expected one of {', '.join(FORMATS)}")
    sums = Sums()
    path = out / f"{name}.{format}"
    count = write_rows(rows(name, chains, settler, shape, fine=fine, sums=sums), kind.schema(shape), path, format)
    return Exported(path, count, sums)
