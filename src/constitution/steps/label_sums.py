"""What a judge did, counted: sums of a chunk, of a run, of several. Pure; no judge is asked.

Everything is a whole number, so that sums of parts are exactly the sum of the whole, in any order. A pair counts once,
and turning a pair round changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import combinations
from math import log2
from typing import Any

from constitution.records import ChainResult, Trace
from constitution.steps.agreement import names_of, verdict_on_two
from constitution.steps.filter import same_text
from constitution.steps.label import Court, Labelling, outcome_of
from constitution.verdicts import Judged, Opinion, Read, Reading, Scored, Verdict, order_means, sigmoid

PARTS = 1_000_000
"""Means are summed in millionths."""
SURE_PARTS = 10_000
"""How sure a verdict is, -1 to 1, is summed in ten thousandths where it is squared."""
LONGEST = 100_000
"""A larger difference of lengths counts as this one, so that no text outweighs a million pairs."""
MARGINS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Ends of the bins of margins, without their sign."""
BINS = 5
"""Of how sure a verdict is, 0.5 to 1."""


@dataclass
class LabelSums:
    """Counts of judged chains; `+=` with `add`."""

    chains: int = 0
    """Of which a judge said something."""
    pairs: Counter[str] = field(default_factory=Counter)
    """`judged` = `decided` + `tie` + `inconsistent` + `unreadable`, and what was seen of them."""
    margins: Counter[str] = field(default_factory=Counter)
    """Decided pairs by the end of their bin."""
    reads: dict[str, Counter[str]] = field(default_factory=dict)
    """By kind of read: `reads`, `unreadable`, label mass."""
    principles: dict[str, Counter[str]] = field(default_factory=dict)
    """By principle: what it said of pairs."""
    people: Counter[str] = field(default_factory=Counter)
    """Pairs of which people said something, each in one place."""
    sureness: dict[str, Counter[str]] = field(default_factory=dict)
    """Of pairs that people decided: by bin how many, how sure, how often right in halves."""

    def add(self, other: LabelSums) -> None:
        """Add the counts of another part."""
        self.chains += other.chains
        for mine, theirs in ((self.pairs, other.pairs), (self.margins, other.margins), (self.people, other.people)):
            mine.update(theirs)
        for groups, others in (
            (self.reads, other.reads), (self.principles, other.principles), (self.sureness, other.sureness),
        ):  # fmt: skip
            for name, counts in others.items():
                groups.setdefault(name, Counter()).update(counts)

    def count(self, result: ChainResult, labelling: Labelling) -> None:
        """Count one chain.

        Args:
            result: the chain; one that nobody judged changes nothing, unless people said something of it.
            labelling: how its reads become verdicts.
        """
        if isinstance(result, Trace) and (result.judged or result.scored):
            self.chains += 1
            self._count_reads(result)
            court = Court(result, labelling)
            other = _other_court(court, result)
            texts = result.texts
            for a, b in judged_pairs(result, court):
                found = court.verdict(a, b)
                if found is not None:
                    self._count_pair(found, labelling, len(texts[a]) - len(texts[b]), _meant(result, a, b))
                    self._compare(found, None if other is None else other.verdict(a, b))
        self._count_people(result, labelling)

    def _count_reads(self, trace: Trace) -> None:
        every: tuple[Judged | Scored, ...] = (*trace.judged, *trace.scored)
        for each in every:
            counts = self.reads.setdefault(each.read, Counter())
            for reading in each.readings:
                if each.read == "scoring":
                    _count_wordings(reading, counts)
                for read in reading.reads:
                    counts["reads"] += 1
                    counts["unreadable"] += _unreadable(read)
                    mass = read.label_mass
                    if mass is not None:
                        counts["mass_reads"] += 1
                        counts["mass"] += round(mass * PARTS)
                        counts[f"mass_{min(9, int(mass * 10))}"] += 1

    def _count_pair(self, found: Verdict, labelling: Labelling, longer: int, meant: int) -> None:
        """Count one verdict.

        Args:
            found: on `a` and `b`.
            labelling: that it was made by.
            longer: characters of `a` less those of `b`.
            meant: 1 where `a` was made to be the better one, -1 where `b` was, 0 where neither was.
        """
        pairs, side = self.pairs, _side(found)
        outcome = outcome_of(found, labelling)
        pairs["judged"] += 1
        pairs[outcome] += 1
        if found.better is not None:
            sure = sureness_of(found)
            pairs["entropy"] += round(_entropy(sure) * PARTS)
            _count_orders(order_means(found), pairs)
            _count_length(round(side * (2 * sure - 1) * SURE_PARTS), longer, pairs)
        if outcome == "decided":
            if found.margin is not None:
                end = next((str(end) for end in MARGINS if abs(found.margin) < end), "more")
                self.margins[end] += 1
            if longer:
                pairs["lengths_differ"] += 1
                pairs["longer_wins"] += side * longer > 0
            if meant:
                pairs["meant_decided"] += 1
                pairs["meant_wins"] += side == meant
        named = [opinion for opinion in found.by_principle if opinion.principle]
        several = sum(opinion.readable for opinion in named) > 1  # alone, a principle is the verdict
        label = side if outcome == "decided" and several else 0
        for opinion in named:
            counts = self.principles.setdefault(opinion.principle, Counter())
            _count_opinion(opinion, labelling, label, meant, counts)

    def _compare(self, one: Verdict, other: Verdict | None) -> None:
        """Count what the other read says of the same pair, where both can be read."""
        if other is None or one.better is None or other.better is None:
            return
        ties = (one.better == "tie") + (other.better == "tie")
        self.pairs["both_reads"] += 1
        same = "reads_agree" if one.better == other.better else "reads_disagree"
        self.pairs[("", "reads_one_tie", "reads_both_tie")[ties] if ties else same] += 1

    def _count_people(self, chain: ChainResult, labelling: Labelling) -> None:
        """Count what people said of the first two candidates beside what the judge says of them."""
        people = chain.preferred
        if people is None:
            return
        found = verdict_on_two(chain, labelling)
        self.people.update(names_of(people, found, labelling))
        if people != "tie" and found is not None and found.better is not None:
            self._count_sureness(sureness_of(found), 1 if found.better == "tie" else 2 * (found.better == people))

    def _count_sureness(self, sure: float, right_halves: int) -> None:
        counts = self.sureness.setdefault(str(min(BINS - 1, int((sure - 0.5) * 2 * BINS))), Counter())
        counts["pairs"] += 1
        counts["sure"] += round(sure * PARTS)
        counts["right_halves"] += right_halves

    def to_json(self) -> dict[str, Any]:
        """Plain data; zeros are left out of the counters."""
        return {
            "chains": self.chains,
            **{name: _plain(getattr(self, name)) for name in ("pairs", "margins", "people")},
            **{
                name: {key: _plain(counts) for key, counts in sorted(getattr(self, name).items())}
                for name in ("reads", "principles", "sureness")
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LabelSums:
        """The inverse of `to_json`; what is not there was not counted."""
        given = {each.name: data[each.name] for each in fields(cls) if each.name in data}
        for name in given.keys() & {"pairs", "margins", "people"}:
            given[name] = Counter(given[name])
        for name in given.keys() & {"reads", "principles", "sureness"}:
            given[name] = {key: Counter(counts) for key, counts in given[name].items()}
        return cls(**given)


def judged_pairs(trace: Trace, court: Court) -> Iterator[tuple[int, int]]:
    """The pairs of a trace's texts that the judge was asked about; each once, and none of texts that are the same.

    Where each text was examined by itself these are all pairs of them.
    """
    if court.read == "pairwise":
        asked = {frozenset((each.a, each.b)): (each.a, each.b) for each in trace.judged if each.readings}
        yield from asked.values()
        return
    texts = trace.texts
    numbers = sorted({each.number for each in trace.scored if each.read == court.read})
    for a, b in combinations(numbers, 2):
        if not same_text(texts[a], texts[b]):
            yield a, b


def sureness_of(found: Verdict) -> float:
    """How probable the better one is, 0.5 to 1; the same whichever way round the pair is. The verdict is readable."""
    if found.margin is not None:
        return sigmoid(abs(found.margin))
    assert found.p is not None
    return max(found.p, 1 - found.p)


def _side(found: Verdict) -> int:
    return {"a": 1, "b": -1}.get(str(found.better), 0)


def _entropy(p: float) -> float:
    """In bits, 0 to 1."""
    return 0.0 if p >= 1 else -p * log2(p) - (1 - p) * log2(1 - p)


def _other_court(court: Court, trace: Trace) -> Court | None:
    """The verdicts of the other read, where a trace has both."""
    reads = {each.read for each in trace.scored} | ({"pairwise"} if trace.judged else set())
    if not {"pairwise", "scoring"} <= reads or court.read == "value":
        return None
    return Court(trace, replace(court.labelling, read="scoring" if court.read == "pairwise" else "pairwise"))


def _meant(trace: Trace, a: int, b: int) -> int:
    """Which of two texts was made to be the better one: the later revision, or the one under a principle's `text`."""
    if not trace.candidates:
        return 1 if a > b else -1
    sides = {candidate.number: candidate.side for candidate in trace.candidates}
    return (sides[a] == "text") - (sides[b] == "text")


def _unreadable(read: Read) -> bool:
    return read.vote is None if read.word is not None else read.log_odds is None


def _differ(one: float, other: float) -> bool:
    """Whether one of them is above 0, below 0 or 0, and the other is not."""
    return (one > 0) != (other > 0) or (one < 0) != (other < 0)


def _count_wordings(reading: Reading, counts: Counter[str]) -> None:
    """Whether both wordings say the same of an answer; where they do not, whether it said yes to both."""
    odds = {read.turned: read.log_odds for read in reading.reads}
    good, not_broken = odds.get(False), odds.get(True)
    if good is not None and not_broken is not None:
        counts["wordings"] += 1
        counts["wordings_differ"] += _differ(good, not_broken)
        counts["wordings_yes"] += good > 0 > not_broken


def _count_orders(orders: tuple[float, float] | None, counts: Counter[str]) -> None:
    """Whether both orders prefer the same answer; where they do not, which place they prefer."""
    if orders is not None:
        first, second = orders
        counts["ordered"] += 1
        counts["flips"] += _differ(first, second)
        counts["flips_first"] += first > 0 > second
        counts["flips_second"] += first < 0 < second


def _count_length(sure: int, longer: int, counts: Counter[str]) -> None:
    """Each pair stands for itself and for itself turned round: so the means are 0."""
    longer = max(-LONGEST, min(LONGEST, longer))
    counts["length_pairs"] += 1
    counts["length_sure"] += sure * sure
    counts["length_longer"] += longer * longer
    counts["length_both"] += sure * longer


def _count_opinion(opinion: Opinion, labelling: Labelling, label: int, meant: int, counts: Counter[str]) -> None:
    """What one principle says of a pair, beside the label that all of them give and beside what was meant."""
    counts["asked"] += 1
    if not opinion.readable:
        return
    said = opinion.vote if opinion.margin is None else opinion.margin
    assert said is not None
    tie = said == 0 or (opinion.margin is not None and abs(said) < labelling.band)
    first, second = opinion.orders
    orders = None if first is None or second is None else (first, second)
    counts["readable"] += 1
    counts["tie"] += tie
    _count_orders(orders, counts)
    if tie or (orders is not None and _differ(*orders) and not labelling.keep_inconsistent):
        return
    if label:
        counts["with_verdict"] += said * label > 0
        counts["against_verdict"] += said * label < 0
    if meant:
        counts["meant_wins"] += said * meant > 0
        counts["meant_loses"] += said * meant < 0


def _plain(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts) if counts[name]}
