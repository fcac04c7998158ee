"""The HTTP engine against servers that misbehave: what is asked again, what fails a record, what ends the run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from werkzeug import Response

from constitution.engine import Completion
from constitution.engines.openai import OpenAIEngine
from constitution.engines.openai import server as openai_server
from constitution.errors import EngineDeadError, EngineStartError, RequestRefused
from tests.engines.openai.asking import ask, request, started, with_engine
from tests.loopback import Body, Loopback, error, reply

HTML = "<html><body>Bad   gateway</body></html>"


pytestmark = pytest.mark.usefixtures("soon")


def slow(body: Body) -> None:
    """No answer for a while."""
    del body
    time.sleep(0.6)


PASSING: dict[str, Response | Callable[[Body], None]] = {
    "429": error(429, "too many requests"),
    "408": error(408, "too slow"),
    "409": error(409, "conflict"),
    "500": error(500, "broke"),
    "502 with a page": Response(HTML, 502, content_type="text/html"),
    "503": error(503, "loading"),
    "504": error(504, "too long"),
    "200 that is no JSON": Response('{"choices": [', 200, content_type="application/json"),
    "200 with a page": Response(HTML, 200, content_type="text/html"),
    "200 without choices": reply({"id": "x"}),
    "200 with no choice": reply({"id": "x", "choices": []}),
    "200 with a choice of nothing": reply({"choices": [None]}),
    "200 without a message": reply({"choices": [{"finish_reason": "stop"}]}),
    "200 that broke off": reply({"choices": [{"message": {"content": "x"}, "finish_reason": "abort"}]}),
    "200 with an error of a router": reply({"error": {"code": 502, "message": "upstream"}}),
    "no answer in time": slow,
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_what_may_pass_is_asked_again(server: Loopback, fault: Response | Callable[[Body], None]) -> None:
    """The very same request, until there is an answer."""
    timeout = 0.3 if fault is slow else 30

    async def work(engine: OpenAIEngine) -> Completion:
        server.faults = [fault, fault]
        return await engine.answer(request())

    said = with_engine(server, work, timeout=timeout)
    assert said.text.startswith("Answer")
    assert len(server.asked) == 3
    assert server.asked[0] == server.asked[1] == server.asked[2]


def test_the_client_waits_itself_where_others_need_not(server: Loopback) -> None:
    """`Retry-After` with a 500 is about that request alone."""
    wait = error(500, "wait", **{"Retry-After": "1"})
    assert 1.0 <= seconds_until_the_answer(server, wait) < 2.0


def seconds_until_the_answer(server: Loopback, *faults: Response) -> float:
    async def work(engine: OpenAIEngine) -> float:
        server.faults = list(faults)
        before = time.monotonic()
        await engine.answer(request())
        return time.monotonic() - before

    return with_engine(server, work)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_is_waited_for(server: Loopback, status: int) -> None:
    """As long as the server says, and not much longer."""
    assert 1.0 <= seconds_until_the_answer(server, error(status, "wait", **{"Retry-After": "1"})) < 2.0


def test_retry_after_as_a_date_is_waited_for(server: Loopback) -> None:
    """Dates have whole seconds."""
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    assert 0.9 <= seconds_until_the_answer(server, error(429, "wait", **{"Retry-After": until})) < 3.0


def test_a_date_is_held_against_the_servers_own_clock() -> None:
    """Two clocks may differ by hours; without the server's, ours must do."""
    now = datetime.now(UTC)
    dates = [format_datetime(now + timedelta(seconds=after), usegmt=True) for after in (-18000, -17970, 30, -60)]
    assert openai_server._retry_after({"date": dates[0], "retry-after": dates[1]}) == 30
    assert openai_server._retry_after({"retry-after": dates[2]}) == pytest.approx(30, abs=2)
    assert openai_server._retry_after({"retry-after": dates[3]}) == 0


@pytest.mark.parametrize("given", ["soon", "-3", "nan", "", f"Wed, 21 Oct {'9' * 25} 07:28:00 GMT"])
def test_a_retry_after_that_is_none_waits_no_longer(server: Loopback, given: str) -> None:
    """Nonsense is no reason to wait."""
    assert seconds_until_the_answer(server, error(429, "wait", **{"Retry-After": given})) < 1.0


