"""Sums, tables and diffs in a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from constitution.messages import Conversation
from constitution.records import OUTCOMES, PreferencePair
from constitution.store.sums import SIGNS

_TOKEN = re.compile(r"\s+|\w+|[^\w\s]")
_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?")
DIFF_FROM = 0.4
"""Likeness of two texts, 0 to 1, from which a word diff is easier to read than both of them."""
MEANINGS = {
    "paired": "gave a chosen/rejected pair",
    "fine": "nothing to mend was found",
    "dropped": "no pair is left, for a reason below",
    "failed": "ended by an error",
    "pending": "not finished yet",
}


def safe(text: str) -> str:
    """Text without escape sequences and control characters; line breaks stay, tabs become spaces."""
    plain = _ESCAPE.sub("", text).expandtabs(4)
    return "".join(c for c in plain if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))


def diff(before: str, after: str) -> Text:
    """A word diff: what went is struck out in red, what came is green."""
    old, new = _TOKEN.findall(safe(before)), _TOKEN.findall(safe(after))
    shown = Text()
    for operation, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if operation == "equal":
            shown.append("".join(old[a:b]))
            continue
        gone, come = "".join(old[a:b]), "".join(new[c:d])
        if gone:
            shown.append(gone, "red strike")
        if come:
            shown.append(come, "green")
    return shown


def pair_view(pair: PreferencePair, texts: Mapping[str, str], *, colour: bool) -> RenderableType:
    """One pair: prompt, principles, and rejected against chosen.

    Args:
        pair: the pair.
        texts: what each principle says, by id.
        colour: whether a word diff can be read; without colour the two texts stand one after the other.
    """
    rows: list[RenderableType] = [_asked(pair.conversation)]
    rows += [
        Text.assemble(("principle ", "dim"), (id, "cyan"), ("  " + safe(texts.get(id, "")), "dim"))
        for id in pair.principles
    ]
    alike = SequenceMatcher(None, _TOKEN.findall(pair.rejected), _TOKEN.findall(pair.chosen), autojunk=False).ratio()
    if colour and alike >= DIFF_FROM:
        rows.append(Padding(diff(pair.rejected, pair.chosen), (0, 0, 0, 2)))
    else:
        rows.append(Text("rejected", "dim"))
        rows.append(Padding(Text(safe(pair.rejected), "red"), (0, 0, 0, 2)))
        rows.append(Text("chosen", "dim"))
        rows.append(Padding(Text(safe(pair.chosen), "green"), (0, 0, 0, 2)))
    return Group(*rows)


def _asked(conversation: Conversation) -> Text:
    """What the user said last, and how much else there is."""
    last = next((n for n in reversed(range(len(conversation))) if conversation[n].role == "user"), 0)
    before = sum(turn.role not in ("system", "developer") for turn in conversation[:last])
    after = len(conversation) - 1 - last
    parts = [f"{before} turns before" if before > 1 else "1 turn before"] if before else []
    parts += [f"{after} behind it, of calls and tools"] if after else []
    return Text.assemble(
        ("prompt    ", "dim"),
        (safe(conversation[last].content), "bold"),
        (f"  ({', '.join(parts)})" if parts else "", "dim"),
    )


def checks_table(checks: Mapping[str, Mapping[str, int]]) -> Table:
    """By principle: how many drafts and how many last revisions keep it, counted by code."""
    shown = table("kept by principle, counted by code")
    for name in ("texts", "drafts keep", "revisions keep", "change"):
        shown.add_column(name, justify="right")
    total = {"texts": 0, "before": 0, "after": 0}
    for id, counts in sorted(checks.items()):
        shown.add_row(id, *_kept(counts))
        total = {name: total[name] + counts[name] for name in total}
    shown.add_section()
    shown.add_row("all", *_kept(total), style="bold")
    return shown


def _kept(counts: Mapping[str, int]) -> tuple[str, str, str, str]:
    texts, before, after = counts["texts"], counts["before"], counts["after"]
    share = (lambda n: f"{n} ({round(100 * n / texts)} %)") if texts else str
    return str(texts), share(before), share(after), f"{after - before:+d}"


def sums_table(summary: Mapping[str, Any]) -> Table:
    """Inputs by outcome; they add up."""
    shown = table("inputs")
    shown.add_column("", justify="right")
    shown.add_column("")
    for name in (*OUTCOMES, "pending"):
        shown.add_row(name, f"{summary[name]:,}", Text(MEANINGS[name], "dim"))
    shown.add_section()
    shown.add_row("all", f"{summary['inputs']:,}", style="bold")
    return shown


def reasons_table(reasons: Mapping[str, int], meanings: Mapping[str, str], title: str) -> Table:
    """Reasons with their counts, most frequent first."""
    shown = table(title)
    shown.add_column("", justify="right")
    shown.add_column("")
    for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        shown.add_row(safe(reason), f"{count:,}", Text(meanings.get(reason, ""), "dim"))
    return shown


def tokens_table(tokens: Mapping[str, Mapping[str, int]]) -> Table:
    """Tokens by stage, and how many of them came from the prefix cache."""
    shown = table("tokens by stage")
    for name in ("requests", "asked again", "prompt", "cached", "sampled"):
        shown.add_column(name, justify="right")
    for stage, counts in tokens.items():
        share = f" ({round(100 * counts['cached'] / counts['prompt'])} %)" if counts["prompt"] else ""
        shown.add_row(
            stage,
            f"{counts['requests']:,}",
            f"{counts['asked_again']:,}",
            f"{counts['prompt']:,}",
            f"{counts['cached']:,}{share}",
            f"{counts['output']:,}",
        )
    return shown


def table(title: str) -> Table:
    """A table as all views have it, with its first column.

    Args:
        title: of the first column.
    """
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    made.add_column(title, style="", overflow="fold")
    return made


def summary_view(summary: Mapping[str, Any], meanings: Mapping[str, str]) -> RenderableType:
    """Everything that `constitution show` prints."""
    constitution, pairs = summary["constitution"], summary["pairs"]
    parts: list[RenderableType] = [
        Text(
            f"{safe(constitution['name'])} {safe(constitution['version'])}  digest {constitution['digest'][:12]}", "dim"
        ),
        Text(""),
        sums_table(summary),
    ]
    if summary["reasons"]:
        parts += [Text(""), reasons_table(summary["reasons"], meanings, "reasons")]
    parts += [
        Text(""),
        Text(f"pairs: {pairs['proposed']:,} proposed = {pairs['kept']:,} kept + {_dropped(pairs):,} dropped"),
    ]
    if pairs["dropped"]:
        parts += [Text(""), reasons_table(pairs["dropped"], meanings, "pairs dropped")]
    if summary.get("checks"):
        parts += [Text(""), checks_table(summary["checks"])]
    if summary["signs"]:
        lost = {f"rounds_lost_{reason}": meaning for reason, meaning in meanings.items()}
        parts += [Text(""), reasons_table(summary["signs"], SIGNS | lost, "seen in the chains")]
    if summary["tokens"]:
        parts += [Text(""), tokens_table(summary["tokens"])]
    parts.append(Text(f"\n{summary['seconds']:.1f} s", "dim"))
    return Group(*parts)


def _dropped(pairs: Mapping[str, Any]) -> int:
    return sum(pairs["dropped"].values())


def console(*, stderr: bool = False) -> Console:
    """A console that parses no markup in what it is given."""
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=False)


def choose(pairs: Sequence[PreferencePair], count: int) -> list[PreferencePair]:
    """Pairs worth showing: those whose checks the revision mended first, then the most alike, one for each prompt."""

    def rank(pair: PreferencePair) -> tuple[int, float]:
        mended = any(check.chosen_keeps and not check.rejected_keeps for check in pair.checks)
        return -mended, -pair.similarity

    shown: dict[str, PreferencePair] = {}
    for pair in sorted(pairs, key=rank):
        shown.setdefault(pair.conversation[-1].content, pair)
    return list(shown.values())[:count]
