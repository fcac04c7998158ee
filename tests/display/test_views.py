"""Chains, runs and constitutions as people see them: the same on both surfaces, and hostile text stays text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from constitution import Constitution, Prompt, Run, Trace
from constitution.display import chain_page, constitution_page, draw, page_html, run_page
from constitution.display.blocks import Block, Change, Fold, Page, Said, Section, Span, Table
from constitution.display.colours import DARK, LIGHT, SHARES, STYLE
from constitution.display.terminal import spread
from constitution.display.words import readable_diff, shown
from constitution.messages import Message, user
from constitution.principles import Principles
from constitution.records import OUTCOMES, Critique, Draft, Failure, Finding, Revision, Round
from constitution.steps.pair import Pairing, settle_chain
from tests.display.seen import Seen, printed, without_colours
from tests.scripted_runs import prompts, tiny
from tests.strategies import HOSTILE, constitutions, traces
from tests.strategies import texts as any_texts

IDS = [f"p{n}" for n in range(4)]
principle_texts = st.dictionaries(st.sampled_from(IDS), any_texts)
TOKENS = {"draft": {"requests": 1, "asked_again": 0, "prompt": 4, "cached": 2, "output": 3}}


def page_of(result: Trace | Failure, said: dict[str, str]) -> Page:
    """The page of one chain."""
    conversation = result.conversation if isinstance(result, Trace) else (user("</div><script>alert(1)</script>"),)
    return chain_page(Prompt("r", conversation), result, settle_chain(result, Pairing("all"), {}), said, TOKENS)


failures = st.builds(
    Failure, st.just("r"), st.just(0), st.sampled_from(["draft", "critique"]), st.just("RequestRefused"), any_texts,
    st.integers(1, 3),
)  # fmt: skip
pages = st.builds(page_of, st.one_of(traces(), traces(), failures), principle_texts)


def blocks_of(parts: tuple[Block, ...]) -> Iterator[Block]:
    """All blocks, those inside others too."""
    for part in parts:
        yield part
        if isinstance(part, Section | Fold):
            yield from blocks_of(part.blocks)


def told(page: Page) -> list[str]:
    """Every text that a page is made of, but those of diffs."""
    found = ["".join(span.text for span in page.head)]
    for part in blocks_of(page.blocks):
        if isinstance(part, Said):
            found.append("".join(shown(span.text) for span in part.line))
        if isinstance(part, Table):
            found += ["".join(shown(span.text) for span in cell) for row in part.rows for cell in row]
    return found


@given(pages)
def test_html_holds_every_text_as_text(page: Page) -> None:
    """No tag, no attribute but our own; every text stands there as it was."""
    seen = Seen(page_html(page))
    for text in told(page):
        assert text in seen.text


@given(pages)
def test_html_diffs_hold_what_went_and_came(page: Page) -> None:
    """Struck out is what the first text alone has, underlined what the second alone has."""
    for part in blocks_of(page.blocks):
        if isinstance(part, Change):
            seen = Seen(page_html(Page((), (part,))))
            parts = readable_diff(part.before, part.after)
            if parts is None:
                assert not any(seen.diff.values())
                assert shown(part.after) in seen.text
            else:
                assert seen.diff["del"] == "".join(one.text for one in parts if one.kind == "gone")
                assert seen.diff["ins"] == "".join(one.text for one in parts if one.kind == "come")


@given(pages, st.integers(20, 130), st.booleans())
def test_a_terminal_gets_text_and_colours(page: Page, width: int, colours: bool) -> None:
    """Whatever the texts: no other escape sequence, no control character, no line that is too wide."""
    shown = without_colours(printed(draw(page), width=width, colours=colours))
    assert all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cs") for c in shown)
    assert all(cell_len(line) <= max(width, 30) for line in shown.split("\n"))


@given(pages)
def test_both_surfaces_say_the_same(page: Page) -> None:
    """But for what is folded away, which a terminal leaves out."""
    terminal = without_colours(printed(draw(page), width=5000, colours=True))
    assert "".join(Seen(page_html(page)).unfolded.split()) == "".join(terminal.split())


@given(constitutions())
def test_constitutions_of_any_content(principles: Principles) -> None:
    """Every principle is named, with what it says."""
    page = constitution_page(principles)
    seen = Seen(page_html(page)).text
    assert all(text in seen for text in told(page))
    assert all(one.id in seen and shown(one.text) in seen for one in principles.principles)
    without_colours(printed(draw(page), colours=True))


@pytest.mark.parametrize("hostile", [*HOSTILE, "<img src=x onerror=alert(1)>", "&lt;b&gt;", "'\"><svg/onload=x>"])
def test_hostile_text_in_every_field(hostile: str) -> None:
    """Each field of a chain at once, and of the principle."""
    finding = Finding(True, True, 2, hostile)
    chain = Trace(
        "r", 0, (Message("user", hostile),), Draft(hostile, reasoning=hostile), tags=(hostile,), metadata=hostile,
        rounds=(
            Round(1, hostile, Critique(hostile, finding, reasoning=hostile), Revision(hostile + " And more.")),
            Round(2, "p", Critique(hostile), Revision(hostile, defect="leak", preamble=hostile, reasoning=hostile)),
        ),
    )  # fmt: skip
    for result in (chain, Failure("r", 0, hostile, hostile, hostile)):
        page = page_of(result, {hostile: hostile, "p": hostile})
        seen = Seen(page_html(page)).text
        assert all(text in seen for text in told(page))
        assert "\x1b" not in printed(draw(page))


ROUND = Round(1, "p", Critique("It is long."), Revision("Boil water slowly."))


def test_a_round_is_told_whole() -> None:
    """Principle with what it says, criticism, diff, and the outcome with its reason in words."""
    chain = Trace("r", 0, (user("Tea?"),), Draft("Boil water fast."), (ROUND,))
    html = page_html(page_of(chain, {"p": "Answers are calm."}))
    assert '<del class="cst-gone"> fast</del><ins class="cst-come"> slowly</ins>' in html
    text = printed(draw(page_of(chain, {"p": "Answers are calm."})), colours=True)
    assert "\x1b[9;31mfast" in text
    assert "\x1b[4;32mslowly" in text
    for said in ("Tea?", "Answers are calm.", "It is long.", "paired", "gave a chosen/rejected pair", "1 request"):
        assert said in html
        assert said in without_colours(text)
    assert "revision  Boil water slowly." in printed(draw(page_of(chain, {})))


def test_thoughts_are_folded_away() -> None:
    """In a notebook under `<details>`; a terminal leaves them out."""
    page = page_of(Trace("r", 0, (user("Tea?"),), Draft("Boil water.", reasoning="Let me think.")), {})
    seen = Seen(page_html(page))
    assert "Let me think." in seen.text
    assert "Let me think." not in seen.unfolded
    assert "Let me think." not in printed(draw(page))


@pytest.mark.parametrize(
    ("round", "says"),
    [
        (replace(ROUND, revision=Revision("It is long.", defect="copies_critique")), "mostly repeats the critique"),
        (replace(ROUND, critique=None, revision=None, unusable="truncated"), "the answer reached max_tokens"),
        (Round(1, "p", Critique("", Finding(True, False, 0, ""))), "nothing violated: no revision was asked for"),
        (Round(1, "p", Critique("Rude.", Finding(True, True, 3, "Rude."))), "violated, severity 3 (grave): Rude."),
        (replace(ROUND, critique=Critique("It is lo", truncated=True)), "It is lo (cut at max_tokens)"),
        (replace(ROUND, critique=Critique("Long.", attempts=3)), "Long. (asked 3 times)"),
        (replace(ROUND, revision=Revision("Boil it.", preamble="Here you go:")), "left out: Here you go:"),
    ],
)
def test_what_became_of_a_round(round: Round, says: str) -> None:
    """Rounds that gave nothing say why; what was left out or cut is told."""
    page = page_of(Trace("r", 0, (user("Tea?"),), Draft("Boil water."), (round,)), {})
    assert says in Seen(page_html(page)).text
    assert says in printed(draw(page))


def test_a_discarded_revision_is_not_compared_with() -> None:
    """The next round starts from the last good text."""
    bad = Round(1, "p", Critique("Long."), Revision("Long.", defect="copies_critique"))
    good = Round(2, "p", Critique("Long."), Revision("Boil water now."))
    html = page_html(page_of(Trace("r", 0, (user("Tea?"),), Draft("Boil water."), (bad, good)), {}))
    assert "Boil water<ins" in html


def test_revised_shows_itself(tmp_path: Path) -> None:
    """A line in a list, the text where it is printed, a page in a notebook; tokens are this prompt's own."""
    both = tiny(tmp_path).revise(["How do I \x1b[31mboil an egg?\nQuickly." * 3, "Again?", "Again?"], model="scripted")
    assert isinstance(both, list)
    first, again, twin = both
    asked = "How do I boil an egg? Quickly.How do I boil an e..."
    assert repr(first) == f"<Revised '{asked}': {first.outcome}, {len(first.rounds)} rounds>"
    assert len(repr(both).splitlines()) == 1
    assert str(again) == again.text
    assert "Again?" in Seen(again._repr_html_()).text
    assert "Again?" in printed(again)
    assert again.tokens == twin.tokens
    assert [counts["requests"] for counts in again.tokens.values()] == [1, 2, 2]


