"""What people see: pages of blocks, drawn on a terminal or as HTML. Model text is hostile on both."""

from constitution.display.chains import chain_page, choose
from constitution.display.constitutions import constitution_page
from constitution.display.examinations import examination_page
from constitution.display.html import page_html
from constitution.display.judged import agreement_blocks, agreement_line, scores_page, verdict_page
from constitution.display.paying import dry_run_view, preview_view
from constitution.display.runs import run_page
from constitution.display.terminal import (
    Hanging,
    checks_table,
    console,
    draw,
    pair_view,
    reasons_table,
    sums_table,
    table,
)
from constitution.display.words import safe

__all__ = [
    "Hanging",
    "agreement_blocks",
    "agreement_line",
    "chain_page",
    "checks_table",
    "choose",
    "console",
    "constitution_page",
    "draw",
    "dry_run_view",
    "examination_page",
    "page_html",
    "pair_view",
    "preview_view",
    "reasons_table",
    "run_page",
    "safe",
    "scores_page",
    "sums_table",
    "table",
    "verdict_page",
]
