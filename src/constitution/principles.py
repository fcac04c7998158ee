"""The constitution as a noun: principles, frozen and pure. Reading files is `sources`' business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import log
from types import MappingProxyType
from typing import Literal, TypeAlias

from constitution.digest import Part, digest
from constitution.messages import Conversation
from constitution.seeds import Seeds

DIGEST_VERSION = 1
"""Raised when what a constitution's digest holds changes."""

Use: TypeAlias = Literal["revises", "compares", "scores", "contrasts"]
"""What a principle can be drawn for, by the names of its properties."""
_DRAWS = {"revises": "principle", "compares": "judge", "scores": "judge"}
"""What a draw is named: both reads of a judge draw the same principles, where those have both questions."""
Reply: TypeAlias = Literal["answer", "partial", "refuse"]


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """A check by code, as the file names it. No prompt ever holds it."""

    name: str
    params: str = "{}"
    """JSON object as canonical text (sorted keys)."""


@dataclass(frozen=True, slots=True)
class Case:
    """A worked situation: a test of the constitution, a few-shot, a pair."""

    situation: Conversation
    good: str | None = None
    bad: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Principle:
    """One principle. At least one of critique with revision, preference, asks is given."""

    id: str
    text: str = ""
    critique: str = ""
    revision: str = ""
    preference: str = ""
    asks: str = ""
    asks_broken: str = ""
    checks: tuple[CheckSpec, ...] = ()
    """All must hold for an answer to keep the principle."""
    why: str = ""
    level: str | None = None
    weight: float = 1.0
    """0 switches the principle off."""
    tags: tuple[str, ...] = ()
    applies_to: tuple[str, ...] = ()
    """Prompt tags it is meant for; empty = every prompt."""
    negation: str = ""
    cases: tuple[Case, ...] = ()
    source: str = ""

    @property
    def revises(self) -> bool:
        """Whether a critique-revise chain can draw it."""
        return bool(self.critique and self.revision) and self.weight > 0

    @property
    def compares(self) -> bool:
        """Whether a judge can hold two answers against each other under it."""
        return bool(self.preference) and self.weight > 0

    @property
    def scores(self) -> bool:
        """Whether a judge can examine one answer under it."""
        return bool(self.asks) and self.weight > 0

    @property
    def contrasts(self) -> bool:
        """Whether answers can be made under it and under its negation."""
        return bool(self.text and self.negation) and self.weight > 0

    def applies(self, tags: tuple[str, ...]) -> bool:
        """Whether it is meant for a prompt with these tags. A prompt without tags meets only unlimited principles."""
        return not self.applies_to or any(tag in self.applies_to for tag in tags)

    def parts(self) -> Part:
        """What of a principle is in the digest: all but `source`."""
        return (
            self.id, self.text, self.critique, self.revision, self.preference, self.asks, self.asks_broken,
            tuple((check.name, check.params) for check in self.checks),
            self.why, self.level, float(self.weight), self.tags, self.applies_to, self.negation,
            tuple((_turns(case.situation), case.good, case.bad, case.note) for case in self.cases),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class JudgeShot:
    """A worked comparison for the judge."""

    prompt: str
    a: str
    b: str
    better: Literal["a", "b"]


@dataclass(frozen=True, slots=True)
class FewShots:
    """Worked examples that open critique, revision and judge requests."""

    critique: tuple[Conversation, ...] = ()
    judge: tuple[JudgeShot, ...] = ()


def _turns(conversation: Conversation) -> Part:
    return tuple((message.role, message.content) for message in conversation)


@dataclass(frozen=True)
class Principles:
    """A whole constitution, merged and validated."""

    name: str
    version: str
    principles: tuple[Principle, ...]
    description: str = ""
    language: str = "en"
    license: str = ""
    context: str = ""
    """The setting; opens each critique, revision and judge request, never the draft."""
    levels: tuple[str, ...] = ()
    """Highest first."""
    respond: Mapping[str, Reply] = field(default_factory=lambda: MappingProxyType({}))
    """The kind of reply that a tagged prompt deserves."""
    few_shots: FewShots = FewShots()
    templates: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Templates by name that replace the shipped ones."""

    def __len__(self) -> int:
        return len(self.principles)

    def __getitem__(self, id: str) -> Principle:
        for principle in self.principles:
            if principle.id == id:
                return principle
        raise KeyError(id)

    def __hash__(self) -> int:
        return int(self.digest[:15], 16)

    @cached_property
    def digest(self) -> str:
        """Versioned identity of the constitution.

        In it: context, levels, respond, few-shots, templates, and of each principle with a weight above 0 all but
        `source`, in the order of ids. Not in it: name, version, description, language, license, sources, the order and
        the files that principles came from, principles that are switched off.
        """
        body: Part = (
            self.context,
            self.levels,
            tuple(sorted((tag, str(reply)) for tag, reply in self.respond.items())),
            tuple(_turns(shot) for shot in self.few_shots.critique),
            tuple((shot.prompt, shot.a, shot.b, str(shot.better)) for shot in self.few_shots.judge),
            tuple(sorted(self.templates.items())),
            tuple(p.parts() for p in sorted(self.principles, key=lambda p: p.id) if p.weight > 0),
        )
        return digest("constitution", DIGEST_VERSION, body)

    def applying(self, tags: tuple[str, ...], use: Use = "revises") -> tuple[Principle, ...]:
        """Principles of some use that a prompt with these tags may meet."""
        return tuple(p for p in self.principles if getattr(p, use) and p.applies(tags))

    def draw(
        self, seeds: Seeds, rounds: int, tags: tuple[str, ...] = (), use: Use = "revises"
    ) -> tuple[Principle, ...]:
        """The principle of each round, weighted and stateless; empty if none applies.

        For a round each candidate gets u in (0, 1) from (run seed, record, sample, round, its id), and the least
        -ln(u) / weight is drawn: so an edit of the constitution moves only the draws that it must. A record does not
        meet a principle twice until it has met all that apply.
        """
        candidates = self.applying(tags, use)
        if not candidates:
            return ()
        what = _DRAWS.get(use, use)
        drawn: list[Principle] = []
        left = list(candidates)
        for round in range(1, rounds + 1):
            if not left:
                left = list(candidates)
            best = min(left, key=lambda p: (-log(seeds.uniform(what, round, p.id)) / p.weight, p.id))
            left.remove(best)
            drawn.append(best)
        return tuple(drawn)

    def judging(self, seeds: Seeds, number: int, tags: tuple[str, ...], use: Use) -> tuple[Principle, ...]:
        """Those that a judge is asked about for a record: `number` of them drawn, none twice; 0 = all that apply."""
        candidates = self.applying(tags, use)
        if number == 0:
            return candidates
        return self.draw(seeds, min(number, len(candidates)), tags, use)
