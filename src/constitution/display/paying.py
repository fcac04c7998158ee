"""What a run would take and give, in a terminal: a dry run, a preview."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from rich.console import Group, RenderableType
from rich.text import Text

from constitution.display.chains import choose
from constitution.display.runs import money
from constitution.display.terminal import Hanging, pair_view, reasons_table, table
from constitution.display.words import safe
from constitution.run.before.dry_run import DryRun, Example, Range, Shown
from constitution.run.before.intervals import Estimate
from constitution.run.before.preview import Preview

INDENT = 2
DIFFS = 3
"""Pairs that a preview shows."""
_PRICES = "no prices: --set prices.prompt=0.15 --set prices.output=0.60 (for 1,000,000 tokens) tells the money"


def dry_run_view(dry: DryRun, meanings: Mapping[str, str]) -> RenderableType:
    """Everything that `constitution generate --dry-run` prints.

    Args:
        dry: what was counted.
        meanings: what each reason means.
    """
    parts: list[RenderableType] = []
    for example in dry.examples:
        parts += [_example(example), Text("")]
    lost = {**dry.dropped, **dry.failed}
    parts.append(Text(f"{dry.inputs:,} inputs: {dry.asked:,} to be asked, {sum(lost.values()):,} lost before that"))
    if lost:
        parts += [Text(""), reasons_table(lost, meanings, "before the first token")]
    parts += [Text(""), _ranges(dry), Text(""), _stages(dry), Text("")]
    parts += [Text(note, "dim") for note in _notes(dry)]
    return Group(*parts)


def _ranges(dry: DryRun) -> RenderableType:
    shown = table("the whole run")
    for name in ("least", "most, nothing repeated", "most"):
        shown.add_column(name, justify="right")
    rows: list[tuple[str, Range | None]] = [
        ("requests", dry.requests),
        ("prompt tokens", dry.prompt),
        ("sampled tokens", dry.sampled),
        ("tokens", dry.total),
    ]
    for name, numbers in rows:
        if numbers is not None:
            shown.add_row(name, *(f"{number:,}" for number in _all(numbers)), style="bold" if name == "tokens" else "")
    if dry.cost is not None:
        shown.add_row("cost", *map(money, _all(dry.cost)))
    if dry.seconds is not None:
        shown.add_row("time", *map(duration, _all(dry.seconds)))
    return shown


def _stages(dry: DryRun) -> RenderableType:
    shown = table("by stage, least to most")
    for name in ("requests", "prompt tokens", "sampled tokens"):
        shown.add_column(name, justify="right")
    for stage, ranges in dry.stages.items():
        shown.add_row(stage, *(_span(ranges[name]) for name in ("requests", "prompt", "sampled")))
    return shown


def _notes(dry: DryRun) -> Iterator[str]:
    if dry.exact:
        yield f"The prompts that are known have {dry.drafts:,} tokens, exactly: the first of each chain, asked once."
    else:
        yield (
            f"Estimates: four bytes to a token. The prompts that are known have about {dry.drafts:,}. Name the model's "
            "tokenizer for exact counts: --set engine.tokenizer=NAME"
        )
    yield "Most: every answer as long as it may be and used, but only at its last attempt. Least: none is of use."
    if dry.examined:
        yield f"Before all this the judge is examined on {dry.examined:,} pairs; what that takes is not counted here."
    if dry.unsure:
        yield f"{dry.unsure:,} inputs may be too long: the model's context is known when the engine starts."
    if dry.why_failed:
        yield f"Failed: {safe(dry.why_failed)}"
    if dry.begun is not None:
        tokens = dry.begun["prompt"] + dry.begun["output"]
        yield (
            f"This run has begun: {dry.begun['pending']:,} inputs are left to do, and {tokens:,} tokens are paid for. "
            "The numbers above are those of the whole run; nothing is taken off."
        )
    if dry.cost is None:
        yield _PRICES
    if dry.rate is not None:
        yield f"Time: at {dry.rate:,.0f} sampled tokens a second."


def _example(example: Example) -> RenderableType:
    drawn = ", ".join(example.principles) or "none"
    title = Text.assemble(("record ", "dim"), (safe(example.record), "bold"), ("  principles ", "dim"), (drawn, "cyan"))
    parts: list[RenderableType] = [title]
    before: Shown | None = None
    for request in example.requests:
        parts += _request(request, before)
        before = request
    return Group(*parts)


def _request(request: Shown, before: Shown | None) -> Iterator[RenderableType]:
    """One request: as the template writes it, or the turns that it adds to the one before."""
    number = f" {request.round}" if request.round else ""
    yield Text(f"\n{request.stage}{number}, at most {request.at_most:,} tokens", "magenta")
    if request.text is not None:
        yield Hanging(Text(safe(request.text)), indent=INDENT)
        return
    known = before.turns if before is not None and request.turns[: len(before.turns)] == before.turns else ()
    if known:
        above = f"the {len(known)} turns above, then" if len(known) > 1 else "the turn above, then"
        yield Hanging(Text(above, "dim"), indent=INDENT)
    for turn in request.turns[len(known) :]:
        yield Hanging(Text.assemble((f"{turn.role}  ", "dim"), safe(turn.text)), indent=INDENT)


def preview_view(made: Preview, meanings: Mapping[str, str], texts: Mapping[str, str]) -> RenderableType:
    """Everything that `constitution generate --preview N` prints.

    Args:
        made: the preview.
        meanings: what each reason means.
        texts: what each principle says, by id.
    """
    parts: list[RenderableType] = []
    for pair in choose(made.examples, DIFFS):
        parts += [pair_view(pair, texts), Text("")]
    known = "".join(f", {count:,} dropped as {reason}" for reason, count in sorted(made.dropped.items()))
    parts += [
        Text(
            f"{made.finished:,} of {made.population:,} prompts were run, drawn by hash; {made.inputs:,} inputs{known}"
        ),
        Text(""),
        _given(made),
    ]
    if made.reasons:
        parts += [Text(""), _why(made.reasons, meanings)]
    parts += [Text("")] + [Text(note, "dim") for note in _preview_notes(made)]
    return Group(*parts)


def _given(made: Preview) -> RenderableType:
    shown = table("the whole run")
    for name in ("about", "95 % interval"):
        shown.add_column(name, justify="right")
    shown.add_row("pairs for each 100 prompts", *_estimate(made.pairs, one_digit), style="bold")
    shown.add_row("pairs", *_estimate(made.totals["pairs"], whole))
    for name, estimate in made.tokens.items():
        shown.add_row(f"{name} tokens for each pair", *_estimate(estimate, whole))
    for name in made.tokens:
        shown.add_row(f"{name} tokens", *_estimate(made.totals[name], whole))
    if made.cost is not None:
        shown.add_row("cost", *_estimate(made.cost, money))
    if made.seconds is not None:
        shown.add_row("time", duration(made.seconds), "rough")
    return shown


def _why(reasons: Mapping[str, Estimate], meanings: Mapping[str, str]) -> RenderableType:
    shown = table("dropped or failed, of 100 prompts")
    for name in ("about", "95 % interval"):
        shown.add_column(name, justify="right")
    shown.add_column("")
    for reason, estimate in reasons.items():
        shown.add_row(safe(reason), *_estimate(estimate, one_digit), Text(meanings.get(reason, ""), "dim"))
    return shown


def _preview_notes(made: Preview) -> Iterator[str]:
    if made.finished == made.population:
        yield "These were all prompts of the run: the numbers are its own."
    else:
        yield "The same command without --preview goes on with the rest, and asks none of these again."
    if made.finished < made.drawn:
        yield f"{made.drawn - made.finished:,} more were drawn and not finished; the same command goes on with them."
    if made.seconds is not None and made.finished < made.population:
        yield "Time: as slow as the preview was; a full run keeps the engine busier and is faster."
    if made.cost is None:
        yield _PRICES


def _estimate(estimate: Estimate, form: Callable[[float], str]) -> tuple[str, str]:
    if estimate.value is None:
        return "-", "-"
    high = "?" if estimate.high is None else form(estimate.high)
    low = form(estimate.low)
    return form(estimate.value), low if low == high else f"{low} to {high}"


def whole(number: float) -> str:
    """A whole number."""
    return f"{number:,.0f}"


def one_digit(number: float) -> str:
    """With one digit behind the point, where there is something behind it."""
    return f"{number:.1f}".removesuffix(".0")


def _all(numbers: Range) -> tuple[float, float, float]:
    return numbers.least, numbers.once, numbers.most


def _span(numbers: Range) -> str:
    low, high = numbers.least, numbers.most
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def duration(seconds: float) -> str:
    """Time as a person says it."""
    for size, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:,.1f} {name}"
    return f"{seconds:.0f} s"
