"""Pairs whose better answer is known: sets by name, one file each, and files of one's own."""

from constitution.sources.judged_sets.known import DEFAULT, SETS, read_sets

__all__ = ["DEFAULT", "SETS", "read_sets"]
