"""What `docs/what-the-judge-asks.md` shows, asked of the steps themselves; `render.py` fills the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from constitution.engine import Answer, Ask, Completion
from constitution.messages import Conversation, Message
from constitution.principles import Principle, Principles
from constitution.sources.constitution_file import parse_constitution
from constitution.steps.judge import Bench, Material, judge_one, judge_pair, pair_turns
from constitution.templates import TEMPLATE_NAMES, shipped_template
from constitution.verdicts import BAND

EXAMPLE = """\
schema: 1
name: library-desk
version: "1"
context: These answers come from the assistant of a small library.
principles:
  - id: plain-words
    text: The answer uses words that every guest knows.
    preference: Which answer would be clear to a guest who was never in a library before?
    asks: Would every guest know the words of the answer?
"""
SHOT = """\
few_shots:
  judge:
    - {prompt: When do you close?, a: We close at six., b: Closure is at 18:00., better: a}
"""
CONVERSATION = (
    Message("system", "You are the assistant of a small library. Answer in one or two sentences."),
    Message("user", "Can I keep this book for longer?"),
)
ANSWERS = (
    "Yes, if nobody else waits for it: sign in on the screen at the door and press Renew.",
    "Loans are extended by OPAC renewal, unless a reservation has been lodged.",
)
THOUGHT = "Answer A speaks of OPAC and of a reservation that is lodged. Answer B says where to go and what to press."


def asked_of(flow: Any) -> list[Ask]:
    """Everything that one flow asks; thoughts are answered with THOUGHT, labels with nothing."""
    found: list[Ask] = []
    try:
        asks = next(flow)
        while True:
            found.extend(asks)
            asks = flow.send(tuple(Answer("", Completion(THOUGHT)) for _ in asks))
    except StopIteration:
        return found


def told(turns: Conversation, fenced: Callable[[str], str]) -> str:
    """The turns of one request."""
    return "\n\n".join(f"**{turn.role}**\n\n{fenced(turn.content)}" for turn in turns)


def what_the_judge_asks(fenced: Callable[..., str]) -> dict[str, Any]:
    """Everything that the page shows."""
    constitution: Principles = parse_constitution(EXAMPLE)
    principles: Sequence[Principle] = constitution.principles
    bench = Bench(constitution)
    pair = asked_of(judge_pair(bench, CONVERSATION, ANSWERS, principles))
    thinking = asked_of(judge_pair(replace(bench, mode="think"), CONVERSATION, ANSWERS, principles))
    scored = asked_of(judge_one(bench, CONVERSATION, ANSWERS[0], principles))
    shots = Bench(parse_constitution(EXAMPLE + SHOT))
    material = Material.of(shots, CONVERSATION, ANSWERS)
    names = [name for name in TEMPLATE_NAMES if name.startswith(("judge", "score", "contrast"))]
    return {
        "example": fenced(EXAMPLE, "yaml"),
        "first": told(pair[0].messages, fenced),
        "second": told(pair[1].messages, fenced),
        "labels": " and ".join(f"`{label}`" for label in pair[0].labels),
        "thought": told(thinking[0].messages[-1:], fenced),
        "decide": told(thinking[2].messages[-1:], fenced),
        "thinking": bench.sampling,
        "score": told(scored[0].messages, fenced),
        "broken": told(scored[1].messages[-1:], fenced),
        "score_labels": " and ".join(f"`{label}`" for label in scored[0].labels),
        "shot": fenced(SHOT, "yaml part"),
        "shots": told(pair_turns(shots, material, principles[0], turned=False)[:2], fenced),
        "templates": [{"name": name, "text": fenced(shipped_template(name), "jinja")} for name in names],
        "band": BAND,
    }
