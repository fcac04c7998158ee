"""Model strings to engines: `scripted`, `demo`, `vllm:NAME-OR-PATH`, `URL#NAME`, or a hub name or folder (= vllm)."""

from __future__ import annotations

import difflib
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from constitution.engine import Engine
from constitution.engines.openai.options import split_model
from constitution.errors import SettingsError

_log = logging.getLogger("constitution")
_HOST_AND_PORT = re.compile(r"(?!vllm:)(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{2,5}(?:/[^#?@]*)?(?=[#?,]|$)")
"""The address of a server that lacks its `http://`."""


@dataclass(frozen=True)
class Named:
    """A model string, and the options of the engine that serves it."""

    model: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The model string without its kind."""
        return self.model.removeprefix("vllm:")

    @property
    def in_process(self) -> bool:
        """Whether its weights are loaded by this process."""
        return not is_scripted(self.model) and "://" not in self.model

    @property
    def identity(self) -> str:
        """Equal for what one running engine can serve."""
        return json.dumps([self.model, self.options], sort_keys=True, default=repr)


def is_scripted(model: str) -> bool:
    """Whether a model string, or a model's fingerprint, is that of the scripted engine."""
    return model == "scripted" or model.startswith("scripted:")


def _scripted(name: str, options: Mapping[str, Any]) -> Engine:
    from constitution.engines.scripted import ScriptedEngine

    known = {"latency_ms": float, "max_context": int, "max_in_flight": int}
    for option, value in options.items():
        if option not in known:
            raise SettingsError(f"engine.{option}: unknown option of the scripted engine, expected {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SettingsError(f"engine.{option} is {value!r}, expected a number")
        if known[option] is int and not isinstance(value, int):
            raise SettingsError(f"engine.{option} is {value!r}, expected a whole number")
    return ScriptedEngine(model=name, **{option: known[option](value) for option, value in options.items()})


def _vllm(name: str, options: Mapping[str, Any]) -> Engine:
    from constitution.engines.vllm import VLLMEngine

    return VLLMEngine(name, **options)


def _demo(_: str, options: Mapping[str, Any]) -> Engine:
    from constitution.engines.small_model import prepare_small_model

    return _vllm(str(prepare_small_model(log=_log.info)), options)


def _server(model: str, options: Mapping[str, Any]) -> Engine:
    from constitution.engines.openai import OpenAIEngine

    urls, name = split_model(model)
    return OpenAIEngine(name, base_urls=urls, **options)


_KINDS: Mapping[str, Callable[[str, Mapping[str, Any]], Engine]] = {
    "scripted": _scripted,
    "demo": _demo,
    "vllm": _vllm,
    "server": _server,
}


def is_server(model: str) -> bool:
    """Whether a model string names a server."""
    return model.lower().startswith(("http://", "https://"))


def model_identity(model: str) -> str:
    """What of a model string is a setting of a run: of a server's the name alone, since servers move.

    Raises:
        SettingsError: the address of a server is none, or holds what could be a secret.
    """
    return f"server#{split_model(model)[1] or ''}" if is_server(model) else model


def check_model(model: str) -> None:
    """Refuse a model string that no engine can serve, before anything is started.

    Raises:
        SettingsError: saying what was expected.
    """
    if model == "demo" or is_scripted(model):
        return
    if is_server(model):
        split_model(model)
        return
    if (address := _HOST_AND_PORT.match(model)) is not None:
        _, mark, served = model.partition("#")
        raise SettingsError(
            f"model '{address[0]}': an address needs its scheme: write http://{address[0]}{mark}{served}"
        )
    name = model.removeprefix("vllm:")
    if not name.strip() or name != name.strip() or "://" in name:
        told = model.partition("://")[0] + "://..." if "://" in model else model
        raise SettingsError(
            f"model '{told}': expected scripted, demo, vllm:NAME-OR-PATH, a hub name like org/model, a local folder, "
            "or a server's http://HOST:PORT#NAME"
        )
    near = difflib.get_close_matches(model.lower(), ("demo", "scripted"), 1, cutoff=0.8)
    if near and not Path(model).is_dir():
        raise SettingsError(f"model '{model}': did you mean {near[0]}? One of the hub is named vllm:{model}")
    looks_local = name.startswith((".", "/", "~")) or name.count("/") > 1
    if looks_local and not Path(name).expanduser().is_dir():
        raise SettingsError(f"model '{model}': no such folder")


def make_engine(model: str, options: Mapping[str, Any] | None = None) -> Engine:
    """An engine for a model string; it is not started.

    Args:
        model: as in `check_model`.
        options: of the engine itself, handed on untouched (vLLM's engine arguments, or those of a server).

    Raises:
        SettingsError: if no engine serves such a model, or an option is unknown to it.
        EngineStartError: if the small model cannot be prepared.
    """
    check_model(model)
    kind = "scripted" if is_scripted(model) else "demo" if model == "demo" else "server" if is_server(model) else "vllm"
    name = model.removeprefix("vllm:")
    if kind == "vllm" and Path(name).expanduser().is_dir():
        name = str(Path(name).expanduser())
    return _KINDS[kind](name, options or {})
