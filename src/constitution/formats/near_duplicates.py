"""Near-duplicate prompts: MinHash over word trigrams, bands for candidates, the estimate to confirm.

Sources: A. Broder, "On the resemblance and containment of documents", 1997 (MinHash); J. Leskovec, A. Rajaraman and
J. Ullman, "Mining of Massive Datasets", 3.4 (bands). The signatures are rensa's; they lie in a temporary file, 512
bytes for each prompt, and in memory are about 60 bytes for each.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from constitution.errors import SettingsError
from constitution.formats.splits import asked, prompt_key
from constitution.messages import Conversation
from constitution.steps.filter import trigrams

if TYPE_CHECKING:
    from numpy import int64, uint32, uint64
    from numpy.typing import NDArray

    Indices = NDArray[int64]

SLOTS = 128
"""Hashes in a signature; the estimate of a Jaccard of 0.8 is off by 0.035 (one standard deviation)."""
SEED = 42
"""Of the hashes; part of what is a near-duplicate, so it never changes."""
MISSED = 0.01
"""Bands are so narrow that a pair at the threshold is no candidate with less than this probability."""
_BATCH = 1000
_PAIRS = 1 << 16


def check_threshold(threshold: float) -> None:
    """Refuse what is no threshold.

    Raises:
        SettingsError: it is not in [0.3, 1]: below, everything is a candidate.
    """
    if not 0.3 <= threshold <= 1:
        raise SettingsError(f"--near-duplicates {threshold}: expected a Jaccard similarity from 0.3 to 1, like 0.8")


@dataclass(frozen=True)
class NearDuplicates:
    """Which prompts are left out, because another one that is nearly the same stays."""

    threshold: float
    prompts: int
    """Different ones that were compared."""
    groups: int
    """Of two prompts or more; one of each stays."""
    keys: NDArray[uint64]
    """The first 8 bytes of the keys of those that are left out, in order."""

    @cached_property
    def _found(self) -> frozenset[int]:
        return frozenset(self.keys.tolist())

    @property
    def left_out(self) -> int:
        """How many prompts are left out."""
        return len(self.keys)

    def leaves_out(self, key: bytes) -> bool:
        """Whether the rows of a prompt are left out, by its `prompt_key`."""
        return _short(key) in self._found


def _short(key: bytes) -> int:
    return int.from_bytes(key[:8], "big")


class Signatures:
    """Takes prompts in any order, the same one any number of times; then finds the near-duplicates among them."""

    def __init__(self, threshold: float) -> None:
        check_threshold(threshold)
        self._threshold = threshold
        self._keys = array("Q")
        self._waiting: list[list[str]] = []
        self._file = tempfile.TemporaryFile(prefix="constitution-signatures-")  # noqa: SIM115 - closed by `find`

    def add(self, conversation: Conversation) -> None:
        """Add a prompt. One without a word is nobody's near-duplicate."""
        shingles = trigrams("\n".join(text for _, text in asked(conversation)))
        if not shingles:
            return
        self._keys.append(_short(prompt_key(conversation)))
        self._waiting.append([" ".join(words) for words in shingles])
        if len(self._waiting) == _BATCH:
            self._sign()

    def _sign(self) -> None:
        import numpy as np
        from rensa import RMinHash  # type: ignore[import-untyped]  # the package has no types

        if self._waiting:
            signed = RMinHash.digest_matrix_from_token_sets(self._waiting, num_perm=SLOTS, seed=SEED)
            np.array(signed.to_rows(), dtype=np.uint32).tofile(self._file)
            self._waiting.clear()

    def find(self) -> NearDuplicates:
        """Compare all of them; nothing can be added any more."""
        import numpy as np

        self._sign()
        with self._file:
            self._file.flush()
            keys, first = np.unique(np.asarray(self._keys, dtype=np.uint64), return_index=True)
            groups = _Groups(len(keys))
            if len(keys) > 1:
                signatures = np.memmap(self._file, dtype=np.uint32, mode="r", shape=(len(self._keys), SLOTS))
                for candidates in _candidates(signatures, first, _band_width(self._threshold), groups):
                    _join(signatures, first, candidates, self._threshold, groups)
        roots = groups.roots(np.arange(len(keys)))
        gone = roots != np.arange(len(keys))
        return NearDuplicates(self._threshold, len(keys), len(np.unique(roots[gone])), keys[gone])


def _band_width(threshold: float) -> int:
    """The widest band that misses few pairs at the threshold."""
    widths = (1, 2, 4, 8, 16, 32, 64)
    return max(width for width in widths if (1 - threshold**width) ** (SLOTS // width) < MISSED)


class _Groups:
    """Union-find; the root of a group is its least member, so it does not depend on the order of unions."""

    def __init__(self, size: int) -> None:
        import numpy as np

        self._parents = np.arange(size)

    def roots(self, members: Indices) -> Indices:
        """The root of each."""
        found = self._parents[members]
        while (found != (further := self._parents[found])).any():
            found = further
        self._parents[members] = found
        return found

    def unite(self, a: int, b: int) -> None:
        """Make two groups one."""
        while a != self._parents[a]:
            a = int(self._parents[a])
        while b != self._parents[b]:
            b = int(self._parents[b])
        self._parents[max(a, b)] = min(a, b)


def _candidates(
    signatures: NDArray[uint32], rows: Indices, width: int, groups: _Groups
) -> Iterator[tuple[Indices, Indices]]:
    """Pairs that agree in a whole band, by their place in `rows`, many at a time."""
    import numpy as np

    for band in range(0, SLOTS, width):
        mixed = np.zeros(len(rows), dtype=np.uint64)
        for slot in range(band, band + width):
            mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + signatures[rows, slot]
        order = np.argsort(mixed, kind="stable")
        ends = np.searchsorted(mixed[order], mixed[order], side="right")
        at, apart = np.arange(len(order)), 1
        while len(at := at[at + apart < ends[at]]):
            for start in range(0, len(at), _PAIRS):
                here = at[start : start + _PAIRS]
                yield order[here], order[here + apart]
            if apart == 1:  # a run that is one group by now is done: many copies of one prompt take no quadratic time
                roots = groups.roots(order)
                mixes = np.bincount(ends[at], weights=roots[at] != roots[at + 1])
                at = at[mixes[ends[at]] > 0]
            apart += 1


def _join(
    signatures: NDArray[uint32], rows: Indices, pairs: tuple[Indices, Indices], threshold: float, groups: _Groups
) -> None:
    left, right = pairs
    apart = groups.roots(left) != groups.roots(right)
    left, right = left[apart], right[apart]
    alike = (signatures[rows[left]] == signatures[rows[right]]).mean(axis=1) >= threshold
    for a, b in zip(left[alike].tolist(), right[alike].tolist(), strict=True):
        groups.unite(a, b)
