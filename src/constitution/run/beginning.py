"""What a new run leaves in its folder before its first token: what it is made of, the manifest last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson

from constitution.run.chain import Served
from constitution.run.versions import versions
from constitution.sources.dump import dump_constitution
from constitution.sources.prompts import PromptFile, PromptSource
from constitution.sources.run_file import dump_run
from constitution.sources.run_parts import SourceFile
from constitution.store.disk import write_atomically
from constitution.store.folder import Manifest, RunFolder
from constitution.store.plan import Plan

if TYPE_CHECKING:
    from constitution.run.generate import Job


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they come back from the manifest."""
    plain: dict[str, Any] = orjson.loads(orjson.dumps(settings, default=repr))
    return plain


def _models(served: Served) -> dict[str, dict[str, Any]]:
    return {role: {**asdict(can), "fingerprint": dict(can.fingerprint)} for role, can in served.capabilities.items()}


def write_manifest(job: Job, folder: RunFolder, source: PromptFile, plan: Plan, served: Served) -> None:
    """Copy what the run is made of into its folder, the manifest last."""
    constitution = folder.file("constitution.yaml")
    write_atomically(constitution, dump_constitution(job.principles).encode())
    copied = job.run.model_copy(
        update={
            "constitution": f"./{constitution.name}",
            "prompts": _from_anywhere(job, source),
            "exclude": [_resolved(name) for name in job.run.exclude],
            "out": ".",
            "reuse": None,
            "examination": None,
        }
    )
    write_atomically(folder.file("run.yaml"), dump_run(copied).encode())
    Manifest(
        settings=plain(job.settings()),
        constitution={
            "name": job.principles.name,
            "version": job.principles.version,
            "digest": job.principles.digest,
        },
        models=_models(served),
        plan=plan.to_json(),
        versions=versions(),
    ).write(folder.file("manifest.json"))


def _resolved(name: str) -> str:
    source = PromptSource(name)
    return str(source.path.resolve()) if source.where == "path" else name


def _from_anywhere(job: Job, source: PromptFile) -> list[SourceFile]:
    """Where the prompts are: the run's own copy beside `run.yaml`, files of the user by their whole path."""
    if job.items is not None or [one.source for one in job.run.prompts] == ["-"]:
        return [SourceFile.model_validate({"source": f"./{source.path.name}"})]
    return [
        one.model_copy(update={"source": str(found.path.resolve())}) if found.where == "path" else one
        for one, found in zip(job.run.prompts, job.run.sources(), strict=True)
    ]
