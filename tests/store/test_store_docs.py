"""What docs/store.md says is so."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from constitution import ScriptedEngine
from constitution.run.worker import MAX_OPEN_CHUNKS
from constitution.store.folder import MAY_CHANGE, OURS, Manifest
from constitution.store.journal import GROUP_EVENTS, GROUP_SECONDS, MAX_UNWRITTEN
from constitution.store.plan import CHUNK_SIZE
from constitution.store.shards import trace_schema
from tests.docs_pages import ROOT, WHOLE, blocks
from tests.scripted_runs import TINY, KeepingEngine, journal_lines, sealed_files, tiny

FILE = ROOT / "docs" / "store.md"
PAGE = FILE.read_text("utf-8")


def section(title: str) -> str:
    """The text under a heading."""
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> list[str]:
    """The names in the first column of the tables of a text."""
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def test_the_page_runs_whole() -> None:
    """Its commands and its Python are run with those of all pages (`tests/house/test_docs.py`), none left out."""
    assert WHOLE in PAGE
    assert not [block.place for block in blocks(FILE) if block.skipped]


def test_files_of_a_run_are_those_of_the_tree(tmp_path: Path) -> None:
    """What a run leaves, and what may stand in its folder while it is at work."""
    run = tiny(tmp_path).generate([{"prompt": "Why?"}], tmp_path / "run", model="scripted")
    tree = section("The folder").split("\n\n")[0]
    named = {name.rstrip("/") for name in re.findall(r"[a-z_]+\.[a-z]+|[a-z_]+/", tree)}
    assert named >= {path.name for path in run.path.iterdir()}
    assert named >= OURS - {"export"}


def test_keys_of_the_manifest() -> None:
    """All of them, in their order."""
    assert first_cells(section("The manifest")) == [field.name for field in fields(Manifest)]


def test_keys_of_journal_lines(tmp_path: Path) -> None:
    """Of answers, then of finished records."""
    tiny(tmp_path).generate([{"prompt": "Why?"}], tmp_path / "run", model="scripted")
    lines = journal_lines(tmp_path / "run")
    assert first_cells(section("The journal")) == [*lines[0], *lines[-1]]


def test_columns_of_a_shard() -> None:
    """Every column in its order, every nested field, in the row of its column."""
    table = section("Shards")
    columns = [name for name in first_cells(table) if "." not in name]
    assert columns == trace_schema().names
    rows = {row.split("|")[1]: row for row in table.splitlines() if row.startswith("| `")}
    for path, names in nested(trace_schema()).items():
        row = next(row for first, row in rows.items() if f"`{path}`" in first)
        assert not [name for name in names if f"`{name}`" not in row], path


def nested(schema: pa.Schema) -> dict[str, list[str]]:
    """The fields of each struct, by the path that the page uses."""
    found: dict[str, list[str]] = {}

    def look(path: str, kind: pa.DataType) -> None:
        if pa.types.is_list(kind):
            look(path, kind.value_type)
        elif pa.types.is_struct(kind):
            told = "rounds.critique" if path == "rounds.critique.finding" else path
            found.setdefault(told, []).extend(field.name for field in kind)
            for field in kind:
                look(f"{path}.{field.name}", field.type)

    for field in schema:
        look(field.name, field.type)
    return found


def test_what_may_change_is_the_written_list() -> None:
    """No more and no less."""
    table = section("Going on with a run").split("| may change |")[1]
    assert sorted(first_cells(table)) == sorted(MAY_CHANGE)


def test_numbers_of_the_page() -> None:
    """Are those of the code."""
    assert f"chunks of {CHUNK_SIZE:,} records" in PAGE
    assert (GROUP_EVENTS, MAX_UNWRITTEN, GROUP_SECONDS, MAX_OPEN_CHUNKS) == (256, 256, 1.0, 8)
    assert "after one second or 256 lines" in PAGE
    assert "more than 256 lines are not there" in PAGE
    assert "Up to eight are open" in PAGE


N = 6
ROWS: list[dict[str, Any]] = [{"id": f"r{n}", "prompt": f"Question {n}?", "tags": ["a"] * (n % 2)} for n in range(N)]
ALL = {"draft": N, "critique": 2 * N, "revise": 2 * N}


def asked(folder: Path, text: str = TINY, rows: list[dict[str, Any]] = ROWS, **settings: Any) -> dict[str, int]:
    """What a run asks that takes the answers of one with two rounds."""
    old, engine = folder / "old", KeepingEngine()
    tiny(folder).generate(ROWS, old, model=ScriptedEngine())
    tiny(folder, text, "other.yaml").generate(rows, folder / "new", model=engine, reuse=str(old), **settings)
    return dict(Counter(request.stage for request in engine.asked))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"pairs": "all"}, {}),
        ({"if_worse": "keep"}, {}),
        ({"chunk_size": 2}, {}),
        ({"limit": 4}, {}),
        ({"where": ["a"]}, {}),
        ({"draw": 3}, {}),
        ({"rounds": 3}, {"critique": N, "revise": N}),
        ({"samples": 2}, ALL),
        ({"roles": {"revise": {"temperature": 0.5}}}, {"critique": N, "revise": 2 * N}),
        ({"roles": {"draft": {"temperature": 0.5}}}, ALL),
        ({"seed": 1}, ALL),
        ({"system": "Be brief."}, ALL),
    ],
    ids=str,
)
def test_what_a_changed_setting_asks_anew(tmp_path: Path, settings: dict[str, Any], expected: dict[str, int]) -> None:
    """The table of the page, by counting requests of each stage."""
    assert asked(tmp_path, **settings) == expected


def test_what_a_changed_constitution_asks_anew(tmp_path: Path) -> None:
    """A context is asked everywhere but in drafts; a template of revisions keeps the first critique as well."""
    assert asked(tmp_path, TINY + "context: A library.\n") == {"critique": 2 * N, "revise": 2 * N}
    shutil.rmtree(tmp_path / "new")
    own = TINY + "templates: {revise: '{{ principle.revision }}'}\n"
    assert asked(tmp_path, own) == {"critique": N, "revise": 2 * N}


def test_another_model_for_one_role_asks_that_role_anew(tmp_path: Path) -> None:
    """And what follows it; drafts and first critiques stay."""
    tiny(tmp_path).generate(ROWS, tmp_path / "old", model="scripted")
    roles = {"revise": {"model": "scripted:other"}}
    tiny(tmp_path).generate(ROWS, tmp_path / "new", model="scripted", roles=roles, reuse=str(tmp_path / "old"))
    lines = [line for line in journal_lines(tmp_path / "new") if "key" in line]
    anew = Counter(line["stage"] for line in lines if not line["engine"].startswith("reused:"))
    assert anew == {"critique": N, "revise": 2 * N}


def test_more_prompts_ask_only_for_themselves(tmp_path: Path) -> None:
    """One more record, one more chain."""
    more = [*ROWS, {"id": "new", "prompt": "Another question?", "tags": []}]
    assert asked(tmp_path, rows=more) == {"draft": 1, "critique": 2, "revise": 2}


def test_a_complete_run_without_journals_keeps_its_rows(tmp_path: Path) -> None:
    """They show, export and are found complete; what is gone is what the page says."""
    run = tiny(tmp_path).generate(ROWS, tmp_path / "run", model="scripted")
    rows, sums = sealed_files(run.path), run.summary()
    shutil.rmtree(run.path / "journal")
    for name in ("run.log", "sessions.jsonl"):
        (run.path / name).unlink()
    engine = KeepingEngine()
    again = tiny(tmp_path).generate(ROWS, tmp_path / "run", model="scripted")
    assert sealed_files(again.path) == rows
    assert {**again.summary(), "seconds": 0} == {**sums, "seconds": 0}
    assert len(again.to_dataset()) == N
    tiny(tmp_path).generate(ROWS, tmp_path / "new", model=engine, reuse=str(again.path))
    assert len(engine.asked) == sum(ALL.values())


def test_nothing_but_the_log_says_when(tmp_path: Path) -> None:
    """A run that is made twice in the same place differs in `run.log`, in how long it took, and in nothing else."""
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROWS[0]))
    made: list[dict[str, list[bytes]]] = []
    for _ in range(2):
        run = tiny(tmp_path).generate(tmp_path / "rows.jsonl", tmp_path / "run", model="scripted")
        files = (path for path in run.path.rglob("*") if path.is_file())
        made.append({str(path): sorted(path.read_bytes().splitlines()) for path in files})
        shutil.rmtree(run.path)
    assert {Path(name).name for name in made[0] if made[0][name] != made[1][name]} <= {"run.log", "sessions.jsonl"}
    assert made[0].keys() == made[1].keys()
