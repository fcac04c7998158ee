"""What ships is found in an installed package and in a repository."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from constitution import shipped


def test_a_folder_inside_the_package_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an installed wheel, where `principles` lies beside this module."""
    (tmp_path / "principles").mkdir()
    (tmp_path / "principles" / "b.yaml").write_bytes(b"b")
    (tmp_path / "principles" / "a.yaml").write_bytes(b"a")
    (tmp_path / "principles" / "README.md").write_bytes(b"")
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    assert shipped.names("principles", ".yaml") == ("a", "b")
    assert shipped.read("principles", "a.yaml") == b"a"


def test_the_repository_is_the_fallback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an editable install, where the package holds no such folder."""
    module = tmp_path / "src" / "constitution" / "shipped" / "__init__.py"
    monkeypatch.setattr(shipped, "__file__", str(module))
    (tmp_path / "rules").mkdir()
    with pytest.raises(FileNotFoundError):
        shipped.folder("rules")  # a folder that only happens to have the name
    (tmp_path / "pyproject.toml").touch()
    assert shipped.folder("rules") == tmp_path / "rules"


def test_what_does_not_ship_is_told() -> None:
    """With the way to mend it."""
    with pytest.raises(FileNotFoundError, match="holds no folder 'nothing': install constitution-rlaif again"):
        shipped.folder("nothing")


def test_templates_lie_in_the_package() -> None:
    """They are found by the same function."""
    assert "critique" in shipped.names("templates", ".jinja")
