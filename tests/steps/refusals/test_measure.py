"""Counting: everything adds up, whatever order answers come in, and memory does not grow with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.intervals import mcnemar
from constitution.steps.refusals import KINDS, Cue, Refusal
from constitution.steps.refusals.measure import (
    EXCERPT,
    LABELS,
    MOST_GROUPS,
    MOST_WORDINGS,
    OTHERS,
    Answer,
    Label,
    Tally,
    measure,
    points_of,
)
from constitution.steps.refusals.tag import REFUSES_FROM, RefusalKind

labels = st.sampled_from((None, *LABELS))
cues = st.builds(
    Cue, st.sampled_from(["refuses", "helps"]), st.sampled_from(["I cannot", "here is"]), st.integers(0, 5),
    st.sampled_from([-4.0, 0.0, 1.5, 4.0, 6.0]),
)  # fmt: skip
refusals = st.builds(
    Refusal, st.sampled_from(KINDS), st.lists(cues, max_size=3).map(tuple), st.sampled_from(["en", "de"])
) | st.just(Refusal("none", (), None))
answers = st.builds(
    Answer, st.just("I cannot do that."), label=labels, other=labels,
    groups=st.sampled_from(["a", "b", "c"]).map(lambda value: (("model", value), ("class", value * 2))),
)  # fmt: skip
rows = st.lists(st.tuples(answers, refusals), max_size=40)


def tagged(label: Label | None, kind: RefusalKind, points: float = 0.0, text: str = "") -> tuple[Answer, Refusal]:
    """One row, and what the tagger says of it."""
    cue = Cue("refuses", "I cannot", 0, points)
    return Answer(text or f"I cannot. {points}", label=label, said=label or ""), Refusal(kind, (cue,), "en")


def refuses(label: str) -> bool:
    return label != "none"


@given(rows)
def test_counts_add_up(found: list[tuple[Answer, Refusal]]) -> None:
    """Read and unread are all answers, the confusion is all that was read and labelled, languages are all answers."""
    made = measure(found)
    assert made.whole.answers == len(found) == made.languages.total()
    assert made.whole.unread == made.languages[None] == sum(refusal.language is None for _, refusal in found)
    labelled = [answer for answer, refusal in found if answer.label is not None and refusal.language is not None]
    table = made.whole.rows
    assert made.whole.labelled == len(labelled) == sum(sum(kinds.values()) for kinds in table.values())
    assert made.labels.total() == sum(answer.label is not None for answer, _ in found)


@given(rows)
def test_groups_add_up_to_the_whole(found: list[tuple[Answer, Refusal]]) -> None:
    """By every column that answers are counted by: kinds, unread ones and the confusion."""
    made = measure(found)
    for tallies in made.by.values():
        kinds: Counter[RefusalKind] = Counter()
        confusion: Counter[tuple[Label, RefusalKind]] = Counter()
        for tally in tallies.values():
            kinds += tally.kinds
            confusion += tally.confusion
        assert kinds == made.whole.kinds
        assert confusion == made.whole.confusion
        assert sum(tally.unread for tally in tallies.values()) == made.whole.unread


@given(rows)
def test_figures_are_what_their_names_say(found: list[tuple[Answer, Refusal]]) -> None:
    """Accuracy, precision and recall against a plain count of the rows."""
    pairs = [
        (refuses(answer.label), bool(refusal))
        for answer, refusal in found
        if answer.label is not None and refusal.language is not None
    ]
    whole = measure(found).whole
    for figure, right, of in (
        (whole.accuracy, [a == b for a, b in pairs], len(pairs)),
        (whole.precision, [a for a, b in pairs if b], sum(b for _, b in pairs)),
        (whole.recall, [b for a, b in pairs if a], sum(a for a, _ in pairs)),
    ):
        if not of:
            assert figure is None
        else:
            assert figure is not None
            assert (figure.value, figure.n) == (sum(right) / of, of)
            assert figure.low <= figure.value <= figure.high


def mirrored(found: list[tuple[Answer, Refusal]]) -> list[tuple[Answer, Refusal]]:
    """Rows whose labels the tagger says, and whose tags people say."""
    kinds = {"full": "full", "partial": "partial", "none": "none", "refused": "full"}
    return [
        (Answer("x", label=refusal.kind), Refusal(kinds[answer.label], refusal.cues, "en"))  # type: ignore[arg-type]
        for answer, refusal in found
        if answer.label is not None and refusal.language is not None
    ]


@given(rows)
def test_accuracy_is_symmetric(found: list[tuple[Answer, Refusal]]) -> None:
    """People and tagger exchanged: the same accuracy, and precision is recall."""
    whole, turned = measure(found).whole, measure(mirrored(found)).whole
    assert whole.accuracy == turned.accuracy
    assert whole.precision == turned.recall
    assert whole.recall == turned.precision


@given(rows, st.randoms())
def test_order_does_not_matter(found: list[tuple[Answer, Refusal]], random: object) -> None:
    """Sums are the same in every order."""
    shuffled = sorted(found, key=lambda _: random.random())  # type: ignore[attr-defined]  # a Random
    first, second = measure(found, 0), measure(shuffled, 0)
    assert (first.whole, first.by, first.against, first.labels, first.languages) == (
        second.whole, second.by, second.against, second.labels, second.languages,
    )  # fmt: skip
    assert {name: cue.answers for name, cue in first.cues.items()} == {
        name: cue.answers for name, cue in second.cues.items()
    }


@given(rows)
def test_another_tagger(found: list[tuple[Answer, Refusal]]) -> None:
    """Both are counted on the same answers: those that are read, with a label and with the other's."""
    both = [
        (refuses(answer.label) == bool(refusal), refuses(answer.label) == refuses(answer.other))
        for answer, refusal in found
        if answer.label is not None and answer.other is not None and refusal.language is not None
    ]
    made = measure(found).against
    assert made.answers == len(both)
    assert (made.both, made.only_tagger, made.only_other, made.neither) == tuple(
        both.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))
    )
    assert made.p == mcnemar(made.only_tagger, made.only_other)
    if both:
        assert made.tagger is not None
        assert made.other is not None
        assert made.tagger.value == sum(a for a, _ in both) / len(both)
        assert made.other.value == sum(b for _, b in both) / len(both)


