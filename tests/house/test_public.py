"""The public names, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import constitution

PUBLIC = [
    "CallableJudge", "Capabilities", "Checked", "Completion", "Constitution", "ConstitutionError",
    "ConstitutionFileError", "CritiqueRevise", "Engine", "EngineDeadError", "EngineStartError", "Examination",
    "InputError", "Message", "PreferencePair", "Principle", "Principles", "Prompt", "PromptSource", "RecordError",
    "Refusal", "Request", "Revised", "Run", "Sampling", "Scores", "ScriptedEngine", "StoreError", "Trace", "Verdict",
    "close", "examine", "export_runs", "tag_refusal",
]  # fmt: skip
HEAVY = ("torch", "transformers", "vllm", "datasets", "openai", "ray")


def test_public_names_are_pinned_and_sorted() -> None:
    """What is promised is one sorted list; a change of it is a decision."""
    assert constitution.__all__ == PUBLIC == sorted(PUBLIC)
    assert all(hasattr(constitution, name) for name in PUBLIC)
    assert len(PUBLIC) <= 36


def test_only_public_names_are_listed() -> None:
    """What a notebook completes: no submodules, which stay where they are."""
    assert [name for name in dir(constitution) if not name.startswith("_")] == PUBLIC
    assert "__version__" in dir(constitution)


def test_import_loads_nothing_heavy() -> None:
    """`import constitution`, and the command's own modules, load none of the heavy packages."""
    code = f"import constitution, constitution.cli, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
