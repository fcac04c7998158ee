"""Data sets of Hugging Face: of the hub, of a local folder, or as objects. What they hold streams through."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from constitution.errors import Problem, PromptFileError
from constitution.sources.prompts.entries import RawRow
from constitution.sources.prompts.reading import Reading
from constitution.sources.prompts.source import EXTENSIONS, PACKED, PromptSource
from constitution.sources.prompts.tables import TableColumns

Note = Callable[[str], None]

_READABLE = ("json", "csv", "parquet", "text")
"""Loaders of `datasets` whose files are read here, so that problems have their line."""
_DESCRIBING = ("dataset_infos.json", "dataset_info.json", "state.json")
_BINARY = ("Image", "Audio", "Video", "Pdf", "Nifti")


def is_dataset(value: object) -> bool:
    """Whether a value is a data set, or a dictionary of them; tells it without an import."""
    return any(base.__module__.split(".")[0] == "datasets" for base in type(value).__mro__)


def dataset_rows(dataset: Any, name: str, reading: Reading, note: Note) -> Iterator[RawRow]:
    """Read the rows of a `Dataset` or `IterableDataset`.

    Args:
        dataset: The object.
        name: What places call it.
        reading: Columns that the user named.
        note: Is told what is left out.

    Raises:
        PromptFileError: It has several splits, or no column for the prompt, or breaks while it is read.
    """
    if isinstance(dataset, Mapping):
        splits = ", ".join(f'"{split}"' for split in dataset)
        raise PromptFileError((Problem(name, 0, 0, "", f"has splits, give one of them: {splits}"),))
    with explained(name):
        features = dict(dataset.features or {})
        binary = [column for column, feature in features.items() if type(feature).__name__ in _BINARY]
        for column in binary:
            note(f'{name}: column "{column}" is left out, it holds no text')
        classes = {column: feature for column, feature in features.items() if type(feature).__name__ == "ClassLabel"}
        kept = dataset.remove_columns(binary) if binary else dataset
        rows = iter(kept.with_format(None))
    number = 0
    columns: TableColumns | None = None
    while True:
        with explained(name, number + 1):
            row = next(rows, None)
        if row is None:
            return
        if columns is None:
            columns = TableColumns.of_prompts(list(row), name, reading, note)
        number += 1
        named = {key: _class(classes[key], value) if key in classes else value for key, value in row.items()}
        yield columns.row(named, number)


def _class(feature: Any, value: object) -> object:
    """A class by its name; -1 stands for a row that has none."""
    if not isinstance(value, int):
        return value
    return feature.int2str(value) if 0 <= value < feature.num_classes else None


def hub_rows(source: PromptSource, reading: Reading, note: Note) -> Iterator[RawRow]:
    """Read a data set of the hub without downloading it first; code that comes with one never runs.

    Raises:
        PromptFileError: It is not there, may not be read, or has configurations or splits of which none was named.
    """
    from datasets import get_dataset_config_names, load_dataset

    repository, folder = source.repository
    configs: list[str] = []
    if folder is None:
        with explained(source.name):
            configs = get_dataset_config_names(repository, revision=source.revision)
    config = _one(source.name, "configuration", "config", configs, source.config) if configs else source.config
    with explained(source.name):
        splits = load_dataset(repository, config, data_dir=folder, revision=source.revision, streaming=True)
    split = _one(source.name, "split", "split", list(splits), source.split)
    label = ", ".join(part for part in (config if len(configs) > 1 else None, split) if part)
    yield from dataset_rows(splits[split], f"{source.name} ({label})", reading, note)


def folder_files(source: PromptSource) -> list[Path] | None:
    """The files of a local folder, in the order in which they are read; None where it is no folder of such files.

    Raises:
        PromptFileError: It holds no data, or several splits of which none was named.
    """
    if _saved(source.path):
        return None
    builder = _builder(source)
    if builder.name not in _READABLE or not builder.config.data_files:
        return None
    files = {str(split): found for split, found in builder.config.data_files.items()}
    split = _one(source.name, "split", "split", list(files), source.split)
    if source.split is None and source.config is None:
        _refuse_left_out(source, builder)
    return [Path(file) for file in files[split]]


def _refuse_left_out(source: PromptSource, builder: Any) -> None:
    """`datasets` takes the files of the commonest kind, or those named after splits, and passes over all others."""
    from huggingface_hub import metadata_load

    card = source.path / "README.md"
    with explained(source.name):
        if card.is_file() and (metadata_load(card) or {}).get("configs"):
            return  # its maker says which files are meant
    taken = {Path(file).resolve() for files in builder.config.data_files.values() for file in files}
    left = [
        str(path.relative_to(source.path))
        for path in sorted(source.path.rglob("*"))
        if _of_prompts(path.relative_to(source.path)) and path.is_file() and path.resolve() not in taken
    ]
    if left:
        names = ", ".join(f'"{name}"' for name in left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
        what = f"{names} would not be read: the files of a folder are of one kind, and all or none named after splits"
        raise PromptFileError((Problem(source.name, 0, 0, "", f"{what}; name the files instead of their folder"),))


def _of_prompts(path: Path) -> bool:
    """Whether a file is likely one of prompts; text is as often a licence, and what describes a set is none."""
    if any(part.startswith((".", "__")) for part in path.parts) or path.name in _DESCRIBING:
        return False
    stem = path.name.lower()
    for ending in PACKED:
        stem = stem.removesuffix(ending)
    return stem.endswith(tuple(ending for ending in EXTENSIONS if ending != ".txt"))


def folder_rows(source: PromptSource, reading: Reading, note: Note) -> Iterator[RawRow]:
    """Read a folder that `save_to_disk` wrote, or one that only `datasets` can read.

    Raises:
        PromptFileError: It is none, or has several splits of which none was named.
    """
    from datasets import load_dataset, load_from_disk

    with explained(source.name):
        if _saved(source.path):
            found = load_from_disk(str(source.path))
        else:
            found = load_dataset(str(source.path), source.config, streaming=True)
    if isinstance(found, Mapping):
        split = _one(source.name, "split", "split", list(found), source.split)
        yield from dataset_rows(found[split], f"{source.name} ({split})", reading, note)
    else:
        yield from dataset_rows(found, source.name, reading, note)


def _saved(folder: Path) -> bool:
    return (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file()


def _builder(source: PromptSource) -> Any:
    from datasets import get_dataset_config_names, load_dataset_builder

    folder = str(source.path)
    with explained(source.name):
        config = _one(source.name, "configuration", "config", get_dataset_config_names(folder), source.config)
        return load_dataset_builder(folder, config)


def _one(name: str, what: str, option: str, there: Sequence[str], wanted: str | None) -> str:
    """The one that is meant of those that are there."""
    found = ", ".join(f'"{one}"' for one in there)
    if wanted is not None:
        if wanted not in there:
            raise PromptFileError((Problem(name, 0, 0, "", f'has no {what} "{wanted}" (--{option}); it has {found}'),))
        return wanted
    if len(there) != 1:
        hint = f"--{option} {there[0]}" if there else "is it a data set?"
        message = f"has {len(there)} {what}s: {found}; name one of them: {hint}" if there else f"has no {what}; {hint}"
        raise PromptFileError((Problem(name, 0, 0, "", message),))
    return there[0]


@contextmanager
def explained(name: str, row: int = 0) -> Iterator[None]:
    """Say what went wrong in `datasets` and on the hub in terms of what can be done about it."""
    try:
        yield
    except PromptFileError:
        raise
    except Exception as error:  # noqa: BLE001 - data sets raise what their loaders raise, of any class
        place = f"{name}: row {row}" if row else name
        raise PromptFileError((Problem(place, 0, 0, "", _reason(error, name, begun=row > 1)),)) from None


def _reason(error: BaseException, name: str, *, begun: bool) -> str:
    from datasets import exceptions
    from datasets.data_files import EmptyDatasetError
    from huggingface_hub import constants, errors

    causes = _causes(error)
    if isinstance(error, exceptions.DatasetNotFoundError):
        causes += _causes(_of_hub(name))
    token = (
        "your token (HF_TOKEN) does not open it" if os.environ.get("HF_TOKEN") else "set HF_TOKEN to a token that does"
    )
    first = next(iter(str(error).splitlines()), "")[:300]
    if any(isinstance(cause, errors.GatedRepoError) for cause in causes):
        return f"is gated on the hub: accept its terms on its page there; {token}"
    if isinstance(error, EmptyDatasetError | exceptions.DataFilesNotFoundError):
        return "holds no file of a kind that is known; name the file"
    network = any(isinstance(cause, ConnectionError | TimeoutError) for cause in causes)
    off = any(isinstance(cause, errors.OfflineModeIsEnabled) for cause in causes)
    if off or (network and constants.HF_HUB_OFFLINE and not begun):
        switch = "the hub is switched off (HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set)"
        return f"is no file here, and {switch}: unset it, or download the set and name its folder"
    status = next((found for cause in causes if (found := _status(cause))), None)
    if status in (401, 403):
        return f"may not be read (the hub says {status}): {token}"
    if status == 404 or isinstance(error, exceptions.DatasetNotFoundError):
        return f"is no file here, and no data set of the hub that may be read; if it is private, {token}"
    if network:
        return f"cannot be reached; is there a network? The same command tries again ({first})"
    return f"cannot be read by datasets: {type(error).__name__}: {first}"


def _of_hub(name: str) -> BaseException | None:
    """What the hub says of a data set that was not found; `datasets` keeps of it nothing but words."""
    from huggingface_hub import HfApi

    try:
        HfApi().auth_check(name, repo_type="dataset")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is only looked at
        return error
    return None


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _status(error: BaseException) -> int | None:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None
