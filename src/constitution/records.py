"""What a chain leaves behind: drafts, critiques, revisions, traces; and what is made of them: pairs and drops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from constitution.messages import Better, Conversation
from constitution.principles import Reply
from constitution.verdicts import Judged, JudgeRead, Opinion, Scored

SCHEMA_VERSION = 3
"""Of manifests and rows. 1 knew neither tools nor what a turn says besides text, 2 no candidates and no verdicts; both
are still read."""

Outcome: TypeAlias = Literal["paired", "fine", "dropped", "failed"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
"""An input with several chains has the first of these that one of them has."""

REASONS: dict[str, str] = {
    "duplicate": "the same conversation, response and tags stand earlier in the input",
    "bad_row": "the row is no prompt, and bad rows were to be dropped",
    "contaminated": "the input repeats a prompt of an evaluation that was to be kept out",
    "no_principle": "no principle of the constitution applies to the prompt's tags",
    "too_long": "the conversation and the longest chain over it do not fit the model's context",
    "empty": "the model answered nothing, also when asked again",
    "only_thoughts": "the model wrote thoughts and no answer, also when asked again",
    "truncated": "the answer reached max_tokens, also when asked again",
    "unreadable_finding": "the finding was not the JSON that was asked for, also when asked again",
    "leak": "the machinery shows in a text: the request, a worked example, a finding, a think block, only a preamble",
    "copies_critique": "the revision mostly repeats the critique",
    "equal": "chosen and rejected differ at most in spaces and in punctuation at the ends",
    "check_worse": "the rejected text keeps a check of a drawn principle that the chosen text breaks",
    "contradictory": "the same two texts were given the other way round too",
    "too_few": "fewer than two answers can be held against each other: the others are unusable or say the same",
    "tie": "the judge finds neither answer better",
    "unreadable": "the judge's verdict cannot be read: a label is missing, or its words name none",
    "order_inconsistent": "the judge prefers one answer in one order and the other in the other",
    "circular": "the judge's verdicts on the candidates go round in a circle, so that none is best",
    "judged_worse": "the judge finds the chosen text worse than the rejected one",
    "unverified": "the judge was not asked about this pair: another pair policy was set when the run was made",
    "repetition": "the chosen text mostly says the same thing over and over",
    "length_extreme": "one text has more than fifty times the words of the other",
    "teaches_refusal": "an answer is wanted, and the chosen text is a full refusal",
    "some_repetition": "the chosen text says something over and over",
    "rejected_repetition": "the rejected text says something over and over",
    "length_ratio": "one text has more than four times the words of the other",
    "other_language": "the chosen text is in another language than the question",
    "meta_talk": "the chosen text speaks of its own rewriting",
    "chosen_refuses": "the chosen text refuses more than is wanted, or refuses where nothing is stated",
    "chosen_answers": "a refusal is wanted, and the chosen text answers",
    "both_refuse": "both texts are full refusals",
    "near_copy": "the two texts share nine tenths of their word trigrams",
    "equal_truncated": "chosen and rejected are the same where a trainer cuts them",
    "filtered": "an own filter of the export saw something; its name stands in the detail",
}
"""Every reason for which an input or a pair is dropped."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The first answer, sampled or given."""

    text: str
    given: bool = False
    reasoning: str | None = None
    attempts: int = 1
    """Requests that it took; 0 if it was given."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A structured critique. `violates` alone decides; contradictions are counted."""

    applies: bool
    violates: bool
    severity: int
    """0 none, 1 slight, 2 clear, 3 grave."""
    critique: str

    @property
    def contradicts_itself(self) -> bool:
        """Whether it says that the answer violates what does not apply, or violates with severity 0."""
        return self.violates and (not self.applies or self.severity == 0)


@dataclass(frozen=True, slots=True)
class Critique:
    """Criticism of the last good text."""

    text: str
    finding: Finding | None = None
    truncated: bool = False
    reasoning: str | None = None
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Revision:
    """A rewritten answer."""

    text: str
    """Without preamble, closing remark and thoughts."""
    defect: str | None = None
    """One of REASONS if it is no good revision, else None."""
    preamble: str | None = None
    """What was stripped: an introduction, a closing remark, or both."""
    similarity: float = 0.0
    """Share of word trigrams in common with the text that it revises, 0 to 1 (Jaccard)."""
    reasoning: str | None = None
    attempts: int = 1

    @property
    def good(self) -> bool:
        """Whether it can be chosen."""
        return self.defect is None


@dataclass(frozen=True, slots=True)
class Round:
    """One principle, one critique, one revision."""

    number: int
    """From 1."""
    principle: str
    """The principle's id."""
    critique: Critique | None = None
    """None where critique is off, or where no critique could be used."""
    revision: Revision | None = None
    """None after a finding without violation, or where no revision could be used."""
    unusable: str | None = None
    """One of REASONS if critique or revision stayed unusable."""


