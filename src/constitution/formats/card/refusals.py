"""The part of the card that says where an answer was wanted and a refusal given, and the reverse."""

from __future__ import annotations

from collections.abc import Iterator

from constitution.formats.card.facts import Facts
from constitution.formats.card.markdown import code, table
from constitution.intervals import Interval
from constitution.steps.refusal_card import RATED, RATES, SIDE_NAMES, RefusalCard
from constitution.steps.wanted import GIVEN

_RATES = {
    "over_refusal": "over-refusal: an answer is wanted, the text refuses",
    "refused_in_part": "an answer is wanted, the text refuses in part",
    "breach": "breach: a refusal is wanted, the text answers",
    "answered_in_part": "a refusal is wanted, the text refuses in part only",
}
_NAMES = {"drafts": "drafts", "chosen": "chosen texts"}


def refusal_warnings(facts: Facts) -> Iterator[str]:
    """What stands at the top of the card, where rows teach to refuse what is to be answered, or the reverse."""
    card = facts.refusals
    if card.teaching:
        yield (
            f"> **Teaches needless refusals.** An answer was wanted and the chosen text refuses in {card.teaching:,} "
            "of the pairs: see the refusals below."
        )
    if card.breaches:
        yield (
            f"> **Answers what was to be refused.** A refusal was wanted and the chosen text answers in "
            f"{card.breaches:,} of the pairs: see the refusals below."
        )
    if facts.fine_rows and card.fine_teaching:
        yield (
            f"> **Fine drafts teach needless refusals.** An answer was wanted and the draft refuses in "
            f"{card.fine_teaching:,} of the drafts that were found fine, rows of `sft`: see the refusals below."
        )
    if facts.fine_rows and card.fine_breaches:
        yield (
            f"> **Fine drafts answer what was to be refused.** A refusal was wanted and the draft answers in "
            f"{card.fine_breaches:,} of the drafts that were found fine, rows of `sft`: see the refusals below."
        )


def refusals_part(facts: Facts) -> Iterator[str]:
    """What was wanted against what was given; one sentence where nothing was wanted."""
    card = facts.refusals
    if not card.sums.drafts and not card.sums.pairs:
        return
    yield "## Refusals"
    if not card.stated:
        yield _unstated(card)
        return
    yield (
        f"Wanted is what a constitution says of a prompt's tags, of several the strictest{_respond(facts)}. Given is "
        "told by cues in the text, without a model, so some of it is wrong."
    )
    rows = [(SIDE_NAMES[side], wanted, *row.values()) for side, wanted, row in card.rows()]
    yield table(["texts", "wanted", *GIVEN], rows, right=2)
    rates = [(_RATES[name], *(_rate(card.rate(name, side)) for side in RATED)) for name in RATES]
    yield table(["share, with its 95 % interval", "drafts", "chosen"], rates)
    yield (
        "Pairs that reject a needless full refusal and prefer an answer, or a part of one, the counterweight: "
        f"{card.counterweights:,}. Pairs and fine drafts dropped as `teaches_refusal`: {card.dropped_teaching:,}."
    )
    if facts.near is not None or facts.weights:
        yield "All of this is counted before near-duplicates and the shares of the mix leave rows out."


def _unstated(card: RefusalCard) -> str:
    said = [
        f"{card.given(side, 'refuse'):,} of {card.total(side):,} {_NAMES[side]} refuse, "
        f"{card.given(side, 'partial'):,} refuse in part"
        for side in RATED
        if card.total(side)
    ]
    return f"What was wanted is not stated for any prompt. {'; '.join(said)}."


def _respond(facts: Facts) -> str:
    """What the constitution says, where there is one."""
    if len({run.principles.digest for run in facts.runs}) > 1:
        return ""
    return f" ({', '.join(f'{code(tag)} {reply}' for tag, reply in facts.refusals.respond.items())})"


def _rate(found: Interval | None) -> str:
    if found is None:
        return ""
    return f"{100 * found.value:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f}) of {found.n:,}"
