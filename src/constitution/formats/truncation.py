"""Truncation: pairs that a trainer cuts to the same tokens. Knows no tokenizer: it is given what makes the ids.

Source: TRL 1.16, `DPOTrainer` and `DPOConfig`: prompt and answer are rendered together and the first `max_length` ids
are kept (1024, keep_start). A pair whose prompt alone fills them is left out there, and is the same on both sides here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from constitution.errors import InputError
from constitution.formats.rows import answer, turns
from constitution.records import PreferencePair
from constitution.steps.filter import Filter

MAX_LENGTH = 1024
"""Tokens that TRL's DPO trainer keeps where it is told nothing."""
EQUAL_TRUNCATED = "equal_truncated"

ChatIds: TypeAlias = Callable[[list[dict[str, Any]], list[Any] | None], Sequence[int]]
"""Ids of a conversation with its tools."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a trainer cuts."""

    tokenizer: str
    """As it was named."""
    max_length: int
    """Tokens of prompt and answer that are kept, from the start."""
    ids: ChatIds

    def __call__(self, pair: PreferencePair) -> str | None:
        """What is seen of a pair both of whose texts are the same up to the cut.

        Raises:
            InputError: the chat template refuses the conversation.
        """
        asked = turns(pair.conversation)
        tools = None if pair.tools is None else orjson.loads(pair.tools)
        try:
            chosen, rejected = (self.ids(asked + answer(text), tools) for text in (pair.chosen, pair.rejected))
        except Exception as error:  # templates are code by strangers: they raise what they like
            raise InputError(
                f"'{pair.record}': the chat template of '{self.tokenizer}' refuses the conversation: {error}; the "
                "trainer will too: leave --tokenizer out, or take another model's"
            ) from error
        if list(chosen[: self.max_length]) != list(rejected[: self.max_length]):
            return None
        return f"{len(chosen):,} and {len(rejected):,} tokens with the prompt, the first {self.max_length:,} the same"

    def filter(self) -> Filter:
        """The filter that sees such pairs."""
        about = f"both texts are the same in the {self.max_length:,} tokens that a trainer keeps"
        return Filter(EQUAL_TRUNCATED, self, about)
