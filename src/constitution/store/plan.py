"""The plan of a run: one reading of the input before the first token, then each chunk read by itself.

Knows no file format: a source reads prompts from any place (`sources.prompts.PromptFile` does).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b, file_digest
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from constitution.digest import digest, digest_bytes
from constitution.errors import InputError, Problem, PromptFileError, SettingsError, StoreError
from constitution.messages import Prompt

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

    Indices = NDArray[int64]

PLAN_VERSION = 1
"""Raised when what a plan's digest holds changes."""
CHUNK_SIZE = 2000
"""Records in a chunk."""
MAX_SHOWN = 20
"""Problems that an error shows; of the rest it tells the number."""
MAX_COUNTED = 10_000
"""Problems after which the reading stops: the file is something else."""

_HEX = re.compile("[0-9a-f]{32}")
_SUFFIXED = re.compile("([0-9a-f]{32})-([1-9][0-9]{0,8})")
_WIDTH = 16
_Clash: TypeAlias = tuple[int, int, str]
"""Number of a record with a given id that is taken, of the one that has it, and how."""


class SourceEntry(Protocol):
    """One prompt of a source, with its place."""

    @property
    def prompt(self) -> Prompt:
        """The prompt, with its given or derived id."""

    @property
    def given_id(self) -> bool:
        """Whether the id was given."""

    @property
    def line(self) -> int:
        """1-based."""

    @property
    def offset(self) -> int:
        """Of the line's first byte."""

    @property
    def place(self) -> str:
        """Where it stands for a person."""

    @property
    def source(self) -> int:
        """Number of its source, where a run has several."""

    @property
    def bad(self) -> str | None:
        """Why the row is no prompt, where bad rows are to be dropped."""


class Source(Protocol):
    """What a plan needs of a file of prompts."""

    @property
    def path(self) -> Path:
        """The file."""

    def read(
        self,
        offset: int = 0,
        line: int = 1,
        count: int | None = None,
        *,
        report: Callable[[Problem], None] | None = None,
    ) -> Iterator[SourceEntry]:
        """Read at most `count` prompts from a place on; bad lines go to `report`, or are raised."""


@dataclass(frozen=True, slots=True)
class SourceIdentity:
    """Which file was planned. Path and time are hints; size and sha256 decide."""

    path: str
    size: int
    """Bytes."""
    sha256: str
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """Where one chunk stands in the input."""

    number: int
    """From 0."""
    offset: int
    """Of the first record's first byte."""
    line: int
    """Of the first record, 1-based."""
    records: int
    duplicates: tuple[tuple[int, int], ...] = ()
    """Records with the content of an earlier one: (index in the chunk, ordinal 2, 3, ...)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole input, cut by position."""

    source: SourceIdentity
    chunk_size: int
    records: int
    """Inputs, duplicates among them."""
    duplicates: int
    chunks: tuple[ChunkPlan, ...]
    digest: str
    """Of ids, duplicates, chunk size, limit and what becomes of duplicates; not of path, time and metadata."""
    limit: int | None = None
    """Only the first so many records are inputs."""
    keep_duplicates: bool = False
    """Whether duplicates run (as `ID-2`, `ID-3`) or are dropped."""

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data for the manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """Read what `to_json` wrote, tuples as lists too.

        Raises:
            StoreError: It is no plan.
        """
        try:
            chunks = tuple(
                ChunkPlan(**chunk | {"duplicates": tuple((index, ordinal) for index, ordinal in chunk["duplicates"])})
                for chunk in data["chunks"]
            )
            return cls(**data | {"source": SourceIdentity(**data["source"]), "chunks": chunks})
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"the manifest holds no plan that this version can read: {error}") from None


@dataclass(frozen=True, slots=True)
class PlannedRecord:
    """One input of a run, with its final id."""

    prompt: Prompt
    duplicate: bool
    """Whether it is to be dropped as `duplicate`."""
    line: int
    """In the input, 1-based."""


