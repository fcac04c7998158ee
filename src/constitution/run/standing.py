"""How a run stands in its folder, before a session begins: what is sealed, what is to be opened again, what is paid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from constitution.errors import StoreError
from constitution.run.drawing import Drawn
from constitution.store.folder import RunFolder
from constitution.store.journal import read_journal
from constitution.store.plan import ChunkPlan
from constitution.store.shards import read_sums
from constitution.store.sums import Sums


@dataclass
class Standing:
    """Of the chunks of one job."""

    totals: Sums = field(default_factory=Sums)
    """Of the chunks that are left as they are."""
    missing: int = 0
    """Chunks that are to be done."""
    again: frozenset[int] = frozenset()
    """Those of them that are sealed."""


def standing(folder: RunFolder, chunks: Sequence[ChunkPlan], *, retry: bool) -> Standing:
    """How the chunks of a job stand.

    Args:
        folder: of the run.
        chunks: of the job.
        retry: whether sealed chunks with failed records are to be opened again; one that a session had opened again and
            not sealed is so anyway.

    Raises:
        StoreError: a seal cannot be read.
    """
    found = Standing()
    again = set()
    for number in (chunk.number for chunk in chunks):
        if not folder.sealed(number):
            found.missing += 1
            continue
        sums = read_sums(folder.shard(number))
        if folder.reopened(number).exists() or (retry and (sums.outcomes["failed"] or sums.signs["failed_chains"])):
            found.missing += 1
            again.add(number)
        else:
            found.totals.add(sums)
    found.again = frozenset(again)
    return found


def standing_of_drawn(folder: RunFolder, drawn: Drawn) -> Standing:
    """How the chunks of a preview stand: done where all that was drawn of them is finished."""
    found = Standing()
    ids: dict[int, set[str]] = {}
    for chunk, _, id in drawn.places:
        ids.setdefault(chunk, set()).add(id)
    for number, wanted in ids.items():
        if not folder.sealed(number):
            path = folder.journal(number)
            found.missing += not path.exists() or bool(wanted - read_journal(path).done.keys())
    return found


def paid(folder: RunFolder, chunks: Sequence[ChunkPlan]) -> Sums:
    """What was paid for in all sessions: tokens of seals and of journals; what another run gave is no part of it.

    What was in flight when a process was killed stands nowhere.

    Raises:
        StoreError: a seal or a journal cannot be read.
    """
    total = Sums()
    for number in (chunk.number for chunk in chunks):
        path = folder.journal(number)
        journalled = Sums()
        if folder.sealed(number) and not folder.reopened(number).exists():
            total.add(read_sums(folder.shard(number)))
            continue
        if path.exists():
            for event in read_journal(path).answers.values():
                journalled.count_event(event)
        total.add(journalled)
        if folder.sealed(number):
            total.add(unjournalled(folder, number, journalled))
    return total


def unjournalled(folder: RunFolder, number: int, journalled: Sums) -> Sums:
    """What was paid for in a sealed chunk and stands in its seal alone, since its journal was deleted.

    Args:
        folder: of the run.
        number: of the chunk.
        journalled: what its journal holds.

    Raises:
        StoreError: the seal, or what was noted when the chunk was opened again, cannot be read.
    """
    path = folder.reopened(number)
    try:
        noted = path.read_bytes() if path.exists() else b""
        found = Sums.from_json(orjson.loads(noted)) if noted else Sums()
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path}: cannot read what the chunk was paid for before: {error}") from None
    sealed = read_sums(folder.shard(number))
    if _answers(sealed) <= _answers(journalled) + _answers(found):
        return found
    return Sums(
        tokens={stage: counts - journalled.tokens.get(stage, Counter()) for stage, counts in sealed.tokens.items()},
        signs=Counter(reused_answers=sealed.signs["reused_answers"] - journalled.signs["reused_answers"]),
    )


def _answers(sums: Sums) -> int:
    return sum(counts["requests"] for counts in sums.tokens.values()) + sums.signs["reused_answers"]
