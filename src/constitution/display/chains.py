"""What a chain and its pairs look like: the draft, each round's criticism and revision, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from constitution.display.blocks import Block, Change, Fold, Line, Page, Said, Section, Span, Tone, line
from constitution.messages import Conversation, Prompt
from constitution.records import (
    REASONS,
    Candidate,
    ChainResult,
    Critique,
    Failure,
    Outcome,
    PreferencePair,
    Round,
    Trace,
)
from constitution.steps.pair import Settled
from constitution.verdicts import Opinion

MEANINGS: dict[Outcome | str, str] = {
    "paired": "gave a chosen/rejected pair",
    "fine": "nothing to mend was found",
    "dropped": "no pair is left",
    "failed": "ended by an error",
    "pending": "not finished yet",
}
TONES: dict[str, Tone] = {"paired": "good", "fine": "good", "dropped": "warn", "failed": "bad", "pending": "quiet"}
SEVERITY = ("none", "slight", "clear", "grave")


def chain_page(
    prompt: Prompt,
    result: ChainResult,
    settled: Settled,
    texts: Mapping[str, str],
    tokens: Mapping[str, Mapping[str, int]],
) -> Page:
    """One prompt and everything that was said about it.

    Args:
        prompt: what was asked.
        result: the chain, or the error that ended it.
        settled: its outcome and pairs.
        texts: what each principle says, by id.
        tokens: by stage, as `Sums` counts them; empty where nothing was asked.
    """
    blocks: list[Block] = [Said("prompt", asked(prompt.conversation))]
    if isinstance(result, Trace):
        blocks += _told(result, texts)
    end: list[Block] = [Said("outcome", _outcome(settled, result))]
    if tokens:
        end.append(Said("tokens", (Span(spent(tokens), "quiet"),)))
    return Page((), (*blocks, Section((*end, *_whole_way(settled)))))


def _told(trace: Trace, texts: Mapping[str, str]) -> Iterator[Block]:
    for candidate in trace.candidates:
        yield from _candidate(candidate, texts)
    if trace.draft is None:
        return
    yield Said("draft" if not trace.draft.given else "answer", line(trace.draft.text, _asked(trace.draft.attempts)))
    yield from _thoughts(trace.draft.reasoning)
    before = trace.draft.text
    for round in trace.rounds:
        yield Section((Said(f"round {round.number}", _drawn(round, texts)), *_round(round, before)))
        if round.revision is not None and round.revision.good:
            before = round.revision.text


def _candidate(candidate: Candidate, texts: Mapping[str, str]) -> Iterator[Block]:
    """One of several answers; one that was made under a side of a principle names it."""
    name = f"answer {candidate.number}" if candidate.given else f"candidate {candidate.number}"
    if candidate.unusable is not None:
        yield Said(name, (Span(f"not used: {meaning(candidate.unusable)}", "warn"),))
        return
    yield Said(name, line(candidate.text, _asked(candidate.attempts)))
    if candidate.principle is not None:
        how = "under" if candidate.side == "text" else "under the negation of"
        said = texts.get(candidate.principle, "")
        yield Said("", line(Span(f"{how} ", "quiet"), Span(candidate.principle, "name"), f"  {said}" if said else ""))
    yield from _thoughts(candidate.reasoning)


def _drawn(round: Round, texts: Mapping[str, str]) -> Line:
    said = texts.get(round.principle, "")
    return line(Span(round.principle, "name"), f"  {said}" if said else "")


def _round(round: Round, before: str) -> Iterator[Block]:
    if round.critique is not None:
        yield Said("criticism", _criticism(round.critique))
        yield from _thoughts(round.critique.reasoning)
    if round.revision is not None:
        if round.revision.good:
            yield Change("revision", before, round.revision.text)
        else:
            yield Said("revision", (Span(round.revision.text, "quiet"),))
        if round.revision.attempts > 1:
            yield Said("", (_asked(round.revision.attempts),))
        if round.revision.preamble is not None:
            yield Said("", line(Span("left out: ", "quiet"), Span(round.revision.preamble, "quiet")))
        if round.revision.defect is not None:
            yield Said("not used", (Span(meaning(round.revision.defect), "warn"),))
        yield from _thoughts(round.revision.reasoning)
    if round.unusable is not None:
        yield Said("not used", (Span(meaning(round.unusable), "warn"),))


def _criticism(critique: Critique) -> Line:
    finding = critique.finding
    said = line(critique.text, _asked(critique.attempts))
    if critique.truncated:
        said += (Span(" (cut at max_tokens)", "quiet"),)
    if finding is None:
        return said
    if not finding.violates:
        return line(Span("nothing violated: no revision was asked for. ", "good"), *said)
    return line(Span(f"violated, severity {finding.severity} ({SEVERITY[finding.severity]}): ", "warn"), *said)


def _asked(attempts: int) -> Span:
    return Span(f" (asked {attempts} times)" if attempts > 1 else "", "quiet")


def _thoughts(reasoning: str | None) -> Iterator[Block]:
    if reasoning:
        yield Fold("thoughts", (Said("", (Span(reasoning, "quiet"),)),))


def _whole_way(settled: Settled) -> Iterator[Block]:
    """Pairs that no single round shows: those over several revisions."""
    kept = [pair for pair in settled.proposals if isinstance(pair, PreferencePair)]
    judged = [pair for pair in kept if pair.judge is not None]
    for pair in judged:
        yield from verdict_blocks(pair)
    over_several = [pair for pair in kept if len(pair.principles) > 1 and pair not in judged]
    if over_several:
        changes = tuple(Change("pair", pair.rejected, pair.chosen, ("rejected", "chosen")) for pair in over_several)
        yield Fold("rejected to chosen, over all rounds", changes)


def verdict_blocks(pair: PreferencePair) -> Iterator[Block]:
    """What a judge said of a pair: the two texts, how sure it is, and each principle's say."""
    yield Change("pair", pair.rejected, pair.chosen, ("rejected", "chosen"))
    sure = "" if pair.p_chosen is None else f"the chosen one is better with p {pair.p_chosen:.2f}"
    margin = "" if pair.margin is None else f", margin {pair.margin:+.2f}"
    orders = {True: ", in both orders", False: ", but the orders disagree", None: ""}[pair.position_consistent]
    yield Said("verdict", line(Span(f"{sure}{margin}{orders}", "good" if pair.position_consistent else "quiet")))
    votes = [vote for vote in pair.votes if vote.principle]
    if len(votes) > 1:
        yield Fold("by principle", tuple(Said(vote.principle, (_vote(vote),)) for vote in votes))


