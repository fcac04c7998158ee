"""What a name means: standard input, a path, or a data set of the hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from constitution.sources.prompts import PromptSource
from constitution.sources.prompts.source import where


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("-", "stdin"), ("owner/name", "hub"), ("name", "path"), ("owner/name-v1.5_x", "hub"),
        ("p.jsonl", "path"), ("data/p.csv.gz", "path"), ("P.PARQUET", "path"), ("x.zst", "path"), ("p.txt", "path"),
        ("./owner/name", "path"), ("/x", "path"), ("~/x", "path"), ("../x", "path"), (".", "path"),
        ("owner/name/folder", "hub"), ("my prompts", "path"), ("", "path"), ("a\0b", "path"), ("owner/", "path"),
        ("x" * 5000, "path"),
    ],
)  # fmt: skip
def test_names(name: str, meant: str) -> None:
    """Names that end like a file, or could be nothing else, are paths; `owner/name` is a data set of the hub."""
    assert where(name) == meant
    assert PromptSource(name).where == meant


def test_folders_of_a_data_set() -> None:
    """What stands behind owner and name is a folder of the data set."""
    assert PromptSource("owner/name").repository == ("owner/name", None)
    assert PromptSource("owner/name/a/b").repository == ("owner/name", "a/b")


def test_what_exists_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file or folder that is there is meant, whatever its name looks like."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    (tmp_path / "name").touch()
    assert where("owner/name") == where("name") == "path"
