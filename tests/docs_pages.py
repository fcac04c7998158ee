"""Pages of the documentation as blocks, and how they are run: in order, in one folder, on the scripted engine.

A block says in an HTML comment before it what cannot be seen in it:

    <!-- file: NAME -->        it is written to that file, for the blocks behind it
    <!-- not run: REASON -->   it is not executed, and why
    <!-- runs whole -->        on a line of its own, once: the commands of this page are executed too

A block of `text` directly behind one that was run is what it prints. A line of shell that ends with another code than 0
says so: `# exit code 2`, perhaps with a part of its message: `# exit code 2: rounds was 2`.
"""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from constitution.cli.app import app

ROOT = Path(__file__).parents[1]
WHOLE = "\n<!-- runs whole -->\n"
HEAVY = re.compile(r"^\s*(?:from|import) (trl|vllm|torch)\b", re.MULTILINE)
"""What a block needs that is compiled and not run: a training, a GPU."""
SHELL = ("bash", "sh", "console")

_FENCE = re.compile(r"( *)(`{3,}|~{3,}) *([^`]*)")
_SAID = re.compile(r"<!-- *(file|not run): *(.*?) *-->")


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code of a page."""

    page: Path
    line: int
    """Of its first line of code, from 1."""
    info: str
    """What stands behind the fence: the language, and perhaps a word more."""
    text: str
    file: str | None
    not_run: str | None
    behind: bool
    """Whether nothing but blank lines stands between it and the block before."""

    @property
    def language(self) -> str:
        """The first word of `info`."""
        return self.info.partition(" ")[0]

    @property
    def skipped(self) -> str | None:
        """Why it is not run, though it could be."""
        heavy = HEAVY.search(self.text) if self.language == "python" else None
        return self.not_run if heavy is None else self.not_run or f"needs {heavy[1]}"

    @property
    def place(self) -> str:
        """For messages."""
        return place_of(self.page, self.line)


def place_of(page: Path, line: int) -> str:
    """Where something stands, for messages."""
    return f"{page.relative_to(ROOT) if page.is_relative_to(ROOT) else page.name}:{line}"


def pages() -> list[Path]:
    """Every page: README, all below docs, and the READMEs of other folders."""
    others = (ROOT / name / "README.md" for name in ("principles", "benchmarks", "examples"))
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *(page for page in others if page.exists())]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    said: dict[str, str] = {}
    opened: tuple[str, str, str, int] | None = None
    inside: list[str] = []
    behind = False
    for number, line in enumerate(page.read_text("utf-8").splitlines(), start=1):
        fence = _FENCE.fullmatch(line)
        if opened is None:
            if fence:
                opened, inside = (fence[1], fence[2], fence[3].strip(), number + 1), []
            elif comment := _SAID.fullmatch(line.strip()):
                said[comment[1]] = comment[2]
            elif line.strip():
                said, behind = {}, False
        elif fence and fence[2].startswith(opened[1]) and not fence[3]:
            text = "".join(f"{one.removeprefix(opened[0])}\n" for one in inside)
            found.append(Block(page, opened[3], opened[2], text, said.get("file"), said.get("not run"), behind))
            opened, said, behind = None, {}, True
        else:
            inside.append(line)
    assert opened is None, f"{page.name}: the last block has no end"
    return found


def commands(text: str) -> Iterator[str]:
    """The command lines of a block of shell, continued lines joined."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip().removeprefix("$ ")


def write_file(block: Block, folder: Path) -> None:
    """Write a block to the file that its page names."""
    assert block.file is not None
    path = folder / block.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text)


def run_page(page: Path, folder: Path) -> int:
    """Run the Python of a page in order, and its commands too where it runs whole; gives how many blocks were run.

    Raises:
        AssertionError: a block does not run, ends with another code, or prints something else; with its place.
    """
    whole = WHOLE in page.read_text("utf-8")
    names: dict[str, Any] = {"__name__": "__main__" if whole else "__docs__"}
    printed: str | None = None
    ran = 0
    with chdir(folder):
        for block in blocks(page):
            if block.file is not None:
                write_file(block, folder)
                continue
            if block.language == "text" and block.behind and printed is not None:
                assert block.text == printed, f"{block.place}: the block before prints\n{printed}"
            printed = None
            if block.skipped is None and block.language == "python":
                printed, ran = run_python(block, names), ran + 1
            elif block.skipped is None and block.language in SHELL and whole:
                printed, ran = run_shell(block), ran + 1
    return ran


def run_python(block: Block, names: dict[str, Any]) -> str:
    """Run a block of Python among the names of those before it; gives what it prints."""
    code = re.sub(r'model="[^"]*"', 'model="scripted"', "\n" * (block.line - 1) + block.text)
    out = io.StringIO()
    try:
        with redirect_stdout(out):
            exec(compile(code, str(block.page), "exec"), names)
    except Exception as error:
        help = "write what it needs with <!-- file: NAME -->, or say why with <!-- not run: REASON -->"
        raise AssertionError(f"{block.place}: does not run: {type(error).__name__}: {error}; {help}") from error
    return out.getvalue()


def run_shell(block: Block) -> str:
    """Run a block of shell line by line, `constitution` in this process; gives what it prints."""
    out = []
    for line in commands(block.text):
        told = re.search(r"# exit code (\d+)(?:: (.*))?$", line)
        expected, message = (int(told[1]), told[2] or "") if told else (0, "")
        words = shlex.split(line, comments=True)
        code, said, errors = _own(words) if words[0] == "constitution" else _other(line)
        assert code == expected, f"{block.place}: {line}: exit code {code}\n{said}{errors}"
        assert message in errors, f"{block.place}: {line}: says something else:\n{errors}"
        out.append(said + errors if expected else said)
    return "".join(out)


def _own(words: list[str]) -> tuple[int, str, str]:
    """A command of ours, perhaps with `> FILE` behind it."""
    into = Path(words[-1]) if words[-2:-1] == [">"] else None
    words = words[:-2] if into else words
    before, sys.argv = sys.argv, words
    try:
        done = CliRunner().invoke(app, words[1:])
    finally:
        sys.argv = before
    if into is None:
        return done.exit_code, done.stdout, done.stderr
    into.write_text(done.stdout)
    return done.exit_code, "", done.stderr


def _other(line: str) -> tuple[int, str, str]:
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr
