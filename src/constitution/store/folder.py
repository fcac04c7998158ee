"""The folder of a run: its files, its lock and its manifest."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock, Timeout

from constitution.errors import InputError, RunLocked, SettingsChanged, SettingsError, StoreError
from constitution.records import SCHEMA_VERSION
from constitution.store.disk import write_atomically
from constitution.store.plan import Plan
from constitution.store.shards import is_sealed

MAY_CHANGE = (
    "in_flight", "engine.latency_ms", "engine.fault", "engine.verbose", "verbose", "engine.api_key_env",
    "engine.max_in_flight", "engine.patience", "engine.timeout",
)  # fmt: skip
"""Settings that a resumed run may have other than the first: they do not touch any answer."""

EXPORTED: Mapping[str, str] = {
    "pairs": "--pairs", "verify": "--verify", "if_worse": "--if-worse", "if_tie": "--if-tie", "tie_band": "--tie-band",
    "clamp": "--clamp", "keep_inconsistent": "--keep-inconsistent", "filters": "--filter",
}  # fmt: skip
"""Settings that touch no request, with the option of an export that takes another value of them."""

_ROLE_ENGINE = re.compile(r"^engines\.\w+\.")
"""Options of the engine of a role's own model."""

FOLDERS = ("journal", "shards", "dropped", "dropped_pairs", "failed")
"""Each holds files by chunk."""
OURS = frozenset(
    {
        "manifest.json", "run.yaml", "constitution.yaml", "input.jsonl", "sessions.jsonl", "run.log", "run.lock",
        "owner.json", "labels.json", "examination", *FOLDERS, "export",
    }
)  # fmt: skip


def parse_shard(text: str | None) -> tuple[int, int] | None:
    """Read `i/n`: the i-th of n processes, counted from 0.

    Raises:
        SettingsError: it is none.
    """
    if text is None:
        return None
    match = re.fullmatch("([0-9]{1,9})/([1-9][0-9]{0,8})", text)
    if match is None or int(match[1]) >= int(match[2]):
        raise SettingsError(f"--shard {text}: expected i/n with i from 0 to n-1, like 0/4 for the first of four")
    return int(match[1]), int(match[2])


@dataclass(frozen=True)
class Manifest:
    """What a run is; written once, after the plan. It holds no secrets."""

    settings: Mapping[str, Any]
    """All that shapes rows, flat or nested; compared when the folder is opened again."""
    constitution: Mapping[str, str]
    """Name, version and digest."""
    models: Mapping[str, Mapping[str, Any]]
    """What each role's engine said of itself."""
    plan: Mapping[str, Any]
    versions: Mapping[str, str]
    schema_version: int = SCHEMA_VERSION

    def write(self, path: Path) -> None:
        """Write the manifest atomically."""
        write_atomically(path, orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2))

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a manifest.

        Raises:
            StoreError: if it is damaged or a newer version wrote it.
        """
        try:
            data = orjson.loads(path.read_bytes())
            version = int(data["schema_version"])
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{path}: cannot read the manifest: {error}") from None
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{path}: the run has schema {version}, this version reads up to {SCHEMA_VERSION}; "
                "install a newer constitution-rlaif"
            )
        try:
            read = cls(**{field.name: data[field.name] for field in fields(cls)})
        except KeyError as error:
            raise StoreError(f"{path}: the manifest lacks {error}") from None
        return read if version > 2 else replace(read, settings=_of_version_2(read.settings))

    @property
    def shard(self) -> tuple[int, int] | None:
        """Which chunks are the run's own, `(i, n)`; None where all are."""
        return parse_shard(self.settings.get("shard"))

    @property
    def chunks(self) -> range:
        """The numbers of the run's chunks; of a shard its own."""
        first, step = self.shard or (0, 1)
        return range(first, len(self.plan["chunks"]), step)

    def planned(self) -> Plan:
        """The plan as an object."""
        return Plan.from_json(dict(self.plan))


