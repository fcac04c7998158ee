"""Cues: the file of them, read once and made ready."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

from ruamel.yaml import YAML

from constitution import shipped
from constitution.steps.refusals.phrases import Phrase, phrase

LANGUAGES = ("en", "de", "fr", "es", "zh")
"""ISO 639 codes of the languages that have cues."""
Role: TypeAlias = Literal["none", "refusal", "hint", "offer", "help"]
"""What cues are: look-alikes, refusals in so many words, signs of one or of the opposite, talk of help, help."""
Zone: TypeAlias = Literal["opening", "early", "late"]
ZONES: tuple[Zone, ...] = get_args(Zone)


@dataclass(frozen=True, slots=True)
class Group:
    """Cues that say the same."""

    name: str
    role: Role
    points: Mapping[Zone, float]
    """By where it stands; below 0 they speak for an answer."""
    at_most: int
    """So many cues of it count in one zone."""
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Language:
    """The cues of one language."""

    code: str
    spaced: bool
    groups: tuple[Group, ...]
    starts: Mapping[str, tuple[re.Pattern[str], tuple[Group, ...]]]
    """By each word that a cue can begin with, in scripts without spaces by each letter: one pattern of all these cues,
    and the group of each of its own groups. The first cue in the order of the file wins."""
    late: tuple[str, ...]
    """Texts of which one must stand there before the late part is read."""


@cache
def languages() -> Mapping[str, Language]:
    """By code, as the cue file has them.

    Raises:
        ValueError: the file is not as it must be; the message names the cue.
    """
    data = YAML(typ="safe", pure=True).load(shipped.read("refusals", "cues.yaml"))
    return MappingProxyType({code: _language(code, written) for code, written in data.items()})


def cue_count() -> Mapping[str, int]:
    """How many cues each language has."""
    return {code: sum(len(group.phrases) for group in each.groups) for code, each in languages().items()}


def _language(code: str, written: Mapping[str, Any]) -> Language:
    spaced = bool(written.get("spaced", True))
    lists = {name: "(" + "|".join(entries) + ")" for name, entries in written["lists"].items()}
    groups = tuple(_group(name, given, lists, spaced) for name, given in written["groups"].items())
    starts: dict[str, list[tuple[Group, str]]] = {}
    for group in groups:
        for each in group.phrases:
            for word in each.firsts:
                starts.setdefault(word, []).append((group, each.expression))
    ready = {word: (_one_of(found), tuple(group for group, _ in found)) for word, found in starts.items()}
    return Language(code, spaced, groups, MappingProxyType(ready), tuple(written["late"]))


def _one_of(found: list[tuple[Group, str]]) -> re.Pattern[str]:
    return re.compile("|".join(f"({expression})" for _, expression in found))


def _group(name: str, written: Mapping[str, Any], lists: Mapping[str, str], spaced: bool) -> Group:
    if written["role"] not in get_args(Role):
        raise ValueError(f"group '{name}': role '{written['role']}' is none of {', '.join(get_args(Role))}")
    points = {zone: float(written[zone]) for zone in ZONES if zone in written}
    phrases = tuple(phrase(cue, lists, spaced) for cue in written["cues"])
    return Group(name, written["role"], MappingProxyType(points), int(written.get("at_most", 1)), phrases)
