"""Which column of a row is what: named by the user, or found by its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from constitution.sources.prompts.json_lines import LineError
from constitution.sources.prompts.reading import NO_COLUMN, SIDES

ANSWERS = (
    ("completion", "response", "answer", "chosen"),
    ("output", "generation", "generated_text", "model_output", "prediction", "reply", "draft"),
    ("messages", "conversations", "conversation"),
    ("text",),
)
"""Columns of an answer, the surest first; `chosen` stands for `rejected` too. Two of one group leave it unclear."""
LISTS = ANSWERS[2]
"""Columns of whole conversations, of which the last answer is meant."""
LABELS = ("final_label", "label", "refusal", "kind")
OURS: Mapping[str, tuple[str, ...]] = {"refusal": ("wanted",), "kind": ("points", "cues")}
"""Columns that hold this tagger's own tags where these others stand beside them: in exported rows, in those of `--out`.
They are labels only for those who name them."""
MODELS = ("model", "model_name", "generator")
CLASSES = ("type", "category", "class", "tags")
IDS = ("id",)


@dataclass(frozen=True, slots=True)
class Named:
    """Columns that the user names; None where they are to be found."""

    text: str | None = None
    label: str | None = None
    """NO_COLUMN where none is to be taken for one."""
    against: str | None = None
    """Labels of another tagger, or of other people; never found by itself."""


@dataclass(frozen=True, slots=True)
class Found:
    """What each column is."""

    answers: tuple[str, ...]
    """One, or both of SIDES."""
    label: str | None
    against: str | None
    model: str | None
    category: str | None
    id: str | None
    own: str | None = None
    """Tags of ours, where nobody's labels were found."""


def columns_of(names: Sequence[str], named: Named, label: str | None = None) -> Found:
    """Find out what each column is; case and spaces at the ends are overlooked.

    Args:
        names: the columns of a row.
        named: what the user says about them.
        label: the column of the labels, as it was found before; these stand in no other one then.

    Raises:
        LineError: none could be the answer, or several; or a named one is not there.
    """
    for option in ("text", "label", "against"):
        name = getattr(named, option)
        if name is not None and name not in names and (option, name) != ("label", NO_COLUMN):
            raise LineError((), f'there is no column "{name}" (--{option}); there are {listed(names)}')
    plain: dict[str, str] = {}
    for name in names:
        plain.setdefault(name.strip().lower(), name)
    answers = _answers(plain, names) if named.text is None else (named.text,)
    free = {meant: name for meant, name in plain.items() if name not in (*answers, named.against)}
    ours = _ours(plain)
    said = _label(named, answers, {meant: name for meant, name in free.items() if meant not in ours}, label)
    if named.against is not None and said is None and label is None:
        what = "the labels of people, against which both are measured, are not known: name their column (--label)"
        raise LineError((), f"--against {named.against}: {what}; there are {listed(names)}")
    own = _first(ours, free) if said is None and named.label is None and len(answers) == 1 else None
    free = {meant: name for meant, name in free.items() if name != said}
    return Found(
        answers, said, named.against, _first(MODELS, free), _first(CLASSES, free), _first(IDS, free), own
    )  # fmt: skip


def _label(named: Named, answers: Sequence[str], free: dict[str, str], before: str | None) -> str | None:
    """The column of the labels. Beside two answers a label says something else: which one is better."""
    if named.label == NO_COLUMN:
        return None
    if len(answers) > 1 and named.label is not None:
        what = f"a row has two answers, in {listed(answers)}; name the one that people label: --text {answers[0]}"
        raise LineError((), f"--label {named.label}: {what}")
    if named.label is not None or len(answers) > 1:
        return named.label
    return _first(LABELS if before is None else (before.strip().lower(),), free)


def _ours(plain: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for name, beside in OURS.items() if name in plain and all(other in plain for other in beside))


def listed(names: Iterable[str]) -> str:
    """Names of columns, for a message."""
    quoted = [f'"{name[:40]}"' for name in names]
    return ", ".join(quoted[:12]) + (f" and {len(quoted) - 12} more" if len(quoted) > 12 else "") or "none"


def _first(known: Sequence[str], free: dict[str, str]) -> str | None:
    return next((free[name] for name in known if name in free), None)


def _answers(plain: dict[str, str], names: Sequence[str]) -> tuple[str, ...]:
    pair = all(side in plain for side in SIDES)
    for group in ANSWERS:
        found = [name for name in group if name in plain and (name != "chosen" or pair)]
        if len(found) > 1:
            both = " and ".join(f'"{plain[name]}"' for name in found[:2])
            raise LineError((), f"{both} could both be the answer; name the one: --text {plain[found[0]]}")
        if found == ["chosen"]:
            return tuple(plain[side] for side in ("chosen", "rejected"))
        if found:
            return (plain[found[0]],)
    raise LineError((), f"no column is known to hold the answer; there are {listed(names)}: name the one (--text)")
