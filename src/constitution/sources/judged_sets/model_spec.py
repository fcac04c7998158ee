"""`model-spec`: the worked comparisons of a model specification in Markdown, as OpenAI releases its own (CC0-1.0).

A heading that ends in `{#id authority=...}` opens a section, which is the principle. A block fenced by `~~~xml` holds
the turns of a conversation, then a `<comparison>` of answers that comments mark as GOOD, BAD or OK. `BAD[#other]` is
bad by another section, which is the principle then. A comparison gives one pair: its first good answer and its first
bad one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import cast

from constitution.errors import Problem, PromptFileError
from constitution.examination.items import Item, JudgedSet
from constitution.messages import Message, Role
from constitution.principles import Principle
from constitution.sources.judged_sets.rows import EMPTY, SAME
from constitution.sources.prompts.files import streamed, unreadable
from constitution.steps.filter import normalised, same_text

NAME = "model-spec"
PUBLISHED = (
    "A model of 1.5B parameters gets 67.0 % right with the section shown and 67.5 % with it hidden: it reads none.",
)
MOST_CHARACTERS = 1_500
"""Of a section that is shown as the principle; what is longer is cut behind a paragraph."""
ONE_SIDED = "a comparison without a good or without a bad answer"
CALLS = "a comparison with tools or calls"
UNASKED = "a comparison that nothing is asked before"

_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*\{#([\w-]+)[^}]*\}\s*$")
_OPEN = re.compile(r"<(system|developer|user|assistant|tool)((?:\s+[\w-]+=\"[^\"]*\")*)\s*>\s*(?:<!--(.*?)-->)?\s*$")
_MARK = re.compile(r"\s*(GOOD|BAD|OK)\b(?:\[#([\w-]+)\])?")
_FOOTNOTE = re.compile(r"\[\^\w+\]")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class _Turn:
    role: Role
    text: str
    attributes: str
    mark: str | None
    """GOOD, BAD or OK; None where nothing is said."""
    other: str | None
    """The section by which an answer is bad, where it is not its own."""


@dataclass
class _Section:
    """One section: its words without its examples."""

    title: str
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The title, and as many whole paragraphs as MOST_CHARACTERS take."""
        plain = _LINK.sub(lambda link: link[1] if link[1] != "?" else "another section", "\n".join(self.lines))
        whole = self.title
        for paragraph in re.split(r"\n\s*\n", _FOOTNOTE.sub("", plain)):
            if len(whole) + len(paragraph) + 2 > MOST_CHARACTERS:
                break
            if paragraph.strip():
                whole += "\n\n" + paragraph.strip()
        return whole


@dataclass
class _Found:
    """A comparison, before all sections are known."""

    section: str
    line: int
    situation: tuple[_Turn, ...]
    answers: tuple[_Turn, ...]


def read_model_spec(path: str) -> JudgedSet:
    """The comparisons of a specification.

    Raises:
        PromptFileError: the file cannot be read, or a block cannot be understood, each with its line; or there is no
            comparison in it.
    """
    reader = _Reader(path, _text(path).splitlines())
    reader.read()
    if reader.problems:
        raise PromptFileError(tuple(reader.problems))
    items, left = _items(path, reader)
    if not items:
        what = "holds no comparison of a good and a bad answer: blocks of ~~~xml with <comparison> are looked for"
        raise PromptFileError((Problem(path, 0, 0, "", what),))
    return JudgedSet(NAME, items, path, PUBLISHED, tuple(sorted(left.items())))


def _text(path: str) -> str:
    try:
        with streamed(path) as (stream, _):
            return stream.read().decode()
    except UnicodeDecodeError as error:
        raise unreadable(path, error) from None


