"""Choosing inputs: where, then draw, then limit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution.errors import PromptFileError, SettingsError
from constitution.messages import Prompt
from constitution.sources.prompts import Entry, PromptFile, Reading
from constitution.store.choice import Choice
from constitution.store.plan import Plan, PlannedRecord, make_plan, read_chunk

TAGS = ("a", "b", "c")
rows = st.lists(st.tuples(st.integers(0, 12), st.sets(st.sampled_from(TAGS))), min_size=1, max_size=30)
Rows = list[tuple[int, set[str]]]


def write(folder: Path, rows: Rows, name: str = "p.jsonl") -> PromptFile:
    file = folder / name
    lines = [json.dumps({"prompt": f"q{number}", "tags": sorted(tags)}) for number, tags in rows]
    file.write_text("".join(line + "\n" for line in lines))
    return PromptFile(file)


def chosen(source: PromptFile, choice: Choice, **options: Any) -> list[PlannedRecord]:
    plan = make_plan(source, choice=choice, **options)
    plan = Plan.from_json(json.loads(json.dumps(plan.to_json())))
    return [record for chunk in plan.chunks for record in read_chunk(source, plan, chunk)]


def ids(records: list[PlannedRecord]) -> list[str]:
    return [record.prompt.id for record in records if record.dropped is None]


class Several(PromptFile):
    """A file whose rows say by their number's remainder from which source they come."""

    def read(self, *args: Any, **options: Any) -> Any:
        for entry in super().read(*args, **options):
            number = int(entry.prompt.conversation[0].content[1:])
            yield Entry(entry.prompt, entry.given_id, entry.line, entry.offset, entry.next_offset, source=number % 2)


@given(rows, st.integers(1, 20), st.integers(1, 8), st.integers(0, 3))
@settings(deadline=None)
def test_a_larger_draw_contains_the_smaller(
    tmp_path_factory: pytest.TempPathFactory, rows: Rows, count: int, size: int, seed: int
) -> None:
    """A draw takes as many different prompts as it says, in the order of the file, and all of any smaller draw."""
    source = write(tmp_path_factory.mktemp("draw"), rows)
    whole = ids(chosen(source, Choice()))
    less, more = (ids(chosen(source, Choice(draw=n, seed=seed), chunk_size=size)) for n in (count, count + 1))
    assert len(less) == min(count, len(whole))
    assert set(less) <= set(more) <= set(whole)
    assert less == [id for id in whole if id in set(less)]


