"""`checks`: pairs of which exactly one answer keeps a principle of `verifiable`, found by its check. They ship.

The answers are the small model's; `docs/examination.md` tells how the pairs were made.
"""

from __future__ import annotations

from constitution import shipped
from constitution.errors import InputError
from constitution.examination.items import JudgedSet
from constitution.examination.record import CHECKS
from constitution.sources.constitution_file import read_constitution
from constitution.sources.judged_sets.rows import Rows
from constitution.sources.prompts.json_lines import parse_object

NAME = CHECKS
FOLDER = "examination"
FILE = "checks.jsonl"


def read_checks() -> JudgedSet:
    """The shipped pairs.

    Raises:
        InputError: the installed package lacks them.
    """
    rows = Rows(NAME, principles=read_constitution("verifiable"))
    try:
        content = shipped.read(FOLDER, FILE)
    except FileNotFoundError as error:
        raise InputError(f"the set '{NAME}' does not come along: {error}") from None
    items = tuple(
        rows.item(parse_object(line), f"{FILE}:{number}") for number, line in enumerate(content.splitlines(), start=1)
    )
    return JudgedSet(NAME, items, "shipped")
