"""Filter: what of a text is not an answer, and which pairs are not worth training on."""

from constitution.steps.filter.text import (
    COPY_THRESHOLD,
    NEAR_COPY,
    copied_share,
    leaks,
    normalised,
    same_text,
    strip_preamble,
    trigram_jaccard,
    trigrams,
    words,
)

__all__ = [
    "COPY_THRESHOLD",
    "NEAR_COPY",
    "copied_share",
    "leaks",
    "normalised",
    "same_text",
    "strip_preamble",
    "trigram_jaccard",
    "trigrams",
    "words",
]
