"""Chat templates with placeholders in place of the text.

A template is code by strangers that some put around, trim, drop or repeat what was said. So it never sees text: it is
rendered with one placeholder a message, and the rendering is cut at the placeholders. What is left is the template's
own. What a turn holds besides text (calls, ids, thoughts) is part of its shape and reaches the template as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from constitution.errors import RecordError, SettingsError
from constitution.messages import Conversation, Message, user

_NONCE = "c1f7b02d9e"
HARMLESS = "x"

Form: TypeAlias = Callable[[str], str]
"""How a template writes a text out."""
Slot: TypeAlias = tuple[int, Form]


class Rewritten(Exception):
    """The template does more to a conversation than put something around each text."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A rendering without its texts."""

    pieces: tuple[str, ...]
    """What stands before, between and after the texts: one more than there are turns."""
    slots: tuple[Slot, ...]
    """Which text stands between two pieces: its turn, and how it is to be written."""


def as_it_is(text: str) -> str:
    """Text as most templates write it."""
    return text


def left_out(_: str) -> str:
    """Text that a template does not show."""
    return ""


def as_json(text: str) -> str:
    """Text as transformers' `tojson` writes it: Llama 3.1 and gpt-oss do so with what tools gave back."""
    return json.dumps(text, ensure_ascii=False)


def as_ascii_json(text: str) -> str:
    """The same from templates that ask for ASCII."""
    return json.dumps(text)


def shape_of(messages: Conversation) -> Conversation:
    """`messages` with the same harmless text in each turn.

    A turn that calls tools, and what they gave back, may have no text, and templates look whether it has: it has none.
    """
    return tuple(replace(turn, content="" if _says_nothing(turn) else HARMLESS) for turn in messages)


def _says_nothing(turn: Message) -> bool:
    return (turn.extra is not None or turn.role == "tool") and not turn.content


def _placeholder(index: int) -> str:
    # The quotation marks do not survive JSON or HTML escaping, so that such a template is noticed; the letter tells one
    # kind of JSON from the other.
    return f'{_NONCE}"\u00e9{index}"{_NONCE}'


class ChatTemplate:
    """The chat template of a tokenizer, with a date that stands still."""

    plain = False

    def __init__(self, tokenizer: Any, *, date: str) -> None:
        """Wrap the template of `tokenizer`.

        Args:
            tokenizer: of transformers, which renders templates in a sandbox.
            date: ISO date that the template's clock shows.

        Raises:
            SettingsError: `date` is no date.
        """
        try:
            today = datetime.fromisoformat(date)
        except ValueError as error:
            raise SettingsError(f"the date '{date}' is not an ISO date like 2026-01-31: {error}") from error
        self._clock: Callable[[str], str] = today.strftime
        self._tokenizer = tokenizer
        self._parts = False
        """Whether a turn's content is a list of parts, as templates of models that also see pictures want it."""
        if not self._shows_text():
            self._parts = True
            self._parts = self._shows_text()

    def _shows_text(self) -> bool:
        try:
            return _placeholder(0) in self.render((user(_placeholder(0)),), None, {})
        except RecordError:
            return False

    def render(self, messages: Conversation, tools: str | None, options: Mapping[str, Any]) -> str:
        """Render `messages` with the opening of the next answer.

        Args:
            messages: turns with all that they hold.
            tools: JSON array as text.
            options: what the template is told besides.

        Raises:
            RecordError: the template refuses this conversation or breaks on it.
        """
        turns = [self._turn(message) for message in messages]
        try:
            return self._apply(turns, tools, options)
        except Exception as error:
            if _arguments_as_text(turns):
                with suppress(Exception):  # the first error is the one to tell
                    return self._apply(turns, tools, options)
            roles = ", ".join(message.role for message in messages)
            raise RecordError(
                f"the model's chat template cannot render the turns ({roles}): {type(error).__name__}: {error}"
            ) from error

    def _turn(self, message: Message) -> dict[str, Any]:
        content = [{"type": "text", "text": message.content}] if self._parts else message.content
        extra = {} if message.extra is None else json.loads(message.extra)
        return {"role": message.role, "content": content, **extra}

    def _apply(self, turns: list[dict[str, Any]], tools: str | None, options: Mapping[str, Any]) -> str:
        rendered = self._tokenizer.apply_chat_template(
            turns,
            tools=None if tools is None else json.loads(tools),
            tokenize=False,
            add_generation_prompt=True,
            **{**options, "strftime_now": self._clock},
        )
        return str(rendered)

    def marked(self, shape: Conversation, tools: str | None, options: Mapping[str, Any]) -> str:
        """Render a shape with placeholders for its texts.

        Raises:
            RecordError: the template refuses these turns.
        """
        turns = tuple(
            replace(turn, content=_placeholder(index)) if turn.content else turn for index, turn in enumerate(shape)
        )
        return self.render(turns, tools, options)

    @staticmethod
    def cut(marked: str, shape: Conversation, tools: str | None) -> Cut:
        """What `marked` gave for a shape, without its texts.

        Raises:
            Rewritten: the template does more than put something around each text.
        """
        return cut(marked, shape, tools)


def cut(rendered: str, shape: Conversation, tools: str | None) -> Cut:
    """Cut what `ChatTemplate.marked` gave for a shape and tools at its placeholders.

    What a tool gave back may stand there as JSON. It, and the text beside a call, may be left out, or stand in each
    other's places (Gemma 4 writes that text after what the tool gave back); everything else stands in its own.

    Raises:
        Rewritten: a text would be dropped, repeated, escaped, or put in another order.
    """
    if any(_NONCE in (held or "") for held in (tools, *(turn.extra for turn in shape))):
        raise Rewritten("tools or calls hold a placeholder")
    found = sorted(
        (place, index, form)
        for index, turn in enumerate(shape)
        for form in _forms(turn)
        if (place := rendered.find(form(_placeholder(index)))) >= 0
    )
    shown = sorted(index for _, index, _ in found)
    if len(set(shown)) < len(shown):
        raise Rewritten("a text is repeated")
    slots: list[Slot] = [(index, left_out) for index in range(len(shape))]
    pieces = [""] * len(shape)
    rest = rendered
    for index, (_, text, form) in zip(shown, found, strict=True):
        pieces[index], rest = rest.split(form(_placeholder(text)), 1)
        slots[index] = (text, form)
    for index, turn in enumerate(shape):
        if turn.extra is None and turn.role != "tool" and slots[index] != (index, as_it_is):
            raise Rewritten(f"the text of turn {index + 1} ({turn.role}) is dropped, moved or escaped")
    pieces.append(rest)
    if any(_NONCE in piece for piece in pieces):
        raise Rewritten("a text is repeated, escaped or cut")
    return Cut(tuple(pieces), tuple(slots))


def _forms(turn: Message) -> tuple[Form, ...]:
    if not turn.content:
        return ()
    return (as_it_is, as_json, as_ascii_json) if turn.role == "tool" else (as_it_is,)


def shows(rendered: str, index: int) -> bool:
    """Whether what `ChatTemplate.marked` gave holds the text of a turn in some form."""
    return re.search(rf"(?:\u00e9|\\u00e9){index}\D", rendered) is not None


def _arguments_as_text(turns: list[dict[str, Any]]) -> bool:
    """Write the arguments of calls as JSON text, as templates want them that only join texts (DeepSeek V3).

    Returns:
        Whether there were any to write.
    """
    changed = False
    for turn in turns:
        for call in turn.get("tool_calls") or ():
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict) and isinstance(function.get("arguments"), dict):
                function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False)
                changed = True
    return changed
