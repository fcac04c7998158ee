"""What a constitution looks like: what it is for, and its principles."""

from __future__ import annotations

from collections.abc import Iterator

from constitution.display.blocks import Block, Column, Fold, Page, Said, Span, Table, line
from constitution.principles import Principle, Principles


def constitution_page(principles: Principles) -> Page:
    """A whole constitution."""
    head = line(
        Span(f"{principles.name} {principles.version}", "strong"),
        Span(f"  {len(principles)} principles, digest {principles.digest[:12]}", "quiet"),
    )
    return Page(head, tuple(_parts(principles)))


def _parts(principles: Principles) -> Iterator[Block]:
    if principles.description.strip():
        yield Said("for", line(principles.description.strip()))
    if principles.license:
        yield Said("license", line(principles.license))
    if principles.levels:
        yield Said("levels", line(" before ".join(principles.levels)))
    if principles.context.strip():
        yield Fold("context of every critique and revision", (Said("", line(principles.context.strip())),))
    yield _table(principles)


def _table(principles: Principles) -> Table:
    rows = tuple(((Span(one.id, "name"),), line(_says(one), _more(one))) for one in principles.principles)
    return Table("principles", (Column(""), Column("")), rows)


def _says(principle: Principle) -> str:
    return principle.text or principle.asks or principle.critique or principle.preference


def _more(principle: Principle) -> Span:
    """What else is worth knowing, on a line of its own."""
    told = (
        ("level", principle.level or ""),
        ("tags", ", ".join(principle.tags)),
        ("for prompts tagged", ", ".join(principle.applies_to)),
        ("weight", "" if principle.weight == 1 else f"{principle.weight:g}" if principle.weight else "0: switched off"),
        ("checked by code:", ", ".join(check.name for check in principle.checks)),
    )
    found = [f"{name} {what}" for name, what in told if what]
    return Span("\n" + "; ".join(found) if found else "", "quiet")
