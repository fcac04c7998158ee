"""How models are asked in a proof, and the folders of its runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from constitution.api import Constitution, Run
from constitution.engine import Engine
from constitution.engines.callable import CallableJudge
from constitution.principles import Principle

ANSWERS = 2
"""To each question."""
SMALL: dict[str, Any] = {
    "system": "You are a helpful assistant. Answer in two sentences.",
    "roles": {
        "draft": {"temperature": 0.8, "min_p": 0.1, "max_tokens": 96, "stop": ["\n\n"]},
        "critique": {"temperature": 0.8, "min_p": 0.1, "max_tokens": 48},
        "revise": {"temperature": 0.8, "min_p": 0.1, "max_tokens": 96, "stop": ["\n\n"]},
    },
}
"""Of the small model: answers of some forty words, so that a proof is done within two hours on two cores."""
LARGE: dict[str, Any] = {"roles": {"draft": {"max_tokens": 512}, "revise": {"max_tokens": 512}}}


@dataclass(frozen=True)
class Asked:
    """Asks one model about one constitution, always in the same way."""

    constitution: Constitution
    model: str | Engine
    seed: int
    small: bool
    say: Callable[[str], None]

    @property
    def settings(self) -> dict[str, Any]:
        """Keys of a run file."""
        return {**(SMALL if self.small else LARGE), "seed": self.seed, "progress": False}

    def under(self, *ids: str) -> Asked:
        """The same, under some principles alone."""
        whole = self.constitution.principles
        mine = tuple(one for one in whole.principles if one.id in ids)
        return replace(
            self, constitution=Constitution(replace(whole, principles=mine), checks=self.constitution.own_checks)
        )

    def beside(self, id: str) -> list[str]:
        """Ids of the principles that can be proven, this one first, in the order of the file."""
        known = [one.id for one in provable(self.constitution)]
        place = known.index(id)
        return [*known[place:], *known[:place]]

    def run(self, rows: Sequence[dict[str, Any]], folder: Path, *, trained: bool = False, **settings: Any) -> Run:
        """A run that is complete: taken as it is, gone on with, or begun; one with other settings is refused.

        Args:
            rows: prompts.
            folder: of the run.
            trained: whether the model stands in the folder of the proof, whose path is no setting.
            settings: keys of a run file.
        """
        if trained and (folder / "manifest.json").exists():
            done = Run.open(folder, checks=self.constitution.own_checks)
            if done.complete:
                return done
        self.say(f"{folder.name}: {len(rows)} records")
        return self.constitution.generate(rows, folder, model=self.model, **{**self.settings, **settings})

    def answers(self, rows: Sequence[dict[str, Any]], folder: Path, **settings: Any) -> Run:
        """A run with ANSWERS answers to each question, judged by nobody unless a judge is named."""
        given = {"recipe": "ai_feedback", "candidates": ANSWERS, "judge": nobody(), **settings}
        roles = {"draft": self.settings["roles"]["draft"]}
        return self.run(rows, folder, roles=roles, **given)


def nobody() -> CallableJudge:
    """The judge of answers that are only wanted: code looks at them later."""
    return CallableJudge(lambda _, answers: [0.0] * len(answers), name="nobody")


def provable(constitution: Constitution) -> list[Principle]:
    """The principles that code can decide, that revise and that have a text."""
    mine = constitution.principles.principles
    return [one for one in mine if one.checks and one.revises and one.text and one.weight > 0]
