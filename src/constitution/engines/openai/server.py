"""One server over HTTP: what is asked again, and what its refusals mean.

What may pass by itself (too many requests, a server that restarts, a broken answer) is asked again with longer and
longer waits; what cannot is told at once. Knows nothing of prompts and answers.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from constitution.engines.openai.queue import Queue
from constitution.errors import ConstitutionError, EngineDeadError, RequestRefused

T = TypeVar("T")
Json = dict[str, Any]

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds before a request is asked again: at random up to the first, which doubles up to the second."""
LONE_FAILURES = 8
"""A request that fails so often while the server answers others is itself at fault."""
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_SHEDS = frozenset({429, 503, 529})
"""A server that turns requests away because it has too many: which of them it turns away says nothing of them."""
_PROBE_FAILURES = 3
SOONEST_RETURN = 5.0
"""Seconds: no server is back with another model sooner."""
IDLE = 60.0
"""Seconds without an answer in which a server may have been another one unseen."""


class Passing(Exception):
    """A failure that may pass by itself."""

    def __init__(self, story: str, *, status: int = 0, wait: float | None = None) -> None:
        super().__init__(story)
        self.status = status
        self.wait = wait
        """Seconds that the server asks to wait; None where it does not say."""


class NotThere(EngineDeadError):
    """The server has no such path, or no such model."""


class Rejected(RequestRefused):
    """The server refused what a request says."""

    def __init__(self, story: str, *, status: int, said: str, field: str | None = None) -> None:
        super().__init__(story)
        self.status = status
        self.said = said
        """The whole body of the refusal."""
        self.field = field
        """The field that the server names; None where it names none in its place."""


