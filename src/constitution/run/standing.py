"""How a run stands in its folder, before a session begins: what is sealed, what is to be opened again, what is paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
        sealed, path = folder.sealed(number), folder.journal(number)
        if sealed and not folder.reopened(number).exists():
            total.add(read_sums(folder.shard(number)))
        elif path.exists():
            for event in read_journal(path).answers.values():
                total.count_event(event)
    return total
