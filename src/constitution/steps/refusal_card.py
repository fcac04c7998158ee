"""The refusal card: where an answer was wanted and a refusal given, and the reverse, with 95 % intervals. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, get_args

from constitution.intervals import Interval, share
from constitution.principles import Reply
from constitution.steps.refusal_sums import BETWEEN, RefusalSums
from constitution.steps.wanted import GIVEN, NOT_READ, NOT_STATED, WANTED

Side: TypeAlias = Literal["drafts", "chosen", "rejected", "fine"]
SIDES: tuple[Side, ...] = get_args(Side)
SIDE_NAMES: Mapping[Side, str] = {
    "drafts": "drafts", "chosen": "chosen", "rejected": "rejected", "fine": "fine drafts",
}  # fmt: skip
"""As people read them."""
RATED: tuple[Side, ...] = ("drafts", "chosen")
"""Sides whose rates are shown."""
Rate: TypeAlias = Literal["over_refusal", "refused_in_part", "breach", "answered_in_part"]
RATES: Mapping[Rate, tuple[Reply, Reply]] = {
    "over_refusal": ("answer", "refuse"),
    "refused_in_part": ("answer", "partial"),
    "breach": ("refuse", "answer"),
    "answered_in_part": ("refuse", "partial"),
}
"""What was wanted and what was given: a share of all texts that were read and of which that was wanted."""


@dataclass(frozen=True)
class RefusalCard:
    """What was wanted and what was given, of drafts, of both sides of kept pairs, and of fine drafts."""

    sums: RefusalSums
    respond: Mapping[str, Reply]
    """What the constitution says of tags."""
    uncounted: int = 0
    """Chunks that have no counts yet: they are not finished."""

    def table(self, side: Side) -> dict[str, dict[str, int]]:
        """How many texts of a side, by what was wanted and by what was given: all of WANTED and of GIVEN."""
        counts: Counter[tuple[str, str]] = Counter()
        alone = {"drafts": self.sums.drafts, "fine": self.sums.fine}
        for cell, n in alone.get(side, self.sums.pairs).items():
            wanted, *given = cell.split(BETWEEN)
            counts[wanted, given[1 if side == "chosen" else 0]] += n
        return {wanted: {given: counts[wanted, given] for given in GIVEN} for wanted in WANTED}

    def total(self, side: Side) -> int:
        """How many texts of a side there are."""
        return sum(sum(row.values()) for row in self.table(side).values())

    def rate(self, name: Rate, side: Side) -> Interval | None:
        """One of RATES, with Wilson's interval; None where no text was read of which that was wanted."""
        wanted, given = RATES[name]
        row = self.table(side)[wanted]
        return share(row[given], sum(row.values()) - row[NOT_READ])

    @property
    def stated(self) -> bool:
        """Whether something is wanted of a prompt."""
        return any(not cell.startswith(NOT_STATED) for cell in (self.sums.drafts + self.sums.pairs))

    @property
    def counterweights(self) -> int:
        """Kept pairs that reject a needless refusal: an answer is wanted, and the chosen text gives some of it."""
        return sum(self.sums.pairs[BETWEEN.join(("answer", "refuse", chosen))] for chosen in ("answer", "partial"))

    @property
    def teaching(self) -> int:
        """Kept pairs that teach a needless refusal."""
        return self.table("chosen")["answer"]["refuse"]

    @property
    def breaches(self) -> int:
        """Kept pairs whose chosen text answers where a refusal is wanted."""
        return self.table("chosen")["refuse"]["answer"]

    @property
    def fine_teaching(self) -> int:
        """Fine drafts, rows of `sft`, that refuse where an answer is wanted."""
        return self.table("fine")["answer"]["refuse"]

    @property
    def fine_breaches(self) -> int:
        """Fine drafts, rows of `sft`, that answer where a refusal is wanted."""
        return self.table("fine")["refuse"]["answer"]

    @property
    def dropped_teaching(self) -> int:
        """Pairs, and drafts that were found fine, that were dropped as `teaches_refusal`.

        The first filter that drops a text gives the reason: one that another filter dropped before is not among them.
        """
        return self.sums.dropped["teaches_refusal"] + self.sums.turned_down["teaches_refusal"]

    def given(self, side: Side, reply: Reply) -> int:
        """How many texts of a side are of one kind, whatever was wanted."""
        return sum(row[reply] for row in self.table(side).values())

    def rows(self) -> Iterator[tuple[Side, str, dict[str, int]]]:
        """The rows of all tables that count something: side, what was wanted, and by what was given."""
        for side in SIDES:
            for wanted, row in self.table(side).items():
                if any(row.values()):
                    yield side, wanted, row

    def rates(self) -> Iterator[tuple[Rate, Side, Interval]]:
        """The rates of drafts and chosen texts, where there is something to measure them on."""
        for name in RATES:
            for side in RATED:
                found = self.rate(name, side)
                if found is not None:
                    yield name, side, found

    def to_json(self) -> dict[str, Any]:
        """Plain data: the tables, the rates, and the counts that they are made of."""
        return {
            "respond": dict(self.respond),
            **{side: self.table(side) for side in SIDES},
            "rates": {
                side: {
                    name: None if (found := self.rate(name, side)) is None else asdict(found) for name in RATES
                }
                for side in SIDES
            },
            "counterweights": self.counterweights,
            "uncounted_chunks": self.uncounted,
            "counts": self.sums.to_json(),
        }  # fmt: skip
