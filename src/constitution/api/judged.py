"""What `judge` and `score` give back for one pair and for one answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

from rich.console import RenderableType

from constitution.display import draw, page_html, scores_page, verdict_page
from constitution.display.blocks import Page
from constitution.display.words import beginning
from constitution.messages import Better, Prompt
from constitution.principles import Principles
from constitution.records import ChainResult, Trace
from constitution.verdicts import Opinion, Reading, sigmoid
from constitution.verdicts import Scores as ScoresSaid
from constitution.verdicts import Verdict as VerdictSaid


@dataclass(frozen=True, repr=False)
class _Judged(ABC):
    """What both have in common: one prompt, and what became of it."""

    prompt: Prompt
    """With its answers in `responses`."""
    result: ChainResult
    principles: Principles
    tokens: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: MappingProxyType({}), kw_only=True)
    """By stage: `requests`, `asked_again`, and tokens: `prompt`, of those `cached`, and `output`."""

    @property
    def error(self) -> str | None:
        """The message of the error that ended it."""
        return None if isinstance(self.result, Trace) else f"{self.result.error}: {self.result.message}"

    def _reason(self, *, readable: bool) -> str | None:
        if not isinstance(self.result, Trace):
            return "failed"
        return self.result.reason or (None if readable else "unreadable")

    @property
    def _texts(self) -> dict[str, str]:
        return {principle.id: principle.text for principle in self.principles.principles}

    def _head(self) -> dict[str, Any]:
        asked = [{"role": turn.role, "content": turn.content} for turn in self.prompt.conversation]
        return {"id": self.prompt.id, "prompt": asked}

    @abstractmethod
    def _page(self) -> Page:
        """What a notebook and a terminal show of it."""

    def __rich__(self) -> RenderableType:
        return draw(self._page())

    def _repr_html_(self) -> str:
        return page_html(self._page())


@dataclass(frozen=True, repr=False)
class Verdict(_Judged):
    """Which of two answers is better, by how much, and why. A notebook shows it; so does `rich.print` in a terminal."""

    said: VerdictSaid

    @property
    def a(self) -> str:
        """The first answer."""
        return self.prompt.responses[0]

    @property
    def b(self) -> str:
        """The second answer."""
        return self.prompt.responses[1]

    @property
    def better(self) -> Better | None:
        """`a`, `b` or `tie`; None where it cannot be told: see `reason`."""
        return self.said.better

    @property
    def margin(self) -> float | None:
        """Natural-log odds that `a` is better, 0 for a tie; None where unreadable, or said in words."""
        return self.said.margin

    @property
    def p(self) -> float | None:
        """Probability that `a` is better, 0 to 1; 0, 1/2 or 1 where a judge answers in words. None where unreadable."""
        return self.said.p

    @property
    def position_consistent(self) -> bool | None:
        """Whether both orders prefer the same answer; None where no orders were asked."""
        return self.said.position_consistent

    @property
    def by_principle(self) -> tuple[Opinion, ...]:
        """What each principle says."""
        return self.said.by_principle

    @property
    def level(self) -> str | None:
        """The level that decided; None for a tie, for a function, and where principles have none."""
        rank, levels = self.said.rank, self.principles.levels
        valued = not any(opinion.principle for opinion in self.by_principle)
        return None if valued or rank is None or rank >= len(levels) else levels[rank]

    @property
    def reads(self) -> tuple[Reading, ...]:
        """Every read of the judge by principle: of the pair, or of `a` and then of `b`."""
        if not isinstance(self.result, Trace):
            return ()
        pairs = (reading for judged in self.result.judged for reading in judged.readings)
        return (*pairs, *(reading for scored in self.result.scored for reading in scored.readings))

    @property
    def reason(self) -> str | None:
        """Why there is no verdict (`unreadable`, `no_principle`, `too_long`, `failed`), else None."""
        return self._reason(readable=self.better is not None)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            **self._head(),
            "a": self.a,
            "b": self.b,
            "better": self.better,
            "margin": self.margin,
            "p": self.p,
            "position_consistent": self.position_consistent,
            "level": self.level,
            "by_principle": [asdict(opinion) for opinion in self.by_principle],
            "reason": self.reason,
            "error": self.error,
            "tokens": {stage: dict(counts) for stage, counts in self.tokens.items()},
        }

    def __repr__(self) -> str:
        asked = beginning(self.prompt.conversation[-1].content)
        if self.better is None:
            return f"<Verdict {asked!r}: none ({self.reason})>"
        found = "a tie" if self.better == "tie" else f"{self.better} is better"
        if self.better != "tie" and self.p is not None:
            found += f", p(a) = {self.p:.2f}"
        return f"<Verdict {asked!r}: {found}>"

    def _page(self) -> Page:
        return verdict_page(self.prompt, self.result, self.said, self.level, self._texts, self.tokens)


@dataclass(frozen=True, repr=False)
class Scores(_Judged):
    """How well one answer keeps each principle. A notebook shows it; so does `rich.print` in a terminal."""

    said: ScoresSaid

    @property
    def response(self) -> str:
        """The answer."""
        return self.prompt.responses[0]

    @property
    def by_principle(self) -> Mapping[str, float | None]:
        """Principle id: natural-log odds that the answer keeps it; None where unreadable. A callable has none."""
        return MappingProxyType(dict(self.said.by_principle))

    @property
    def total(self) -> float | None:
        """One number, 0 to 1: the sum of w x p by level, w = 1, 1/4, 1/16 ..., normalised; a callable's own number.

        None where a level has nothing readable.
        """
        return self.said.total

    def p(self, principle: str) -> float | None:
        """Probability that the answer keeps a principle, 0 to 1. Raises `KeyError` for one that was not asked."""
        odds = self.by_principle[principle]
        return None if odds is None else sigmoid(odds)

    @property
    def reads(self) -> tuple[Reading, ...]:
        """Every read of the judge by principle: both wordings."""
        return self.said.readings

    @property
    def reason(self) -> str | None:
        """Why there is no total (`unreadable`, `no_principle`, `too_long`, `failed`), else None."""
        return self._reason(readable=self.total is not None)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            **self._head(),
            "response": self.response,
            "total": self.total,
            "by_principle": dict(self.by_principle),
            "reason": self.reason,
            "error": self.error,
            "tokens": {stage: dict(counts) for stage, counts in self.tokens.items()},
        }

    def __repr__(self) -> str:
        asked = beginning(self.prompt.conversation[-1].content)
        if self.total is None:
            return f"<Scores {asked!r}: none ({self.reason})>"
        under = f", {len(self.by_principle)} principles" if len(self.by_principle) > 1 else ""
        return f"<Scores {asked!r}: {self.total:.3g}{under}>"

    def _page(self) -> Page:
        return scores_page(self.prompt, self.result, self.said, self._texts, self.tokens)
