"""What is sent to an OpenAI-compatible server for a request, and what its answer means.

Every field of `Sampling` is sent, and neutral penalties too, so that no default of the server (vLLM takes some from the
model's generation_config.json) slips in; what a server does not take was found out before (`Takes`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from constitution.engine import Completion, FinishReason, Request, Sampling
from constitution.engines.estimates import text_tokens
from constitution.engines.openai.server import Json, Passing
from constitution.errors import RecordError, RequestRefused
from constitution.messages import Message
from constitution.tokens import split_thoughts

COMPLETIONS, CHAT = "/completions", "/chat/completions"
MOST_TOP = 20
"""The most that `top_logprobs` may be."""
_ENDS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "stop",
    "function_call": "stop",
    "eos": "stop",
    "max_tokens": "length",
}


@dataclass(frozen=True)
class Takes:
    """What a server takes."""

    tokens: bool
    """Whether it is sent token ids (`/completions`) or messages (`/chat/completions`)."""
    without: frozenset[str] = frozenset()
    """Fields of a body that it does not take."""
    most_name: str = "max_tokens"
    """What it calls the most tokens of an answer: newer models of OpenAI want `max_completion_tokens`."""
    label_ids: bool = False
    """Whether it gives log-probabilities of token ids by `logprob_token_ids`."""
    logprobs: bool = False
    cached: bool = False
    """Whether it tells how many prompt tokens came from its cache."""

    @property
    def path(self) -> str:
        """Where it is asked."""
        return COMPLETIONS if self.tokens else CHAT


def sampling_fields(sampling: Sampling, stops: tuple[str, ...] = ()) -> Json:
    """How an answer is sampled, as vLLM, SGLang and others name it; OpenAI itself knows the first seven.

    Args:
        sampling: all of it is sent but `chat_template_kwargs` and on/off of `thinking`, which only templates know.
        stops: stop strings that the form of the transcript needs.
    """
    fields: Json = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "stop": [*sampling.stop, *stops] or None,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "repetition_penalty": 1.0,
        # Both 0 and -1 are off in vLLM, only -1 in SGLang.
        "top_k": sampling.top_k or -1,
        "min_p": sampling.min_p,
    }
    if sampling.json_schema is not None:
        schema = {"name": "answer", "schema": json.loads(sampling.json_schema), "strict": True}
        fields["response_format"] = {"type": "json_schema", "json_schema": schema}
    if isinstance(sampling.thinking, int):
        fields["thinking_token_budget"] = sampling.thinking
    return fields


def tokens_body(model: str, ids: tuple[int, ...], *, skip_special_tokens: bool) -> Json:
    """A prompt of token ids; the answer's ids are wanted too."""
    return {
        "model": model,
        "prompt": list(ids),
        "n": 1,
        "stream": False,
        "return_token_ids": True,
        "skip_special_tokens": skip_special_tokens,
    }


def chat_body(model: str, request: Request) -> Json:
    """A prompt of messages; tools are shown and not to be called, so that the answer is text.

    Raises:
        RecordError: a text cannot be encoded.
    """
    sampling, tools = request.sampling, request.tools
    kwargs: Json = json.loads(sampling.chat_template_kwargs) if sampling.chat_template_kwargs else {}
    if sampling.thinking is not None:
        kwargs.setdefault("enable_thinking", sampling.thinking != "off")
    body: Json = {
        "model": model,
        "messages": [_turn(message, place) for place, message in enumerate(request.messages)],
        "n": 1,
        "stream": False,
        **({"chat_template_kwargs": kwargs} if kwargs else {}),
        **({} if tools is None else {"tools": json.loads(tools), "tool_choice": "none"}),
    }
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise RecordError(
            "the text holds a lone surrogate, which cannot be encoded; repair the input or leave the record out"
        ) from None
    return body


def _turn(message: Message, place: int) -> Json:
    extra: Json = {} if message.extra is None else json.loads(message.extra)
    for number, call in enumerate(extra.get("tool_calls") or ()):
        function = call.get("function")
        if isinstance(function, dict) and not isinstance(function.get("arguments"), str):
            function["arguments"] = json.dumps(function.get("arguments") or {}, ensure_ascii=False)
        call.setdefault("type", "function")
        call.setdefault("id", f"call_{place}_{number}")
    return {"role": message.role, "content": message.content, **extra}


def label_fields(takes: Takes, ids: tuple[int, ...]) -> Json:
    """What asks for the log-probabilities of labels."""
    if not takes.tokens:
        return {"logprobs": True, "top_logprobs": MOST_TOP}
    if takes.label_ids:
        return {"logprobs": 1, "logprob_token_ids": list(ids), "return_tokens_as_token_ids": True}
    return {"logprobs": MOST_TOP, "return_tokens_as_token_ids": True}


