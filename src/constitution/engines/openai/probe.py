"""What a server can do, found out when a run starts with a few requests of one token each.

Free of cost: the list of models, the server's own description of its fields (`/openapi.json`), its version and its
metrics, where it has them. Then one request as the run will send it; each field that the server refuses is left out of
the next, so that it costs one token in all, and two where token prompts are tried in vain.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from constitution.engine import Request, Sampling
from constitution.engines.openai.asks import (
    COMPLETIONS,
    Takes,
    cached_tokens,
    chat_body,
    first_logprobs,
    fitted,
    label_fields,
    sampling_fields,
    tokens_body,
    told_tokens,
)
from constitution.engines.openai.server import Json, NotThere, Rejected, Server
from constitution.engines.openai.speech import Speech
from constitution.errors import EngineDeadError, EngineStartError, SettingsError
from constitution.messages import user

OWN = frozenset(
    {
        "top_k", "min_p", "repetition_penalty", "chat_template_kwargs", "return_token_ids", "skip_special_tokens",
        "logprob_token_ids", "return_tokens_as_token_ids", "thinking_token_budget",
    }
)  # fmt: skip
"""Fields that OpenAI itself does not have."""
_OPTIONAL = OWN | {
    "temperature", "top_p", "seed", "stop", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs",
    "response_format", "n", "stream",
}  # fmt: skip
"""Fields without which a server can still be asked."""
_GROUPS = (
    OWN,
    frozenset({"response_format"}),
    frozenset({"logprobs", "top_logprobs", "logprob_token_ids", "return_tokens_as_token_ids"}),
    frozenset({"seed"}),
    _OPTIONAL,
)
_NEEDS = {
    **{name: (name,) for name in ("temperature", "top_p", "top_k", "min_p", "stop", "seed")},
    "response_format": ("json_schema",),
    "chat_template_kwargs": ("thinking_on", "thinking_off", "chat_template_kwargs"),
    "thinking_token_budget": ("thinking_budget",),
}
"""Of a field: what of a `Sampling` needs it, by the names of `Capabilities.lacks`."""
_SCHEMA = '{"additionalProperties":false,"properties":{"ok":{"type":"boolean"}},"required":["ok"],"type":"object"}'
_BUDGET = 4
_CACHE = re.compile(r"^vllm:cache_config_info\{(?P<labels>.*)\}\s", re.MULTILINE)


@dataclass(frozen=True)
class Found:
    """What one server serves and takes."""

    name: str
    root: str | None
    """What the served name stands for, where the server tells: a hub name, or the last part of a folder."""
    max_context: int | None
    takes: Takes
    kv_tokens: int | None = None
    version: str | None = None
    told: bool = False
    """Whether the server describes its fields, or was only seen not to refuse them."""
    answers_as: str | None = None
    """The model that its answers name."""
    no_tokens: str | None = None
    """Why it is not sent token ids, where a tokenizer is there."""

    def lacks(self, in_prompts: tuple[str, ...]) -> tuple[str, ...]:
        """What it cannot be asked for, by the names of `Capabilities.lacks`.

        Args:
            in_prompts: what the prompts cannot say, where they are made on this side.
        """
        # A chat template that is filled in on this side takes no field of the server's.
        fields = self.takes.without - ({"chat_template_kwargs"} if self.takes.tokens else set())
        return tuple(sorted({*in_prompts, *(need for field in fields for need in _NEEDS.get(field, ()))}))


async def find_out(server: Server, name: str | None, speech: Speech | None) -> Found:
    """Ask a server what it serves, and try it out; token prompts first where there is a tokenizer for them.

    Raises:
        EngineStartError: it cannot be reached, refuses the key, or does not serve the model.
        SettingsError: no model was named and it serves several; or the tokenizer is not the model's.
    """
    try:
        cards = await _cards(server, server.get)
        chosen, card = _choose(server, name, cards)
        fields = await _fields(server)
        version = await server.glance(f"{server.root}/version")
        found = Found(
            name=chosen,
            root=_root(card.get("root"), chosen),
            max_context=card.get("max_model_len") or card.get("context_length") or card.get("context_window"),
            takes=Takes(tokens=False),
            kv_tokens=_kv_tokens(await server.glance(f"{server.root}/metrics")),
            version=str(version["version"]) if isinstance(version, Mapping) and "version" in version else None,
            told=fields is not None,
        )
        found = await _try_out(server, found, fields or {}, speech)
        return replace(found, answers_as=server.answers_as)
    except EngineDeadError as error:
        raise EngineStartError(str(error)) from None
    except Rejected as error:
        raise EngineStartError(f"{error}. It refuses even a plain question; nothing was asked yet") from None


async def same_model(server: Server, found: Found) -> None:
    """Look whether a server that was away serves the same model as when it was found out, as far as its list tells.

    Raises:
        EngineDeadError: another one.
        Passing: it is not back.
    """
    cards = await _cards(server, server.get_once)
    root = next((_root(card.get("root"), found.name) for card in cards if card["id"] == found.name), None)
    if found.root is not None and root is not None and root != found.root:
        raise EngineDeadError(
            f"{server.url}: '{found.name}' was {found.root} and is {root} since the server was away: another model "
            "stands behind the same name. Have the server serve the first one again"
        )


async def _cards(server: Server, get: Callable[[str], Awaitable[object]]) -> list[Mapping[str, Any]]:
    """What the server says of each model; nothing where it has no list."""
    try:
        listed = await get("/models")
    except (NotThere, Rejected):
        return []
    data = listed.get("data") if isinstance(listed, Mapping) else None
    cards = [card for card in data or () if isinstance(card, Mapping) and isinstance(card.get("id"), str)]
    server.models = tuple(card["id"] for card in cards)
    return cards


def _choose(server: Server, name: str | None, cards: list[Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
    if name is None:
        if len(cards) != 1:
            served = ", ".join(server.models[:20]) or "it gives no list"
            raise SettingsError(
                f"{server.url} serves {served}: name the model after the address, like {server.url}#NAME"
            )
        return str(cards[0]["id"]), cards[0]
    return name, next((card for card in cards if card["id"] == name), {})


def _root(root: object, name: str) -> str | None:
    """Without the folders of the server's machine."""
    if not isinstance(root, str) or root == name:
        return None
    return root.rstrip("/").rsplit("/", 1)[-1] if root.startswith(("/", "~", ".")) else root


