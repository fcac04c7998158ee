"""Text that looks like control tokens, for servers that make token ids of text themselves.

There nothing keeps a user's `<|im_start|>` apart from the chat template's own. What is sent gets a zero-width joiner
into it, so that no tokenizer takes it for one token; what is stored stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias, get_args

ControlText: TypeAlias = Literal["reject", "neutralise", "allow"]
CONTROL_TEXT: tuple[str, ...] = get_args(ControlText)

_JOINER = "\u200d"
_TAGS = (
    "s|bos|eos|pad|unk|mask|sep|cls|sop|eop|gmask|eot|think|tool_calls?|tool_response|tool_result|start_of_turn|"
    "end_of_turn|start_of_image|end_of_image|start_of_role|end_of_role|end_of_text|fim_prefix|fim_middle|fim_suffix"
)
_BRACKETS = (
    "INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|ARGS|CALL_ID|THINK|IMG|IMG_BREAK|IMG_END|"
    "PREFIX|MIDDLE|SUFFIX|MASK|CLS|SEP|PAD|UNK|gMASK"
)
_LOOKS = (
    r"<[|\uff5c][^<>\n]{1,64}?[|\uff5c]>",
    rf"</?(?i:{_TAGS})>",
    rf"\[/?(?:{_BRACKETS})\]",
    r"<</?SYS>>",
)


class ControlTexts:
    """Finds what looks like a control token."""

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        """The forms that are in use, and a tokenizer's own `tokens` where one is known."""
        own = sorted({token for token in tokens if len(token) > 1}, key=lambda token: (-len(token), token))
        self._pattern = re.compile("|".join([*map(re.escape, own), *_LOOKS]))

    def first(self, value: object) -> str | None:
        """The first one in the strings of a JSON value."""
        for text in _strings(value):
            found = self._pattern.search(text)
            if found is not None:
                return found[0]
        return None

    def broken(self, value: Any) -> Any:
        """The same JSON value with a joiner after the first character of each."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {key: self.broken(held) for key, held in value.items()}
        if isinstance(value, list):
            return [self.broken(held) for held in value]
        return value

    def _text(self, text: str) -> str:
        # One that stands inside another, or is made by breaking it, is found the next time.
        while (found := self._pattern.search(text)) is not None:
            text = text[: found.start() + 1] + _JOINER + text[found.start() + 1 :]
        return text


def _strings(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for held in value.values():
            yield from _strings(held)
    elif isinstance(value, list):
        for held in value:
            yield from _strings(held)
