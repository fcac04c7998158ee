"""Draft: ask for the first answer. It sees the conversation and nothing else."""

from __future__ import annotations

from constitution.engine import Answer, Ask, Completion, Sampling
from constitution.flow import Flow, ask
from constitution.messages import Prompt
from constitution.steps.filter import normalised


def draft(prompt: Prompt, sampling: Sampling, lora: str | None = None) -> Flow[Answer]:
    """Ask the draft model for an answer to the conversation."""
    return (yield from ask(Ask("draft", "draft", prompt.conversation, sampling, tools=prompt.tools, lora=lora)))


def unusable_text(completion: Completion, *, whole: bool) -> str | None:
    """Why a text answer cannot be used: `empty`, `only_thoughts`, or `truncated` where it has to be whole.

    An answer of nothing but spaces, punctuation and invisible characters is empty.
    """
    if not normalised(completion.text):
        return "only_thoughts" if completion.reasoning else "empty"
    if whole and completion.finish_reason == "length":
        return "truncated"
    return None
