"""The `constitution` command."""

from constitution.cli.app import main

__all__ = ["main"]