class Server:
    """One base URL."""

    def __init__(
        self, url: str, *, key: str | None, key_from: str, max_in_flight: int, patience: float, timeout: float
    ) -> None:
        """Describe a server; nothing is sent.

        Args:
            url: with its `/v1`, without credentials.
            key: sent as a bearer token; never shown.
            key_from: the environment variable that holds it.
            max_in_flight: requests at a time.
            patience: seconds without any answer after which the server is given up.
            timeout: seconds for one answer.
        """
        from openai import AsyncOpenAI

        self.url = url
        self._key, self._key_from = key, key_from
        self._patience, self._timeout = patience, timeout
        self._client = AsyncOpenAI(api_key=key or "none", base_url=url, max_retries=0)
        if not _is_openai(url):  # the client sends what OPENAI_ORG_ID and OPENAI_PROJECT_ID hold to anybody
            self._client.organization = self._client.project = None
        self._queue = Queue(max_in_flight)
        self._answers = 0
        self._last_answer = -float("inf")
        self._not_before = 0.0
        self._reached = False
        self._looked = -float("inf")
        self._away = False
        """Whether it may have begun anew since it was looked at."""
        self._looking = asyncio.Lock()
        self.models: tuple[str, ...] = ()
        """What it serves, once it was asked."""
        self.answers_as: str | None = None
        """The model that its answers name; None while none did."""
        self.recognise: Callable[[], Awaitable[None]] | None = None
        """Asks, after it was away, whether it is still the same; raises what ends the run where it is not."""

    @property
    def root(self) -> str:
        """Where what stands beside `/v1` is found."""
        return self.url.rsplit("/", 1)[0]

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()

    async def get(self, path: str) -> object:
        """What stands at a path: JSON, or text.

        Raises:
            EngineDeadError, Rejected: as `ask`.
        """
        return await self._patiently(partial(self._send, partial(self._client.get, path)))

    async def get_once(self, path: str) -> object:
        """As `get`, without patience.

        Raises:
            Passing: it failed; `ask` tries again.
            EngineDeadError, Rejected: as `ask`.
        """
        return await self._send(partial(self._client.get, path))

    async def glance(self, url: str) -> object:
        """What stands at a whole URL that not every server has; None where nothing does."""
        try:
            return await self._send(partial(self._client.get, url))
        except (ConstitutionError, Passing):
            return None

    async def ask(self, path: str, body: Json, priority: int, read: Callable[[Json], T]) -> T:
        """What `read` makes of the answer to one request, waited for as long as it takes.

        Raises:
            RequestRefused: this request cannot be answered.
            EngineDeadError: none can.
        """
        async with self._queue.place(priority):
            return await self._patiently(partial(self._post, path, body, read))

    async def probe(self, path: str, body: Json) -> Json:
        """The answer to a request that tries out what the server takes: one on which it breaks is refused, soon.

        Raises:
            Rejected: the server does not take it.
            EngineDeadError: it takes nothing.
        """
        return await self._patiently(partial(self._post, path, body, lambda data: data), most_500=_PROBE_FAILURES)

    async def _patiently(self, send: Callable[[], Awaitable[T]], most_500: int | None = None) -> T:
        from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

        tries = _Tries(most_500)
        spread = wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT)

        def failure(state: Any) -> Passing:
            error = state.outcome.exception()
            assert isinstance(error, Passing)
            return error

        again = AsyncRetrying(
            retry=retry_if_exception_type(Passing),
            stop=lambda state: self._gives_up(tries, failure(state)),
            wait=lambda state: (failure(state).wait or 0.0) + spread(state),
            reraise=True,
        )
        try:
            return await again(send)
        except Passing as error:
            raise self._given_up(tries, error) from None

    def _gives_up(self, tries: _Tries, error: Passing) -> bool:
        now = time.monotonic()
        if tries.since is None:
            tries.since, tries.answers = now, self._answers
        tries.count += 1
        tries.alone += self._answers > tries.answers and error.status not in _SHEDS
        tries.answers = self._answers
        tries.of_500 += error.status in (500, 501)
        if tries.most_500 is not None and tries.of_500 >= tries.most_500:
            return True
        silent = now - max(tries.since, self._last_answer) + (error.wait or 0.0)
        if silent >= self._patience:
            return True
        tries.at_fault = tries.alone >= LONE_FAILURES or (now - tries.since >= self._patience and error.status != 429)
        return tries.at_fault

    def _given_up(self, tries: _Tries, error: Passing) -> Exception:
        if tries.most_500 is not None and tries.of_500 >= tries.most_500:
            return Rejected(str(error), status=error.status, said=str(error))
        if tries.at_fault:
            return RequestRefused(
                f"{self.url}: failed {tries.count} times on this request while it answered others: {error}"
            )
        waits = f"it asks to wait {error.wait:.0f} s; " if (error.wait or 0.0) > self._patience else ""
        return EngineDeadError(
            f"{self.url}: no answer within {self._patience:g} s (engine.patience), after {tries.count} tries: "
            f"{waits}{error}"
        )

    async def _post(self, path: str, body: Json, read: Callable[[Json], T]) -> T:
        if self.recognise is not None:
            await self._recognised(self.recognise)
        answer = await self._send(partial(self._client.post, path, body=body))
        if isinstance(answer, dict) and isinstance(answer.get("error"), Mapping):
            # Some routers give the failure of the server behind them with a 200.
            code = answer["error"].get("code")
            raise self._status(code if isinstance(code, int) else 502, answer["error"], {})
        if not isinstance(answer, dict) or not answer.get("choices") or not isinstance(answer["choices"], list):
            raise Passing(f"{self.url} gave a 200 without an answer: {self._clean(answer)}")
        try:
            found = read(answer)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise Passing(f"{self.url} gave an answer that cannot be read ({error!r}): {self._clean(answer)}") from None
        self._note_name(answer.get("model"))
        self._answers += 1
        self._last_answer = time.monotonic()
        return found

    async def _recognised(self, recognise: Callable[[], Awaitable[None]]) -> None:
        """Where the server was away, or nobody saw it for a while, look at what it serves before it is asked more."""
        async with self._looking:
            if self._away or time.monotonic() - max(self._last_answer, self._looked) > IDLE:
                await recognise()
                self._away, self._looked = False, time.monotonic()

    def _note_name(self, name: object) -> None:
        """Hold the model that an answer names against that of the answers before it."""
        if not isinstance(name, str) or not name:
            return
        if self.answers_as is not None and name != self.answers_as:
            raise EngineDeadError(
                f"{self.url}: answers came from '{self.answers_as}' and now come from '{name}': another model stands "
                "behind the same name. Name one that does not change, or have the server serve the first one again"
            )
        self.answers_as = name

    async def _send(self, call: Callable[..., Awaitable[object]]) -> object:
        """Send once. Raises Passing, or what ends the request or the run."""
        import openai

        while (pause := self._not_before - time.monotonic()) > 0:  # noqa: ASYNC110 - it may be put off meanwhile
            await asyncio.sleep(pause)
        options = {"timeout": openai.Timeout(self._timeout, connect=min(30.0, self._timeout))}
        try:
            async with asyncio.timeout(self._timeout):  # the client's own limit starts anew with each byte
                answer = await call(cast_to=object, options=options)
        except (TimeoutError, openai.APITimeoutError):
            raise self._connection(f"no answer within {self._timeout:g} s (engine.timeout)", None) from None
        except openai.APIStatusError as error:
            self._reached = True
            raise self._status(error.status_code, error.body, error.response.headers) from None
        except openai.APIConnectionError as error:
            raise self._connection("the connection failed", error) from None
        except RuntimeError as error:
            if "client has been closed" not in str(error):
                raise
            raise EngineDeadError(f"{self.url}: the engine was closed while it was asked") from None
        except (openai.APIError, ValueError) as error:
            self._reached = True
            raise Passing(f"{self.url} gave a 200 that is no JSON: {self._clean(error)}") from None
        self._reached = True
        return answer

    def _connection(self, what: str, error: Exception | None) -> Exception:
        causes = list(_causes(error))
        why = next((text for cause in reversed(causes) if (text := str(cause))), "") or what
        story = f"{self.url}: {self._clean(why)}"
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return EngineDeadError(f"{story}. Its certificate is not trusted: name its authority in SSL_CERT_FILE")
        if not self._reached:
            return EngineDeadError(f"{story}. Is the server running, and is the address right?")
        self._away = True
        return Passing(story)

    def _status(self, status: int, body: object, headers: Mapping[str, str]) -> Exception:
        """What a refusal means."""
        said = self._clean(_message(body))
        story = f"{self.url} answered {status}: {said}"
        if status == 401 or (status == 403 and not self._answers):  # a 403 later on is about what a request says
            return EngineDeadError(f"{story}. {self._about_the_key(status)}")
        if status == 404:
            served = ", ".join(self.models) or "it gives no list"
            return NotThere(f"{story}. The models that it serves: {served}")
        if status == 402 or _code(body) == "insufficient_quota":
            return EngineDeadError(story)
        if status in _PASSING:
            # Others in front of a server say so while it is away, and it says so itself where it has too many.
            quiet = time.monotonic() - self._last_answer
            self._away = self._away or (status in (502, 503, 504) and quiet > SOONEST_RETURN)
            wait = _retry_after(headers)
            if wait is not None and status in _SHEDS:
                self._not_before = max(self._not_before, time.monotonic() + min(wait, self._patience))
            return Passing(story, status=status, wait=wait)
        if status >= 500:
            return Passing(story, status=status)
        field = body.get("param") if isinstance(body, Mapping) else None
        return Rejected(story, status=status, said=str(body), field=field if isinstance(field, str) else None)

    def _about_the_key(self, status: int) -> str:
        if self._key is None:
            return f"It wants a key: put it into the environment variable {self._key_from}"
        what = "does not take" if status == 401 else "does not let in"
        return f"It {what} the key in the environment variable {self._key_from}"

    def _clean(self, said: object) -> str:
        """What a server said, on one line, short, and without the key."""
        text = " ".join(str(said).split())
        if self._key:
            text = text.replace(self._key, "***")
        return text if len(text) <= 300 else text[:297] + "..."


def _is_openai(url: str) -> bool:
    """Whether a base URL is OpenAI's own, or one of its regions'."""
    return f".{urlsplit(url).hostname}".endswith(".api.openai.com")


class _Tries:
    """How one request fared so far."""

    def __init__(self, most_500: int | None) -> None:
        self.most_500 = most_500
        self.count = self.alone = self.of_500 = self.answers = 0
        self.since: float | None = None
        """When it failed first."""
        self.at_fault = False
        """Whether the server answers others, so that it is about this request."""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _message(body: object) -> object:
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        if isinstance(inner, Mapping):
            return inner.get("message") or inner.get("detail") or inner
        return inner
    return body or "nothing more"


def _code(body: object) -> object:
    return body.get("code") if isinstance(body, Mapping) else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for: a number of them, or a date, which is held against the server's own."""
    given = headers.get("retry-after")
    if given is None:
        return None
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(given)
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max(0.0, (until - now).total_seconds())
    except (OverflowError, TypeError, ValueError):
        return None
