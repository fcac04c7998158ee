"""Values that a shell completes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from constitution import shipped

Complete = Callable[[str], list[str]]


def one_of(*values: str) -> Complete:
    """One of some words."""

    def complete(incomplete: str) -> list[str]:
        return [value for value in values if value.startswith(incomplete)]

    return complete


def constitutions(incomplete: str) -> list[str]:
    """Shipped names, and YAML files."""
    return one_of(*shipped.names("principles", ".yaml"))(incomplete) + _paths(incomplete, (".yaml", ".yml"))


def models(incomplete: str) -> list[str]:
    """Kinds of models, and local folders."""
    return one_of("demo", "scripted", "vllm:")(incomplete) + (_paths(incomplete, ()) if "/" in incomplete else [])


def _paths(incomplete: str, endings: tuple[str, ...]) -> list[str]:
    """Folders, and files with one of the endings."""
    folder, slash, begun = incomplete.rpartition("/")
    try:
        inside = sorted(Path(folder + slash or ".").iterdir())
    except OSError:
        return []
    return [
        folder + slash + path.name + ("/" if path.is_dir() else "")
        for path in inside
        if path.name.startswith(begun) and (begun or path.name[0] != ".") and (path.is_dir() or path.suffix in endings)
    ]
