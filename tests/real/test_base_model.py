"""The real small model asked as a base model: plain transcripts, through the whole chain."""

from __future__ import annotations

from pathlib import Path

import pytest

from constitution.records import Trace
from constitution.tokens import Transcripts
from constitution.tokens.dialogue import STOPS
from tests.real_engine import DATE, EngineHost
from tests.scripted_runs import prompts, rows, tiny

ROLES = {role: {"max_tokens": 48, "temperature": 0.8} for role in ("draft", "critique", "revise")}


@pytest.mark.engine
def test_a_chain_without_a_chat_template(
    engine_host: EngineHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers end at the model's own turn, and later prompts go on from the ids that were sampled."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(engine_host.model)
    tokenizer.chat_template = None
    plain = Transcripts(tokenizer, date=DATE)
    monkeypatch.setattr(engine_host.engine, "_transcripts", plain)
    run = tiny(tmp_path).generate(
        prompts(8), tmp_path / "run", model=engine_host.engine, rounds=1, roles=ROLES, chunk_size=8
    )
    summary = run.summary()
    assert summary["failed"] == summary["pending"] == 0
    traces = [row for row in rows(run) if isinstance(row, Trace) and row.draft is not None]
    assert len(traces) >= 4
    texts = [part.text for trace in traces for part in (trace.draft, *(r.revision for r in trace.rounds)) if part]
    assert not any(stop in text or text != text.strip() for text in texts for stop in STOPS)
    stages = summary["tokens"]
    assert stages["critique"]["cached"] > stages["critique"]["prompt"] / 4
