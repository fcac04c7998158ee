"""What the vLLM adapter notes of a prompt before it asks: no engine is needed."""

from __future__ import annotations

import logging

import pytest

from constitution.engine import Request, Sampling
from constitution.engines.vllm import VLLMEngine
from constitution.messages import user
from constitution.tokens import PromptIds

REQUEST = Request("k", "r7", (user("x"),), "draft", "draft", Sampling(8))


def test_tools_that_the_model_does_not_see_are_told_once_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Never silently, and not for each of a million records."""
    engine = VLLMEngine("small-model")
    with caplog.at_level(logging.WARNING, logger="constitution"):
        engine._note(REQUEST, PromptIds((1,)))
        assert not caplog.records
        for _ in range(3):
            engine._note(REQUEST, PromptIds((1,), "rendered_whole", unseen=True))
    (told,) = caplog.records
    assert "'small-model'" in told.getMessage()
    assert "record 'r7'" in told.getMessage()
    assert (engine.unseen, engine.breaks) == (3, {"rendered_whole": 3})