def make_plan(
    source: Source, *, chunk_size: int = CHUNK_SIZE, limit: int | None = None, keep_duplicates: bool = False
) -> Plan:
    """Read the whole input once and plan the run.

    Holds 17 bytes a record, and about 50 more while it looks for repeats.

    Args:
        source: The prompts.
        chunk_size: Records in a chunk.
        limit: Take the first so many records, duplicates among them; all without.
        keep_duplicates: Run records that repeat the content of an earlier one under `ID-2`, `ID-3` ..., not drop them.

    Raises:
        PromptFileError: Lines are bad, ids repeat, or there is no prompt at all.
        InputError: The file changed while it was read.
        SettingsError: `chunk_size` or `limit` is below 1.
    """
    if chunk_size < 1 or (limit is not None and limit < 1):
        raise SettingsError(f"chunk size and limit must be at least 1, found {chunk_size} and {limit}")
    scan = _scan(source, chunk_size, limit)
    identity = _identify(source.path)
    if (identity.size, identity.mtime_ns) != scan.state:
        raise InputError(f'"{source.path}" changed while it was read; start again when it is complete')
    later, ordinals, clashes = _repeats(scan)
    _refuse(source, chunk_size, scan, clashes or _taken(scan, later, ordinals))
    body = (chunk_size, limit, keep_duplicates, scan.records, len(later), blake2b(scan.keys).hexdigest())
    return Plan(
        identity,
        chunk_size,
        scan.records,
        len(later),
        _chunks(scan, chunk_size, later, ordinals),
        digest("plan", PLAN_VERSION, body),
        limit,
        keep_duplicates,
    )


def read_chunk(source: Source, plan: Plan, chunk: ChunkPlan) -> Iterator[PlannedRecord]:
    """Read the records of one chunk, and nothing else of the file.

    A record that repeats an earlier one has the id `ID-2`, `ID-3` ..., kept or not: no two inputs share an id.

    Raises:
        InputError: The file is not the one that was planned.
    """
    ordinals = dict(chunk.duplicates)
    found = 0
    for entry in source.read(chunk.offset, chunk.line, chunk.records):
        prompt, ordinal = entry.prompt, ordinals.get(found)
        if ordinal is not None:
            prompt = replace(prompt, id=f"{prompt.id}-{ordinal}")
        yield PlannedRecord(prompt, ordinal is not None and not plan.keep_duplicates, entry.line)
        found += 1
    if found != chunk.records:
        raise _changed(source.path)


def check_source(source: Source, identity: SourceIdentity) -> None:
    """Check that a file is the one that was planned; it is hashed again only where its path or time differs.

    Raises:
        InputError: It is another one.
    """
    try:
        size, mtime_ns = _state(source.path)
    except OSError as error:
        message = f'the input "{source.path}" cannot be read ({error.strerror}); put it back to go on with the run'
        raise InputError(message) from None
    if size != identity.size:
        raise _changed(source.path)
    if mtime_ns == identity.mtime_ns and str(source.path) == identity.path:
        return
    if _identify(source.path).sha256 != identity.sha256:
        raise _changed(source.path)


def _changed(path: Path) -> InputError:
    return InputError(f'the input "{path}" has changed since the run was planned; put it back, or start a new run')


def _identify(path: Path) -> SourceIdentity:
    with path.open("rb") as file:
        sha256 = file_digest(file, "sha256").hexdigest()
    size, mtime_ns = _state(path)
    return SourceIdentity(str(path), size, sha256, mtime_ns)


