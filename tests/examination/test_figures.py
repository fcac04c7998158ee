"""The figures against plain counting, on whatever a judge may have said."""

from __future__ import annotations

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.examination.figures import Figures, figures_of
from constitution.examination.questions import QUESTIONS, Question
from constitution.examination.reads import ItemReads
from constitution.intervals import Interval
from constitution.verdicts import BAND, Read, Reading, Scored
from tests.examination.judges import item

odds = st.none() | st.sampled_from([0.0, 0.1, -0.1, 1.0, -1.0, 3.0, -3.0])
Said = tuple[float | None, float | None]
"""Log-odds for the better answer where it stood first, and where it stood second."""


def reading(name: str, said: Said) -> Reading:
    """Both orders, as the labels were read: of the second the label of the better answer is the second one."""
    first, second = said
    straight = (None, -1.0) if first is None else (first / 2 - 3, -first / 2 - 3)
    turned = (None, -1.0) if second is None else (-second / 2 - 3, second / 2 - 3)
    return Reading(name, (Read(logprobs=straight), Read(turned=True, logprobs=turned)))


def told(number: int, said: dict[Question, Said], alone: tuple[Said, Said] | None = None) -> ItemReads:
    """What a judge said of one item."""
    scored = None if alone is None else tuple(Scored(n, "scoring", (reading("p", one),)) for n, one in enumerate(alone))
    readings = {question: reading(question, one) for question, one in said.items()}
    return ItemReads(item(number), readings, scored)  # type: ignore[arg-type]  # two of them


judges = st.lists(
    st.fixed_dictionaries({question: st.tuples(odds, odds) for question in QUESTIONS}), min_size=1, max_size=30
)


def score(said: Said) -> float | None:
    """1, 0, 1/2 or nothing, by the definition."""
    if said[0] is None or said[1] is None:
        return None
    mean = (said[0] + said[1]) / 2
    return 0.5 if abs(mean) < BAND else float(mean > 0)


def value(found: Interval | None) -> float | None:
    """The number alone."""
    return None if found is None else found.value


def mean(numbers: list[float]) -> object:
    """Of nothing nothing."""
    return pytest.approx(sum(numbers) / len(numbers)) if numbers else None


@given(judges)
def test_figures_are_plain_counts(said: list[dict[Question, Said]]) -> None:
    """Each figure that is a mean is that mean, over the pairs that it is said of."""
    found = figures_of([told(number, one) for number, one in enumerate(said)])
    known = [(number, one, own) for number, one in enumerate(said) if (own := score(one["asked"])) is not None]
    longer = {number: item(number).longer for number, _, _ in known}
    assert found.pairs == len(known)
    assert value(found.accuracy) == value(found.pairwise) == mean([own for _, _, own in known])
    assert value(found.longer_wrong) == mean([own for number, _, own in known if not longer[number]])
    assert value(found.decided) == mean([own for _, _, own in known if own != 0.5])
    assert value(found.ties) == mean([float(own == 0.5) for _, _, own in known])
    assert value(found.prefer_longer) == mean(list(longer.values()))
    assert value(found.prefer_shorter) == mean([1 - one for one in longer.values()])
    assert value(found.over_longer) == mean([own - longer[number] for number, _, own in known])
    both = [one["asked"] for one in said if None not in one["asked"]]
    flips = [(a, b) for a, b in both if a is not None and b is not None and (a > 0, a < 0) != (b > 0, b < 0)]
    assert value(found.flips) == mean([float(one in flips) for one in both])
    assert value(found.flips_to_first) == mean([float(a > 0) for a, b in flips if a * b])
    reads = [read for one in said for pair in one.values() for read in pair]
    assert value(found.unreadable) == mean([float(read is None) for read in reads])
    for question in QUESTIONS[1:]:
        scores = [own for one in said if (own := score(one[question])) is not None]
        assert value(getattr(found, question)) == mean(scores)