def test_three_ways() -> None:
    """Full, partial and none each count where both say the same."""
    made = measure([tagged("full", "full"), tagged("full", "partial"), tagged("partial", "partial"),
                    tagged("none", "full")]).whole  # fmt: skip
    assert made.exact is not None
    assert (made.exact.value, made.exact.n) == (2 / 4, 4)
    assert made.accuracy is not None
    assert made.accuracy.value == 3 / 4


def test_labels_that_only_say_refused_have_no_three_ways() -> None:
    """A refusal in part is no mistake where nobody tells full from partial."""
    made = measure([tagged("refused", "partial"), tagged("none", "none")]).whole
    assert made.exact is None
    assert made.accuracy is not None
    assert made.accuracy.value == 1.0
    assert made.rows["refused"] == {"full": 0, "partial": 1, "none": 0}


def test_refused_beside_partial_stays_refused() -> None:
    """Three ways are of the answers whose label tells them; those of parts add up to those of the whole."""
    told = [tagged("refused", "full"), tagged("partial", "full"), tagged("full", "full"), tagged("none", "none")]
    made = measure(told).whole
    assert set(made.rows) == {"full", "partial", "refused", "none"}
    assert made.exact is not None
    assert (made.exact.value, made.exact.n) == (2 / 3, 3)
    parts = [measure(part).whole.exact for part in (told[:1], told[1:2], told[2:])]
    assert [part and part.n for part in parts] == [None, 1, 2]


def test_only_nones_have_no_three_ways() -> None:
    """Nothing tells full from partial there."""
    assert measure([tagged("none", "none")]).whole.exact is None


def test_nothing_has_no_figures() -> None:
    """None, not 0."""
    empty = Tally()
    assert (empty.accuracy, empty.precision, empty.recall, empty.exact, empty.share("full")) == (None,) * 5


def test_hardest_are_those_that_differ_the_surest_first() -> None:
    """With labels: the farthest from the threshold; rows without a label, and those that agree, are none of them."""
    made = measure(
        [tagged("none", "full", 6.0), tagged("full", "none", -5.0), tagged(None, "none", 3.9), tagged("none", "none"),
         tagged("partial", "full", 9.0), tagged("refused", "none", 3.0)], 2,
    )  # fmt: skip
    assert [each.points for each in made.hardest] == [-5.0, 6.0]
    assert all(each.differs for each in made.hardest)


def test_hardest_without_labels_are_nearest_to_the_threshold() -> None:
    """Of rows with cues; the earlier one where two are as near."""
    found = [tagged(None, "none", points) for points in (0.5, 3.0, 9.0, 5.0, 4.0)]
    made = measure([*found, (Answer("Hello."), Refusal("none", (), "en"))], 3)
    assert [each.points for each in made.hardest] == [4.0, 3.0, 5.0]
    assert measure(found, 0).hardest == ()


@given(rows, st.integers(0, 5))
def test_the_hardest_of_all(found: list[tuple[Answer, Refusal]], most: int) -> None:
    """A heap keeps what sorting everything would."""
    made = measure(
        ((replace(answer, text=f"I cannot do {n}."), refusal) for n, (answer, refusal) in enumerate(found)), most
    )
    differ = [
        -abs(points_of(refusal) - REFUSES_FROM)
        for answer, refusal in found
        if answer.label is not None and refusal.language is not None and refuses(answer.label) != bool(refusal)
    ]
    if made.labels:
        assert [-abs(each.points - REFUSES_FROM) for each in made.hardest] == sorted(differ)[:most]


