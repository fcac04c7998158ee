"""Where prompts are: which names are files and folders, and which are data sets of the hub."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Where: TypeAlias = Literal["stdin", "path", "hub"]

EXTENSIONS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".pq", ".txt")
"""Endings of files that are read; each also with `.gz` or `.zst` behind it."""
PACKED = (".gz", ".zst")

_HUB = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*){1,4}")


@dataclass(frozen=True, slots=True)
class PromptSource:
    """One source of prompts."""

    name: str
    """A file, a folder, `-` for standard input, or a data set of the hub (`owner/name`, `owner/name/folder` for one of
    its folders)."""
    config: str | None = None
    """Of a data set that has several."""
    split: str | None = None
    """Of a data set that has several."""
    revision: str | None = None
    """Branch, tag or commit on the hub."""
    weight: float | None = None
    """Its share where there are several sources; of all of them or of none."""

    @property
    def where(self) -> Where:
        """What the name means."""
        return where(self.name)

    @property
    def repository(self) -> tuple[str, str | None]:
        """Of a data set of the hub: its name there, and the folder in it that is meant."""
        owner, _, rest = self.name.partition("/")
        name, _, folder = rest.partition("/")
        return f"{owner}/{name}", folder or None

    @property
    def path(self) -> Path:
        """The file or folder, `~` filled in."""
        return Path(self.name).expanduser()


def where(name: str) -> Where:
    """What a name means: `-` is standard input; what exists is a path.

    What does not exist is a path too if it ends like a file of prompts or begins with `.`, `/` or `~`; else a name like
    `owner/name` is a data set of the hub; a name without an owner is a path.
    """
    if name == "-":
        return "stdin"
    if name.startswith((".", "/", "~")) or not _HUB.fullmatch(name) or _ends_like_a_file(name):
        return "path"
    try:
        return "path" if Path(name).exists() else "hub"
    except (OSError, ValueError):
        return "path"


def _ends_like_a_file(name: str) -> bool:
    stem = name.lower()
    for ending in PACKED:
        stem = stem.removesuffix(ending)
    return stem != name.lower() or stem.endswith(EXTENSIONS)
