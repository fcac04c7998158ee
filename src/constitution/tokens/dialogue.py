"""Plain `Human:` and `Assistant:` transcripts, for models without a chat template.

Source: Bai et al. 2022, "Constitutional AI" (arXiv 2212.08073), whose section 3.1 shows its dialogues in this form. A
base model continues the transcript; the turns that it would invent for the human are cut off at stop strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from constitution.messages import Conversation
from constitution.tokens.rendering import Cut, Form, as_it_is, left_out

LABELS: Mapping[str, str] = {"user": "Human:", "assistant": "Assistant:", "tool": "Tool:"}
"""What stands before a turn; system turns have nothing before them."""
STOPS = ("\nHuman:", "\nAssistant:")
"""Where an answer ends: the model goes on with a turn that is not its own."""
_BETWEEN = "\n\n"


def spaced(text: str) -> str:
    """Text behind a label: the space is part of its first word for most tokenizers."""
    return f" {text}"


def own_turn(written: str) -> str:
    """The answer in what a base model wrote after `Assistant:`, without the turns that it went on to invent."""
    ends = [place for stop in STOPS if (place := written.find(stop)) >= 0]
    return written[: min(ends, default=len(written))].strip()


class DialogueTemplate:
    """Stands for the chat template of a model that has none."""

    plain = True

    def __init__(self, tokenizer: Any) -> None:
        """Look whether the tokenizer opens each text with a token of its own."""
        bos = getattr(tokenizer, "bos_token", None)
        ids = list(tokenizer("a")["input_ids"])
        self._begin = str(bos) if bos and ids and ids[0] == tokenizer.bos_token_id else ""

    def render(self, messages: Conversation, tools: str | None, options: Mapping[str, Any]) -> str:  # noqa: ARG002 - as ChatTemplate
        """The transcript up to the label of the next answer."""
        found = self.cut("", messages, tools)
        texts = [form(messages[index].content) for index, form in found.slots]
        return "".join(piece + text for piece, text in zip(found.pieces, [*texts, ""], strict=True))

    def marked(self, shape: Conversation, tools: str | None, options: Mapping[str, Any]) -> str:
        """The transcript of a shape. Tools and calls are not shown."""
        return self.render(shape, tools, options)

    def cut(self, marked: str, shape: Conversation, tools: str | None) -> Cut:  # noqa: ARG002 - as ChatTemplate
        """What stands around the texts: labels, and an empty line between two turns."""
        pieces: list[str] = []
        forms: list[Form] = []
        opening = self._begin
        for turn in shape:
            label = LABELS.get(turn.role, "")
            pieces.append(opening + label)
            forms.append(left_out if not turn.content else spaced if label else as_it_is)
            opening = _BETWEEN
        pieces.append(opening + LABELS["assistant"])
        return Cut(tuple(pieces), tuple(enumerate(forms)))
