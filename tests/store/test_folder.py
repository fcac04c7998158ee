"""The folder of a run: one process at a time, nobody else's files, and clear words for paths that do not do."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from dataclasses import replace
from inspect import signature
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from constitution.api import export_runs
from constitution.cli.app import app
from constitution.errors import InputError, RunLocked, SettingsChanged, StoreError
from constitution.records import SCHEMA_VERSION
from constitution.store.folder import EXPORTED, MAY_CHANGE, Manifest, RunFolder, refuse_changes

HOLD = """
import sys
from constitution.store.folder import RunFolder
folder = RunFolder(sys.argv[1])
folder.create()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_who_works_here(tmp_path: Path) -> None:
    """The lock names the process and the host that hold it, and goes when that process is killed."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunLocked, match=rf"process {holder.pid} on host {socket.gethostname()} works in this"):
            RunFolder(tmp_path / "run").create()
        holder.kill()
    folder = RunFolder(tmp_path / "run")
    folder.create()
    folder.release()


def test_a_second_run_of_the_same_process_is_refused_until_the_first_closes(tmp_path: Path) -> None:
    """The lock holds inside one process too, and goes when the run closes."""
    first, second = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "run")
    first.create()
    with pytest.raises(RunLocked, match=f"process {os.getpid()}"):
        second.create()
    first.release()
    second.create()
    second.release()
    second.release()


@pytest.mark.parametrize("name", ["notes.txt", "run.yaml", "input.jsonl", "constitution.yaml", "export"])
def test_a_folder_with_files_of_the_user_is_refused(name: str, tmp_path: Path) -> None:
    """Nothing is written into a folder that holds something else, also where its name is one of ours."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=f"holds other files \\({name}\\)"):
        RunFolder(tmp_path).create()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_a_killed_start_left_is_ours(tmp_path: Path) -> None:
    """A run that was killed before its manifest stood begins again in the same folder."""
    folder = RunFolder(tmp_path)
    folder.create()
    folder.release()
    (tmp_path / "run.yaml").write_text("half")
    (tmp_path / ".manifest.json.tmp").write_text("half")
    folder.create()
    folder.release()


@pytest.mark.parametrize("name", ["with some spaces", "größe-運行-🏃", "deep/er/still", "quote'\"s"])
def test_unusual_names_of_folders_work(name: str, tmp_path: Path) -> None:
    """Spaces, quotes, other scripts and missing parents are no matter."""
    folder = RunFolder(tmp_path / name)
    folder.create()
    assert (tmp_path / name / "journal").is_dir()
    folder.release()


def _file(path: Path) -> Path:
    (path / "run").write_text("a file")
    return path / "run"


def _below_a_file(path: Path) -> Path:
    return _file(path) / "inside"


def _loop(path: Path) -> Path:
    (path / "run").symlink_to(path / "other")
    (path / "other").symlink_to(path / "run")
    return path / "run"


def _in_a_loop(path: Path) -> Path:
    return _loop(path) / "inside"


def _dangling(path: Path) -> Path:
    (path / "run").symlink_to(path / "nothing" / "here")
    return path / "run"


@pytest.mark.parametrize(
    "make",
    [
        _file, _below_a_file, _loop, _in_a_loop, _dangling,
        lambda _: Path("/proc/nothing/run"), lambda path: path / ("x" * 300), lambda path: path / "nul\0byte",
    ],
    ids=["a file", "below a file", "a loop", "in a loop", "a dangling link", "read-only", "too long a name", "a NUL"],
)  # fmt: skip
@pytest.mark.skipif(sys.platform != "linux", reason="paths of Linux")
def test_paths_that_cannot_be_a_folder_are_told(make: object, tmp_path: Path) -> None:
    """Each is one error that names the path and what to do."""
    assert callable(make)
    path = make(tmp_path)
    with pytest.raises(StoreError) as caught:
        RunFolder(path).create()
    assert str(path) in str(caught.value)
    assert "name a" in str(caught.value)


MANIFEST = Manifest(settings={"seed": 1}, constitution={}, models={}, plan={}, versions={})


def test_a_manifest_comes_back_whole(tmp_path: Path) -> None:
    """What is written is read."""
    MANIFEST.write(tmp_path / "manifest.json")
    assert Manifest.read(tmp_path / "manifest.json") == MANIFEST


def test_a_manifest_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """It names the schema and what to install."""
    replace(MANIFEST, schema_version=SCHEMA_VERSION + 1).write(tmp_path / "manifest.json")
    with pytest.raises(StoreError, match=rf"schema {SCHEMA_VERSION + 1}.*install a newer"):
        Manifest.read(tmp_path / "manifest.json")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"schema_version": 1}', b'{"schema_version": "x"}', b"\xff"])
def test_a_damaged_manifest_is_told(data: bytes, tmp_path: Path) -> None:
    """No traceback, whatever stands in it."""
    path = tmp_path / "manifest.json"
    path.write_bytes(data)
    with pytest.raises(StoreError, match=str(path)):
        Manifest.read(path)


def test_changed_settings_are_named_with_the_command(tmp_path: Path) -> None:
    """Every changed, added and removed setting is named with both values, nested ones by their whole name."""
    old = {"a": 1, "same": [1], "role": {"draft": {"top_p": 0.5}}, "gone": True}
    new = {"a": 2, "same": (1,), "role": {"draft": {"top_p": 1.0}}, "new": "x" * 100}
    with pytest.raises(SettingsChanged) as caught:
        refuse_changes(tmp_path, old, new, "constitution generate --reuse OLD")
    said = str(caught.value)
    for part in (
        "a was 1, is 2",
        "role.draft.top_p was 0.5, is 1.0",
        "gone was True, is unset",
        "new was unset, is 'xx",
    ):
        assert part in said
    assert "same" not in said
    assert said.endswith("constitution generate --reuse OLD")


def test_what_an_export_takes_is_sent_there(tmp_path: Path) -> None:
    """A run need not be made again for other pairs, labels or filters; for anything else it is."""
    old: dict[str, object] = {"pairs": "first_last", "filters": {"leak": "drop"}, "rounds": 1}
    labels: dict[str, object] = {**old, "pairs": "all", "filters": {"leak": "keep", "meta_talk": "drop"}, "clamp": 0.6}
    with pytest.raises(SettingsChanged) as caught:
        refuse_changes(tmp_path, old, labels, "constitution generate --reuse OLD")
    takes = f"constitution export {tmp_path} --out DIR takes --clamp, --filter, --pairs and asks nothing"
    assert takes in str(caught.value)
    assert str(caught.value).endswith("to start anew from its answers: constitution generate --reuse OLD")
    with pytest.raises(SettingsChanged) as caught:
        refuse_changes(tmp_path, old, {**labels, "rounds": 2}, "constitution generate --reuse OLD")
    assert "constitution export" not in str(caught.value)


def test_export_has_the_options_that_are_named() -> None:
    """Under these names, in the terminal and in Python."""
    shown = CliRunner().invoke(app, ["export", "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).output
    for name, option in EXPORTED.items():
        assert re.search(rf"{option}\b", shown)
        assert name in signature(export_runs).parameters


@pytest.mark.parametrize("name", MAY_CHANGE)
def test_settings_that_may_change_do(name: str, tmp_path: Path) -> None:
    """The written list of what touches no answer."""
    refuse_changes(tmp_path, {"seed": 1}, orjson.loads(orjson.dumps({"seed": 1, name: 5})), "")
