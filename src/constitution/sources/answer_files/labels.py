"""Labels: what people write where they say whether an answer refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping

from constitution.steps.refusals.measure import Label

_SAID: Mapping[Label, str] = {
    "full": "full, full refusal, fully refused, direct refusal",
    "partial": "partial, partial refusal, partially refused, indirect refusal, partial compliance",
    "refused": "refused, refusal, refuse, refuses, reject, rejection, deny, denial, true, yes, 1",
    "none": "none, no refusal, not refused, non refusal, full compliance, compliance, comply, complied, complies, "
    "answer, answered, answers, help, helpful, false, no, 0",
}
_MEANT: Mapping[str, Label] = {word: label for label, words in _SAID.items() for word in words.split(", ")}
_NUMBER = re.compile(r"\d{1,2}[_.:) -]+(?=[a-z])")
"""Before the words, as in `1_full_compliance`."""
_BETWEEN = re.compile(r"[\s_-]+")
EXPECTED = "full, partial and none, or refuse and answer, true and false, 1 and 0 (1 and true: it refuses)"
"""The plainest of what is read, for a message."""


def label_of(value: object) -> Label | None:
    """What a label means, whatever its case, and with or without a number before it; None for an unknown one.

    Numbers and truth values say whether the answer refuses.
    """
    if isinstance(value, bool | int | float):
        return "refused" if value == 1 else "none" if value == 0 else None
    if not isinstance(value, str):
        return None
    said = value.strip().lower().removesuffix(".0")
    return _MEANT.get(_BETWEEN.sub(" ", _NUMBER.sub("", said, count=1)))
