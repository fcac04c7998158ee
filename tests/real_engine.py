"""The one real engine of a test run: vLLM with the small model in float32, started at its first use.

`pytest_plugins = ["tests.real_engine"]` in the top conftest gives every folder the fixtures `small_model` and
`engine_host`.
"""

from __future__ import annotations

import os
from collections.abc import Coroutine, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import pytest

from constitution.run.background import background

if TYPE_CHECKING:
    from constitution.engine import Capabilities
    from constitution.engines.vllm import VLLMEngine

T = TypeVar("T")

DATE = "2026-01-31"
OPTIONS: dict[str, Any] = {"dtype": "float32", "max_model_len": 2048}


class EngineHost:
    """A started engine; it lives on the library's own loop, so that whole runs can use it too."""

    def __init__(self, model: Path) -> None:
        from constitution.engines.vllm import VLLMEngine

        self.model = model
        self.engine: VLLMEngine = VLLMEngine(str(model), date=DATE, **OPTIONS)
        self.capabilities: Capabilities = self.do(self.engine.start())

    def do(self, work: Coroutine[Any, Any, T], timeout: float = 600.0) -> T:
        """Run `work` on the engine's loop and wait for it."""
        return background.submit(work).result(timeout)

    def close(self) -> None:
        """Stop the engine."""
        self.do(self.engine.close())


def do_without(why: str) -> NoReturn:
    """Skip on a developer's machine; where the whole suite is meant to run, a missing engine is a failure."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def small_model() -> Path:
    """The folder of the small model."""
    from constitution.engines.small_model import prepare_small_model

    for module in ("torch", "gguf", "transformers"):
        if find_spec(module) is None:
            do_without(f"the small model needs {module}")
    return prepare_small_model(log=print)


@pytest.fixture(scope="session")
def engine_host(small_model: Path) -> Iterator[EngineHost]:
    """The running engine that all tests of this run share."""
    if find_spec("vllm") is None:
        do_without("vLLM is not installed")
    host = EngineHost(small_model)
    yield host
    host.close()
