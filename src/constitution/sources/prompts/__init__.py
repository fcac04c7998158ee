"""Prompts: files of them, read line by line from any place, and Python values that stand for them."""

from constitution.sources.prompts.files import copy_stream, seekable
from constitution.sources.prompts.prompt_file import Entry, PromptFile
from constitution.sources.prompts.rows import derived_id
from constitution.sources.prompts.values import as_prompt, is_one_prompt, write_prompts

__all__ = [
    "Entry",
    "PromptFile",
    "as_prompt",
    "copy_stream",
    "derived_id",
    "is_one_prompt",
    "seekable",
    "write_prompts",
]
