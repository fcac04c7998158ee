"""The one reading of an input: keys, places and repeats of its records, in a few bytes for each."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from json import dumps as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from constitution.digest import digest_bytes
from constitution.errors import Problem, PromptFileError
from constitution.messages import Prompt
from constitution.store.choice import Choice, Chosen, draw, draw_number, drawn_rows

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

    Indices = NDArray[int64]

MAX_SHOWN = 20
"""Problems that an error shows; of the rest it tells the number."""
MAX_COUNTED = 10_000
"""Problems after which the reading stops: the file is something else."""
KEY_WIDTH = 16
DERIVE = "--id-column - derives ids from the content instead"
MAX_TAGS = 10_000
"""Different tags that are counted for a message."""
DROP = "--bad-rows drop goes on without such rows; they count as inputs, dropped with the reason"

_HEX = re.compile("[0-9a-f]{32}")
_SUFFIXED = re.compile("([0-9a-f]{32})-([1-9][0-9]{0,8})")
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


def key_of(entry: SourceEntry) -> bytes:
    """The id in 16 bytes. A derived id is one already, so a given id that looks like one meets it."""
    id = entry.prompt.id
    if not entry.given_id or _HEX.fullmatch(id):
        return bytes.fromhex(id)
    return digest_bytes("id", id, size=KEY_WIDTH)


@dataclass(slots=True)
class Scan:
    """What the one reading leaves in memory: of each record about 34 bytes, 50 where rows are drawn."""

    keys: bytearray = field(default_factory=bytearray)
    """Of each id 16 bytes."""
    given: bytearray = field(default_factory=bytearray)
    """Of each id one byte: whether it was given."""
    contaminated: bytearray = field(default_factory=bytearray)
    """Of each record one byte: whether an evaluation has its text."""
    offsets: array[int] = field(default_factory=lambda: array("q"))
    lines: array[int] = field(default_factory=lambda: array("q"))
    sources: array[int] = field(default_factory=lambda: array("H"))
    numbers: array[int] = field(default_factory=lambda: array("Q"))
    """Draw numbers; empty where all rows are taken."""
    suffixed: list[tuple[int, bytes, int]] = field(default_factory=list)
    """Number, key and ordinal of given ids that look like the `ID-2` of a duplicate."""
    tools: bool = False
    """Whether a record has tools, calls or reasoning."""
    state: tuple[int, int] = (0, 0)
    """Size and mtime_ns of the file, when it was opened."""

    @property
    def records(self) -> int:
        """How many there are."""
        return len(self.given)

    def add(self, entry: SourceEntry, *, contaminated: bool) -> None:
        """Remember one record."""
        if entry.given_id and (match := _SUFFIXED.fullmatch(entry.prompt.id)):
            self.suffixed.append((self.records, bytes.fromhex(match[1]), int(match[2])))
        self.keys += key_of(entry)
        self.given.append(entry.given_id)
        self.contaminated.append(contaminated)
        self.offsets.append(entry.offset)
        self.lines.append(entry.line)
        self.sources.append(entry.source)
        self.tools = self.tools or entry.prompt.uses_tools

    def keep(self, rows: NDArray[int64]) -> None:
        """Forget all records but those of these numbers, which ascend."""
        import numpy as np

        old, new = {}, set(rows.tolist()) if self.suffixed else set()
        if new:
            old = {int(row): place for place, row in enumerate(rows.tolist())}
        self.suffixed = [(old[row], key, ordinal) for row, key, ordinal in self.suffixed if row in new]
        self.keys = bytearray(np.frombuffer(self.keys, dtype=np.uint8).reshape(-1, KEY_WIDTH)[rows].tobytes())
        self.given = bytearray(np.frombuffer(self.given, dtype=np.uint8)[rows].tobytes())
        self.contaminated = bytearray(np.frombuffer(self.contaminated, dtype=np.uint8)[rows].tobytes())
        for name, kind in (("offsets", "q"), ("lines", "q"), ("sources", "H")):
            kept = np.asarray(getattr(self, name))[rows]
            setattr(self, name, array(kind, kept.tobytes()))
        self.numbers = array("Q")


def scan(
    source: Source, choice: Choice, contaminated: Callable[[Prompt], bool], state: Callable[[], tuple[int, int]]
) -> tuple[Scan, Chosen]:
    """Read the input once and choose.

    Args:
        source: the prompts.
        choice: which of them are inputs.
        contaminated: whether an evaluation has the text of a prompt.
        state: size and time of the file.

    Raises:
        PromptFileError: lines are bad, or nothing is left.
    """
    found, problems = Scan(), Problems(str(source.path))
    first = Chosen(where=choice.where, seed=choice.seed)
    rows, tags = 0, Counter[str]()
    for entry in source.read(report=problems.add):
        if not rows:
            found.state = state()
        rows += 1
        if choice.where and len(tags) < MAX_TAGS:
            tags.update(entry.prompt.tags)
        if not first.wants(entry.prompt.tags):
            continue
        found.add(entry, contaminated=contaminated(entry.prompt))
        if choice.draws:
            found.numbers.append(draw_number(choice.seed, bytes(found.keys[-KEY_WIDTH:])))
        elif found.records == choice.limit:
            break
    problems.throw(hint=DROP)
    if not found.records:
        if rows:
            raise PromptFileError((Problem("--where", 0, 0, "", _without(choice.where, rows, tags)),))
        raise PromptFileError((Problem(str(source.path), 0, 0, "", "the file holds no prompt"),))
    return found, _drawn(found, choice) if choice.draws else first


def _without(where: Sequence[str], rows: int, tags: Counter[str]) -> str:
    """Why no row is left, with the tags that there are."""
    asked = " and ".join(json_text(condition) for condition in where)
    there = ", ".join(f"{json_text(tag)} ({count:,})" for tag, count in tags.most_common(12))
    more = f" and {len(tags) - 12} more" if len(tags) > 12 else ""
    return f"none of {rows:,} prompts has {asked}; " + (f"their tags are {there}{more}" if tags else "none has a tag")


def _drawn(found: Scan, choice: Choice) -> Chosen:
    """Draw, then cut at the limit; the records that are left are those of the plan."""
    import numpy as np

    numbers, sources = np.asarray(found.numbers), np.asarray(found.sources)
    by_source = sources if sources.any() or len(choice.weights) > 1 else None
    thresholds = draw(choice, numbers, by_source)
    rows = np.flatnonzero(drawn_rows(thresholds, numbers, by_source))[: choice.limit]
    found.keep(rows)
    return Chosen(choice.where, choice.seed, thresholds)


def repeats(found: Scan) -> tuple[Indices, Indices, list[_Clash]]:
    """Numbers of the duplicates in file order, their ordinals, and the given ids that repeat."""
    import numpy as np

    halves = np.frombuffer(found.keys, dtype=np.uint64).reshape(-1, 2)
    order = np.lexsort((halves[:, 1], halves[:, 0]))  # stable: equal keys stay in file order
    same = np.zeros(len(order), dtype=bool)
    same[1:] = np.logical_and.reduce([np.diff(halves[:, half][order]) == 0 for half in (0, 1)])
    first = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
    again = np.flatnonzero(same)
    ordinals = again - first[again] + 1
    later, earlier = order[again], order[first[again]]
    by_place = np.argsort(later)
    later, earlier, ordinals = later[by_place], earlier[by_place], ordinals[by_place]
    flags = np.frombuffer(found.given, dtype=bool)
    clash = flags[later] | flags[earlier]
    clashes = [
        (b, a, "is also that of" if flags[a] and flags[b] else "is the same, derived from the content, as that of")
        for a, b in zip(earlier[clash].tolist(), later[clash].tolist(), strict=True)
    ]
    later, ordinals = later[~clash], ordinals[~clash]
    return later, ordinals, clashes or _taken(found, later, ordinals)


def _taken(found: Scan, later: Indices, ordinals: Indices) -> list[_Clash]:
    """Given ids that equal the `ID-2` of a duplicate."""
    if not found.suffixed:
        return []
    names = {
        (bytes(found.keys[index * KEY_WIDTH : (index + 1) * KEY_WIDTH]), ordinal): index
        for index, ordinal in zip(later.tolist(), ordinals.tolist(), strict=True)
    }
    what = "is the one that a duplicate gets, in"
    return [(given, names[key, n], what) for given, key, n in found.suffixed if (key, n) in names]


def refuse(source: Source, found: Scan, clashes: list[_Clash]) -> None:
    """Refuse ids that are not unique, naming both places.

    Raises:
        PromptFileError: there are some.
    """

    def find(number: int) -> SourceEntry:
        return next(iter(source.read(found.offsets[number], found.lines[number], 1)))

    problems = Problems(str(source.path))
    for number, other, what in clashes[:MAX_SHOWN]:
        entry, has = find(number), find(other)
        message = f"the id {json_text(entry.prompt.id)} {what} {_place(source, has)}; ids must differ"
        here = _place(source, entry)
        at = (str(source.path), entry.line) if here.startswith("line ") else (here, 0)
        problems.add(Problem(*at, 0, "id", message))
    problems.count += max(0, len(clashes) - MAX_SHOWN)
    problems.throw(hint=DERIVE)


def _place(source: Source, entry: SourceEntry) -> str:
    """The line, where it is one of the very file that is read; else what the entry says of its origin."""
    return f"line {entry.line}" if entry.place in ("", f"{source.path}:{entry.line}") else entry.place


class Problems:
    """Problems of one reading: the first are kept, the rest is counted."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.shown: list[Problem] = []
        self.count = 0

    def add(self, problem: Problem) -> None:
        """Keep or count one.

        Raises:
            PromptFileError: there are too many to go on.
        """
        self.count += 1
        if len(self.shown) < MAX_SHOWN:
            self.shown.append(problem)
        if self.count == MAX_COUNTED:
            self.throw("; the rest of the file was not read")

    def throw(self, stopped: str = "", hint: str = "") -> None:
        """Raise what was found, if anything was, with what else may be done about it."""
        hidden = self.count - len(self.shown)
        if hidden:
            rest = f"and {hidden:,} more problem{'s' if hidden > 1 else ''}{stopped}"
            self.shown.append(Problem(self.path, 0, 0, "", rest))
        if self.shown and hint:
            self.shown.append(Problem(self.path, 0, 0, "", hint))
        if self.shown:
            raise PromptFileError(tuple(self.shown))
