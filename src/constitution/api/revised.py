"""What `revise` gives back for one prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

from rich.console import RenderableType

from constitution.display import chain_page, draw, page_html
from constitution.display.blocks import Page
from constitution.display.words import beginning
from constitution.messages import Prompt
from constitution.principles import Principles
from constitution.records import ChainResult, Draft, Outcome, PreferencePair, Round, Trace
from constitution.steps.pair import Settled


@dataclass(frozen=True, repr=False)
class Revised:
    """What became of one prompt. A notebook shows every round of it; so does `rich.print` in a terminal."""

    prompt: Prompt
    result: ChainResult
    settled: Settled
    principles: Principles
    tokens: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: MappingProxyType({}))
    """By stage: `requests`, `asked_again`, and tokens: `prompt`, of those `cached`, and `output`."""

    @property
    def outcome(self) -> Outcome:
        """`paired`, `fine`, `dropped` or `failed`."""
        return self.settled.outcome

    @property
    def reason(self) -> str | None:
        """Why it was dropped or failed, else None."""
        return self.settled.reason

    @property
    def error(self) -> str | None:
        """The message of the error that ended the chain."""
        return None if isinstance(self.result, Trace) else self.result.message

    @property
    def draft(self) -> Draft | None:
        """The first answer."""
        return self.result.draft if isinstance(self.result, Trace) else None

    @property
    def rounds(self) -> tuple[Round, ...]:
        """Every round: principle, critique, revision."""
        return self.result.rounds if isinstance(self.result, Trace) else ()

    @property
    def text(self) -> str | None:
        """The last good text: the last good revision, else the draft."""
        return self.result.final if isinstance(self.result, Trace) else None

    @property
    def pairs(self) -> tuple[PreferencePair, ...]:
        """The chosen/rejected pairs that it gives."""
        return tuple(pair for pair in self.settled.proposals if isinstance(pair, PreferencePair))

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `constitution revise --json` prints it."""
        return {
            "id": self.prompt.id,
            "prompt": [{"role": turn.role, "content": turn.content} for turn in self.prompt.conversation],
            "outcome": self.outcome,
            "reason": self.reason,
            "error": self.error,
            "draft": None if self.draft is None else asdict(self.draft),
            "rounds": [asdict(round) for round in self.rounds],
            "text": self.text,
            "pairs": [
                {"chosen": one.chosen, "rejected": one.rejected, "principles": list(one.principles)}
                for one in self.pairs
            ],
            "tokens": {stage: dict(counts) for stage, counts in self.tokens.items()},
        }

    def __str__(self) -> str:
        if self.text is None:
            return f"[{self.outcome}: {self.reason}]"
        return self.text

    def __repr__(self) -> str:
        asked = beginning(self.prompt.conversation[-1].content)
        what = self.outcome + (f" ({self.reason})" if self.reason else "")
        rounds = "1 round" if len(self.rounds) == 1 else f"{len(self.rounds)} rounds"
        return f"<Revised {asked!r}: {what}, {rounds}>"

    def _page(self) -> Page:
        texts = {principle.id: principle.text for principle in self.principles.principles}
        return chain_page(self.prompt, self.result, self.settled, texts, self.tokens)

    def __rich__(self) -> RenderableType:
        return draw(self._page())

    def _repr_html_(self) -> str:
        return page_html(self._page())
