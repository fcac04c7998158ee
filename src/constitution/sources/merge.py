"""Merges a constitution with what it extends: nodes, so that every value keeps the file and place it came from."""

from __future__ import annotations

from collections.abc import Sequence as Ordered

from constitution.errors import Problem
from constitution.sources.extends import Loaded
from constitution.sources.nodes import Entry, Node, Scalar, Sequence, Table, short

_OWN = frozenset({"schema", "extends", "principles"})
_NEVER_INHERITED = frozenset({"name", "version"})


def merge(order: Ordered[Loaded], problems: list[Problem]) -> Table:
    """One table from files of which each overrides those before it; the last is the constitution itself.

    A key of a file replaces the whole key of the files before it, and `null` deletes it; principles are merged by id in
    the same way, key by key.
    """
    entries: dict[str, Entry] = {}
    for loaded in order:
        is_child = loaded is order[-1]
        for key, entry in loaded.root.entries.items():
            if key in _OWN or (key in _NEVER_INHERITED and not is_child):
                continue
            if _is_null(entry.value) and (key in entries or loaded.extends) and key not in _NEVER_INHERITED:
                entries.pop(key, None)
            else:
                entries[key] = entry
    if (principles := _principles(order, problems)) is not None:
        entries["principles"] = principles
    return Table(order[-1].root.place, entries)


def _principles(order: Ordered[Loaded], problems: list[Problem]) -> Entry | None:
    merged: dict[str | int, Node] = {}
    last: Entry | None = None
    for loaded in order:
        entry = loaded.root.entries.get("principles")
        if entry is None or (_is_null(entry.value) and loaded.extends):
            continue
        if not isinstance(entry.value, Sequence):
            return entry  # whole and wrong: validation says so at its place
        last = entry
        _add(merged, entry.value, problems)
    return None if last is None else Entry(last.key, Sequence(last.value.place, tuple(merged.values())))


def _add(merged: dict[str | int, Node], own: Sequence, problems: list[Problem]) -> None:
    seen: dict[str, int] = {}
    for item in own.items:
        id = _id(item)
        if id is None:
            merged[len(merged)] = item
        elif id.text in seen:
            problems.append(
                id.place.problem(f"the id '{short(id.text)}' is given twice, first in line {seen[id.text]}")
            )
            merged[len(merged)] = item  # so that its own faults are told too
        else:
            seen[id.text] = id.place.line
            before = merged.get(id.text)
            merged[id.text] = _override(before, item) if isinstance(before, Table) else item


def _override(before: Table, after: Node) -> Node:
    assert isinstance(after, Table)
    entries = dict(before.entries)
    for key, entry in after.entries.items():
        if _is_null(entry.value):
            entries.pop(key, None)
        else:
            entries[key] = entry
    return Table(after.place, entries)


def _id(item: Node) -> Scalar | None:
    entry = item.entries.get("id") if isinstance(item, Table) else None
    found = entry.value if entry is not None else None
    return found if isinstance(found, Scalar) and found.kind == "text" else None


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.kind == "nothing"
