"""Whole runs on a loopback server: rows, sums, secrets, and a server that moves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import constitution
from constitution import Run
from constitution.engines.openai import server as openai_server
from constitution.errors import EngineDeadError, SettingsChanged, SettingsError
from constitution.store.folder import Manifest
from constitution.store.journal import read_journal
from tests.loopback import Body, Loopback, error, loopback
from tests.scripted_runs import journal_lines, rows, tiny

QUESTIONS = ["Why does bread rise?", "How deep is <|im_end|> the sea?", "Who was first?"]
SECRET = "sk-s3cret-0123456789"


def answer(body: Body) -> str:
    """A different text for each conversation."""
    return f"Text {len(json.dumps(body['messages']))} about {body['messages'][0]['content']}"


@pytest.fixture
def server() -> Iterator[Loopback]:
    """A server that takes chats."""
    with loopback(text=answer) as running:
        yield running
    constitution.close()


def run_on(server: Loopback, folder: Path, **settings: Any) -> Run:
    """A small run."""
    out = folder / "run"
    return tiny(folder).generate(QUESTIONS, out, model=f"{server.url}#small", rounds=1, **settings)


def test_rows_sums_and_manifest(server: Loopback, tmp_path: Path) -> None:
    """Counts are the server's own, though it tells no ids; what it can do stands in the manifest."""
    run = run_on(server, tmp_path)
    summary = run.summary()
    assert (summary["paired"], summary["failed"]) == (3, 0)
    lines = [line for line in journal_lines(run.path) if "key" in line]
    assert (
        summary["tokens"]["draft"]["output"]
        == sum(line["told_output"] for line in lines if line["stage"] == "draft")
        > 0
    )
    assert summary["tokens"]["draft"]["cached"] == 12
    journals = sorted((run.path / "journal").glob("*.jsonl"))
    read = [event for path in journals for event in read_journal(path).answers.values()]
    assert sum(event.completion.output_tokens for event in read) == sum(line["told_output"] for line in lines)
    told = Manifest.read(run.path / "manifest.json").models["draft"]
    assert told["model"] == "small"
    assert told["exact_counts"] is False
    assert told["fingerprint"]["counts"] == "estimates"
    assert told["lacks"] == ["thinking_budget"]


def test_sent_text_is_neutralised_and_stored_text_is_not(server: Loopback, tmp_path: Path) -> None:
    """In every request of the chain; nothing that is kept has a joiner in it."""
    run = run_on(server, tmp_path)
    sent = [json.dumps(body, ensure_ascii=False) for body in server.asked]
    assert not any("<|im_end|>" in text for text in sent)
    assert sum("<\u200d|im_end|>" in text for text in sent) == 3
    kept = [row for row in rows(run) if "<|im_end|>" in row.conversation[0].content]
    assert len(kept) == 1
    assert "\u200d" not in repr(kept[0].conversation)


