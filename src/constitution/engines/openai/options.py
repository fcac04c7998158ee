"""Addresses of servers and the options under `engine:` that go with them. No secret is an option."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from constitution.engines.openai.control_text import CONTROL_TEXT
from constitution.errors import SettingsError


def split_model(model: str) -> tuple[tuple[str, ...], str | None]:
    """`URL#NAME` or `URL,URL#NAME`: the base URLs, and the name where one is given.

    Raises:
        SettingsError: an address is none, or holds what could be a secret; the message does not repeat it.
    """
    addresses, _, name = model.partition("#")
    return tuple(dict.fromkeys(base_url(address) for address in addresses.split(","))), name.strip() or None


def base_url(url: str) -> str:
    """An address as it is used: with its `/v1`.

    Raises:
        SettingsError: it is none, or holds what could be a secret; the message does not repeat it.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.username or parts.password or parts.query:
        raise SettingsError(
            "the address of a server holds credentials or a query, which would be written down with it: give the "
            "address alone, and put the key into the environment variable OPENAI_API_KEY (engine.api_key_env names "
            "another)"
        )
    if parts.scheme not in ("http", "https") or not host or parts.fragment:
        raise SettingsError(f"'{url}' is no address of a server: expected one like http://localhost:8000")
    place = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/")
    if not any(step[:1] == "v" and step[1:2].isdigit() for step in path.split("/")):
        path += "/v1"
    return f"{parts.scheme}://{place}{'' if port is None else f':{port}'}{path}"


@dataclass(frozen=True)
class Options:
    """What can be set under `engine:` for a server."""

    tokenizer: str | None = None
    """A local folder, a hub name, or `demo`: prompts are made here, counts are exact."""
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key."""
    max_in_flight: int = 64
    """Requests at a time, for each server."""
    max_context: int | None = None
    """Tokens of prompt and answer together, where the server does not tell."""
    patience: float = 600.0
    """Seconds without any answer after which the run stops, so that it can go on."""
    timeout: float = 600.0
    """Seconds for one answer."""
    control_text: str = "neutralise"
    """Text that looks like control tokens, in chats: neutralise, reject or allow."""
    date: str | None = None
    """ISO date that chat templates with a clock show; today if not given."""

    def __post_init__(self) -> None:
        for name, wanted in get_type_hints(Options).items():
            value = getattr(self, name)
            kinds = (float, int) if wanted is float else wanted
            if isinstance(value, bool) or not isinstance(value, kinds):
                raise SettingsError(f"engine.{name} is {value!r}, expected {_WORDS[wanted]}")
            if isinstance(value, int | float) and not 0 < value < math.inf:
                raise SettingsError(f"engine.{name} is {value!r}, expected more than 0")
        if self.control_text not in CONTROL_TEXT:
            raise SettingsError(f"engine.control_text is '{self.control_text}', expected {', '.join(CONTROL_TEXT)}")

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Options:
        """Options by name.

        Raises:
            SettingsError: one is unknown, or has a bad value.
        """
        known = [field.name for field in fields(cls)]
        for name in given:
            if name in ("api_key", "key", "token"):
                raise SettingsError(
                    f"engine.{name}: a key is no option, since options are written down: put it into the environment "
                    "variable OPENAI_API_KEY, or into one that engine.api_key_env names"
                )
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                raise SettingsError(
                    f"engine.{name}: unknown option of a server"
                    + (f"; did you mean engine.{near[0]}?" if near else f", expected one of {', '.join(known)}")
                )
        return cls(**given)


_WORDS = {
    str: "text", str | None: "text", int: "a whole number", int | None: "a whole number", float: "a number"
}  # fmt: skip
