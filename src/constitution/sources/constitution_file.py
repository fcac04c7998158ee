"""Reads constitution files: from YAML, with all that they extend, to `Principles`, or to every problem at once."""

from __future__ import annotations

import os
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from constitution.errors import ConstitutionFileError, Problem
from constitution.messages import Conversation, Message, user
from constitution.principles import Case, FewShots, JudgeShot, Principle, Principles
from constitution.sources.dump import dump_constitution
from constitution.sources.explain import explain
from constitution.sources.extends import Family, Source, file_source, locate
from constitution.sources.file_models import (
    PATTERNS,
    CaseFile,
    ConstitutionFile,
    FewShotsFile,
    MessageFile,
    PrincipleFile,
)
from constitution.sources.merge import merge
from constitution.sources.nodes import plain
from constitution.sources.rules import Checks, broken_rules, check_specs
from constitution.sources.schema import json_schema

__all__ = ["dump_constitution", "json_schema", "parse_constitution", "read_constitution"]


def read_constitution(source: str | os.PathLike[str], *, checks: Checks | None = None) -> Principles:
    """Read a shipped constitution or a file.

    Args:
        source: a shipped name (`balanced`), or a path: what has a separator or ends in `.yaml` or `.yml`.
        checks: your own checks by the names that the file uses.

    Raises:
        ConstitutionFileError: every problem, each with its file, line and column.
    """
    found = locate(source)
    if isinstance(found, str):
        raise ConstitutionFileError((Problem(str(source), 0, 0, "", found),))
    return _read(found, checks)


def parse_constitution(
    text: str | bytes, *, file: str = "<text>", folder: Path | None = None, checks: Checks | None = None
) -> Principles:
    """Read a constitution from memory.

    Args:
        text: what the file would hold.
        file: its name in problems.
        folder: where the paths that it extends are looked up; without it, it can extend shipped ones only.
        checks: your own checks by the names that the file uses.

    Raises:
        ConstitutionFileError: every problem, each with its file, line and column.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    key = f"text:{file}" if folder is None else file_source(file, folder / Path(file).name).key
    return _read(Source(file, key, folder, lambda: data), checks)


def _read(source: Source, checks: Checks | None) -> Principles:
    family = Family()
    family.load(source)
    if not family.complete:
        raise ConstitutionFileError(_ordered(family.problems, source.label))
    problems = family.problems
    root = merge(family.order, problems)
    problems += broken_rules(root, checks)
    data = plain(root)
    try:
        written = ConstitutionFile.model_validate(data)
    except ValidationError as error:
        problems += explain(error, root, ConstitutionFile, PATTERNS)
    else:
        if not problems:
            return _principles(written)
    raise ConstitutionFileError(_ordered(problems, source.label))


def _ordered(problems: list[Problem], first: str) -> tuple[Problem, ...]:
    """Each problem once: those of the file itself, then its parents', by line."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.file != first, p.file, p.line, p.column)))


def _principles(written: ConstitutionFile) -> Principles:
    return Principles(
        name=written.name,
        version=written.version,
        principles=tuple(_principle(principle) for principle in written.principles),
        description=written.description,
        language=written.language,
        license=written.license,
        context=written.context,
        levels=tuple(written.levels),
        respond=MappingProxyType(dict(written.respond)),
        few_shots=_few_shots(written.few_shots),
        templates=MappingProxyType(dict(written.templates)),
    )


def _principle(written: PrincipleFile) -> Principle:
    return Principle(
        id=written.id,
        text=written.text,
        critique=written.critique,
        revision=written.revision,
        preference=written.preference,
        asks=written.asks,
        asks_broken=written.asks_broken,
        checks=check_specs(written.check),
        why=written.why,
        level=written.level or None,
        weight=written.weight,
        tags=tuple(written.tags),
        applies_to=tuple(written.applies_to),
        negation=written.negation,
        cases=tuple(_case(case) for case in written.cases),
        source=written.source,
    )


def _case(written: CaseFile) -> Case:
    situation = written.situation
    turns = (user(situation),) if isinstance(situation, str) else _turns(situation)
    return Case(turns, good=written.good or None, bad=written.bad or None, note=written.note)


def _few_shots(written: FewShotsFile) -> FewShots:
    return FewShots(
        critique=tuple(_turns(shot) for shot in written.critique),
        judge=tuple(JudgeShot(shot.prompt, shot.a, shot.b, shot.better) for shot in written.judge),
    )


def _turns(written: list[MessageFile]) -> Conversation:
    return tuple(Message(turn.role, turn.content) for turn in written)