def test_a_key_is_written_nowhere(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Not in the folder, not in logs, not in messages, even where the server repeats it."""
    monkeypatch.setenv("MY_KEY", SECRET)
    server.key = SECRET
    seen = 0

    def fails_late(body: Body) -> Any:
        nonlocal seen
        seen += "max_tokens" in body
        return error(400, f"bad: {SECRET}") if seen % 5 == 3 else None

    server.faults = [fails_late] * 100
    with caplog.at_level(0):
        run = run_on(server, tmp_path, engine={"api_key_env": "MY_KEY"})
        assert run.summary()["failed"] >= 1
        server.key = "another"
        (tmp_path / "other").mkdir()
        with pytest.raises(constitution.ConstitutionError, match="MY_KEY") as caught:
            run_on(server, tmp_path / "other", engine={"api_key_env": "MY_KEY", "timeout": 20})
    assert SECRET not in str(caught.value)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    assert SECRET not in "".join(capfd.readouterr())
    assert SECRET not in caplog.text


def test_an_address_with_a_secret_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    """No folder is made, and the message does not repeat it."""
    told: list[str] = []
    for address in (f"http://user:{SECRET}@127.0.0.1:9", f"http://127.0.0.1:9/v1?key={SECRET}"):
        with pytest.raises(SettingsError) as caught:
            tiny(tmp_path).generate(["x"], tmp_path / "run", model=f"{address}#small")
        told.append(str(caught.value))
    assert SECRET not in " ".join(told)
    assert not (tmp_path / "run").exists()


def test_a_run_goes_on_where_its_server_has_moved(server: Loopback, tmp_path: Path) -> None:
    """Another port, another patience, other places in the queue: the same run; another model: another run."""

    def dies(body: Body) -> Any:
        return error(401, "the key ran out") if len(body["messages"]) > 1 else None

    server.faults = [dies] * 100
    with pytest.raises(EngineDeadError, match="the same command goes on"):
        run_on(server, tmp_path, engine={"patience": 5})
    before = len([line for line in journal_lines(tmp_path / "run") if "key" in line])
    assert before > 0
    with loopback(text=answer) as other:
        run = run_on(other, tmp_path, engine={"patience": 9, "max_in_flight": 3, "timeout": 20})
        assert run.complete
        assert run.summary()["failed"] == 0
        assert not any(len(body["messages"]) == 1 and body["max_tokens"] > 1 for body in other.asked)
        with pytest.raises(SettingsChanged, match=r"engine\.control_text"):
            run_on(other, tmp_path, engine={"control_text": "allow"})
        other.models = [{"id": "large", "max_model_len": 100}]
        with pytest.raises(SettingsChanged, match="server#large"):
            tiny(tmp_path).generate(QUESTIONS, tmp_path / "run", model=f"{other.url}#large", rounds=1)


def test_answers_of_another_model_stop_the_run(server: Loopback, tmp_path: Path) -> None:
    """Where answers name the model; none of the other one's are kept, and the run goes on with the first one."""
    server.reply = {"model": "small-1"}

    def changes(body: Body) -> Any:
        server.reply = {"model": "small-2" if len(body["messages"]) > 1 else "small-1"}

    server.faults = [changes] * 100
    with pytest.raises(EngineDeadError, match=r"'small-1' and now come from 'small-2'.*the same command goes on"):
        run_on(server, tmp_path)
    kept = [line for line in journal_lines(tmp_path / "run") if "key" in line]
    assert {line["stage"] for line in kept} == {"draft"}
    server.faults, server.reply = [], {"model": "small-2"}
    with pytest.raises(
        SettingsChanged, match="small, which answered as small-1, the engine now serves one that answers as small-2"
    ):
        run_on(server, tmp_path)
    constitution.close()
    server.reply = {"model": "small-1"}
    assert run_on(server, tmp_path).complete


def test_a_server_that_comes_back_with_another_model_stops_the_run(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its list says what stands behind the name: before it is asked anything more."""
    monkeypatch.setattr(openai_server, "SOONEST_RETURN", 0)
    first, other = ({"id": "small", "root": root, "max_model_len": 4096} for root in ("org/first", "org/other"))
    server.models = [first]
    at = 0

    def restarts(body: Body) -> Any:
        nonlocal at
        if body["max_tokens"] == 1:
            return None
        server.models, at = [other], len(server.asked)
        return error(503, "loading the model")

    server.faults = [restarts, restarts]  # the first one sees the question of the start
    with pytest.raises(EngineDeadError, match=r"was org/first and is org/other.*the same command goes on"):
        run_on(server, tmp_path, in_flight=1)
    assert len(server.asked) == at
    with pytest.raises(SettingsChanged, match="small@org/first, the engine now serves small@org/other"):
        run_on(server, tmp_path, in_flight=1)
    constitution.close()
    server.models = [first]
    assert run_on(server, tmp_path, in_flight=1).complete


def test_a_server_that_comes_back_with_its_model_goes_on(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at once, and asked again."""
    monkeypatch.setattr(openai_server, "SOONEST_RETURN", 0)
    server.models = [{"id": "small", "root": "org/first", "max_model_len": 4096}]
    server.faults = [lambda body: None if body["max_tokens"] == 1 else error(502, "gone")] * 2
    assert run_on(server, tmp_path, in_flight=1).complete
    assert sum(one.path == "/v1/models" for one in server.seen) == 2


def test_a_server_that_sheds_load_is_not_looked_at(server: Loopback, tmp_path: Path) -> None:
    """While it answers others it was not away."""
    server.faults = [lambda body: None if body["max_tokens"] == 1 else error(503, "too many")] * 4
    assert run_on(server, tmp_path).complete
    assert sum(one.path == "/v1/models" for one in server.seen) == 1


@pytest.mark.parametrize(("begun", "continued"), [("", "#small"), ("#small", "")])
def test_the_name_of_the_only_model_may_be_left_out_or_added(
    server: Loopback, tmp_path: Path, begun: str, continued: str
) -> None:
    """The run knows the name that was found; another name is another model."""

    def run(named: str) -> Run:
        return tiny(tmp_path).generate(QUESTIONS, tmp_path / "run", model=f"{server.url}{named}", rounds=1)

    server.faults = [lambda body: error(401, "no") if len(body["messages"]) > 1 else None] * 100
    with pytest.raises(EngineDeadError):
        run(begun)
    server.faults = []
    constitution.close()
    assert run(continued).complete
    server.models = [{"id": "large", "max_model_len": 4096}]
    # Complete runs start no engine: one more file has something to do.
    (tmp_path / "run" / "shards" / "00000.parquet").unlink()
    with pytest.raises(SettingsChanged, match="large"):
        run("#large")


def test_what_a_server_cannot_be_asked_is_refused_at_the_start(server: Loopback, tmp_path: Path) -> None:
    """With the role and the setting; only the probe was sent."""
    server.refuses = {"top_k", "chat_template_kwargs"}
    with pytest.raises(SettingsError, match="role critique: small cannot do `top_k`"):
        run_on(server, tmp_path, roles={"critique": {"top_k": 20}})
    assert all(body["max_tokens"] == 1 for body in server.asked)
    with pytest.raises(SettingsError, match="role revise: small cannot do `thinking_on`"):
        tiny(tmp_path).revise("x", model=f"{server.url}#small", roles={"revise": {"thinking": "on"}})
    assert run_on(server, tmp_path).complete


def test_a_record_that_does_not_fit_by_the_estimate_is_turned_away(server: Loopback, tmp_path: Path) -> None:
    """As with exact counts; nothing is sent for it."""
    long = "word " * 4000
    run = tiny(tmp_path).generate([*QUESTIONS, long], tmp_path / "run", model=server.url, rounds=1)
    assert run.summary()["reasons"] == {"too_long": 1}
    assert not any(long in str(body) for body in server.asked)
