"""The folder of a data set: there whole or not at all, with a list of what was written.

Everything is written into a hidden folder beside it, which then takes its place.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from constitution.errors import InputError, RunLocked, StoreError
from constitution.store.disk import sync_folder, write_atomically
from constitution.store.shards import sha256_of

CARD = "README.md"
LIST = "export.json"
"""Its runs by the digests of their manifests, and each file with rows, bytes and sha256."""
LIST_VERSION = 1
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of a data set's folder, as `export.json` has it."""

    name: str
    """Under the folder, with `/`."""
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FolderList:
    """What stands in `export.json`."""

    runs: tuple[str, ...]
    """Digests of the manifests of its runs."""
    files: tuple[Listed, ...]

    @classmethod
    def read(cls, folder: Path) -> FolderList | None:
        """Read the list of a folder; None where there is none.

        Raises:
            InputError: it is damaged.
        """
        path = folder / LIST
        if not path.is_file():
            return None
        try:
            data = orjson.loads(path.read_bytes())
            if data["version"] > LIST_VERSION:
                raise InputError(f"{path}: a newer version of constitution-rlaif wrote it; name another folder")
            files = tuple(Listed(each["name"], each["bytes"], each["sha256"]) for each in data["files"])
            return cls(tuple(data["runs"]), files)
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise InputError(f"{path}: is not the list of an export ({error}); name another folder") from None

    def write(self, folder: Path) -> None:
        """Write the list.

        Raises:
            StoreError: it cannot be written.
        """
        files = [{"name": each.name, "bytes": each.bytes, "sha256": each.sha256} for each in self.files]
        data = {"version": LIST_VERSION, "runs": self.runs, "files": files}
        write_atomically(folder / LIST, orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def listed(folder: Path, name: str) -> Listed:
    """A file as it is now."""
    path = folder / name
    return Listed(name, path.stat().st_size, sha256_of(path))


def files_in(folder: Path) -> list[str]:
    """Names of all files under a folder, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def refuse_foreign(out: Path, runs: Sequence[str]) -> None:
    """Refuse a folder that holds anything but an earlier export of the same runs.

    Raises:
        InputError: naming what is in the way.
    """
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir():
        raise InputError(f"{out}: a file or a broken link is in the way; name a folder")
    if out.resolve() in (here := Path.cwd().resolve(), *here.parents):
        raise InputError(
            f"{out}: is the folder that you are in, or above it; name one in it, it is replaced as a whole"
        )
    names = files_in(out)
    if not names:
        return
    before = FolderList.read(out)
    known = {LIST: None} | {each.name: each for each in before.files} if before else {}
    foreign = [name for name in names if name not in known]
    if before is None or foreign:
        raise InputError(f"{out}: the folder holds other files ({', '.join(foreign[:3])}); name an empty or new one")
    if sorted(before.runs) != sorted(runs):
        raise InputError(f"{out}: the folder holds an export of another run, or of others with it; name another one")
    for each in before.files:
        if each.name == CARD and (out / CARD).is_file() and listed(out, CARD) != each:
            raise InputError(f"{out / CARD}: was changed by hand; move it away, export, then put your lines back")


@contextmanager
def replacing(out: Path, runs: Sequence[str]) -> Iterator[Path]:
    """Give a folder to write into, which takes the place of `out` at the end; after an error `out` is as it was.

    Args:
        out: the data set's folder.
        runs: digests of the manifests of its runs.

    Raises:
        InputError: `out` holds something else.
        RunLocked: another export writes it.
        StoreError: it cannot be written.
    """
    target = out.resolve()
    new, old = (target.with_name(f".{target.name}.{suffix}") for suffix in ("new", "old"))
    try:
        if old.exists() and target.exists():
            shutil.rmtree(old)
        elif old.exists():
            old.rename(target)  # an export was killed between its two renames
        refuse_foreign(out, runs)
        new.mkdir(parents=True, exist_ok=True)
        lock = FileLock(new / _LOCK, timeout=0)
        lock.acquire()
    except Timeout:
        raise RunLocked(f"{out}: another export writes this folder; wait for it, or name another folder") from None
    except OSError as error:
        raise _cannot(out, error) from None
    try:
        for entry in new.iterdir():  # of an export that was killed
            if entry.name != _LOCK:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        yield new
        names = [name for name in files_in(new) if name != _LOCK]
        FolderList(tuple(runs), tuple(listed(new, name) for name in names)).write(new)
        _sync(new, names)
        lock.release()
        (new / _LOCK).unlink(missing_ok=True)
        _swap(target, new, old)
    except OSError as error:
        raise _cannot(out, error) from None
    finally:
        lock.release()
        shutil.rmtree(new, ignore_errors=True)


def _sync(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        with (folder / name).open("rb+") as file:
            os.fsync(file.fileno())


def _swap(target: Path, new: Path, old: Path) -> None:
    if target.exists():
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    sync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _cannot(out: Path, error: OSError) -> StoreError:
    return StoreError(f"{out}: cannot write: {error.strerror or error}; name a folder whose parent can be written")


def check_complete(folder: Path) -> FolderList:
    """The list of a data set's folder, where all that it names is there.

    Raises:
        InputError: it is no data set of ours, or a file is missing or has another size.
    """
    found = FolderList.read(folder)
    if found is None:
        raise InputError(f"{folder}: no data set here (no {LIST}); name the folder that export wrote")
    for each in found.files:
        path = folder / each.name
        if not path.is_file() or (path.stat().st_size != each.bytes and each.name != CARD):
            raise InputError(f"{path}: is missing or not what was written; export again")
    return found