def _state(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def _key(id: str) -> bytes:
    """An id in 16 bytes. A derived id is one already, so a given id that looks like one meets it."""
    return bytes.fromhex(id) if _HEX.fullmatch(id) else digest_bytes("id", id, size=_WIDTH)


@dataclass(slots=True)
class _Scan:
    """What the one reading of the input leaves in memory."""

    keys: bytearray = field(default_factory=bytearray)
    """Of each id 16 bytes."""
    given: bytearray = field(default_factory=bytearray)
    """Of each id one byte: whether it was given."""
    starts: list[tuple[int, int]] = field(default_factory=list)
    """Offset and line of each chunk's first record."""
    suffixed: list[tuple[int, bytes, int]] = field(default_factory=list)
    """Number, key and ordinal of given ids that look like the `ID-2` of a duplicate."""
    records: int = 0
    state: tuple[int, int] = (0, 0)
    """Size and mtime_ns of the file, when it was opened."""


def _scan(source: Source, chunk_size: int, limit: int | None) -> _Scan:
    scan = _Scan()
    problems = _Problems(source.path)
    for entry in source.read(count=limit, report=problems.add):
        if not scan.records:
            scan.state = _state(source.path)
        if scan.records % chunk_size == 0:
            scan.starts.append((entry.offset, entry.line))
        id = entry.prompt.id
        scan.keys += _key(id) if entry.given_id else bytes.fromhex(id)
        scan.given.append(entry.given_id)
        if entry.given_id and (match := _SUFFIXED.fullmatch(id)):
            scan.suffixed.append((scan.records, bytes.fromhex(match[1]), int(match[2])))
        scan.records += 1
    problems.throw()
    if not scan.records:
        raise PromptFileError((Problem(str(source.path), 0, 0, "", "the file holds no prompt"),))
    return scan


def _repeats(scan: _Scan) -> tuple[Indices, Indices, list[_Clash]]:
    """Numbers of the duplicates in file order, their ordinals, and the given ids that repeat."""
    import numpy as np

    halves = np.frombuffer(scan.keys, dtype=np.uint64).reshape(-1, 2)
    order = np.lexsort((halves[:, 1], halves[:, 0]))  # stable: equal keys stay in file order
    same = np.zeros(len(order), dtype=bool)
    same[1:] = np.logical_and.reduce([np.diff(halves[:, half][order]) == 0 for half in (0, 1)])
    first = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
    again = np.flatnonzero(same)
    ordinals = again - first[again] + 1
    later, earlier = order[again], order[first[again]]
    by_place = np.argsort(later)
    later, earlier, ordinals = later[by_place], earlier[by_place], ordinals[by_place]
    flags = np.frombuffer(scan.given, dtype=bool)
    clash = flags[later] | flags[earlier]
    clashes = [
        (b, a, "is also that of" if flags[a] and flags[b] else "is the same, derived from the content, as that of")
        for a, b in zip(earlier[clash].tolist(), later[clash].tolist(), strict=True)
    ]
    return later[~clash], ordinals[~clash], clashes


def _taken(scan: _Scan, later: Indices, ordinals: Indices) -> list[_Clash]:
    """Given ids that equal the `ID-2` of a duplicate."""
    if not scan.suffixed:
        return []
    names = {
        (bytes(scan.keys[index * _WIDTH : (index + 1) * _WIDTH]), ordinal): index
        for index, ordinal in zip(later.tolist(), ordinals.tolist(), strict=True)
    }
    what = "is the one that a duplicate gets, in"
    return [(given, names[key, n], what) for given, key, n in scan.suffixed if (key, n) in names]


def _refuse(source: Source, chunk_size: int, scan: _Scan, clashes: list[_Clash]) -> None:
    """Refuse ids that are not unique, naming both places."""

    def find(number: int) -> SourceEntry:
        offset, line = scan.starts[number // chunk_size]
        *_, entry = source.read(offset, line, number % chunk_size + 1)
        return entry

    problems = _Problems(source.path)
    for number, other, what in clashes[:MAX_SHOWN]:
        entry = find(number)
        message = f"the id {dumps(entry.prompt.id)} {what} line {find(other).line}; ids must differ"
        problems.add(Problem(str(source.path), entry.line, 0, "id", message))
    problems.count += max(0, len(clashes) - MAX_SHOWN)
    problems.throw()


def _chunks(scan: _Scan, chunk_size: int, later: Indices, ordinals: Indices) -> tuple[ChunkPlan, ...]:
    import numpy as np

    bounds = np.searchsorted(later, np.arange(len(scan.starts) + 1) * chunk_size)
    chunks = []
    for number, (offset, line) in enumerate(scan.starts):
        first = number * chunk_size
        here = slice(bounds[number], bounds[number + 1])
        repeated = zip((later[here] - first).tolist(), ordinals[here].tolist(), strict=True)
        chunks.append(ChunkPlan(number, offset, line, min(chunk_size, scan.records - first), tuple(repeated)))
    return tuple(chunks)


class _Problems:
    """Problems of one reading: the first are kept, the rest is counted."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.shown: list[Problem] = []
        self.count = 0

    def add(self, problem: Problem) -> None:
        self.count += 1
        if len(self.shown) < MAX_SHOWN:
            self.shown.append(problem)
        if self.count == MAX_COUNTED:
            self.throw("; the rest of the file was not read")

    def throw(self, stopped: str = "") -> None:
        """Raise what was found, if anything was."""
        hidden = self.count - len(self.shown)
        if hidden:
            rest = f"and {hidden:,} more problem{'s' if hidden > 1 else ''}{stopped}"
            self.shown.append(Problem(self.path, 0, 0, "", rest))
        if self.shown:
            raise PromptFileError(tuple(self.shown))
