"""Stop a run that mostly fails, before it has failed through the whole input."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

from constitution.errors import TooManyFailures
from constitution.records import ChainResult, Failure

WINDOW = 50
MOST_FAILED = 25
"""Of the last `WINDOW` chains."""


class Breaker:
    """Watches how the last chains ended."""

    def __init__(self) -> None:
        self._last: deque[Failure | None] = deque(maxlen=WINDOW)

    def note(self, results: Iterable[ChainResult]) -> None:
        """Count chains that ended just now.

        Raises:
            TooManyFailures: more than half of the last fifty failed; the message says why they did.
        """
        self._last.extend(result if isinstance(result, Failure) else None for result in results)
        failed = [result for result in self._last if result is not None]
        if len(self._last) == WINDOW and len(failed) > MOST_FAILED:
            kinds = Counter(f"{failure.stage}, {failure.error}" for failure in failed)
            told = "; ".join(f"{count} x {kind}" for kind, count in kinds.most_common(3))
            raise TooManyFailures(
                f"{len(failed)} of the last {WINDOW} chains failed ({told}). The last of them: '{failed[-1].record}': "
                f"{failed[-1].message}. The run stopped early, and what was answered is kept: mend the cause, then the "
                "same command goes on with what is left, and --retry-failed asks the failed ones again too"
            )
