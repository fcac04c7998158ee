"""Shares of a mix: how many come from each of several parts.

The method of Webster and Sainte-Laguë: places are given one after another to the part that is furthest below its share.
So a larger mix always contains the smaller one, which rounding shares to whole numbers does not give.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from constitution.errors import SettingsError


def check_weights(weights: Sequence[float], parts: int, what: str) -> None:
    """Refuse weights that are no shares.

    Raises:
        SettingsError: their number is not that of the parts, or one is not above 0.
    """
    if not weights:
        return
    if len(weights) != parts:
        raise SettingsError(f"{len(weights)} weights for {parts} {what}: give one for each, in their order")
    for weight in weights:
        if not isfinite(weight) or weight <= 0:
            raise SettingsError(f"the weight {weight} is not above 0; leave out what is not to be taken")


def shares(counts: Sequence[int], weights: Sequence[float], total: int | None = None) -> tuple[int, ...]:
    """How many to take of each part.

    Args:
        counts: how many each part has.
        weights: the share of each, in any unit, above 0.
        total: how many in all; a part that has fewer than its share gives what it has, the others fill its places. None
            takes the largest mix in which no part falls short of its share.

    Returns:
        One number a part; their sum is `total`, or all there are if that is less.
    """
    import numpy as np

    assert len(counts) == len(weights)
    assert all(weight > 0 for weight in weights)
    if total is None:
        missing = min((count + 0.5) / weight for count, weight in zip(counts, weights, strict=True))
        before = [(np.arange(count) + 0.5) / weight < missing for count, weight in zip(counts, weights, strict=True)]
        return tuple(int(places.sum()) for places in before)
    room = [min(count, total) for count in counts]
    places = np.concatenate([(np.arange(most) + 0.5) / weight for most, weight in zip(room, weights, strict=True)])
    part = np.repeat(np.arange(len(room)), room)
    first = np.argsort(places, kind="stable")[:total]  # stable: between equals the earlier part goes first
    return tuple(np.bincount(part[first], minlength=len(room)).tolist())
