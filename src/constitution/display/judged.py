"""What a verdict, scores and the agreement with people look like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from constitution.display.blocks import Block, Column, Fold, Line, Page, Said, Section, Span, Table, Tone, line
from constitution.display.chains import asked, failed, meaning, spent
from constitution.messages import Prompt
from constitution.records import ChainResult, Trace
from constitution.steps.agreement import Agreement
from constitution.verdicts import BAND, Opinion, Reading, Scores, Verdict, sigmoid


def verdict_page(
    prompt: Prompt,
    result: ChainResult,
    verdict: Verdict,
    level: str | None,
    texts: Mapping[str, str],
    tokens: Mapping[str, Mapping[str, int]],
) -> Page:
    """One pair and what the judge said of it.

    Args:
        prompt: what was asked, with the two answers.
        result: the chain, or the error that ended it.
        verdict: on the two.
        level: that decided; None where there is none.
        texts: what each principle says, by id.
        tokens: by stage; empty where nothing was asked.
    """
    a, b = prompt.responses
    blocks: list[Block] = [Said("prompt", asked(prompt.conversation)), Said("a", line(a)), Said("b", line(b))]
    if verdict.by_principle and any(opinion.principle for opinion in verdict.by_principle):
        blocks.append(_opinions(verdict, texts))
    blocks += _thoughts(result)
    end = [Said("verdict", _verdict(verdict, level) if verdict.better else _lacking(result)), *_tokens(tokens)]
    return Page((), (*blocks, Section(tuple(end))))


def scores_page(
    prompt: Prompt,
    result: ChainResult,
    scores: Scores,
    texts: Mapping[str, str],
    tokens: Mapping[str, Mapping[str, int]],
) -> Page:
    """One answer and how well it keeps each principle; arguments as in `verdict_page`."""
    blocks: list[Block] = [Said("prompt", asked(prompt.conversation)), Said("answer", line(prompt.responses[0]))]
    if scores.by_principle:
        columns = (Column("principle"), Column("p", numbers=True), Column(""))
        rows = tuple(
            (_named(id), line(_number(odds)), (Span(texts.get(id, ""), "quiet"),)) for id, odds in scores.by_principle
        )
        blocks.append(Table("keeps", columns, rows))
    total = _lacking(result) if scores.total is None else (Span(f"{scores.total:.3g}", "strong"),)
    return Page((), (*blocks, Section((Said("total", total), *_tokens(tokens)))))


def _opinions(verdict: Verdict, texts: Mapping[str, str]) -> Table:
    columns = (Column("principle"), Column("says"), Column("p(a)", numbers=True), Column("orders"), Column(""))
    rows = tuple(
        (
            _named(opinion.principle),
            _says(opinion),
            line("" if opinion.margin is None else f"{sigmoid(opinion.margin):.2f}"),
            _orders(opinion),
            (Span(texts.get(opinion.principle, ""), "quiet"),),
        )
        for opinion in verdict.by_principle
    )
    return Table("by principle", columns, rows)


def _named(principle: str) -> Line:
    return (Span(principle, "name"),)


def _says(opinion: Opinion) -> Line:
    if not opinion.readable:
        return (Span("unreadable", "warn"),)
    said = opinion.vote or 0
    if opinion.margin is not None:
        said = 0 if abs(opinion.margin) < BAND else 1 if opinion.margin > 0 else -1
    return line("a" if said > 0 else "b" if said < 0 else "tie")


def _orders(opinion: Opinion) -> Line:
    first, second = opinion.orders
    if first is None or second is None:
        return ()
    same = (first > 0) == (second > 0) and (first < 0) == (second < 0)
    return (Span("agree", "quiet"),) if same else (Span("differ", "warn"),)


def _number(odds: float | None) -> str | Span:
    return Span("unreadable", "warn") if odds is None else f"{sigmoid(odds):.2f}"


def _verdict(verdict: Verdict, level: str | None) -> Line:
    if verdict.better == "tie":
        return line(Span("tie", "strong"), ": neither is better")
    said = [Span(f"{verdict.better} is better", "strong")]
    if level is not None:
        said.append(Span(f"  by the level {level}"))
    if verdict.margin is not None and verdict.p is not None:
        said.append(Span(f"  p(a) = {verdict.p:.2f}, margin {verdict.margin:+.2f}"))
    if verdict.position_consistent is False:
        said.append(Span("  the two orders differ", "warn"))
    return tuple(said)


def _lacking(result: ChainResult) -> Line:
    """Why there is nothing to show."""
    if not isinstance(result, Trace):
        return failed(result)
    reason = result.reason or "unreadable"
    return line(Span(reason, "warn"), f": {meaning(reason)}")


def _thoughts(result: ChainResult) -> Iterator[Block]:
    if isinstance(result, Trace):
        for reading in (reading for judged in result.judged for reading in judged.readings):
            yield from _thought(reading)


def _thought(reading: Reading) -> Iterator[Block]:
    for read in reading.reads:
        if read.thought:
            order = "b first" if read.turned else "a first"
            yield Fold(f"thoughts: {reading.principle}, {order}", (Said("", (Span(read.thought, "quiet"),)),))


def _tokens(tokens: Mapping[str, Mapping[str, int]]) -> Iterator[Block]:
    if tokens:
        yield Said("tokens", (Span(spent(tokens), "quiet"),))


def agreement_blocks(found: Agreement) -> tuple[Block, ...]:
    """How often verdicts say what people said: one line and a table."""
    names: tuple[tuple[str, int, str, Tone], ...] = (
        ("agree", found.agree, "the judge prefers what people prefer", "good"),
        ("disagree", found.disagree, "it prefers the other answer", "bad"),
        ("tie", found.tie, "it finds neither better", "plain"),
        ("order_inconsistent", found.inconsistent, "its preference changes with the order", "plain"),
        ("unreadable", found.unreadable, "its verdict cannot be read", "plain"),
        ("people tie", found.people_tie, f"people find neither better; so does it for {found.both_tie:,}", "plain"),
        ("not judged", found.not_judged, "dropped before the judge was asked, or failed", "plain"),
    )
    rows = tuple(
        ((Span(name, tone),), line(f"{count:,}"), (Span(what, "quiet"),)) for name, count, what, tone in names if count
    )
    table = Table(
        "agreement with people",
        (Column(""), Column("pairs", numbers=True), Column("")),
        rows,
        (line("all"), line(f"{found.pairs:,}"), ()),
    )
    return (Said("agreement", agreement_line(found)), table)


def agreement_line(found: Agreement) -> Line:
    """The agreement in one line."""
    if found.accuracy is None:
        return (Span("no pair that both people and the judge decided", "warn"),)
    low, high = found.interval
    share = f"{100 * found.accuracy:.1f} %"
    rest = (
        f" ({100 * low:.1f} to {100 * high:.1f}) of {found.decided:,} pairs that both decided; {found.pairs:,} in all"
    )
    return (Span(share, "strong"), Span(rest))
