"""The record of a proof: what was asked of whom, all figures, what the claims come to. Kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import orjson

from constitution.errors import InputError, StoreError
from constitution.proof import base, judge, revision, training
from constitution.proof.claims import Finding, findings
from constitution.proof.figures import Figure, Part
from constitution.proof.rows import read_rows
from constitution.store.disk import write_atomically

RECORD = "proof.json"
SCHEMA_VERSION = 1
PARTS = {"base": base, "revision": revision, "judge": judge, "training": training}
"""Each part has a file of rows in the folder of a seed, and a function that counts its figures."""
SEED = "seed-"


@dataclass(frozen=True)
class Proof:
    """Everything that was measured in a folder, over all its seeds."""

    folder: Path
    settings: Mapping[str, Any]
    """What is the same for all seeds: model, judge, constitution, principles, sizes."""
    figures: tuple[Figure, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The claims of which something was measured."""
        return findings(self.figures)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Whose figures these are."""
        return tuple(sorted({figure.seed for figure in self.figures}))

    def of(self, part: Part) -> tuple[Figure, ...]:
        """The figures of a part."""
        return tuple(figure for figure in self.figures if figure.key.part == part)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "schema_version": SCHEMA_VERSION,
            "settings": dict(self.settings),
            "seeds": list(self.seeds),
            "claims": [
                {
                    "id": each.claim.id,
                    "says": each.claim.says,
                    "source": each.claim.source,
                    "verdict": each.verdict,
                    "by": [
                        {"seed": figure.seed, "principle": figure.principle, "cell": figure.key.cell,
                         "measure": figure.key.measure, "verdict": verdict}
                        for figure, verdict in zip(each.figures, each.verdicts, strict=True)
                    ],
                }
                for each in self.findings
            ],
            "figures": [figure.to_json() for figure in self.figures],
        }  # fmt: skip

    @classmethod
    def counted(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        """Count everything from the rows in a folder.

        Raises:
            StoreError: a file holds something else.
        """
        found: list[Figure] = []
        names = [each.name.removeprefix(SEED) for each in folder.glob(f"{SEED}*")]
        seeds = sorted(int(name) for name in names if name.isdecimal())
        for seed in seeds:
            for part in PARTS.values():
                file = f"{SEED}{seed}/{part.ROWS}"
                found += part.figures(read_rows(folder / file), seed, file)
        return cls(folder, settings, tuple(found))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the record of a folder.

        Raises:
            StoreError: it cannot be read.
            InputError: it is no record, or a newer version wrote it.
        """
        path = Path(folder) / RECORD
        try:
            data = orjson.loads(path.read_bytes())
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror}") from None
        except orjson.JSONDecodeError as error:
            raise InputError(f"{path}: is no JSON: {error}") from None
        if not isinstance(data, dict) or data.get("schema_version") != SCHEMA_VERSION:
            raise InputError(f"{path}: is no record of a proof that this version reads (schema {SCHEMA_VERSION})")
        return cls(folder, data["settings"], tuple(Figure.from_json(each) for each in data["figures"]))

    def write(self) -> None:
        """Write the record.

        Raises:
            StoreError: it cannot be written.
        """
        write_atomically(self.folder / RECORD, orjson.dumps(self.to_json(), option=orjson.OPT_INDENT_2))
