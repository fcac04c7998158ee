"""Plots of a proof: a row a cell, a dot for each seed and its 95 % interval, readable without the text around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from constitution.proof.figures import Figure, Part
from constitution.proof.record import Proof

PLOTS = "plots"
COLOURS = ("#0a6ebd", "#9a6700", "#1a7f37", "#cf222e", "#7a4dba")
"""Of the seeds, by turns: they stay apart for most who do not see colours alike."""
DPI = 100


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot beside others: the cells of one measure."""

    title: str
    measure: str
    line: float | None = None
    """A level to compare with."""


PANELS: dict[Part, tuple[Panel, ...]] = {
    "base": (Panel("answers that keep the principle", "kept"),),
    "revision": (
        Panel("answers that keep the principle", "kept"),
        Panel("drafts that break it: mended", "mended"),
        Panel("answers on topic", "on_topic"),
        Panel("both: kept, on topic", "kept_on_topic"),
    ),
    "judge": (
        Panel("prefers the answer that keeps the principle", "accuracy", line=0.5),
        Panel("the same, where the longer answer is wrong", "accuracy_where_longer_is_wrong", line=0.5),
    ),
    "training": (
        Panel("held-out answers that keep the principle", "kept"),
        Panel("held-out answers on topic", "on_topic"),
        Panel("both: kept, on topic", "kept_on_topic"),
    ),
}


def draw_plots(proof: Proof) -> tuple[Part, ...]:
    """Draw a picture of each part that has figures, as SVG; gives the parts."""
    drawn = []
    for part, panels in PANELS.items():
        found = [(panel, mine) for panel in panels if (mine := _of(proof.of(part), panel))]
        if found:
            _draw(proof.folder / PLOTS / f"{part}.svg", found, proof)
            drawn.append(part)
    return tuple(drawn)


def _of(figures: Sequence[Figure], panel: Panel) -> list[Figure]:
    return [each for each in figures if each.key.measure == panel.measure and " - " not in each.key.cell]


def _draw(path: Path, panels: Sequence[tuple[Panel, list[Figure]]], proof: Proof) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    mpl.rcParams.update({"svg.hashsalt": "proof", "svg.fonttype": "none", "font.family": "sans-serif"})
    several = len({each.principle for _, mine in panels for each in mine}) > 1
    labels = list(dict.fromkeys(_label(each, several=several) for _, mine in panels for each in mine))
    size = (3.3 * len(panels) + 0.075 * max(map(len, labels)), 1.3 + 0.42 * len(labels))
    canvas = Canvas(figsize=size, layout="constrained")
    every = canvas.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (panel, mine) in zip(every, panels, strict=True):
        _panel(axes, panel, mine, labels, proof.seeds)
    if len(proof.seeds) > 1:
        canvas.legend(
            *every[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=8, frameon=False
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(path, metadata={"Date": None})


def _label(figure: Figure, *, several: bool) -> str:
    """Of a row: no two principles share one."""
    if figure.key.part == "base":
        return figure.principle
    return f"{figure.principle}: {figure.key.cell}" if several else figure.key.cell


def _panel(axes: Any, panel: Panel, figures: Sequence[Figure], labels: list[str], seeds: Sequence[int]) -> None:
    for place, seed in enumerate(seeds):
        mine = [each for each in figures if each.seed == seed]
        if not mine:
            continue
        shift = 0.0 if len(seeds) == 1 else 0.5 * (place / (len(seeds) - 1) - 0.5)
        several = any(": " in label for label in labels)
        at = [labels.index(_label(each, several=several)) + shift for each in mine]
        values = [100 * each.by.value for each in mine]
        around = [[100 * (each.by.value - each.by.low) for each in mine],
                  [100 * (each.by.high - each.by.value) for each in mine]]  # fmt: skip
        axes.errorbar(values, at, xerr=around, fmt="o", color=COLOURS[place % len(COLOURS)], capsize=3, markersize=5,
                      linewidth=1.4, label=f"seed {seed}")  # fmt: skip
        if len(seeds) == 1:
            for value, row in zip(values, at, strict=True):
                axes.annotate(f"{value:.0f}", (value, row), xytext=(0, 6), textcoords="offset points", ha="center",
                              fontsize=8)  # fmt: skip
    if panel.line is not None:
        axes.axvline(100 * panel.line, color="#57606a", linewidth=1, linestyle="--")
        axes.annotate("a coin", (100 * panel.line, -0.62), fontsize=8, color="#57606a", ha="center")
    axes.set_title(panel.title, fontsize=10, loc="left")
    axes.set_yticks(range(len(labels)), labels, fontsize=9)
    axes.set_ylim(len(labels) - 0.4, -0.75)
    axes.set_xlim(-2, 102)
    axes.set_xlabel("per cent, with 95 % intervals", fontsize=9)
    axes.grid(axis="x", color="#d0d7de", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
