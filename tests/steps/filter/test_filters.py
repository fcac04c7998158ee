"""Filters on examples in five languages: what each sees, and what it must not see."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from constitution.messages import Conversation, assistant, system, user
from constitution.records import REASONS, Dropped, PreferencePair
from constitution.steps.filter import (
    DEFAULT_EFFECTS,
    EFFECTS,
    FILTERS,
    FilterName,
    sieve_of,
    strip_closing,
    trigram_jaccard,
)
from constitution.steps.filter.known import LENGTH_EXTREME, LENGTH_FLOOR, LENGTH_RATIO
from constitution.steps.filter.languages import language
from constitution.steps.filter.loops import LOOP_TIMES, LOOP_WORDS, loops
from tests.steps.filter import examples as ex

LANGUAGES = ("en", "de", "fr", "es", "zh")


def pair(chosen: str, rejected: str = "Another answer.", asked: str | Conversation = "Q?") -> PreferencePair:
    """A pair of these texts."""
    conversation = (user(asked),) if isinstance(asked, str) else asked
    similarity = trigram_jaccard(chosen, rejected)
    return PreferencePair("r", 0, 0, conversation, chosen, rejected, ("p",), (0, 1), similarity)


def seen(name: str, chosen: str, rejected: str = "Another answer.", asked: str | Conversation = "Q?") -> str | None:
    return FILTERS[name](pair(chosen, rejected, asked))


def test_every_filter_is_documented() -> None:
    """Each name has a reason, a line of its own, an effect, and is what a run file may name."""
    assert list(FILTERS) == list(DEFAULT_EFFECTS)
    assert set(FILTERS) <= set(REASONS)
    assert all(filter.about and filter.name == name for name, filter in FILTERS.items())
    assert set(DEFAULT_EFFECTS.values()) == set(EFFECTS)
    assert get_args(FilterName) == ("all", *FILTERS)


def test_thresholds_in_words() -> None:
    """The reasons say the numbers of the code."""
    assert (LENGTH_RATIO, LENGTH_EXTREME, LOOP_TIMES, LOOP_WORDS) == (4, 50, 5, 40)
    assert "fifty" in REASONS["length_extreme"]
    assert "four times" in REASONS["length_ratio"]
    assert "nine tenths" in REASONS["near_copy"]


def test_the_examples_are_five_languages() -> None:
    """Each table of examples has all five."""
    tables = (ex.ASKED, ex.ANSWERED, ex.LOOPED, ex.CLOSINGS, ex.NO_CLOSING, ex.REMARKS, ex.NO_REMARK, ex.REWRITING)
    assert all(tuple(table) == LANGUAGES for table in tables)
    assert all(len(table[tongue]) >= 4 for tongue in LANGUAGES for table in tables[3:7])


@pytest.mark.parametrize("tongue", LANGUAGES)
def test_a_plain_answer_passes(tongue: str) -> None:
    """No filter sees anything of two plain answers in the language of the question."""
    whole = pair(ex.ANSWERED[tongue], ex.ANSWERED[tongue][::-1], ex.ASKED[tongue])
    assert [name for name, filter in FILTERS.items() if filter(whole)] == []
    assert sieve_of({})(whole) == whole


@pytest.mark.parametrize("tongue", LANGUAGES)
def test_repetition(tongue: str) -> None:
    """A text that mostly says one thing over and over is dropped, with what it says and how often."""
    text = ex.ANSWERED[tongue] + " " + ex.LOOPED[tongue] * 15
    found = seen("repetition", text)
    assert found is not None
    assert "15 times in a row" in found
    dropped = sieve_of({})(pair(text))
    assert dropped == Dropped("repetition", found)


@pytest.mark.parametrize("tongue", LANGUAGES)
def test_a_loop_that_is_not_most_of_a_text(tongue: str) -> None:
    """A shorter loop is a flag; on the rejected side any loop is."""
    text = ex.ANSWERED[tongue] * 3 + ex.LOOPED[tongue] * (4 if tongue == "zh" else 6)
    assert seen("repetition", text) is None
    assert (seen("some_repetition", text) is None) == (tongue == "zh")
    looped = ex.LOOPED[tongue] * 15
    assert seen("rejected_repetition", "Plain.", looped) is not None
    assert seen("repetition", "Plain.", looped) is None
    assert seen("rejected_repetition", looped, "Plain.") is None


@pytest.mark.parametrize("tongue", LANGUAGES)
def test_four_times_is_no_loop(tongue: str) -> None:
    """A chorus stands four times in a row; what stands fewer words in all is short."""
    assert seen("some_repetition", ex.LOOPED[tongue] * (LOOP_TIMES - 1)) is None
    assert seen("some_repetition", "No. " * (LOOP_WORDS - 1)) is None
    assert seen("some_repetition", "No. " * LOOP_WORDS) is not None


@pytest.mark.parametrize("name", ex.NO_LOOP)
def test_no_repetition(name: str) -> None:
    """Refrains, lists, steps, code, tables, rulers and matrices are no loops to be dropped."""
    assert seen("repetition", ex.NO_LOOP[name]) is None
    if name != "matrix":
        assert seen("some_repetition", ex.NO_LOOP[name]) is None


@pytest.mark.parametrize("tongue", LANGUAGES)
def test_a_loop_that_was_asked_for(tongue: str) -> None:
    """Who asks for a sentence many times gets it."""
    line = ex.LOOPED[tongue].strip()
    assert seen("repetition", ex.LOOPED[tongue] * 50, asked=f"1. {line} (x 50)") is None


def test_loops_of_other_kinds() -> None:
    """Signs, single letters, one word, code that never ends, counted rounds."""
    assert loops("😂🎉" * 60).share == 1
    assert seen("repetition", "😂🎉" * 60) is None
    assert seen("some_repetition", "😂🎉" * 60) is not None
    assert seen("repetition", "ha" * 300) is not None
    assert seen("repetition", "the " * 60) is not None
    assert seen("repetition", "```\n" + "print('x')\n" * 60) is not None
    counted = "\n".join(f"Day {day} comes and we go on as before." for day in range(40))
    assert seen("repetition", counted) is None
    assert seen("some_repetition", counted) is not None
    enumerated = "\n".join(f"{number}. Drink a glass of water." for number in range(1, 40))
    assert seen("repetition", enumerated) is not None


def test_what_a_round_says_twice() -> None:
    """A round may hold a smaller loop."""
    for inner in (7, 14):  # the second one is said after one word more often than after a whole round
        found = loops(("la " * inner + "hey there. ") * 12).longest
        assert found is not None
        assert (len(found.unit), found.times) == (inner + 2, 12)


@pytest.mark.parametrize(
    ("chosen", "rejected", "ratio", "extreme"),
    [
        (40, 10, False, False),
        (41, 10, True, False),
        (10, 41, True, False),
        (41, 1, True, False),
        (40, 1, False, False),
        (401, 100, True, False),
        (500, 10, True, False),
        (501, 10, True, True),
        (1, 501, True, True),
        (501, 11, True, False),
    ],
)
def test_lengths(chosen: int, rejected: int, ratio: bool, extreme: bool) -> None:
    """In words, either side, a short text counting for ten."""
    assert LENGTH_FLOOR == 10
    for word in ("word ", "Wort ", "été ", "año ", "字"):
        assert (seen("length_ratio", word * chosen, word * rejected) is not None) == ratio
        assert (seen("length_extreme", word * chosen, word * rejected) is not None) == extreme


@pytest.mark.parametrize("asked", LANGUAGES)
@pytest.mark.parametrize("answered", LANGUAGES)
def test_other_language(asked: str, answered: str) -> None:
    """Seen exactly where question and answer differ."""
    found = seen("other_language", ex.ANSWERED[answered], asked=ex.ASKED[asked])
    assert found == (None if asked == answered else f"asked in {asked}, answered in {answered}")


@pytest.mark.parametrize("tongue", LANGUAGES)
@pytest.mark.parametrize("wanted", ex.ASKED_FOR)
def test_a_language_that_was_asked_for(wanted: str, tongue: str) -> None:
    """Translations, quotations and the names of languages are no reason for a flag, whatever the answer is in."""
    if "quotes" not in wanted or tongue == "de":
        assert seen("other_language", ex.ANSWERED[tongue], asked=ex.ASKED_FOR[wanted]) is None


@pytest.mark.parametrize("tongue", LANGUAGES)
def test_a_conversation_in_two_languages(tongue: str) -> None:
    """An earlier turn, or the system turn, in the language of the answer is enough."""
    asked = "en" if tongue != "en" else "de"
    last = user(ex.ASKED[asked])
    for turn in (system(ex.ASKED[tongue]), user(ex.ASKED[tongue])):
        assert seen("other_language", ex.ANSWERED[tongue], asked=(turn, assistant("Hm."), last)) is None
    assert seen("other_language", ex.ANSWERED[tongue], asked=(last,)) is not None


@pytest.mark.parametrize("tongue", LANGUAGES)
def test_a_language_that_is_not_plain(tongue: str) -> None:
    """Short answers, code, addresses, quotations and lists of names are in no language."""
    asked = ex.ASKED["en" if tongue != "en" else "zh"]
    quoted = f'She wrote: "{ex.ANSWERED[tongue]}"'
    for text in (
        ex.ANSWERED[tongue][:9], f"```\n{ex.ANSWERED[tongue]}\n```", f"> {ex.ANSWERED[tongue]}", quoted, "42",
        "https://example.org/die/und/der/oder", "Anna Weber, Karl Braun, Lise Kern, Otto Haas, Emma Vogt, Paul Roth",
    ):  # fmt: skip
        assert seen("other_language", text, asked=asked) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("温かい牛乳と暗い部屋は多くの人の眠りを助けます。薬を飲む前に試してみる価値があります。", "ja"),
        ("健康診断結果報告書を本日中に総務部人事課健康管理担当者へ直接提出すること。", "ja"),
        ("O leite e la leche ajudam y ayudan a todos, e os dois son buenos para dormir, mas no para todos.", None),
        ("따뜻한 우유와 어두운 방은 많은 사람들이 잠드는 데 도움이 되며 약보다 먼저 시도해 볼 가치가 있습니다", "ko"),
        ("Тёплое молоко и тёмная комната помогают многим людям, и стоит попробовать это до таблеток.", "cyrillic"),
        ("الحليب الدافئ والغرفة المظلمة يساعدان كثيرا من الناس على النوم قبل أن يأخذوا أي دواء", "arabic"),
        ("Il latte caldo e una stanza buia aiutano molti, e vale la pena provare tutto prima delle pillole.", "it"),
        ("O leite quente e um quarto escuro ajudam muitas pessoas, e vale a pena experimentar os dois antes.", "pt"),
        ("Warme melk en een donkere kamer helpen veel mensen, en het is goed om dat eerst te proberen.", "nl"),
        ("Varm mjölk och ett mörkt rum hjälper många människor att somna, och det är värt att prova.", None),
        ("Ciepłe mleko i ciemny pokój pomagają wielu ludziom zasnąć i warto spróbować obu sposobów.", None),
        ("使用 TensorFlow 的 Keras API 可以很快地构建一个模型，然后用 fit 方法进行训练，最后保存下来。", "zh"),
    ],
)
def test_other_languages_and_scripts(text: str, expected: str | None) -> None:
    """Neighbours are told apart, other scripts have a name, and what is not known is not guessed."""
    assert language(text) == expected


@pytest.mark.parametrize(("tongue", "closing"), [(t, c) for t in LANGUAGES for c in ex.CLOSINGS[t]])
def test_a_closing_is_stripped(tongue: str, closing: str) -> None:
    """A last paragraph that names the rewriting of the answer goes; the answer stays as it is."""
    body = f"{ex.ANSWERED[tongue]}\n\n- one\n- two"
    rest, stripped = strip_closing(f"{body}\n\n{closing}\n")
    assert rest == body
    assert stripped == closing


@pytest.mark.parametrize(("tongue", "closing"), [(t, c) for t in LANGUAGES for c in ex.NO_CLOSING[t]])
def test_a_last_paragraph_stays(tongue: str, closing: str) -> None:
    """A last paragraph about something else stays."""
    whole = f"{ex.ANSWERED[tongue]}\n\n{closing}"
    assert strip_closing(whole) == (whole, None)


@pytest.mark.parametrize("tongue", LANGUAGES)
def test_a_remark_that_is_no_paragraph_of_its_own_stays(tongue: str) -> None:
    """On the answer's own line, alone, or in the middle, it is not sure."""
    closing = ex.CLOSINGS[tongue][0]
    for whole in (closing, f"{ex.ANSWERED[tongue]} {closing}", f"{closing}\n\n{ex.ANSWERED[tongue]}"):
        assert strip_closing(whole) == (whole, None)
        assert seen("meta_talk", whole) is not None


