"""Sets by name: `NAME`, `NAME=PATH`, or the path of a file of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from constitution.errors import SettingsError
from constitution.examination.items import JudgedSet
from constitution.principles import Principle, Principles
from constitution.sources.judged_sets import cases, checks, hh_harmless, hhh, model_spec
from constitution.sources.judged_sets.files import HubSet, file_set, hub_set
from constitution.sources.judged_sets.rows import Rows

SETS: tuple[str, ...] = (checks.NAME, cases.NAME, hhh.NAME, hh_harmless.NAME, model_spec.NAME)
DEFAULT: tuple[str, ...] = (checks.NAME, cases.NAME)

_PUBLISHED: dict[str, tuple[HubSet, Principle, tuple[str, ...]]] = {
    hhh.NAME: (hhh.HUB, hhh.PRINCIPLE, hhh.PUBLISHED),
    hh_harmless.NAME: (hh_harmless.HUB, hh_harmless.PRINCIPLE, hh_harmless.PUBLISHED),
}


def read_sets(wanted: Sequence[str], principles: Principles) -> tuple[JudgedSet, ...]:
    """Read sets, all of them before anything starts.

    Args:
        wanted: `NAME`, `NAME=PATH` or `PATH` each; a published set without a path comes from the hub.
        principles: of the run: whose cases are meant, and to whose principles the rows of one's own files refer.

    Raises:
        SettingsError: a name means nothing, needs a path or takes none, or stands twice.
        PromptFileError: a file or data set cannot be read, or has malformed rows.
    """
    if not wanted:
        raise SettingsError(f"no set is named; expected some of {', '.join(SETS)}, or a file")
    found: dict[str, JudgedSet] = {}
    for one in wanted:
        made = _read(one, principles)
        if made.name in found:
            raise SettingsError(f"the set '{made.name}' is named twice; name it once")
        found[made.name] = made
    return tuple(each for each in found.values() if each.items or len(found) == 1)


def _read(wanted: str, principles: Principles) -> JudgedSet:
    name, equals, path = wanted.partition("=")
    if name not in SETS:
        return _own(wanted, principles)
    if equals and not path:
        raise SettingsError(f"--on {wanted}: expected a path behind the sign, like {name}=rows.jsonl")
    if name in (checks.NAME, cases.NAME):
        if equals:
            raise SettingsError(f"--on {wanted}: the set '{name}' comes along and takes no path")
        return checks.read_checks() if name == checks.NAME else cases.read_cases(principles)
    if name == model_spec.NAME:
        if not equals:
            raise SettingsError(f"--on {name}: it does not come along: name its file, like {name}=model_spec.md")
        return model_spec.read_model_spec(path)
    hub, principle, published = _PUBLISHED[name]
    rows = Rows(name, principle)
    return file_set(path, rows, published) if equals else hub_set(hub, rows, published)


def _own(path: str, principles: Principles) -> JudgedSet:
    """A file of one's own; its set has the file's name."""
    if "/" not in path and "." not in path and not Path(path).exists():
        raise SettingsError(f"--on {path}: neither a set ({', '.join(SETS)}) nor a file")
    return file_set(path, Rows(Path(path).name, principles=principles))
