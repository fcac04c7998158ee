"""Writes the pages that are made from the code: what they show cannot drift from what runs.

    python docs/render.py           # or: make docs

`NAME.jinja` beside this file holds the prose of a page; the rest is asked of the library, on the scripted engine.
The test suite renders again and compares byte by byte.
"""

from __future__ import annotations

import json
import re
import runpy
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from pydantic import BaseModel

from constitution import Completion, Constitution, Request, Revised, ScriptedEngine
from constitution.errors import TemplateError
from constitution.formats.truncation import MAX_LENGTH
from constitution.messages import Message
from constitution.principles import Reply
from constitution.recipes.critique_revise import DEFAULT_ROUNDS, DEFAULT_SAMPLING
from constitution.records import PreferencePair, Round
from constitution.run.chain import MAX_ATTEMPTS
from constitution.sources.constitution_file import parse_constitution, read_constitution
from constitution.sources.run_file import RunFile
from constitution.sources.run_parts import PricesFile, RoleFile, SourceFile
from constitution.steps.critique import FINDING_SCHEMA
from constitution.steps.filter import COPY_THRESHOLD, DEFAULT_EFFECTS, FILTERS, trigram_jaccard
from constitution.steps.filter.remarks import CLOSING_LIMIT
from constitution.steps.refusals.pairs import with_refusals
from constitution.steps.revise import revise_request
from constitution.templates import (
    MAX_DEPTH,
    MAX_OUTPUT,
    MAX_TEMPLATE,
    PRINCIPLE_FIELDS,
    TEMPLATE_NAMES,
    check_template,
    shipped_template,
)
from constitution.tokens.dialogue import STOPS, DialogueTemplate

DOCS = Path(__file__).resolve().parent
JUDGE = runpy.run_path(str(DOCS / "render_judge.py"))
SIZES = runpy.run_path(str(DOCS / "render_sizes.py"))
LOOP_TEMPLATES = [name for name in TEMPLATE_NAMES if not name.startswith(("judge", "score", "contrast"))]
ROOT = DOCS.parent
PACKAGE = "constitution"

EXAMPLE = """\
schema: 1
name: library-desk
version: "1"
context: These answers come from the assistant of a small library.
principles:
  - id: plain-words
    text: The answer uses words that every guest knows.
    critique: Which words of your last answer would a guest not know? Quote them, or say that there are none.
    revision: Rewrite the answer in words that every guest knows.
    why: A guest who has to ask twice does not ask again.
  - id: next-step
    text: The answer names the next step.
    critique: Does your last answer say what the guest should do next? Say what is missing, if anything is.
    revision: Rewrite the answer so that it names the next step.
"""
SHOT = """\
few_shots:
  critique:
    - - {role: user, content: When do you close?}
      - {role: assistant, content: Closure is at 18:00.}
      - {role: user, content: "Which words of your last answer would a guest not know?"}
      - {role: assistant, content: "\\"Closure\\" is a word of notices."}
      - {role: user, content: Rewrite the answer in words that every guest knows.}
      - {role: assistant, content: We close at six.}
"""
OWN = """\
templates:
  revise: |
    {{ principle.revision }}{% if principle.why %} The reason: {{ principle.why | trim }}{% endif %}

    Write only the new answer itself, with no remark before or after it.
"""
CONVERSATION = (
    Message("system", "You are the assistant of a small library. Answer in one or two sentences."),
    Message("user", "Can I keep this book for longer?"),
)
DRAFT = "Loans are extended by OPAC renewal, unless a reservation has been lodged."
SAID: Mapping[tuple[str, int], str] = {
    ("draft", 0): DRAFT,
    ("critique", 1): 'A guest would not know "OPAC renewal", and nobody says "lodged" at home.',
    ("revise", 1): "Yes, you can keep it for longer if nobody else waits for it.",
    ("critique", 2): "It leaves the guest alone at the end: nothing says where to go or what to press.",
    ("revise", 2): "Yes, if nobody else waits for it: sign in on the screen at the door and press Renew.",
}
FOUND = '{"applies": true, "violates": true, "severity": 2, "critique": "OPAC is a word of the desk."}'

