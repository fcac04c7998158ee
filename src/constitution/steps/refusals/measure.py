"""Measure: what the tagger says of many answers, held against people's labels. Holds counts, and the hardest rows."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, get_args

from constitution.intervals import Interval, mcnemar, share
from constitution.steps.refusals.tag import KINDS, REFUSES_FROM, Cue, Refusal, RefusalKind

Label: TypeAlias = Literal["full", "partial", "refused", "none"]
"""What people say of an answer; `refused` where they tell no full refusal from a partial one."""
LABELS: tuple[Label, ...] = get_args(Label)
HARDEST = 10
"""Rows that are kept, unless more are asked for."""
MOST_GROUPS = 200
"""Different values of a column that are counted apart, the first to come; all others are counted as OTHERS."""
OTHERS = "(all others)"
NOT_STATED = "(not stated)"
"""Stands for a value that a row has not."""
EXCERPT = 160
"""Characters of a row that is shown."""
MOST_WORDINGS = 20_000
"""Wordings of cues that are counted; when there are more, the rarer half is forgotten and begins anew."""

_CUT_BEFORE, _CUT_BEHIND = re.compile(r"^\S{0,20}\s+"), re.compile(r"\s+\S{0,20}$")
"""Of an excerpt: what may be half a word."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that exists, and what is known of it."""

    text: str
    number: int = 0
    """Of its row, 1-based."""
    place: str = ""
    """Where it stands, for a person."""
    id: str | None = None
    """Of its row, where it has one."""
    side: str = ""
    """`chosen`, `rejected`, `draft`, `candidate`, where a row has several answers."""
    label: Label | None = None
    """What people say of it."""
    said: str = ""
    """The label as it stands there."""
    other: Label | None = None
    """What another tagger says, or other people."""
    groups: tuple[tuple[str, str], ...] = ()
    """What it is counted by besides: `("model", "llama")`."""


@dataclass(slots=True)
class Tally:
    """Counts of answers. What was read and labelled is the sum of `confusion`, what was read the sum of `kinds`."""

    kinds: Counter[RefusalKind] = field(default_factory=Counter)
    """Of answers that were read."""
    unread: int = 0
    """Answers in a language that has no cues."""
    confusion: Counter[tuple[Label, RefusalKind]] = field(default_factory=Counter)
    """By what people say, and what the tagger says."""

    def add(self, label: Label | None, refusal: Refusal) -> None:
        """Count one answer."""
        if refusal.language is None:
            self.unread += 1
            return
        self.kinds[refusal.kind] += 1
        if label is not None:
            self.confusion[label, refusal.kind] += 1

    @property
    def read(self) -> int:
        """Answers in a language that has cues."""
        return self.kinds.total()

    @property
    def answers(self) -> int:
        """All of them."""
        return self.read + self.unread

    @property
    def labelled(self) -> int:
        """Answers that were read, and of which people say something."""
        return self.confusion.total()

    def share(self, *kinds: RefusalKind) -> Interval | None:
        """How many of what was read are of these kinds; None of nothing."""
        return share(sum(self.kinds[kind] for kind in kinds), self.read)

    @property
    def accuracy(self) -> Interval | None:
        """How often tagger and people agree whether anything is refused; None without labels."""
        return share(self._count(True, True) + self._count(False, False), self.labelled)

    @property
    def precision(self) -> Interval | None:
        """Of answers that are tagged a refusal, how many are one for people; None of none."""
        found = self._count(True, True)
        return share(found, found + self._count(False, True))

    @property
    def recall(self) -> Interval | None:
        """Of answers that are a refusal for people, how many are tagged one; None of none."""
        found = self._count(True, True)
        return share(found, found + self._count(True, False))

    @property
    def exact(self) -> Interval | None:
        """How often both say the same of full, partial and none; None where no label tells full from partial.

        Answers whose label says only that something is refused are left out.
        """
        told = [(label, kind, count) for (label, kind), count in self.confusion.items() if count and label != "refused"]
        if all(label == "none" for label, *_ in told):
            return None
        return share(sum(count for label, kind, count in told if label == kind), sum(count for *_, count in told))

    @property
    def rows(self) -> Mapping[Label, Mapping[RefusalKind, int]]:
        """The confusion as a table, without labels that nobody gave."""
        return {
            label: {kind: self.confusion[label, kind] for kind in KINDS}
            for label in LABELS
            if any(self.confusion[label, kind] for kind in KINDS)
        }

    def _count(self, refused: bool, tagged: bool) -> int:
        return sum(
            count
            for (label, kind), count in self.confusion.items()
            if (label != "none") == refused and (kind != "none") == tagged
        )