def _of_version_2(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by their names of today: `keep_check_worse` became `if_worse`."""
    today = {name: value for name, value in settings.items() if name != "keep_check_worse"}
    return {**today, "if_worse": "keep"} if settings.get("keep_check_worse") else today


@dataclass(frozen=True, slots=True)
class Lease:
    """A chunk that one worker has; the lock goes with its process."""

    path: Path
    lock: FileLock

    def give_back(self, *, sealed: bool) -> None:
        """Let others have the chunk. A sealed one's lock file goes: whoever still takes it looks again for the seal."""
        if sealed:
            self.path.unlink(missing_ok=True)
        self.lock.release()


class RunFolder:
    """Names of a run's files, and its lock."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._lock: FileLock | None = None

    def file(self, name: str) -> Path:
        """A file of the run."""
        return self.path / name

    def journal(self, chunk: int) -> Path:
        """The journal of a chunk."""
        return self.path / "journal" / f"{chunk:05d}.jsonl"

    def shard(self, chunk: int) -> Path:
        """The shard of a chunk."""
        return self.path / "shards" / f"{chunk:05d}.parquet"

    def reopened(self, chunk: int) -> Path:
        """A file that says that a sealed chunk was opened again: its journal may hold more than its shard."""
        return self.path / "journal" / f"{chunk:05d}.again"

    @property
    def has_run(self) -> bool:
        """Whether a manifest stands: before it, nothing was paid for."""
        return self.file("manifest.json").exists()

    def create(self) -> None:
        """Make the folder and lock it.

        Raises:
            InputError: if the folder holds something else.
            StoreError: if it cannot be made.
            RunLocked: if another process works in it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            strangers = self._strangers()
            if strangers:
                raise InputError(
                    f"{self.path}: the folder holds other files ({', '.join(strangers[:3])}); name an empty or new one"
                )
            for name in FOLDERS:
                (self.path / name).mkdir(exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise StoreError(
                f"{self.path}: cannot make the run's folder: a file or a broken link is in the way; name another folder"
            ) from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise StoreError(
                f"{self.path}: cannot make the run's folder: {reason}; name a folder that can be written"
            ) from None
        self._take_lock()

    def _strangers(self) -> list[str]:
        """Visible files that no run of ours has left; a `run.yaml` or `input.jsonl` alone is the user's own."""
        if self.has_run:
            return []
        begun = self.file("journal").is_dir() and self.file("shards").is_dir()
        names = sorted(entry.name for entry in self.path.iterdir() if not entry.name.startswith("."))
        return [name for name in names if not begun or name not in OURS]

    def _take_lock(self) -> None:
        lock = FileLock(self.file("run.lock"), timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise RunLocked(
                f"{self.path}: {self._owner()} works in this folder; wait for it, stop it, or name another folder"
            ) from None
        except OSError as error:
            raise StoreError(f"{self.path}: cannot lock the folder: {error.strerror}") from None
        self._lock = lock
        try:
            self.file("owner.json").write_text(json.dumps({"process": os.getpid(), "host": socket.gethostname()}))
        except OSError as error:
            self.release()
            raise StoreError(f"{self.path}: cannot write: {error.strerror}") from None

    def _owner(self) -> str:
        try:
            owner = json.loads(self.file("owner.json").read_text())
            return f"process {owner['process']} on host {owner['host']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"

    def discard(self) -> None:
        """Remove what `create` made and a copy of the prompts; whatever else stands there stays."""
        with suppress(OSError):
            for name in FOLDERS:
                (self.path / name).rmdir()
            for name in ("owner.json", "input.jsonl", "run.lock"):
                self.file(name).unlink(missing_ok=True)
            self.path.rmdir()

    def release(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            lock, self._lock = self._lock, None
            with suppress(OSError):
                self.file("owner.json").unlink(missing_ok=True)
            lock.release()

    def lease(self, chunk: int) -> Lease | None:
        """Take a chunk for this worker; None where another one has it.

        Raises:
            StoreError: if the lock cannot be made.
        """
        path = self.path / "journal" / f"{chunk:05d}.lock"
        lock = FileLock(path, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            return None
        except OSError as error:
            raise StoreError(f"{path}: cannot lock the chunk: {error.strerror}") from None
        return Lease(path, lock)

    def sealed(self, chunk: int) -> bool:
        """Whether a chunk is sealed."""
        return is_sealed(self.shard(chunk))


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as `a.b.c`."""
    out: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            out.update(flat(value, f"{prefix}{name}."))
        else:
            out[f"{prefix}{name}"] = list(value) if isinstance(value, tuple) else value
    return out


def may_change(name: str) -> bool:
    """Whether a setting, by its flat name, touches no answer: of the run's engine, or of a role's own."""
    return _ROLE_ENGINE.sub("engine.", name) in MAY_CHANGE


def refuse_changes(path: Path, old: Mapping[str, Any], new: Mapping[str, Any], command: str) -> None:
    """Refuse settings that are not the run's own.

    Raises:
        SettingsChanged: naming each, with the command that starts a new run from this one's answers.
    """
    before, after = flat(old), flat(new)
    changed = [
        name
        for name in sorted(before.keys() | after.keys())
        if not may_change(name) and not _same(name, before.get(name), after.get(name))
    ]
    if changed:
        told = "; ".join(f"{name} was {_short(before.get(name))}, is {_short(after.get(name))}" for name in changed)
        raise SettingsChanged(
            f"{path}: the run has other settings: {told}. To go on with the run, give it its own settings; "
            f"{_by_export(path, changed)}to start anew from its answers: {command}"
        )


def _by_export(path: Path, changed: list[str]) -> str:
    """That an export of the run takes these settings, where it takes all of them."""
    options = dict.fromkeys(EXPORTED.get(name.partition(".")[0]) for name in changed)
    if None in options:
        return ""
    named = ", ".join(option for option in options if option is not None)
    return f"constitution export {shlex.quote(str(path))} --out DIR takes {named} and asks nothing anew; "


def _same(name: str, was: object, now: object) -> bool:
    """Whether a setting is the same, as far as settings tell."""
    if name.startswith("model.") and "server#" in (was, now) and {str(was)[:7], str(now)[:7]} == {"server#"}:
        return True  # a server's only model, unnamed: which one it is, is held against the manifest at the start
    return was == now


def _short(value: object) -> str:
    text = "unset" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
