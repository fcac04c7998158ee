"""What a merged run says of its judge: the worst that any of its parts says, in whatever order they are named."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree, rmtree

import pytest

from constitution import Run
from tests.run.test_label_card import by_worth, examine, made

VERDICTS = ("passed", "deaf", None)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two shards of one run, not examined."""
    folder = tmp_path_factory.mktemp("parts")
    one, other = (made(folder, f"part{n}", by_worth, shard=f"{n}/2").path for n in range(2))
    return one, other


def merged(parts: tuple[Path, ...], verdicts: tuple[str | None, ...], out: Path) -> str | None:
    """The verdict in the card of the merged run; None where it is not examined."""
    for part, verdict in zip(parts, verdicts, strict=True):
        rmtree(part / "examination", ignore_errors=True)
        if verdict is not None:
            examine(part, verdict, passed=verdict == "passed")
    labels = Run.merge(parts, out).labels
    assert labels is not None
    return None if labels.examined is None else labels.examined.verdict


@pytest.mark.parametrize("one", VERDICTS)
@pytest.mark.parametrize("other", VERDICTS)
def test_the_worst_examination_stands(
    parts: tuple[Path, Path], one: str | None, other: str | None, tmp_path: Path
) -> None:
    """Labels of a judge that was not examined are worth least, then those of one that did not pass."""
    assert merged(parts, (one, other), tmp_path / "run") == max(one, other, key=VERDICTS.index)
    assert (tmp_path / "run" / "examination").exists() == (None not in (one, other))


def test_a_part_without_labels_says_nothing(parts: tuple[Path, Path], tmp_path: Path) -> None:
    """It stopped before its first chunk was sealed; another folder has its chunks."""
    empty = tmp_path / "empty"
    copytree(parts[0], empty)
    for path in (empty / "shards").iterdir():
        path.unlink()
    assert merged((empty, *parts), (None, "passed", "passed"), tmp_path / "run") == "passed"
