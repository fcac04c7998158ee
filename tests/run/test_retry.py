"""Failed records are asked again on request, from their last answer on disk, in sealed chunks too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from constitution import Request, Run, ScriptedEngine
from constitution.errors import EngineDeadError, RequestRefused, StoreError
from constitution.run.standing import paid
from constitution.store.folder import Manifest, RunFolder
from tests.run.test_resume import _stopping
from tests.scripted_runs import KeepingEngine, journal_lines, prompts, repeated, rows, sealed_files, tiny

RECORDS = prompts(30)
SETTINGS: dict[str, Any] = {"rounds": 1, "chunk_size": 8, "in_flight": 6}
BAD = ("r1", "r10", "r11", "r20")


def fault(request: Request) -> Exception | None:
    """Some records fail at their revision."""
    return RequestRefused("overloaded") if request.record in BAD and request.stage == "revise" else None


def make(folder: Path, engine: ScriptedEngine, name: str = "run", **options: Any) -> Run:
    return tiny(folder).generate(RECORDS, folder / name, model=engine, **{**SETTINGS, **options})


def failed_files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "failed").iterdir())


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, bytes]:
    """What a run without errors seals."""
    return sealed_files(make(tmp_path, ScriptedEngine(), "whole").path)


def test_failed_records_of_sealed_chunks_are_asked_again(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """Only their missing requests are asked; all files are then those of a run without errors."""
    run = make(tmp_path, ScriptedEngine(fault=fault))
    assert run.complete
    assert run.summary()["failed"] == 4
    assert failed_files(run.path) == ["00000.jsonl", "00001.jsonl", "00002.jsonl"]
    engine = KeepingEngine()
    run = make(tmp_path, engine, retry_failed=True)
    assert sorted((r.record, r.stage) for r in engine.asked) == sorted((record, "revise") for record in BAD)
    assert run.summary()["failed"] == 0
    assert sealed_files(run.path) == whole
    assert not list((run.path / "journal").glob("*.again"))
    assert not repeated(line["key"] for line in journal_lines(run.path) if "key" in line)


def test_without_it_they_stay_as_they_are(tmp_path: Path) -> None:
    """A finished run with failed records is complete; the same call changes nothing."""
    run = make(tmp_path, ScriptedEngine(fault=fault))
    before = sealed_files(run.path)
    engine = KeepingEngine()
    make(tmp_path, engine)
    assert not engine.asked
    assert sealed_files(run.path) == before


def test_a_record_that_fails_again_stays_failed(tmp_path: Path) -> None:
    """With the new error; once in a session; the others are mended."""
    make(tmp_path, ScriptedEngine(fault=fault))
    engine = KeepingEngine(fault=lambda r: RequestRefused("still") if r.record == "r10" else None)
    run = make(tmp_path, engine, retry_failed=True)
    assert len(engine.asked) == 4
    assert run.summary()["failed"] == 1
    assert failed_files(run.path) == ["00001.jsonl"]
    assert b"still" in (run.path / "failed" / "00001.jsonl").read_bytes()
    assert sum(run.summary()[name] for name in ("paired", "fine", "dropped", "failed", "pending")) == 30


def test_failed_records_of_open_chunks_too(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """A stopped run goes on with its failed records among the rest."""
    _stopping(13, tmp_path, ScriptedEngine(fault=fault, latency_ms=1))
    run = make(tmp_path, ScriptedEngine(), retry_failed=True)
    assert run.summary()["failed"] == 0
    assert sealed_files(run.path) == whole


def test_without_a_journal_the_shard_is_kept(tmp_path: Path) -> None:
    """Where somebody deleted the journals, finished records are not asked again, and their tokens stay in the sums."""
    run = make(tmp_path, ScriptedEngine(fault=fault))
    before = run.summary()["tokens"]
    kept = [row for row in rows(run) if row.record not in BAD]
    for path in (run.path / "journal").glob("*.jsonl"):
        path.unlink()
    engine = KeepingEngine()
    run = make(tmp_path, engine, retry_failed=True)
    assert {request.record for request in engine.asked} == set(BAD)
    assert [row for row in rows(run) if row.record not in BAD] == kept
    assert run.summary()["failed"] == 0
    assert run.summary()["tokens"]["draft"]["requests"] >= before["draft"]["requests"]


def total_of(tokens: Mapping[str, Mapping[str, int]]) -> int:
    return sum(counts["prompt"] + counts["output"] for counts in tokens.values())


@pytest.mark.parametrize("deleted_again", [False, True])
def test_without_a_journal_all_that_was_paid_is_counted(tmp_path: Path, deleted_again: bool) -> None:
    """Before the journals were deleted and after it, over sessions that were cut off: for limits and in the sums."""
    only = RECORDS[:8]

    def run(engine: ScriptedEngine, **more: Any) -> Run:
        return tiny(tmp_path).generate(only, tmp_path / "run", model=engine, retry_failed=True, **{**SETTINGS, **more})

    first = run(KeepingEngine(fault=lambda r: RequestRefused("no") if r.stage == "revise" else None))
    assert first.summary()["failed"] == 8
    before = total_of(first.summary()["tokens"])
    (tmp_path / "run" / "journal" / "00000.jsonl").unlink()
    asked: list[Request] = []

    def dies(request: Request) -> Exception | None:
        asked.append(request)
        return EngineDeadError("gone") if len(asked) > 12 else None

    with pytest.raises(EngineDeadError):
        run(ScriptedEngine(fault=dies), in_flight=1)
    folder = RunFolder(tmp_path / "run")
    lines = [line for line in journal_lines(folder.path) if "key" in line]
    assert len(lines) == 12
    between = total_of(paid(folder, Manifest.read(folder.file("manifest.json")).planned().chunks).tokens)
    assert between == before + sum(line["prompt_tokens"] + line.get("told_output", 0) for line in lines)
    if deleted_again:  # what stood in no seal yet is known to nobody then
        folder.journal(0).unlink()
    engine = KeepingEngine()
    last = run(engine)
    assert last.summary()["failed"] == 0
    after = total_of(last.summary()["tokens"])
    assert after > between
    assert total_of(paid(folder, Manifest.read(folder.file("manifest.json")).planned().chunks).tokens) == after
    requests = sum(counts["requests"] for counts in last.summary()["tokens"].values())
    assert requests == 16 + (0 if deleted_again else 12) + len(engine.asked)


def test_a_journal_that_goes_while_a_chunk_is_open_again_leaves_its_seal(tmp_path: Path) -> None:
    """What the seal says was paid is counted, though the chunk was opened again with its journal."""
    run = make(tmp_path, ScriptedEngine(fault=fault))
    before = total_of(run.summary()["tokens"])
    with pytest.raises(EngineDeadError):
        make(tmp_path, ScriptedEngine(fault=lambda _: EngineDeadError("gone")), retry_failed=True)
    folder = RunFolder(run.path)
    chunks = Manifest.read(folder.file("manifest.json")).planned().chunks
    assert folder.reopened(0).exists()
    assert total_of(paid(folder, chunks).tokens) == before
    folder.journal(0).unlink()
    assert total_of(paid(folder, chunks).tokens) == before


def test_samples_that_stand_are_kept(tmp_path: Path) -> None:
    """A record is failed where all of its chains are; a paired one with a failed chain stays."""

    def some(request: Request) -> Exception | None:
        everything = request.record == "r1"
        return RequestRefused("no") if request.stage == "revise" and (everything or request.record == "r2") and (
            everything or (request.sampling.seed is not None and request.sampling.seed % 2)) else None  # fmt: skip

    make(tmp_path, ScriptedEngine(fault=some), samples=3)
    engine = KeepingEngine()
    run = make(tmp_path, engine, samples=3, retry_failed=True)
    assert {request.record for request in engine.asked} - {"r2"} == {"r1"}
    assert run.summary()["failed"] == 0


class Killed(BaseException):
    """The process ends here."""


def crash_points(folder: Path, monkeypatch: pytest.MonkeyPatch, at: int | None) -> Callable[[], int]:
    """End the process before the n-th rename or deletion of a file."""
    seen = [0]

    def around(name: str) -> None:
        real = getattr(Path, name)

        def wrapped(self: Path, *given: Any, **named: Any) -> Any:
            if folder in self.parents and self.parent.name in ("shards", "dropped", "failed", "journal"):
                seen[0] += 1
                if seen[0] == at:
                    raise Killed
            return real(self, *given, **named)

        monkeypatch.setattr(Path, name, wrapped)

    around("replace")
    around("unlink")
    return lambda: seen[0]


def test_killed_at_each_moment_of_sealing_again(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """A reader sees the old rows or the new ones at each moment, and the same command ends with the new ones."""
    old = rows(make(tmp_path, ScriptedEngine(fault=fault), "probe"))
    new = rows(tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch:
        points = crash_points(tmp_path / "probe", patch, None)
        make(tmp_path, ScriptedEngine(), "probe", retry_failed=True)
    assert points() > 8
    for at in range(1, points() + 1):
        name = f"run{at}"
        make(tmp_path, ScriptedEngine(fault=fault), name)
        with pytest.MonkeyPatch.context() as patch:
            crash_points(tmp_path / name, patch, at)
            with suppress(BaseException):  # the end of the process, however it comes out of the threads
                make(tmp_path, ScriptedEngine(), name, retry_failed=True)
        between = rows(tmp_path / name)
        assert len(between) == 30
        assert all(row in (before, after) for row, before, after in zip(between, old, new, strict=True)), at
        left = bool(Run.open(tmp_path / name).summary()["failed"])  # else the plain command ends what was begun
        run = make(tmp_path, ScriptedEngine(), name, retry_failed=left)
        assert sealed_files(run.path) == whole, at
        assert not list((run.path / "journal").glob("*.again")), at


def test_the_page_of_a_run_names_the_way_to_ask_again(tmp_path: Path) -> None:
    """A run with failed records is complete, and what comes next is to ask them again, or to go on without them."""
    page = make(tmp_path, ScriptedEngine(fault=fault))._repr_html_() or ""
    assert "retry_failed=True asks failed records again; constitution export" in page
    assert "asks failed records again" not in (make(tmp_path, ScriptedEngine(), "other")._repr_html_() or "")


def test_failed_chains_of_paired_inputs_are_asked_again(tmp_path: Path) -> None:
    """With several samples an input may be paired and have lost a chain: that is counted, and mended on request."""

    def sometimes(request: Request) -> Exception | None:
        return RequestRefused("overloaded") if request.stage == "revise" and request.key[0] in "0123" else None

    whole = make(tmp_path, ScriptedEngine(), "whole", samples=3)
    run = make(tmp_path, ScriptedEngine(fault=sometimes), samples=3)
    lost = run.summary()["signs"]["failed_chains"]
    assert lost > run.summary()["failed"] * 3
    run = make(tmp_path, ScriptedEngine(), samples=3, retry_failed=True)
    assert "failed_chains" not in run.summary()["signs"]
    assert sealed_files(run.path) == sealed_files(whole.path)


def test_two_kills_while_sealing_again_lose_nothing(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """A shard that waits for its place beside its seal is put there before the chunk is sealed once more."""
    run = make(tmp_path, ScriptedEngine(fault=fault))
    shard = run.path / "shards" / "00000.parquet"
    new = shard.read_bytes()
    # Killed between the seal and the last rename: the old shard stands there, the new one waits.
    (run.path / "shards" / ".00000.parquet.new").write_bytes(new)
    shard.write_bytes(b"the shard before")
    (run.path / "journal" / "00000.again").touch()
    assert len(rows(run)) == len(RECORDS)

    def killed(self: Path, target: Path) -> Path:
        if self.name.endswith(".tmp") and target.name == "00000.json":
            raise OSError(5, "killed here")
        return rename(self, target)

    rename = Path.replace
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(StoreError, match="killed here"):
            make(tmp_path, ScriptedEngine(), retry_failed=True)
    assert len(rows(run)) == len(RECORDS)
    assert sealed_files(make(tmp_path, ScriptedEngine(), retry_failed=True).path) == whole
