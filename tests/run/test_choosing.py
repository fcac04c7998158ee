"""Choosing prompts through a whole run: every input of it is accounted for, and it goes on as it began."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from constitution import PromptSource, Run, ScriptedEngine
from constitution.errors import InputError, PromptFileError, SettingsChanged, SettingsError
from constitution.sources.run_file import read_run
from tests.scripted_runs import rows, sealed_files, tiny, write_prompts

SETTINGS: dict[str, Any] = {"rounds": 1, "chunk_size": 4}
EVALUATION = "How would one prune an old rose in the month of May?"


def prompts(count: int, tag: str = "benign") -> list[dict[str, Any]]:
    return [{"id": f"{tag}-{n}", "prompt": f"Question {n} of {tag}?", "tags": [tag]} for n in range(count)]


def make(folder: Path, source: Any, name: str = "run", **options: Any) -> Run:
    return tiny(folder).generate(source, folder / name, model=ScriptedEngine(), **{**SETTINGS, **options})


def ids(run: Run) -> set[str]:
    return {trace.record for trace in rows(run)}


def dropped(run: Run) -> list[dict[str, Any]]:
    files = sorted((run.path / "dropped").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_bytes().splitlines()]


def test_where_draw_and_limit(tmp_path: Path) -> None:
    """The run has exactly the inputs that were chosen, and a larger draw the smaller one's too."""
    file = write_prompts(tmp_path / "p.jsonl", [*prompts(20), *prompts(20, "harmful")])
    small = make(tmp_path, file, where=["benign"], draw=5)
    large = make(tmp_path, file, "large", where=["benign"], draw=9)
    cut = make(tmp_path, file, "cut", where=["benign"], draw=9, limit=4)
    assert small.summary()["inputs"] == 5
    assert ids(small) < ids(large)
    assert all(id.startswith("benign-") for id in ids(large))
    assert len(ids(cut)) == 4
    assert ids(cut) < ids(large)


def test_the_same_rows_as_of_a_file_that_holds_only_these(tmp_path: Path) -> None:
    """What was left out leaves no trace: rows equal those of a run over the chosen prompts alone."""
    mixed = [row for pair in zip(prompts(9), prompts(9, "harmful"), strict=True) for row in pair]
    chosen = make(tmp_path, write_prompts(tmp_path / "all.jsonl", mixed), where=["not harmful"])
    alone = make(tmp_path, write_prompts(tmp_path / "few.jsonl", prompts(9)), "alone")
    assert sealed_files(chosen.path)["shards/00000.parquet"] == sealed_files(alone.path)["shards/00000.parquet"]
    assert rows(chosen) == rows(alone)


def test_contaminated_inputs_are_dropped_with_the_reason(tmp_path: Path) -> None:
    """An input that repeats an evaluation prompt is an input, asks nothing, and stands among the dropped."""
    evaluation = write_prompts(tmp_path / "evaluation.jsonl", [{"prompt": EVALUATION}])
    file = write_prompts(
        tmp_path / "p.jsonl", [{"prompt": f"Say: {EVALUATION.upper()}", "id": "bad", "tags": ["harmful"]}, *prompts(5)]
    )
    run = make(tmp_path, file, exclude=[str(evaluation)])
    summary = run.summary()
    assert (summary["inputs"], summary["reasons"]) == (6, {"contaminated": 1})
    assert "bad" not in ids(run)
    (row,) = dropped(run)
    assert (row["id"], row["reason"], row["tags"]) == ("bad", "contaminated", ["harmful"])
    assert "how would one prune an old rose" in row["detail"]


def test_an_evaluation_that_changed_is_another_run(tmp_path: Path) -> None:
    """The texts that are kept out are settings of the run, the file's name and order are not."""
    first, second = [{"prompt": EVALUATION}, {"prompt": "Five other words stand here."}], [{"prompt": EVALUATION}]
    file = write_prompts(tmp_path / "p.jsonl", prompts(5))
    make(tmp_path, file, exclude=[str(write_prompts(tmp_path / "e.jsonl", first))])
    make(tmp_path, file, exclude=[str(write_prompts(tmp_path / "moved.jsonl", first[::-1]))])
    with pytest.raises(SettingsChanged, match="exclude was"):
        make(tmp_path, file, exclude=[str(write_prompts(tmp_path / "e.jsonl", second))])