@given(judges)
def test_gains_are_on_the_same_pairs(said: list[dict[Question, Said]]) -> None:
    """Shown less another question, where both can be read."""
    found = figures_of([told(number, one) for number, one in enumerate(said)])
    for other, gain in (("hidden", "shown_hidden"), ("exchanged", "shown_exchanged"), ("negated", "shown_negated")):
        both = [(score(one["shown"]), score(one[other])) for one in said]  # type: ignore[index]  # a question
        less = [a - b for a, b in both if a is not None and b is not None]
        assert value(getattr(found, gain)) == mean(less)


@given(judges)
def test_turned_answers_turn_every_figure(said: list[dict[Question, Said]]) -> None:
    """A judge that says the opposite of everything has the opposite accuracy, and as many flips and ties."""

    def negated(pair: Said) -> Said:
        first, second = (None if one is None else -one for one in pair)
        return first, second

    opposite = [{question: negated(pair) for question, pair in one.items()} for one in said]
    mine = figures_of([told(number, one) for number, one in enumerate(said)])
    other = figures_of([told(number, one) for number, one in enumerate(opposite)])
    assert (mine.accuracy is None) == (other.accuracy is None)
    if mine.accuracy is not None and other.accuracy is not None:
        assert mine.accuracy.value == pytest.approx(1 - other.accuracy.value)
    assert (mine.flips, mine.ties, mine.unreadable) == (other.flips, other.ties, other.unreadable)


def test_label_mass_and_its_lowest_tenth() -> None:
    """Of every read side by side; one of ten has less than the decile."""
    reads = []
    for number in range(10):
        low = -3.0 - number
        pair = Reading("asked", tuple(Read(turned=turned, logprobs=(low, low)) for turned in (False, True)))
        reads.append(ItemReads(item(number), {"asked": pair}))
    found = figures_of(reads)
    assert found.label_mass is not None
    assert found.label_mass.value == pytest.approx(sum(2 * exp(-3 - number) for number in range(10)) / 10)
    assert found.label_mass_decile == pytest.approx(2 * exp(-12.0))


def test_the_two_reads_are_compared_where_both_decide() -> None:
    """A tie of either is no disagreement."""
    yes, no, tie = ((3.0, 3.0), (-3.0, -3.0)), ((-3.0, -3.0), (3.0, 3.0)), ((1.0, 1.0), (1.0, 1.0))
    said = [((2.0, 2.0), yes), ((2.0, 2.0), no), ((2.0, 2.0), tie), ((0.0, 0.0), yes)]
    found = figures_of([told(number, {"asked": one}, alone) for number, (one, alone) in enumerate(said)])
    assert (value(found.reads_agree), found.reads_agree and found.reads_agree.n) == (0.5, 2)
    assert value(found.scoring) == (1 + 0 + 0.5 + 1) / 4


def test_the_scoring_read_has_figures_of_its_own() -> None:
    """Accuracy, ties, calibration and unreadable reads are those of the read that labels."""
    right = told(0, {"asked": (-3.0, -3.0)}, ((3.0, 3.0), (-3.0, -3.0)))
    lost = told(1, {"asked": (-3.0, -3.0)}, ((None, 3.0), (-3.0, -3.0)))
    found: Figures = figures_of([right, lost], "scoring")
    assert (found.pairs, value(found.accuracy), value(found.unreadable)) == (1, 1, 1 / 8)
    assert value(found.pairwise) == 0
    assert (found.flips, found.flips_to_first) == (None, None)
    assert found.calibration_error is not None
    assert found.calibration_error.value < 0.01
    assert figures_of([], "pairwise").accuracy is None


def test_words_have_no_calibration() -> None:
    """Nor a label mass; they have flips and ties."""
    words = [Reading("asked", (Read(word="A", vote=1), Read(turned=True, word="A", vote=-1)))]
    found = figures_of([ItemReads(item(n), {"asked": words[0]}) for n in range(3)])
    assert (found.calibration_error, found.label_mass, found.label_mass_decile) == (None, None, None)
    assert (value(found.flips), value(found.flips_to_first), value(found.ties)) == (1, 1, 1)