async def _fields(server: Server) -> dict[str, frozenset[str]] | None:
    """By path: the fields that a request may have; None where the server does not describe itself."""
    described = await server.glance(f"{server.root}/openapi.json")
    found: dict[str, frozenset[str]] = {}
    try:
        for path, methods in described["paths"].items():  # type: ignore[index]  # a TypeError is what it is there for
            if path.startswith("/v1/") and "completions" in path:
                schema = methods["post"]["requestBody"]["content"]["application/json"]["schema"]
                model = described["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]  # type: ignore[index]  # as above
                found[path.removeprefix("/v1")] = frozenset(model["properties"])
    except (AttributeError, KeyError, TypeError):
        pass
    return found or None


def _kv_tokens(metrics: object) -> int | None:
    """Tokens in the KV cache of vLLM, those of all its engines together."""
    if not isinstance(metrics, str):
        return None
    total = 0
    for line in _CACHE.finditer(metrics):
        labels = dict(re.findall(r'(\w+)="([^"]*)"', line["labels"]))
        try:
            total += int(labels["num_gpu_blocks"]) * int(labels["block_size"])
        except (KeyError, ValueError):
            return None
    return total or None


async def _try_out(server: Server, found: Found, fields: Mapping[str, frozenset[str]], speech: Speech | None) -> Found:
    if speech is not None:
        if fields and COMPLETIONS not in fields:
            found = replace(found, no_tokens="it has no /v1/completions")
        else:
            try:
                return replace(found, takes=await _try_tokens(server, found.name, fields, speech))
            except _NoTokens as error:
                found = replace(found, no_tokens=str(error))
    takes = Takes(tokens=False)
    request = _question()
    body = {
        **chat_body(found.name, request),
        **sampling_fields(request.sampling),
        **label_fields(takes, ()),
        "chat_template_kwargs": {},
        "thinking_token_budget": _BUDGET,
    }
    answer, takes = await _drop_until_taken(server, takes, body, fields.get(takes.path))
    logprobs = bool(first_logprobs(answer["choices"][0].get("logprobs"), tokens=False))
    return replace(found, takes=replace(takes, logprobs=logprobs, cached=_tells_cached(answer)))


class _NoTokens(Exception):
    """The server takes no token prompts."""


def _question() -> Request:
    sampling = Sampling(max_tokens=1, temperature=0.5, top_p=0.9, seed=1, stop=("\n",), json_schema=_SCHEMA)
    return Request("probe", "probe", (user("Is this fine? Answer in JSON."),), "draft", "draft", sampling)


async def _try_tokens(server: Server, name: str, fields: Mapping[str, frozenset[str]], speech: Speech) -> Takes:
    request = _question()
    ids = speech.transcripts.prompt_ids(request).ids
    takes = Takes(tokens=True, label_ids=True)
    body = {
        **tokens_body(name, ids, skip_special_tokens=not speech.transcripts.has_channels),
        **sampling_fields(request.sampling),
        **label_fields(takes, ids[:1]),
        "thinking_token_budget": _BUDGET,
    }
    try:
        answer, takes = await _drop_until_taken(server, takes, body, fields.get(takes.path))
    except (NotThere, Rejected) as error:
        raise _NoTokens(str(error)) from None
    choice = answer["choices"][0]
    sampled = choice.get("token_ids") if isinstance(choice, Mapping) else None
    if not sampled:
        raise _NoTokens("it does not tell the token ids of its answers (return_token_ids)")
    counted = told_tokens(answer, "prompt_tokens")
    if counted != len(ids):
        raise _NoTokens(f"it counts {counted} tokens in a prompt of {len(ids)}")
    speech.refuse_other_words(sampled, str(choice.get("text")))
    first = first_logprobs(choice.get("logprobs"), tokens=True)
    exact = f"token_id:{ids[0]}" in first and "logprob_token_ids" not in takes.without
    return replace(takes, label_ids=exact, logprobs=bool(first), cached=_tells_cached(answer))


def _tells_cached(answer: Json) -> bool:
    return cached_tokens(answer) is not None


async def _drop_until_taken(
    server: Server, takes: Takes, body: Json, known: frozenset[str] | None
) -> tuple[Json, Takes]:
    """Send a body without what the server refuses of it: what it names, else one group of fields after the other.

    Raises:
        Rejected: it refuses even what no request can do without.
    """
    never = _unknown(known)
    guesses = _guesses()
    guess: frozenset[str] = frozenset()
    while True:
        takes = replace(takes, without=never | guess)
        try:
            return await server.probe(takes.path, fitted(body, takes)), takes
        except Rejected as error:
            if takes.tokens and error.status >= 500:
                raise  # it breaks on a list of ids
            if takes.most_name == "max_tokens" and "max_completion_tokens" in error.said:
                takes = replace(takes, most_name="max_completion_tokens")
                continue
            said = error.field or error.said
            named = {name for name in (_OPTIONAL & body.keys()) - takes.without if re.search(rf"\b{name}\b", said)}
            if named:
                never |= named
                continue
            following = next(guesses, None)
            if following is None:
                raise
            guess = following


def _guesses() -> Iterator[frozenset[str]]:
    """What to leave out where the server does not say: each group alone, then more and more of them."""
    yield from _GROUPS
    for many in range(2, len(_GROUPS) + 1):
        yield frozenset().union(*_GROUPS[:many])


def _unknown(known: frozenset[str] | None) -> frozenset[str]:
    """Fields that a server which describes itself does not have; a budget for thoughts is sent to no other."""
    if known is None:
        return frozenset({"thinking_token_budget"})
    return frozenset(_OPTIONAL - known)