@given(rows, st.integers(1, 20), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_a_draw_does_not_depend_on_the_order(
    tmp_path_factory: pytest.TempPathFactory, rows: Rows, count: int, random: Any
) -> None:
    """A shuffled file gives the same draw, and a smaller chunk too."""
    folder = tmp_path_factory.mktemp("order")
    one = chosen(write(folder, rows), Choice(draw=count))
    other = chosen(write(folder, random.sample(rows, len(rows)), "q.jsonl"), Choice(draw=count), chunk_size=2)
    assert sorted(ids(one)) == sorted(ids(other))


@given(rows, st.sampled_from(["a", "b,c", "not a"]), st.sampled_from([(), ("not c",)]))
@settings(deadline=None)
def test_where(tmp_path_factory: pytest.TempPathFactory, rows: Rows, first: str, more: tuple[str, ...]) -> None:
    """Exactly the rows whose tags meet all conditions are inputs; none at all is refused."""
    source = write(tmp_path_factory.mktemp("where"), rows)
    meets = {"a": lambda tags: "a" in tags, "b,c": lambda tags: bool(tags & {"b", "c"}),
             "not a": lambda tags: "a" not in tags, "not c": lambda tags: "c" not in tags}  # fmt: skip
    wanted = [number for number, (_, tags) in enumerate(rows, 1) if all(meets[each](tags) for each in (first, *more))]
    choice = Choice(where=(first, *more))
    if not wanted:
        with pytest.raises(PromptFileError, match="--where"):
            chosen(source, choice)
        return
    assert [record.line for record in chosen(source, choice)] == wanted


@given(rows, st.integers(1, 10), st.integers(1, 10))
@settings(deadline=None)
def test_where_then_draw_then_limit(
    tmp_path_factory: pytest.TempPathFactory, rows: Rows, count: int, limit: int
) -> None:
    """The draw is one of the rows that meet the condition; the limit cuts what was drawn."""
    source = write(tmp_path_factory.mktemp("three"), [(99, {"a"}), *rows])
    drawn = chosen(source, Choice(where=("a",), draw=count))
    assert all("a" in record.prompt.tags for record in drawn)
    cut = chosen(source, Choice(where=("a",), draw=count, limit=limit))
    assert [record.line for record in cut] == [record.line for record in drawn][:limit]


@given(st.sets(st.integers(0, 60), min_size=2, max_size=40), st.integers(1, 40), st.sampled_from([(1.0, 1.0), (3, 1)]))
@settings(deadline=None)
def test_sources_by_weight(
    tmp_path_factory: pytest.TempPathFactory, numbers: set[int], count: int, weights: tuple[float, float]
) -> None:
    """A weighted draw has the shares that its sources allow; its size is the draw or all there are."""
    source = Several(write(tmp_path_factory.mktemp("weights"), [(n, set()) for n in sorted(numbers)]).path)
    counts = [sum(1 for n in numbers if n % 2 == part) for part in (0, 1)]
    if not all(counts):
        with pytest.raises(SettingsError, match="no prompt that could be taken"):
            make_plan(source, choice=Choice(draw=count, weights=weights))
        return
    plan = make_plan(source, choice=Choice(draw=count, weights=weights))
    taken = (*plan.by_source, 0)[:2]
    assert sum(taken) == plan.records == min(count, len(numbers))
    exact = count * weights[0] / sum(weights)
    if min(counts) >= count:
        assert abs(taken[0] - exact) <= 1
    whole = make_plan(source, choice=Choice(weights=weights))
    assert any(mine == count for mine, count in zip(whole.by_source, counts, strict=True))


def test_repeats_come_along(tmp_path: Path) -> None:
    """A repeat of a drawn prompt is an input that is dropped as a duplicate, and does not count as drawn."""
    source = write(tmp_path, [(1, set()), (1, set()), (2, set()), (2, set())])
    records = chosen(source, Choice(draw=1))
    assert [record.dropped for record in records] == [None, "duplicate"]


def test_contaminated_records(tmp_path: Path) -> None:
    """Records whose text an evaluation has are inputs with a reason, by their place in each chunk."""
    source = write(tmp_path, [(n, set()) for n in range(7)])

    def odd(prompt: Prompt) -> bool:
        return int(prompt.conversation[0].content[1:]) % 2 == 1

    records = chosen(source, Choice(), chunk_size=3, contaminated=odd)
    assert [record.dropped for record in records] == [None, "contaminated"] * 3 + [None]
    assert make_plan(source, contaminated=odd).digest != make_plan(source).digest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"draw": 0}, "--draw must be at least 1"),
        ({"limit": -1}, "--limit must be at least 1"),
        ({"where": ("",)}, "expected a tag"),
        ({"where": ("a,",)}, "expected a tag"),
        ({"where": ("not ",)}, "expected a tag"),
        ({"where": ("not a,b",)}, "one tag alone"),
        ({"where": ("a, not b",)}, "one tag alone"),
        ({"where": ("not not a",)}, "one tag alone"),
    ],
)
def test_choices_refused(options: dict[str, Any], message: str) -> None:
    """What can choose nothing is refused before the file is read."""
    with pytest.raises(SettingsError, match=message):
        Choice(**options)


def test_weights_for_other_sources(tmp_path: Path) -> None:
    """Weights must be one for each source."""
    source = Several(write(tmp_path, [(1, set()), (2, set())]).path)
    with pytest.raises(SettingsError, match="1 weights for 2 sources"):
        make_plan(source, choice=Choice(weights=(1.0,)))


def test_another_seed_draws_others(tmp_path: Path) -> None:
    """The draw belongs to the seed of the run."""
    source = write(tmp_path, [(n, set()) for n in range(40)])
    draws = {tuple(ids(chosen(source, Choice(draw=5, seed=seed)))) for seed in range(4)}
    assert len(draws) == 4


def test_one_reason_an_input(tmp_path: Path) -> None:
    """A bad row is that before all else, and a repeat of a contaminated prompt is a repeat."""
    source = write(tmp_path, [(1, set()), (1, set())])
    with source.path.open("a") as file:
        file.write('{"prompt": ""}\n')
    reading = PromptFile(source.path, Reading(bad_rows="drop"))
    records = chosen(reading, Choice(), contaminated=lambda _: True)
    assert [record.dropped for record in records] == ["contaminated", "duplicate", "bad_row"]
