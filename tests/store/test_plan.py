"""The plan: one reading of the input, chunks by position, ids without repeats."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution.errors import InputError, PromptFileError, SettingsError, StoreError
from constitution.sources.prompts import PromptFile
from constitution.store.choice import Choice
from constitution.store.plan import Plan, PlannedRecord, check_source, make_plan, read_chunk
from constitution.store.scan import DERIVE, DROP

few = st.lists(st.integers(0, 6), min_size=1, max_size=25)


def write(folder: Path, rows: list[Any], name: str = "p.jsonl") -> PromptFile:
    file = folder / name
    file.write_text("".join(json.dumps(row if isinstance(row, dict) else {"prompt": f"q{row}"}) + "\n" for row in rows))
    return PromptFile(file)


def records(source: PromptFile, plan: Plan) -> list[PlannedRecord]:
    return [record for chunk in plan.chunks for record in read_chunk(source, plan, chunk)]


def clash(source: PromptFile, **options: Any) -> list[str]:
    with pytest.raises(PromptFileError) as caught:
        make_plan(source, **options)
    return [str(problem).removeprefix(f"{source.path}:") for problem in caught.value.problems]


@given(few, st.integers(1, 30), st.none() | st.integers(1, 30), st.booleans())
@settings(deadline=None)
def test_chunks_cover_the_input(
    tmp_path_factory: pytest.TempPathFactory, rows: list[int], size: int, limit: int | None, keep: bool
) -> None:
    """Chunks of any size hold each input once and in order, as one reading of the whole gives them."""
    source = write(tmp_path_factory.mktemp("cover"), rows)
    plan = make_plan(source, chunk_size=size, choice=Choice(limit=limit), keep_duplicates=keep)
    whole = list(source.read(count=limit))
    cut = records(source, plan)
    assert [record.line for record in cut] == [entry.line for entry in whole]
    assert [record.prompt.conversation for record in cut] == [entry.prompt.conversation for entry in whole]
    assert plan.records == len(whole) == sum(chunk.records for chunk in plan.chunks)
    assert [chunk.number for chunk in plan.chunks] == list(range(len(plan.chunks)))
    assert all(chunk.records == size for chunk in plan.chunks[:-1])


@given(few, st.integers(1, 30), st.booleans())
@settings(deadline=None)
def test_duplicates_by_place(tmp_path_factory: pytest.TempPathFactory, rows: list[int], size: int, keep: bool) -> None:
    """The first place of each content keeps its id, the n-th gets the suffix -n; only kept ones are not dropped."""
    source = write(tmp_path_factory.mktemp("duplicates"), rows)
    plan = make_plan(source, chunk_size=size, keep_duplicates=keep)
    seen: Counter[str] = Counter()
    for entry, record in zip(source.read(), records(source, plan), strict=True):
        id = entry.prompt.id
        seen[id] += 1
        assert record.prompt == replace(entry.prompt, id=id if seen[id] == 1 else f"{id}-{seen[id]}")
        assert record.dropped == ("duplicate" if seen[id] > 1 and not keep else None)
    assert plan.duplicates == len(rows) - len(seen) == sum(len(chunk.duplicates) for chunk in plan.chunks)


@given(few, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_shuffled_input_has_the_same_ids(
    tmp_path_factory: pytest.TempPathFactory, rows: list[int], random: Any
) -> None:
    """The set of ids does not depend on the order of the input."""
    folder = tmp_path_factory.mktemp("shuffled")
    source, shuffled = write(folder, rows), write(folder, random.sample(rows, len(rows)), "q.jsonl")
    ids = {record.prompt.id for record in records(source, make_plan(source))}
    assert len(ids) == len(rows)
    assert {record.prompt.id for record in records(shuffled, make_plan(shuffled, chunk_size=3))} == ids


@given(few, st.integers(1, 30), st.none() | st.integers(1, 30), st.booleans())
@settings(deadline=None)
def test_plan_passes_through_the_manifest(
    tmp_path_factory: pytest.TempPathFactory, rows: list[int], size: int, limit: int | None, keep: bool
) -> None:
    """A plan written as JSON and read back is the same plan."""
    source = write(tmp_path_factory.mktemp("manifest"), rows)
    plan = make_plan(source, chunk_size=size, choice=Choice(limit=limit), keep_duplicates=keep)
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize("data", [{}, {"chunks": [1]}, {"chunks": [], "source": {"path": "x"}}, {"chunks": 3}])
def test_damaged_plan(data: dict[str, Any]) -> None:
    """What is no plan is refused as a damaged run folder."""
    with pytest.raises(StoreError, match="no plan that this version can read"):
        Plan.from_json(data)


def test_limit_counts_duplicates(tmp_path: Path) -> None:
    """A limit cuts the input first: duplicates are inputs, and bad lines behind it are not read."""
    source = write(tmp_path, [1, 1, 1, 2, {"bad": 1}])
    plan = make_plan(source, choice=Choice(limit=3))
    assert (plan.records, plan.duplicates) == (3, 2)
    with pytest.raises(PromptFileError):
        make_plan(source, choice=Choice(limit=5))


def test_given_ids_that_repeat(tmp_path: Path) -> None:
    """Given ids that repeat are refused with both places, across chunks, numbers and texts alike."""
    rows = [{"prompt": f"p{n}", "id": id} for n, id in enumerate(["a", "7", "b", 7, "a", "a"])]
    assert clash(write(tmp_path, rows), chunk_size=2) == [
        '4: id: the id "7" is also that of line 2; ids must differ',
        '5: id: the id "a" is also that of line 1; ids must differ',
        '6: id: the id "a" is also that of line 1; ids must differ',
        f" {DERIVE}",
    ]


@pytest.mark.parametrize("first", [True, False], ids=["given first", "derived first"])
def test_given_id_equal_to_a_derived_one(tmp_path: Path, first: bool) -> None:
    """A given id that equals a derived one is refused with both places, in either order."""
    (entry,) = write(tmp_path, [1]).read()
    rows: list[Any] = [1, {"prompt": "other", "id": entry.prompt.id}]
    source = write(tmp_path, rows[::-1] if first else rows)
    problem, _ = clash(source)
    assert problem.startswith(f'2: id: the id "{entry.prompt.id}"')
    assert "derived from the content" in problem
    assert "line 1" in problem


@pytest.mark.parametrize("keep", [True, False])
def test_given_id_equal_to_that_of_a_duplicate(tmp_path: Path, keep: bool) -> None:
    """A given id that a duplicate gets is refused; with no such duplicate it is an id like any other."""
    (entry,) = write(tmp_path, [1]).read()
    rows = [{"prompt": "x", "id": f"{entry.prompt.id}-3"}, 1, 1]
    assert make_plan(write(tmp_path, rows), keep_duplicates=keep).duplicates == 1
    problem, _ = clash(write(tmp_path, [*rows, 1]), keep_duplicates=keep)
    assert problem.startswith(f'1: id: the id "{entry.prompt.id}-3"')
    assert "line 4" in problem


def test_equal_content_under_given_ids(tmp_path: Path) -> None:
    """Equal content under different given ids, or one given and one derived, is no duplicate."""
    source = write(tmp_path, [{"prompt": "q1", "id": "a"}, {"prompt": "q1", "id": "b"}, 1])
    assert make_plan(source).duplicates == 0


def test_bad_lines_are_told_together(tmp_path: Path) -> None:
    """Twenty problems are shown in the order of the file, the rest is counted."""
    assert clash(write(tmp_path, [{"prompt": ""}, 1, {"promt": "x"}])) == [
        "1:2: prompt: is empty",
        '3:2: promt: unknown key; did you mean "prompt"? (other data goes into "metadata": {...})',
        f" {DROP}",
    ]
    many = clash(write(tmp_path, [1, *[{"prompt": ""}] * 25]))
    assert [problem.split(":")[0] for problem in many[:20]] == [str(line) for line in range(2, 22)]
    assert many[20:] == [" and 5 more problems", f" {DROP}"]


def test_repeated_ids_are_counted_too(tmp_path: Path) -> None:
    """Of many repeated ids twenty are shown and the rest is counted."""
    shown = clash(write(tmp_path, [{"prompt": "x", "id": "a"}] * 22))
    assert len(shown) == 22
    assert shown[-2:] == [" and 1 more problem", f" {DERIVE}"]


def test_reading_stops_in_a_file_of_another_kind(tmp_path: Path) -> None:
    """After ten thousand bad lines the rest of the file is not read."""
    source = write(tmp_path, [])
    source.path.write_text("x\n" * 10_001)
    assert clash(source)[20:] == [" and 9,980 more problems; the rest of the file was not read"]


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_file_without_prompts(tmp_path: Path, text: str) -> None:
    """A file that holds no prompt is refused."""
    source = write(tmp_path, [])
    source.path.write_text(text)
    assert clash(source) == [" the file holds no prompt"]


@pytest.mark.parametrize("options", [{"chunk_size": 0}, {"chunk_size": -1}])
def test_bad_settings(tmp_path: Path, options: dict[str, Any]) -> None:
    """A chunk size below 1 is refused."""
    with pytest.raises(SettingsError, match="must be at least 1"):
        make_plan(write(tmp_path, [1]), **options)


def test_digest_holds_what_decides_the_rows(tmp_path: Path) -> None:
    """Ids, their order, chunk size, limit and the fate of duplicates change the digest; path, time, metadata do not."""
    rows = [1, 2, 2, 3]
    plan = make_plan(write(tmp_path, rows))
    moved = write(tmp_path, [{"prompt": f"q{row}", "metadata": {"row": row}} for row in rows], "moved.jsonl")
    os.utime(moved.path, (1, 1))
    assert make_plan(moved).digest == plan.digest
    others = [
        make_plan(write(tmp_path, [1, 2, 3, 2])),
        make_plan(write(tmp_path, [1, 2, 2])),
        make_plan(write(tmp_path, [1, 2, 2, 4])),
        make_plan(write(tmp_path, rows), chunk_size=3),
        make_plan(write(tmp_path, rows), choice=Choice(limit=4)),
        make_plan(write(tmp_path, rows), keep_duplicates=True),
    ]
    assert len({plan.digest, *(other.digest for other in others)}) == len(others) + 1


def test_source_is_checked_by_content(tmp_path: Path) -> None:
    """The same content passes under another path or time; another size or content does not."""
    source = write(tmp_path, [1, 2])
    identity = make_plan(source).source
    check_source(source, identity)
    os.utime(source.path, (1, 1))
    check_source(source, identity)
    moved = write(tmp_path, [1, 2], "moved.jsonl")
    os.utime(moved.path, ns=(identity.mtime_ns, identity.mtime_ns))
    check_source(moved, identity)
    for rows in ([1, 2, 3], [1, 3]):
        other = write(tmp_path, rows, "moved.jsonl")
        os.utime(other.path, ns=(identity.mtime_ns, identity.mtime_ns))
        with pytest.raises(InputError, match=r"has changed since the run was planned"):
            check_source(other, identity)
    source.path.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        check_source(source, identity)


@pytest.mark.parametrize(("rows", "later"), [([1, 3], 1), ([1, 2, 3], 0)], ids=["content", "size"])
def test_file_that_changed_in_place(tmp_path: Path, rows: list[int], later: int) -> None:
    """Another content is seen by the later time, another size even where the time was put back."""
    source = write(tmp_path, [1, 2])
    identity = make_plan(source).source
    write(tmp_path, rows)
    os.utime(source.path, ns=(0, identity.mtime_ns + later))
    with pytest.raises(InputError, match="has changed since the run was planned"):
        check_source(source, identity)


def test_unchanged_file_is_not_hashed_again(tmp_path: Path) -> None:
    """With the same path, size and time a file is not read: a wrong hash goes unseen."""
    source = write(tmp_path, [1])
    check_source(source, replace(make_plan(source).source, sha256="0" * 64))


def test_file_that_grows_while_it_is_read(tmp_path: Path) -> None:
    """A file that changes during the planning is refused."""
    source = write(tmp_path, [1, 2])

    class Growing(PromptFile):
        def read(self, *args: Any, **options: Any) -> Any:
            yield from super().read(*args, **options)
            with self.path.open("a") as file:
                file.write('{"prompt": "late"}\n')

    with pytest.raises(InputError, match="changed while it was read"):
        make_plan(Growing(source.path))


def test_chunk_of_a_file_that_shrank(tmp_path: Path) -> None:
    """A chunk that is no longer whole is refused, not given short."""
    source = write(tmp_path, [1, 2, 3])
    plan = make_plan(source)
    write(tmp_path, [1, 2])
    with pytest.raises(InputError, match="has changed"):
        records(source, plan)


def test_a_chunk_reads_only_itself(tmp_path: Path) -> None:
    """Reading a chunk neither meets the lines before it nor those behind it."""
    source = write(tmp_path, list(range(10)))
    plan = make_plan(source, chunk_size=4)
    data = source.path.read_bytes()
    start, end = plan.chunks[1].offset, plan.chunks[2].offset
    source.path.write_bytes(b"x" * start + data[start:end] + b"x" * (len(data) - end))
    assert [record.line for record in read_chunk(source, plan, plan.chunks[1])] == [5, 6, 7, 8]


MEASURE = """
import resource, sys
from constitution.sources.prompts import PromptFile
from constitution.store.plan import make_plan, read_chunk
import numpy
source = PromptFile(sys.argv[1])
plan = make_plan(source)
print(plan.records, sum(1 for _ in read_chunk(source, plan, plan.chunks[-1])))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells no peak of memory")
def test_memory_does_not_grow_with_the_input(tmp_path: Path) -> None:
    """Planning 100,000 prompts takes at most 20 MB more memory than 10,000."""
    peaks = []
    for count in (10_000, 100_000):
        source = write(tmp_path, [])
        with source.path.open("w") as file:
            for n in range(count):
                file.write(f'{{"prompt": "{n % (count - 10)} {"x" * 300}"}}\n')
        done = subprocess.run([sys.executable, "-c", MEASURE, source.path], capture_output=True, text=True, check=True)
        assert done.stdout.split()[:2] == [str(count), "2000"]
        peaks.append(int(done.stdout.split()[2]))
    assert peaks[1] - peaks[0] < 20_000_000
