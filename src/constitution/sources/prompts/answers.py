"""Rows that bring answers to be judged: which columns they are, what people said of them, what cannot be judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from constitution.messages import Better
from constitution.sources.prompts.json_lines import JsonPath, LineError
from constitution.sources.prompts.turns import any_json, kind

PREFERENCE = ("chosen", "rejected")
TEXTS = ("text_a", "text_b")
RESPONSES = ("responses",)
FORMS = (PREFERENCE, TEXTS, RESPONSES)
"""Columns of answers; a row has those of one form."""
LABEL = "label"
"""What people say of two answers."""
NAMES = frozenset((*TEXTS, *RESPONSES, LABEL))
"""Names that mean something only where answers are judged, besides those of preference rows."""

_LABELS: Mapping[str, Better] = {"a": "a", "b": "b", "tie": "tie"}
_EXPECTED = '"chosen" and "rejected", "text_a" and "text_b", or a list in "responses"'


def answer_columns(here: set[str], listed: str) -> tuple[str, ...]:
    """The columns of a row's answers.

    Args:
        here: columns that have a value and are nothing else.
        listed: all columns of the row, for a message.

    Raises:
        LineError: there are none, or those of two forms.
    """
    found = [form for form in FORMS if here.issuperset(form)]
    if len(found) > 1:
        both = " and ".join(" with ".join(f'"{name}"' for name in form) for form in found[:2])
        raise LineError((), f"the row brings answers twice, in {both}; keep one of them")
    if found:
        return found[0]
    half = next((name for form in FORMS for name in form if name in here), None)
    what = "the row brings no answers to judge" if half is None else f'of two answers the row has only "{half}"'
    raise LineError((), f"{what}: expected {_EXPECTED}; it has {listed or 'nothing'}")


def label_column(answers: Sequence[str], row: Mapping[str, Any], here: set[str]) -> str | None:
    """The column of what people say; of preference rows it is known, and of three answers or more nothing is."""
    if LABEL not in here or answers == PREFERENCE:
        return None
    return LABEL if answers == TEXTS or len(_listed(row)) == 2 else None


def _listed(row: Mapping[str, Any]) -> Sequence[object]:
    try:
        return _values(row[RESPONSES[0]])
    except LineError:
        return ()


def _values(value: object) -> Sequence[object]:
    """A list of answers, or its JSON text as tables hold it."""
    path = RESPONSES
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = any_json(value)
        except LineError as error:
            raise LineError(path, f"is no JSON: {error.message}") from None
    if not isinstance(value, list | tuple):
        raise LineError(path, f"expected a list of answers, found {kind(value)}")
    return value


def values_of(row: Mapping[str, Any], answers: Sequence[str]) -> list[tuple[object, JsonPath]]:
    """Each answer as it stands in the row, with its place.

    Raises:
        LineError: there are fewer than two.
    """
    if tuple(answers) != RESPONSES:
        return [(row[name], (name,)) for name in answers]
    values = _values(row[RESPONSES[0]])
    if len(values) < 2:
        raise LineError(RESPONSES, f"a judge needs two answers or more, found {len(values)}")
    return [(value, (*RESPONSES, index)) for index, value in enumerate(values)]


def preferred_of(row: Mapping[str, Any], answers: Sequence[str], label: str | None) -> Better | None:
    """What people say of two answers: of a preference row that the chosen one, which comes first, is better.

    Raises:
        LineError: the label is none.
    """
    if tuple(answers) == PREFERENCE:
        return "a"
    if label is None:
        return None
    said = row[label]
    meant = _LABELS.get(said.strip().lower()) if isinstance(said, str) else None
    if meant is None:
        found = f'"{said[:40]}"' if isinstance(said, str) else kind(said)
        raise LineError(
            (label,), f"expected a, b or tie, found {found}; if it is something else, rename it or make it metadata"
        )
    return meant


def refuse_same(texts: Sequence[str], answers: Sequence[str]) -> None:
    """Refuse answers that are one and the same.

    Raises:
        LineError: no two of them differ.
    """
    if len(set(texts)) < 2:
        what = "the two answers are" if len(texts) == 2 else "all answers are"
        raise LineError((answers[-1],), f"{what} the same text, so there is nothing to judge; leave the row out")
