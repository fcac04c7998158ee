"""Revise: ask for the rewritten answer, and see whether what came back is one."""

from __future__ import annotations

from constitution.engine import Answer, Ask, Sampling
from constitution.flow import Flow, ask
from constitution.messages import user
from constitution.principles import Principle, Principles
from constitution.records import Revision
from constitution.steps.critique import Chat, parse_finding
from constitution.steps.filter import (
    COPY_THRESHOLD,
    copied_share,
    leaks,
    normalised,
    same_text,
    strip_closing,
    strip_preamble,
    trigram_jaccard,
)
from constitution.templates import fill


def revise_request(principles: Principles, principle: Principle, *, direct: bool) -> str:
    """The user turn that asks for the rewrite; `direct` where no critique stands before it."""
    name = "revise_direct" if direct else "revise"
    return fill(name, principle, principles.context, principles.templates)


def revise(chat: Chat, request: str, round: int, sampling: Sampling, lora: str | None = None) -> Flow[Answer]:
    """Ask for a rewrite of the text under revision; `chat` ends with it, or with its critique."""
    messages = (*chat.messages, user(request))
    question = Ask("revise", "revise", messages, sampling, round, chat.parent, chat.tools, lora=lora)
    return (yield from ask(question))


def judge_revision(
    answer: Answer, *, draft: str, before: str, critique: str | None, requests: tuple[str, ...]
) -> Revision:
    """Clean a usable answer and name its defect, if it has one (law 8)."""
    text, preamble = strip_preamble(answer.completion.text)
    text, closing = strip_closing(text)
    return Revision(
        text=text,
        defect=_defect(text, draft, critique, requests),
        preamble="\n\n".join(part for part in (preamble, closing) if part) or None,
        similarity=trigram_jaccard(before, text),
        reasoning=answer.completion.reasoning,
        attempts=answer.attempts,
    )


def _defect(text: str, draft: str, critique: str | None, requests: tuple[str, ...]) -> str | None:
    if not normalised(text) or leaks(text) or parse_finding(text) is not None:
        return "leak"
    if any(copied_share(text, request, draft) > COPY_THRESHOLD for request in requests):
        return "leak"
    if same_text(text, draft):
        return "equal"
    if critique is not None and (same_text(text, critique) or copied_share(text, critique, draft) > COPY_THRESHOLD):
        return "copies_critique"
    return None
