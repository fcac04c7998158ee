"""The refusal card of a run folder, out of the seals, whenever it is wanted."""

from __future__ import annotations

from constitution.steps.refusal_card import RefusalCard
from constitution.steps.refusal_sums import RefusalSums
from constitution.steps.settle import Settler, by_input
from constitution.store.folder import Manifest, RunFolder
from constitution.store.shards import read_shard, read_sums


def refusal_card(folder: RunFolder, manifest: Manifest, settler: Settler) -> RefusalCard:
    """What was wanted and what was given in a run, by its sealed chunks.

    Raises:
        StoreError: a seal or a shard cannot be read.
    """
    total, uncounted = RefusalSums(), 0
    for chunk in manifest.chunks:
        if folder.sealed(chunk):
            total.add(_sums(folder, chunk, settler))
        else:
            uncounted += 1
    return RefusalCard(total, settler.pairing.respond, uncounted)


def _sums(folder: RunFolder, chunk: int, settler: Settler) -> RefusalSums:
    """Of a sealed chunk: as its seal has them, else counted from its shard."""
    sealed = read_sums(folder.shard(chunk)).refusals
    if sealed is not None:
        return sealed
    counted = RefusalSums()
    for chains in by_input(read_shard(folder.shard(chunk))):
        counted.count(chains, settler.input(chains), settler.pairing.respond)
    return counted
