"""Finds a constitution's parents: which files it extends, in which order they count, and what goes wrong on the way."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from constitution import shipped
from constitution.errors import Problem
from constitution.sources.compose import MAX_BYTES, compose
from constitution.sources.explain import describe, nearest
from constitution.sources.nodes import Entry, Node, Place, Scalar, Sequence, Table, short

MAX_CHAIN = 20
"""Files from a constitution to its farthest parent."""
ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Source:
    """One file, before it is read."""

    label: str
    """Its name in problems."""
    key: str
    """The same for every way to name the same file."""
    folder: Path | None
    """Where the paths that it extends are looked up; None = nowhere."""
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Loaded:
    """One file, read."""

    source: Source
    root: Table
    extends: bool
    levels: tuple[tuple[str, ...], ...]
    """The lists of levels that it has or inherits; more than one only where its parents differ."""


class Family:
    """A file and all that it extends."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.order: list[Loaded] = []
        """Parents before children, each file once; a later one overrides."""
        self._loaded: dict[str, Loaded | None] = {}
        self._missing = 0

    @property
    def complete(self) -> bool:
        """Whether every file could be read; else what is merged would be told faults that it has not."""
        return self._missing == 0

    def load(self, source: Source) -> None:
        """Read `source` and its parents."""
        self._visit(source, (), Place(source.label, 0, 0, ()))

    def _visit(self, source: Source, chain: tuple[Source, ...], asked: Place) -> Loaded | None:
        if source.key in self._loaded:
            return self._loaded[source.key]
        self._loaded[source.key] = None
        root = self._read(source, asked)
        if root is None:
            self._missing += 1
            return None
        _check_schema(root, self.problems)
        chain = (*chain, source)
        parents = [self._parent(scalar, source, chain) for scalar in self._wanted(root)]
        levels = _levels(root, [parent for parent in parents if parent is not None])
        if len(levels) > 1:
            place = root.entries["extends"].key
            self.problems.append(place.problem("the parents have different `levels`: give this file its own"))
        loaded = Loaded(source, root, "extends" in root.entries, levels)
        self._loaded[source.key] = loaded
        self.order.append(loaded)
        return loaded

    def _read(self, source: Source, asked: Place) -> Table | None:
        try:
            data = source.read()
        except (OSError, ValueError) as error:  # ValueError: a NUL or half a surrogate pair in the path
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            what = f"'{short(Path(source.label).name)}' cannot be read" if asked.line else "cannot be read"
            self.problems.append(asked.problem(f"{what}: {reason[:1].lower()}{reason[1:]}"))
            return None
        root, problems = compose(data, source.label)
        self.problems += problems
        if root is None or isinstance(root, Table):
            return root
        self.problems.append(root.place.problem(f"is {describe(root)}, expected a mapping of keys to values"))
        return None

    def _wanted(self, root: Table) -> list[Scalar]:
        entry = root.entries.get("extends")
        if entry is None:
            return []
        items = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
        found: list[Scalar] = []
        for item in items:
            if not isinstance(item, Scalar) or item.kind != "text" or not item.text.strip():
                self._lost(item, f"is {describe(item)}, expected the name or path of a file")
            elif item.text in {other.text for other in found}:
                self.problems.append(item.place.problem(f"'{short(item.text)}' is listed twice"))
            else:
                found.append(item)
        return found

    def _parent(self, wanted: Scalar, child: Source, chain: tuple[Source, ...]) -> Loaded | None:
        source = locate_parent(wanted.text, child)
        if isinstance(source, str):
            self._lost(wanted, source)
            return None
        keys = [link.key for link in chain]
        if source.key in keys:
            circle = [Path(link.label).name for link in (*chain[keys.index(source.key) :], source)]
            self._lost(wanted, f"extends goes round in a circle: {' -> '.join(circle)}")
            return None
        if len(chain) >= MAX_CHAIN:
            self._lost(wanted, f"more than {MAX_CHAIN} files extend one another")
            return None
        return self._visit(source, chain, wanted.place)

    def _lost(self, wanted: Node, message: str) -> None:
        self._missing += 1
        self.problems.append(wanted.place.problem(message))


def is_path(text: str) -> bool:
    """Whether a source or parent is meant as a path: it has a separator or the ending of a YAML file."""
    return "/" in text or os.sep in text or text.lower().endswith(ENDINGS)


def locate(source: str | os.PathLike[str]) -> Source | str:
    """The file that a user named, or what is wrong with the name."""
    if isinstance(source, str) and not is_path(source):
        return _shipped(source)
    path = os.fspath(source)
    return file_source(path, Path(path))


def locate_parent(text: str, child: Source) -> Source | str:
    """The file that `extends` names, or what is wrong with the name."""
    if not is_path(text):
        return _shipped(text)
    if child.folder is None:
        return f"'{short(text)}' is a path, and this text lies in no folder: only shipped names can be extended here"
    if Path(text).is_absolute() or Path(text).drive:
        return f"'{short(text)}' is an absolute path, expected one inside the file's own folder"
    try:
        folder = child.folder.resolve()
        target = (folder / text).resolve()
    except (OSError, ValueError, RuntimeError):  # RuntimeError: symlinks in a circle
        return f"'{short(text)}' cannot be found"
    if not target.is_relative_to(folder):
        return f"'{short(text)}' leads out of the file's own folder, expected a file inside of it"
    return file_source(str(Path(child.label).parent / text), target)


def file_source(label: str, path: Path) -> Source:
    """A file on disk, called `label` in problems."""
    try:
        key = str(path.resolve())
    except (OSError, ValueError, RuntimeError):
        key = str(path)  # reading it says what is wrong
    return Source(label, key, path.parent, lambda: _read_file(path))


def _read_file(path: Path) -> bytes:
    if path.is_dir():
        raise ValueError("is a folder, expected a file")
    if path.exists() and not path.is_file():
        raise ValueError("is no regular file")  # reading a pipe could wait for ever
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _shipped(name: str) -> Source | str:
    try:
        known = shipped.names("principles", ".yaml")
    except FileNotFoundError as error:
        return f"no constitution '{short(name)}' can be found: {error}"
    if name not in known:
        shown = short(name)
        return f"no constitution '{shown}' ships{nearest(name, known)}; a file needs its ending, like '{shown}.yaml'"
    file = f"{name}.yaml"
    return Source(f"<shipped>/{file}", f"shipped:{name}", None, lambda: shipped.read("principles", file))


def _check_schema(root: Table, problems: list[Problem]) -> None:
    entry = root.entries.get("schema")
    if entry is None:
        return
    value = entry.value
    if isinstance(value, Scalar) and value.kind == "integer" and value.text == "1":
        return
    newer = isinstance(value, Scalar) and value.kind == "integer" and value.text.isdigit() and value.text != "0"
    advice = ": a newer version of this library reads it" if newer else ""
    problems.append(value.place.problem(f"is {describe(value)}, expected 1{advice}"))


def _levels(root: Table, parents: list[Loaded]) -> tuple[tuple[str, ...], ...]:
    own: Entry | None = root.entries.get("levels")
    if own is not None:
        return (_texts(own.value),)
    return tuple(dict.fromkeys(levels for parent in parents for levels in parent.levels))


def _texts(node: Node) -> tuple[str, ...]:
    items = node.items if isinstance(node, Sequence) else ()
    return tuple(item.text for item in items if isinstance(item, Scalar))
