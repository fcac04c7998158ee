"""Sums of a run: every input in exactly one place, every pair and every token counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from constitution.checks import Check, keeps
from constitution.engine import Completion
from constitution.principles import Reply
from constitution.records import REASONS, ChainResult, Dropped, Failure, Trace
from constitution.steps.confirm import FLAGS
from constitution.steps.filter import FILTERS, NEAR_COPY
from constitution.steps.label import Labelling
from constitution.steps.label_sums import LabelSums
from constitution.steps.pair import Settled
from constitution.steps.refusal_sums import RefusalSums

if TYPE_CHECKING:
    from constitution.store.journal import AnswerEvent, DoneEvent

SIGNS = {
    "given_answers": "drafts that came with the inputs; no model was asked for them",
    "preambles": "introductions and closing remarks that were stripped from revisions",
    "near_copies": "kept pairs whose texts share 90 % of their word trigrams",
    "truncated_critiques": "critiques that were cut at max_tokens and used as they are",
    "contradicting_findings": "findings of a violation that does not apply, or of severity 0",
    "reused_answers": "answers taken from another run",
    "failed_chains": "chains that an error ended, of inputs with several samples too; --retry-failed asks them again",
}
"""What `Sums.signs` counts, besides `rounds_lost_REASON` and `flagged_FILTER`."""
FLAGGED = "flagged_"


def sign_meanings() -> dict[str, str]:
    """What each name in `Sums.signs` means."""
    flags = {**REASONS, **{name: filter.about for name, filter in FILTERS.items()}, **FLAGS}
    return {
        **SIGNS,
        **{f"rounds_lost_{reason}": f"rounds that gave nothing: {meaning}" for reason, meaning in REASONS.items()},
        **{FLAGGED + name: f"kept pairs with this flag: {meaning}" for name, meaning in flags.items()},
    }


COUNTED = ("requests", "prompt", "cached", "output", "asked_again")
"""Of each stage: requests, tokens of their prompts, of those from the cache, sampled tokens, repeated requests."""


@dataclass
class Sums:
    """Counts of a chunk or of a run; `+=` with `add`."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """Inputs by outcome."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Dropped and failed inputs by reason."""
    pairs_proposed: int = 0
    pairs_kept: int = 0
    pairs_dropped: Counter[str] = field(default_factory=Counter)
    tokens: dict[str, Counter[str]] = field(default_factory=dict)
    checks: dict[str, Counter[str]] = field(default_factory=dict)
    """By principle: `texts` revised under it, how many kept it `before` and `after`."""
    signs: Counter[str] = field(default_factory=Counter)
    """What was seen in the chains, by the names of SIGNS."""
    labels: LabelSums | None = None
    """What a judge did; None where nobody judged, or where an older version counted."""
    refusals: RefusalSums | None = None
    """What was wanted and given; None where no input is counted, or where an older version counted."""

    def add(self, other: Sums) -> None:
        """Add the counts of another part."""
        self.outcomes.update(other.outcomes)
        self.reasons.update(other.reasons)
        self.pairs_proposed += other.pairs_proposed
        self.pairs_kept += other.pairs_kept
        self.pairs_dropped.update(other.pairs_dropped)
        self.signs.update(other.signs)
        for mine, theirs in ((self.tokens, other.tokens), (self.checks, other.checks)):
            for name, counts in theirs.items():
                mine.setdefault(name, Counter()).update(counts)
        if other.labels is not None:
            self.labels = self.labels or LabelSums()
            self.labels.add(other.labels)
        if other.refusals is not None:
            self.refusals = self.refusals or RefusalSums()
            self.refusals.add(other.refusals)

    def count_label(self, result: ChainResult, labelling: Labelling) -> None:
        """Count what a judge said in one chain."""
        self.labels = self.labels or LabelSums()
        self.labels.count(result, labelling)

    def count_refusals(self, chains: Sequence[ChainResult], settled: Settled, respond: Mapping[str, Reply]) -> None:
        """Count what was wanted of one finished input, and what was given."""
        self.refusals = self.refusals or RefusalSums()
        self.refusals.count(chains, settled, respond)

    def count_input(self, settled: Settled) -> None:
        """Count one finished input and the pairs that it proposed."""
        self.outcomes[settled.outcome] += 1
        if settled.reason is not None:
            self.reasons[settled.reason] += 1
        for proposal in settled.proposals:
            self.pairs_proposed += 1
            if isinstance(proposal, Dropped):
                self.pairs_dropped[proposal.reason] += 1
            else:
                self.pairs_kept += 1
                self.signs["near_copies"] += proposal.similarity >= NEAR_COPY
                self.signs.update(FLAGGED + name for name in proposal.flags)

    def count_answer(self, stage: str, attempt: int, completion: Completion) -> None:
        """Count the tokens of one answer."""
        counts = self.tokens.setdefault(stage, Counter())
        counts["requests"] += 1
        counts["prompt"] += completion.prompt_tokens
        counts["cached"] += completion.cached_tokens
        counts["output"] += completion.output_tokens
        counts["asked_again"] += attempt > 1

    def count_event(self, event: AnswerEvent) -> None:
        """Count a journalled answer; one that was copied from another run was paid for there."""
        if event.reused:
            self.signs["reused_answers"] += 1
        else:
            self.count_answer(event.stage, event.attempt, event.completion)

    def count_done(self, done: DoneEvent) -> None:
        """Count an input that a journal says is finished."""
        self.outcomes[done.outcome] += 1
        if done.reason is not None:
            self.reasons[done.reason] += 1
        self.pairs_proposed += len(done.pairs)
        self.pairs_kept += done.pairs.count(None)
        self.pairs_dropped.update(reason for reason in done.pairs if reason is not None)

    def count_chain(self, result: ChainResult, checks: Mapping[str, tuple[Check, ...]]) -> None:
        """Count what code sees in one chain."""
        self.signs["failed_chains"] += isinstance(result, Failure)
        if not isinstance(result, Trace) or result.draft is None:
            return
        self.signs["given_answers"] += result.draft.given
        for round in result.rounds:
            lost = round.unusable or (round.revision.defect if round.revision else None)
            if lost is not None:
                self.signs[f"rounds_lost_{lost}"] += 1
            self.signs["preambles"] += round.revision is not None and round.revision.preamble is not None
            if round.critique is not None:
                self.signs["truncated_critiques"] += round.critique.truncated
                finding = round.critique.finding
                self.signs["contradicting_findings"] += finding is not None and finding.contradicts_itself
        good = result.good_rounds
        if not good or result.final is None:
            return
        for id in dict.fromkeys(round.principle for round in good):
            if id in checks:
                counts = self.checks.setdefault(id, Counter())
                counts["texts"] += 1
                counts["before"] += keeps(checks[id], result.draft.text)
                counts["after"] += keeps(checks[id], result.final)

    def to_json(self) -> dict[str, Any]:
        """Plain data; zeros are left out of the counters."""
        return {
            "outcomes": _plain(self.outcomes),
            "reasons": _plain(self.reasons),
            "pairs": {"proposed": self.pairs_proposed, "kept": self.pairs_kept, "dropped": _plain(self.pairs_dropped)},
            "tokens": {stage: {name: counts[name] for name in COUNTED} for stage, counts in self.tokens.items()},
            "checks": {
                id: {name: self.checks[id][name] for name in ("texts", "before", "after")} for id in sorted(self.checks)
            },
            "signs": _plain(self.signs),
            **({} if self.labels is None else {"labels": self.labels.to_json()}),
            **({} if self.refusals is None else {"refusals": self.refusals.to_json()}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Sums:
        """The inverse of `to_json`."""
        pairs = data["pairs"]
        return cls(
            outcomes=Counter(data["outcomes"]),
            reasons=Counter(data["reasons"]),
            pairs_proposed=pairs["proposed"],
            pairs_kept=pairs["kept"],
            pairs_dropped=Counter(pairs["dropped"]),
            tokens={stage: Counter(counts) for stage, counts in data["tokens"].items()},
            checks={id: Counter(counts) for id, counts in data["checks"].items()},
            signs=Counter(data["signs"]),
            labels=LabelSums.from_json(data["labels"]) if "labels" in data else None,
            refusals=RefusalSums.from_json(data["refusals"]) if "refusals" in data else None,
        )


def _plain(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts) if counts[name]}
