"""Filter: what of a text is not an answer, and which pairs are not worth training on."""

from constitution.steps.filter.composing import Filter
from constitution.steps.filter.known import DEFAULT_EFFECTS, EFFECTS, FILTERS, Effect, FilterName
from constitution.steps.filter.remarks import strip_closing
from constitution.steps.filter.sieve import OWN, Effects, Sieve, effects_of, sieve_of
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
    "DEFAULT_EFFECTS",
    "EFFECTS",
    "FILTERS",
    "NEAR_COPY",
    "OWN",
    "Effect",
    "Effects",
    "Filter",
    "FilterName",
    "Sieve",
    "copied_share",
    "effects_of",
    "leaks",
    "normalised",
    "same_text",
    "sieve_of",
    "strip_closing",
    "strip_preamble",
    "trigram_jaccard",
    "trigrams",
    "words",
]
