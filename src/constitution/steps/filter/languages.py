"""Languages: which one a text is in, by its letters and its small words; None wherever that is not plain.

It knows English, German, French, Spanish, Italian, Portuguese and Dutch by their words, and others by their script.
Why no library: docs/decisions/0014-filters.md.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from constitution.messages import Conversation
from constitution.steps.filter.language_data import CHINESE_LANGUAGE_TALK, LANGUAGE_TALK, SCRIPTS, STOP_WORDS

LEAST_WORDS = 12
"""A shorter text may be in any language."""
WORD_SHARE = 0.25
"""Of a text's words, so many are small words of its language."""
LEAD = 1.5
"""And so many times as many as of any other language, each divided by the number of languages that have the word."""
SCRIPT_SHARE = 0.6
"""Of a text, counted in words, so much stands in the letters of its script."""

_SEEN = 2_000
"""Characters of a text that are looked at."""
_LETTERS_A_WORD = 1.6
"""In scripts without spaces; elsewhere a word is a word."""
_LATIN_ENDS = "\u0250"
_KANA = 0.1
"""Of Chinese and Japanese letters, so many are Japanese alone."""
_UNSPACED = frozenset({"ja", "zh", "thai"})
_NO_PROSE = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|https?://\S+|^[ \t]*[>|].*$", re.DOTALL | re.MULTILINE
)
"""Code, addresses, quotations and tables."""
_MARKS = ("`", "~~~", "://", ">", "|")
_QUOTES = ('"', "“", "„", "«", "「")
_QUOTED = re.compile(r"\"[^\"\n]{3,300}\"|“[^”\n]{3,300}”|„[^“”\n]{3,300}[“”]|«[^»\n]{3,300}»|「[^」\n]{2,300}」")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_SCRIPTS = tuple((name, re.compile(f"{letters}+")) for name, letters in SCRIPTS)
_SMALL = {name: frozenset(words.split()) for name, words in STOP_WORDS.items()}
_SHARED = {
    word: tuple(name for name, small in _SMALL.items() if word in small)
    for word in sorted(frozenset().union(*_SMALL.values()))
}
"""The languages of each small word."""
_TALK = re.compile(
    r"\b(?:"
    + "|".join(word.replace("*", r"\w*") for words in LANGUAGE_TALK.values() for word in words.split())
    + r")\b|"
    + "|".join(CHINESE_LANGUAGE_TALK.split()),
    re.IGNORECASE,
)
_ELIDED = re.compile(r"\b(?:[ldnsmtjc]|qu)['’](?=\w)")


@lru_cache(maxsize=128)
def language(text: str) -> str | None:
    """The language that a text is plainly in: an ISO 639 code, or the name of a script; None where it is not plain.

    Code, addresses, quotations and tables do not count.
    """
    if text.isascii() and len(text.split()) < LEAST_WORDS:
        return None
    prose = _prose(text[:_SEEN])
    words = _WORD.findall(_ELIDED.sub("", prose.lower()))
    latin = words if prose.isascii() else [word for word in words if word[0] < _LATIN_ENDS]
    if len(latin) < len(words):
        script = _by_script(prose, len(latin))
        if script is not None or len(latin) < SCRIPT_SHARE * len(words):
            return script
    return _by_words(latin) if len(latin) >= LEAST_WORDS else None


def _prose(text: str) -> str:
    """A text without what no language is told by."""
    if any(mark in text for mark in _MARKS):
        text = _NO_PROSE.sub(" ", text)
    return _QUOTED.sub(" ", text) if any(quote in text for quote in _QUOTES) else text


def _by_script(prose: str, latin: int) -> str | None:
    """By letters, beside so many words in Latin ones."""
    sizes = {name: _size(name, pattern, prose) for name, pattern in _SCRIPTS}
    whole = sum(sizes.values()) + latin
    if sizes["ja"] >= _KANA * (sizes["ja"] + sizes["zh"]):  # Japanese writes with both
        sizes["ja"] += sizes.pop("zh")
    script = max(sizes, key=lambda name: sizes[name])
    return script if whole >= LEAST_WORDS and sizes[script] >= SCRIPT_SHARE * whole else None


def _size(name: str, pattern: re.Pattern[str], prose: str) -> float:
    runs = pattern.findall(prose)
    return sum(map(len, runs)) / _LETTERS_A_WORD if name in _UNSPACED else float(len(runs))


def _by_words(words: list[str]) -> str | None:
    """By small words; one that several languages have says less of each."""
    counts = Counter(word for word in words if word in _SHARED)
    weighed = dict.fromkeys(_SMALL, 0.0)
    for word, count in counts.items():
        for name in _SHARED[word]:
            weighed[name] += count / len(_SHARED[word])
    (most, best), (second, _) = sorted(((weight, name) for name, weight in weighed.items()), reverse=True)[:2]
    hits = sum(count for word, count in counts.items() if best in _SHARED[word])
    return best if hits >= WORD_SHARE * len(words) and most >= LEAD * second else None


def other_language(conversation: Conversation, answer: str) -> tuple[str, str] | None:
    """The language of what was asked and of the answer, where both are plain, differ, and nothing asks for it.

    A conversation that speaks of languages, or in which the language of the answer stands too, may have asked for it.
    """
    said = language(answer)
    if said is None:
        return None
    turns = [turn.content for turn in conversation]
    asked = language(next((turn.content for turn in reversed(conversation) if turn.role == "user"), ""))
    if asked is None or asked == said:
        return None
    if any(_TALK.search(turn) or _holds(turn, said, asked) for turn in turns):
        return None
    return asked, said


def _holds(turn: str, said: str, asked: str) -> bool:
    """Whether a turn has words of a language that the language of the question lacks."""
    if said not in _SMALL:
        return any(pattern.search(turn) for name, pattern in _SCRIPTS if name == said)
    own = _SMALL[said] - _SMALL.get(asked, frozenset())
    found = {word for word in _WORD.findall(turn.lower()) if word in own}
    return len(found) >= 3
