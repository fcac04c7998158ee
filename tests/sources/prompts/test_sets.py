"""Data sets of Hugging Face: objects, folders, and what is said of those that cannot be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from constitution.errors import PromptFileError
from constitution.messages import user
from constitution.sources.prompts import Entry, PromptSource, Reading, intake, intake_items, is_one_prompt

datasets = pytest.importorskip("datasets")

ROWS: list[dict[str, Any]] = [{"question": f"q{number}", "set": "x"} for number in range(5)]


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path_factory.mktemp("cache")))


def take(items: Any, folder: Path, **reading: Any) -> list[Entry]:
    return list(intake_items(items, Reading(**reading), folder / "input.jsonl").read())


def take_folder(source: PromptSource, folder: Path) -> list[Entry]:
    return list(intake([source], Reading(), folder / "input.jsonl").read())


def questions(entries: list[Entry]) -> list[str]:
    return [entry.prompt.conversation[-1].content for entry in entries]


def test_dataset_objects(tmp_path: Path) -> None:
    """A Dataset, with any format, and an IterableDataset give the prompts of their rows, with places."""

    def rows() -> Iterator[dict[str, Any]]:
        yield from ROWS

    whole = datasets.Dataset.from_list(ROWS)
    expected = [entry.prompt for entry in take(ROWS, tmp_path)]
    for found in (
        whole,
        whole.with_format("numpy"),
        whole.to_iterable_dataset(),
        datasets.IterableDataset.from_generator(rows),
    ):
        entries = take(found, tmp_path)
        assert not is_one_prompt(found)
        assert [entry.prompt for entry in entries] == expected
        assert entries[4].place == "prompts: row 5"


def test_values_of_datasets(tmp_path: Path) -> None:
    """Classes are tags by their names, conversations come without the nulls of other rows, images are left out."""
    text = datasets.Value("string")
    features = datasets.Features({
        "messages": [{"role": text, "content": text, "name": text}],
        "label": datasets.ClassLabel(names=["safe", "unsafe"]),
        "picture": datasets.Image(),
    })  # fmt: skip
    turn = {"role": "user", "content": "u", "name": None}
    found = datasets.Dataset.from_list(
        [{"messages": [turn], "label": label, "picture": None} for label in (1, 0, -1)], features=features
    )
    notes: list[str] = []
    for one in (found, found.to_iterable_dataset()):
        source = intake_items(one, Reading(tag_column="label"), tmp_path / "input.jsonl", note=notes.append)
        entries = list(source.read())
        assert [entry.prompt.tags for entry in entries] == [("unsafe",), ("safe",), ()]
        assert entries[0].prompt.conversation == (user("u"),)
    assert set(notes) == {'prompts: column "picture" is left out, it holds no text'}


@pytest.mark.parametrize("iterable", [False, True])
def test_bad_rows_of_datasets(tmp_path: Path, iterable: bool) -> None:
    """Null prompts, missing columns, mixed rows and no rows are told with their places."""
    found = datasets.Dataset.from_list([{"prompt": "a"}, {"prompt": None}, {"prompt": " "}])
    found = found.to_iterable_dataset() if iterable else found
    with pytest.raises(PromptFileError) as caught:
        take(found, tmp_path)
    assert [(problem.file, problem.message) for problem in caught.value.problems[:2]] == [
        ("prompts: row 2", "is null; give a text, or leave the row out"),
        ("prompts: row 3", "is empty"),
    ]
    with pytest.raises(PromptFileError, match='there are "ask": name it'):
        take(datasets.Dataset.from_list([{"ask": "a"}]), tmp_path)
    assert not (tmp_path / "input.jsonl").exists()


def test_dataset_that_breaks(tmp_path: Path) -> None:
    """An error of a data set's own code is told with the row, not as a traceback."""

    def rows() -> Iterator[dict[str, Any]]:
        yield {"prompt": "a"}
        raise ConnectionResetError("gone")

    with pytest.raises(PromptFileError, match=r"prompts: row 2: cannot be reached.*gone"):
        take(datasets.IterableDataset.from_generator(rows), tmp_path)


def test_dictionaries_of_splits(tmp_path: Path) -> None:
    """A dictionary of splits is refused with their names."""
    splits = datasets.DatasetDict({"train": datasets.Dataset.from_list(ROWS), "test": datasets.Dataset.from_list(ROWS)})
    with pytest.raises(PromptFileError, match='has splits, give one of them: "train", "test"'):
        take(splits, tmp_path)


def test_saved_folders(tmp_path: Path) -> None:
    """What `save_to_disk` wrote is read; of several splits one must be named."""
    one = datasets.Dataset.from_list(ROWS)
    one.save_to_disk(str(tmp_path / "one"))
    datasets.DatasetDict({"train": one, "test": one.select([3])}).save_to_disk(str(tmp_path / "two"))
    assert questions(take_folder(PromptSource(str(tmp_path / "one")), tmp_path)) == ["q0", "q1", "q2", "q3", "q4"]
    entries = take_folder(PromptSource(str(tmp_path / "two"), split="test"), tmp_path)
    assert [(entry.prompt.conversation, entry.place) for entry in entries] == [
        ((user("q3"),), f"{tmp_path / 'two'} (test): row 1")
    ]
    with pytest.raises(PromptFileError, match='has 2 splits: "train", "test"; name one of them: --split train'):
        take_folder(PromptSource(str(tmp_path / "two")), tmp_path)


