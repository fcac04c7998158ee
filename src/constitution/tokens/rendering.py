"""Chat templates with placeholders in place of the text.

A template is code by strangers that some put around, trim, drop or repeat what was said. So it never sees text: it is
rendered with one placeholder a message, and the rendering is cut at the placeholders. What is left is the template's
own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from constitution.errors import RecordError, SettingsError

_NONCE = "c1f7b02d9e"


class Rewritten(Exception):
    """The template does more to a conversation than put something around each text."""


def _placeholder(index: int) -> str:
    # The quotation marks do not survive JSON or HTML escaping, so that such a template is noticed.
    return f'{_NONCE}"{index}"{_NONCE}'


class ChatTemplate:
    """The chat template of a tokenizer, with a date that stands still."""

    def __init__(self, tokenizer: Any, *, date: str) -> None:
        """Wrap the template of `tokenizer`.

        Args:
            tokenizer: of transformers, which renders templates in a sandbox.
            date: ISO date that the template's clock shows.

        Raises:
            SettingsError: there is no template, or `date` is no date.
        """
        name = getattr(tokenizer, "name_or_path", "?")
        if not getattr(tokenizer, "chat_template", None):
            raise SettingsError(
                f"the tokenizer of '{name}' has no chat template, so it is a base model; choose its instruct version."
            )
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
            return _placeholder(0) in self.render([("user", _placeholder(0))], None, {})
        except RecordError:
            return False

    def render(self, turns: list[tuple[str, str]], tools: str | None, options: dict[str, Any]) -> str:
        """Render `turns` (role, content) with the opening of the next answer.

        Raises:
            RecordError: the template refuses this conversation or breaks on it.
        """
        messages: list[dict[str, Any]] = [
            {"role": role, "content": [{"type": "text", "text": content}] if self._parts else content}
            for role, content in turns
        ]
        try:
            rendered = self._tokenizer.apply_chat_template(
                messages,
                tools=None if tools is None else json.loads(tools),
                tokenize=False,
                add_generation_prompt=True,
                **{**options, "strftime_now": self._clock},
            )
        except Exception as error:
            roles = ", ".join(role for role, _ in turns)
            raise RecordError(
                f"the model's chat template cannot render the turns ({roles}): {type(error).__name__}: {error}"
            ) from error
        return str(rendered)

    def pieces(self, roles: tuple[str, ...], tools: str | None, options: dict[str, Any]) -> tuple[str, ...]:
        """What the template puts before, between and after the texts: one piece more than `roles`.

        Raises:
            Rewritten: a text would be dropped, repeated, escaped, or put in another order.
            RecordError: the template refuses these roles.
        """
        marks = [_placeholder(index) for index in range(len(roles))]
        rest = self.render(list(zip(roles, marks, strict=True)), tools, options)
        found: list[str] = []
        for index, mark in enumerate(marks):
            if mark not in rest:
                raise Rewritten(f"the text of turn {index + 1} ({roles[index]}) is dropped, moved or escaped")
            piece, _, rest = rest.partition(mark)
            found.append(piece)
        found.append(rest)
        if any(_NONCE in piece for piece in found):
            raise Rewritten("a text is repeated or cut")
        return tuple(found)
