"""The Python door."""

from constitution.api.constitution import Constitution, close
from constitution.api.revised import Revised
from constitution.api.run import Run

__all__ = ["Constitution", "Revised", "Run", "close"]
