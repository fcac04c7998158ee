"""What a number says of a claim: by its interval, by how many prompts it rests on, and by all seeds."""

from __future__ import annotations

import pytest

from constitution.intervals import Interval
from constitution.intervals import share as wilson
from constitution.proof.claims import CLAIMS, Claim, Finding, Verdict, findings
from constitution.proof.figures import Counter, Figure, Key, share_of
from constitution.proof.paired import FEWEST_MOVED

(MENDS,) = (claim for claim in CLAIMS if claim.id == "revision-mends")
(STAYS,) = (claim for claim in CLAIMS if claim.id == "revision-stays-on-topic")
HOLDS, NOT, OPEN = "holds", "does not hold", "cannot tell at this size"


def figure(low: float, high: float, n: int = 200, moved: int = 100, key: Key = MENDS.key, seed: int = 0) -> Figure:
    """A difference with this interval."""
    return Figure(seed, "one", key, Interval((low + high) / 2, low, high, n), "points", "rows", moved)


@pytest.mark.parametrize(
    ("claim", "found", "verdict"),
    [
        (MENDS, figure(0.01, 0.4), HOLDS),
        (MENDS, figure(-0.01, 0.4), OPEN),
        (MENDS, figure(0.01, 0.4, moved=FEWEST_MOVED - 1), OPEN),
        (MENDS, figure(-0.02, 0.04), NOT),
        (MENDS, figure(-0.02, 0.06), OPEN),
        (MENDS, figure(0.0, 0.0, n=60, moved=0), NOT),
        (MENDS, figure(0.0, 0.0, n=59, moved=0), OPEN),
        (MENDS, figure(-0.4, -0.01, n=10), NOT),
        (STAYS, figure(-0.07, 0.02, moved=1), HOLDS),
        (STAYS, figure(0.0, 0.0, moved=0), HOLDS),
        (STAYS, figure(0.0, 0.0, n=59, moved=0), OPEN),
        (STAYS, figure(-0.09, 0.02), OPEN),
        (STAYS, figure(-0.2, -0.09), NOT),
    ],
)
def test_a_verdict_is_that_of_the_whole_interval(claim: Claim, found: Figure, verdict: Verdict) -> None:
    """And of enough prompts: too few that changed show no change, too few at all show no lack of one."""
    assert claim.verdict(found) == verdict


def test_seeds_that_differ_tell_nothing() -> None:
    """A claim is that of every seed."""
    yes, no = figure(0.1, 0.4), figure(-0.4, -0.1, seed=1)
    assert Finding(MENDS, (yes, yes)).verdict == HOLDS
    assert Finding(MENDS, (no, no)).verdict == NOT
    assert Finding(MENDS, (yes, no)).verdict == OPEN


@pytest.mark.parametrize(("kept", "claims"), [(0.9, 1), (0.96, 0)])
def test_where_there_is_no_room_nothing_is_claimed(kept: float, claims: int) -> None:
    """More than 95 % of drafts keep it: no revision could change that by five points."""
    drafts = figure(kept, kept, key=Key("revision", "draft", "kept"))
    assert len(findings([drafts, figure(-0.02, 0.04)])) == claims


def test_a_share_has_the_interval_of_its_prompts() -> None:
    """Not of its answers."""
    rows = [{"prompt": str(number // 2), "kept": number // 2 % 2} for number in range(80)]
    (found,) = Counter("training", 0, "one", "rows").share("true", "kept", rows, share_of("kept"))
    assert found.by == wilson(20, 40)
