"""What was wanted and what was given, counted: sums of a chunk, of a run, of several. Pure.

Everything is a whole number, so that sums of parts are exactly the sum of the whole, in any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from constitution.principles import Reply
from constitution.records import ChainResult, PreferencePair, Trace
from constitution.steps.filter.known import ABOUT_REFUSALS
from constitution.steps.label import usable_candidates
from constitution.steps.pair import Settled, draft_defect
from constitution.steps.refusals.pairs import refusal_kind
from constitution.steps.wanted import given, stated, wanted

BETWEEN = "/"
"""Parts the words of a cell."""


@dataclass
class RefusalSums:
    """Counts of finished inputs; `+=` with `add`. A cell names what was wanted first, in words of `steps.wanted`."""

    drafts: Counter[str] = field(default_factory=Counter)
    """`wanted/given` of the first draft of each input that has a usable one in a chain that no error ended."""
    pairs: Counter[str] = field(default_factory=Counter)
    """`wanted/rejected/chosen` of each kept pair."""
    fine: Counter[str] = field(default_factory=Counter)
    """`wanted/given` of the last text of each chain that found nothing to mend: a row of `sft`, without a pair."""
    flagged: Counter[str] = field(default_factory=Counter)
    """Kept pairs by filter, of those about refusals."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Dropped pairs by filter, of those about refusals."""
    turned_down: Counter[str] = field(default_factory=Counter)
    """Chains whose draft was found fine, and is no row to train on for what a filter about refusals saw."""

    def add(self, other: RefusalSums) -> None:
        """Add the counts of another part."""
        for each in fields(self):
            getattr(self, each.name).update(getattr(other, each.name))

    def count(self, chains: Sequence[ChainResult], settled: Settled, respond: Mapping[str, Reply]) -> None:
        """Count one finished input.

        Args:
            chains: all of them.
            settled: what became of the input and of each of them, as `settle_input` says it.
            respond: the kind of reply that each tag deserves.
        """
        draft = next((found for chain in chains if (found := _draft(chain)) is not None), None)
        if draft is not None:
            trace, text = draft
            self.drafts[_cell(stated(wanted(trace.tags, respond)), given(refusal_kind(text)))] += 1
        for proposal in settled.proposals:
            if isinstance(proposal, PreferencePair):
                refusals = (proposal.rejected_refusal, proposal.chosen_refusal)
                self.pairs[_cell(stated(proposal.wanted), *map(given, refusals))] += 1
                self.flagged.update(name for name in proposal.flags if name in ABOUT_REFUSALS)
            elif proposal.reason in ABOUT_REFUSALS:
                self.dropped[proposal.reason] += 1
        for chain, became in zip(chains, settled.chains, strict=True):
            if isinstance(chain, Trace):
                self._count_alone(chain, became, respond)

    def _count_alone(self, chain: Trace, became: Settled, respond: Mapping[str, Reply]) -> None:
        """Count a text that was to be trained on by itself."""
        if became.outcome == "fine" and chain.final is not None:
            self.fine[_cell(stated(wanted(chain.tags, respond)), given(refusal_kind(chain.final)))] += 1
        elif not became.proposals and became.reason in ABOUT_REFUSALS:
            self.turned_down[became.reason] += 1

    def to_json(self) -> dict[str, Any]:
        """Plain data; zeros are left out."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RefusalSums:
        """The inverse of `to_json`."""
        return cls(**{each.name: Counter(data[each.name]) for each in fields(cls)})


def _draft(chain: ChainResult) -> tuple[Trace, str] | None:
    """A chain and what its model first said, where that can be used.

    Answers that were made under a principle or its negation are no drafts: nobody would have got them.
    """
    if not isinstance(chain, Trace):
        return None
    if chain.draft is not None:
        return None if draft_defect(chain.draft.text) else (chain, chain.draft.text)
    return next(((chain, each.text) for each in usable_candidates(chain.candidates) if each.side is None), None)


def _cell(*words: str) -> str:
    return BETWEEN.join(words)


def _plain(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts) if counts[name]}
