"""Engines on a loopback server, and requests to ask them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from constitution.engine import Capabilities, Completion, Request, Sampling
from constitution.engines.openai import OpenAIEngine
from constitution.messages import Message, user
from tests.loopback import Loopback

T = TypeVar("T")


def request(record: str = "r", *messages: Message | str, **options: Any) -> Request:
    """A draft request; `options` of the request itself, the others of its sampling."""
    own = {name: options.pop(name) for name in ("labels", "tools", "priority", "lora", "parent") if name in options}
    turns = tuple(user(one) if isinstance(one, str) else one for one in messages or ("Hello?",))
    sampling = Sampling(**{"max_tokens": 8, "seed": 7, **options})
    return Request(f"key-{record}", record, turns, "draft", "draft", sampling, **own)


def with_engine(
    server: Loopback, work: Callable[[OpenAIEngine], Awaitable[T]], *, name: str | None = "small", **options: Any
) -> T:
    """Start an engine on a server, do something with it, and close it."""

    async def do() -> T:
        engine = OpenAIEngine(name, base_urls=[server.url], **options)
        try:
            await engine.start()
            server.seen.clear()
            return await work(engine)
        finally:
            await engine.close()

    return asyncio.run(do())


def ask(server: Loopback, *requests: Request, **options: Any) -> list[Completion]:
    """The answers to requests that are asked together; the first error is raised."""

    async def work(engine: OpenAIEngine) -> list[Completion]:
        return list(await asyncio.gather(*map(engine.answer, requests)))

    return with_engine(server, work, **options)


def started(server: Loopback, *, name: str | None = "small", **options: Any) -> Capabilities:
    """What an engine finds out at its start."""

    async def do() -> Capabilities:
        engine = OpenAIEngine(name, base_urls=[server.url], **options)
        try:
            return await engine.start()
        finally:
            await engine.close()

    return asyncio.run(do())
