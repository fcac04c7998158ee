"""Model strings to engines: `scripted`, `demo`, `vllm:NAME-OR-PATH`, or a bare hub name or local folder (= vllm)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from constitution.engine import Engine
from constitution.errors import SettingsError

_log = logging.getLogger("constitution")


def _scripted(_: str, options: Mapping[str, Any]) -> Engine:
    from constitution.engines.scripted import ScriptedEngine

    known = {"latency_ms": float, "max_context": int, "max_in_flight": int}
    for name, value in options.items():
        if name not in known:
            raise SettingsError(f"engine.{name}: unknown option of the scripted engine, expected {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SettingsError(f"engine.{name} is {value!r}, expected a number")
        if known[name] is int and not isinstance(value, int):
            raise SettingsError(f"engine.{name} is {value!r}, expected a whole number")
    return ScriptedEngine(**{name: known[name](value) for name, value in options.items()})


def _vllm(name: str, options: Mapping[str, Any]) -> Engine:
    from constitution.engines.vllm import VLLMEngine

    return VLLMEngine(name, **options)


def _demo(_: str, options: Mapping[str, Any]) -> Engine:
    from constitution.engines.small_model import prepare_small_model

    return _vllm(str(prepare_small_model(log=_log.info)), options)


_KINDS: Mapping[str, Callable[[str, Mapping[str, Any]], Engine]] = {
    "scripted": _scripted,
    "demo": _demo,
    "vllm": _vllm,
}


def check_model(model: str) -> None:
    """Refuse a model string that no engine can serve, before anything is started.

    Raises:
        SettingsError: saying what was expected.
    """
    if model in ("scripted", "demo"):
        return
    name = model.removeprefix("vllm:")
    if not name.strip() or name != name.strip() or "://" in name:
        raise SettingsError(
            f"model '{model}': expected scripted, demo, vllm:NAME-OR-PATH, a hub name like org/model, or a local folder"
        )
    looks_local = name.startswith((".", "/", "~")) or name.count("/") > 1
    if looks_local and not Path(name).expanduser().is_dir():
        raise SettingsError(f"model '{model}': no such folder")


def make_engine(model: str, options: Mapping[str, Any] | None = None) -> Engine:
    """An engine for a model string; it is not started.

    Args:
        model: as in `check_model`.
        options: of the engine itself, handed on untouched (vLLM's engine arguments).

    Raises:
        SettingsError: if no engine serves such a model, or an option is unknown to it.
        EngineStartError: if the small model cannot be prepared.
    """
    check_model(model)
    kind = model if model in ("scripted", "demo") else "vllm"
    name = model.removeprefix("vllm:")
    if kind == "vllm" and Path(name).expanduser().is_dir():
        name = str(Path(name).expanduser())
    return _KINDS[kind](name, options or {})