@pytest.mark.parametrize("change", [{"where": ["harmful"]}, {"draw": 4}, {"limit": 2}, {"shard": "0/2"}])
def test_another_choice_is_another_run(tmp_path: Path, change: dict[str, Any]) -> None:
    """A folder keeps the choice that it was made with."""
    file = write_prompts(tmp_path / "p.jsonl", [*prompts(6), *prompts(6, "harmful")])
    make(tmp_path, file, draw=5)
    other: dict[str, Any] = {"draw": 5, **change}
    with pytest.raises(SettingsChanged, match=next(iter(change))):
        make(tmp_path, file, **other)


def test_sources_with_weights(tmp_path: Path) -> None:
    """Two files in a mix of three to one; the run goes on with the same call, and refuses another file."""
    files = [write_prompts(tmp_path / f"{tag}.jsonl", prompts(30, tag)) for tag in ("benign", "harmful")]
    sources = [PromptSource(str(file), weight=weight) for file, weight in zip(files, (3.0, 1.0), strict=True)]
    run = make(tmp_path, sources, draw=12)
    tags = [trace.tags[0] for trace in rows(run)]
    assert (tags.count("benign"), tags.count("harmful")) == (9, 3)
    assert make(tmp_path, sources, draw=12).complete
    write_prompts(files[1], prompts(31, "harmful"))
    with pytest.raises(InputError, match="has changed since the run was planned"):
        make(tmp_path, sources, draw=12)
    files[1].unlink()
    assert make(tmp_path, sources, draw=12).complete
    other = PromptSource(str(tmp_path / "typo.jsonl"), weight=1.0)
    with pytest.raises(InputError, match=r"are from .*harmful\.jsonl, not from .*typo\.jsonl"):
        make(tmp_path, [sources[0], other], draw=12)


def test_another_number_of_sources(tmp_path: Path) -> None:
    """A run of three files is not gone on with two of them."""
    files = [write_prompts(tmp_path / f"{n}.jsonl", prompts(4, f"t{n}")) for n in range(3)]
    sources = [PromptSource(str(file)) for file in files]
    make(tmp_path, sources)
    with pytest.raises(InputError, match="has 3 sources of prompts, the call names 2"):
        make(tmp_path, sources[:2])


def test_bad_choices_cost_nothing(tmp_path: Path) -> None:
    """What cannot be chosen is refused before the engine is asked, and leaves no run."""
    file = write_prompts(tmp_path / "p.jsonl", prompts(4))
    half = [PromptSource(str(file), weight=1.0), PromptSource(str(file))]
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (file, {"where": ["nothing"]}, r'none of 4 prompts has "nothing"; their tags are "benign" \(4\)'),
        (file, {"exclude": [str(tmp_path / "none.jsonl")]}, r"none\.jsonl: there is no such file"),
        (half, {}, "some sources have a weight"),
    ]
    for source, options, message in cases:
        with pytest.raises((InputError, SettingsError), match=message):
            make(tmp_path, source, **options)
        assert not (tmp_path / "run").exists()


def test_an_evaluation_without_a_prompt(tmp_path: Path) -> None:
    """Nothing to exclude is no exclusion, and the hint is one that helps."""
    file = write_prompts(tmp_path / "p.jsonl", prompts(3))
    (tmp_path / "none.jsonl").write_text("\n")
    (tmp_path / "odd.csv").write_text("forbidden\nx\n")
    with pytest.raises(PromptFileError, match=r"none\.jsonl: holds no prompt that could be excluded"):
        make(tmp_path, file, exclude=[str(tmp_path / "none.jsonl")])
    with pytest.raises(PromptFileError, match="--exclude: columns of evaluation prompts are found by their names"):
        make(tmp_path, file, exclude=[str(tmp_path / "odd.csv")])


def test_the_run_file_of_python_items_makes_the_same_rows(tmp_path: Path) -> None:
    """It names the run's copy, whose calls and bad rows mean what they meant."""
    call = {"type": "function", "function": {"name": "weather", "arguments": {}}}
    turns = [{"role": "user", "content": "Weather?"}, {"role": "assistant", "tool_calls": [call]}]
    items = [{"messages": [*turns, {"role": "tool", "content": "8"}], "tools": [{"name": "weather"}]}, {"prompt": ""}]
    first = make(tmp_path, [*items, *prompts(3)], bad_rows="drop")
    (source,) = read_run(first.path / "run.yaml").prompts
    again = make(tmp_path, source.source, "again", bad_rows="drop")
    assert list(rows(again)) == list(rows(first))
    assert [row["reason"] for row in dropped(again)] == ["bad_row"]
