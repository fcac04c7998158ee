"""Answers that exist, judged as they are: two against each other, or each by itself.

Nothing is drafted, and nothing dropped for what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar

from constitution.engine import Ask, Completion, ModelRole, Sampling
from constitution.flow import Flow, Longest
from constitution.messages import Prompt
from constitution.recipes.ai_feedback import given_candidates, unusable_judged
from constitution.recipes.judging import Judging
from constitution.recipes.sampling import sampling_settings
from constitution.records import Trace
from constitution.seeds import Seeds
from constitution.steps.filter import same_text


@dataclass(frozen=True)
class JudgeGiven:
    """The judge alone, over `Prompt.responses`: one, or two."""

    judging: Judging
    lora: Mapping[ModelRole, str] = field(default_factory=lambda: MappingProxyType({}))

    name: ClassVar[str] = "judge"
    stages: ClassVar[tuple[str, ...]] = ("think", "judge")
    roles: ClassVar[tuple[ModelRole, ...]] = ("judge",)

    @property
    def sampling(self) -> Mapping[ModelRole, Sampling]:
        """How the judge samples its thoughts."""
        return {"judge": self.judging.sampling}

    @property
    def labels(self) -> Mapping[ModelRole, tuple[str, ...]]:
        """The labels that are read of the judge."""
        return {"judge": self.judging.labels}

    def settings(self) -> dict[str, object]:
        """All that shapes its rows besides the constitution; JSON values only."""
        sampling = {"judge": sampling_settings(self.judging.sampling)}
        return {"recipe": self.name, **self.judging.settings(), "sampling": sampling, "lora": dict(self.lora)}

    def unusable(self, question: Ask, completion: Completion) -> str | None:
        """Why a completion cannot be used and is worth asking again. A thought may be cut; a label is read as it is."""
        return unusable_judged(question, completion)

    def flow(self, prompt: Prompt, seeds: Seeds) -> Flow[Trace]:
        """The chain of one prompt. Two answers that are the same (law 8) are asked nothing."""
        candidates = given_candidates(prompt)
        trace = Trace(
            prompt.id, seeds.sample, prompt.conversation, None, tags=prompt.tags, metadata=prompt.metadata,
            constitution=self.judging.principles.digest, tools=prompt.tools, candidates=candidates,
            preferred=prompt.preferred,
        )  # fmt: skip
        texts = tuple((each.number, each.text) for each in candidates)
        if len(texts) == 2 and same_text(texts[0][1], texts[1][1]):
            return trace
        drawn = self.judging.drawn(prompt, seeds)
        if drawn and not any(drawn.values()):
            return replace(trace, reason="no_principle")
        pairs = [(texts[0], texts[1])] if len(texts) == 2 else []
        judged, scored = yield from self.judging.judge(prompt, texts, pairs, drawn)
        return replace(trace, judged=judged, scored=scored)

    def longest(self, prompt: Prompt, seeds: Seeds) -> Mapping[ModelRole, Longest]:
        """The longest request to the judge."""
        known = [each.text for each in given_candidates(prompt)]
        return {"judge": self.judging.longest(prompt, self.judging.drawn(prompt, seeds), known, ())}
