"""Preference data from a constitution: critique, revise, export."""

from constitution.api import Constitution, Examination, Revised, Run, Scores, Verdict, close, examine, export_runs
from constitution.checks import Checked
from constitution.engine import Capabilities, Completion, Engine, Request, Sampling
from constitution.engines.callable import CallableJudge
from constitution.engines.scripted import ScriptedEngine
from constitution.errors import (
    ConstitutionError,
    ConstitutionFileError,
    EngineDeadError,
    EngineStartError,
    InputError,
    RecordError,
    StoreError,
)
from constitution.messages import Message, Prompt
from constitution.principles import Principle, Principles
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.records import PreferencePair, Trace
from constitution.sources.prompts.source import PromptSource
from constitution.steps.refusals import Refusal, tag_refusal

__version__ = "0.1.0"

__all__ = [
    "CallableJudge",
    "Capabilities",
    "Checked",
    "Completion",
    "Constitution",
    "ConstitutionError",
    "ConstitutionFileError",
    "CritiqueRevise",
    "Engine",
    "EngineDeadError",
    "EngineStartError",
    "Examination",
    "InputError",
    "Message",
    "PreferencePair",
    "Principle",
    "Principles",
    "Prompt",
    "PromptSource",
    "RecordError",
    "Refusal",
    "Request",
    "Revised",
    "Run",
    "Sampling",
    "Scores",
    "ScriptedEngine",
    "StoreError",
    "Trace",
    "Verdict",
    "close",
    "examine",
    "export_runs",
    "tag_refusal",
]


def __dir__() -> list[str]:
    """The public names, without the modules that importing them leaves here."""
    return [*__all__, *(name for name in globals() if name.startswith("__"))]
