"""Law 1: same inputs, same choices. Keys, seeds and draws depend on what is asked, never on when or where."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from constitution.engine import Completion, Request
from constitution.messages import Prompt, user
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.records import ChainResult
from constitution.run.chain import MAX_ATTEMPTS, Chains, Memory
from constitution.seeds import Seeds
from tests.strategies import (
    Chaos,
    chaos,
    prompts,
    recipes,
    run_chain,
    run_seeds,
    scripted,
    served,
    simple,
    small_sampling,
)

ROOT = Path(__file__).parents[2]
PRINTS_CHOICES = """
from tests.strategies import simple, run_chain, scripted, Chaos
from constitution.engine import Completion
from constitution.messages import Prompt, user
from constitution.recipes.critique_revise import CritiqueRevise
from constitution.seeds import Seeds
chaos = Chaos([Completion("One."), Completion(""), Completion("Two three four five.")])
prompt = Prompt("r", (user("What now?"),), tags=("a", "b"))
result = run_chain(CritiqueRevise(simple(7), rounds=3), prompt, scripted(chaos), seed=5)
print(simple(7).digest, result)
print([p.id for p in simple(7).draw(Seeds(5, "r"), 7)])
for request in chaos.asked:
    print(request.key, request.sampling.seed, request.priority)
"""


def copy_of(script: Chaos) -> Chaos:
    return Chaos(script.pool, script.salt, script.refusals, script.echoes)


def keys(asked: Sequence[Request]) -> list[tuple[str, int | None, int]]:
    return [(request.key, request.sampling.seed, request.priority) for request in asked]


@given(recipes(), prompts(), chaos, run_seeds)
def test_again(recipe: CritiqueRevise, prompt: Prompt, script: Chaos, seed: int) -> None:
    """The same chain again asks the same requests in the same order and ends in the same result."""
    again = copy_of(script)
    assert run_chain(recipe, prompt, scripted(script), seed=seed) == run_chain(
        recipe, prompt, scripted(again), seed=seed
    )
    assert keys(script.asked) == keys(again.asked)


def run_many(recipe: CritiqueRevise, inputs: Sequence[Prompt], script: Chaos, at_once: int) -> list[ChainResult]:
    async def run() -> list[ChainResult]:
        engine = scripted(script, latency_ms=0.3, max_in_flight=at_once)
        return await Chains(recipe, await served(recipe, engine), 3).run_all(inputs, [Memory() for _ in inputs])

    return asyncio.run(run())


@given(
    recipes(),
    st.lists(prompts(), min_size=2, max_size=6, unique_by=lambda prompt: prompt.id),
    chaos,
    st.integers(0, 5),
)
@settings(max_examples=25)
def test_order_and_concurrency(recipe: CritiqueRevise, inputs: list[Prompt], script: Chaos, turned: int) -> None:
    """Reordered inputs, one or all at a time, with latencies: each record gives the same result from the same keys."""
    shuffled = [*inputs[turned:], *inputs[:turned]][::-1]
    together, alone = copy_of(script), copy_of(script)
    first = run_many(recipe, inputs, together, 64)
    second = run_many(recipe, shuffled, alone, 1)
    assert {result.record: result for result in first} == {result.record: result for result in second}
    assert [result.record for result in second] == [prompt.id for prompt in shuffled]
    assert sorted(keys(together.asked)) == sorted(keys(alone.asked))


def test_hash_seed() -> None:
    """Python's salted hash takes no part: another PYTHONHASHSEED gives the same digests, keys, seeds and texts."""
    told = []
    for salt in ("0", "4242"):
        ran = subprocess.run(
            [sys.executable, "-c", PRINTS_CHOICES],
            env={**os.environ, "PYTHONHASHSEED": salt},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        told.append(ran.stdout)
    assert told[0] == told[1]
    assert len(told[0].splitlines()) > 4


def test_choices_are_pinned() -> None:
    """The choices of one chain are the ones of earlier versions: whoever changes them raises a version."""
    seeds = Seeds(7, "record", 1)
    assert seeds.sampling("draft", 0, 1) == 7196592235970846675
    assert [p.id for p in simple(9).draw(seeds, 4)] == ["p0", "p6", "p2", "p7"]
    own = {"critique": "{{ principle.critique }}", "revise": "{{ principle.revision }}"}
    assert simple(2).digest == "28677f8ab7623d771478cc6147156b8a"
    recipe = CritiqueRevise(simple(2, templates=own), rounds=1, sampling=small_sampling())
    script = Chaos([Completion("One.")])
    run_chain(recipe, Prompt("record", (user("Hello?"),)), scripted(script), seed=7)
    assert [request.key for request in script.asked] == [
        "c2ebd23346bff01a0288f6eea3b5ea37",
        "6408437bdf7473e0c34acfd0e63e0597",
        "c963b1a51b7d47f90fd8e6f950e84614",
    ]


@given(recipes(), prompts(), run_seeds, st.integers(0, 3))
def test_attempts_have_their_own_seeds(recipe: CritiqueRevise, prompt: Prompt, seed: int, sample: int) -> None:
    """Every attempt at every request of a chain has a seed of its own, and so a key of its own."""
    script = Chaos([Completion("")])
    run_chain(recipe, prompt, scripted(script), seed=seed, sample=sample)
    assert len({request.sampling.seed for request in script.asked}) == len(script.asked)
    assert len({request.key for request in script.asked}) == len(script.asked)


@given(run_seeds, st.text(max_size=5), st.text(max_size=5), st.integers(0, 3), st.integers(0, 9))
def test_every_part_moves_the_seed(run: int, record: str, stage: str, sample: int, round: int) -> None:
    """Run seed, record, stage, round, sample and attempt each give another seed."""
    base = Seeds(run, record, sample).sampling(stage, round, 1)
    others = {
        Seeds(run + 1, record, sample).sampling(stage, round, 1),
        Seeds(run, record + "x", sample).sampling(stage, round, 1),
        Seeds(run, record, sample + 1).sampling(stage, round, 1),
        Seeds(run, record, sample).sampling(stage + "x", round, 1),
        Seeds(run, record, sample).sampling(stage, round + 1, 1),
        *(Seeds(run, record, sample).sampling(stage, round, attempt) for attempt in range(2, MAX_ATTEMPTS + 1)),
    }
    assert len(others) == 5 + MAX_ATTEMPTS - 1
    assert base not in others
    assert 0 <= base < 2**63
