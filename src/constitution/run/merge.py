"""Merge: the shards of one plan become the run that one process would have made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from constitution.errors import InputError, StoreError
from constitution.run.labels import EXAMINATION, examined, write_label_card
from constitution.sources.run_file import dump_run, read_run
from constitution.store.disk import sync_folder, write_atomically
from constitution.store.folder import FOLDERS, Manifest, RunFolder, flat, may_change
from constitution.store.shards import read_seal, sealed_file, sha256_of

_BESIDE = ("journal/{}.jsonl", "dropped/{}.jsonl", "dropped_pairs/{}.jsonl", "failed/{}.jsonl")
"""What a chunk has besides its shard, where it has it."""


@dataclass(frozen=True, slots=True)
class _Part:
    folder: RunFolder
    manifest: Manifest

    @property
    def name(self) -> str:
        shard = self.manifest.settings.get("shard")
        return f"{self.folder.path} (shard {shard})" if shard else str(self.folder.path)


def merge(paths: Sequence[Path], out: Path) -> None:
    """Copy the chunks of several run folders into one; those folders stay as they are.

    Args:
        paths: run folders of one plan, made with `--shard i/n`, in any order.
        out: the new run's folder.

    Raises:
        InputError: they are not parts of one run, or a chunk is missing, or two of them differ in one; nothing was
            written.
        StoreError: a folder cannot be read or written.
    """
    parts = [_open(path) for path in paths]
    if not parts:
        raise InputError("name the run folders that are to be merged")
    if any(part.folder.path.resolve() == out.resolve() for part in parts):
        raise InputError(f"{out}: is one of the folders to be merged; name a new one")
    for part in parts[1:]:
        _refuse_other_run(parts[0], part)
    owners = _owners(parts)
    folder = RunFolder(out)
    folder.create()
    try:
        if folder.has_run:
            raise InputError(f"{out}: has a run already; name a new folder")
        _copy(parts, owners, folder)
    except OSError as error:
        raise StoreError(f"{out}: cannot write: {error.strerror or error}") from None
    finally:
        folder.release()


def _open(path: Path) -> _Part:
    folder = RunFolder(path)
    if not folder.has_run:
        raise StoreError(f"{path}: no run here (no manifest.json); name the folder given to --out")
    return _Part(folder, Manifest.read(folder.file("manifest.json")))


def _refuse_other_run(first: _Part, other: _Part) -> None:
    """Refuse a part whose rows could not stand in the same run."""
    if first.manifest.plan["digest"] != other.manifest.plan["digest"]:
        raise InputError(
            f"{other.name}: has another plan than {first.name}: their prompts, or what was chosen of them, differ"
        )
    before, after = _identity(first.manifest), _identity(other.manifest)
    names = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    if names:
        raise InputError(f"{other.name}: is no part of the same run as {first.name}: they differ in {', '.join(names)}")


def _identity(manifest: Manifest) -> dict[str, Any]:
    settings = {name: value for name, value in manifest.settings.items() if name != "shard"}
    models: Mapping[str, Any] = {role: model["model"] for role, model in manifest.models.items()}
    whole = flat({**settings, "answered_by": models, "constitution": manifest.constitution})
    return {name: value for name, value in whole.items() if not may_change(name)}


def _owners(parts: Sequence[_Part]) -> list[_Part]:
    """For each chunk a part that has sealed it."""
    owners, missing = [], []
    for number in range(len(parts[0].manifest.plan["chunks"])):
        sealed = [part for part in parts if part.folder.sealed(number)]
        if not sealed:
            missing.append(number)
            continue
        seals = {read_seal(part.folder.shard(number))["sha256"]: part for part in sealed}
        if len(seals) > 1:
            names = " and ".join(part.name for part in seals.values())
            raise InputError(f"chunk {number} has other rows in {names}; leave one of the two out")
        owners.append(sealed[0])
    if missing:
        raise InputError("\n".join(_missing(parts, missing)))
    return owners


def _missing(parts: Sequence[_Part], missing: list[int]) -> Iterator[str]:
    shown = ", ".join(map(str, missing[:8])) + (" ..." if len(missing) > 8 else "")
    yield f"{len(missing)} of {len(parts[0].manifest.plan['chunks'])} chunks are sealed in none of the folders: {shown}"
    for part in parts:
        first, step = part.manifest.shard or (0, 1)
        own = [number for number in missing if number % step == first]
        if own:
            yield f"{part.name}: {len(own)} of its own are missing; run its command again, to its end"
    steps = {part.manifest.shard for part in parts if part.manifest.shard}
    count = max((step for _, step in steps), default=1)
    absent = [f"{i}/{count}" for i in range(count) if (i, count) not in steps and any(n % count == i for n in missing)]
    if steps and absent:
        yield f"not among the folders: shard {', '.join(absent)}"


def _copy(parts: Sequence[_Part], owners: Sequence[_Part], folder: RunFolder) -> None:
    """Chunks first, the manifest last: a folder without it is no run, and the same command starts again."""
    for number, part in enumerate(owners):
        _copy_chunk(number, part.folder, folder)
    for name in FOLDERS:
        sync_folder(folder.file(name))
    first = parts[0]
    run = read_run(first.folder.file("run.yaml"))
    copied = first.folder.file("input.jsonl")
    plan, prompts = dict(first.manifest.plan), run.prompts
    if copied.exists():
        mine = folder.file("input.jsonl")
        _copy_file(copied, mine)
        plan["source"] = {**plan["source"], "path": str(mine), "mtime_ns": mine.stat().st_mtime_ns}
        moved = {"source": f"./{mine.name}"}
        prompts = [one.model_copy(update=moved) if Path(one.source).name == copied.name else one for one in prompts]
    shutil.copyfile(first.folder.file("constitution.yaml"), folder.file("constitution.yaml"))
    where = {"out": ".", "constitution": "./constitution.yaml", "prompts": prompts}
    whole = run.model_copy(update={**where, "shard": None})
    write_atomically(folder.file("run.yaml"), dump_run(whole).encode())
    sessions = [part.folder.file("sessions.jsonl") for part in parts]
    lines = b"".join(path.read_bytes() for path in sessions if path.exists())
    write_atomically(folder.file("sessions.jsonl"), lines)
    settings = {**first.manifest.settings, "shard": None}
    merged = replace(first.manifest, settings=settings, plan=plan)
    examination = _examination(parts)
    if examination is not None:
        folder.file(EXAMINATION).parent.mkdir(exist_ok=True)
        _copy_file(examination, folder.file(EXAMINATION))
    write_label_card(folder, merged)
    merged.write(folder.file("manifest.json"))


def _examination(parts: Sequence[_Part]) -> Path | None:
    """The worst one, in whatever order the folders are named: none at all, where one labelled without it."""
    passed: dict[bool, Path] = {}
    for part in parts:
        if not any(map(part.folder.sealed, range(len(part.manifest.plan["chunks"])))):
            continue
        found = examined(part.folder)
        if found is None:
            return None
        passed.setdefault(found.passed, part.folder.file(EXAMINATION))
    return passed.get(False, passed.get(True))


def _copy_chunk(number: int, source: RunFolder, to: RunFolder) -> None:
    """The seal comes after the shard, as it does in a run."""
    for pattern in _BESIDE:
        name = pattern.format(f"{number:05d}")
        if source.file(name).exists():
            _copy_file(source.file(name), to.file(name))
    shard = source.shard(number)
    _copy_file(sealed_file(shard), to.shard(number))
    if sha256_of(to.shard(number)) != read_seal(shard)["sha256"]:
        raise StoreError(f"{shard}: the shard is not what was sealed; delete it and its .json, and run its run again")
    _copy_file(shard.with_suffix(".json"), to.shard(number).with_suffix(".json"))


def _copy_file(source: Path, to: Path) -> None:
    temporary = to.with_name(f".{to.name}.tmp")
    shutil.copyfile(source, temporary)
    temporary.replace(to)
