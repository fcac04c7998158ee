"""What a run looks like: what became of its inputs, why, what was spent, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from constitution.display.blocks import (
    Block,
    Column,
    Line,
    Page,
    Said,
    Section,
    Share,
    Shares,
    Span,
    Table,
    line,
)
from constitution.display.chains import MEANINGS, pair_blocks
from constitution.display.labels import label_blocks
from constitution.display.wanted import refusal_blocks
from constitution.display.words import beginning
from constitution.records import OUTCOMES, REASONS, PreferencePair
from constitution.steps.label_card import LabelCard
from constitution.steps.refusal_card import RefusalCard
from constitution.store.sums import sign_meanings

MOST_OF_CAUSE = 400
"""Characters of an error's message."""


def run_page(
    summary: Mapping[str, Any],
    *,
    path: str,
    next: str = "",
    pairs: Iterable[PreferencePair] = (),
    texts: Mapping[str, str] | None = None,
    labels: LabelCard | None = None,
    refusals: RefusalCard | None = None,
    against: Iterable[Block] = (),
    causes: Mapping[str, str] | None = None,
) -> Page:
    """A run.

    Args:
        summary: as `Run.summary` gives it.
        path: the run's folder, as it was named.
        next: the command that a user types next; none where it is empty.
        pairs: some pairs to show.
        texts: what each principle says, by id.
        labels: what a judge's labels are worth.
        refusals: what was wanted and what was given.
        against: what another run's judge says of the same pairs.
        causes: one message of each class of error that ended inputs.
    """
    judged = () if labels is None else label_blocks(labels)
    wanted = () if refusals is None else refusal_blocks(refusals)
    sections = [Section(pair_blocks(pair, texts or {})) for pair in pairs]
    parts = (*_facts(summary, path), *_sums(summary, causes or {}), *wanted, *judged, *against, *sections, *_next(next))
    return Page(_headline(summary), parts)


def _headline(summary: Mapping[str, Any]) -> Line:
    constitution = summary["constitution"]
    complete = summary["pending"] == 0
    how = summary.get("recipe", "")
    if summary.get("rounds"):
        how += ", 1 round" if summary["rounds"] == 1 else f", {summary['rounds']} rounds"
    return line(
        Span(f"{constitution['name']} {constitution['version']}", "strong"),
        Span(f"  {how}  " if how else "  ", "quiet"),
        Span("complete" if complete else f"not complete: {summary['pending']:,} inputs are pending",
             "good" if complete else "warn"),
    )  # fmt: skip


def _facts(summary: Mapping[str, Any], path: str) -> Iterator[Block]:
    yield Said("run", line(path))
    models: dict[str, list[str]] = {}
    for role, model in summary.get("models", {}).items():
        models.setdefault(model, []).append(role)
    for model, roles in models.items():
        yield Said("model", line(model, Span(f"  ({', '.join(roles)})" if len(models) > 1 else "", "quiet")))
    yield Said("time", line(_time(summary)))
    if summary.get("cost") is not None:
        yield Said("cost", line(money(summary["cost"]), Span("  by the prices that the run began with", "quiet")))


def _time(summary: Mapping[str, Any]) -> str:
    seconds = summary["seconds"]
    if not seconds:
        return "not known"
    done = summary["inputs"] - summary["pending"]
    sampled = sum(counts["output"] for counts in summary["tokens"].values())
    rates = (
        f"{done / seconds:,.2g} inputs a second" if done / seconds < 10 else f"{done / seconds:,.0f} inputs a second"
    )
    return f"{clock(seconds)}, {rates}" + (f", {sampled / seconds:,.0f} sampled tokens a second" if sampled else "")


def clock(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds) // 60
    hours = f"{minutes // 60:,} h " if minutes >= 60 else ""
    return f"{hours}{minutes % 60} min {round(seconds) % 60} s"


def money(amount: float) -> str:
    """An amount in the currency of the prices."""
    return "under 0.01" if 0 < amount < 0.01 else f"{amount:,.2f}"


def _sums(summary: Mapping[str, Any], causes: Mapping[str, str]) -> Iterator[Block]:
    yield sums_block(summary)
    pairs = summary["pairs"]
    dropped = sum(pairs["dropped"].values())
    yield Said("pairs", line(f"{pairs['proposed']:,} proposed = {pairs['kept']:,} kept + {dropped:,} dropped"))
    if summary["reasons"]:
        told = {error: beginning(message, MOST_OF_CAUSE) for error, message in causes.items()}
        yield reasons_block(summary["reasons"], {**told, **REASONS}, "why dropped or failed")
    if pairs["dropped"] and pairs["dropped"] != summary["reasons"]:
        yield reasons_block(pairs["dropped"], REASONS, "why pairs were dropped")
    if summary.get("checks"):
        yield checks_block(summary["checks"])
    if summary["signs"]:
        yield reasons_block(summary["signs"], sign_meanings(), "seen in the chains")
    if summary["tokens"]:
        yield tokens_block(summary["tokens"])


def _next(command: str) -> Iterator[Block]:
    if command:
        yield Section((Said("next", (Span(command, "name"),)),))


def sums_block(summary: Mapping[str, Any]) -> Shares:
    """Inputs by outcome; they add up."""
    return Shares("inputs", tuple(Share(name, summary[name], MEANINGS[name]) for name in (*OUTCOMES, "pending")))


def reasons_block(reasons: Mapping[str, int], meanings: Mapping[str, str], title: str) -> Table:
    """Reasons with their counts, most frequent first."""
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return Table(
        title,
        (Column(""), Column("", numbers=True), Column("")),
        tuple(
            (line(reason), line(f"{count:,}"), (Span(meanings.get(reason, ""), "quiet"),)) for reason, count in ranked
        ),
    )


def checks_block(checks: Mapping[str, Mapping[str, int]]) -> Table:
    """By principle: how many drafts and how many last revisions keep it, counted by code."""
    total = {name: sum(counts[name] for counts in checks.values()) for name in ("texts", "before", "after")}
    return Table(
        "kept by principle, counted by code",
        (Column(""), *(Column(name, numbers=True) for name in ("texts", "drafts", "revisions", "change"))),
        tuple((line(id), *_kept(counts)) for id, counts in sorted(checks.items())),
        (line("all"), *_kept(total)),
    )


def _kept(counts: Mapping[str, int]) -> tuple[Line, ...]:
    texts, before, after = counts["texts"], counts["before"], counts["after"]
    share = (lambda n: f"{n} ({round(100 * n / texts)} %)") if texts else str
    return line(str(texts)), line(share(before)), line(share(after)), line(f"{after - before:+d}")


def tokens_block(tokens: Mapping[str, Mapping[str, int]]) -> Table:
    """Tokens by stage, and how many of them came from the prefix cache."""
    names = ("requests", "asked_again", "prompt", "cached", "output")
    total = {name: sum(counts[name] for counts in tokens.values()) for name in names}
    return Table(
        "tokens by stage",
        (Column(""), *(Column(name, numbers=True) for name in ("requests", "again", "prompt", "cached", "sampled"))),
        tuple((line(stage), *_spent(counts)) for stage, counts in tokens.items()),
        (line("all"), *_spent(total)),
    )


def _spent(counts: Mapping[str, int]) -> Iterator[Line]:
    share = f" ({round(100 * counts['cached'] / counts['prompt'])} %)" if counts["prompt"] else ""
    yield line(f"{counts['requests']:,}")
    yield line(f"{counts['asked_again']:,}")
    yield line(f"{counts['prompt']:,}")
    yield line(f"{counts['cached']:,}{share}")
    yield line(f"{counts['output']:,}")
