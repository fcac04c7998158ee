"""One row of a set as an item, in each of the shapes that sets come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from constitution.examination.items import Item
from constitution.messages import Conversation, Message, user
from constitution.principles import Principle, Principles
from constitution.sources.explain import nearest
from constitution.sources.prompts.json_lines import JsonPath, LineError
from constitution.sources.prompts.transcripts import is_transcript, parse_transcript
from constitution.sources.prompts.turns import check_text, kind, turn_of
from constitution.steps.filter import normalised, same_text

EMPTY = "an answer is empty"
SAME = "both answers say the same"
REPEATED = "the pair stands earlier in the set"
UNLIKE = "the two sides differ before their last turn"
UNCLEAR = "a transcript whose turns cannot be told apart"

OWN = ("id", "prompt", "messages", "better", "worse", "principle", "note")
"""Keys of our own form."""
PRINCIPLE = ("id", "text", "preference", "asks", "asks_broken", "negation")
"""Keys of a principle that a row brings along."""
_EXPECTED = (
    "expected a pair: prompt (or messages), better and worse; or prompt, text_correct and text_incorrect; or input and "
    "targets with choices and labels; or chosen and rejected"
)


class LeftOut(Exception):
    """A row that is well formed and can be no item, by its reason."""


@dataclass(frozen=True, slots=True)
class Rows:
    """How the rows of one set are read."""

    set: str
    principle: Principle | None = None
    """Of rows that name none."""
    principles: Principles | None = None
    """Where rows name a principle by its id."""

    def item(self, row: Mapping[str, Any], place: str) -> Item:
        """The item of a row; without an id it gets that of its content.

        Raises:
            LineError: the row is malformed.
            LeftOut: it is well formed, and can be no item.
        """
        shape = next((read for keys, read in _SHAPES if all(key in row for key in keys)), None)
        if shape is None:
            raise LineError((), f"{_EXPECTED}; found {', '.join(sorted(map(str, row))) or 'nothing'}")
        conversation, better, worse = shape(row)
        principle = self._principle(row["principle"]) if "better" in row and row.get("principle") else self.principle
        made = Item(self.set, "", conversation, better, worse, principle, place)
        if not normalised(better) or not normalised(worse):
            raise LeftOut(EMPTY)
        if same_text(better, worse):
            raise LeftOut(SAME)
        given = row.get("id")
        if given is not None and not isinstance(given, str | int):
            raise LineError(("id",), f"expected a text or a whole number, found {kind(given)}")
        return replace(made, id=made.digest if given is None else str(given))

    def _principle(self, value: object) -> Principle:
        path: JsonPath = ("principle",)
        if isinstance(value, str):
            known = {} if self.principles is None else {each.id: each for each in self.principles.principles}
            if value not in known:
                name = "" if self.principles is None else f" in constitution '{self.principles.name}'"
                raise LineError(path, f'there is no principle "{value}"{name}{nearest(value, list(known))}')
            return known[value]
        if not isinstance(value, Mapping):
            raise LineError(path, f"expected the id of a principle, or an object, found {kind(value)}")
        for key in value:
            if key not in PRINCIPLE:
                raise LineError((*path, str(key)), f"unknown key{nearest(str(key), list(PRINCIPLE))}")
        texts: dict[str, Any] = {key: check_text(text, (*path, key)) for key, text in value.items() if text is not None}
        if "text" not in texts and "preference" not in texts:
            raise LineError(path, "a principle needs `text` or `preference`")
        return Principle(**{"id": texts.get("text", texts.get("preference", ""))[:60], **texts})


Sides: TypeAlias = tuple[Conversation, str, str]


def _own(row: Mapping[str, Any]) -> Sides:
    for key in row:
        if key not in OWN:
            raise LineError((str(key),), f"unknown key{nearest(str(key), list(OWN))}")
    if "prompt" in row and "messages" in row:
        raise LineError(("messages",), "the row has a `prompt` too; keep one of them")
    name = "prompt" if "prompt" in row else "messages"
    if name not in row:
        raise LineError((), "the pair has no prompt; give `prompt` or `messages`")
    return conversation_of(row[name], (name,)), _answer(row, "better"), _answer(row, "worse")


def _texts(row: Mapping[str, Any]) -> Sides:
    return (
        conversation_of(row["prompt"], ("prompt",)), _answer(row, "text_correct"), _answer(row, "text_incorrect")
    )  # fmt: skip


def _targets(row: Mapping[str, Any]) -> Sides:
    targets = row["targets"]
    if not isinstance(targets, Mapping) or not {"choices", "labels"} <= set(targets):
        raise LineError(("targets",), 'expected an object like {"choices": ["...", "..."], "labels": [1, 0]}')
    choices, labels = targets["choices"], targets["labels"]
    if not isinstance(choices, list) or len(choices) != 2:
        raise LineError(("targets", "choices"), "expected a list of two answers")
    if labels not in ([0, 1], [1, 0]):
        raise LineError(("targets", "labels"), "expected [1, 0] or [0, 1]: 1 for the better answer")
    texts = [_text(text, ("targets", "choices", place)) for place, text in enumerate(choices)]
    return conversation_of(row["input"], ("input",)), texts[labels.index(1)], texts[labels.index(0)]


def _preferred(row: Mapping[str, Any]) -> Sides:
    before = conversation_of(row["prompt"], ("prompt",)) if row.get("prompt") is not None else None
    better, worse = (_side(row[side], (side,), before) for side in ("chosen", "rejected"))
    if better[0] != worse[0]:
        raise LeftOut(UNLIKE)
    return better[0], better[1], worse[1]


def _side(value: object, path: JsonPath, before: Conversation | None) -> tuple[Conversation, str]:
    """The conversation before the last answer, and that answer."""
    if isinstance(value, str) and not is_transcript(value):
        if before is None:
            raise LineError(
                path, "is an answer without a prompt; give `prompt`, or transcripts that begin with \\n\\nHuman:"
            )
        return before, value
    turns = _spoken(value) if isinstance(value, str) else _turns(value, path)
    if turns[-1].role != "assistant":
        raise LineError(path, "does not end with an answer")
    opening = turns[:-1] or before
    if not opening:
        raise LineError(path, "is an answer without a prompt; give `prompt`, or the whole conversation")
    return opening, turns[-1].content


_SHAPES: tuple[tuple[tuple[str, ...], Callable[[Mapping[str, Any]], Sides]], ...] = (
    (("better", "worse"), _own),
    (("prompt", "text_correct", "text_incorrect"), _texts),
    (("input", "targets"), _targets),
    (("chosen", "rejected"), _preferred),
)
"""By the keys that a row must have."""


def conversation_of(value: object, path: JsonPath) -> Conversation:
    """What was said before the answers: a text, a transcript, or a list of turns.

    Raises:
        LineError: it is none of them.
        LeftOut: a transcript whose turns nobody can tell apart.
    """
    if isinstance(value, str):
        return _spoken(value) if is_transcript(value) else (user(check_text(value, path)),)
    return _turns(value, path)


def _spoken(text: str) -> Conversation:
    try:
        return parse_transcript(text)
    except LineError:
        raise LeftOut(UNCLEAR) from None


def _turns(value: object, path: JsonPath) -> Conversation:
    if not isinstance(value, list) or not value:
        raise LineError(
            path, f'expected a text, or a list like [{{"role": "user", "content": "..."}}], found {kind(value)}'
        )
    return tuple(Message(turn.role, turn.content, turn.extra) for turn in _read_turns(value, path))


def _read_turns(value: list[object], path: JsonPath) -> list[Message]:
    return [turn_of(turn, (*path, place)) for place, turn in enumerate(value)]


def _answer(row: Mapping[str, Any], name: str) -> str:
    return _text(row[name], (name,))


def _text(value: object, path: JsonPath) -> str:
    """An answer as it stands; an empty one is a reason to leave the row out, not an error."""
    if not isinstance(value, str):
        raise LineError(path, f"expected a text, found {kind(value)}")
    return value if not value.strip() else check_text(value, path)
