"""A preview: drawn by hash over the whole input, reused by the whole run, and right about it as often as it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution import Completion, InputError, Request, Run, ScriptedEngine
from constitution.api.constitution import Constitution
from constitution.digest import digest_bytes
from constitution.errors import RequestRefused, SettingsError
from constitution.run.before.intervals import FEWEST, mean, ratio, share
from constitution.run.drawing import draw_number, draw_records
from constitution.sources.prompts import PromptFile, Reading
from constitution.store.plan import make_plan
from tests.scripted_runs import KeepingEngine, journal_lines, prompts, repeated, sealed_files, tiny, write_prompts

RECORDS = prompts(60)
SETTINGS: dict[str, Any] = {"rounds": 1, "chunk_size": 8, "in_flight": 6}
LIMITED: dict[str, Any] = {"rounds": 1, "roles": {role: {"max_tokens": 20} for role in ("draft", "critique", "revise")}}


def said(request: Request) -> Completion:
    """Some drafts are empty, so that some records are dropped; tokens are told."""
    empty = request.stage == "draft" and digest_bytes("empty", request.record, size=1)[0] < 100
    text = "" if empty else f"{request.stage} {request.key[:6]} and so on."
    return Completion(text, (1, 2, 3), prompt_tokens=10, cached_tokens=4)


@pytest.mark.parametrize("n", [1, 16, 59])
def test_the_whole_run_reuses_every_answer(n: int, tmp_path: Path) -> None:
    """No request is asked twice, by count, and all files are those of a run without a preview."""
    whole = KeepingEngine(script=said)
    alone = tiny(tmp_path).generate(RECORDS, tmp_path / "alone", model=whole, **SETTINGS)
    first, second = KeepingEngine(script=said), KeepingEngine(script=said)
    made = tiny(tmp_path).preview(RECORDS, tmp_path / "run", n, model=first, **SETTINGS)
    assert (made.drawn, made.finished, made.population, made.inputs) == (n, n, 60, 60)
    assert len({request.record for request in first.asked}) == n
    run = tiny(tmp_path).generate(RECORDS, tmp_path / "run", model=second, **SETTINGS)
    assert sealed_files(run.path) == sealed_files(alone.path)
    assert len(first.asked) + len(second.asked) == len(whole.asked)
    assert not repeated(request.key for request in [*first.asked, *second.asked])
    assert not repeated(line["done"] for line in journal_lines(run.path) if "done" in line)


def test_a_preview_seals_nothing_that_is_not_complete(tmp_path: Path) -> None:
    """Its folder is a run that has begun: pending records, no shard."""
    tiny(tmp_path).preview(RECORDS, tmp_path / "run", 16, model="scripted", **SETTINGS)
    run = Run.open(tmp_path / "run")
    assert not list((run.path / "shards").iterdir())
    assert run.summary()["pending"] == 44
    assert not list((run.path / "journal").glob("*.lock")) or not run.complete


def test_a_limit_that_ends_a_preview_is_told(tmp_path: Path) -> None:
    """A warning at the line of the call, as `generate` gives it."""
    constitution = tiny(tmp_path)
    with pytest.warns(UserWarning, match=r"stopped by --max-total-tokens 600.*raise") as told:
        made = constitution.preview(
            RECORDS, tmp_path / "run", 10, model="scripted", in_flight=1, max_total_tokens=600, **LIMITED
        )
    assert told[0].filename == __file__
    assert made.finished < made.drawn


def test_a_preview_again_asks_nothing_and_a_larger_one_the_rest(tmp_path: Path) -> None:
    """The same numbers from the same folder; the records of a larger one hold those of the smaller."""
    engine = KeepingEngine(script=said)
    constitution = tiny(tmp_path)
    first = constitution.preview(RECORDS, tmp_path / "run", 10, model=engine, **SETTINGS)
    asked = len(engine.asked)
    again = constitution.preview(RECORDS, tmp_path / "run", 10, model=engine, **SETTINGS)
    assert len(engine.asked) == asked
    assert (again.pairs, again.tokens, again.reasons) == (first.pairs, first.tokens, first.reasons)
    ten = {request.record for request in engine.asked}
    constitution.preview(RECORDS, tmp_path / "run", 20, model=engine, **SETTINGS)
    assert len({request.record for request in engine.asked}) == 20
    assert ten == {request.record for request in engine.asked[:asked]}
    assert not {request.record for request in engine.asked[asked:]} & ten


def test_of_a_finished_run_it_tells_the_same(tmp_path: Path) -> None:
    """A preview after the run asks nothing, and finds what it would have found before it."""
    before = tiny(tmp_path).preview(RECORDS, tmp_path / "a", 16, model=ScriptedEngine(said), **SETTINGS)
    tiny(tmp_path).generate(RECORDS, tmp_path / "b", model=ScriptedEngine(said), **SETTINGS)
    engine = KeepingEngine(script=said)
    after = tiny(tmp_path).preview(RECORDS, tmp_path / "b", 16, model=engine, **SETTINGS)
    assert not engine.asked
    assert (after.pairs, after.tokens, after.totals, after.examples) == (
        before.pairs, before.tokens, before.totals, before.examples,
    )  # fmt: skip


def test_of_few_inputs_it_is_the_whole_run(tmp_path: Path) -> None:
    """Everything is run and sealed, and the numbers are the run's own."""
    made = tiny(tmp_path).preview(RECORDS[:5], tmp_path / "run", 16, model=ScriptedEngine(said), **SETTINGS)
    run = Run.open(tmp_path / "run")
    assert run.complete
    kept = run.summary()["pairs"]["kept"]
    assert (made.totals["pairs"].low, made.totals["pairs"].value, made.totals["pairs"].high) == (kept, kept, kept)
    assert made.totals["sampled"].value == sum(counts["output"] for counts in run.summary()["tokens"].values())


