"""What all tests share: Hypothesis profiles, no hub, and the count of engine starts."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault(
    "CONSTITUTION_COUNT_STARTS", str(Path(tempfile.mkdtemp(prefix="constitution-starts-")) / "starts")
)

settings.register_profile(
    "default", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

pytest_plugins = ["tests.real_engine", "tests.real_server", "tests.loopback"]

MOST_ENGINE_STARTS = 7


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the count of engine starts last: it is about all tests before it."""
    items.sort(key=lambda item: item.name == "test_few_engine_starts")


@pytest.fixture
def engine_starts() -> int:
    """How often an engine was started by this test run, in this process and its children."""
    path = Path(os.environ["CONSTITUTION_COUNT_STARTS"])
    return len(path.read_text().splitlines()) if path.exists() else 0
