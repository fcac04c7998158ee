"""Finds what ships beside the code: constitutions, prompts, templates.

In an installed wheel a folder of the repository lies inside this package; in an editable install it does not, and is
taken from the repository itself.
"""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path


def folder(kind: str) -> Traversable:
    """The folder of one kind, like `principles`.

    Raises:
        FileNotFoundError: neither the package nor a repository around it holds the folder.
    """
    packaged = resources.files(__name__) / kind
    if packaged.is_dir():
        return packaged
    repository = Path(__file__).resolve().parents[3]
    if (repository / "pyproject.toml").is_file() and (repository / kind).is_dir():
        return repository / kind
    raise FileNotFoundError(f"the installed package holds no folder '{kind}': install constitution-rlaif again")


def names(kind: str, ending: str) -> tuple[str, ...]:
    """Names without `ending` of the files of one kind that have it, sorted."""
    found = (item.name for item in folder(kind).iterdir() if item.is_file())
    return tuple(sorted(name.removesuffix(ending) for name in found if name.endswith(ending)))


def read(kind: str, file: str) -> bytes:
    """What one file holds.

    Raises:
        FileNotFoundError: no file of that name ships.
    """
    return (folder(kind) / file).read_bytes()