Side: TypeAlias = Literal["text", "negation"]
"""Whether an answer was made under a principle's `text` or under its `negation`."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of several answers to the same conversation."""

    number: int
    """From 0. Its name in verdicts."""
    text: str
    """Empty where it stayed unusable."""
    given: bool = False
    reasoning: str | None = None
    attempts: int = 1
    """Requests that it took; 0 if it was given."""
    principle: str | None = None
    """Id of the principle whose side was its system turn."""
    side: Side | None = None
    unusable: str | None = None
    """One of REASONS if it stayed unusable."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that one chain said. A sealed shard is rows of these."""

    record: str
    sample: int
    conversation: Conversation
    draft: Draft | None
    rounds: tuple[Round, ...] = ()
    reason: str | None = None
    """One of REASONS if the chain ended without a usable draft or before its first request."""
    tags: tuple[str, ...] = ()
    metadata: str | None = None
    constitution: str = ""
    """Digest of the constitution."""
    tools: str | None = None
    """The tools that the conversation may call: a JSON array as canonical text."""
    candidates: tuple[Candidate, ...] = ()
    """Of a recipe that holds several answers against each other; it has no draft and no rounds then."""
    judged: tuple[Judged, ...] = ()
    """Pairs of its texts that a judge compared."""
    scored: tuple[Scored, ...] = ()
    """Its texts that a judge examined one at a time."""
    preferred: Better | None = None
    """What people say of its first two candidates; no judge was told."""

    @property
    def principles(self) -> tuple[str, ...]:
        """Ids of the principles that its texts were made under, in order."""
        made = (candidate.principle for candidate in self.candidates if candidate.principle is not None)
        return (*(round.principle for round in self.rounds), *dict.fromkeys(made))

    @property
    def first_text(self) -> str | None:
        """The first answer: the draft, or the first candidate that has a text."""
        if self.draft is not None:
            return self.draft.text
        return next((candidate.text for candidate in self.candidates if candidate.text), None)

    @property
    def good_rounds(self) -> tuple[Round, ...]:
        """The rounds whose revision stands: they alone made the texts after the draft."""
        return tuple(round for round in self.rounds if round.revision is not None and round.revision.good)

    @property
    def texts(self) -> dict[int, str]:
        """Its texts by the numbers that pairs and verdicts call them by: of candidates, or of rounds, 0 = draft."""
        if self.candidates:
            return {candidate.number: candidate.text for candidate in self.candidates}
        found = {} if self.draft is None else {0: self.draft.text}
        return found | {round.number: round.revision.text for round in self.rounds if round.revision is not None}

    @property
    def final(self) -> str | None:
        """The last good text: the last good revision, else the draft."""
        for round in reversed(self.rounds):
            if round.revision is not None and round.revision.good:
                return round.revision.text
        return self.draft.text if self.draft else None


@dataclass(frozen=True, slots=True)
class Dropped:
    """A pair that was proposed and not kept."""

    reason: str
    detail: str = ""
    rounds: tuple[int, int] | None = field(default=None, compare=False)
    """Of its two texts, as in a pair; None where one of them is no text to train on."""
    sample: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """Two answers to one conversation, the better one first."""

    record: str
    sample: int
    index: int
    """Of the pairs that its chain proposed."""
    conversation: Conversation
    chosen: str
    rejected: str
    principles: tuple[str, ...]
    """Ids of the principles whose revisions led from the rejected text to the chosen one; no discarded round's. Of
    judged candidates those that the judge was asked about."""
    rounds: tuple[int, int]
    """Round of the rejected text (0 = draft) and of the chosen one; of candidates their numbers."""
    similarity: float
    """Share of word trigrams in common, 0 to 1 (Jaccard)."""
    checks: tuple[CheckResult, ...] = ()
    tags: tuple[str, ...] = ()
    metadata: str | None = None
    tools: str | None = None
    """The tools that the conversation may call: a JSON array as canonical text."""
    judge: JudgeRead | None = None
    """How it was judged; None if it was not."""
    margin: float | None = None
    """Natural-log odds that the chosen text is better; None where no judge gave a number."""
    p_chosen: float | None = None
    """Probability that the chosen text is better, 0 to 1, as the judge has it."""
    position_consistent: bool | None = None
    """Whether both orders prefer the same text; None where no orders were asked."""
    votes: tuple[Opinion, ...] = ()
    """What each principle says of it, turned to the chosen text."""
    flags: tuple[str, ...] = ()
    """What was seen that is no reason to drop it: of filters their names."""
    wanted: Reply | None = None
    """The kind of reply that the prompt's tags deserve; None where none is stated."""
    chosen_refusal: str | None = None
    """What the chosen text refuses: `full`, `partial` or `none`; None where its language has no cues."""
    rejected_refusal: str | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What code says of the two sides of a pair, for one principle."""

    principle: str
    rejected_keeps: bool
    chosen_keeps: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """A chain that an error ended. Its answers stay in the journal."""

    record: str
    sample: int
    stage: str
    error: str
    """Class of the error."""
    message: str
    attempts: int = 1
    preferred: Better | None = None
    """What people say of the two answers that came with its input."""


ChainResult: TypeAlias = Trace | Failure
