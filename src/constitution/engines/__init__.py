"""Adapters behind the seam of `constitution.engine`: one file an engine, vendor names nowhere else."""
