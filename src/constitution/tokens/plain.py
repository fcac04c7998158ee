"""Two private copies of a tokenizer: one for the template's own pieces, one that knows no control token for text.

A copy is private because settings of the shared one stay set: whoever tokenizes with `split_special_tokens` or
truncation changes it for everybody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from constitution.errors import RecordError, SettingsError


class Codec:
    """Encodes template pieces with control tokens and text without."""

    def __init__(self, tokenizer: Any) -> None:
        """Copy `tokenizer` (a fast tokenizer of transformers).

        Raises:
            SettingsError: it has no fast backend.
        """
        from tokenizers import Tokenizer

        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise SettingsError(
                f"the tokenizer of '{getattr(tokenizer, 'name_or_path', '?')}' has no fast form (tokenizer.json), "
                "which is needed to keep text apart from control tokens; convert it with transformers' save_pretrained."
            )
        state = json.loads(backend.to_str())
        state.update(truncation=None, padding=None)
        self._template = Tokenizer.from_str(json.dumps(state))
        added = {item["id"]: item for item in state.get("added_tokens") or ()}
        state.update(added_tokens=[], post_processor=None)
        self._text = Tokenizer.from_str(json.dumps(state))
        self.control: dict[int, str] = {
            id: item["content"] for id, item in added.items() if self._is_control(item["content"], id, item["special"])
        }
        """Ids that text must never become, with their own text."""

    def _is_control(self, content: str, id: int, special: bool) -> bool:
        # Some vocabularies list ordinary strings (runs of spaces, HTML tags) among the added tokens.
        return bool(special) or self._text.encode(content, add_special_tokens=False).ids != [id]

    def leaks(self) -> list[str]:
        """Control tokens whose text becomes a control token even in the plain copy."""
        return [text for text in self.control.values() if self.controls(self.text(text))]

    def controls(self, ids: Iterable[int]) -> int:
        """How many of `ids` are control tokens."""
        return sum(map(self.control.__contains__, ids))

    def named(self, text: str) -> str | None:
        """The first control token whose text stands in `text`."""
        return next((token for token in self.control.values() if token in text), None)

    def template(self, text: str) -> list[int]:
        """Ids of text that the chat template itself wrote."""
        return self._ids(self._template, text)

    def text(self, text: str) -> list[int]:
        """Ids of text that anybody may have written: no control token among them.

        Raises:
            RecordError: the text holds half a surrogate pair, which no encoding knows.
        """
        return self._ids(self._text, text)

    def decode(self, ids: list[int]) -> str:
        """The text of ids, without special tokens."""
        return str(self._template.decode(ids, skip_special_tokens=True))

    @staticmethod
    def _ids(tokenizer: Any, text: str) -> list[int]:
        if not text:
            return []
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise RecordError(
                f"the text holds a lone surrogate at position {error.start}, which cannot be encoded; "
                "repair the input or leave the record out"
            ) from error
        return list(tokenizer.encode(text, add_special_tokens=False).ids)
