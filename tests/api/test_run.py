"""`Run`: rows as data sets in memory, data sets in folders, data sets on the hub."""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path

import huggingface_hub.constants
import pytest
from datasets import Dataset, DatasetDict, load_dataset

from constitution import Run, ScriptedEngine
from constitution.api import export_runs
from constitution.errors import InputError, PushError, SettingsError
from tests.scripted_runs import LoggingEngine, prompts, tiny

DUPLICATES = [{"prompt": "Twice?"}, {"prompt": "Twice?"}]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A finished run of 12 inputs, one of them a duplicate."""
    return tiny(tmp_path).generate([*prompts(10), *DUPLICATES], tmp_path / "run", model="scripted", chunk_size=5)


@pytest.fixture
def unfinished(tmp_path: Path, run: Run) -> Run:
    """The same one, its last chunk not sealed."""
    for path in (run.path / "shards").glob("00002.*"):
        path.unlink()
    return Run.open(run.path)


def test_rows_as_a_dataset(run: Run) -> None:
    """Each kind, one row as `datasets` gives it."""
    for kind, rows in (("preference", 11), ("sft", 11), ("traces", 11), ("drops", 1)):
        made = run.to_dataset(kind)
        assert isinstance(made, Dataset)
        assert made.num_rows == rows
    assert run.to_dataset("drops")[0]["reason"] == "duplicate"
    assert run.to_dataset()[0]["prompt"] == [{"role": "user", "content": "Question 0?"}]


def test_rows_by_split(run: Run) -> None:
    """Where splits are asked for: all of them, with the rows that an export has there; an empty one too."""
    made = run.to_dataset(split={"test": 0.4, "validation": 0.000001})
    assert isinstance(made, DatasetDict)
    assert list(made) == ["train", "test", "validation"]
    assert sorted(row for split in made.values() for row in split["id"]) == sorted(run.to_dataset()["id"])
    run.export(run.path.with_name("data"), "preference", split={"test": 0.4, "validation": 0.000001})
    written = load_dataset(str(run.path.with_name("data")), cache_dir=str(run.path.with_name("cache")))
    assert {name: list(rows["id"]) for name, rows in written.items()} == {
        name: list(rows["id"]) for name, rows in made.items() if rows.num_rows
    }
    assert made["validation"].num_rows == 0
    assert made["validation"].column_names == made["train"].column_names
    assert list(run.to_dataset("drops", split=["test=0.9"])["train"]["reason"]) == ["duplicate"]


def test_temporary_files_go_with_the_dataset(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left where it was mapped from."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    made = run.to_dataset(split={"test": 0.4})
    assert list((tmp_path / "temporary").iterdir())
    del made
    gc.collect()
    assert not list((tmp_path / "temporary").iterdir())


def test_an_unfinished_run_needs_partial(unfinished: Run, tmp_path: Path) -> None:
    """Refused by every door; with `partial` what there is comes out, and the card says how much is pending."""
    for door in (unfinished.to_dataset, lambda: unfinished.export(tmp_path / "data")):
        with pytest.raises(InputError, match="not complete"):
            door()
    assert not (tmp_path / "data").exists()
    assert unfinished.to_dataset(partial=True).num_rows == 11
    done = unfinished.export(tmp_path / "data", partial=True)
    page = (tmp_path / "data" / "README.md").read_text()
    pending = 12 - done.sums.outcomes.total()
    assert f"> **Unfinished.** {pending} of 12 inputs were pending" in page
    assert "--partial" in page


def test_several_runs(run: Run, tmp_path: Path) -> None:
    """Runs of other prompts and other constitutions in one data set."""
    other = tiny(tmp_path, name="other.yaml").generate(prompts(4), tmp_path / "other", model=ScriptedEngine())
    done = export_runs([run, other], tmp_path / "data", weights=[2, 1], split={"test": 0.2}, license="mit")
    assert sum(done.configs["preference"].values()) == 9 + 4
    assert done.repeated_ids == 4
    loaded = load_dataset(str(tmp_path / "data"), "sft", cache_dir=str(tmp_path / "cache"))
    assert {name for rows in loaded.values() for name in rows["run"]} == {"run", "other"}


def test_a_bad_option_reads_nothing(unfinished: Run, tmp_path: Path) -> None:
    """Options are looked at before the run is."""
    with pytest.raises(SettingsError, match="--split test=2"):
        unfinished.export(tmp_path / "data", split={"test": 2})
    with pytest.raises(SettingsError, match="--to csv"):
        unfinished.export(tmp_path / "data", "csv")
    with pytest.raises(SettingsError, match="expected one of"):
        unfinished.to_dataset("csv")


def test_no_engine_is_asked(tmp_path: Path) -> None:
    """Another policy, filters and splits cost no request."""
    engine = LoggingEngine(tmp_path / "log")
    run = tiny(tmp_path).generate(prompts(5), tmp_path / "run", model=engine)
    asked = (tmp_path / "log").read_bytes()
    run.export(tmp_path / "data", pairs="all", if_worse="keep", near_duplicates=0.8, split={"test": 0.5})
    assert (tmp_path / "log").read_bytes() == asked


def test_a_push_that_fails_leaves_the_data_set(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The export is complete before the hub is asked."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(PushError, match=r"HF_HUB_OFFLINE.*constitution push .*data team/polite --create-pr"):
        run.push_to_hub("team/polite", tmp_path / "data", create_pr=True, split={"test": 0.3})
    loaded = load_dataset(str(tmp_path / "data"), cache_dir=str(tmp_path / "cache"))
    assert sum(rows.num_rows for rows in loaded.values()) == 11
    assert '"team/polite"' in (tmp_path / "data" / "README.md").read_text()


def test_a_name_that_is_none_is_refused_before_anything(run: Run, tmp_path: Path) -> None:
    """No export is made for it."""
    with pytest.raises(SettingsError, match="OWNER/NAME"):
        run.push_to_hub("polite", tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_no_secret_is_written(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of the environment nor of the call."""
    monkeypatch.setenv("HF_TOKEN", "hf_fromTheEnvironment")
    with pytest.raises(PushError) as error:
        run.push_to_hub("team/polite", tmp_path / "data", token="hf_given")
    held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in ("hf_fromTheEnvironment", "hf_given"):
        assert secret.encode() not in held
        assert secret not in str(error.value)