@pytest.mark.parametrize(("tongue", "text"), [(t, r) for t in LANGUAGES for r in ex.REMARKS[t]])
def test_meta_talk(tongue: str, text: str) -> None:
    """An answer that speaks of its own rewriting is flagged, and kept as it is."""
    assert seen("meta_talk", text, asked=ex.ASKED[tongue]) is not None
    kept = sieve_of({})(pair(text, asked=ex.ASKED[tongue]))
    assert isinstance(kept, PreferencePair)
    assert (kept.flags, kept.chosen) == (("meta_talk",), text)


@pytest.mark.parametrize(("tongue", "text"), [(t, r) for t in LANGUAGES for r in ex.NO_REMARK[t]])
def test_no_meta_talk(tongue: str, text: str) -> None:
    """The same words about something else are none."""
    assert seen("meta_talk", text, asked=ex.ASKED[tongue]) is None


@pytest.mark.parametrize("tongue", LANGUAGES)
def test_who_asks_for_rewriting_may_hear_of_it(tongue: str) -> None:
    """Where the question is about rewriting, the answer may speak of it."""
    for text in ex.REMARKS[tongue]:
        assert seen("meta_talk", text, asked=ex.REWRITING[tongue]) is None


@pytest.mark.parametrize("body", ["...", "\u200b", "---", "* * *"])
def test_a_closing_with_nothing_before_it_stays(body: str) -> None:
    """An answer that is nothing else is not made empty."""
    whole = f"{body}\n\nI hope this revised answer is kinder."
    assert strip_closing(whole) == (whole, None)


def test_near_copy() -> None:
    """From nine tenths of the word trigrams on."""
    text = " ".join(f"word{n}" for n in range(100))
    assert seen("near_copy", text + " more", text) is not None
    assert FILTERS["near_copy"](replace(pair(text), similarity=0.9)) == "0.90"
    assert FILTERS["near_copy"](replace(pair(text), similarity=0.89)) is None
