"""The Python door."""

from constitution.api.constitution import Constitution, close
from constitution.api.judged import Scores, Verdict
from constitution.api.revised import Revised
from constitution.api.run import Run, export_runs

__all__ = ["Constitution", "Revised", "Run", "Scores", "Verdict", "close", "export_runs"]
