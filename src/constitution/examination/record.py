"""The record of an examination: who was examined on what, all figures, and the verdict. Kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Self

from constitution.digest import digest
from constitution.errors import InputError
from constitution.examination.decision import AT_LEAST, VERDICTS, Outcome, decide
from constitution.examination.figures import Figures, figures_of
from constitution.examination.intervals import share
from constitution.examination.items import JudgedSet
from constitution.examination.reads import ItemReads
from constitution.intervals import Interval
from constitution.steps.judge import JudgeMode
from constitution.verdicts import BAND, JudgeRead

SCHEMA_VERSION = 1
CHECKS = "checks"
"""The set that is made by code."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Who is examined, and how it is asked."""

    name: str
    """As the user named it."""
    model: str
    """Fingerprint of the model."""
    mode: JudgeMode
    read: JudgeRead
    lora: str | None
    prompts: str
    """Digest of the words in which it is asked."""
    digest: str
    """Identity; equal to that of a labelling run's judge where the examination holds for it."""


@dataclass(frozen=True, slots=True)
class SetFigures:
    """One set, and what was measured on it."""

    name: str
    source: str
    digest: str
    """Of the items that were asked."""
    items: int
    """That it holds."""
    asked: int
    left_out: Mapping[str, int]
    """Rows that can be no item, by reason."""
    published: tuple[str, ...]
    """What others measured on it."""
    figures: Figures


@dataclass(frozen=True, slots=True)
class PrincipleFigures:
    """How often the judge was right under one principle of a set."""

    set: str
    id: str
    accuracy: Interval | None
    shown: Interval | None
    hidden: Interval | None


@dataclass(frozen=True)
class Examination:
    """A judge's examination, with its verdict."""

    judge: Judge
    at_least: float
    """Accuracy that was asked for."""
    band: float
    """A margin nearer to 0 was a tie."""
    verdict: Outcome
    why: str
    """In one sentence."""
    figures: Figures
    """Of all pairs."""
    sets: tuple[SetFigures, ...]
    principles: tuple[PrincipleFigures, ...]
    unasked: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Pairs that gave no reads, by reason: `too_long`, or the class of their error."""
    tokens: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: MappingProxyType({}))
    """By stage, as in a run."""
    schema_version: int = SCHEMA_VERSION

    @property
    def passed(self) -> bool:
        """Whether its labels may be trusted as far as this examination goes."""
        return self.verdict == "passed"

    @property
    def identity(self) -> str:
        """Of judge and pairs together: what gave these figures."""
        return digest("examination", self.judge.digest, tuple((each.name, each.digest) for each in self.sets))

    def holds_for(self, judge: str) -> bool:
        """Whether it tells of a judge, by its `judge_digest`."""
        return self.judge.digest == judge

    def judged_at(self, at_least: float) -> Self:
        """The same figures, with the verdict on them where another accuracy is asked for.

        Args:
            at_least: the accuracy, 0 to 1.
        """
        checks = next((each.figures for each in self.sets if each.name == CHECKS), None)
        verdict, why = decide(self.figures, checks, at_least, self.judge.read)
        return replace(self, at_least=at_least, verdict=verdict, why=why)

    def to_json(self) -> dict[str, Any]:
        """Plain data, with what follows from it."""
        return {"passed": self.passed, "identity": self.identity, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`.

        Raises:
            InputError: it is no examination, or a newer version wrote it.
        """
        try:
            version = int(data["schema_version"])
            if version > SCHEMA_VERSION:
                raise InputError(
                    f"the examination has schema {version}, this version reads up to {SCHEMA_VERSION}; install a newer "
                    "constitution-rlaif"
                )
            VERDICTS.index(data["verdict"])
            own = {one.name: data[one.name] for one in fields(Examination)}
            return cls(
                **{
                    **own,
                    "judge": Judge(**own["judge"]),
                    "figures": _figures(own["figures"]),
                    "sets": tuple(_set_figures(each) for each in own["sets"]),
                    "principles": tuple(_principle_figures(each) for each in own["principles"]),
                }
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"this is no examination: {error}") from None


def _figures(data: Mapping[str, Any]) -> Figures:
    return Figures(**_intervals(data))


def _set_figures(data: Mapping[str, Any]) -> SetFigures:
    return SetFigures(**{**data, "published": tuple(data["published"]), "figures": _figures(data["figures"])})


def _principle_figures(data: Mapping[str, Any]) -> PrincipleFigures:
    return PrincipleFigures(**_intervals(data))


def _intervals(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: Interval(**value) if isinstance(value, Mapping) else value for name, value in data.items()}


def examination_of(
    judge: Judge,
    sets: Sequence[JudgedSet],
    asked: Sequence[JudgedSet],
    reads: Sequence[ItemReads],
    *,
    at_least: float = AT_LEAST,
    band: float = BAND,
    unasked: Mapping[str, int] | None = None,
    tokens: Mapping[str, Mapping[str, int]] | None = None,
) -> Examination:
    """The record of what a judge said.

    Args:
        judge: who it is.
        sets: as they were read.
        asked: the items of them that were drawn.
        reads: what was said, in any order.
        at_least: the accuracy that is asked for.
        band: of ties.
        unasked: items without reads, by reason.
        tokens: what was spent, by stage.
    """
    whole = {each.name: each for each in sets}
    made = {each.name: figures_of([one for one in reads if one.item.set == each.name], judge.read) for each in asked}
    figures = figures_of(reads, judge.read)
    verdict, why = decide(figures, made.get(CHECKS), at_least, judge.read)
    return Examination(
        judge=judge,
        at_least=at_least,
        band=band,
        verdict=verdict,
        why=why,
        figures=figures,
        sets=tuple(
            SetFigures(
                each.name,
                each.source,
                each.digest,
                len(whole[each.name].items),
                len(each.items),
                dict(each.left_out),
                each.published,
                made[each.name],
            )
            for each in asked
        ),
        principles=_by_principle(reads, judge.read),
        unasked=dict(unasked or {}),
        tokens=dict(tokens or {}),
    )


def _by_principle(reads: Sequence[ItemReads], read: JudgeRead) -> tuple[PrincipleFigures, ...]:
    """Every principle of every set, in the order of sets and ids."""
    groups: dict[tuple[str, str], list[ItemReads]] = {}
    for each in reads:
        if each.item.principle is not None:
            groups.setdefault((each.item.set, each.item.principle.id), []).append(each)
    return tuple(PrincipleFigures(set, id, *_three(groups[set, id], read)) for set, id in sorted(groups))


def _three(reads: Sequence[ItemReads], read: JudgeRead) -> tuple[Interval | None, Interval | None, Interval | None]:
    scores = [each.scoring_score if read == "scoring" else each.score("asked") for each in reads]
    return (
        share([score for score in scores if score is not None]),
        share([score for each in reads if (score := each.score("shown")) is not None]),
        share([score for each in reads if (score := each.score("hidden")) is not None]),
    )
