"""The plan of a run: one reading of the input before the first token, then each chunk read by itself.

Knows no file format: a source reads prompts from any place (`sources.prompts.PromptFile` does).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from constitution.digest import Part, digest
from constitution.errors import InputError, SettingsError, StoreError
from constitution.messages import Prompt
from constitution.store.choice import Choice, Chosen
from constitution.store.scan import Scan, Source, key_of, refuse, repeats, scan

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

    Indices = NDArray[int64]

PLAN_VERSION = 1
"""Raised when what a plan's digest holds changes."""
CHUNK_SIZE = 2000
"""Records in a chunk."""


@dataclass(frozen=True, slots=True)
class SourceIdentity:
    """Which file was planned. Path and time are hints; size and sha256 decide."""

    path: str
    size: int
    """Bytes."""
    sha256: str
    mtime_ns: int

    def is_of(self, path: Path) -> bool:
        """Whether a file has the same content; it is hashed only where its path or time differs."""
        size, mtime_ns = _state(path)
        if size != self.size:
            return False
        return (mtime_ns == self.mtime_ns and str(path) == self.path) or identify(path).sha256 == self.sha256


@dataclass(frozen=True, slots=True)
class Origin:
    """Where prompts came from that were copied."""

    name: str
    config: str | None
    split: str | None
    revision: str | None
    file: SourceIdentity | None
    """None for a folder, a data set of the hub, a stream."""


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
    contaminated: tuple[int, ...] = ()
    """Records whose text an evaluation has, by their index in the chunk."""


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
    """Of ids, duplicates, contaminated records, chunk size, limit and what becomes of duplicates; not of path, time and
    metadata."""
    limit: int | None = None
    """Only the first so many records are inputs."""
    keep_duplicates: bool = False
    """Whether duplicates run (as `ID-2`, `ID-3`) or are dropped."""
    chosen: Chosen = field(default_factory=Chosen)
    """Which rows of the file are records."""
    by_source: tuple[int, ...] = ()
    """Records of each source; one number where there is one."""
    tools: bool = False
    """Whether a record has tools, calls or reasoning."""
    origins: tuple[Origin, ...] = ()

    def of_shard(self, shard: tuple[int, int] | None) -> tuple[ChunkPlan, ...]:
        """The chunks of one of several processes: `(i, n)` has those whose number leaves i when divided by n."""
        return self.chunks if shard is None else self.chunks[shard[0] :: shard[1]]

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
            chosen = {name: _tuple(value) for name, value in data.get("chosen", {}).items()}
            return cls(
                **data
                | {
                    "source": SourceIdentity(**data["source"]),
                    "chunks": tuple(_chunk(chunk) for chunk in data["chunks"]),
                    "chosen": Chosen(**chosen),
                    "by_source": tuple(data.get("by_source", ())),
                    "origins": tuple(_origin(one) for one in data.get("origins", ())),
                }
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"the manifest holds no plan that this version can read: {error}") from None


def _chunk(data: dict[str, Any]) -> ChunkPlan:
    duplicates = tuple((index, ordinal) for index, ordinal in data["duplicates"])
    return ChunkPlan(**data | {"duplicates": duplicates, "contaminated": tuple(data.get("contaminated", ()))})


def _origin(data: dict[str, Any]) -> Origin:
    return Origin(**data | {"file": None if data["file"] is None else SourceIdentity(**data["file"])})


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class PlannedRecord:
    """One input of a run, with its final id."""

    prompt: Prompt
    dropped: str | None
    """One of REASONS if it is turned away before its first token."""
    place: str
    """Where it stands for a person."""
    line: int
    """In the file that is read, 1-based."""
    detail: str = ""
    """What is wrong with a bad row."""