class _Reader:
    """Goes through a specification line by line."""

    def __init__(self, path: str, lines: Sequence[str]) -> None:
        self._path = path
        self._lines = lines
        self.problems: list[Problem] = []
        self.sections: dict[str, _Section] = {}
        self.found: list[_Found] = []

    def read(self) -> None:
        """Read the whole."""
        at, now = 0, ""
        while at < len(self._lines):
            line = self._lines[at]
            heading = _HEADING.match(line)
            if line.startswith("~~~xml"):
                end = self._end(at + 1, "~~~")
                if end is None:
                    self._problem(at, "the block does not end: a line ~~~ is missing")
                    return
                self._block(at + 1, end, now)
                at = end
            elif heading is not None:
                now = heading[3]
                if now in self.sections:
                    self._problem(at, f"the section #{now} stands twice; give each its own id")
                self.sections[now] = _Section(heading[2])
            elif now and not line.startswith("**Example**"):
                self.sections[now].lines.append(line)
            at += 1

    def _end(self, at: int, wanted: str, stop: int | None = None) -> int | None:
        """The line at which something ends."""
        stop = len(self._lines) if stop is None else stop
        return next((number for number in range(at, stop) if self._lines[number].strip() == wanted), None)

    def _block(self, at: int, end: int, section: str) -> None:
        """The turns and comparisons of one block."""
        before: list[_Turn] = []
        while at < end:
            line = self._lines[at].rstrip()
            if line == "<comparison>":
                close = self._end(at, "</comparison>", end)
                if close is None:
                    self._problem(at, "the comparison does not end: </comparison> is missing")
                    return
                answers = tuple(self._turns(at + 1, close))
                self.found.append(_Found(section, at + 1, tuple(before), answers))
                at = close
            elif line.startswith("<") and not line.startswith("<!--"):
                close = self._turn_end(at, end)
                if close is None:
                    return
                before.extend(self._turns(at, close + 1))
                at = close
            at += 1

    def _turns(self, at: int, end: int) -> Iterator[_Turn]:
        while at < end:
            if self._lines[at].lstrip().startswith("<") and not self._lines[at].lstrip().startswith("<!--"):
                close = self._turn_end(at, end)
                if close is None:
                    return
                opened = _OPEN.match(self._lines[at])
                assert opened is not None
                mark = _MARK.match(opened[3] or "")
                text = unescape("\n".join(self._lines[at + 1 : close]))
                yield _Turn(
                    cast("Role", opened[1]),
                    text,
                    opened[2].strip(),
                    mark[1] if mark else None,
                    mark[2] if mark else None,
                )
                at = close
            at += 1

    def _turn_end(self, at: int, end: int) -> int | None:
        """The line at which a turn ends; None, and a problem, where it is none or does not end."""
        opened = _OPEN.match(self._lines[at])
        if opened is None:
            known = "expected <system>, <developer>, <user>, <assistant>, <tool> or <comparison> on a line of its own"
            self._problem(at, f"cannot be understood: {known}")
            return None
        close = self._end(at + 1, f"</{opened[1]}>", end)
        if close is None:
            self._problem(at, f"the turn does not end: </{opened[1]}> is missing")
        return close

    def _problem(self, at: int, what: str) -> None:
        self.problems.append(Problem(self._path, at + 1, 0, "", what))


def _items(path: str, reader: _Reader) -> tuple[tuple[Item, ...], Counter[str]]:
    items: list[Item] = []
    left: Counter[str] = Counter()
    numbers: Counter[str] = Counter()
    for found in reader.found:
        item = _item(path, found, reader.sections)
        if isinstance(item, str):
            left[item] += 1
            continue
        numbers[found.section] += 1
        items.append(Item(NAME, f"{found.section}/{numbers[found.section]}", *item))
    return tuple(items), left


def _item(
    path: str, found: _Found, sections: dict[str, _Section]
) -> tuple[tuple[Message, ...], str, str, Principle, str] | str:
    """What of a comparison makes an item, or why it is none."""
    good = next((answer for answer in found.answers if answer.mark == "GOOD"), None)
    bad = next((answer for answer in found.answers if answer.mark == "BAD"), None)
    if good is None or bad is None:
        return ONE_SIDED
    turns = (*found.situation, good, bad)
    if any(turn.role == "tool" or "recipient=" in turn.attributes for turn in turns):
        return CALLS
    if not found.situation:
        return UNASKED
    if not normalised(good.text) or not normalised(bad.text):
        return EMPTY
    if same_text(good.text, bad.text):
        return SAME
    id = bad.other if bad.other in sections else found.section
    text = sections[id].text if id in sections else ""
    conversation = tuple(Message(turn.role, turn.text) for turn in found.situation)
    return conversation, good.text, bad.text, Principle(id or "", text=text), f"{path}:{found.line}"
