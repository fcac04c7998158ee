"""Whether an answer is about its question, by the words that both share. English."""

from __future__ import annotations

import re

_PLAIN = """
about advice begin beginner best better common could difficult does from give good have helps people mistakes make makes
some should that this usually what when which with your
"""
PLAIN = frozenset(_PLAIN.split())
"""Words of a question that say nothing about its subject."""


def takes_up(question: str, text: str) -> bool:
    """Whether a content word of the question stands in a text, in any of its forms; True where there is none."""
    stems = subject_of(question)
    return not stems or any(re.search(rf"\b{stem}", text.lower()) for stem in stems)


def subject_of(question: str) -> tuple[str, ...]:
    """Stems of the content words of a question: those with four letters or more that are not PLAIN."""
    found = re.findall(r"[a-z]{4,}", question.lower())
    return tuple(dict.fromkeys(_stem(word) for word in found if word not in PLAIN))


def _stem(word: str) -> str:
    stem = re.sub(r"(ings?|ers?|ies|es|ed|s|e|y)$", "", word)
    stem = re.sub(r"([bdgmnprt])\1$", r"\1", stem)
    return stem if len(stem) > 2 else word
