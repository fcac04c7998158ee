"""What a check is: a strict model of its parameters that is called with an answer."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from constitution.checks.reading import Span


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found in one answer."""

    kept: bool
    where: Span | None = None
    """The characters that break the check, or that show that it is kept; None where no single place does."""
    note: str = ""
    """For people: what was found and what was asked."""


class Named(BaseModel):
    """A check with its parameters. Called with a text it is pure, total, and linear in the length of the text."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    def __call__(self, text: str) -> Checked:
        """Check one answer."""
        return self._check(text)

    def _check(self, text: str) -> Checked:
        raise NotImplementedError  # each named check has its own