ANSWERS = {"draft": "the draft", "critique": "the critique", "revise": "the revision"}


class Listening(ScriptedEngine):
    """Keeps what it is asked, and answers each stage of each round with a given text."""

    def __init__(self, said: Mapping[tuple[str, int], str]) -> None:
        super().__init__()
        self.said = said
        self.asked: list[Request] = []

    async def answer(self, request: Request) -> Completion:
        """Keep the request; the answer is the one of its stage and round."""
        round = sum(kept.stage == request.stage for kept in self.asked) + (request.stage != "draft")
        self.asked.append(request)
        return Completion(self.said.get((request.stage, round), f"({request.stage}, round {round})"))


@dataclass(frozen=True)
class Chain:
    """One chain, as it was asked and answered."""

    asked: tuple[Request, ...]
    revised: Revised

    def request(self, stage: str) -> str:
        """The text of the first request of a stage."""
        return next(one.messages[-1].content for one in self.asked if one.stage == stage)

    @property
    def turns(self) -> list[Message]:
        """All turns, the last answer included."""
        (last,) = self.revised.rounds[-1:]
        assert last.revision is not None
        return [*self.asked[-1].messages, Message("assistant", last.revision.text)]

    def pair(self) -> tuple[int, int]:
        """The turns that its one pair holds as rejected and chosen, from 1."""
        (pair,) = self.revised.pairs
        texts = [turn.content for turn in self.turns]
        return texts.index(pair.rejected) + 1, texts.index(pair.chosen) + 1


def run_chain(constitution: Constitution, said: Mapping[tuple[str, int], str], **settings: Any) -> Chain:
    """Drive the recipe through the public door."""
    engine = Listening(said)
    revised = constitution.revise(CONVERSATION, model=engine, **settings)
    assert isinstance(revised, Revised)
    return Chain(tuple(engine.asked), revised)


