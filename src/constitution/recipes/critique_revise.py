"""Critique and revision of a draft, round by round (SL-CAI).

Source: Bai et al. 2022, "Constitutional AI: Harmlessness from AI Feedback" (arXiv 2212.08073), section 3.1: draft, then
rounds of critique and revision, a principle drawn anew for each round; section 3.5: revisions without critique.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import ClassVar

from constitution.engine import Answer, Ask, Completion, ModelRole, Sampling
from constitution.errors import SettingsError
from constitution.flow import Flow, Longest
from constitution.messages import Conversation, Prompt, assistant, user
from constitution.principles import Principle, Principles, Use
from constitution.recipes.judging import Judging, Text
from constitution.recipes.sampling import DRAFT_SAMPLING, sampling_settings
from constitution.records import Critique, Draft, PreferencePair, Revision, Round, Trace
from constitution.seeds import Seeds
from constitution.steps.confirm import Confirming
from constitution.steps.critique import FINDING_SCHEMA, Chat, critique, critique_request, unusable_finding
from constitution.steps.draft import draft, unusable_text
from constitution.steps.pair import Pairing, PairPolicy, pairs
from constitution.steps.revise import judge_revision, revise, revise_request
from constitution.verdicts import Judged

DEFAULT_ROUNDS = 2
DEFAULT_SAMPLING: Mapping[ModelRole, Sampling] = MappingProxyType(
    {
        "draft": DRAFT_SAMPLING,
        "critique": Sampling(max_tokens=384, temperature=0.7),
        "revise": Sampling(max_tokens=768, temperature=0.7),
    }
)
"""How each role samples where the user says nothing. No top_p: on a CPU it costs more than half of the speed."""
MAX_ROUNDS = 16


@dataclass(frozen=True)
class CritiqueRevise:
    """Draft, then `rounds` of critique and revision."""

    principles: Principles
    rounds: int = DEFAULT_ROUNDS
    with_critique: bool = True
    verdict_first: bool = False
    """Ask for a structured finding first; a finding without violation makes no revision."""
    sampling: Mapping[ModelRole, Sampling] = field(default_factory=lambda: DEFAULT_SAMPLING)
    lora: Mapping[ModelRole, str] = field(default_factory=lambda: MappingProxyType({}))
    judging: Judging | None = None
    """Who confirms the pairs, each under the principles of its own revisions; None = nobody."""
    policy: PairPolicy = "first_last"
    """Which pairs the judge is asked about."""

    name: ClassVar[str] = "critique_revise"

    def __post_init__(self) -> None:
        if not 1 <= self.rounds <= MAX_ROUNDS:
            raise SettingsError(f"rounds is {self.rounds}, expected 1 to {MAX_ROUNDS}")
        if self.verdict_first and not self.with_critique:
            raise SettingsError("verdict-first asks for a critique: it does not go with the mode without critique")
        if not any(principle.revises for principle in self.principles.principles):
            raise SettingsError(
                f"constitution '{self.principles.name}' has no principle with `critique` and `revision` and a weight "
                "above 0; critique_revise needs at least one"
            )
        for principle in self.principles.principles:
            if self.judging is not None and principle.revises:
                self.judging.require(principle)
        own: dict[ModelRole, Sampling] = {} if self.judging is None else {"judge": self.judging.sampling}
        sampling = {**DEFAULT_SAMPLING, **self.sampling, **own}
        if self.verdict_first:
            finding = sampling["critique"]
            if finding.temperature <= 0:
                raise SettingsError(
                    "findings are sampled: set the temperature of role critique above 0 (small models loop)"
                )
            sampling["critique"] = replace(finding, json_schema=FINDING_SCHEMA)
        object.__setattr__(self, "sampling", MappingProxyType(sampling))
        assert self._turns  # filled now: a template that breaks on a principle is refused before the first token

    @property
    def roles(self) -> tuple[ModelRole, ...]:
        """The models that it asks."""
        judge: tuple[ModelRole, ...] = () if self.judging is None else ("judge",)
        return ("draft", "critique", "revise", *judge) if self.with_critique else ("draft", "revise", *judge)

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of its stages in the order in which a record passes them."""
        return ("draft", "critique", "revise", *(() if self.judging is None else ("think", "judge")))

    @property
    def labels(self) -> Mapping[ModelRole, tuple[str, ...]]:
        """The labels that are read of a judge."""
        return {} if self.judging is None else {"judge": self.judging.labels}

    def settings(self) -> dict[str, object]:
        """All that shapes its rows besides the constitution; JSON values only."""
        return {
            "recipe": self.name,
            "rounds": self.rounds,
            "with_critique": self.with_critique,
            "verdict_first": self.verdict_first,
            "sampling": {role: sampling_settings(self.sampling[role]) for role in self.roles},
            "lora": dict(self.lora),
            **({} if self.judging is None else {**self.judging.settings(), "compared": self.policy}),
        }

    def unusable(self, question: Ask, completion: Completion) -> str | None:
        """Why a completion cannot be used and is worth asking again. A prose critique may be cut at max_tokens."""
        if question.stage == "judge":
            return None
        if question.stage == "critique" and question.sampling.json_schema:
            return unusable_finding(completion)
        return unusable_text(completion, whole=question.stage not in ("critique", "think"))

    def flow(self, prompt: Prompt, seeds: Seeds) -> Flow[Trace]:
        """The chain of one record and sample."""
        trace = Trace(
            record=prompt.id,
            sample=seeds.sample,
            conversation=prompt.conversation,
            draft=None,
            tags=prompt.tags,
            metadata=prompt.metadata,
            constitution=self.principles.digest,
            tools=prompt.tools,
        )
        drawn = self.principles.draw(seeds, self.rounds, prompt.tags)
        if not drawn:
            return replace(trace, reason="no_principle")
        first, answer = yield from self._draft(prompt)
        if first is None:
            assert answer is not None
            return replace(trace, reason=answer.unusable)
        parent = answer if answer is not None and answer.completion.text == first.text else None
        chat = Chat((*self._opening(prompt.conversation), assistant(first.text)), parent, prompt.tools)
        rounds: list[Round] = []
        for number, principle in enumerate(drawn, start=1):
            done, chat = yield from self._round(chat, number, principle, first.text)
            rounds.append(done)
        trace = replace(trace, draft=first, rounds=tuple(rounds))
        return trace if self.judging is None else (yield from self._judged(prompt, trace, self.judging))

    def _judged(self, prompt: Prompt, trace: Trace, judging: Judging) -> Flow[Trace]:
        """The trace with what the judge says of its pairs, each under the principles that led to its better text."""
        proposed = pairs(trace, Pairing(self.policy, Confirming("none")), {})
        judged: list[Judged] = []
        texts: dict[int, Text] = {}
        for pair in (pair for pair in proposed if isinstance(pair, PreferencePair)):
            rejected, chosen = (pair.rounds[0], pair.rejected), (pair.rounds[1], pair.chosen)
            texts |= {rejected[0]: rejected, chosen[0]: chosen}
            asked = self._asked(judging, pair.principles, ("compares",))
            found, _ = yield from judging.judge(prompt, (), ((chosen, rejected),), asked)
            judged += found
        examined = self._asked(judging, [round.principle for round in trace.good_rounds], ("scores",))
        _, scored = yield from judging.judge(prompt, tuple(texts.values()), (), examined)
        return replace(trace, judged=tuple(judged), scored=scored)

    def _asked(self, judging: Judging, ids: Sequence[str], uses: Sequence[Use]) -> Mapping[Use, tuple[Principle, ...]]:
        """Of the principles with these ids those that the judge can be asked about, for each way of asking."""
        own = [self.principles[id] for id in dict.fromkeys(ids)]
        return {use: tuple(each for each in own if getattr(each, use)) for use in uses if use in judging.uses}

    def longest(self, prompt: Prompt, seeds: Seeds) -> Mapping[ModelRole, Longest]:
        """The longest request to each role: that of the last round of a chain that keeps every round.

        What is cut out of a transcript only shortens it.
        """
        found: dict[ModelRole, Longest] = {}
        total = 0
        if prompt.response is None:
            total = self.sampling["draft"].max_tokens
            found["draft"] = Longest(prompt.conversation, total)
        turns = (*self._opening(prompt.conversation), assistant(prompt.response or ""))
        for principle in self.principles.draw(seeds, self.rounds, prompt.tags):
            criticise, rewrite = self._turns[principle.id]
            if self.with_critique:
                turns = (*turns, user(criticise))
                total += self.sampling["critique"].max_tokens
                found["critique"] = Longest(turns, total)
                turns = (*turns, assistant(""))
            turns = (*turns, user(rewrite))
            total += self.sampling["revise"].max_tokens
            found["revise"] = Longest(turns, total)
            turns = (*turns, assistant(""))
        drawn = self.principles.draw(seeds, self.rounds, prompt.tags)
        if self.judging is not None and drawn:
            known = () if prompt.response is None else (prompt.response,)
            revisions = 1 if self.policy == "first_last" else len(drawn)
            most = [self.sampling["draft"].max_tokens, *[self.sampling["revise"].max_tokens] * revisions]
            own = self._asked(self.judging, [principle.id for principle in drawn], self.judging.uses)
            found["judge"] = self.judging.longest(prompt, own, known, most[len(known) :])
        return found

    @cached_property
    def _worked(self) -> tuple[str, ...]:
        """The answers of the few-shots: a small model hands them back as its own."""
        shots = self.principles.few_shots.critique
        return tuple(message.content for shot in shots for message in shot if message.role == "assistant")

    @cached_property
    def _turns(self) -> Mapping[str, tuple[str, str]]:
        """The critique and the revision request of each principle, filled once."""
        return {
            principle.id: (
                critique_request(self.principles, principle, finding=self.verdict_first) if self.with_critique else "",
                revise_request(self.principles, principle, direct=not self.with_critique),
            )
            for principle in self.principles.principles
            if principle.revises
        }

    def _opening(self, conversation: Conversation) -> Conversation:
        """The conversation with few-shots after its own system turns."""
        if not self.with_critique:
            return conversation
        shots = tuple(message for shot in self.principles.few_shots.critique for message in shot)
        head = 0
        while head < len(conversation) and conversation[head].role in ("system", "developer"):
            head += 1
        return (*conversation[:head], *shots, *conversation[head:])

    def _draft(self, prompt: Prompt) -> Flow[tuple[Draft | None, Answer | None]]:
        if prompt.response is not None:
            return Draft(prompt.response, given=True, attempts=0), None
        answer = yield from draft(prompt, self.sampling["draft"], self.lora.get("draft"))
        if answer.unusable:
            return None, answer
        return Draft(answer.completion.text, reasoning=answer.completion.reasoning, attempts=answer.attempts), answer

    def _round(self, chat: Chat, number: int, principle: Principle, first: str) -> Flow[tuple[Round, Chat]]:
        """One principle; the chat that comes back ends with the last good text."""
        criticism: Critique | None = None
        so_far = chat
        criticise, rewrite = self._turns[principle.id]
        if self.with_critique:
            answer, criticism = yield from critique(
                chat, criticise, number, self.sampling["critique"], self.lora.get("critique")
            )
            if criticism is None:
                return Round(number, principle.id, unusable=answer.unusable), chat
            if criticism.finding is not None and not criticism.finding.violates:
                return Round(number, principle.id, criticism), chat
            turns = (*chat.messages, user(criticise), assistant(answer.completion.text))
            so_far = replace(chat, messages=turns, parent=answer)
        answer = yield from revise(so_far, rewrite, number, self.sampling["revise"], self.lora.get("revise"))
        if answer.unusable:
            return Round(number, principle.id, criticism, unusable=answer.unusable), chat
        before = chat.messages[-1].content
        revision = judge_revision(
            answer,
            draft=first,
            before=before,
            critique=criticism.text if criticism else None,
            requests=(criticise, rewrite, *self._worked) if self.with_critique else (rewrite,),
        )
        done = Round(number, principle.id, criticism, revision)
        return done, (self._after(so_far, rewrite, answer, revision) if revision.good else chat)

    @staticmethod
    def _after(chat: Chat, request: str, answer: Answer, revision: Revision) -> Chat:
        """The transcript with a good revision; its own answer is the parent only where nothing was stripped."""
        turns = (*chat.messages, user(request), assistant(revision.text))
        whole = revision.text == answer.completion.text
        return replace(chat, messages=turns, parent=answer if whole else chat.parent)
