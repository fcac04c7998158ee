"""Which files can be read again, and how they are copied."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from constitution.errors import PromptFileError, StoreError
from constitution.sources.prompts import PromptFile, PromptSource, Reading, intake, seekable


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links"),
        (os.mkfifo, "is no regular file"),
    ],
    ids=["missing", "folder", "loop", "pipe"],
)
def test_unreadable_paths(tmp_path: Path, make: Any, message: str) -> None:
    """A path that holds no file to read is refused with the path and the reason, and never hangs."""
    file = tmp_path / "my prompts ä.jsonl"
    make(file)
    with pytest.raises(PromptFileError, match=message) as caught:
        list(PromptFile(file).read())
    assert caught.value.problems[0].file == str(file)


def test_seekable(tmp_path: Path) -> None:
    """Files and links to them can be read again; standard input, pipes and devices cannot."""
    file, link, pipe = tmp_path / "a b ü.jsonl", tmp_path / "link", tmp_path / "pipe"
    file.touch()
    link.symlink_to(file)
    os.mkfifo(pipe)
    assert seekable(file)
    assert seekable(link)
    with file.open() as stream:
        inherited = f"/proc/self/fd/{stream.fileno()}"
        assert not any(seekable(path) for path in ("-", "/dev/stdin", "/dev/fd/0", inherited, pipe))
    with pytest.raises(PromptFileError, match="there is no such file"):
        seekable(tmp_path / "none")


def test_copy_of_a_pipe(tmp_path: Path) -> None:
    """A pipe is read once; its copy can be read from any place, and tells the places of the pipe."""
    reader, writer = os.pipe()
    os.write(writer, b'{"prompt": "a"}\r\n\n{"prompt": "b"}')
    os.close(writer)
    name = f"/proc/self/fd/{reader}"
    copied = intake([PromptSource(name)], Reading(), tmp_path / "input.jsonl")
    os.close(reader)
    entries = list(copied.read())
    assert [(entry.prompt.conversation[0].content, entry.place) for entry in entries] == [
        ("a", f"{name}:1"),
        ("b", f"{name}:3"),
    ]
    assert list(copied.read(entries[1].offset, entries[1].line)) == entries[1:]
    assert [path.name for path in tmp_path.iterdir()] == ["input.jsonl"]


def test_copy_that_fails(tmp_path: Path) -> None:
    """A copy that cannot be made names what cannot be read or written and leaves nothing."""
    for source, message in (("none.csv", "no such file"), ("/dev/null", "holds no prompt")):
        with pytest.raises(PromptFileError, match=message):
            intake([PromptSource(source)], Reading(), tmp_path / "input.jsonl")
    with pytest.raises(StoreError, match="cannot write"):
        intake([PromptSource("/dev/null")], Reading(), tmp_path / "none" / "input.jsonl")
    assert not list(tmp_path.iterdir())
