"""The HTTP engine against connections that misbehave: refused, reset, dripping, not trusted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from constitution.engine import Completion
from constitution.engines.openai import OpenAIEngine
from constitution.engines.openai import server as openai_server
from constitution.errors import EngineDeadError, EngineStartError
from tests.engines.openai.asking import request, with_engine
from tests.loopback import Loopback

pytestmark = pytest.mark.usefixtures("soon")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Raw:
    """A listener that does something with each connection."""

    def __init__(
        self, do: Callable[[socket.socket], None], context: ssl.SSLContext | None = None, port: int = 0
    ) -> None:
        self.connections = 0
        self._do, self._context = do, context
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            with contextlib.suppress(OSError), connection:
                if self._context is not None:
                    with self._context.wrap_socket(connection, server_side=True) as wrapped:
                        self._do(wrapped)
                else:
                    self._do(connection)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # or the thread goes on waiting for the next one
        self._socket.close()


def answering(connection: socket.socket, root: str = "small") -> None:
    """The list of models and any answer at once."""
    read_request(connection)
    body = json.dumps(
        {
            "data": [{"id": "small", "root": root, "max_model_len": 4096}],
            "choices": [{"message": {"content": "Back."}, "finish_reason": "stop"}],
        }
    )
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close"
    connection.sendall(f"{head}\r\n\r\n{body}".encode())


def test_a_server_that_returns_within_patience_is_waited_for() -> None:
    """Connections are refused for a while; nothing is lost."""

    async def away_and_back() -> Completion:
        raw = Raw(answering)
        engine = OpenAIEngine("small", base_urls=[f"http://127.0.0.1:{raw.port}"], patience=30)
        await engine.start()
        raw.close()
        asked = asyncio.create_task(engine.answer(request()))
        await asyncio.sleep(0.5)
        assert not asked.done()
        raw = Raw(answering, port=raw.port)
        said = await asked
        await engine.close()
        raw.close()
        return said

    assert asyncio.run(away_and_back()).text == "Back."


def test_a_server_that_returns_with_another_model_is_not_asked() -> None:
    """After a lost connection its list is looked at first."""

    async def away_and_back() -> None:
        raw = Raw(partial(answering, root="org/first"))
        engine = OpenAIEngine("small", base_urls=[f"http://127.0.0.1:{raw.port}"], patience=30)
        await engine.start()
        raw.close()
        asked = asyncio.create_task(engine.answer(request()))
        await asyncio.sleep(0.3)
        raw = Raw(partial(answering, root="org/other"), port=raw.port)
        try:
            with pytest.raises(EngineDeadError, match="was org/first and is org/other"):
                await asked
            assert raw.connections == 1
        finally:
            await engine.close()
            raw.close()

    asyncio.run(away_and_back())


def test_a_server_that_nobody_saw_for_a_while_is_looked_at(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have begun anew between two questions, without a lost connection."""
    server.models = [{"id": "small", "root": "org/first", "max_model_len": 4096}]

    async def work(engine: OpenAIEngine) -> None:
        await engine.answer(request("a"))
        assert len(server.seen) == 1
        monkeypatch.setattr(openai_server, "IDLE", 0.0)
        server.models = [{"id": "small", "root": "org/other", "max_model_len": 4096}]
        with pytest.raises(EngineDeadError, match="was org/first and is org/other"):
            await engine.answer(request("b"))
        assert [one.path for one in server.seen[1:]] == ["/v1/models"]

    with_engine(server, work)


def test_a_server_that_is_not_there_at_the_start_is_told_at_once() -> None:
    """Nobody waits ten minutes for a typing mistake."""
    before = time.monotonic()
    engine = OpenAIEngine("small", base_urls=[f"http://127.0.0.1:{free_port()}"])
    with pytest.raises(EngineStartError, match="Is the server running"):
        asyncio.run(engine.start())
    assert time.monotonic() - before < 10


def read_request(connection: socket.socket) -> None:
    """A whole request with its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line), 0)
    while len(body) < length:
        body += connection.recv(65536)


def reset(connection: socket.socket) -> None:
    """Close with a reset."""
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def drip(connection: socket.socket) -> None:
    """A byte now and then: no single read takes long, and the answer never ends."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{")
    for _ in range(100):
        connection.sendall(b" ")
        time.sleep(0.05)


def half(connection: socket.socket) -> None:
    """Half of what was announced."""
    read_request(connection)
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{"choices"')


def garbage(connection: socket.socket) -> None:
    """No HTTP at all."""
    read_request(connection)
    connection.sendall(b"\x00\x01nonsense\r\n\r\n")


@pytest.mark.parametrize("do", [reset, drip, half, garbage])
def test_broken_connections_are_tried_again(server: Loopback, do: Callable[[socket.socket], None]) -> None:
    """A reset, a slow loris, a broken body: the same request is sent again, until patience ends."""
    raw = Raw(do)

    async def work(engine: OpenAIEngine) -> None:
        one = engine._servers[server.url]
        other = openai_server.Server(
            f"http://127.0.0.1:{raw.port}/v1", key=None, key_from="K", max_in_flight=1, patience=1.0, timeout=0.3
        )
        other._reached = True
        engine._servers[server.url] = other
        await one.close()
        await engine.answer(request())

    before = time.monotonic()
    try:
        with pytest.raises(EngineDeadError, match="no answer within 1 s"):
            with_engine(server, work)
    finally:
        raw.close()
    assert raw.connections > 1
    assert time.monotonic() - before < 4  # a drip alone takes 5 seconds


def certificate(folder: Path) -> ssl.SSLContext:
    """A certificate that nobody trusts."""
    import subprocess

    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_a_certificate_that_is_not_trusted_is_told_at_once(tmp_path: Path) -> None:
    """Waiting does not mend it."""
    raw = Raw(read_request, certificate(tmp_path))
    engine = OpenAIEngine("small", base_urls=[f"https://127.0.0.1:{raw.port}"])
    try:
        with pytest.raises(EngineStartError, match=r"certificate.*SSL_CERT_FILE"):
            asyncio.run(engine.start())
    finally:
        raw.close()
    assert raw.connections == 1