def test_run_shows_itself(tmp_path: Path) -> None:
    """Sums that add up, what was spent, some pairs; where the folder is gone, one line says so."""
    run = tiny(tmp_path).generate([*prompts(5), {"prompt": "Twice?"}, {"prompt": "Twice?"}], tmp_path / "run",
                                  model="scripted")  # fmt: skip
    seen = Seen(run._repr_html_() or "").text
    said = run.summary()
    for name in (*OUTCOMES, "pending"):
        assert re.search(rf"\n{name}\s+{said[name]}\s+{round(100 * said[name] / 7)} %", seen), name
    assert re.search(r"\ninputs\s+7\s", seen)
    for text in ("tiny 1.0", "critique_revise, 2 rounds", "complete", "duplicate", "tokens by stage", "rejected",
                 "constitution export", "kept by principle", str(run.path)):  # fmt: skip
        assert text in seen
    assert seen.count("\nprompt \n") == 3
    (run.path / "manifest.json").unlink()
    for path in run.path.glob("shards/*.json"):
        path.write_text("{")
    assert run._repr_html_() is None
    assert "cannot be read" in repr(run)


def test_an_unfinished_run_says_so(tmp_path: Path) -> None:
    """What is pending, and that it can go on; its input may be gone."""
    run = tiny(tmp_path).generate(prompts(12), tmp_path / "run", model="scripted", chunk_size=5)
    for path in (run.path / "shards").glob("00002.*"):
        path.unlink()
    for path in (run.path / "journal").glob("00002*"):
        path.unlink()
    (run.path / "input.jsonl").unlink()
    page = printed(Run.open(run.path))
    assert "not complete: 2 inputs are pending" in page
    assert f"constitution generate {run.path}/run.yaml goes on with the run" in page.replace("\n", " ").replace(
        "  ", ""
    )


