"""The label card of a run folder: out of the seals, whenever it is wanted, and as `labels.json` at the end."""

from __future__ import annotations

from typing import Any

import orjson

from constitution.errors import StoreError
from constitution.run.examine import RECORD
from constitution.run.examined import FOLDER
from constitution.steps.label import Labelling
from constitution.steps.label_card import Examined, LabelCard
from constitution.steps.label_sums import LabelSums
from constitution.steps.policies import pairing_of
from constitution.store.disk import write_atomically
from constitution.store.folder import Manifest, RunFolder
from constitution.store.shards import read_shard, read_sums

CARD = "labels.json"
EXAMINATION = f"{FOLDER}/{RECORD}"
"""Where a run's folder keeps what the examination of its judge found."""


def label_card(folder: RunFolder, manifest: Manifest) -> LabelCard | None:
    """What the labels of a run are worth, by its sealed chunks; None where no judge was asked.

    Raises:
        StoreError: a seal, a shard or the examination cannot be read.
    """
    judge = manifest.models.get("judge")
    if judge is None:
        return None
    labelling = pairing_of(manifest.settings).labelling
    total, uncounted = LabelSums(), 0
    for chunk in manifest.chunks:
        if folder.sealed(chunk):
            total.add(_sums(folder, chunk, labelling))
        else:
            uncounted += 1
    return LabelCard(total, str(judge["model"]), labelling, examined(folder), uncounted)


def _sums(folder: RunFolder, chunk: int, labelling: Labelling) -> LabelSums:
    """Of a sealed chunk: as its seal has them, else counted from its shard."""
    sealed = read_sums(folder.shard(chunk)).labels
    if sealed is not None:
        return sealed
    counted = LabelSums()
    for result in read_shard(folder.shard(chunk)):
        counted.count(result, labelling)
    return counted


def examined(folder: RunFolder) -> Examined | None:
    """What the examination in a run folder says; None where there is none.

    Raises:
        StoreError: it cannot be read.
    """
    path = folder.file(EXAMINATION)
    if not path.exists():
        return None
    try:
        return Examined.from_json(orjson.loads(path.read_bytes()))
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"{path}: cannot read the examination: {error}; delete it and examine the judge again"
        ) from None


def write_label_card(folder: RunFolder, manifest: Manifest) -> None:
    """Write `labels.json`, where a judge was asked. It is made from the seals, and can be made again at any time.

    Raises:
        StoreError: a seal cannot be read, or the folder cannot be written.
    """
    card = label_card(folder, manifest)
    if card is not None:
        data: dict[str, Any] = card.to_json()
        write_atomically(folder.file(CARD), orjson.dumps(data, option=orjson.OPT_INDENT_2))


def note_labels(folder: RunFolder, *, again: bool = True) -> None:
    """Write the card at the end of a session; a run that stopped before its manifest stood has none.

    Args:
        folder: of the run.
        again: whether a card that is there is written anew.
    """
    if folder.has_run and (again or not folder.file(CARD).exists()):
        write_label_card(folder, Manifest.read(folder.file("manifest.json")))