def fitted(body: Json, takes: Takes) -> Json:
    """A body as a server takes it."""
    kept = {name: value for name, value in body.items() if name not in takes.without}
    if takes.most_name != "max_tokens":
        kept[takes.most_name] = kept.pop("max_tokens")
    if "chat_template_kwargs" in takes.without:
        # Such a server has no use for the thoughts of earlier turns either.
        for turn in kept.get("messages", ()):
            turn.pop("reasoning_content", None)
    return kept


def read_answer(
    data: Json,
    request: Request,
    takes: Takes,
    prompt_size: Callable[[], int],
    *,
    ids: tuple[int, ...] = (),
    opened: bool = False,
) -> Completion:
    """What the server said; token counts that it does not tell are estimated, and never 0.

    Args:
        data: its answer, with at least one choice.
        request: what it answers.
        takes: how it was asked.
        prompt_size: tokens of the prompt, where the server does not tell them.
        ids: the tokens of the request's labels, where they are known.
        opened: the prompt ended by opening thoughts.

    Raises:
        RequestRefused: it withheld the answer.
        Passing: it broke off.
    """
    choice = data["choices"][0]
    said, thoughts = _texts(choice, tokens=takes.tokens)
    finish = _finish(choice.get("finish_reason"), request)
    inline, text = split_thoughts(said, opened=opened)
    found = [part for part in (thoughts, inline) if part]
    token_ids = tuple(choice.get("token_ids") or ()) if takes.tokens else ()
    # No prompt is empty: a server that tells 0 has not counted.
    prompt = told_tokens(data, "prompt_tokens") or max(1, prompt_size())
    return Completion(
        text=text,
        token_ids=token_ids,
        finish_reason=finish,
        logprobs=_labels(choice.get("logprobs"), request.labels, ids, tokens=takes.tokens) if request.labels else None,
        reasoning="\n\n".join(found) if found else inline,
        prompt_tokens=prompt,
        cached_tokens=min(cached_tokens(data) or 0, prompt),
        told_output=None
        if token_ids
        else told_tokens(data, "completion_tokens") or _about(said + (thoughts or ""), request.sampling.max_tokens),
    )


def _texts(choice: Mapping[str, Any], *, tokens: bool) -> tuple[str, str | None]:
    """Text and thoughts, as they stand apart."""
    if tokens:
        return choice["text"], None
    message = choice["message"]
    thoughts = message.get("reasoning") or message.get("reasoning_content")
    content = message.get("content") or ""
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content)
    return content, thoughts if isinstance(thoughts, str) else None


def _finish(reason: object, request: Request) -> FinishReason:
    if reason in (None, "abort"):
        raise Passing("the server broke off its answer")
    if not isinstance(reason, str) or reason not in _ENDS:
        raise RequestRefused(f"the server withheld its answer to '{request.key}': it ended with '{reason}'")
    return _ENDS[reason]


def told_tokens(data: Json, name: str) -> int | None:
    """A count of an answer's `usage`; None where the server does not tell it."""
    usage = data.get("usage")
    return _number(usage.get(name)) if isinstance(usage, Mapping) else None


def cached_tokens(data: Json) -> int | None:
    """Prompt tokens from the cache; None where the server does not tell."""
    usage = data.get("usage")
    details = usage.get("prompt_tokens_details") if isinstance(usage, Mapping) else None
    return _number(details.get("cached_tokens")) if isinstance(details, Mapping) else None


def _number(value: object) -> int | None:
    """A count of tokens; None where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _about(text: str, most: int) -> int:
    """Estimated tokens of an answer."""
    return min(most, max(1, text_tokens(text)))


def _labels(given: object, labels: tuple[str, ...], ids: tuple[int, ...], *, tokens: bool) -> tuple[float | None, ...]:
    """Log-probabilities of labels as the first token; by id where ids are known, else by text."""
    first = first_logprobs(given, tokens=tokens)
    names = [f"token_id:{id}" for id in ids] if tokens else list(labels)
    found = (first.get(name) for name in names)
    return tuple(value if value is not None and math.isfinite(value) and value > -9999 else None for value in found)


def first_logprobs(given: object, *, tokens: bool) -> dict[str, float]:
    """Of the first token: log-probability by token, as the server writes it."""
    if not isinstance(given, Mapping):
        return {}
    if tokens:
        tops = given.get("top_logprobs") or []
        return dict(tops[0]) if tops and isinstance(tops[0], Mapping) else {}
    content = given.get("content") or []
    if not content:
        return {}
    entries = [*content[0].get("top_logprobs", ()), content[0]]
    return {entry["token"]: float(entry["logprob"]) for entry in reversed(entries)}
