"""Seeds of one chain: every choice from (run seed, record, sample, ...), never from the order of arrival."""

from __future__ import annotations

from dataclasses import dataclass

from constitution.digest import seed63, uniform


@dataclass(frozen=True, slots=True)
class Seeds:
    """Source of all choices in the chain of one record and sample."""

    run: int
    record: str
    sample: int = 0

    def sampling(self, stage: str, round: int, attempt: int) -> int:
        """The sampling seed of one attempt at one request, 63 bits."""
        return seed63("sampling", self.run, self.record, stage, round, self.sample, attempt)

    def uniform(self, what: str, round: int, item: str) -> float:
        """A number in (0, 1) for one item of one choice."""
        return uniform(what, self.run, self.record, self.sample, round, item)
