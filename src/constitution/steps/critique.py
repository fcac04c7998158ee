"""Critique: ask what is wrong with the last answer, in prose or as a structured finding."""

from __future__ import annotations

import json
from dataclasses import dataclass

from constitution.engine import Answer, Ask, Completion, Sampling
from constitution.flow import Flow, ask
from constitution.messages import Conversation, user
from constitution.principles import Principle, Principles
from constitution.records import Critique, Finding
from constitution.templates import fill

FINDING_CHARACTERS = 400
FINDING_SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "applies": {"type": "boolean"},
            "violates": {"type": "boolean"},
            "severity": {"type": "integer", "enum": [0, 1, 2, 3]},
            "critique": {"type": "string", "maxLength": FINDING_CHARACTERS},
        },
        "required": ["applies", "violates", "severity", "critique"],
        "additionalProperties": False,
    },
    sort_keys=False,
    separators=(",", ":"),
)
"""The order of keys is the order in which the model writes them: the verdict stands first."""


@dataclass(frozen=True, slots=True)
class Chat:
    """The transcript so far: it ends with the text under revision."""

    messages: Conversation
    parent: Answer | None
    """The last answer whose text stands whole in the messages."""
    tools: str | None = None
    """Those of the prompt: each request of a chain names them, so that the prompts begin alike."""


def critique_request(principles: Principles, principle: Principle, *, finding: bool) -> str:
    """The user turn that asks for criticism."""
    name = "critique_finding" if finding else "critique"
    return fill(name, principle, principles.context, principles.templates)


def critique(
    chat: Chat, request: str, round: int, sampling: Sampling, lora: str | None = None
) -> Flow[tuple[Answer, Critique | None]]:
    """Ask for criticism of the last text; None where the answer stayed unusable."""
    messages = (*chat.messages, user(request))
    answer = yield from ask(Ask("critique", "critique", messages, sampling, round, chat.parent, chat.tools, lora=lora))
    if answer.unusable:
        return answer, None
    completion = answer.completion
    finding = parse_finding(completion.text) if sampling.json_schema else None
    return answer, Critique(
        text=completion.text if finding is None else finding.critique,
        finding=finding,
        truncated=completion.finish_reason == "length",
        reasoning=completion.reasoning,
        attempts=answer.attempts,
    )


def parse_finding(text: str) -> Finding | None:
    """Read a finding; None if it is not exactly what was asked for."""
    try:
        data = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or set(data) != {"applies", "violates", "severity", "critique"}:
        return None
    applies, violates, severity, criticism = data["applies"], data["violates"], data["severity"], data["critique"]
    if not isinstance(applies, bool) or not isinstance(violates, bool) or not isinstance(criticism, str):
        return None
    if not isinstance(severity, int) or isinstance(severity, bool) or not 0 <= severity <= 3:
        return None
    if any("\ud800" <= character <= "\udfff" for character in criticism):  # an escaped pair, cut in half
        return None
    return Finding(applies, violates, severity, criticism)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError("a key is given twice")
    return data


def unusable_finding(completion: Completion) -> str | None:
    """Why a structured answer cannot be used, or None."""
    if not completion.text.strip():
        return "only_thoughts" if completion.reasoning else "empty"
    if completion.finish_reason == "length" or parse_finding(completion.text) is None:
        return "unreadable_finding"
    return None
