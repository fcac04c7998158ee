"""Pair: chosen/rejected pairs of a trace, by policy. Pure functions; no engine is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from constitution.checks import Check
from constitution.principles import Reply
from constitution.records import OUTCOMES, ChainResult, Dropped, Failure, Outcome, PreferencePair, Trace
from constitution.steps.confirm import Confirming, check_results, confirm
from constitution.steps.filter import Sieve, leaks, normalised, same_text, trigram_jaccard
from constitution.steps.label import Labelling, labelled_pairs, usable_candidates
from constitution.steps.refusals.pairs import with_refusals

PairPolicy: TypeAlias = Literal["first_last", "adjacent", "all"]
PAIR_POLICIES: tuple[str, ...] = get_args(PairPolicy)
Proposal: TypeAlias = PreferencePair | Dropped


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which pairs are made of a trace, and which of them are kept."""

    policy: PairPolicy = "first_last"
    confirming: Confirming = field(default_factory=Confirming)
    labelling: Labelling = field(default_factory=Labelling)
    """Of judged candidates."""
    sieve: Sieve = field(default_factory=Sieve)
    respond: Mapping[str, Reply] = field(default_factory=lambda: MappingProxyType({}))
    """The kind of reply that a tagged prompt deserves, as the constitution states it."""


@dataclass(frozen=True, slots=True)
class _Text:
    round: int
    text: str


def pairs(trace: Trace, pairing: Pairing, checks: Mapping[str, tuple[Check, ...]]) -> tuple[Proposal, ...]:
    """All pairs that the policy proposes of a trace, each kept or dropped with its reason.

    Args:
        trace: one chain.
        pairing: policy and filters.
        checks: the checks of each principle that has some, by its id.

    Returns:
        `first_last`: at most one, the draft against the last good revision. `adjacent`: each revision against the good
        text before it. `all`: each good text against each later one, and one dropped proposal for each bad revision.
    """
    if trace.draft is None or draft_defect(trace.draft.text):
        return ()
    good = [_Text(0, trace.draft.text)]
    proposed: list[tuple[_Text, _Text] | Dropped] = []
    last_defect: str | None = None
    for round in trace.rounds:
        if round.revision is None:
            continue
        last_defect = round.revision.defect
        if round.revision.defect is None:
            good.append(_Text(round.number, round.revision.text))
            if pairing.policy == "adjacent":
                proposed.append((good[-2], good[-1]))
        elif pairing.policy != "first_last":
            proposed.append(Dropped(round.revision.defect, f"round {round.number}"))
    if pairing.policy == "all":
        proposed.extend(combinations(good, 2))
    if pairing.policy == "first_last" and last_defect is not None and len(good) == 1:
        proposed.append(Dropped(last_defect))
    if pairing.policy == "first_last" and len(good) > 1:
        proposed.append((good[0], good[-1]))
    given = {(normalised(p[0].text), normalised(p[1].text)) for p in proposed if not isinstance(p, Dropped)}
    return tuple(
        item if isinstance(item, Dropped) else _placed(_decide(trace, index, *item, pairing, checks, given), *item)
        for index, item in enumerate(proposed)
    )


def _placed(found: Proposal, rejected: _Text, chosen: _Text) -> Proposal:
    """A dropped pair that tells which two texts it had."""
    return replace(found, rounds=(rejected.round, chosen.round)) if isinstance(found, Dropped) else found


def draft_defect(text: str) -> str | None:
    """Why a draft can be neither side of a pair (law 8), or None."""
    if not normalised(text):
        return "empty"
    return "leak" if leaks(text) else None


def _decide(
    trace: Trace,
    index: int,
    rejected: _Text,
    chosen: _Text,
    pairing: Pairing,
    checks: Mapping[str, tuple[Check, ...]],
    given: set[tuple[str, str]],
) -> Proposal:
    if same_text(rejected.text, chosen.text):
        return Dropped("equal")
    if not normalised(rejected.text) or not normalised(chosen.text):
        return Dropped("empty")
    if (normalised(chosen.text), normalised(rejected.text)) in given:
        return Dropped("contradictory")
    between = tuple(r.principle for r in trace.good_rounds if rejected.round < r.number <= chosen.round)
    made = PreferencePair(
        record=trace.record,
        sample=trace.sample,
        index=index,
        conversation=trace.conversation,
        chosen=chosen.text,
        rejected=rejected.text,
        principles=between,
        rounds=(rejected.round, chosen.round),
        similarity=trigram_jaccard(rejected.text, chosen.text),
        checks=check_results(trace, rejected.text, chosen.text, checks),
        tags=trace.tags,
        metadata=trace.metadata,
        tools=trace.tools,
    )
    return confirm(made, trace, pairing.confirming, pairing.labelling)


