"""Truncation: pairs that a trainer cuts to the same tokens.

Source: TRL 1.16, `DPOTrainer` and `DPOConfig`: prompt and answer are rendered together and the first `max_length` ids
are kept (1024, keep_start). A pair whose prompt alone fills them is left out there, and is the same on both sides here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from constitution.engines.counting import chat_ids
from constitution.errors import InputError, SettingsError
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


def cut_of(tokenizer: str | None, max_length: int | None) -> Cut | None:
    """Where a trainer will cut; None where nobody asks.

    Args:
        tokenizer: of the model to be trained: `demo`, a folder, or a hub name.
        max_length: tokens; None as TRL has it.

    Raises:
        SettingsError: there is a length without a tokenizer, it is none, or the tokenizer cannot be had.
    """
    if tokenizer is None:
        if max_length is not None:
            raise SettingsError(
                "--max-length: counts the tokens of a --tokenizer; name that of the model to be trained"
            )
        return None
    if max_length is not None and max_length < 1:
        raise SettingsError(f"--max-length {max_length}: expected 1 or more")
    return Cut(tokenizer, MAX_LENGTH if max_length is None else max_length, chat_ids(tokenizer))
