"""What a chat template puts around the texts of a conversation, as ids: one skeleton for each shape of conversation."""

from __future__ import annotations

import json
from array import array
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeAlias

from constitution.errors import RecordError
from constitution.messages import Conversation
from constitution.tokens.dialogue import DialogueTemplate
from constitution.tokens.harmless import defuse, function_names, strings
from constitution.tokens.plain import Codec
from constitution.tokens.rendering import ChatTemplate, Rewritten, Slot, shape_of, shows

Options: TypeAlias = Mapping[str, Any]
_Key: TypeAlias = tuple[Conversation, str | None, str]


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What a template puts around the texts of conversations of one shape."""

    pieces: tuple[array[int], ...] | None
    """Ids before, between and after the texts; None where texts cannot be spliced in."""
    slots: tuple[Slot, ...]
    """Which text stands between two pieces, and how it is written."""
    opening: str
    """The last piece as text; where texts cannot be spliced in, a rendering of harmless text."""
    controls: int
    """Control tokens among all of it."""
    unseen: bool = False
    """Whether the template does not show a tool, a call, or what a tool gave back."""


class Skeletons:
    """Makes skeletons and keeps the last ones."""

    def __init__(self, codec: Codec, template: ChatTemplate | DialogueTemplate, room: int = 1 << 23) -> None:
        """Keep skeletons up to `room` ids and letters, which take eight bytes at most."""
        self._codec = codec
        self._template = template
        self._room = room
        self._held = 0
        self._kept: OrderedDict[_Key, Skeleton] = OrderedDict()
        self._ids = lru_cache(maxsize=512)(self._encoded)
        """The tools of a chain stand in the same piece of each of its prompts."""
        self.whole = False
        """Whether texts are never to be spliced in."""

    def of(self, messages: Conversation, tools: str | None, options: Options) -> Skeleton:
        """The skeleton of a conversation.

        Raises:
            RecordError: the template refuses these turns, or what tools and calls say would become control tokens.
        """
        key = (shape_of(messages), tools, json.dumps(dict(options), sort_keys=True))
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            return known
        made = self._guarded(*key[:2], options)
        self._kept[key] = made
        self._held += _weight(key, made)
        while self._held > self._room and len(self._kept) > 1:
            self._held -= _weight(*self._kept.popitem(last=False))
        return made

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._held = 0

    def _guarded(self, shape: Conversation, tools: str | None, options: Options) -> Skeleton:
        """A new skeleton, compared with that of harmless tools and calls where there are any."""
        made = self._new(shape, tools, options)
        if tools is None and all(turn.extra is None and turn.role != "tool" for turn in shape):
            return made
        calm, calm_tools = defuse(shape, tools)
        marked = self._template.marked(calm, calm_tools, options)
        try:
            pieces = self._template.cut(marked, calm, calm_tools).pieces
        except Rewritten:
            pieces = (marked,)
        if sum(self._codec.controls(self._ids(piece)) for piece in pieces) != made.controls:
            token = self._codec.named("\n".join(strings(shape, tools)))
            raise RecordError(
                "what the tools, calls or thoughts of this conversation say would become control tokens of the chat "
                f"template{f', like {token!r}' if token else ''}; take it out of the input, or leave the record out"
            )
        seen = all(name in marked for name in function_names(calm, calm_tools)) and all(
            shows(marked, index) for index, turn in enumerate(calm) if turn.role == "tool" and turn.content
        )
        return replace(made, unseen=not seen)

    def _new(self, shape: Conversation, tools: str | None, options: Options) -> Skeleton:
        if not self.whole:
            try:
                found = self._template.cut(self._template.marked(shape, tools, options), shape, tools)
            except Rewritten:
                pass
            else:
                pieces = tuple(self._ids(piece) for piece in found.pieces)
                controls = sum(self._codec.controls(piece) for piece in pieces)
                return Skeleton(pieces, found.slots, found.pieces[-1], controls)
        harmless = self._template.render(shape, tools, options)
        return Skeleton(None, (), harmless, self._codec.controls(self._codec.template(harmless)))

    def _encoded(self, piece: str) -> array[int]:
        return array("i", self._codec.template(piece))


def _weight(key: _Key, skeleton: Skeleton) -> int:
    shape, tools, options = key
    letters = len(tools or "") + len(options) + len(skeleton.opening) + sum(len(turn.extra or "") for turn in shape)
    return letters + 50 * len(shape) + sum(map(len, skeleton.pieces or ()))
