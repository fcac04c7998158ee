"""Thoughts apart from answers: think tags and harmony channels."""

from __future__ import annotations

import re

OPEN, CLOSE = "<think>", "</think>"

_HARMONY = re.compile(
    r"<\|channel\|>\s*(?P<channel>\w+)[^<]*<\|message\|>(?P<text>.*?)(?=<\|(?:end|return|call|start|channel)\|>|\Z)",
    re.DOTALL,
)


def split_thoughts(text: str, *, opened: bool = False) -> tuple[str | None, str]:
    """Split what a model wrote into its thoughts (None if there are none) and its answer.

    A block that is never closed is thoughts to its end. A closing tag without an opening one ends thoughts that the
    prompt had opened. Spaces and line ends between a block and the answer belong to neither.

    Args:
        text: all that was sampled.
        opened: the prompt itself ended with an opening tag.
    """
    if "<|channel|>" in text:
        return _split_channels(text)
    if not opened and OPEN not in text and CLOSE not in text:
        return None, text
    thoughts: list[str] = []
    answer = ""
    rest = text
    inside = opened or _closes_first(text)
    while True:
        before, tag, after = rest.partition(CLOSE if inside else OPEN)
        if inside:
            # A model may repeat the tag that the prompt has opened already.
            thoughts.append(before.strip().removeprefix(OPEN).strip())
            rest = after.lstrip()
        else:
            answer += before
            rest = after
        if not tag:
            break
        inside = not inside
    return "\n\n".join(thought for thought in thoughts if thought), answer.rstrip() if answer.isspace() else answer


def _closes_first(text: str) -> bool:
    close, first_open = text.find(CLOSE), text.find(OPEN)
    return close >= 0 and (first_open < 0 or close < first_open)


def _split_channels(text: str) -> tuple[str | None, str]:
    thoughts: list[str] = []
    answers: list[str] = []
    for match in _HARMONY.finditer(text):
        (answers if match["channel"] == "final" else thoughts).append(match["text"])
    return ("\n\n".join(thoughts) if thoughts else None), "".join(answers)