def test_others_wait_too_after_a_429_with_retry_after(server: Loopback) -> None:
    """Nobody asks a server that has said how long it wants peace."""

    async def work(engine: OpenAIEngine) -> float:
        server.faults = [error(429, "wait", **{"Retry-After": "1"})]
        first = asyncio.create_task(engine.answer(request("a")))
        while not server.asked:  # noqa: ASYNC110 - another thread counts
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        await engine.answer(request("b"))
        await first
        return server.seen[1].at - server.seen[0].at

    assert with_engine(server, work) >= 0.9


def test_a_wait_longer_than_patience_ends_the_run_at_once(server: Loopback) -> None:
    """It can go on later; the message has the arithmetic."""

    async def work(engine: OpenAIEngine) -> None:
        server.faults = [error(429, "wait", **{"Retry-After": "3600"})]
        await engine.answer(request())

    before = time.monotonic()
    with pytest.raises(EngineDeadError, match=r"3600 s.*|patience"):
        with_engine(server, work, patience=2)
    assert time.monotonic() - before < 5


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_bad_request_fails_alone(server: Loopback, status: int) -> None:
    """It is asked once, the server's words are told, and the next one is answered."""

    async def work(engine: OpenAIEngine) -> Completion:
        server.faults = [error(status, "This model's maximum context length is 4096 tokens.")]
        with pytest.raises(RequestRefused, match="maximum context length"):
            await engine.answer(request())
        assert len(server.asked) == 1
        return await engine.answer(request("next"))

    assert with_engine(server, work).text


@pytest.mark.parametrize("status", [401, 403])
def test_a_bad_key_at_the_start_stops_before_the_second_request(
    monkeypatch: pytest.MonkeyPatch, server: Loopback, status: int
) -> None:
    """One request, and a message that names the variable and not the key."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-0123456789")
    monkeypatch.setattr("tests.loopback.KEY_STATUS", status)
    server.key = "sk-right"
    with pytest.raises(EngineStartError, match="OPENAI_API_KEY") as caught:
        started(server)
    assert len(server.seen) == 1
    assert "sk-wrong" not in str(caught.value)


def test_no_key_where_one_is_wanted_names_the_variable(monkeypatch: pytest.MonkeyPatch, server: Loopback) -> None:
    """Also one that the user chose."""
    monkeypatch.delenv("MY_KEY", raising=False)
    server.key = "sk-right"
    with pytest.raises(EngineStartError, match=r"wants a key.*MY_KEY"):
        started(server, api_key_env="MY_KEY")


def test_the_key_is_sent(monkeypatch: pytest.MonkeyPatch, server: Loopback) -> None:
    """From the variable, without the line end that files put there."""
    monkeypatch.setenv("MY_KEY", "sk-right\n")
    server.key = "sk-right"
    assert ask(server, request(), api_key_env="MY_KEY")


def test_an_account_at_openai_is_told_to_no_other_server(monkeypatch: pytest.MonkeyPatch, server: Loopback) -> None:
    """Neither organization nor project, in no request, the first ones included."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-0123456789")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-0123456789")
    started(server)
    started(server)
    seen = [*server.seen]
    ask(server, request())
    seen += server.seen
    assert len(seen) > 3
    sent = [text for one in seen for pair in one.headers.items() for text in pair]
    assert not [
        text for text in sent if "0123456789" in text or text.lower() in ("openai-organization", "openai-project")
    ]


def sees(url: str) -> tuple[str | None, str | None]:
    """Organization and project that the client of an address sends."""
    client = openai_server.Server(url, key=None, key_from="K", max_in_flight=1, patience=1.0, timeout=0.3)._client
    return client.organization, client.project


def test_openai_itself_is_told_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no host whose name only looks like it."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    for url in ("https://api.openai.com/v1", "https://eu.api.openai.com/v1", "https://API.openai.com:443/v1"):
        assert sees(url) == ("org-1", "proj-1")
    for url in (
        "https://evil-api.openai.com/v1",
        "https://api.openai.com.evil.org/v1",
        "http://localhost/api.openai.com",
    ):
        assert sees(url) == (None, None)