def test_constitution_shows_itself(tmp_path: Path) -> None:
    """Name, version, principles; a shipped one with levels and context."""
    seen = Seen(Constitution.load("balanced")._repr_html_())
    for text in ("balanced 1.0", "safety before duties", "no-serious-harm", "level safety", "for prompts tagged"):
        assert text in seen.text
    assert "tiny 1.0" in printed(tiny(tmp_path))
    assert "checked by code: words" in printed(tiny(tmp_path))


def test_a_page_without_inputs_is_a_page() -> None:
    """Sums of nothing have no shares."""
    summary: dict[str, Any] = {"inputs": 0, "pending": 0, "reasons": {}, "tokens": {}, "signs": {}, "seconds": 0.0}
    summary |= dict.fromkeys(OUTCOMES, 0) | {"pairs": {"proposed": 0, "kept": 0, "dropped": {}}}
    summary["constitution"] = {"name": "x", "version": "1"}
    page = run_page(summary, path="out")
    assert "inputs" in Seen(page_html(page)).text
    assert "inputs" in printed(draw(page), colours=True)


@given(st.lists(st.integers(0, 10_000), min_size=5, max_size=5).filter(any), st.integers(10, 60))
def test_a_bar_is_full_and_leaves_nothing_out(counts: list[int], width: int) -> None:
    """As many cells as there are; what is there is seen, what is not is not; more is never shorter."""
    cells = spread(counts, width)
    assert sum(cells) == width
    assert all((cell > 0) == (count > 0) for cell, count in zip(cells, counts, strict=True))
    ranked = sorted(zip(counts, cells, strict=True))
    assert all(a[1] <= b[1] + 1 for a, b in pairwise(ranked))


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(share * channel for share, channel in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_can_be_read(colours: dict[str, str]) -> None:
    """Text has a contrast of at least 4.5 with what is behind it (1.4.3), a bar of 3 (1.4.11)."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for name in ("text", "quiet", "name", "good", "bad", "warn"):
        assert contrast(colours[name], colours["back"]) >= 4.5, name
    for name in ("gone", "come"):
        assert contrast(colours[name], colours[f"{name}-back"]) >= 4.5, name
    for number in range(SHARES):
        assert contrast(colours[f"share{number}"], colours["back"]) >= 3, number
    assert colours.keys() == LIGHT.keys()


def test_styles_stay_inside_the_view() -> None:
    """Each rule is about a view alone; nothing comes from elsewhere; a notebook's theme goes over the system's."""
    rules = re.sub(r"@media[^{]*", "", STYLE)
    for selectors in re.findall(r"([^{}]+)\{[^{}]*:", rules):
        assert all(".cst-view" in selector for selector in selectors.split(",")), selectors
    assert not re.search(r"url|@import|<|#[a-z-]+\{|position", STYLE)
    used = set(re.findall(r"var\(--cst-([a-z0-9-]+)\)", STYLE))
    assert used == set(LIGHT)
    for theme in ('[data-jp-theme-light="true"]', ".vscode-light", '[data-jp-theme-light="false"]', ".vscode-dark"):
        place = re.search(rf"[,}}]{re.escape(theme)} \.cst-view[,{{]", STYLE)
        assert place is not None
        assert STYLE.index("prefers-color-scheme") < place.start()


def test_tones_have_styles() -> None:
    """Every tone that a span may have is drawn on both surfaces."""
    for tone in ("strong", "quiet", "name", "good", "bad", "warn"):
        page = Page((), (Said("", (Span("word", tone),)),))
        assert f'class="cst-{tone}"' in page_html(page)
        assert f".cst-{tone}{{" in STYLE
        assert "\x1b[" in printed(draw(page), colours=True)
