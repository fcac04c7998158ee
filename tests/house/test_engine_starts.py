"""Engine starts are dear; the whole test run shares one and starts few."""

from __future__ import annotations

import pytest

from tests.conftest import MOST_ENGINE_STARTS


@pytest.mark.engine
def test_few_engine_starts(engine_starts: int) -> None:
    """Runs last: at most so many starts of a real engine, those of child processes included."""
    assert engine_starts <= MOST_ENGINE_STARTS
