"""A real HTTP server on loopback that speaks like OpenAI's, behaves as it is told, and keeps what it was sent."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

Body = dict[str, Any]
Fault = Callable[[Body], Response | None]

KEY_STATUS = 401
"""What a wrong key gets."""


@dataclass
class Seen:
    """One request."""

    method: str
    path: str
    body: Body
    headers: dict[str, str]
    at: float
    """Monotonic seconds."""


@dataclass
class Loopback:
    """How it behaves; to be changed while it runs."""

    http: HTTPServer
    models: list[Body] = field(default_factory=lambda: [{"id": "small", "max_model_len": 4096}])
    text: Callable[[Body], str] = lambda body: f"Answer {len(json.dumps(body['messages']))}."
    faults: list[Response | Fault] = field(default_factory=list)
    """One for each question, in their order; then it answers."""
    refuses: set[str] = field(default_factory=set)
    """Fields to which it answers 400, naming them as OpenAI does."""
    reply: Body = field(default_factory=dict)
    """Goes over each answer."""
    message: Body = field(default_factory=dict)
    """Goes over the message of each answer."""
    choice: Body = field(default_factory=dict)
    key: str | None = None
    """The only key that it takes."""
    tokens: Any = None
    """A tokenizer: then it takes token prompts."""
    seen: list[Seen] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its base URL."""
        return str(self.http.url_for("/v1"))

    @property
    def asked(self) -> list[Body]:
        """The bodies of questions, in their order."""
        return [one.body for one in self.seen if one.method == "POST"]

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        body = request.get_json(silent=True) or {}
        self.seen.append(Seen(request.method, request.path, body, dict(request.headers), time.monotonic()))
        if self.key is not None and request.headers.get("Authorization") != f"Bearer {self.key}":
            return error(KEY_STATUS, f"wrong key: {request.headers.get('Authorization')}")
        if request.path == "/v1/models":
            return reply({"object": "list", "data": self.models})
        if request.method != "POST" or not request.path.endswith("/completions"):
            return error(404, "no such path")
        if self.faults:
            fault = self.faults.pop(0)
            response = fault if isinstance(fault, Response) else fault(body)
            if response is not None:
                return response
        unknown = sorted(self.refuses & body.keys())
        if unknown:
            return error(400, f"Unrecognized request arguments supplied: {', '.join(unknown)}")
        if body["model"] not in [card["id"] for card in self.models]:
            return error(404, f"The model `{body['model']}` does not exist.")
        if request.path == "/v1/chat/completions":
            return self._chat(body)
        return self._complete(body) if self.tokens is not None else error(404, "no such path")

    def _chat(self, body: Body) -> Response:
        text = self.text(body)
        message = {"role": "assistant", "content": text, **self.message}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        if body.get("logprobs"):
            tops = [{"token": "A", "logprob": -0.5}, {"token": "B", "logprob": -1.5}]
            choice["logprobs"] = {"content": [{**tops[0], "top_logprobs": tops}]}
        usage: Body = {"prompt_tokens": 11, "completion_tokens": len(text.split())}
        usage |= {"prompt_tokens_details": {"cached_tokens": 4}}
        return reply({"id": "x", "choices": [{**choice, **self.choice}], "usage": usage, **self.reply})

    def _complete(self, body: Body) -> Response:
        ids = list(self.tokens.encode(f"said {len(body['prompt'])}"))[: body["max_tokens"]]
        choice = {"index": 0, "text": self.tokens.decode(ids), "token_ids": ids, "finish_reason": "stop"}
        wanted = body.get("logprob_token_ids")
        if wanted:
            choice["logprobs"] = {"top_logprobs": [{f"token_id:{id}": -1.0 - place for place, id in enumerate(wanted)}]}
        usage = {"prompt_tokens": len(body["prompt"]), "completion_tokens": len(ids)}
        return reply({"id": "x", "choices": [{**choice, **self.choice}], "usage": usage, **self.reply})


def reply(body: object, status: int = 200, **headers: str) -> Response:
    """A JSON response."""
    return Response(json.dumps(body), status, headers, content_type="application/json")


def error(status: int, message: str, **headers: str) -> Response:
    """An error as OpenAI writes it."""
    return reply({"error": {"message": message, "type": "error", "param": None, "code": None}}, status, **headers)


_idle: list[HTTPServer] = []
"""Stopping one takes half a second, so they are kept for the next test."""


@contextmanager
def loopback(**options: Any) -> Iterator[Loopback]:
    """A server that runs."""
    http = _idle.pop() if _idle else HTTPServer(host="127.0.0.1", threaded=True)
    if not http.is_running():
        http.start()
    server = Loopback(http, **options)
    http.expect_request(re.compile(".*")).respond_with_handler(server.handle)
    try:
        yield server
    finally:
        http.clear()
        _idle.append(http)


@pytest.fixture(scope="session", autouse=True)
def _none_left() -> Iterator[None]:
    """Stop the servers at the end of all tests."""
    yield
    while _idle:
        _idle.pop().stop()
