"""Draws the records of a preview by hash, over the whole input of a run."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from constitution.digest import digest_bytes
from constitution.sources.prompts import PromptFile
from constitution.store.plan import Plan, read_chunk


@dataclass(frozen=True, slots=True)
class Drawn:
    """The records of a preview."""

    places: tuple[tuple[int, int, str], ...]
    """Chunk, index in the chunk and id of each, in the order of the input."""
    population: int
    """Records of which they were drawn: all that the plan does not drop."""
    dropped: Mapping[str, int]
    """Records that the plan drops, by reason: they are known and no part of the draw."""

    @property
    def only(self) -> dict[int, frozenset[int]]:
        """Which records of which chunks."""
        chunks: dict[int, list[int]] = {}
        for chunk, index, _ in self.places:
            chunks.setdefault(chunk, []).append(index)
        return {chunk: frozenset(indexes) for chunk, indexes in chunks.items()}

    @property
    def everything(self) -> bool:
        """Whether there is no more than what was drawn."""
        return len(self.places) == self.population


def draw_number(seed: int, id: str) -> int:
    """The number by which a record is drawn; the least ones are taken, so that more of them hold the fewer."""
    return int.from_bytes(digest_bytes("preview", seed, id, size=8), "big")


def draw_records(source: PromptFile, plan: Plan, shard: tuple[int, int] | None, seed: int, count: int) -> Drawn:
    """Draw records by hash over the whole input, in one reading that holds `count` of them.

    Args:
        source: the prompts.
        plan: of the run.
        shard: which chunks are the run's own.
        seed: of the run.
        count: how many.
    """
    taken: list[tuple[int, int, int, str]] = []
    population, dropped = 0, Counter[str]()
    for chunk in plan.of_shard(shard):
        for index, record in enumerate(read_chunk(source, plan, chunk)):
            if record.dropped is not None:
                dropped[record.dropped] += 1
                continue
            population += 1
            item = (-draw_number(seed, record.prompt.id), chunk.number, index, record.prompt.id)
            if len(taken) < count:
                heapq.heappush(taken, item)
            elif item > taken[0]:
                heapq.heapreplace(taken, item)
    return Drawn(tuple(sorted(item[1:] for item in taken)), population, dict(dropped))
