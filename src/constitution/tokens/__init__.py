"""From messages to token ids: chat templates, append-only transcripts, control-token safety, labels, counting.

Only engines and doors use this; formats get a counter as an argument. Nothing here imports torch or an engine; the
tokenizer is given.
"""

from __future__ import annotations

from constitution.tokens.dialogue import own_turn
from constitution.tokens.thoughts import split_thoughts
from constitution.tokens.transcripts import BREAK_REASONS, PromptIds, Transcripts

__all__ = ["BREAK_REASONS", "PromptIds", "Transcripts", "own_turn", "split_thoughts"]
