"""The data set's folder: whole or not at all, ours or left alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock

from constitution.errors import InputError, RunLocked, StoreError
from constitution.formats.folder import CARD, LIST, FolderList, check_complete, files_in, replacing

RUNS = ("run a",)


def write(out: Path, files: dict[str, str], runs: tuple[str, ...] = RUNS) -> None:
    with replacing(out, runs) as folder:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)


def held(out: Path) -> dict[str, str]:
    return {name: (out / name).read_text() for name in files_in(out) if name != LIST}


def break_off(out: Path) -> None:
    with replacing(out, RUNS) as folder:
        (folder / "half").write_text("x")
        raise ZeroDivisionError


OLD = {CARD: "old", "a/train-00000.jsonl": "1", "a/train-00001.jsonl": "2"}
NEW = {CARD: "new", "b/train-00000.jsonl": "3"}


@pytest.mark.parametrize("out", ["data", "deep/er/data", "with space", "größe 運行"])
def test_a_new_folder(tmp_path: Path, out: str) -> None:
    """It is made with its parents; nothing else is left beside it."""
    write(tmp_path / out, OLD)
    assert held(tmp_path / out) == OLD
    assert [path.name for path in (tmp_path / out).parent.iterdir()] == [Path(out).name]
    assert {each.name for each in check_complete(tmp_path / out).files} == set(OLD)


def test_an_earlier_export_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Files that are no longer part of it go."""
    write(tmp_path / "data", OLD)
    write(tmp_path / "data", NEW)
    assert held(tmp_path / "data") == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    """As one that is not there."""
    (tmp_path / "data" / "empty").mkdir(parents=True)
    write(tmp_path / "data", NEW)
    assert held(tmp_path / "data") == NEW


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    """After a break in the middle the old state stands, or none."""
    for before in ({}, OLD):
        if before:
            write(tmp_path / "data", before)
        with pytest.raises(ZeroDivisionError):
            break_off(tmp_path / "data")
        assert [path.name for path in tmp_path.iterdir()] == (["data"] if before else [])
    assert held(tmp_path / "data") == OLD


def test_a_killed_export_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    """Leftovers of a killed export are not taken for rows."""
    write(tmp_path / "data", OLD)
    (tmp_path / ".data.new" / "c").mkdir(parents=True)
    (tmp_path / ".data.new" / "c" / "half").write_text("x")
    write(tmp_path / "data", NEW)
    assert held(tmp_path / "data") == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("back", [False, True], ids=["between the renames", "after them"])
def test_killed_while_the_folder_was_swapped(tmp_path: Path, back: bool) -> None:
    """The old state comes back, and whose it is, is looked at."""
    write(tmp_path / "data", OLD)
    (tmp_path / "data").rename(tmp_path / ".data.old")
    if back:
        write(tmp_path / "data", NEW)
    with pytest.raises(InputError, match="an export of another run"):
        write(tmp_path / "data", NEW, ("run b",))
    assert held(tmp_path / "data") == (NEW if back else OLD)
    write(tmp_path / "data", NEW)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    """A folder with anything else in it is refused, hidden files too, and stays as it is."""
    for name in ("thesis.tex", ".git/config"):
        out = tmp_path / name.replace("/", "")
        write(out, OLD)
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("mine")
        with pytest.raises(InputError, match=f"holds other files .*{name}"):
            write(out, NEW)
        assert held(out) == {**OLD, name: "mine"}


def test_a_folder_of_somebody_is_refused(tmp_path: Path) -> None:
    """Without our list nothing in it is ours."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / CARD).write_text("# mine")
    with pytest.raises(InputError, match="holds other files"):
        write(tmp_path / "data", NEW)


def test_another_runs_export_is_refused(tmp_path: Path) -> None:
    """Also where it is of more or fewer runs; their order does not matter."""
    write(tmp_path / "data", OLD, ("a", "b"))
    for runs in (("a",), ("a", "b", "c"), ("a", "c")):
        with pytest.raises(InputError, match="another run"):
            write(tmp_path / "data", NEW, runs)
    write(tmp_path / "data", NEW, ("b", "a"))


def test_a_card_that_somebody_edited_is_not_lost(tmp_path: Path) -> None:
    """It is refused until it is moved away."""
    write(tmp_path / "data", OLD)
    (tmp_path / "data" / CARD).write_text("my own lines")
    with pytest.raises(InputError, match="changed by hand"):
        write(tmp_path / "data", NEW)
    (tmp_path / "data" / CARD).rename(tmp_path / "mine.md")
    write(tmp_path / "data", NEW)
    assert held(tmp_path / "data") == NEW


def test_a_file_in_the_way(tmp_path: Path) -> None:
    """A file or a broken link where the folder should be."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(InputError, match="in the way"):
            write(tmp_path / name, NEW)
    with pytest.raises(StoreError, match="cannot write"):
        write(tmp_path / "file" / "data", NEW)


def test_a_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    """What it points to is replaced, the link stays."""
    write(tmp_path / "data", OLD)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    write(tmp_path / "link", NEW)
    assert (tmp_path / "link").is_symlink()
    assert held(tmp_path / "data") == NEW


def test_the_folder_that_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would vanish under the shell."""
    (tmp_path / "data" / "in").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "data" / "in")
    for out in (Path(), Path("..")):
        with pytest.raises(InputError, match="the folder that you are in"):
            write(out, NEW)


def test_two_exports_at_once(tmp_path: Path) -> None:
    """The second one is told so."""
    (tmp_path / ".data.new").mkdir()
    with FileLock(tmp_path / ".data.new" / ".lock"), pytest.raises(RunLocked, match="another export"):
        write(tmp_path / "data", NEW)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_parent_that_cannot_be_written(tmp_path: Path) -> None:
    """Told with what to do."""
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot write"):
        write(tmp_path / "data", NEW)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": 1}', '{"version": 9, "runs": [], "files": []}'])
def test_a_damaged_list(tmp_path: Path, text: str) -> None:
    """It is nobody's export then."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / LIST).write_text(text)
    with pytest.raises(InputError, match="name another folder"):
        write(tmp_path / "data", NEW)


def test_what_is_missing_is_seen(tmp_path: Path) -> None:
    """A file that went, or that was cut, makes the folder incomplete; an edited card does not."""
    write(tmp_path / "data", OLD)
    (tmp_path / "data" / CARD).write_text("my own lines")
    check_complete(tmp_path / "data")
    (tmp_path / "data" / "a" / "train-00001.jsonl").write_text("")
    with pytest.raises(InputError, match=r"train-00001\.jsonl: is missing or not what was written"):
        check_complete(tmp_path / "data")
    (tmp_path / "data" / "a" / "train-00001.jsonl").unlink()
    with pytest.raises(InputError, match=r"train-00001\.jsonl: is missing"):
        check_complete(tmp_path / "data")
    with pytest.raises(InputError, match="no data set here"):
        check_complete(tmp_path)


def test_the_list_says_what_is_there(tmp_path: Path) -> None:
    """Names, sizes and digests; no time and no path."""
    write(tmp_path / "data", OLD)
    write(tmp_path / "again", OLD)
    assert (tmp_path / "data" / LIST).read_bytes() == (tmp_path / "again" / LIST).read_bytes()
    found = FolderList.read(tmp_path / "data")
    assert found is not None
    assert found.runs == RUNS
    assert {each.name: each.bytes for each in found.files} == {name: len(text) for name, text in OLD.items()}
    assert str(tmp_path).encode() not in (tmp_path / "data" / LIST).read_bytes()
