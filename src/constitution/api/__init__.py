"""The Python door."""

from constitution.api.constitution import Constitution, close
from constitution.api.examine import Examination, aexamine, examine
from constitution.api.exports import export_runs
from constitution.api.judged import Scores, Verdict
from constitution.api.revised import Revised
from constitution.api.run import Run

__all__ = [
    "Constitution", "Examination", "Revised", "Run", "Scores", "Verdict", "aexamine", "close", "examine", "export_runs",
]  # fmt: skip