def fenced(text: str, language: str = "text") -> str:
    """A fence that the text cannot end."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def told(chain: Chain) -> str:
    """All turns of a chain in the order in which the model sees them, and which request ends where."""
    turns = chain.turns
    names = _names(chain, turns)
    ends: dict[int, list[str]] = {}
    for number, request in enumerate(chain.asked, start=1):
        seen = _places(request.messages, turns)
        line = f"*Request {number}, `{request.stage}`: the model is shown {_ranges(seen)} and answers.*"
        ends.setdefault(seen[-1], []).append(line)
    parts: list[str] = []
    for number, (turn, name) in enumerate(zip(turns, names, strict=True), start=1):
        parts += [f"**{number}. {turn.role}**: {name}", fenced(turn.content), *ends.get(number, [])]
    return "\n\n".join(parts)


def _places(messages: Sequence[Message], turns: Sequence[Message]) -> list[int]:
    """Which turns of the whole transcript a request shows, from 1."""
    places: list[int] = []
    for message in messages:
        after = places[-1] if places else 0
        places.append(turns.index(message, after) + 1)
    return places


def _ranges(places: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    spans = [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return ("turns " if len(places) > 1 else "turn ") + " and ".join(spans)


def _names(chain: Chain, turns: Sequence[Message]) -> list[str]:
    """What each turn is."""
    own = _places(CONVERSATION, turns)
    names = ["few-shot" for _ in turns]
    for place in own:
        names[place - 1] = "the conversation's own"
    rounds: dict[str, Iterator[Round]] = {stage: iter(chain.revised.rounds) for stage in ANSWERS}
    for request in chain.asked:
        answer = ANSWERS[request.stage]
        if request.stage == "draft":
            names[own[-1]] = answer
            continue
        at, round = len(request.messages), next(rounds[request.stage])
        names[at - 1] = f"{answer} request, round {round.number}, principle `{round.principle}`"
        names[at] = answer
    return names


class NoBeginning:
    """Stands for a tokenizer that puts nothing before a text."""

    bos_token = None

    def __call__(self, _: str) -> dict[str, list[int]]:
        """No ids of its own."""
        return {"input_ids": []}


def plainly(request: Request) -> str:
    """What a model without a chat template is shown for a request."""
    return DialogueTemplate(NoBeginning()).render(request.messages, request.tools, {})


def sampling_rows() -> str:
    """The defaults of each role as rows of a table."""
    return "\n".join(
        f"| `{role}` | {one.max_tokens} | {one.temperature} | {one.top_p} | {one.top_k} | {one.min_p} | "
        f"{', '.join(one.stop) or 'none'} |"
        for role, one in DEFAULT_SAMPLING.items()
    )


def filters() -> list[str]:
    """The filters that a template may use, asked of the check itself."""
    return sorted(name for name in jinja2.Environment().filters if _passes(f"{{{{ context | {name} }}}}"))


def _passes(template: str) -> bool:
    try:
        check_template("critique", template)
    except TemplateError:
        return False
    return True


def ids(principles: Iterable[Any]) -> str:
    """Ids in a row, in lines."""
    text = ", ".join(f"`{principle.id}`" for principle in principles)
    return textwrap.fill(text, 120, break_on_hyphens=False)


def what_is_asked() -> dict[str, Any]:
    """Everything that the page of this name shows."""
    example = Constitution(parse_constitution(EXAMPLE))
    with_shot = Constitution(parse_constitution(EXAMPLE + SHOT))
    own = Constitution(parse_constitution(EXAMPLE + OWN))
    balanced = Constitution(read_constitution("balanced"))
    chain = run_chain(example, SAID, rounds=2)
    found = run_chain(example, {**SAID, ("critique", 1): FOUND}, rounds=1, verdict_first=True)
    return {
        "example": fenced(EXAMPLE, "yaml"),
        "chain": told(chain),
        "pair": chain.pair(),
        "finding": fenced(found.request("critique")),
        "schema": fenced(json.dumps(json.loads(FINDING_SCHEMA), indent=2), "json"),
        "found": fenced(FOUND, "json"),
        "direct": told(run_chain(example, SAID, rounds=1, critique=False)),
        "shot": fenced(SHOT, "yaml part"),
        "shots": told(run_chain(with_shot, SAID, rounds=1)),
        "balanced": told(run_chain(balanced, {("draft", 0): DRAFT}, rounds=1)),
        "balanced_ids": ids(balanced.principles.principles),
        "plain": fenced(plainly(chain.asked[2])),
        "stops": " and ".join(f"`{json.dumps(stop)}`" for stop in STOPS),
        "own": fenced(OWN, "yaml part"),
        "own_request": fenced(revise_request(own.principles, own.principles["plain-words"], direct=False)),
        "templates": [{"name": name, "text": fenced(shipped_template(name), "jinja")} for name in LOOP_TEMPLATES],
        "fields": ", ".join(f"`principle.{name}`" for name in PRINCIPLE_FIELDS),
        "filters": ", ".join(f"`{name}`" for name in filters()),
        "tail": shipped_template("revise").rstrip().splitlines()[-1],
        "sampling": sampling_rows(),
        "rounds": DEFAULT_ROUNDS,
        "again": MAX_ATTEMPTS - 1,
        "copied": f"{COPY_THRESHOLD:.0%}".replace("%", " %"),
        "most": f"{MAX_TEMPLATE:,} characters, {MAX_OUTPUT:,} when filled, {MAX_DEPTH} levels of nesting",
    }


def index() -> str:
    """`llms.txt`: what the library is, and the pages of the index, seen from the root."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (DOCS / "README.md").read_text("utf-8")
    lines = [f"# {PACKAGE}", f"> {project['description']}"]
    lines.append(
        f"Distribution `{project['name']}`, import and command `{PACKAGE}`, Python {project['requires-python']}."
    )
    for title, body in re.findall(r"^## (.+)\n\n((?:.+\n)+)", text, re.MULTILINE):
        entries = re.findall(r"^- \[(.+?)\]\((.+?)\): ((?:.+\n?)(?:  .+\n?)*)", body, re.MULTILINE)
        lines += [
            f"## {title}",
            "\n".join(f"- [{name}]({_from_root(to)}): {' '.join(about.split())}" for name, to, about in entries),
        ]
    return "\n\n".join(lines) + "\n"


def _from_root(link: str) -> str:
    return (DOCS / link).resolve().relative_to(ROOT).as_posix()