def test_a_key_that_is_refused_in_mid_run_ends_it(monkeypatch: pytest.MonkeyPatch, server: Loopback) -> None:
    """No other request is sent to find that out again, and the key is not told."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-0123456789")

    async def work(engine: OpenAIEngine) -> None:
        server.faults = [error(401, "no such key: sk-wrong-0123456789")]
        await engine.answer(request())

    with pytest.raises(EngineDeadError, match="OPENAI_API_KEY") as caught:
        with_engine(server, work)
    assert len(server.asked) == 1
    assert "sk-wrong" not in str(caught.value)


def test_an_unknown_model_names_those_that_are_served(server: Loopback) -> None:
    """At the start."""
    server.models = [{"id": "small", "max_model_len": 4096}, {"id": "large"}]
    with pytest.raises(EngineStartError, match="small, large"):
        started(server, name="huge")


@pytest.mark.parametrize(("status", "more"), [(404, "gone"), (402, "pay")])
def test_what_is_about_all_requests_ends_the_run(server: Loopback, status: int, more: str) -> None:
    """A model that was unloaded, an account that is empty."""

    async def work(engine: OpenAIEngine) -> None:
        server.faults = [error(status, more)]
        await engine.answer(request())

    with pytest.raises(EngineDeadError, match=more):
        with_engine(server, work)
    assert len(server.asked) == 1


def test_an_empty_account_is_not_waited_for(server: Loopback) -> None:
    """OpenAI says 429 and means 402."""

    async def work(engine: OpenAIEngine) -> None:
        spent = {"message": "You exceeded your current quota", "code": "insufficient_quota"}
        server.faults = [reply({"error": spent}, 429)]
        await engine.answer(request())

    with pytest.raises(EngineDeadError, match="quota"):
        with_engine(server, work)
    assert len(server.asked) == 1


def test_one_request_that_breaks_the_server_fails_alone(server: Loopback) -> None:
    """It fails again and again while others are answered: it is at fault, not the server."""

    def poisoned(body: Body) -> Response | None:
        return error(500, "broke on it") if "poison" in str(body["messages"]) else None

    async def work(engine: OpenAIEngine) -> RequestRefused:
        server.faults = [poisoned] * 400
        bad = asyncio.create_task(engine.answer(request("bad", "poison")))
        number = 0
        while not bad.done():
            number += 1
            assert (await engine.answer(request(f"good{number}"))).text
        with pytest.raises(RequestRefused, match="while it answered others") as caught:
            await bad
        return caught.value

    assert "broke on it" in str(with_engine(server, work))


def test_a_request_that_takes_too_long_fails_alone_after_patience(server: Loopback) -> None:
    """While others are answered, also where it fails only a few times."""

    def poisoned(body: Body) -> Response | None:
        return error(500, "broke", **{"Retry-After": "1"}) if "poison" in str(body["messages"]) else None

    async def work(engine: OpenAIEngine) -> int:
        server.faults = [poisoned] * 4000
        bad = asyncio.create_task(engine.answer(request("bad", "poison")))
        while not bad.done():
            await engine.answer(request("good"))
        with pytest.raises(RequestRefused, match="while it answered others"):
            await bad
        return sum(body["messages"][0]["content"] == "poison" for body in server.asked)

    assert with_engine(server, work, patience=1.5) < openai_server.LONE_FAILURES


def test_a_server_that_stays_away_ends_the_run_after_patience(server: Loopback) -> None:
    """With what it said last."""

    async def work(engine: OpenAIEngine) -> float:
        server.faults = [error(503, "down for good")] * 1000
        before = time.monotonic()
        with pytest.raises(EngineDeadError, match=r"no answer within 0.5 s.*down for good"):
            await engine.answer(request())
        return time.monotonic() - before

    assert 0.4 <= with_engine(server, work, patience=0.5) < 3


def test_requests_of_a_limited_account_are_not_failed(server: Loopback) -> None:
    """429 for longer than patience, while others are answered, is a queue and no fault."""

    def limited(body: Body) -> Response | None:
        return error(429, "later") if "late" in str(body["messages"]) and time.monotonic() < until else None

    async def work(engine: OpenAIEngine) -> Completion:
        server.faults = [limited] * 2000
        late = asyncio.create_task(engine.answer(request("late", "late")))
        while not late.done():
            await engine.answer(request("other"))
        return await late

    until = time.monotonic() + 1.5
    assert with_engine(server, work, patience=0.5).text
    assert sum(body["messages"][0]["content"] == "late" for body in server.asked) > openai_server.LONE_FAILURES


@pytest.mark.parametrize("status", [503, 529])
@pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}], ids=["alone", "with Retry-After"])
def test_requests_that_a_crowded_server_turns_away_are_not_failed(
    server: Loopback, status: int, headers: dict[str, str]
) -> None:
    """Load that is shed more often than a request may fail says nothing of the request."""
    left = 2 * openai_server.LONE_FAILURES

    def shed(body: Body) -> Response | None:
        nonlocal left
        if "late" not in str(body["messages"]) or not left:
            return None
        left -= 1
        return error(status, "overloaded", **headers)

    async def work(engine: OpenAIEngine) -> Completion:
        server.faults = [shed] * 2000
        late = asyncio.create_task(engine.answer(request("late", "late")))
        while not late.done():
            await engine.answer(request("other"))
        return await late

    assert with_engine(server, work, patience=20).text


def test_a_request_that_is_always_turned_away_fails_alone_after_patience(server: Loopback) -> None:
    """A 503 for as long as patience, while others are answered, is this request's own."""

    def shed(body: Body) -> Response | None:
        return error(503, "overloaded") if "late" in str(body["messages"]) else None

    async def work(engine: OpenAIEngine) -> None:
        server.faults = [shed] * 4000
        late = asyncio.create_task(engine.answer(request("late", "late")))
        while not late.done():
            await engine.answer(request("other"))
        with pytest.raises(RequestRefused, match="while it answered others"):
            await late

    with_engine(server, work, patience=0.7)


