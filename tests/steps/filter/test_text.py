"""What of a text is not an answer: preambles, leaks, copies; and when two texts are the same."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from constitution.steps.filter import (
    COPY_THRESHOLD,
    NEAR_COPY,
    copied_share,
    leaks,
    normalised,
    same_text,
    strip_preamble,
    trigram_jaccard,
    trigrams,
    words,
)
from tests.steps.filter.preambles import ANSWERS, BODY, INLINE, INTRODUCTIONS
from tests.strategies import sentences

any_text = st.text(st.characters(), max_size=60)
margins = st.text(" \t\n.,;:!?\"'«»„“”-–…()*_\u200b", max_size=5)


@pytest.mark.parametrize("opening", INTRODUCTIONS)
def test_an_introduction_is_stripped(opening: str) -> None:
    """An introduction on its own line goes, whole, and the answer stays as it is."""
    text, preamble = strip_preamble(f"{opening}\n\n{BODY}")
    assert text == BODY
    assert preamble == opening


@pytest.mark.parametrize("opening", INLINE)
def test_an_inline_introduction_is_stripped(opening: str) -> None:
    """An introduction on the answer's own line goes too."""
    assert strip_preamble(opening + BODY) == (BODY, opening.strip())


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_is_left_whole(answer: str) -> None:
    """A beginning that is part of the answer stays, whatever it looks like."""
    assert strip_preamble(answer) == (answer, None)


def test_the_tables_are_large() -> None:
    """There are at least sixty of each kind."""
    assert min(len(set(INTRODUCTIONS)), len(set(ANSWERS))) >= 60


@pytest.mark.parametrize("quotes", ['""', "“”", "„“", "«»", "「」"])
def test_quotes_around_the_rest(quotes: str) -> None:
    """After a preamble, quotes around the whole answer go too; quotes inside, and without a preamble, stay."""
    left, right = quotes[0], quotes[1]
    opening = "Here is the revised answer:"
    assert strip_preamble(f"{opening}\n\n{left}{BODY}{right}") == (BODY, opening)
    assert strip_preamble(f"{left}{BODY}{right}") == (f"{left}{BODY}{right}", None)
    two = f"{left}Rest{right} and {left}eat{right}"
    assert strip_preamble(f"{opening}\n{two}") == (two, opening)


@given(any_text)
def test_stripping_keeps_the_end(text: str) -> None:
    """What is stripped and what is left are the beginning and the end of the text."""
    rest, preamble = strip_preamble(text)
    whole = text.strip()
    assert rest in whole
    assert (preamble is None) == (rest == whole)
    if preamble is not None:
        assert whole.startswith(preamble)


@given(sentences, st.sampled_from(INTRODUCTIONS))
def test_stripping_over_any_answer(answer: str, opening: str) -> None:
    """An introduction goes from before any plain answer, and a second time nothing more goes."""
    rest, _ = strip_preamble(f"{opening}\n\n{answer}")
    assert rest == answer
    assert strip_preamble(rest) == (answer, None)


@pytest.mark.parametrize(
    "text",
    [
        "sure, " * 20_000,
        "here is " * 20_000,
        "Here is the " + "new " * 20_000,
        "#*_ " * 20_000,
        "Sure! " + "I can do that. " * 5_000 + "Here is",
        "revised " * 20_000 + "answer",
        "以下是" * 20_000,
        "hier ist die " + "antwort " * 10_000,
        " " * 100_000 + "x",
        "a" * 1_000_000,
    ],
    ids=lambda text: text[:12],
)
def test_stripping_is_fast(text: str) -> None:
    """No text of a megabyte makes the patterns slow."""
    start = perf_counter()
    strip_preamble(text)
    leaks(text)
    assert perf_counter() - start < 2


@pytest.mark.parametrize(
    "text",
    [
        "<think>First",
        "Rest.</think>",
        "<thinking>Hm</thinking> Rest.",
        "[THINK]Hm[/THINK] Rest.",
        "Rest.[/THINK]",
        "◁think▷Hm◁/think▷ Rest.",
        "<seed:think>Hm",
        "<|channel|>analysis<|message|>Hm",
        "Rest.<|im_end|>",
        "<|eot_id|>",
        "[INST] Rest [/INST]",
        "Critique request: say what is wrong.",
        "Rest.\nRevision request: rewrite it.",
        "CritiqueRequest: x",
        "RevisionRequest: x",
    ],
)
def test_leaks(text: str) -> None:
    """Think tags, control tokens written out and request markers show the machinery."""
    assert leaks(text)


