"""Model strings of servers and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from constitution.engines.models import check_model, make_engine, model_identity
from constitution.engines.openai import OpenAIEngine
from constitution.engines.openai.options import base_url, split_model
from constitution.errors import SettingsError


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        ("https://Example.org/gateway", "https://example.org/gateway/v1"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
        ("https://example.org/v1beta/openai", "https://example.org/v1beta/openai"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
    ],
)
def test_v1_is_appended_where_it_is_missing(given: str, used: str) -> None:
    """Where a version stands already, nothing is."""
    assert base_url(given) == used


@pytest.mark.parametrize(
    "address",
    ["http://user:s3cret@host:1", "http://s3cret@host", "https://host/v1?key=s3cret", "http://host:1?s3cret#m"],
)
def test_addresses_with_secrets_are_refused_and_not_repeated(address: str) -> None:
    """They would be written down, and shown by every message."""
    for refuse in (check_model, model_identity, make_engine, split_model):
        with pytest.raises(SettingsError, match="OPENAI_API_KEY") as caught:
            refuse(f"{address}#model" if "#" not in address else address)
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("model", ["http://#m", "http:///v1#m", "http://host:port", "ftp://host#m", "https://"])
def test_addresses_that_are_none_are_refused(model: str) -> None:
    """With what was expected."""
    with pytest.raises(SettingsError, match="http://"):
        check_model(model)


def test_a_model_string_names_servers_and_the_model() -> None:
    """`URL,URL#NAME`; names may hold anything, slashes and colons too."""
    assert split_model("http://a:1,http://b:2/v1#org/model:tag") == (
        ("http://a:1/v1", "http://b:2/v1"),
        "org/model:tag",
    )
    assert split_model("http://a:1") == (("http://a:1/v1",), None)
    assert split_model("http://a:1,http://a:1/v1#m") == (("http://a:1/v1",), "m")


def test_what_a_run_compares_is_the_name_alone() -> None:
    """A server that moves serves the same model."""
    assert model_identity("http://a:1#m") == model_identity("https://b/v1,http://c#m") == "server#m"
    assert model_identity("http://a:1") == "server#"
    assert model_identity("org/model") == "org/model"


def test_make_engine_makes_one(tmp_path: Path) -> None:
    """Nothing is sent for that."""
    engine = make_engine("http://localhost:1#m", {"patience": 3})
    assert isinstance(engine, OpenAIEngine)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"max_inflight": 3}, "did you mean engine.max_in_flight?"),
        ({"quantization": "fp8"}, "expected one of tokenizer, api_key_env"),
        ({"api_key": "sk-s3cret"}, "engine.api_key_env"),
        ({"max_in_flight": 0}, "engine.max_in_flight is 0"),
        ({"max_in_flight": 2.5}, "a whole number"),
        ({"max_in_flight": True}, "a whole number"),
        ({"patience": "long"}, "a number"),
        ({"timeout": float("nan")}, "more than 0"),
        ({"timeout": -1}, "more than 0"),
        ({"max_context": "4k"}, "a whole number"),
        ({"tokenizer": 3}, "text"),
        ({"control_text": "drop"}, "reject, neutralise, allow"),
    ],
)
def test_bad_options_are_refused_before_anything_is_sent(options: dict[str, Any], told: str) -> None:
    """By their name, with what was expected; a key is never repeated."""
    with pytest.raises(SettingsError, match=told.replace("?", r"\?")) as caught:
        make_engine("http://localhost:1#m", options)
    assert "s3cret" not in str(caught.value)


def test_a_key_that_no_header_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without repeating it."""
    import asyncio

    monkeypatch.setenv("OPENAI_API_KEY", "sk-\u00e9-s3cret")
    with pytest.raises(SettingsError, match="OPENAI_API_KEY") as caught:
        asyncio.run(OpenAIEngine("m", base_urls=["http://localhost:1"]).start())
    assert "s3cret" not in str(caught.value)