@dataclass(slots=True)
class Against:
    """The tagger and another one on the same answers: how often each agrees with people whether anything is refused."""

    both: int = 0
    """Answers that both have right."""
    only_tagger: int = 0
    only_other: int = 0
    neither: int = 0

    def add(self, tagger: bool, other: bool) -> None:
        """Count one answer, by who has it right."""
        self.both += tagger and other
        self.only_tagger += tagger and not other
        self.only_other += other and not tagger
        self.neither += not tagger and not other

    @property
    def answers(self) -> int:
        """All that were held against each other."""
        return self.both + self.only_tagger + self.only_other + self.neither

    @property
    def tagger(self) -> Interval | None:
        """How often the tagger is right."""
        return share(self.both + self.only_tagger, self.answers)

    @property
    def other(self) -> Interval | None:
        """How often the other one is right."""
        return share(self.both + self.only_other, self.answers)

    @property
    def p(self) -> float:
        """How probable so unequal a split is if both are right equally often: McNemar's exact test, 0 to 1."""
        return mcnemar(self.only_tagger, self.only_other)


@dataclass(slots=True)
class CueCount:
    """One group of cues."""

    answers: int = 0
    """In which one of them counted."""
    points: float = 0.0
    """That they gave in all; above 0 they speak for a refusal."""
    wordings: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Hard:
    """A row that the tagger finds hard, or has otherwise than people."""

    answer: Answer
    """Its text is an excerpt."""
    refusal: Refusal
    points: float

    @property
    def differs(self) -> bool:
        """Whether people say otherwise."""
        return self.answer.label is not None and (self.answer.label != "none") != bool(self.refusal)


@dataclass(slots=True)
class Measured:
    """What was counted."""

    whole: Tally = field(default_factory=Tally)
    by: dict[str, dict[str, Tally]] = field(default_factory=dict)
    """By what rows have besides (`side`, `model`, `class`, `file`), and its values; each adds up to the whole. Where
    rows have several answers, all but `side` stand apart for each: `chosen by class` adds up to what is chosen."""
    against: Against = field(default_factory=Against)
    labels: Counter[tuple[str, Label]] = field(default_factory=Counter)
    """Labels as they stand there, with what they are read as."""
    languages: Counter[str | None] = field(default_factory=Counter)
    """ISO 639 codes; None for those that have no cues."""
    cues: dict[str, CueCount] = field(default_factory=dict)
    """Groups of cues that counted. A text that a row has twice, as its draft and as what is rejected, counts once."""
    hardest: tuple[Hard, ...] = ()
    """Where there are labels, rows that differ from them, those first that the tagger is surest of; else rows whose
    points are nearest to the threshold. Of the same text the first."""


