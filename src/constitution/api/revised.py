"""What `revise` gives back for one prompt."""

from __future__ import annotations

from dataclasses import dataclass

from constitution.messages import Prompt
from constitution.records import ChainResult, Draft, Outcome, PreferencePair, Round, Trace
from constitution.steps.pair import Settled


@dataclass(frozen=True)
class Revised:
    """What became of one prompt."""

    prompt: Prompt
    result: ChainResult
    settled: Settled

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

    def __str__(self) -> str:
        if self.text is None:
            return f"[{self.outcome}: {self.reason}]"
        return self.text
