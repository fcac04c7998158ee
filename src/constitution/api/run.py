"""`Run`: a run folder, its sums, its rows as data sets and files."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from constitution.errors import InputError, SettingsError
from constitution.formats.export import Exported, export, kind_of, rows
from constitution.formats.rows import FileFormat, Shape
from constitution.principles import Principles
from constitution.records import ChainResult, PreferencePair
from constitution.run.opened import OpenedRun
from constitution.steps.pair import PAIR_POLICIES, Pairing, PairPolicy
from constitution.steps.settle import Settler
from constitution.store.sums import Sums

if TYPE_CHECKING:
    import datasets


class Run:
    """A run folder: what was made, and how it adds up."""

    def __init__(self, opened: OpenedRun) -> None:
        self._opened = opened

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, checks: Mapping[str, Callable[..., object]] | None = None) -> Run:
        """Open a run folder, finished or not.

        Raises:
            StoreError: if it is no run, or a newer version wrote it.
        """
        return cls(OpenedRun.read(path, checks))

    @property
    def path(self) -> Path:
        """The folder."""
        return self._opened.folder.path

    @property
    def complete(self) -> bool:
        """Whether every record is finished."""
        return self._opened.complete

    @property
    def principles(self) -> Principles:
        """The constitution of the run."""
        return self._opened.principles

    def __repr__(self) -> str:
        sums = self.summary()
        parts = ", ".join(f"{sums[name]} {name}" for name in ("paired", "fine", "dropped", "failed", "pending"))
        return f"<Run {self.path}: {sums['inputs']} inputs = {parts}>"

    def summary(self) -> dict[str, Any]:
        """The sums, as `constitution show --json` prints them."""
        return self._opened.summary()

    def traces(self) -> Iterator[ChainResult]:
        """Every finished chain, in input order."""
        return self._opened.traces()

    def pairs(self) -> Iterator[PreferencePair]:
        """Every kept pair, in input order."""
        for result in self.traces():
            for proposal in self._opened.settler.chain(result).proposals:
                if isinstance(proposal, PreferencePair):
                    yield proposal

    def to_dataset(self, kind: str = "preference", *, partial: bool = False, fine: bool = True) -> datasets.Dataset:
        """The rows as a memory-mapped `datasets.Dataset`.

        Args:
            kind: `preference`, `sft` or `traces`.
            partial: take what a run that is not complete has so far.
            fine: whether `sft` holds the drafts that were found fine.

        Raises:
            InputError: the run is not complete.
        """
        import datasets
        import pyarrow as pa

        module = kind_of(kind)
        self._refuse_incomplete(partial)
        settler = self._opened.settler
        schema = module.schema(self._shape)
        folder = tempfile.mkdtemp(prefix="constitution-dataset-")
        path = Path(folder) / f"{kind}.arrow"
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
            for batch in _batches(rows(kind, self.traces(), settler, self._shape, fine=fine, sums=Sums())):
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
        dataset = datasets.Dataset.from_file(str(path))
        weakref.finalize(dataset, shutil.rmtree, folder, ignore_errors=True)
        return dataset

    def export(
        self,
        kind: str,
        out: str | os.PathLike[str],
        *,
        format: FileFormat = "parquet",
        partial: bool = False,
        fine: bool = True,
        pairs: PairPolicy | None = None,
        keep_check_worse: bool | None = None,
    ) -> Exported:
        """Write rows to `out/KIND.FORMAT`.

        Args:
            kind: `preference`, `sft` or `traces`.
            out: a folder.
            format: `parquet` or `jsonl`.
            partial: take what a run that is not complete has so far.
            fine: whether `sft` holds the drafts that were found fine.
            pairs: another pair policy than the run's.
            keep_check_worse: another setting than the run's.

        Raises:
            InputError: the run is not complete, or an option is unknown.
            StoreError: the folder cannot be written.
        """
        kind_of(kind)
        if pairs is not None and pairs not in PAIR_POLICIES:
            raise SettingsError(f"--pairs {pairs}: expected one of {', '.join(PAIR_POLICIES)}")
        self._refuse_incomplete(partial)
        mine = self._opened.settler
        pairing = Pairing(
            pairs if pairs is not None else mine.pairing.policy,
            keep_check_worse if keep_check_worse is not None else mine.pairing.keep_check_worse,
        )
        return export(kind, self.traces(), Settler(pairing, mine.checks), self._shape, Path(out), format, fine=fine)

    @property
    def _shape(self) -> Shape:
        return Shape(checks=bool(self._opened.settler.checks), tools=self._opened.tools)

    def _refuse_incomplete(self, partial: bool) -> None:
        if not partial and not self.complete:
            pending = self.summary()["pending"]
            raise InputError(
                f"{self.path}: the run is not complete ({pending} of its inputs are pending); run it to its end, or "
                "take what there is with --partial (partial=True)"
            )


def _batches(rows: Iterator[dict[str, Any]], size: int = 1000) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
