"""Any OpenAI-compatible server: vLLM's own, SGLang, llama.cpp, a company's gateway, api.openai.com.

Two ways to ask. With a tokenizer on this side and a server that takes token prompts: the same ids as in-process,
append-only, with exact counts. Otherwise as chats: the server fills in the chat template, counts are estimates where
there is no tokenizer, and text that looks like control tokens is broken up in what is sent.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from constitution.digest import digest_bytes
from constitution.engine import Capabilities, Completion, Request
from constitution.engines.estimates import prompt_tokens
from constitution.engines.openai.asks import (
    MOST_TOP,
    chat_body,
    fitted,
    label_fields,
    read_answer,
    sampling_fields,
    tokens_body,
)
from constitution.engines.openai.control_text import ControlTexts
from constitution.engines.openai.options import Options, base_url
from constitution.engines.openai.probe import Found, find_out, same_model
from constitution.engines.openai.server import Json, Server
from constitution.engines.openai.speech import Speech, load_speech
from constitution.errors import ConstitutionError, EngineDeadError, EngineStartError, RequestRefused, SettingsError
from constitution.messages import Conversation
from constitution.tokens import Transcripts

logger = logging.getLogger("constitution.engine")


class OpenAIEngine:
    """Serves one model from one or several servers."""

    def __init__(self, model: str | None, *, base_urls: Sequence[str], **options: Any) -> None:
        """Describe an engine; nothing is sent before `start`.

        Args:
            model: the name by which the servers serve it; None where they serve exactly one.
            base_urls: one or more; `/v1` is appended where it is missing.
            options: see `options.Options`.

        Raises:
            SettingsError: an address or an option cannot serve.
        """
        self.breaks: dict[str, int] = Counter()
        """How many prompts did not go on from the ids before them, by reason (`tokens.BREAK_REASONS`)."""
        self.unseen = 0
        """How many prompts hold tools, calls or results that the chat template does not show."""
        self.neutralised = 0
        """How many requests held text that looks like control tokens and was sent broken up."""
        self._urls = tuple(dict.fromkeys(base_url(url) for url in base_urls))
        if not self._urls:
            raise SettingsError("a server needs an address, like http://localhost:8000")
        self._model = model
        self._options = Options.read(options)
        self._date = self._options.date or datetime.now(UTC).date().isoformat()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._servers: dict[str, Server] = {}
        self._found: Found | None = None
        self._speech: Speech | None = None
        self._control = ControlTexts()
        self._labels: dict[str, int] = {}
        self._capabilities: Capabilities | None = None

    async def start(self, labels: tuple[str, ...] = ()) -> Capabilities:
        """Find out what the servers serve and take; one to three requests of one token to each.

        Raises:
            EngineStartError: one cannot be reached, does not take the key, or does not serve the model; or the
                tokenizer cannot be loaded.
            SettingsError: options, tokenizer or a label cannot serve.
        """
        if self._capabilities is None or not self._servers:
            self._loop = asyncio.get_running_loop()
            if self._options.tokenizer is not None:
                self._speech = await self._loop.run_in_executor(None, load_speech, self._options.tokenizer, self._date)
                self._control = ControlTexts(self._speech.tokens)
            await self._find_out()
        assert self._capabilities is not None
        if len(set(labels)) != len(labels):
            raise SettingsError(f"labels repeat: {', '.join(labels)}")
        if labels and not self._capabilities.logprobs:
            raise SettingsError(
                "the server gives no log-probabilities, which reading labels needs; a judge can write its verdict "
                "in words: --judge-mode text"
            )
        if self._speech is not None:
            self._labels |= zip(labels, self._speech.transcripts.label_ids(labels), strict=True)
        return self._capabilities

    async def answer(self, request: Request) -> Completion:
        """Ask the record's own server.

        Raises:
            RequestRefused: this request alone cannot be answered.
            EngineDeadError: its server is gone, or was closed.
            SettingsError: the request asks for something that the server cannot be asked.
        """
        server, found = self._server(request.record), self._running()
        if missing := [need for need in request.sampling.needs if need in self._can().lacks]:
            raise SettingsError(f"the server at {server.url} cannot be asked for {', '.join(missing)}; unset it")
        if request.lora is not None:
            raise SettingsError("a LoRA adapter on a server is a model of its own: name it after #, and unset lora")
        transcripts = self._speech.transcripts if self._speech is not None and found.takes.tokens else None
        if transcripts is None:
            body, opened = self._chat(request, found), False
        else:
            body, opened = self._tokens(request, found, transcripts), transcripts.opens_thoughts(request)
        sent: list[int] | None = body.get("prompt")
        ids = tuple(self._label(label) for label in request.labels) if transcripts else ()
        body |= sampling_fields(request.sampling, transcripts.stops if transcripts else ())
        if request.labels:
            body |= label_fields(found.takes, ids)
        said = await server.ask(
            found.takes.path,
            fitted(body, found.takes),
            request.priority,
            lambda data: read_answer(
                data,
                request,
                found.takes,
                lambda: self._prompt_size(request) if sent is None else len(sent),
                ids=ids,
                opened=opened,
            ),
        )
        return said if transcripts is None else replace(said, text=transcripts.answer_text(said.text))

    def count(self, messages: Conversation, tools: str | None = None) -> tuple[int, bool]:
        """Prompt tokens of `messages`: exact with a tokenizer, else an estimate of four bytes a token."""
        if self._speech is not None:
            return self._speech.transcripts.count(messages, tools), self._running().takes.tokens
        return prompt_tokens(messages, tools), False

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        servers, self._servers = list(self._servers.values()), {}
        for server in servers:
            await server.close()

    def _prompt_size(self, request: Request) -> int:
        """Tokens of a chat that was answered, as far as they can be counted here."""
        try:
            return self.count(request.messages, request.tools)[0]
        except ConstitutionError:  # the answer is there, whatever the tokenizer's template makes of its prompt
            return prompt_tokens(request.messages, request.tools)

    def _running(self) -> Found:
        if not self._servers or self._found is None:
            raise EngineDeadError("the engine was closed, or never started; call `start` first.")
        return self._found

    def _server(self, record: str) -> Server:
        """The same one for all requests of a record, whichever others there are (rendezvous hashing)."""
        self._running()
        if asyncio.get_running_loop() is not self._loop:
            raise SettingsError("the engine lives on the event loop that called `start`; ask it there.")
        return self._servers[max(self._servers, key=lambda url: digest_bytes("server", url, record, size=8))]

    def _tokens(self, request: Request, found: Found, transcripts: Transcripts) -> Json:
        """A body of token ids."""
        prompt = transcripts.prompt_ids(request)
        room = self._can().max_context
        if len(prompt.ids) + request.sampling.max_tokens > room:
            raise RequestRefused(
                f"the prompt has {len(prompt.ids)} tokens and the answer may have {request.sampling.max_tokens}, but "
                f"the model's context holds {room}: shorten the text, or ask for fewer tokens."
            )
        if prompt.break_reason is not None:
            self.breaks[prompt.break_reason] += 1
        if prompt.unseen:
            self._warn_once(
                self.unseen,
                "the chat template of '%s' does not show all tools, calls and results of record '%s': the model "
                "answers without having seen them, here and in others like it",
                found.name,
                request.record,
            )
            self.unseen += 1
        return tokens_body(found.name, prompt.ids, skip_special_tokens=not transcripts.has_channels)

    def _chat(self, request: Request, found: Found) -> Json:
        """A body of messages, without what looks like control tokens."""
        body = chat_body(found.name, request)
        texts = {name: body[name] for name in ("messages", "tools") if name in body}
        looks = None if self._options.control_text == "allow" else self._control.first(texts)
        if looks is None:
            return body
        if self._options.control_text == "reject":
            raise RequestRefused(
                f"the text holds {looks!r}, which may be a control token (engine.control_text: reject)"
            )
        self._warn_once(
            self.neutralised,
            "record '%s' holds %r, which looks like a control token: it and others like it are sent with a zero-width "
            "joiner inside; what is stored stays as it is (engine.control_text)",
            request.record,
            looks,
        )
        self.neutralised += 1
        return body | {name: self._control.broken(held) for name, held in texts.items()}

    @staticmethod
    def _warn_once(before: int, *told: object) -> None:
        if not before:
            logger.warning(*told)

    def _label(self, label: str) -> int:
        if label not in self._labels:
            assert self._speech is not None
            try:
                self._labels[label] = self._speech.transcripts.label_ids((label,))[0]
            except SettingsError as error:
                raise RequestRefused(str(error)) from error
        return self._labels[label]

    def _can(self) -> Capabilities:
        assert self._capabilities is not None
        return self._capabilities

    async def _find_out(self) -> None:
        key = (os.environ.get(self._options.api_key_env) or "").strip() or None
        if key is not None and not (key.isascii() and key.isprintable()):
            raise SettingsError(f"the key in {self._options.api_key_env} holds characters that no header can hold")
        self._servers = {
            url: Server(
                url,
                key=key,
                key_from=self._options.api_key_env,
                max_in_flight=self._options.max_in_flight,
                patience=self._options.patience,
                timeout=self._options.timeout,
            )
            for url in self._urls
        }
        try:
            every = [await find_out(server, self._model, self._speech) for server in self._servers.values()]
            self._found = self._common(every)
            self._capabilities = self._describe(every)
            for server, found in zip(self._servers.values(), every, strict=True):
                server.recognise = partial(same_model, server, found)
        except BaseException:
            await self.close()
            raise
        self._say(self._found)

    def _common(self, every: list[Found]) -> Found:
        """What all servers serve and take."""
        first = every[0]
        for url, found in zip(self._urls, every, strict=True):
            if (found.name, found.root, found.takes) != (first.name, first.root, first.takes):
                raise EngineStartError(
                    f"{url} serves '{found.name}' ({found.root or found.name}) and takes {_taken(found)}; "
                    f"{self._urls[0]} serves '{first.name}' ({first.root or first.name}) and takes {_taken(first)}: "
                    "several servers must serve the same model in the same way"
                )
        return first

    def _describe(self, every: list[Found]) -> Capabilities:
        found = every[0]
        told = [one.max_context for one in every if one.max_context]
        context = self._options.max_context or (min(told) if len(told) == len(every) else None)
        if context is None:
            raise SettingsError(
                f"{self._urls[0]} does not tell how long the context of '{found.name}' is: give engine.max_context "
                "in tokens"
            )
        takes, kv = found.takes, [one.kv_tokens for one in every]
        model = found.name.rstrip("/").rsplit("/", 1)[-1] if found.name.startswith("/") else found.name
        if found.root is not None and found.root != model:
            model += f"@{found.root}"
        if takes.tokens and self._speech is not None:
            model += f",tokenizer:{self._speech.name}"
        return Capabilities(
            model=model,
            max_context=int(context),
            max_in_flight=self._options.max_in_flight * len(every),
            kv_tokens=sum(size or 0 for size in kv) if all(kv) else None,
            logprobs=takes.logprobs,
            json_schema="response_format" not in takes.without,
            lacks=found.lacks(self._speech.transcripts.lacks if self._speech and takes.tokens else ()),
            fingerprint=tuple((name, value) for name, value in self._fingerprint(found).items() if value is not None),
            top_logprobs=MOST_TOP if takes.logprobs and not takes.label_ids else None,
            token_prompts=takes.tokens,
            exact_counts=takes.tokens,
            cached_counts=takes.cached,
        )

    def _fingerprint(self, found: Found) -> dict[str, str | None]:
        tokens = found.takes.tokens
        return {
            "engine": "server",
            "servers": ", ".join(self._urls),
            "server_version": found.version,
            "answers_as": found.answers_as,
            "asked_by": "token ids" if tokens else "chats",
            "fields": "described by the server" if found.told else "not refused by the server",
            "unsent": ", ".join(sorted(found.takes.without)) or None,
            "counts": "exact" if tokens else "estimates" if self._speech is None else "of the tokenizer alone",
            "tokenizer": None if self._speech is None else self._speech.name,
            "template_date": self._date if tokens else None,
            "prompts": None if self._speech is None or not tokens else self._speech.form,
            "control_text": None if tokens else self._options.control_text,
        }

    def _say(self, found: Found) -> None:
        """Say once how the server is asked, where it is not the best way."""
        if found.takes.tokens and self._speech is not None:
            if self._speech.transcripts.plain:
                logger.warning("the tokenizer of '%s' has no chat template: it is asked as a base model", found.name)
        elif self._speech is not None:
            logger.warning("the server is asked by chats and not by token ids: %s", found.no_tokens)
        else:
            logger.info(
                "'%s' is asked by chats, whose lengths are estimates; engine.tokenizer makes them exact",
                found.name,
            )


def _taken(found: Found) -> str:
    how = "token ids" if found.takes.tokens else "chats"
    return f"{how} without {', '.join(sorted(found.takes.without))}" if found.takes.without else how