def measure(tagged: Iterable[tuple[Answer, Refusal]], hardest: int = HARDEST) -> Measured:
    """Count answers and what the tagger says of them. Reads them once; memory does not grow with their number.

    Args:
        tagged: each answer with its tag.
        hardest: rows to keep.
    """
    found = Measured()
    words: Counter[tuple[str, str]] = Counter()
    differing, near = _Most(hardest), _Most(hardest)
    row, texts = (0, ""), set[str]()
    for answer, refusal in tagged:
        found.whole.add(answer.label, refusal)
        for by, value in answer.groups:
            name = f"{answer.side} by {by}" if answer.side and by != "side" else by
            _group(found.by.setdefault(name, {}), value).add(answer.label, refusal)
        found.languages[refusal.language] += 1
        if not answer.side or row != (answer.number, answer.place):
            row, texts = (answer.number, answer.place), set()
        if answer.text not in texts:
            _count_cues(found.cues, words, refusal)
        texts.add(answer.text)
        if answer.label is not None:
            found.labels[answer.said, answer.label] += 1
        if refusal.language is None:
            continue
        if answer.label is not None and answer.other is not None:
            refused = answer.label != "none"
            found.against.add(bool(refusal) == refused, (answer.other != "none") == refused)
        points = points_of(refusal)
        distance = abs(points - REFUSES_FROM)
        if answer.label is None:
            near.add(-distance, answer, refusal, points)
        elif (answer.label != "none") != bool(refusal):
            differing.add(distance, answer, refusal, points)
    for (group, wording), count in words.items():
        found.cues[group].wordings[wording] = count
    found.hardest = tuple(differing if found.labels else near)
    return found


def points_of(refusal: Refusal) -> float:
    """Points of a text: those of its cues. From REFUSES_FROM on it refuses, unless its form says otherwise."""
    return float(sum(cue.points for cue in refusal.cues))


def _group(tallies: dict[str, Tally], value: str) -> Tally:
    return tallies.setdefault(value if value in tallies or len(tallies) < MOST_GROUPS else OTHERS, Tally())


def _count_cues(cues: dict[str, CueCount], words: Counter[tuple[str, str]], refusal: Refusal) -> None:
    counting = [cue for cue in refusal.cues if cue.points]
    for name in {cue.group for cue in counting}:
        cues.setdefault(name, CueCount()).answers += 1
    for cue in counting:
        cues[cue.group].points += cue.points
        words[cue.group, " ".join(cue.text.lower().split())] += 1
    if len(words) > MOST_WORDINGS:
        for wording, _ in words.most_common()[MOST_WORDINGS // 2 :]:
            del words[wording]


class _Most:
    """The rows with the most of something, the earlier ones first where they have as much; each text once.

    The same text has the same points: when it comes again, it is either kept still, or has too little as before.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[float, int, int, Hard]] = []
        self._added = 0
        self._texts: set[int] = set()

    def add(self, much: float, answer: Answer, refusal: Refusal, points: float) -> None:
        """Keep a row, or forget it."""
        self._added += 1
        key = (much, -self._added)
        if not self._most or (not refusal.cues and answer.label is None):
            return
        if len(self._heap) == self._most and key < self._heap[0][:2]:
            return
        text = hash(answer.text)
        if text in self._texts:
            return
        self._texts.add(text)
        entry = (*key, text, Hard(_shortened(answer, refusal.cues), refusal, points))
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, entry)
        else:
            self._texts.discard(heapq.heapreplace(self._heap, entry)[2])

    def __iter__(self) -> Iterator[Hard]:
        return (hard for *_, hard in sorted(self._heap, reverse=True))


def _shortened(answer: Answer, cues: tuple[Cue, ...]) -> Answer:
    """The same with an excerpt: the beginning, or what stands around the cue that counted most."""
    first = len(answer.text) - len(answer.text.lstrip())
    start = max(cues, key=lambda cue: abs(cue.points)).start if cues else first
    begin = first if start < first + EXCERPT * 3 // 4 else start - EXCERPT // 4
    text = answer.text[begin : begin + EXCERPT]
    if begin > first:
        text = "... " + _CUT_BEFORE.sub("", text)
    if begin + EXCERPT < len(answer.text):
        text = _CUT_BEHIND.sub("", text) + " ..."
    return replace(answer, text=text)
