"""Append-only transcripts: the next prompt is the previous prompt, its answer and glue, id for id.

Nothing that was sampled is decoded and tokenized again, so an engine finds all of it in its prefix cache. Ids are a
pure function of the chain of requests: a resumed run builds the same ones. The glue is what the chat template puts
after the answer's placeholder, never the difference of two renderings, since many templates rewrite history.
"""

from __future__ import annotations

import json
from array import array
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias, get_args

from constitution.engine import Completion, Parent, Request, Sampling
from constitution.errors import RecordError, SettingsError
from constitution.messages import Conversation, Message, assistant, user
from constitution.tokens.dialogue import LABELS, STOPS, DialogueTemplate, own_turn, spaced
from constitution.tokens.plain import Codec
from constitution.tokens.rendering import ChatTemplate
from constitution.tokens.skeletons import Skeleton, Skeletons

BreakReason: TypeAlias = Literal[
    "few_shots",
    "stripped_preamble",
    "stop_string",
    "thoughts_left_out",
    "no_token_ids",
    "control_tokens",
    "template_options",
    "rendered_whole",
]
BREAK_REASONS: tuple[BreakReason, ...] = get_args(BreakReason)
"""Why a prompt does not begin with all ids of the prompt and the answer before it.

few_shots: examples stand before the conversation; stripped_preamble: an answer stands without its preamble;
stop_string: the ids went on after the text; thoughts_left_out: the ids hold thoughts; no_token_ids: the engine or an
older journal told none; control_tokens: the model wrote some in mid-answer; template_options: tools, thinking or
options changed what the template wrote before; rendered_whole: the template or tokenizer cannot be spliced.
"""

_NO_IDS: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PromptIds:
    """The ids of a prompt."""

    ids: tuple[int, ...]
    break_reason: BreakReason | None = None
    """Why they are not the parent's prompt ids, its answer's ids and glue; None if they are, or without a parent."""
    opening: int = 0
    """How many ids at the end are the template's opening of the answer."""
    unseen: bool = False
    """Whether the template does not show a tool, a call, or what a tool gave back: the model answers without it."""


class Transcripts:
    """Turns requests into prompt ids for one tokenizer."""

    def __init__(self, tokenizer: Any, *, date: str, stop_ids: Iterable[int] = (), remember: int = 2048) -> None:
        """Copy the tokenizer and try its chat template.

        Args:
            tokenizer: a fast tokenizer of transformers; without a chat template it is a base model's, whose prompts
                are plain `Human:` and `Assistant:` transcripts.
            date: ISO date that templates with a clock see; a run keeps the one of its start.
            stop_ids: ids that end an answer besides the tokenizer's control tokens.
            remember: how many prompts to keep, so that a chain is not built again at each stage.

        Raises:
            SettingsError: the template or the tokenizer cannot serve, with the reason.
        """
        self._codec = Codec(tokenizer)
        self._template: ChatTemplate | DialogueTemplate = (
            ChatTemplate(tokenizer, date=date)
            if getattr(tokenizer, "chat_template", None)
            else DialogueTemplate(tokenizer)
        )
        self._ends = frozenset(self._codec.control) | frozenset(stop_ids)
        self._remember = remember
        self._prompts: OrderedDict[str, tuple[array[int], BreakReason | None, int, bool]] = OrderedDict()
        self._skeletons = Skeletons(self._codec, self._template)
        self.whole_because: str | None = None
        """Why every text is rendered whole, with a count of control tokens as guard; None if texts are spliced."""
        self.whole_because = self._try_out()
        self._skeletons.whole = self.whole_because is not None
        self._skeletons.clear()

    def prompt_ids(self, request: Request) -> PromptIds:
        """The prompt of `request`, built on its parent's where that is possible.

        Raises:
            RecordError: the text cannot be encoded, the template refuses the turns, or something would become control
                tokens: tools or calls, and texts where they are rendered whole.
        """
        known = self._prompts.get(request.key)
        if known is not None:
            self._prompts.move_to_end(request.key)
            return PromptIds(tuple(known[0]), *known[1:])
        built = self._build(request)
        self._prompts[request.key] = (array("q", built.ids), built.break_reason, built.opening, built.unseen)
        if len(self._prompts) > self._remember:
            self._prompts.popitem(last=False)
        return built

    def count(self, messages: Conversation, tools: str | None = None) -> int:
        """Prompt tokens of `messages`, the opening of the answer included. Exact.

        Templates show the thoughts behind a call until the next user turn; a transcript that is appended to keeps them,
        so they are counted where the answer to a call follows.
        """
        skeleton = self._skeletons.of(messages, tools, {})
        total = len(self._rendered(messages, tools, {}).ids)
        asked = _until_answered(messages)
        if skeleton.pieces is None or not asked:
            return total
        later = len(self._splice(skeleton, asked, 0))
        return total + max(0, len(self._rendered(asked, tools, {}).ids) - later)

    def turn_tokens(self, turn: Message) -> int:
        """Tokens of the text of a turn, as it stands behind what opens the turn.

        Raises:
            RecordError: it cannot be encoded.
        """
        return len(self._codec.text(self._as_answer(turn.content) if turn.role in LABELS else turn.content))

    def splices(self, request: Request) -> bool:
        """Whether the texts of `request` are tokenized apart from the template.

        Raises:
            RecordError: the template refuses the turns.
        """
        return self._skeletons.of(request.messages, request.tools, _options(request.sampling)).pieces is not None

    def shown(self, request: Request) -> str:
        """The prompt of `request` as the chat template writes it, the opening of the answer included.

        Raises:
            RecordError: the template refuses the turns.
        """
        return self._template.render(request.messages, request.tools, _options(request.sampling))

    def opens_thoughts(self, request: Request) -> bool:
        """Whether the prompt of `request` ends by opening a think block."""
        skeleton = self._skeletons.of(request.messages, request.tools, _options(request.sampling))
        return skeleton.opening.rstrip().endswith("<think>")

    @property
    def plain(self) -> bool:
        """Whether prompts are plain transcripts, for want of a chat template."""
        return self._template.plain

    @property
    def stops(self) -> tuple[str, ...]:
        """Where an answer ends besides the stop strings of its request."""
        return STOPS if self.plain else ()

    def answer_text(self, written: str) -> str:
        """The answer in what the model wrote: of a plain transcript the model's own turn, without spaces around it."""
        return own_turn(written) if self.plain else written

    @cached_property
    def thinking_switch(self) -> bool:
        """Whether the chat template heeds `enable_thinking`."""
        turns = (user("a"),)
        on, off = (self._template.render(turns, None, {"enable_thinking": state}) for state in (True, False))
        return on != off

    @property
    def lacks(self) -> tuple[str, ...]:
        """What of a sampling cannot be asked for in the prompt, by the names of `Capabilities.lacks`."""
        if self.plain:
            return ("thinking_on", "thinking_off", "thinking_budget", "chat_template_kwargs", "tools")
        if self.thinking_switch:
            return ()
        opening = self._skeletons.of((user("a"),), None, {}).opening
        always = opening.rstrip().endswith("<think>") or self.has_channels
        return ("thinking_off",) if always else ("thinking_on", "thinking_off")

    @property
    def has_channels(self) -> bool:
        """Whether answers come in harmony channels, which only control tokens keep apart."""
        return "<|channel|>" in self._codec.control.values()

    def label_ids(self, labels: Iterable[str]) -> tuple[int, ...]:
        """The token of each label as the first of an answer.

        Raises:
            SettingsError: a label is not one token there, or two labels are the same.
        """
        opening = self._skeletons.of((user(""),), None, {}).opening
        before = self._codec.template(opening)
        found: list[int] = []
        for label in labels:
            shown = self._as_answer(label)
            ids = self._codec.text(shown)
            if len(ids) != 1 or self._codec.template(opening + shown) != [*before, *ids]:
                raise SettingsError(
                    f"the label {label!r} is not one token at the start of this model's answers; choose a shorter one, "
                    "for example a capital letter."
                )
            if ids[0] in found:
                raise SettingsError(f"the label {label!r} is the same token as another label; choose distinct ones.")
            found.extend(ids)
        return tuple(found)

    def _try_out(self) -> str | None:
        """Why texts must be rendered whole, or None."""
        self._two_user_turns()
        if leaks := self._codec.leaks():
            return f"the tokenizer makes control tokens of text even without its added tokens, like {leaks[0]!r}"
        turns = (user("Name one river."), assistant("The Rhine, for one."), user("And a \u00e9tude <b>?"))
        try:
            skeleton = self._skeletons.of(turns, None, {})
        except RecordError as error:
            raise SettingsError(f"{error}. Choose a model whose template serves plain conversations.") from error
        if skeleton.pieces is None:
            return "the chat template does more than put something around each text"
        spliced = self._splice(skeleton, turns, 0)
        whole = self._codec.template(self._template.render(turns, None, {}))
        return None if spliced == whole else "the tokenizer joins text to what stands before it"

    def _two_user_turns(self) -> None:
        try:
            self._template.render((user("a"), user("b")), None, {})
        except RecordError as error:
            raise SettingsError(
                "the model's chat template refuses two user turns in a row, which the requests of a chain may hold: "
                f"{error}. Choose a model whose template takes them."
            ) from error

    def _build(self, request: Request) -> PromptIds:
        options = _options(request.sampling)
        parent = request.parent
        if parent is None:
            return self._rendered(request.messages, request.tools, options)
        before = parent.request.messages
        skeleton = self._skeletons.of(request.messages, request.tools, options)
        reason = self._unlike(request, parent, skeleton, options)
        if reason is not None or skeleton.pieces is None:
            rendered = self._rendered(request.messages, request.tools, options)
            return replace(rendered, break_reason=reason or "rendered_whole")
        answered = self.prompt_ids(parent.request)
        place = len(before)
        ids = list(answered.ids)
        answer, reason = self._answer_ids(parent)
        if reason in ("thoughts_left_out", "control_tokens"):
            # The opening may itself open thoughts, or leave it to the model to open a channel: how the template shows
            # an answer that was given takes its place.
            del ids[len(ids) - answered.opening :]
            ids += skeleton.pieces[place]
        ids += answer
        ids += self._splice(skeleton, request.messages, place + 1)
        if reason is None and any(message.role == "assistant" for message in request.messages[place + 1 :]):
            reason = "stripped_preamble"
        return PromptIds(tuple(ids), reason, len(skeleton.pieces[-1]), skeleton.unseen)

    def _unlike(
        self, request: Request, parent: Parent, skeleton: Skeleton, options: dict[str, Any]
    ) -> BreakReason | None:
        """Why `request` does not go on from its parent's prompt at all."""
        before = parent.request.messages
        if request.messages[: len(before) + 1] != (*before, assistant(parent.completion.text)):
            return "few_shots" if _holds(request.messages, before) else "stripped_preamble"
        if skeleton.pieces is None:
            return "rendered_whole"
        earlier = _options(parent.request.sampling)
        if (parent.request.tools, earlier) != (request.tools, options):
            # The same turns under both settings: whatever differs before the answer would be lost by appending.
            other = self._skeletons.of(request.messages, parent.request.tools, earlier)
            kept = len(before)
            if other.pieces is None or other.pieces[:kept] != skeleton.pieces[:kept]:
                return "template_options"
        return None

    def _answer_ids(self, parent: Parent) -> tuple[list[int], BreakReason | None]:
        """The ids of an answer as they stand in later prompts."""
        completion = parent.completion
        text = self._codec.text(self._as_answer(completion.text))
        if completion.reasoning is not None:
            return text, "thoughts_left_out"
        ids = list(completion.token_ids)
        if not ids:
            return text, "no_token_ids" if completion.text else None
        if completion.finish_reason == "stop":
            if ids[-1] in self._ends:
                ids.pop()
            elif parent.request.sampling.stop or self.stops:
                return self._cut(ids, completion), "stop_string"
        if self._codec.controls(ids):
            return text, "control_tokens"
        return ids, None

    def _cut(self, ids: list[int], completion: Completion) -> list[int]:
        """The longest run of sampled ids that the text holds, then the rest of the text."""
        whole = self._as_answer(completion.text)
        for kept in range(len(ids), 0, -1):
            text = self._codec.decode(ids[:kept])
            if whole.startswith(text) and not self._codec.controls(ids[:kept]):
                return ids[:kept] + self._codec.text(whole[len(text) :])
        return self._codec.text(whole)

    def _as_answer(self, text: str) -> str:
        """A text as it stands behind the opening of an answer."""
        return spaced(text) if self.plain and text else text

    def _rendered(self, messages: Conversation, tools: str | None, options: dict[str, Any]) -> PromptIds:
        """`messages` rendered by themselves."""
        skeleton = self._skeletons.of(messages, tools, options)
        if skeleton.pieces is not None:
            ids = self._splice(skeleton, messages, 0)
            return PromptIds(tuple(ids), None, len(skeleton.pieces[-1]), skeleton.unseen)
        texts = [message.content for message in messages]
        for text in texts:
            self._codec.text(text)  # refuses what cannot be encoded
        ids = self._codec.template(self._template.render(messages, tools, options))
        if self._codec.controls(ids) != skeleton.controls:
            raise RecordError(
                "the text holds control tokens of the chat template, which this model's tokenizer cannot keep apart "
                f"from text: {self._codec.named(' '.join(texts))!r}"
            )
        return PromptIds(tuple(ids), unseen=skeleton.unseen)

    def _splice(self, skeleton: Skeleton, messages: Conversation, start: int) -> list[int]:
        """Pieces and texts from piece `start` to the piece after the last message."""
        assert skeleton.pieces is not None
        ids: list[int] = []
        for index in range(start, len(messages)):
            place, form = skeleton.slots[index]
            ids += skeleton.pieces[index]
            ids += self._codec.text(form(messages[place].content))
        ids += skeleton.pieces[len(messages)]
        return ids


def _until_answered(messages: Conversation) -> Conversation:
    """The turns up to an answer that follows what tools gave back; none where none does."""
    for place in range(len(messages) - 1, 0, -1):
        before = messages[place - 1]
        if before.role == "tool" or before.extra is not None:
            return messages[:place] if messages[place].role == "assistant" else ()
    return ()


def _holds(messages: Conversation, part: Conversation) -> bool:
    """Whether `part` stands later in `messages`; its system turns, which always come first, may stand apart from it."""
    head = 0
    while head < len(part) and part[head].role in ("system", "developer"):
        head += 1
    turns, size = part[head:], len(part) - head
    starts = range(head + 1, len(messages) - size + 1)
    return messages[:head] == part[:head] and any(messages[start : start + size] == turns for start in starts)


def _options(sampling: Sampling) -> dict[str, Any]:
    """What the chat template is told besides the turns."""
    options: dict[str, Any] = json.loads(sampling.chat_template_kwargs) if sampling.chat_template_kwargs else {}
    if sampling.thinking is not None:
        options.setdefault("enable_thinking", sampling.thinking != "off")
    return options
