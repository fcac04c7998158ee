"""What people see, in a terminal and elsewhere. Model text is hostile: its control characters are left out."""

from constitution.display.terminal import (
    checks_table,
    choose,
    console,
    diff,
    pair_view,
    reasons_table,
    safe,
    summary_view,
    sums_table,
    table,
)

__all__ = [
    "checks_table",
    "choose",
    "console",
    "diff",
    "pair_view",
    "reasons_table",
    "safe",
    "summary_view",
    "sums_table",
    "table",
]
