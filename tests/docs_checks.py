"""What is wrong with a page of the documentation, as far as code can see it without running it."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from typer.main import get_command

from constitution.cli.app import app
from constitution.sources.run_file import RunFile
from tests.docs_pages import SHELL, Block, blocks, commands, place_of
from tests.docs_yaml import keys

SHOWN = ("text", "jinja", "diff", "html", "csv")
"""Kinds of block that are only looked at."""
READ: Mapping[str, Callable[[str], object]] = {
    "json": json.loads,
    "toml": tomllib.loads,
    "jsonl": lambda text: [json.loads(one) for one in text.splitlines()],
}
"""Kinds of block that are data."""
KINDS = ("yaml", "python", *SHELL, *READ, *SHOWN)

_SPAN = re.compile(r"(`+)(.+?)\1")
_LINK = re.compile(r"\[(?:[^\]`]|`[^`]*`)*\]\(([^()\s]+)\)")


def prose(page: Path) -> list[tuple[int, str]]:
    """The lines of a page that stand in no fence, each with its number."""
    lines = page.read_text("utf-8").splitlines()
    for block in blocks(page):
        for number in range(block.line - 1, block.line + block.text.count("\n") + 1):
            lines[number - 1] = ""
    return list(enumerate(lines, start=1))


def wrong_blocks(page: Path) -> list[str]:
    """Blocks of no known kind, or that are not what they say."""
    found = []
    for block in blocks(page):
        if block.language not in KINDS:
            found.append(f"{block.place}: a block of '{block.language}'; say one of {', '.join(KINDS)}")
        if block.not_run == "":
            found.append(f"{block.place}: <!-- not run: --> lacks its reason")
        if block.not_run is None and (problem := _unread(block)):
            found.append(f"{block.place}: {problem}")
    return found


def _unread(block: Block) -> str:
    try:
        if block.language == "python":
            compile(block.text, block.place, "exec")
        elif block.language in READ:
            READ[block.language](block.text)
    except (SyntaxError, ValueError) as error:
        return f"is no {block.language}: {error}"
    return ""


def wrong_commands(page: Path) -> list[str]:
    """Commands, options and settings that the command does not have."""
    found = [f"{place}: {problem}" for place, line in command_lines(page) for problem in problems_of(line)]
    for number, line in prose(page):
        for _, span in _SPAN.findall(line):
            option = re.match(r"--[a-z][a-z-]*", span)
            if option and option[0] not in all_options():
                found.append(
                    f"{place_of(page, number)}: no command has {option[0]}; where it is another program's, name that "
                    "program in front of it"
                )
    return found


def command_lines(page: Path) -> Iterator[tuple[str, str]]:
    """Every line on the page that is one of our commands: in blocks, indented, or in a span of code."""
    for block in blocks(page):
        if block.language in SHELL:
            yield from ((block.place, line) for line in commands(block.text) if _is_ours(line))
    for number, line in prose(page):
        spans = [line] if line.startswith("    ") else [span for _, span in _SPAN.findall(line)]
        yield from ((place_of(page, number), span.strip()) for span in spans if _is_ours(span))


def _is_ours(line: str) -> bool:
    return re.match(r"\s*(\w+=\S* )*constitution( |$)", line) is not None


def problems_of(line: str) -> Iterator[str]:
    """What is wrong with one command."""
    words = [word for word in shlex.split(line, comments=True) if word]
    words = words[words.index("constitution") + 1 :]
    root = command_group()
    own = options_of(root)
    while words and words[0].startswith("-"):
        if words[0] not in own:
            yield f"`constitution` has no {words[0]}"
        words = words[1:]
    if not words:
        return
    name = words[0].rstrip(".,;")
    if name not in root.commands:
        if re.fullmatch("[a-z-]+", name):
            yield f"there is no command `constitution {name}`"
        return
    known = options_of(root.commands[name])
    for word, behind in pairwise([*words, ""]):
        option = word.partition("=")[0]
        if option.startswith("--") and option not in known:
            yield f"`constitution {name}` has no {option}"
        if word == "--set" and re.split("[.=]", behind)[0] not in {*keys(RunFile), "NAME", "A"}:
            yield f"a run file has no '{behind}' for --set"


@cache
def command_group() -> Any:
    """The command with its commands, as click has them."""
    return get_command(app)


def options_of(command: Any) -> set[str]:
    """The options of a command."""
    return {"--help", *(name for one in command.params for name in (*one.opts, *one.secondary_opts))}


@cache
def all_options() -> frozenset[str]:
    """The options of all commands."""
    root = command_group()
    return frozenset(name for one in (root, *root.commands.values()) for name in options_of(one))


def links(page: Path) -> list[tuple[int, str]]:
    """The relative links of a page, each with its line."""
    found = []
    for number, line in prose(page):
        bare = re.sub(r"`[^`]*`", lambda span: "x" * len(span[0]), line)
        found += [(number, target) for target in _LINK.findall(bare) if not re.match("[a-z]+:", target)]
    return found


def broken_links(page: Path, root: Path) -> list[str]:
    """Relative links that lead nowhere, or to a heading that is not there."""
    found = []
    for number, target in links(page):
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        where = place_of(page, number)
        if not path.exists() or not path.is_relative_to(root):
            found.append(f"{where}: the link {target} leads nowhere")
        elif anchor and path.suffix == ".md" and anchor not in anchors(path):
            found.append(f"{where}: {path.name} has no heading for #{anchor}, but {', '.join(anchors(path))}")
    return found


def anchors(page: Path) -> list[str]:
    """What the headings of a page are called in links, as GitHub makes it."""
    found: list[str] = []
    for _, line in prose(page):
        if heading := re.match(r"#{1,6} +(.*)", line):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            slug = re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")
            again = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", one) is not None for one in found)
            found.append(f"{slug}-{again}" if again else slug)
    return found


def reached(starts: list[Path]) -> set[Path]:
    """Every page that links lead to from some pages."""
    found: set[Path] = set()
    left = [page for page in starts if page.exists()]
    while left:
        page = left.pop()
        if page in found:
            continue
        found.add(page)
        targets = ((page.parent / target.partition("#")[0]).resolve() for _, target in links(page))
        left += [target for target in targets if target.suffix == ".md" and target.is_file()]
    return found
