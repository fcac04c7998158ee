"""The scripted engine: deterministic answers from a function of the request. The only fake, and part of the product."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from math import inf
from typing import Literal, TypeAlias

from constitution.digest import digest_bytes, uniform
from constitution.engine import Capabilities, Completion, Request
from constitution.errors import EngineDeadError, RequestRefused, SettingsError
from constitution.messages import Conversation
from constitution.tokens import own_turn, split_thoughts

Script: TypeAlias = Callable[[Request], str | Completion]
Fault: TypeAlias = Callable[[Request], Exception | None]
Kind: TypeAlias = Literal["chat", "reasoning", "reasoning_opened", "base"]

_WORDS = [
    "amber",
    "basket",
    "candle",
    "distant",
    "early",
    "forest",
    "garden",
    "harbour",
    "island",
    "jacket",
    "kettle",
    "lantern",
    "meadow",
    "narrow",
    "orchard",
    "paper",
    "quiet",
    "river",
    "silver",
    "thunder",
    "under",
    "valley",
    "window",
    "yellow",
    "anchor",
    "bridge",
    "copper",
    "dancer",
    "engine",
    "feather",
    "glacier",
    "hollow",
]


class ScriptedEngine:
    """Answers from `script`, or with a short text made from the request's key, so that runs give pairs.

    Args:
        script: a function of the request; returns the answer's text, or a whole completion.
        latency_ms: mean time to an answer; each request's own lies between 0 and twice that, by its key.
        fault: a function that returns the exception to raise for a request, or None.
        max_context: prompt and answer together, in tokens of four characters.
        max_in_flight: how many requests it says that it takes at a time.
        model: the fingerprint that it gives; another one gives other keys.
        kind: what the script's texts are. `chat`: answers; `reasoning`: thoughts in a think block, and the answer;
            `reasoning_opened`: the same where the prompt has opened the block; `base`: what a base model writes after
            `Assistant:`, with the turns that it goes on to invent.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        latency_ms: float = 0.0,
        fault: Fault | None = None,
        max_context: int = 1_000_000,
        max_in_flight: int = 64,
        model: str = "scripted",
        kind: Kind = "chat",
    ) -> None:
        if not 0 <= latency_ms < inf:
            raise SettingsError(f"engine.latency_ms is {latency_ms}, expected 0 or more")
        if max_context < 1 or max_in_flight < 1:
            raise SettingsError("engine.max_context and engine.max_in_flight must be at least 1")
        self._script = script or from_key
        self._latency = latency_ms / 1000
        self._fault = fault
        self._model = model
        self._kind = kind
        self.max_context = max_context
        """Prompt and answer together, in tokens."""
        self._max_in_flight = max_in_flight
        self._closed = False
        self.requests = 0
        """How many requests were asked."""

    async def start(self, labels: tuple[str, ...] = ()) -> Capabilities:
        """Say what it can do; nothing is loaded."""
        if len(set(labels)) != len(labels):
            raise SettingsError(f"labels repeat: {', '.join(labels)}")
        self._closed = False
        return Capabilities(
            model=self._model,
            max_context=self.max_context,
            max_in_flight=self._max_in_flight,
            logprobs=True,
            json_schema=True,
            same_text_again=True,
            fingerprint=(("engine", "scripted"),),
        )

    async def answer(self, request: Request) -> Completion:
        """Answer by the script, after the latency of the request's key."""
        if self._closed:
            raise EngineDeadError("the scripted engine is closed")
        self.requests += 1
        if self._latency:
            await asyncio.sleep(self._latency * 2 * uniform("latency", request.key))
        if self._fault is not None:
            error = self._fault(request)
            if error is not None:
                raise error
        prompt_tokens = self.count(request.messages, request.tools)[0]
        if prompt_tokens + request.sampling.max_tokens > self.max_context:
            raise RequestRefused(f"{prompt_tokens} prompt tokens and max_tokens pass the context of {self.max_context}")
        said = self._script(request)
        if isinstance(said, Completion):
            return said
        reasoning, text = self._read(said)
        return Completion(text, reasoning=reasoning, logprobs=_logprobs(request), prompt_tokens=prompt_tokens)

    def _read(self, said: str) -> tuple[str | None, str]:
        """Thoughts and answer, as engines tell them apart."""
        if self._kind == "base":
            return None, own_turn(said)
        if self._kind == "chat":
            return None, said
        return split_thoughts(said, opened=self._kind == "reasoning_opened")

    def count(self, messages: Conversation, tools: str | None = None) -> tuple[int, bool]:
        """Four characters are a token, those of tools and calls too, and each message has two more."""
        characters = sum(len(message.content) + len(message.extra or "") for message in messages) + len(tools or "")
        return characters // 4 + 2 * len(messages), True

    async def close(self) -> None:
        """Answer nothing more."""
        self._closed = True


def _logprobs(request: Request) -> tuple[float, ...] | None:
    if not request.labels:
        return None
    return tuple(-5.0 * uniform("label", request.key, label) for label in request.labels)


def from_key(request: Request) -> str:
    """Eight words chosen by the request's key; a finding where the request wants one."""
    chosen = digest_bytes("words", request.key, size=8)
    text = " ".join(_WORDS[byte % len(_WORDS)] for byte in chosen).capitalize() + "."
    if request.sampling.json_schema is None:
        return text
    violates = chosen[0] % 2 == 0
    return json.dumps({"applies": True, "violates": violates, "severity": int(violates), "critique": text})


def by_stage(answers: Mapping[str, str]) -> Script:
    """A script that gives the same text for each stage; stages that are not named answer from the key."""

    def script(request: Request) -> str:
        return answers[request.stage] if request.stage in answers else from_key(request)

    return script