def test_what_the_plan_drops_is_known_and_not_drawn(tmp_path: Path) -> None:
    """Duplicates are no part of the draw, nor of the rate."""
    rows = [{"prompt": f"Question {n % 40}?"} for n in range(80)]
    made = tiny(tmp_path).preview(rows, tmp_path / "run", 16, model="scripted", **SETTINGS)
    assert (made.inputs, made.population, made.dropped) == (80, 40, {"duplicate": 40})
    assert made.finished == 16
    assert made.totals["pairs"].high == 40


def test_a_shard_is_previewed_by_itself(tmp_path: Path) -> None:
    """Drawn from its own chunks."""
    engine = KeepingEngine()
    made = tiny(tmp_path).preview(RECORDS, tmp_path / "run", 6, model=engine, shard="1/2", **SETTINGS)
    assert made.population == 28
    own = {f"r{n}" for n in range(60) if n // 8 % 2 == 1}
    assert {request.record for request in engine.asked} <= own


def test_reasons_tokens_and_money(tmp_path: Path) -> None:
    """As counted by hand over the drawn records."""
    engine = KeepingEngine(script=said)
    prices = {"prompt": 1.0, "cached": 0.5, "output": 2.0}
    made = tiny(tmp_path).preview(RECORDS, tmp_path / "run", 16, model=engine, prices=prices, **SETTINGS)
    kept = 16 - made.outcomes.get("dropped", 0)
    assert 0 < kept < 16
    assert made.pairs.value == pytest.approx(100 * kept / 16)
    assert made.reasons["empty"].value == pytest.approx(100 * (16 - kept) / 16)
    asked = len(engine.asked)
    assert made.tokens["sampled"].value == pytest.approx(3 * asked / kept)
    assert made.tokens["cached"].value == pytest.approx(4 * asked / kept)
    assert made.totals["prompt"].value == pytest.approx(10 * asked * 60 / 16)
    assert made.cost is not None
    assert made.cost.value == pytest.approx(asked * (6 * 1.0 + 4 * 0.5 + 3 * 2.0) / 1e6 * 60 / 16)
    assert made.seconds is not None
    assert len(made.examples) == kept


def test_failed_records_are_told(tmp_path: Path) -> None:
    """By the class of their error; no pair at all leaves the ratios open."""
    engine = ScriptedEngine(fault=lambda _: RequestRefused("no"))
    made = tiny(tmp_path).preview(RECORDS, tmp_path / "run", 4, model=engine, **SETTINGS)
    assert set(made.reasons) == {"RequestRefused"}
    assert made.pairs.value == 0
    assert made.pairs.low == 0
    assert made.tokens["sampled"].value is None


def test_several_pairs_of_a_prompt(tmp_path: Path) -> None:
    """Pairs are counted, not prompts."""
    made = tiny(tmp_path).preview(RECORDS, tmp_path / "run", 8, model="scripted", rounds=2, samples=2, pairs="all")
    assert made.pairs.value is not None
    assert made.pairs.value > 100
    assert made.pairs.low <= made.pairs.value <= (made.pairs.high or 0)


def test_a_draw_does_not_follow_the_order(tmp_path: Path) -> None:
    """The same records of a shuffled input; another seed draws others; they are spread over the input."""

    def drawn(rows: list[dict[str, Any]], seed: int) -> list[str]:
        source = PromptFile(write_prompts(tmp_path / "p.jsonl", rows), Reading())
        plan = make_plan(source, chunk_size=8)
        return [id for _, _, id in draw_records(source, plan, None, seed, 16).places]

    straight = drawn(RECORDS, 0)
    assert set(drawn(RECORDS[::-1], 0)) == set(straight)
    assert set(drawn(RECORDS, 1)) != set(straight)
    assert straight != [f"r{n}" for n in range(16)]
    assert set(straight) == set(sorted((f"r{n}" for n in range(60)), key=lambda name: draw_number(0, name))[:16])


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[float, list[bool]]:
    """Whether each record of scripted runs of 300 gave a pair, at three rates."""
    return {rate: list(_made(tmp_path_factory.mktemp("rate"), rate)) for rate in (0.3, 0.6, 0.8)}


def _made(folder: Path, rate: float) -> Iterator[bool]:
    good = {f"r{n}" for n in sorted(range(300), key=lambda n: draw_number(7, str(n)))[: round(300 * rate)]}
    engine = ScriptedEngine(lambda request: "" if request.stage == "draft" and request.record not in good else
                            f"{request.stage} {request.key}")  # fmt: skip
    run = tiny(folder).generate(prompts(300), folder / "run", model=engine, rounds=1)
    paired = {pair.record for pair in run.pairs()}
    assert len(paired) == round(300 * rate)
    for n in range(300):
        yield f"r{n}" in paired


@pytest.mark.parametrize("rate", [0.3, 0.6, 0.8])
def test_the_interval_covers_the_rate(rate: float, outcomes: dict[float, list[bool]]) -> None:
    """Over 2,000 seeds the stated 95 % interval of 16 drawn records covers the run's true rate in 92 to 99 %."""
    paired = outcomes[rate]
    truth = sum(paired) / len(paired)
    intervals = {found: share(found, 16, len(paired)) for found in range(17)}
    covered = 0
    for seed in range(2000):
        drawn = sorted(range(len(paired)), key=lambda n: draw_number(seed, f"r{n}"))[:16]
        told = intervals[sum(paired[n] for n in drawn)]
        covered += told.low <= truth <= (told.high or 0)
    assert 0.92 <= covered / 2000 <= 0.99


@given(st.integers(1, 40), st.data())
def test_a_share_lies_in_its_interval(drawn: int, data: st.DataObject) -> None:
    """The interval holds what was found, and nothing that the found ones rule out."""
    population = drawn + data.draw(st.integers(0, 500))
    found = data.draw(st.integers(0, drawn))
    told = share(found, drawn, population)
    assert told.high is not None
    assert found / population <= told.low <= told.high <= (population - drawn + found) / population
    assert told.low <= found / drawn + 1e-9
    assert found / drawn - 1e-9 <= told.high
    assert (told.low == 0) == (found == 0)


def test_a_ratio_narrows_with_the_share_of_what_is_known() -> None:
    """The more of the population was drawn, the narrower; all of it is no estimate; nothing below has no end."""
    above, below = [1.0, 5.0, 3.0, 8.0] * 4, [1.0, 2.0, 0.0, 1.0] * 4
    wide, narrow, none = (ratio(above, below, population, "s") for population in (10_000, 20, 16))
    assert wide.value == narrow.value == none.value == 68 / 16
    assert none.low == none.high == none.value
    assert wide.low < narrow.low < narrow.value
    assert ratio(above, [0.0] * 16, 100, "s").value is None
    assert ratio(above, below, 10_000, "s") == wide


def test_a_preview_is_one_line(tmp_path: Path) -> None:
    """What a notebook shows: how many are finished, and the pairs to expect."""
    made = tiny(tmp_path).preview(RECORDS, tmp_path / "run", 4, model="scripted", **SETTINGS)
    low, high = made.totals["pairs"].low, made.totals["pairs"].high
    assert repr(made) == f"<Preview: 4 of 60 prompts finished, {low:,.0f} to {high:,.0f} pairs of the whole run>"


def test_a_preview_of_no_record_is_refused(tmp_path: Path) -> None:
    """Before a folder is made."""
    with pytest.raises(SettingsError, match="n=0"):
        tiny(tmp_path).preview(RECORDS, tmp_path / "run", 0, model="scripted", **SETTINGS)
    assert not (tmp_path / "run").exists()


def test_nothing_finished_is_told(tmp_path: Path) -> None:
    """A preview that was stopped before its first record is finished says so, and why."""
    constitution: Constitution = tiny(tmp_path)
    with pytest.warns(UserWarning, match="stopped by"), pytest.raises(InputError, match="no drawn record is finished"):
        constitution.preview(RECORDS, tmp_path / "run", 4, model="scripted", max_total_tokens=1, **SETTINGS)


@pytest.mark.parametrize("rates", [(0.02, 0.93, 0.05), (0.05, 0.90, 0.05), (0.2, 0.75, 0.05)])
def test_several_pairs_for_a_prompt_have_an_interval_that_holds(rates: tuple[float, float, float]) -> None:
    """Also where all that were drawn are alike: at least 92 of 100 draws of sixteen cover the truth."""
    random = Random(7)
    population = [0] * round(2000 * rates[0]) + [1] * round(2000 * rates[1])
    population += [2] * (2000 - len(population))
    truth = sum(population) / 2000
    found = [mean(random.sample(population, 16), 2, 2000) for _ in range(500)]
    assert sum(one.low <= truth <= (one.high or 0) for one in found) >= 460


def test_too_few_records_tell_no_interval() -> None:
    """A sum over fewer than eight has a value, and no upper end; over all records it is what it is."""
    few = ratio([3.0] * (FEWEST - 1), [1.0] * (FEWEST - 1), 100, "s")
    assert (few.value, few.low, few.high) == (3.0, 0.0, None)
    assert ratio([3.0], [1.0], 1, "s").high == 3.0