@pytest.mark.parametrize(
    "text",
    [
        "I think that you should rest.",
        "[think] He sits down. [stands up]",
        "Think about it: rest helps.",
        "Use <b>bold</b> sparingly.",
        "a < b | c > d",
        "The request was a critique of the law.",
        "Write an instance, [INSTANCE], here.",
        "Please request a revision: call us.",
        "x <- y |> f()",
        "",
    ],
)
def test_no_leak(text: str) -> None:
    """Ordinary words and markup are no leak."""
    assert not leaks(text)


@given(any_text, margins, margins)
def test_same_at_the_ends(text: str, left: str, right: str) -> None:
    """Spaces and punctuation at the ends make no other text (law 8), but for what belongs to a number."""
    assume(not (text[:1].isdigit() and left.endswith(("-", "−"))))
    assume(not (text[-1:].isdigit() and right.startswith("%")))
    assert same_text(text, left + text + right)


@given(
    st.lists(st.sampled_from(["rest", "well", "now"]), min_size=2, max_size=6),
    st.sampled_from([" ", "  ", "\n", "\t "]),
)
def test_same_in_spaces(found: list[str], space: str) -> None:
    """Other spaces between the words make no other text."""
    assert same_text(" ".join(found), space.join(found))


@given(any_text, any_text)
def test_sameness_is_an_equivalence(one: str, two: str) -> None:
    """Equal to itself, the same both ways, and decided by the normal form, which is its own."""
    assert same_text(one, one)
    assert same_text(one, two) == same_text(two, one) == (normalised(one) == normalised(two))
    assert normalised(normalised(one)) == normalised(one)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Rest well.", "Rest, well."),
        ("Rest well", "rest well"),
        ("Rest.", "Rest. Eat."),
        ("Yes", "No"),
        ("1.5", "15"),
        ("Schlaf gut", "Schlaf güt"),
    ],
)
def test_other_texts(one: str, two: str) -> None:
    """Inner punctuation, capitals, accents and one word more make another text."""
    assert not same_text(one, two)


@given(any_text, any_text)
def test_jaccard(one: str, two: str) -> None:
    """Similarity lies in 0 to 1, is 1 for a text and itself, and the same both ways."""
    assert 0 <= trigram_jaccard(one, two) <= 1
    assert trigram_jaccard(one, one) == 1
    assert trigram_jaccard(one, two) == trigram_jaccard(two, one)


def test_one_sentence_more_is_a_near_copy() -> None:
    """A long answer with one sentence more is a near copy by the named measure; a new answer is not."""
    answer = " ".join(f"Word{n} follows word{n + 1} here." for n in range(30))
    assert trigram_jaccard(answer, answer + " And rest.") >= NEAR_COPY
    assert trigram_jaccard(answer, "Something else altogether was said here today.") < 0.1


def test_words() -> None:
    """Words are in lower case, with apostrophes inside; Chinese and Japanese fall into single characters."""
    assert words("Don't STOP, it’s 5 o'clock_now") == ["don't", "stop", "it’s", "5", "o'clock", "now"]
    assert words("你好, world") == ["你", "好", "world"]
    assert words("...") == []


def test_trigrams_of_short_texts() -> None:
    """Fewer than three words count as one run; none as nothing."""
    assert trigrams("Rest well") == {("rest", "well")}
    assert trigrams("!") == frozenset()
    assert trigrams("a b c d") == {("a", "b", "c"), ("b", "c", "d")}


@given(any_text, any_text, any_text)
def test_copied_share_bounds(text: str, source: str, draft: str) -> None:
    """A share lies in 0 to 1; what stands in the draft too does not count; nothing is copied from nothing."""
    assert 0 <= copied_share(text, source, draft) <= 1
    assert copied_share(text, source, text) == 0
    assert copied_share(text, "", draft) == 0


def test_the_threshold_is_stated() -> None:
    """Half of the trigrams is where copying begins."""
    assert COPY_THRESHOLD == 0.5


@pytest.mark.parametrize(
    ("one", "two"), [("-5", "5"), ("50%", "50"), ("−3.", "3."), ("(-2)", "(2)"), ("Yes: 7%", "Yes: 7")]
)
def test_a_sign_makes_another_number(one: str, two: str) -> None:
    """What stands at the end of a text is punctuation only where it is not part of a number."""
    assert not same_text(one, two)
    assert normalised(normalised(one)) == normalised(one)


@pytest.mark.parametrize(
    ("one", "two"), [("- 5", "5"), ("5.", "5"), ("-Yes-", "Yes"), ("% done", "done"), ("5 %", "5")]
)
def test_other_marks_at_the_ends_do_not(one: str, two: str) -> None:
    """Dashes of lists and full stops are marks."""
    assert same_text(one, two)