def contrast_pairs(trace: Trace, pairing: Pairing, checks: Mapping[str, tuple[Check, ...]]) -> tuple[Proposal, ...]:
    """The pair of two candidates that were made under the two sides of a principle."""
    sides = {candidate.side: candidate for candidate in trace.candidates}
    chosen, rejected = sides["text"], sides["negation"]
    if len(usable_candidates(trace.candidates)) < 2:
        return ()
    made = PreferencePair(
        record=trace.record,
        sample=trace.sample,
        index=0,
        conversation=trace.conversation,
        chosen=chosen.text,
        rejected=rejected.text,
        principles=(chosen.principle,) if chosen.principle else (),
        rounds=(rejected.number, chosen.number),
        similarity=trigram_jaccard(rejected.text, chosen.text),
        checks=check_results(trace, rejected.text, chosen.text, checks),
        tags=trace.tags,
        metadata=trace.metadata,
        tools=trace.tools,
    )
    return (confirm(made, trace, pairing.confirming, pairing.labelling),)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one chain, or of one input."""

    outcome: Outcome
    reason: str | None
    """One of REASONS where it was dropped, the class of the error where it failed."""
    proposals: tuple[Proposal, ...] = ()
    detail: str = ""
    """More about the reason."""
    chains: tuple[Settled, ...] = field(default=(), compare=False, repr=False)
    """Of an input: what became of each of its chains, in their order."""


def settle_chain(result: ChainResult, pairing: Pairing, checks: Mapping[str, tuple[Check, ...]]) -> Settled:
    """Sort one chain: paired, fine, dropped or failed (law 4)."""
    if isinstance(result, Failure):
        return Settled("failed", result.error)
    if result.reason is not None:
        return Settled("dropped", result.reason)
    if result.candidates:
        return _settled(_sifted(_of_candidates(result, pairing, checks), result, pairing), "too_few")
    defect = draft_defect(result.draft.text) if result.draft else "empty"
    if defect:
        return Settled("dropped", defect)
    unusable = next((round.unusable for round in result.rounds if round.unusable), None)
    settled = _settled(_sifted(pairs(result, pairing, checks), result, pairing), unusable)
    poor = _alone(result, pairing) if settled.outcome == "fine" else None
    return settled if poor is None else Settled("dropped", poor.reason, detail=poor.detail)


def _sifted(proposals: tuple[Proposal, ...], trace: Trace, pairing: Pairing) -> tuple[Proposal, ...]:
    """Proposals as filters let them pass; kept ones have their kinds of reply, dropped ones tell whose they are."""
    sifted = (
        pairing.sieve(with_refusals(proposal, pairing.respond)) if isinstance(proposal, PreferencePair) else proposal
        for proposal in proposals
    )
    return tuple(replace(each, sample=trace.sample) if isinstance(each, Dropped) else each for each in sifted)


def _alone(trace: Trace, pairing: Pairing) -> Dropped | None:
    """Why the last good text of a chain that found nothing to mend is not worth training on."""
    if trace.final is None or not pairing.sieve.looks_alone:
        return None
    shown = PreferencePair(trace.record, trace.sample, 0, trace.conversation, trace.final, "", (), (0, 0), 0.0,
                           tags=trace.tags, metadata=trace.metadata, tools=trace.tools)  # fmt: skip
    return pairing.sieve.alone(with_refusals(shown, pairing.respond))


def _of_candidates(trace: Trace, pairing: Pairing, checks: Mapping[str, tuple[Check, ...]]) -> tuple[Proposal, ...]:
    if all(candidate.side is not None for candidate in trace.candidates):
        return contrast_pairs(trace, pairing, checks)
    return labelled_pairs(trace, pairing.labelling)


def _settled(proposals: tuple[Proposal, ...], without: str | None) -> Settled:
    """What proposals make of a chain; `without` is the reason where there is none, None where that is fine."""
    if any(isinstance(proposal, PreferencePair) for proposal in proposals):
        return Settled("paired", None, proposals)
    for proposal in proposals:
        if isinstance(proposal, Dropped):
            return Settled("dropped", proposal.reason, proposals, proposal.detail)
    return Settled("dropped", without) if without else Settled("fine", None)


def settle_input(chains: Sequence[Settled]) -> Settled:
    """Sort one input by its chains: paired if any gives a pair, else fine, else dropped, else failed.

    The reason is that of its first chain with this outcome.
    """
    for outcome in OUTCOMES:
        for chain in chains:
            if chain.outcome == outcome:
                every = tuple(proposal for each in chains for proposal in each.proposals)
                return Settled(chain.outcome, chain.reason, every, chain.detail, tuple(chains))
    raise ValueError("an input has at least one chain")
