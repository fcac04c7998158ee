"""One answer under a principle and one under its negation: a pair without a judge, who may confirm it.

Each side is a system turn that no row keeps. Source: Yang et al. 2023, "RLCD: Reinforcement Learning from Contrastive
Distillation for Language Model Alignment" (arXiv 2307.12950), section 3: a positive and a negative prompt for the same
conversation, the pair labelled by construction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar

from constitution.engine import Ask, Completion, ModelRole, Sampling
from constitution.errors import SettingsError
from constitution.flow import Flow, Longest, ask_all
from constitution.messages import Conversation, Prompt, system
from constitution.principles import Principle, Principles
from constitution.recipes.ai_feedback import candidate_of
from constitution.recipes.judging import Judging
from constitution.recipes.sampling import DRAFT_SAMPLING, sampling_settings
from constitution.records import Trace
from constitution.seeds import Seeds
from constitution.steps.draft import unusable_text
from constitution.steps.label import usable_candidates
from constitution.templates import fill


@dataclass(frozen=True)
class Contrast:
    """Two answers, one for each side of a principle."""

    principles: Principles
    judging: Judging | None = None
    """Who confirms the pairs; None = nobody."""
    draft_sampling: Sampling = DRAFT_SAMPLING
    lora: Mapping[ModelRole, str] = field(default_factory=lambda: MappingProxyType({}))

    name: ClassVar[str] = "contrast"
    stages: ClassVar[tuple[str, ...]] = ("draft", "think", "judge")

    def __post_init__(self) -> None:
        usable = [each for each in self.principles.principles if each.contrasts]
        if not usable:
            raise SettingsError(
                f"constitution '{self.principles.name}' has no principle with `text` and `negation` and a weight above "
                "0; contrast needs at least one"
            )
        for principle in usable:
            if self.judging is not None:
                self.judging.require(principle)
            sides(self.principles, principle, ())

    @property
    def roles(self) -> tuple[ModelRole, ...]:
        """The models that it asks."""
        return ("draft",) if self.judging is None else ("draft", "judge")

    @property
    def sampling(self) -> Mapping[ModelRole, Sampling]:
        """How each role samples."""
        judge: Mapping[ModelRole, Sampling] = {} if self.judging is None else {"judge": self.judging.sampling}
        return {"draft": self.draft_sampling, **judge}

    @property
    def labels(self) -> Mapping[ModelRole, tuple[str, ...]]:
        """The labels that are read of the judge."""
        return {} if self.judging is None else {"judge": self.judging.labels}

    def settings(self) -> dict[str, object]:
        """All that shapes its rows besides the constitution; JSON values only."""
        return {
            "recipe": self.name,
            **({} if self.judging is None else self.judging.settings()),
            "sampling": {role: sampling_settings(sampling) for role, sampling in self.sampling.items()},
            "lora": dict(self.lora),
        }

    def unusable(self, question: Ask, completion: Completion) -> str | None:
        """Why a completion cannot be used and is worth asking again."""
        if question.stage == "judge":
            return None
        return unusable_text(completion, whole=question.stage != "think")

    def flow(self, prompt: Prompt, seeds: Seeds) -> Flow[Trace]:
        """The chain of one record and sample."""
        trace = Trace(
            prompt.id, seeds.sample, prompt.conversation, None, tags=prompt.tags, metadata=prompt.metadata,
            constitution=self.principles.digest, tools=prompt.tools,
        )  # fmt: skip
        drawn = self.principles.draw(seeds, 1, prompt.tags, "contrasts")
        if not drawn:
            return replace(trace, reason="no_principle")
        (principle,) = drawn
        both = sides(self.principles, principle, prompt.conversation)
        answers = yield from ask_all(
            tuple(
                Ask("draft", "draft", turns, self.draft_sampling, round=number, tools=prompt.tools,
                    lora=self.lora.get("draft"))
                for number, turns in enumerate(both)
            )
        )  # fmt: skip
        keeps = candidate_of(0, answers[0], principle.id, "text")
        breaks = candidate_of(1, answers[1], principle.id, "negation")
        trace = replace(trace, candidates=(keeps, breaks))
        if len(usable_candidates(trace.candidates)) < 2:
            return replace(trace, reason=keeps.unusable or breaks.unusable or "too_few")
        if self.judging is None:
            return trace
        texts = ((0, keeps.text), (1, breaks.text))
        drawn_for = dict.fromkeys(self.judging.uses, (principle,))
        judged, scored = yield from self.judging.judge(prompt, texts, (texts,), drawn_for)
        return replace(trace, judged=judged, scored=scored)

    def longest(self, prompt: Prompt, seeds: Seeds) -> Mapping[ModelRole, Longest]:
        """The longest request to each role."""
        most = self.draft_sampling.max_tokens
        found: dict[ModelRole, Longest] = {}
        for principle in self.principles.draw(seeds, 1, prompt.tags, "contrasts"):
            turns = max(sides(self.principles, principle, prompt.conversation), key=lambda each: len(each[0].content))
            found["draft"] = Longest(turns, most)
            if self.judging is not None:
                drawn = dict.fromkeys(self.judging.uses, (principle,))
                found["judge"] = self.judging.longest(prompt, drawn, (), (most, most))
        return found


def sides(
    principles: Principles, principle: Principle, conversation: Conversation
) -> tuple[Conversation, Conversation]:
    """The conversation under the principle, and under its negation.

    The side stands at the end of the conversation's own system turn where it has one: many templates take only one.
    """
    found = []
    for text in (principle.text, principle.negation):
        said = fill("contrast", replace(principle, text=text), principles.context, principles.templates)
        if conversation and conversation[0].role == "system":
            first = replace(conversation[0], content=f"{conversation[0].content}\n\n{said}")
            found.append((first, *conversation[1:]))
        else:
            found.append((system(said), *conversation))
    return found[0], found[1]
