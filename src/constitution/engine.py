"""The one seam between the method and whatever serves a model.

A flow yields an `Ask`; the runner gives it a key and a seed and makes it a `Request`; an `Engine` turns that into a
`Completion`; the runner hands the flow an `Answer`. Nothing else passes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeAlias

from constitution.digest import Part, digest
from constitution.messages import Conversation
from constitution.seeds import Seeds

ModelRole: TypeAlias = Literal["draft", "critique", "revise", "judge", "draft2", "draft3", "draft4"]
DRAFT_ROLES: tuple[ModelRole, ...] = ("draft", "draft2", "draft3", "draft4")
"""Of models that answer the same prompts by turns."""
FinishReason: TypeAlias = Literal["stop", "length"]
Thinking: TypeAlias = Literal["on", "off"] | int | None
"""`None` leaves it to the chat template; a number is a budget in tokens."""

KEY_VERSION = 1
"""Raised when what a request key digests changes; older journals then no longer match by key."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is sampled. Every field is sent, so that no server default slips in."""

    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    """0 = off."""
    min_p: float = 0.0
    seed: int | None = None
    """Set by the runner from (run seed, record, stage, round, sample, attempt)."""
    stop: tuple[str, ...] = ()
    json_schema: str | None = None
    """JSON Schema as canonical JSON text; the answer is constrained to it."""
    thinking: Thinking = None
    chat_template_kwargs: str | None = None
    """JSON object as canonical JSON text, handed to the chat template."""

    def parts(self) -> Part:
        """What of the sampling is in a request key: all of it."""
        thinking: Part = self.thinking
        return (
            self.max_tokens,
            float(self.temperature),
            float(self.top_p),
            self.top_k,
            float(self.min_p),
            self.seed,
            self.stop,
            self.json_schema,
            thinking,
            self.chat_template_kwargs,
        )

    @property
    def needs(self) -> tuple[str, ...]:
        """What of it not every engine can do, by the names of `Capabilities.lacks`."""
        wanted = {
            "temperature": self.temperature != 1,
            "top_p": self.top_p < 1,
            "top_k": self.top_k > 0,
            "min_p": self.min_p > 0,
            "stop": bool(self.stop),
            "json_schema": self.json_schema is not None,
            "thinking_on": self.thinking == "on",
            "thinking_off": self.thinking == "off",
            "thinking_budget": isinstance(self.thinking, int),
            "chat_template_kwargs": self.chat_template_kwargs is not None,
        }
        return tuple(name for name, asked in wanted.items() if asked)


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model answered. An aborted request is never a completion."""

    text: str
    """The answer without thoughts, exactly as the model wrote it."""
    token_ids: tuple[int, ...] = ()
    """All sampled ids, thoughts and a final stop id included; empty where the engine does not tell them."""
    finish_reason: FinishReason = "stop"
    logprobs: tuple[float | None, ...] | None = None
    """Natural-log probability of each label of the request, in its order; None for one that is missing."""
    reasoning: str | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    told_output: int | None = None
    """How many tokens were sampled, where the engine tells the number but not the ids."""

    @property
    def output_tokens(self) -> int:
        """How many tokens were sampled, as far as the engine told."""
        return len(self.token_ids) or self.told_output or 0


@dataclass(frozen=True, slots=True)
class Ask:
    """What a flow wants answered: a request without key and seed."""

    role: ModelRole
    stage: str
    """`draft`, `critique`, `revise` ...: names seeds and sums."""
    messages: Conversation
    sampling: Sampling
    round: int = 0
    """0 for the draft, then from 1."""
    parent: Answer | None = None
    """The last answer whose text stands whole in `messages`."""
    tools: str | None = None
    """JSON array as canonical text."""
    labels: tuple[str, ...] = ()
    lora: str | None = None
    seeds: Seeds | None = None
    """Source of its sampling seed, where it is not the chain's: a pair and its swap share theirs."""


@dataclass(frozen=True, slots=True)
class Request:
    """What an engine is asked."""

    key: str
    record: str
    messages: Conversation
    role: ModelRole
    stage: str
    sampling: Sampling
    priority: int = 0
    """Lower goes first (vLLM's order)."""
    parent: Parent | None = None
    tools: str | None = None
    labels: tuple[str, ...] = ()
    """Texts whose exact log-probabilities as the first token are wanted."""
    lora: str | None = None


@dataclass(frozen=True, slots=True)
class Parent:
    """An answered request whose conversation and answer open a later one."""

    request: Request
    completion: Completion


@dataclass(frozen=True, slots=True)
class Answer:
    """What a flow is sent for an ask: the last attempt, usable or not."""

    key: str
    completion: Completion
    attempts: int = 1
    unusable: str | None = None
    """Why even the last attempt cannot be used; None if it can."""
    request: Request | None = None
    """The request that was answered; the parent of what follows."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do, found out when it starts and kept in the manifest."""

    model: str
    """Fingerprint of the model: name or folder, revision or content digest, dtype."""
    max_context: int
    """Prompt and answer together, in tokens."""
    max_in_flight: int
    """How many requests it works on at a time."""
    kv_tokens: int | None = None
    """Size of its KV cache in tokens; None where it does not tell."""
    logprobs: bool = False
    json_schema: bool = False
    lacks: tuple[str, ...] = ()
    """What a `Sampling` may need (`Sampling.needs`) and this engine cannot do; besides them `seed` and `tools`."""
    same_text_again: bool = False
    """Whether the same request gives the same text whatever else is in flight."""
    fingerprint: tuple[tuple[str, str], ...] = ()
    """Versions, dtype, device, settings: for the manifest."""
    top_logprobs: int | None = None
    """Labels are read only among so many most probable tokens; None = over the whole vocabulary."""
    token_prompts: bool = False
    """Whether prompts are sent as token ids, so that text can never become a control token."""
    exact_counts: bool = True
    """Whether `count` gives exact numbers."""
    cached_counts: bool = False
    """Whether it tells how many prompt tokens came from its cache."""


class Engine(Protocol):
    """Serves one model. Adapters live in `constitution.engines`."""

    async def start(self, labels: tuple[str, ...] = ()) -> Capabilities:
        """Load the model, resolve `labels` to single distinct tokens.

        Raises `EngineStartError` if it does not start, `SettingsError` if labels cannot be read.
        """

    async def answer(self, request: Request) -> Completion:
        """Answer one request.

        Raises `RequestRefused` if this request alone fails, `EngineDeadError` if the engine is gone.
        """

    def count(self, messages: Conversation, tools: str | None = None) -> tuple[int, bool]:
        """Prompt tokens of `messages`, and whether the number is exact."""

    async def close(self) -> None:
        """Stop serving. Idempotent."""


def request_key(
    model: str,
    messages: Conversation,
    sampling: Sampling,
    *,
    tools: str | None = None,
    labels: tuple[str, ...] = (),
    lora: str | None = None,
    parent: str | None = None,
) -> str:
    """Identity of a request, the key of the journal.

    In it: the model's fingerprint, messages, tools, sampling with its seed, labels, LoRA, the parent's key. Not in it:
    role, stage, priority, record, token ids.
    """
    turns: Part = tuple(message.parts for message in messages)
    return digest("request", KEY_VERSION, model, turns, tools, sampling.parts(), labels, lora, parent)


def seeded(sampling: Sampling, seed: int) -> Sampling:
    """`sampling` with a seed."""
    return replace(sampling, seed=seed)
