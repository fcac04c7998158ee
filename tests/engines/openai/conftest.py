"""Shared by the tests of the HTTP engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from constitution.engines.openai import server as openai_server
from tests.loopback import Loopback, loopback


@pytest.fixture
def server() -> Iterator[Loopback]:
    """A server that takes chats only."""
    with loopback() as running:
        yield running


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again after milliseconds."""
    monkeypatch.setattr(openai_server, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(openai_server, "LONGEST_WAIT", 0.05)
