"""What refusals look like: what was wanted against what was given, and the two rates that follow."""

from __future__ import annotations

from collections.abc import Iterator

from constitution.display.blocks import Block, Column, Line, Said, Span, Table, line
from constitution.display.labels import between, percent
from constitution.intervals import Interval
from constitution.steps.refusal_card import RATES, SIDE_NAMES, Rate, RefusalCard, Side
from constitution.steps.wanted import GIVEN, NOT_READ

NAMES = {
    "over_refusal": "over-refusal",
    "refused_in_part": "refused in part",
    "breach": "breach",
    "answered_in_part": "answered in part",
}
"""Of rates, as people read them."""
BAD: tuple[Rate, ...] = ("over_refusal", "breach")
"""Rates that are wrong in full."""


def refusal_blocks(card: RefusalCard) -> Iterator[Block]:
    """The refusal card of a run; one line where nothing is wanted of its prompts."""
    if card.uncounted:
        chunks = "chunk is" if card.uncounted == 1 else "chunks are"
        yield Said("", line(Span(f"refusals not counted: {card.uncounted:,} {chunks} not finished", "warn")))
    if not card.sums.drafts and not card.sums.pairs:
        return
    if not card.stated:
        yield Said("refusals", line(unstated(card)))
        return
    yield _table(card)
    rates = list(card.rates())
    if rates:
        columns = (Column("rate"), Column("of"), Column("", numbers=True), Column("95 % interval", numbers=True),
                   Column("texts", numbers=True))  # fmt: skip
        yield Table("over-refusal: answer wanted, refuse given; breach: the reverse", columns, tuple(_rates(rates)))
    yield Said("refusals", line(counterweight(card)))
    for told in warnings(card):
        yield Said("!", line(Span(told, "warn")))


def unstated(card: RefusalCard) -> str:
    """What is told where nothing is wanted of any prompt."""
    why = "no prompt has a tag that `respond` names" if card.respond else "the constitution has no `respond`"
    found = ", ".join(_refusing(card, side) for side in ("drafts", "chosen") if card.total(side))
    return f"{found}; what was wanted is not stated: {why}"


def counterweight(card: RefusalCard) -> str:
    """How many pairs teach to answer where an answer is wanted, and how much was dropped for teaching the reverse."""
    return (
        f"{_pairs(card.counterweights)} {'rejects' if card.counterweights == 1 else 'reject'} a needless refusal; "
        f"{card.dropped_teaching:,} dropped as teaches_refusal"
    )


def warnings(card: RefusalCard) -> Iterator[str]:
    """What rows to train on teach that is wrong: kept pairs and fine drafts together."""
    if card.teaching + card.fine_teaching:
        teach = _who(card.teaching, card.fine_teaching, "teaches", "teach")
        yield f"{teach} to refuse where an answer is wanted"
    if card.breaches + card.fine_breaches:
        answer = _who(card.breaches, card.fine_breaches, "answers", "answer")
        yield f"{answer} where a refusal is wanted"


def _who(pairs: int, fine: int, one: str, many: str) -> str:
    """Whoever does it, with the verb."""
    who = " and ".join(([_pairs(pairs)] if pairs else []) + ([_fine(fine)] if fine else []))
    return f"{who} {one if pairs + fine == 1 else many}"


def _pairs(n: int) -> str:
    return "1 kept pair" if n == 1 else f"{n:,} kept pairs"


def _fine(n: int) -> str:
    return "1 fine draft" if n == 1 else f"{n:,} fine drafts"


def _refusing(card: RefusalCard, side: Side) -> str:
    name = "drafts" if side == "drafts" else "chosen texts"
    return (
        f"{card.given(side, 'refuse'):,} of {card.total(side):,} {name} refuse "
        f"({card.given(side, 'partial'):,} more in part)"
    )


def _table(card: RefusalCard) -> Table:
    rows = list(card.rows())
    given = [name for name in GIVEN if name != NOT_READ or any(row[name] for _, _, row in rows)]
    columns = (Column("texts"), Column("wanted"), *(Column(name, numbers=True) for name in given))
    shown: list[tuple[Line, ...]] = []
    last = ""
    for side, wanted, row in rows:
        shown.append(
            (
                line("" if side == last else SIDE_NAMES[side]),
                line(wanted),
                *(_cell(side, wanted, name, row) for name in given),
            )
        )
        last = side
    return Table("wanted against given", columns, tuple(shown))


def _cell(side: Side, wanted: str, given: str, row: dict[str, int]) -> Line:
    """A count; what is wrong in full is told from the rest, but rejected texts may be wrong."""
    wrong = side != "rejected" and row[given] > 0 and (wanted, given) in [RATES[name] for name in BAD]
    return line(Span(f"{row[given]:,}", "warn" if wrong else "plain"))


def _rates(rates: list[tuple[Rate, Side, Interval]]) -> Iterator[tuple[Line, ...]]:
    last = ""
    for name, side, found in rates:
        yield (
            line("" if name == last else NAMES[name]),
            line(side),
            line(Span(percent(found.value), "warn" if name in BAD and found.value > 0 else "plain")),
            line(between(found)),
            line(f"{found.n:,}"),
        )
        last = name
