"""The real command on pipes and on terminals: colours, widths, completion."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from constitution import Run
from constitution.cli.completion import constitutions, models
from tests.scripted_runs import prompts, tiny

COMMAND = [sys.executable, "-W", "error", "-c", "from constitution.cli import main; main()"]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
CLEAN = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
GREEN = re.compile(r"\x1b\[[0-9;]*3[0-7]m")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run."""
    folder = tmp_path_factory.mktemp("run")
    return tiny(folder).generate([*prompts(6), {"prompt": "Twice?"}, {"prompt": "Twice?"}], folder / "out",
                                 model="scripted")  # fmt: skip


def piped(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command with its output in pipes."""
    return subprocess.run([*COMMAND, *words], env={**CLEAN, **environment}, capture_output=True, text=True, check=False)


def on_terminal(width: int, environment: Mapping[str, str], *words: str) -> str:
    """What the command writes on a terminal of this width."""
    import pty  # Windows has none

    ours, theirs = pty.openpty()
    env = {**CLEAN, "TERM": "xterm-256color", "COLUMNS": str(width), **environment}
    child = subprocess.Popen([*COMMAND, *words], env=env, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    seen = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        seen += more
    os.close(ours)
    assert child.wait(timeout=60) == 0
    return seen.decode().replace("\r\n", "\n")


def test_a_pipe_gets_plain_text(run: Run) -> None:
    """No escape sequence, no drawing, no pairs unless asked for, lines whole."""
    done = piped("show", str(run.path), "--pairs", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert not re.search("[─█▒]| $", done.stdout, re.MULTILINE)
    assert re.search(rf"^run +{re.escape(str(run.path))}$", done.stdout, re.MULTILINE)
    assert re.search(r"^rejected +\S", done.stdout, re.MULTILINE)
    assert "\nrejected" not in piped("show", str(run.path)).stdout


def test_colours_can_be_forced(run: Run) -> None:
    """For a pager."""
    assert GREEN.search(piped("show", str(run.path), FORCE_COLOR="1", TERM="xterm-256color").stdout)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_gets_a_page_that_fits(run: Run, width: int) -> None:
    """A bar, colours, three pairs, the next command; no line is wider, no title is broken."""
    seen = on_terminal(width, {}, "show", str(run.path))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", seen)
    assert GREEN.search(seen)
    assert all(len(line) <= width for line in plain.split("\n"))
    assert "kept by principle, counted by code\n" in plain
    assert "█" in plain
    assert len(re.findall(r"^prompt  ", plain, re.MULTILINE)) == 3
    assert "constitution export" in plain


def test_no_colour_where_none_is_wanted(run: Run) -> None:
    """`NO_COLOR` leaves no colour, and both texts of a pair; a dumb terminal gets no escape at all."""
    seen = on_terminal(80, {"NO_COLOR": "1"}, "show", str(run.path))
    assert not GREEN.search(seen)
    assert re.search(r"rejected(\x1b\[0m)? +\S", seen)
    assert "\x1b" not in on_terminal(80, {"TERM": "dumb"}, "show", str(run.path))


def test_a_finished_run_says_so(tmp_path: Path) -> None:
    """The same command again asks nothing, says why, and shows the run."""
    (tmp_path / "p.jsonl").write_text('{"prompt": "Why?"}\n')
    tiny(tmp_path)
    words = ("generate", "--constitution", str(tmp_path / "tiny.yaml"), "--prompts", str(tmp_path / "p.jsonl"),
             "--model", "scripted", "--out", str(tmp_path / "out"))  # fmt: skip
    assert piped(*words).returncode == 0
    again = piped(*words)
    assert again.returncode == 0
    assert again.stderr == "complete already: nothing was left to do\n"
    assert "1 proposed = 1 kept + 0 dropped" in again.stdout


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("constitution generate --constitution ba", ["balanced"]),
        ("constitution generate --model sc", ["scripted"]),
        ("constitution generate --pairs a", ["adjacent", "all", "against_draft"]),
        ("constitution export x --to s", ["sft"]),
        ("constitution ex", ["examine", "export"]),
    ],
)
def test_a_shell_completes(line: str, completed: list[str]) -> None:
    """Commands and values, as bash asks for them."""
    words = line.split(" ")
    asked = {"_CONSTITUTION_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    program = (
        "import sys; sys.argv = ['constitution']; from constitution.cli.app import app; app(prog_name='constitution')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={**CLEAN, **asked}, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == completed


def test_paths_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and folders for constitutions, folders alone for models; none where there is no such folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("my.yaml", "my.txt", ".hidden.yaml"):
        Path(name).write_text("")
    Path("models/small").mkdir(parents=True)
    assert constitutions("m") == ["models/", "my.yaml"]
    assert constitutions("./m") == ["./models/", "./my.yaml"]
    assert constitutions("none/") == []
    assert models("./m") == ["./models/"]
    assert models("models/") == ["models/small/"]
    assert "balanced" in constitutions("")
    assert ".hidden.yaml" not in constitutions("")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--model", "scripted", "--max-total-tokens", "1"), "stopped by --max-total-tokens 1"),
        (("--model", "scripted", "--set", "engine.max_context=2000"), "no prompt fits"),
    ],
)
def test_why_a_run_ended_is_told_once(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """By the command, not by the log too; `--verbose` shows the log, wherever it stands."""
    (tmp_path / "p.jsonl").write_text('{"prompt": "Why?"}\n')
    words = ("generate", "--constitution", "verifiable", "--prompts", str(tmp_path / "p.jsonl"), *options, "--out")
    done = piped(*words, str(tmp_path / "run"))
    assert done.stderr.count(said) == 1
    assert "constitution.run:" not in done.stderr
    assert "constitution.run:" in piped("--verbose", *words, str(tmp_path / "loud")).stderr
    assert "constitution.run:" in piped(*words, str(tmp_path / "louder"), "--verbose").stderr
