"""Filter: what of a text is not an answer. Pure functions of texts; each measure has a name and a stated threshold."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

COPY_THRESHOLD = 0.5
"""A revision copies another text if more than this share of its word trigrams stands there (and not in the draft)."""
NEAR_COPY = 0.9
"""Two texts are near copies from this trigram Jaccard on: flagged, and kept."""

_SPACES = re.compile(r"\s+")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)
_PREAMBLE_LIMIT = 240
"""Characters: an opening longer than this is part of the answer."""

# An introduction names the answer itself ("the revised answer", "a shorter version of my response"). What names a thing
# that the user may have asked for ("your email", "the answer key", "a list of new ...") is content and stays.
_END = r"[*_]{0,3}[ \t\u00a0]*[:：][*_]{0,3}"
_STOP = rf"(?:{_END}|[.!](?=[ \t]*\n))"
_LINE_END = _END + r"(?=[ \t]*(?:\n|$))"

_MADE = r"(?:revised|rewritten|re-written|reworded|rephrased|reworked|edited|improved|shortened|simplified)"
_NEW = rf"(?:{_MADE}|updated|corrected|modified|amended|new|alternative|better|shorter|clearer|simpler|final|(?:more|less|slightly|much) \w+)"
_ANSWER = r"(?:answer|response|reply)"
_THIS_ANSWER = (
    rf"(?:(?:my|your|the|this|that) )?(?:(?:previous|last|original|earlier|first|initial|above) ){{0,2}}{_ANSWER}"
)
_TAIL = (
    rf"(?: of (?:{_THIS_ANSWER}|the (?:original|text|passage|paragraph))\b)?"
    r"(?: to (?:the|your|this) (?:question|prompt|query|request|critique|criticism)\b)?"
    r"(?:(?:,| ?[(–—]| (?:that|which|with|without|in|using|following|based|so|as|according)\b"
    r"| to (?!the\b|your\b|my\b|a\b|an\b|this\b|that\b|his\b|her\b|their\b))[^\n:]{0,120})?"
)
_HERE = r"(?:here(?:'s|’s| is| are)|below is)"
_OPENER = (
    r"(?:(?:sure|certainly|of course|okay|ok|alright|absolutely|got it|understood|no problem|good point|thank you|thanks"
    r"|you(?:'re|’re| are) right|i understand|i see|i(?:'m|’m| am) sorry|(?:my )?apologies|i apologi[sz]e)\b"
    r"[^\n:]{0,120}?[,.!;–—-]\s{1,3}){0,2}"
)
_ENGLISH: tuple[str, ...] = (
    # "Here is the revised answer:", "Sure! Here's a shorter version of my response, without the list:"
    rf"(?:{_HERE}|(?:this|the following) is) (?:the|a|an|my|your|another) (?:attempt at an? )?(?:{_NEW}(?:,| and)? ){{1,3}}(?:{_ANSWER}|version|draft|attempt){_TAIL}{_STOP}",
    rf"{_HERE} (?:the|a|my|your) (?:{_NEW} ){{0,2}}{_MADE} (?:text|paragraph|message|passage|explanation|statement){_TAIL}{_END}",
    rf"{_HERE} (?:the|a|my) (?:possible |full |complete )?(?:rewrite|revision){_TAIL}{_STOP}",
    rf"{_HERE} (?:the|my) {_ANSWER}{_TAIL}{_LINE_END}",
    rf"{_HERE} how i (?:would|could|might) (?:rewrite|revise|improve|rephrase) {_THIS_ANSWER}{_TAIL}{_STOP}",
    rf"here (?:it is|you go)(?:,[^\n:]{{0,60}})?{_LINE_END}",
    # "The revised answer is:", "My new response would be as follows:"
    rf"(?:the|my) (?:(?:{_MADE}|updated|corrected|modified) ){{1,2}}(?:{_ANSWER}|version) (?:is|reads|would be|could be)(?: as follows)?{_END}",
    rf"(?:the|my) (?:{_NEW} ){{1,3}}(?:{_ANSWER}|version) (?:is|reads|would be)(?: as follows)?{_LINE_END}",
    # "I have rewritten my answer to be shorter:", "Let me revise the response."
    rf"(?:i(?:'ve|’ve| have)? (?:now )?|let me |i(?:'ll|’ll| will) (?:now )?)(?:re-?wr(?:ite|itten|ote)|revised?|updated?|improved?|reword(?:ed)?|rephrased?|shorten(?:ed)?|correct(?:ed)?) {_THIS_ANSWER}{_TAIL}{_STOP}",
)
_LABELS: tuple[str, ...] = (
    rf"(?:(?:my|the|your|an?) )?(?:(?:final|new) )?(?:{_MADE}|updated|corrected|modified|new|better|shorter) (?:{_ANSWER}|version)(?: of {_THIS_ANSWER})?",
    rf"{_MADE} (?:text|paragraph|message|passage|draft)",
    rf"(?:{_ANSWER}|version) \({_NEW}\)",
    r"(?:überarbeitete|verbesserte|korrigierte|neue|umgeschriebene|umformulierte|aktualisierte) (?:antwort|version|fassung)",
    r"(?:réponse|version) (?:révisée|améliorée|corrigée|réécrite|reformulée|modifiée)|nouvelle (?:réponse|version)",
    r"(?:respuesta|versión) (?:revisada|mejorada|corregida|reescrita|actualizada)|nueva (?:respuesta|versión)",
    r"(?:修改|改进|修订|重写|改写|更新|优化)[后过]?的?(?:回答|答案|版本|回复|答复)",
)
_LABEL = "(?:" + "|".join(_LABELS) + ")"
_OTHERS: tuple[str, ...] = (
    # German
    r"(?:(?:gerne?|natürlich|klar|sicher|selbstverständlich|danke|verstanden)\b[^\n:]{0,60}?[,.!]\s{1,3})?hier (?:(?:ist|kommt) )?(?:die|eine|meine) (?:(?:überarbeitete|verbesserte|korrigierte|neue|umgeschriebene|umformulierte|aktualisierte|kürzere|bessere),? ){1,3}(?:antwort|version|fassung)(?: (?:der|meiner|deiner) (?:\w+ )?antwort)?(?:(?:,| in| ohne| mit)\b[^\n:]{0,80})?"
    + _END,
    # French
    r"(?:(?:bien sûr|d['’]accord|certainement|très bien|entendu|merci|compris)\b[^\n:]{0,60}?[,.!]\s{1,3})?voici (?:la|une|ma) (?:(?:nouvelle|meilleure) (?:réponse|version)|(?:réponse|version) (?:révisée|améliorée|corrigée|réécrite|reformulée|modifiée))(?: de (?:ma|la|votre|ta) (?:\w+ )?réponse)?(?:(?:,| en| sans| qui)\b[^\n:]{0,80})?"
    + _END,
    # Spanish
    r"(?:¡?(?:claro|por supuesto|desde luego|de acuerdo|entendido|gracias|perfecto)\b[^\n:]{0,60}?[,.!]\s{1,3})?aquí (?:está|tienes|tiene|va) (?:la|una|mi) (?:nueva (?:respuesta|versión)|(?:respuesta|versión) (?:revisada|mejorada|corregida|reescrita|actualizada))(?: de (?:mi|la|tu|su) (?:\w+ )?respuesta)?(?:(?:,| en| sin| que)\b[^\n:]{0,80})?"
    + _END,
    # Chinese
    r"(?:(?:好的|当然|没问题|明白了|谢谢)[^\n:：]{0,20}?[,，。！!]\s{0,3})?(?:以下|这|下面)(?:是|为)?我?(?:修改|改进|修订|重写|改写|更新|优化|新)[后过]?的(?:回答|答案|版本|回复|答复)"
    + _END,
)
_MARKS = r"(?:#{1,6} {1,3})?[*_]{0,3}"
_PREAMBLE = re.compile(
    rf"{_MARKS}(?:{_OPENER}(?:"
    + "|".join(_ENGLISH)
    + rf"|{_LABEL}{_END})|"
    + "|".join(_OTHERS)
    + rf"|(?:revised|rewritten|{_ANSWER}){_LINE_END}|(?:revision|rewrite){_END}(?![ \t]*\d))[ \t]*"
    rf"|(?:#{{1,6}} {{1,3}}{_LABEL}|[*_]{{2,3}}{_LABEL}[*_]{{2,3}}|{_LABEL}(?=[ \t]*\n[ \t]*\n))[ \t]*(?=\n)",
    re.IGNORECASE,
)
"""At the beginning of a text: an introduction, a label, or a label as a heading on a line of its own."""
_LEAK = re.compile(
    r"</?think(?:ing)?>|</?seed:think>|(?-i:\[/?THINK\])|◁/?think▷|<\|[a-z_]+\|>|\[/?INST\]|^\s*(?:critique|revision)\s*request\s*:|\b(?:critique|revision)request\s*:",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»", "「": "」"}


def strip_preamble(text: str) -> tuple[str, str | None]:
    """Take an introduction like "Here is the revised answer:" off the beginning, and quotes around what is left.

    Returns:
        The answer without spaces at its ends, and what was stripped (None if nothing was).
    """
    whole = text.strip()
    found = _PREAMBLE.match(whole)
    if found is None or found.end() > _PREAMBLE_LIMIT:
        return whole, None
    rest = whole[found.end() :].strip()
    if len(rest) > 1 and _QUOTES.get(rest[0]) == rest[-1] and rest[-1] not in rest[1:-1]:
        rest = rest[1:-1].strip()
    return rest, found.group().strip()


def leaks(text: str) -> bool:
    """Whether a text shows the machinery: think tags, control tokens written out, request markers."""
    return _LEAK.search(text) is not None


_SIGNED = re.compile(r"[-−]\d")
_SHARE = re.compile(r"\d%$")


@lru_cache(maxsize=128)
def normalised(text: str) -> str:
    """A text with its spaces folded and without spaces and punctuation at its ends; a number keeps its sign and its %."""
    folded = _SPACES.sub(" ", text)
    start, end = 0, len(folded)
    while start < end and _marginal(folded[start]) and not _SIGNED.match(folded, start):
        start += 1
    while end > start and _marginal(folded[end - 1]) and not _SHARE.match(folded, max(start, end - 2), end):
        end -= 1
    return folded[start:end]


def _marginal(character: str) -> bool:
    return unicodedata.category(character)[0] in "PZC"


def same_text(a: str, b: str) -> bool:
    """Whether two texts differ at most in spaces, and in punctuation at the ends (law 8)."""
    return a == b or normalised(a) == normalised(b)


def words(text: str) -> list[str]:
    """Words in lower case; in scripts without spaces, runs of letters fall into single characters."""
    lower = text.lower()
    if lower.isascii():
        return _WORD.findall(lower)
    found: list[str] = []
    for word in _WORD.findall(lower):
        if word[0] >= "\u2e80":
            found.extend(word)
        else:
            found.append(word)
    return found


@lru_cache(maxsize=128)
def word_count(text: str) -> int:
    """How many words a text has; in scripts without spaces, how many characters."""
    return len(words(text))


@lru_cache(maxsize=128)
def trigrams(text: str) -> frozenset[tuple[str, ...]]:
    """Word trigrams of a text; of a text of fewer than three words, its one run of words."""
    found = words(text)
    if len(found) < 3:
        return frozenset({tuple(found)}) if found else frozenset()
    return frozenset(zip(found, found[1:], found[2:], strict=False))


def trigram_jaccard(a: str, b: str) -> float:
    """Word trigrams in common, divided by all of both: 0 (nothing) to 1 (the same words in the same order)."""
    left, right = trigrams(a), trigrams(b)
    if not left or not right:
        return float(left == right)
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)


def copied_share(text: str, source: str, draft: str) -> float:
    """Share of the word trigrams of `text` that stand in `source` and not in `draft`: 0 to 1.

    What stands in the draft too does not count: a critique quotes the draft, and a good revision keeps most of it.
    """
    mine = trigrams(text)
    if not mine:
        return 0.0
    return len((mine & trigrams(source)) - trigrams(draft)) / len(mine)