def filled(name: str, values: Mapping[str, Any]) -> str:
    """The prose of a page with what it shows."""
    text = (DOCS / f"{name}.jinja").read_text("utf-8")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    return environment.from_string(text).render(values)


def keys_of(model: type[BaseModel]) -> str:
    """A table of the keys of a file that people write: what each takes, its default, what it means."""
    schema = model.model_json_schema(by_alias=True)
    rows = ["| key | takes | default | |", "|---|---|---|---|"]
    for name, info in model.model_fields.items():
        key = info.alias or name
        takes = _takes(schema["properties"][key])
        default = info.get_default(call_default_factory=True)
        shown = "needed" if info.is_required() else "" if default in (None, [], {}) else f"`{json.dumps(default)}`"
        rows.append(f"| `{key}` | {takes} | {shown} | {info.description} |")
    return "\n".join(rows)


def _takes(schema: Mapping[str, Any]) -> str:
    """What a value may be, in words."""
    if "$ref" in schema:
        return _NAMED[schema["$ref"].rsplit("/", 1)[-1]]
    if "anyOf" in schema:
        return " or ".join(_takes(one) for one in schema["anyOf"] if one.get("type") != "null")
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{one}`" for one in schema.get("enum", [schema.get("const")]))
    if schema["type"] == "array":
        return f"a list of {_takes(schema['items'])}"
    if schema["type"] in ("integer", "number"):
        words = "a whole number" if schema["type"] == "integer" else "a number"
        least = schema.get("minimum", schema.get("exclusiveMinimum"))
        over = "from" if "minimum" in schema else "above"
        most = schema.get("maximum")
        words += f" {over} {least:,}" if least is not None else ""
        return words + (f" to {most:,}" if most is not None else "")
    if schema["type"] == "object" and "properties" not in schema:
        inner = schema.get("additionalProperties")
        return f"by name {_takes(inner)}" if isinstance(inner, Mapping) and "$ref" in inner else "a mapping"
    return {"string": "text", "boolean": "`true`, `false`"}[schema["type"]]


_NAMED = {"SourceFile": "[sources](#sources)", "RoleFile": "[roles](#roles)", "PricesFile": "[prices](#prices)"}


def run_file() -> dict[str, str]:
    """The keys of run files."""
    models: dict[str, type[BaseModel]] = {
        "run": RunFile,
        "sources": SourceFile,
        "roles": RoleFile,
        "prices": PricesFile,
    }
    return {name: keys_of(model) for name, model in models.items()}


def filters_page() -> dict[str, Any]:
    """What the page of filters shows, and what looks at its examples."""
    rows = [
        f"| [`{name}`](#{name}) | {each.about.replace('%', ' %')} | {DEFAULT_EFFECTS[name]} |"
        for name, each in FILTERS.items()
    ]
    numbers = {"limit": CLOSING_LIMIT, "cut": f"{MAX_LENGTH:,}"}
    return {"table": "\n".join(rows), "seen": seen, **numbers}


def seen(name: str, asked: str, rejected: str, chosen: str, wanted: Reply | None = None) -> str:
    """What a filter sees of an example, as it is told."""
    pair = PreferencePair("r", 0, 0, (Message("user", asked),), chosen, rejected, (), (0, 1),
                          trigram_jaccard(chosen, rejected), tags=("asked",))  # fmt: skip
    found = FILTERS[name](with_refusals(pair, {} if wanted is None else {"asked": wanted}))
    return "nothing" if found is None else f"`{found}`"


PAGES: Mapping[str, Callable[[], str]] = {
    "docs/filters.md": lambda: filled("filters.md", filters_page()),
    "docs/run-file.md": lambda: filled("run-file.md", run_file()),
    "docs/sizes.md": lambda: filled("sizes.md", SIZES["sizes_page"]()),
    "docs/what-is-asked.md": lambda: filled("what-is-asked.md", what_is_asked()),
    "docs/what-the-judge-asks.md": lambda: filled("what-the-judge-asks.md", JUDGE["what_the_judge_asks"](fenced)),
    "llms.txt": index,
}
"""What is written, from the root."""


if __name__ == "__main__":
    for page, text in PAGES.items():
        (ROOT / page).write_text(text(), "utf-8")