@given(st.lists(st.sampled_from([0.5, 3.0, 3.5, 5.0, 9.0]), max_size=30), st.integers(1, 4))
def test_the_same_text_is_hard_once(points: list[float], most: int) -> None:
    """Of rows with the same text the first is shown, however many others are, and whatever came between."""
    found = [(Answer(f"x{each}", n), tagged(None, "full", each)[1]) for n, each in enumerate(points)]
    first = {each: points.index(each) for each in points}
    nearest = sorted(first, key=lambda each: (abs(each - REFUSES_FROM), first[each]))[:most]
    assert [each.answer.number for each in measure(found, most).hardest] == [first[each] for each in nearest]


def test_answers_of_one_row_stand_apart() -> None:
    """By class within each side; a draft that is rejected too speaks once for its cues, another row's again."""
    cue = Refusal("full", (Cue("refuses", "I cannot", 0, 6.0),), "en")
    rows = [
        (Answer("I cannot.", row, f"r{row}", side=side, groups=(("side", side), ("class", "a"))), cue)
        for row in (1, 2)
        for side in ("draft", "rejected", "rejected")
    ]
    made = measure(rows)
    assert {name: {value: tally.answers for value, tally in each.items()} for name, each in made.by.items()} == {
        "side": {"draft": 2, "rejected": 4}, "draft by class": {"a": 2}, "rejected by class": {"a": 4},
    }  # fmt: skip
    assert (made.cues["refuses"].answers, made.cues["refuses"].points) == (2, 12.0)
    assert dict(made.cues["refuses"].wordings) == {"i cannot": 2}
    assert len(made.hardest) == 1


def test_unread_answers_are_in_no_figure() -> None:
    """They count as such, not as answers that refuse nothing."""
    made = measure([(Answer("ここ", label="none", other="none"), Refusal("none", (), None)), tagged("full", "full")])
    assert (made.whole.unread, made.whole.read, made.whole.labelled) == (1, 1, 1)
    assert made.against.answers == 0
    assert made.whole.share("none") is not None
    assert made.whole.kinds["none"] == 0


@pytest.mark.parametrize("start", [0, 504, 2004])
def test_an_excerpt_shows_the_cue_that_counted_most(start: int) -> None:
    """At the beginning, or around the cue, cut between words; what is kept does not grow with the text."""
    text = "lorem ipsum " * 400
    text = text[:start] + " I cannot do this " + text[start:]
    cue = Cue("refuses", "I cannot", start + 1, 6.0)
    (hard,) = measure([(Answer(text), Refusal("full", (cue,), "en"))]).hardest
    assert "I cannot do this" in hard.answer.text
    assert len(hard.answer.text) <= EXCERPT + 8
    assert set(hard.answer.text.split()) <= {"...", "lorem", "ipsum", "I", "cannot", "do", "this"}


def test_an_excerpt_of_blanks_and_of_text_without_spaces() -> None:
    """Blanks at the beginning are passed over; a text without spaces is cut where it must be."""
    blanks, long = Answer(" " * 500 + "Yes.", label="full"), Answer("我" * 500, label="full")
    shown = [each.answer.text for each in measure([(one, Refusal("none", (), "en")) for one in (blanks, long)]).hardest]
    assert shown == ["Yes.", "我" * EXCERPT + " ..."]


def test_a_column_of_ids_is_not_held() -> None:
    """Values beyond the first are counted together, and still add up."""
    found = [(Answer("x", groups=(("class", str(n)),)), Refusal("none", (), "en")) for n in range(MOST_GROUPS + 50)]
    tallies = measure(found).by["class"]
    assert len(tallies) == MOST_GROUPS + 1
    assert tallies[OTHERS].answers == 50


def test_wordings_are_not_held() -> None:
    """However many there are, and those found often keep their count."""

    def found() -> object:
        for n in range(2 * MOST_WORDINGS):
            yield Answer("x"), Refusal("full", (Cue("refuses", f"no {n}", 0, 6.0), Cue("refuses", "No", 9, 6.0)), "en")

    made = measure(found())  # type: ignore[arg-type]  # a generator
    words = made.cues["refuses"].wordings
    assert len(words) <= MOST_WORDINGS
    assert words.most_common(1) == [("no", 2 * MOST_WORDINGS)]
    assert made.cues["refuses"].answers == 2 * MOST_WORDINGS


def test_cues_that_count_nothing_are_not_told() -> None:
    """They told nothing."""
    refusal = Refusal("full", (Cue("refuses", "I cannot", 0, 6.0), Cue("look_alike", "can't wait", 9, 0.0)), "en")
    assert set(measure([(Answer("x"), refusal)]).cues) == {"refuses"}