def _vote(vote: Opinion) -> Span:
    said = vote.margin if vote.margin is not None else vote.vote
    if said is None:
        return Span("unreadable", "warn")
    return Span(f"{said:+.2f}" if vote.margin is not None else f"{said:+d}", "good" if said > 0 else "quiet")


def _outcome(settled: Settled, result: ChainResult) -> Line:
    tone = TONES[settled.outcome]
    if not isinstance(result, Trace):
        return failed(result)
    if settled.reason is None:
        return line(Span(settled.outcome, tone), f": {MEANINGS[settled.outcome]}")
    return line(Span(settled.outcome, tone), f": {settled.reason}: {meaning(settled.reason)}")


def failed(failure: Failure) -> Line:
    """The error that ended a chain."""
    said = f"failed: {failure.error} ({failure.stage}, asked {failure.attempts} times): {failure.message}"
    return (Span(said.replace("asked 1 times", "asked once"), "bad"),)


def meaning(reason: str) -> str:
    """A reason in words."""
    return REASONS.get(reason, reason)


def spent(tokens: Mapping[str, Mapping[str, int]]) -> str:
    """Requests and tokens in words."""
    total = {
        name: sum(counts[name] for counts in tokens.values()) for name in ("requests", "prompt", "cached", "output")
    }
    requests = "1 request" if total["requests"] == 1 else f"{total['requests']:,} requests"
    cached = f" ({total['cached']:,} from the cache)" if total["cached"] else ""
    return f"{requests}, {total['prompt']:,} prompt tokens{cached}, {total['output']:,} sampled"


def pair_blocks(pair: PreferencePair, texts: Mapping[str, str]) -> tuple[Block, ...]:
    """One pair: prompt, principles, and rejected against chosen."""
    said = (line(Span(id, "name"), f"  {texts[id]}" if texts.get(id) else "") for id in pair.principles)
    return (
        Said("prompt", asked(pair.conversation)),
        *(Said("principle", one) for one in said),
        Change("pair", pair.rejected, pair.chosen, ("rejected", "chosen")),
    )


def asked(conversation: Conversation) -> Line:
    """What the user said last, and how much else there is."""
    last = next((n for n in reversed(range(len(conversation))) if conversation[n].role == "user"), 0)
    before = sum(turn.role not in ("system", "developer") for turn in conversation[:last])
    after = len(conversation) - 1 - last
    parts = [f"{before} turns before" if before > 1 else "1 turn before"] if before else []
    parts += [f"{after} behind it, of calls and tools"] if after else []
    return line(Span(conversation[last].content, "strong"), Span(f"  ({', '.join(parts)})" if parts else "", "quiet"))


def choose(pairs: Sequence[PreferencePair], count: int) -> list[PreferencePair]:
    """Pairs worth showing: those whose checks the revision mended first, then the most alike, one for each prompt."""

    def rank(pair: PreferencePair) -> tuple[int, float]:
        mended = any(check.chosen_keeps and not check.rejected_keeps for check in pair.checks)
        return -mended, -pair.similarity

    shown: dict[str, PreferencePair] = {}
    for pair in sorted(pairs, key=rank):
        shown.setdefault(pair.conversation[-1].content, pair)
    return list(shown.values())[:count]