def test_folders_of_files(tmp_path: Path) -> None:
    """Files of one kind in a folder are read in order, packed or not, with places of their own."""
    import gzip

    folder = tmp_path / "my set"
    folder.mkdir()
    (folder / "b.jsonl").write_text('\n{"prompt": "b"}\n')
    (folder / "a.jsonl").write_text('{"prompt": "a"}\n')
    (folder / "c.jsonl.gz").write_bytes(gzip.compress(b'{"prompt": "c"}'))
    (folder / "README.md").write_text("# A set\n")
    entries = take_folder(PromptSource(str(folder)), tmp_path)
    assert [(entry.place, *questions([entry])) for entry in entries] == [
        (f"{folder / 'a.jsonl'}:1", "a"), (f"{folder / 'b.jsonl'}:2", "b"), (f"{folder / 'c.jsonl.gz'}:1", "c")
    ]  # fmt: skip


def test_folders_with_splits_and_configs(tmp_path: Path) -> None:
    """Splits and configurations that `load_dataset` knows are asked for by name."""
    folder = tmp_path / "set"
    (folder / "hard").mkdir(parents=True)
    (folder / "train.jsonl").write_text('{"prompt": "a"}\n')
    (folder / "test.jsonl").write_text('{"prompt": "b"}\n')
    (folder / "hard" / "x.csv").write_text("prompt\nc\n")
    with pytest.raises(PromptFileError, match="has 2 splits"):
        take_folder(PromptSource(str(folder)), tmp_path)
    assert questions(take_folder(PromptSource(str(folder), split="test"), tmp_path)) == ["b"]
    with pytest.raises(PromptFileError, match=r'has no split "dev" \(--split\); it has "train", "test"'):
        take_folder(PromptSource(str(folder), split="dev"), tmp_path)
    header = {
        "configs": [
            {"config_name": "easy", "data_files": "t*.jsonl"},
            {"config_name": "hard", "data_files": "hard/x.csv"},
        ]
    }
    (folder / "README.md").write_text(f"---\n{json.dumps(header)}\n---\n")
    with pytest.raises(PromptFileError, match='has 2 configurations: "easy", "hard"; name one of them: --config easy'):
        take_folder(PromptSource(str(folder)), tmp_path)
    assert questions(take_folder(PromptSource(str(folder), config="hard"), tmp_path)) == ["c"]


def test_empty_folder(tmp_path: Path) -> None:
    """A folder without data is refused."""
    (tmp_path / "set").mkdir()
    with pytest.raises(PromptFileError, match="holds no file of a kind that is known"):
        take_folder(PromptSource(str(tmp_path / "set")), tmp_path)


def test_the_hub_is_switched_off(tmp_path: Path) -> None:
    """Without the hub a name that is no file is told as such, with what to do."""
    with pytest.raises(PromptFileError, match="owner/name: is no file here, and the hub is switched off"):
        take_folder(PromptSource("owner/name"), tmp_path)


HUB = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

class Hub(BaseHTTPRequestHandler):
    def do_GET(self):
        status, code = (401, "GatedRepo") if "gated" in self.path else (404, "RepoNotFound")
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_HEAD = do_POST = do_GET
    def log_message(self, *_): pass

server = HTTPServer(("127.0.0.1", int(sys.argv[2])), Hub)
Thread(target=server.serve_forever, daemon=True).start()
from constitution.errors import PromptFileError
from constitution.sources.prompts import PromptSource, Reading, intake
for name in ("owner/gated", "owner/none"):
    try:
        intake([PromptSource(name)], Reading(), Path(sys.argv[1]) / "input.jsonl")
    except PromptFileError as error:
        print(error)
"""


@pytest.mark.slow
def test_what_the_hub_refuses(tmp_path: Path) -> None:
    """A gated set names HF_TOKEN and its terms; one that is not there says so. Nothing is a traceback."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
    env |= {"HF_ENDPOINT": f"http://127.0.0.1:{port}", "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", HUB, str(tmp_path), str(port)], capture_output=True, text=True, env=env, check=False
    )
    gated, none = done.stdout.splitlines()
    assert gated.startswith("owner/gated: is gated on the hub: accept its terms")
    assert "HF_TOKEN" in gated
    assert none.startswith("owner/none: is no file here, and no data set of the hub that may be read")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("names", "left"), [(("a.jsonl", "b.csv"), "b.csv"), (("train.jsonl", "more.jsonl"), "more.jsonl")]
)
def test_files_that_a_folder_would_lose(tmp_path: Path, names: tuple[str, ...], left: str) -> None:
    """What `load_dataset` would pass over without a word is refused; a licence and a split that is named are not."""
    folder = tmp_path / "set"
    folder.mkdir()
    for name in (*names, "LICENSE.txt", ".hidden.jsonl"):
        (folder / name).write_text("prompt\nc\n" if name.endswith(".csv") else '{"prompt": "a"}\n')
    with pytest.raises(PromptFileError, match=f'"{left}" would not be read'):
        take_folder(PromptSource(str(folder)), tmp_path)
    assert questions(take_folder(PromptSource(str(folder), split="train"), tmp_path)) == ["a"]
    (folder / left).unlink()
    assert questions(take_folder(PromptSource(str(folder)), tmp_path)) == ["a"]
