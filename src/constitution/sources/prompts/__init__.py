"""Prompts: whatever a user has becomes one file that is read line by line from any place."""

from constitution.sources.prompts.entries import Entry
from constitution.sources.prompts.files import seekable
from constitution.sources.prompts.intake import in_place, intake, intake_items, prompts_of, read_items, read_sources
from constitution.sources.prompts.prompt_file import PromptFile
from constitution.sources.prompts.reading import Reading
from constitution.sources.prompts.rows import derived_id
from constitution.sources.prompts.source import PromptSource
from constitution.sources.prompts.values import answer_problem, as_prompt, is_one_prompt, with_responses

__all__ = [
    "Entry",
    "PromptFile",
    "PromptSource",
    "Reading",
    "answer_problem",
    "as_prompt",
    "derived_id",
    "in_place",
    "intake",
    "intake_items",
    "is_one_prompt",
    "prompts_of",
    "read_items",
    "read_sources",
    "seekable",
    "with_responses",
]