def test_others_wait_too_after_a_529_with_retry_after(server: Loopback) -> None:
    """As after a 429."""

    async def work(engine: OpenAIEngine) -> float:
        server.faults = [error(529, "overloaded", **{"Retry-After": "1"})]
        first = asyncio.create_task(engine.answer(request("a")))
        while not server.asked:  # noqa: ASYNC110 - another thread counts
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        await engine.answer(request("b"))
        await first
        return server.seen[1].at - server.seen[0].at

    assert with_engine(server, work) >= 0.9


def test_cancelling_frees_the_place_in_the_queue(server: Loopback) -> None:
    """Also while it waits to ask again."""

    async def work(engine: OpenAIEngine) -> Completion:
        server.faults = [error(503, "down", **{"Retry-After": "1"})]
        stuck = asyncio.create_task(engine.answer(request("stuck")))
        while not server.asked:  # noqa: ASYNC110 - another thread counts
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)
        return await asyncio.wait_for(engine.answer(request("next")), 5)

    assert with_engine(server, work, max_in_flight=1).text


def test_an_engine_that_is_closed_while_it_is_asked_is_dead(server: Loopback) -> None:
    """A request that waits to be asked again ends soon, with an error of the library."""

    async def work(engine: OpenAIEngine) -> None:
        server.faults = [error(500, "wait", **{"Retry-After": "1"})]
        waiting = asyncio.create_task(engine.answer(request()))
        while not server.asked:  # noqa: ASYNC110 - another thread counts
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        await engine.close()
        await waiting

    with pytest.raises(EngineDeadError, match="was closed"):
        with_engine(server, work)


def test_a_403_after_answers_fails_its_record_alone(server: Loopback) -> None:
    """The key was taken before, so it is about what the request says (moderated input)."""

    async def work(engine: OpenAIEngine) -> Completion:
        server.faults = [error(403, "Your input was flagged")]
        with pytest.raises(RequestRefused, match="flagged"):
            await engine.answer(request())
        assert len(server.asked) == 1
        return await engine.answer(request("next"))

    assert with_engine(server, work).text
