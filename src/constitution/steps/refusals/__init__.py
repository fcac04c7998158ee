"""Refusals: what a text refuses, told from its words and from where they stand. No model is asked."""

from constitution.steps.refusals.cues import LANGUAGES, Group, Language, cue_count, language, languages
from constitution.steps.refusals.tag import KINDS, Cue, Refusal, RefusalKind, tag_refusal

__all__ = [
    "KINDS",
    "LANGUAGES",
    "Cue",
    "Group",
    "Language",
    "Refusal",
    "RefusalKind",
    "cue_count",
    "language",
    "languages",
    "tag_refusal",
]