def make_plan(
    source: Source,
    *,
    chunk_size: int = CHUNK_SIZE,
    choice: Choice | None = None,
    keep_duplicates: bool = False,
    contaminated: Callable[[Prompt], bool] = lambda _: False,
    origins: tuple[Origin, ...] = (),
) -> Plan:
    """Read the whole input once and plan the run.

    Holds 36 bytes a record, and about 50 more while it looks for repeats.

    Args:
        source: The prompts.
        chunk_size: Records in a chunk.
        choice: Which rows are records; all without.
        keep_duplicates: Run records that repeat the content of an earlier one under `ID-2`, `ID-3` ..., not drop them.
        contaminated: Whether an evaluation has the text of a prompt; such a record is dropped.
        origins: Where the prompts came from, where the source is a copy.

    Raises:
        PromptFileError: Lines are bad, ids repeat, or there is no prompt at all.
        InputError: The file changed while it was read.
        SettingsError: `chunk_size` is below 1, or the choice does not go with the input.
    """
    if chunk_size < 1:
        raise SettingsError(f"chunk size must be at least 1, found {chunk_size}")
    choice = choice or Choice()
    found, chosen = scan(source, choice, contaminated, lambda: _state(source.path))
    identity = identify(source.path)
    if (identity.size, identity.mtime_ns) != found.state:
        raise InputError(f'"{source.path}" changed while it was read; start again when it is complete')
    later, ordinals, clashes = repeats(found)
    refuse(source, found, clashes)
    body: tuple[Part, ...] = (
        chunk_size,
        choice.limit,
        keep_duplicates,
        found.records,
        len(later),
        blake2b(found.keys).hexdigest(),
    )
    if any(found.contaminated):
        body = (*body, blake2b(found.contaminated).hexdigest())
    return Plan(
        identity,
        chunk_size,
        found.records,
        len(later),
        _chunks(found, chunk_size, later, ordinals),
        digest("plan", PLAN_VERSION, body),
        choice.limit,
        keep_duplicates,
        chosen,
        _by_source(found),
        found.tools,
        origins,
    )


def read_chunk(source: Source, plan: Plan, chunk: ChunkPlan) -> Iterator[PlannedRecord]:
    """Read the records of one chunk, and nothing of the file that stands before or behind it.

    A record that repeats an earlier one has the id `ID-2`, `ID-3` ..., kept or not: no two inputs share an id.

    Raises:
        InputError: The file is not the one that was planned.
    """
    ordinals, contaminated = dict(chunk.duplicates), frozenset(chunk.contaminated)
    found = 0
    for entry in source.read(chunk.offset, chunk.line):
        if not plan.chosen.takes(entry.prompt.tags, key_of(entry), entry.source):
            continue
        prompt, ordinal = entry.prompt, ordinals.get(found)
        if ordinal is not None:
            prompt = replace(prompt, id=f"{prompt.id}-{ordinal}")
        dropped = "bad_row" if entry.bad is not None else None
        if ordinal is not None and not plan.keep_duplicates:
            dropped = dropped or "duplicate"
        if found in contaminated:
            dropped = dropped or "contaminated"
        yield PlannedRecord(prompt, dropped, entry.place, entry.line, entry.bad or "")
        found += 1
        if found == chunk.records:
            return
    raise _changed(source.path)


def check_source(source: Source, identity: SourceIdentity) -> None:
    """Check that a file is the one that was planned; it is hashed again only where its path or time differs.

    Raises:
        InputError: It is another one.
    """
    try:
        _state(source.path)
    except OSError as error:
        message = f'the input "{source.path}" cannot be read ({error.strerror}); put it back to go on with the run'
        raise InputError(message) from None
    if not identity.is_of(source.path):
        raise _changed(source.path)


def _changed(path: Path) -> InputError:
    return InputError(f'the input "{path}" has changed since the run was planned; put it back, or start a new run')


def identify(path: Path) -> SourceIdentity:
    """Size, time and digest of a file."""
    with path.open("rb") as file:
        sha256 = file_digest(file, "sha256").hexdigest()
    size, mtime_ns = _state(path)
    return SourceIdentity(str(path), size, sha256, mtime_ns)


def _state(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def _by_source(found: Scan) -> tuple[int, ...]:
    counts = Counter(found.sources)
    return tuple(counts[number] for number in range(max(counts) + 1))


def _chunks(found: Scan, chunk_size: int, later: Indices, ordinals: Indices) -> tuple[ChunkPlan, ...]:
    import numpy as np

    starts = range(0, found.records, chunk_size)
    bounds = np.searchsorted(later, np.arange(len(starts) + 1) * chunk_size)
    dirty = np.flatnonzero(np.frombuffer(found.contaminated, dtype=bool))
    dirty_bounds = np.searchsorted(dirty, np.arange(len(starts) + 1) * chunk_size)
    chunks = []
    for number, first in enumerate(starts):
        here = slice(bounds[number], bounds[number + 1])
        repeated = zip((later[here] - first).tolist(), ordinals[here].tolist(), strict=True)
        texts = (dirty[dirty_bounds[number] : dirty_bounds[number + 1]] - first).tolist()
        records = min(chunk_size, found.records - first)
        place = found.offsets[first], found.lines[first]
        chunks.append(ChunkPlan(number, *place, records, tuple(repeated), tuple(texts)))
    return tuple(chunks)
