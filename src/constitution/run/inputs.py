"""The inputs of a run: planned in one reading, and looked at again when the run goes on."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory

from constitution.errors import InputError, Problem, PromptFileError, SettingsError
from constitution.messages import Prompt
from constitution.sources.prompts import PromptFile, PromptSource, Reading, in_place, intake, intake_items
from constitution.sources.prompts.exclusion import Exclusion
from constitution.sources.run_file import RunFile
from constitution.store.folder import RunFolder
from constitution.store.plan import Origin, Plan, check_source, identify, make_plan

COPY = "input.jsonl"
"""Where prompts are copied that are in no file, or in one that cannot be read from any place."""
_ALONE = "columns of evaluation prompts are found by their names, and bad rows are not dropped; mend a copy of the file"


def plan_inputs(
    run: RunFile, items: Iterable[object] | None, folder: RunFolder, exclusion: Exclusion | None
) -> tuple[PromptFile, Plan]:
    """Read all prompts once, and choose.

    Args:
        run: the settings.
        items: prompts as Python values, instead of the sources that the run names.
        folder: where prompts are copied to, where that is needed.
        exclusion: texts of evaluations.

    Raises:
        PromptFileError: rows are bad, ids repeat, or nothing is left.
        SettingsError: the choice does not go with the sources.
    """
    choice, sources = run.choice(), run.sources()
    if items is not None:
        source = intake_items(items, run.reading(), folder.file(COPY))
    elif sources:
        source = intake(sources, run.reading(), folder.file(COPY))
    else:
        raise SettingsError("no prompts: name a file, a folder, a data set of the hub, or - for standard input")
    plan = make_plan(
        source,
        chunk_size=run.chunk_size,
        choice=choice,
        keep_duplicates=run.keep_duplicates,
        contaminated=_nothing if exclusion is None else exclusion.contaminates,
        origins=() if items is not None else tuple(_origin(one) for one in sources),
    )
    return source, plan


def _nothing(_: Prompt) -> bool:
    return False


def _origin(source: PromptSource) -> Origin:
    file = identify(source.path) if source.where == "path" and source.path.is_file() else None
    return Origin(source.name, source.config, source.split, source.revision, file)


def planned_file(run: RunFile, folder: RunFolder, plan: Plan) -> PromptFile:
    """The file that was planned: the run's copy, or the user's own.

    Raises:
        InputError: it is not there, or is another one.
    """
    copy = folder.file(COPY)
    copied = Path(plan.source.path).name == copy.name and copy.exists()
    source = PromptFile(copy if copied else plan.source.path, run.reading(), copied=copied)
    check_source(source, plan.source)
    return source


def same_inputs(run: RunFile, items: Iterable[object] | None, folder: RunFolder, plan: Plan) -> PromptFile:
    """The file that was planned, after a look at what the call names: it must be the same.

    Raises:
        InputError: it is not.
    """
    if items is not None:
        _refuse_other_items(items, run.reading(), folder, plan)
        return planned_file(run, folder, plan)
    sources = run.sources()
    if in_place(sources):
        source = PromptFile(sources[0].path, run.reading())
        check_source(source, plan.source)
        return source
    if len(plan.origins) != len(sources):
        raise InputError(
            f"{folder.path}: the run has {len(plan.origins)} sources of prompts, the call names {len(sources)}; give "
            "the run its own prompts, or name another folder"
        )
    for one, planned in zip(sources, plan.origins, strict=True):
        _refuse_other_source(folder, one, planned)
    return planned_file(run, folder, plan)


def _refuse_other_source(folder: RunFolder, found: PromptSource, planned: Origin) -> None:
    """A file is the same if its bytes are; it may be gone, since the run has its copy."""
    path = found.path
    moved = planned.file is not None and path.is_file()
    if (found.config, found.split, found.revision) != (planned.config, planned.split, planned.revision) or (
        found.name != planned.name and not moved
    ):
        raise InputError(
            f"{folder.path}: the prompts of this run are from {planned.name}, not from {found.name} as it is named "
            "now; give the run its own prompts, or name another folder"
        )
    if planned.file is not None and path.is_file() and not planned.file.is_of(path):
        raise InputError(
            f'the input "{path}" has changed since the run was planned from "{planned.name}"; put it back, or start a '
            "new run"
        )


def _refuse_other_items(items: Iterable[object], reading: Reading, folder: RunFolder, plan: Plan) -> None:
    """Refuse prompts given as values that are not those of the run."""
    again = folder.file(".input.jsonl")
    intake_items(items, reading, again)
    try:
        with again.open("rb") as file:
            same = file_digest(file, "sha256").hexdigest() == plan.source.sha256
    finally:
        again.unlink()
    if not same:
        raise InputError(f"{folder.path}: the prompts are not those of this run; name another folder for them")


def exclusion_of(run: RunFile) -> Exclusion | None:
    """The evaluation prompts that no input may repeat.

    Raises:
        PromptFileError: a file of them cannot be read, or there is none.
    """
    if not run.exclude:
        return None
    with TemporaryDirectory(prefix="constitution-exclude-") as folder:
        try:
            files = intake([PromptSource(name) for name in run.exclude], Reading(), Path(folder) / COPY)
            found = Exclusion((entry.prompt for entry in files.read()), run.exclude_words)
        except PromptFileError as error:
            raise PromptFileError((*error.problems, Problem("--exclude", 0, 0, "", _ALONE))) from None
    if not found.prompts:
        raise PromptFileError((Problem(run.exclude[0], 0, 0, "", "holds no prompt that could be excluded"),))
    return found
