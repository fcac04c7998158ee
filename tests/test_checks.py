"""Laws of the checks by code: what each keeps, where, and that none fails or stalls on any text."""

from __future__ import annotations

import json
import pickle
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.checks import CHECKS, Check, Checked, build, keeps, params_schema
from constitution.checks.reading import sentences, words
from constitution.errors import RecordError
from constitution.principles import CheckSpec

EXAMPLES: dict[str, dict[str, object]] = {
    "words": {"max": 3},
    "sentences": {"min": 1, "max": 2},
    "starts_with": {"any_of": ["a a b", "yes"]},
    "ends_with": {"any_of": ["a a b", "yes"]},
    "contains_all": {"of": ["a a b", "aaa"]},
    "contains_any": {"of": ["a a b", "for example"]},
    "contains_none": {"of": ["a a b", "sorry"]},
    "speaks_to_reader": {},
    "first_person": {"allowed": False},
    "no_digits": {},
    "numbered_steps": {"min": 2},
    "ends_with_question": {},
    "json": {"type": "object"},
    "no_markdown": {},
    "script": {"script": "greek"},
}

ODD = "aI.?!\n\r \t\"'“”`*_#-|[]()1１e\u0301\u200d\ud800\0漢。:{}"
TEXTS = st.text(st.one_of(st.characters(codec=None), st.sampled_from(ODD)), max_size=60)


def check(name: str, **params: object) -> Check:
    return build(CheckSpec(name, json.dumps(params, sort_keys=True)))


def all_checks() -> list[object]:
    return [pytest.param(name, check(name, **params), id=name) for name, params in EXAMPLES.items()]


def test_every_check_has_an_example_here() -> None:
    """The laws below meet every check that ships, and there are at least twelve."""
    assert set(EXAMPLES) == set(CHECKS)
    assert len(CHECKS) >= 12


@pytest.mark.parametrize(("name", "made"), all_checks())
@given(text=TEXTS)
def test_total_and_where_lies_in_the_text(name: str, made: Check, text: str) -> None:
    """Any text gives an answer, the same twice, and its place lies in the text."""
    found = made(text)
    assert found == made(text)
    assert type(found.kept) is bool
    if found.where is not None:
        start, end = found.where
        assert 0 <= start < end <= len(text)


HOSTILE = [
    "a", "a ", " ", "\n", "\r\n", ".", "。", "?", "?!", " ?", "`", "*", "**a", "__", "_a", "[", "[](", '"', "“", "“a",
    "(", "# ", "- ", "|", "|-", "1", "1. ", "1.\n", "\0", "\ud800", "e\u0301", "\u200d", "😀", "I", "i'", "a.", "a. ",
    "Dr. ", "e.g. ", "漢", "{", '{"a":', '"\\', "~", "> ", "you", "aaa ", "a-", "A. ", "#\n",
]  # fmt: skip


@pytest.mark.parametrize(("name", "made"), all_checks())
def test_long_texts_are_read_in_linear_time(name: str, made: Check) -> None:
    """100,000 characters of any short pattern take a fraction of a second, where a quadratic search takes minutes."""
    size = 100_000
    texts = [pattern * (size // len(pattern)) for pattern in HOSTILE]
    texts += ["a" + " " * size + "b", " " * size + "a\n" * size, '"' + "a" * size, "a.\n" + "[" * size]
    for text in texts:
        began = time.process_time()
        made(text)
        assert time.process_time() - began < 1, (name, text[:10])


def test_a_megabyte_of_prose_is_read_well_within_a_second_a_check() -> None:
    """All checks together read a megabyte of ordinary text in some seconds."""
    text = "Dr. Gray said it, e.g. here: you won't need 3.5 of these... Why not?\n\n1. Chop (finely). Done!\n" * 10_000
    began = time.process_time()
    for name, params in EXAMPLES.items():
        check(name, **params)(text)
    assert time.process_time() - began < len(EXAMPLES)


WORDS = [
    ("", 0), ("don't", 1), ("don’t", 1), ("well-known", 1), ("and/or", 1), ("yes—no", 2), ("yes – no", 2), ("3.5", 1),
    ("e.g. this", 2), ("- * • ...", 0), ("日本語 abc", 4), ("カタカナ", 4), ("한국어 문장", 2), ("हिन्दी में", 2),
    ("e\u0301te\u0301", 1), ("❤\ufe0f", 0), ("___", 0), ("hi😀", 1), ("a\u00a0b", 2), ("a\u200bb", 2), ("\ud800", 0),
]  # fmt: skip


@pytest.mark.parametrize(("text", "count"), WORDS)
def test_words_are_what_stands_between_spaces(text: str, count: int) -> None:
    """Apostrophes, hyphens and marks stay inside a word, each CJK character is one, punctuation is none."""
    assert len(list(words(text))) == count


SENTENCES = [
    ("", 0), ("...", 0), ("Hello", 1), ("Hello. World.", 2), ("It costs 3.5 euros. Fine.", 2),
    ("Use fruit, e.g. apples. Eat.", 2), ("Dr. Smith left. Mrs. Jones did not.", 2), ("Call J. Smith. Now.", 2),
    ("Bread, etc. is fine. Milk, etc. Then go.", 3), ("No. 5 is alive.", 1), ("No. Not now.", 2), ("In 1999. Then", 2),
    ("At 5 p.m. The end.", 2), ("In the U.S. army life is hard.", 1), ("So do I. Then he went.", 2),
    ('"Stop!" he said. He ran.', 2), ("Wait... what? Yes.", 2), ("Wait... What? Yes.", 3), ("Is it?! Yes.", 2),
    ("1. Chop.\n2. Stir.\n3. Eat", 3), ("# Title\nText.", 2), ("- apples\n- pears", 2), ("one line\nof two", 1),
    ("one\n\ntwo", 2), ("**Done.** Next.", 2), ("Great! 😀 Next. 😀", 2), ("漢字。かな！", 2),
    ("Write to a@b.com. Ok.", 2), ("「漢字。」pi です。", 2),
    ("كيف حالك؟ بخير.", 2), ("यह है। वह है।", 2), ("First.\r\nSecond.", 2),
]  # fmt: skip


@pytest.mark.parametrize(("text", "count"), SENTENCES)
def test_sentences_end_where_a_reader_ends_them(text: str, count: int) -> None:
    """Full stops in numbers, abbreviations, initials and list numbers end none; paragraphs and items do."""
    assert len(list(sentences(text))) == count


@given(TEXTS)
def test_one_more_sentence_raises_the_count_by_one(text: str) -> None:
    """A sentence in a new paragraph adds exactly one; the ones before it do not change."""
    before = list(sentences(text))
    after = list(sentences(text + "\n\nHere is one more."))
    assert len(after) == len(before) + 1
    assert after[: len(before)] == before


@given(TEXTS)
def test_sentences_stand_in_order_without_space_around_them(text: str) -> None:
    """Sentences do not overlap, hold a word each, and neither begin nor end with white space."""
    last = 0
    for start, end in sentences(text):
        assert last <= start < end
        assert text[start:end] == text[start:end].strip()
        assert list(words(text[start:end]))
        last = end


@given(TEXTS)
def test_one_more_word_raises_the_count_by_one(text: str) -> None:
    """A word after a space adds exactly one."""
    assert len(list(words(text + " more"))) == len(list(words(text))) + 1


@given(TEXTS, st.integers(0, 20))
def test_max_and_min_meet_at_the_count(text: str, bound: int) -> None:
    """max: n holds just when min: n + 1 does not, for words and for sentences."""
    for name in ("words", "sentences"):
        assert check(name, max=bound)(text).kept is not check(name, min=bound + 1)(text).kept


def test_too_many_words_are_shown_from_the_first_one_too_many() -> None:
    """`where` begins at the first word over the limit and ends with the text."""
    text = " one two three four five. "
    where = check("words", max=3)(text).where
    assert where is not None
    assert text[slice(*where)] == "four five."


def test_counting_stops_where_the_verdict_is_known() -> None:
    """The note of a very long text says that there may be more."""
    assert check("words", max=3)("a " * 20_000).note == "10000 or more words, at most 3 asked"
    assert check("words", max=15_000)("a " * 15_000).kept
    assert not check("words", max=15_000)("a " * 15_001).kept


CASES: list[tuple[str, dict[str, object], str, bool]] = [
    ("starts_with", {"any_of": ["Yes", "No"]}, "  yes, of course", True),
    ("starts_with", {"any_of": ["Yes"]}, "Yesterday it rained", False),
    ("starts_with", {"any_of": ["Yes"], "ignore_case": False}, "yes", False),
    ("starts_with", {"any_of": ["Yes"]}, "", False),
    ("starts_with", {"any_of": ["can", "can't"]}, "Can’t say", True),
    ("ends_with", {"any_of": ["good luck!"]}, "Well then, good\nluck! \n", True),
    ("ends_with", {"any_of": ["art"]}, "a party for smart", False),
    ("ends_with", {"any_of": ["art"]}, "a work of art", True),
    ("ends_with", {"any_of": ["art"]}, "a work of art.", False),
    ("contains_all", {"of": ["salt", "pepper"]}, "Pepper and salt", True),
    ("contains_all", {"of": ["salt", "pepper"]}, "salted pepper", False),
    ("contains_any", {"of": ["for example", "such as"]}, "Fruit, for\n example pears", True),
    ("contains_any", {"of": ["can"]}, "You can't", False),
    ("contains_any", {"of": ["known"]}, "a well-known case", False),
    ("contains_any", {"of": ["is"]}, "this is", True),
    ("contains_any", {"of": ["a a"]}, "ba a a", True),
    ("contains_any", {"of": ["café"]}, "un cafe\u0301 noir", True),
    ("contains_any", {"of": ["cafe"]}, "un cafe\u0301 noir", False),
    ("contains_any", {"of": ["日本"]}, "これは日本語です", True),
    ("contains_any", {"of": ["50%"]}, "about 50% of it", True),
    ("contains_any", {"of": ["(a|b)+"]}, "aab", False),
    ("contains_any", {"of": ["か"]}, "か\u3099", False),
    ("contains_any", {"of": ["can"]}, "the word 'can' is", True),
    ("contains_any", {"of": ["can"]}, "what you can'", True),
    ("contains_any", {"of": ["pre-"]}, "a pre-war car", True),
    ("contains_none", {"of": ["sorry"]}, "I am SORRY.", False),
    ("contains_none", {"of": ["sorry"]}, "a sorrysome story", True),
    ("contains_none", {"of": ["SORRY"], "ignore_case": False}, "sorry", True),
    ("speaks_to_reader", {}, "Take your time.", True),
    ("speaks_to_reader", {}, "You’re right.", True),
    ("speaks_to_reader", {}, "Take the time.", False),
    ("speaks_to_reader", {}, "The youth of today", False),
    ("speaks_to_reader", {}, 'He said "you know" and left.', False),
    ("speaks_to_reader", {"language": "fr"}, "Prenez votre temps.", True),
    ("speaks_to_reader", {"language": "fr"}, "Take your time.", False),
    ("first_person", {"allowed": False}, "Take it to the office.", True),
    ("first_person", {"allowed": False}, "Here is what I think.", False),
    ("first_person", {"allowed": False}, "It's my view.", False),
    ("first_person", {"allowed": False}, "Today i'm here.", False),
    ("first_person", {"allowed": False}, "Me too.", False),
    ("first_person", {"allowed": False}, "In World War I the army", True),
    ("first_person", {"allowed": False}, "At this stage I would wait", False),
    ("first_person", {"allowed": False}, "I. Introduction\nII. Body", True),
    ("first_person", {"allowed": False}, "I/O is slow on the I-95", True),
    ("first_person", {"allowed": False}, 'She said: "I am here."', True),
    ("first_person", {"allowed": False}, "She said: “I am here.” I agree.", False),
    ("first_person", {"allowed": False}, "the army of Miami", True),
    ("first_person", {"allowed": False}, 'a 3" pipe\nI took a 5" one', False),
    ("first_person", {"required": True, "allowed": True}, "As I see it", True),
    ("first_person", {"required": True}, "As one sees it", False),
    ("no_digits", {}, "seven of them", True),
    ("no_digits", {}, "7 of them", False),
    ("no_digits", {}, "٣ كتب", False),
    ("no_digits", {}, "10 m²", False),
    ("no_digits", {}, "m²", False),
    ("no_digits", {}, "一二三", True),
    ("numbered_steps", {"min": 3}, "1. Chop\n2. Stir\n3. Eat", True),
    ("numbered_steps", {"min": 3}, "1. Chop\n\n2) Stir\n**3.** Eat", True),
    ("numbered_steps", {"min": 3}, "Step 1: Chop\nStep 2: Stir\nStep 3: Eat", True),
    ("numbered_steps", {"min": 3}, "1. Chop\n2. Stir", False),
    ("numbered_steps", {"min": 3}, "1. Chop\n3. Stir\n2. Eat", False),
    ("numbered_steps", {"min": 2}, "1. Chop\n1. Stir", False),
    ("numbered_steps", {"min": 2}, "1. a\n2. b\n\n1. c", True),
    ("numbered_steps", {"min": 2}, "1 egg\n2 apples", False),
    ("numbered_steps", {"min": 2}, "1.5 litres\n2.5 cups", False),
    ("ends_with_question", {}, "Ready?", True),
    ("ends_with_question", {}, "He asked, “ready?” 🙂\n", True),
    ("ends_with_question", {}, "Really?!", True),
    ("ends_with_question", {}, "**Ready?**", True),
    ("ends_with_question", {}, "準備はいいですか？", True),
    ("ends_with_question", {}, "Ready? Go!", False),
    ("ends_with_question", {}, "Is it ready?...", False),
    ("ends_with_question", {}, "", False),
    ("ends_with_question", {}, "🙂", False),
    ("json", {}, ' {"a": [1, null]} \n', True),
    ("json", {"type": "object"}, "[1]", False),
    ("json", {"type": "array"}, "[1]", True),
    ("json", {}, '{"a": 1,}', False),
    ("json", {}, "NaN", False),
    ("json", {}, "12", True),
    ("json", {}, '```json\n{"a": 1}\n```', False),
    ("json", {}, "[" * 100_000 + "]" * 100_000, False),
    ("json", {}, '"\ud800"', False),
    ("no_markdown", {}, "A plain text - with a hyphen, it's 2 * 3 * 4, snake_case_name and [1].", True),
    ("no_markdown", {}, "1. First\n2. Second", True),
    ("no_markdown", {}, "- ", True),
    ("no_markdown", {}, "a # b, C# and #tag", True),
    ("no_markdown", {}, "# Title", False),
    ("no_markdown", {}, "Text\n## Title", False),
    ("no_markdown", {}, "some **bold** text", False),
    ("no_markdown", {}, "some __bold__ text", False),
    ("no_markdown", {}, "some *italic* text", False),
    ("no_markdown", {}, "some _italic_ text", False),
    ("no_markdown", {}, "List:\n- one\n- two", False),
    ("no_markdown", {}, "List:\n  * one", False),
    ("no_markdown", {}, "• one", False),
    ("no_markdown", {}, "```\ncode\n```", False),
    ("no_markdown", {}, "call `f` now", False),
    ("no_markdown", {}, "see [here](https://example.org)", False),
    ("no_markdown", {}, "a | b\n| --- | --- |", False),
    ("no_markdown", {}, "> quoted", False),
    ("no_markdown", {}, "one\n\n---\r\n\ntwo", False),
    ("script", {"script": "latin"}, "Ça va bien, merci.", True),
    ("script", {"script": "latin"}, "Привет", False),
    ("script", {"script": "cyrillic"}, "Привет, мир!", True),
    ("script", {"script": "greek"}, "Καλημέρα", True),
    ("script", {"script": "arabic"}, "مرحبا", True),
    ("script", {"script": "hebrew"}, "שלום", True),
    ("script", {"script": "han"}, "你好，世界", True),
    ("script", {"script": "hiragana"}, "こんにちは", True),
    ("script", {"script": "han"}, "こんにちは", False),
    ("script", {"script": "japanese"}, "日本語とカタカナー", True),
    ("script", {"script": "latin"}, "Ａｂｃ", True),
    ("script", {"script": "latin", "min_share": 0.5}, "abc где", True),
    ("script", {"script": "latin", "min_share": 0.51}, "abc где", False),
    ("script", {"script": "latin"}, "42 !", False),
]


@pytest.mark.parametrize(("name", "params", "text", "kept"), CASES)
def test_examples(name: str, params: dict[str, object], text: str, kept: bool) -> None:
    """Each check keeps and breaks what its documentation says."""
    assert check(name, **params)(text).kept is kept


WHERE = [
    ("contains_none", {"of": ["sorry"]}, "I am sorry.", "sorry"),
    ("contains_any", {"of": ["for example"]}, "Fruit, for example pears", "for example"),
    ("speaks_to_reader", {}, 'Not "you", your turn', "your"),
    ("first_person", {"allowed": False}, "What I'll do", "I'll"),
    ("no_digits", {}, "about 7 of them", "7"),
    ("numbered_steps", {"min": 2}, "Do:\n1. a\n2. b", "1. a\n2"),
    ("ends_with_question", {}, "Ready? Go!", "!"),
    ("ends_with_question", {}, 'Ready?" ', "?"),
    ("no_markdown", {}, "a **bold** word", "**bold**"),
    ("no_markdown", {}, "a\n## T", "## T"),
    ("script", {"script": "latin"}, "ab где", "г"),
    ("starts_with", {"any_of": ["yes"]}, " Yes, sir", "Yes"),
]


@pytest.mark.parametrize(("name", "params", "text", "shown"), WHERE)
def test_where_is_the_very_place(name: str, params: dict[str, object], text: str, shown: str) -> None:
    """The place is what broke the check, or what shows that it is kept."""
    where = check(name, **params)(text).where
    assert where is not None
    assert text[slice(*where)] == shown


@given(st.text(alphabet="abc yo'-.\n", max_size=30))
def test_the_three_contains_agree(text: str) -> None:
    """Of one phrase: all and any say the same, none the opposite."""
    every = check("contains_all", of=["yo"])(text).kept
    assert check("contains_any", of=["yo"])(text).kept is every
    assert check("contains_none", of=["yo"])(text).kept is not every


@given(TEXTS)
def test_a_text_that_starts_or_ends_with_a_phrase_contains_it(text: str) -> None:
    """Starting or ending with a phrase implies holding it."""
    for name in ("starts_with", "ends_with"):
        if check(name, any_of=["a", "I."])(text).kept:
            assert check("contains_any", of=["a", "I."])(text).kept


def test_keeps_asks_all_of_them() -> None:
    """All checks must hold, and none is easy."""
    both = (check("words", max=3), check("ends_with_question"))
    assert keeps(both, "Are you sure?")
    assert not keeps(both, "You are sure.")
    assert not keeps(both, "Are you really sure?")
    assert keeps((), "")


BAD: list[tuple[str, str, str]] = [
    ("wrds", "{}", "did you mean 'words'"),
    ("words", "{}", "needs min, max or both"),
    ("words", '{"max": 60.0}', "max"),
    ("words", '{"max": true}', "max"),
    ("words", '{"max": "60"}', "max"),
    ("words", '{"max": -1}', "max"),
    ("words", '{"maximum": 60}', "did you mean 'max'"),
    ("words", '{"min": 5, "max": 3}', "more than max"),
    ("words", "[60]", "words"),
    ("words", "60", "words"),
    ("no_digits", '{"max": 3}', "it takes none"),
    ("starts_with", '{"any_of": []}', "any_of"),
    ("starts_with", '{"any_of": "Yes"}', "any_of"),
    ("starts_with", '{"any_of": ["  "]}', "any_of"),
    ("contains_any", '{"of": [1]}', "of.0"),
    ("contains_any", '{"of": ["a"], "ignore_case": 1}', "ignore_case"),
    ("speaks_to_reader", '{"language": "eo"}', "language"),
    ("first_person", "{}", "allowed"),
    ("first_person", '{"allowed": true}', "allowed"),
    ("first_person", '{"allowed": false, "required": true}', "required"),
    ("json", '{"type": "number"}', "type"),
    ("script", "{}", "script"),
    ("script", '{"script": "latin", "min_share": 0}', "min_share"),
    ("script", '{"script": "latin", "min_share": 2}', "min_share"),
    ("script", '{"script": "klingon"}', "script"),
    ("numbered_steps", '{"min": 0}', "min"),
]


@pytest.mark.parametrize(("name", "params", "told"), BAD)
def test_bad_names_and_parameters_are_refused_with_the_reason(name: str, params: str, told: str) -> None:
    """A ValueError names the check, the parameter and what was expected."""
    with pytest.raises(ValueError, match=r"check") as caught:
        build(CheckSpec(name, params))
    assert told in str(caught.value)
    assert name in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_no_parameters_may_be_written_as_null() -> None:
    """`no_digits: null` in a file is `no_digits: {}`."""
    assert build(CheckSpec("no_digits", "null")) == build(CheckSpec("no_digits"))


def test_checks_are_values() -> None:
    """Equal names and parameters give equal checks, and a check survives pickling into a worker."""
    for name, params in EXAMPLES.items():
        made = check(name, **params)
        assert made == check(name, **params)
        assert pickle.loads(pickle.dumps(made))("I. a a b? 1") == made("I. a a b? 1")


def shout(text: str, *, least: int = 1) -> bool:
    return text.count("!") >= least


def test_own_checks_get_text_and_parameters() -> None:
    """A function of the user is called with the answer and its parameters, by name."""
    own: dict[str, Callable[..., object]] = {
        "shout": shout,
        "found": lambda text: Checked(True, (0, len(text)), "all of it"),
    }
    assert build(CheckSpec("shout", '{"least": 2}'), own)("no!!") == Checked(True)
    assert build(CheckSpec("shout", '{"least": 3}'), own)("no!!") == Checked(False)
    assert build(CheckSpec("found"), own)("abc").where == (0, 3)


async def slow(text: str) -> bool:
    return bool(text)


@pytest.mark.parametrize(
    ("name", "function", "params", "told"),
    [
        ("shout", shout, '{"most": 3}', "most"),
        ("shout", shout, "[1]", "mapping"),
        ("words", shout, "{}", "shipped"),
        ("slow", slow, "{}", "coroutine"),
    ],
)
def test_own_checks_are_refused_before_the_first_answer(
    name: str, function: Callable[..., object], params: str, told: str
) -> None:
    """Wrong parameters, a shipped name and a coroutine are told when the check is built."""
    with pytest.raises(ValueError, match=told):
        build(CheckSpec(name, params), {name: function})


def fail(text: str) -> bool:
    raise KeyError(text)


@pytest.mark.parametrize(
    ("function", "told"),
    [(fail, "KeyError"), (lambda text: text, "str"), (lambda text: Checked(True, (0, len(text) + 1)), "place")],
)
def test_a_broken_own_check_is_the_records_error(function: Callable[..., object], told: str) -> None:
    """What an own check does wrong names it and stays with one record."""
    with pytest.raises(RecordError, match=told) as caught:
        build(CheckSpec("mine"), {"mine": function})("abc")
    assert "'mine'" in str(caught.value)


def test_own_names_are_offered_when_a_name_is_mistyped() -> None:
    """The nearest name may be one of the user's."""
    with pytest.raises(ValueError, match="did you mean 'shout'"):
        build(CheckSpec("shot"), {"shout": shout})


def test_the_schema_takes_what_build_takes() -> None:
    """Every example is valid, alone and together, and bad parameters of shipped checks are not."""
    schema = params_schema()
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    assert validator.is_valid(EXAMPLES)
    assert validator.is_valid({"no_digits": None, "json": None, "my_own": {"least": 2}})
    for bad in ({}, {"words": {"max": "60"}}, {"words": {"most": 60}}, {"script": None}, {"no_digits": 3}, {"own": 3}):
        assert not validator.is_valid(bad), bad


def test_every_parameter_and_check_is_described_by_name_in_the_schema() -> None:
    """Editors get a line for each check."""
    properties = params_schema()["properties"]
    assert isinstance(properties, dict)
    assert set(properties) == set(CHECKS)
    assert all(entry["description"] for entry in properties.values())


def reference() -> str:
    return (Path(__file__).parents[1] / "docs" / "checks.md").read_text("utf-8")


def test_the_reference_lists_every_check_with_its_parameters() -> None:
    """docs/checks.md has one row for each check, and the row names every parameter."""
    rows = {cells[1].strip(" `"): cells[2] for line in reference().splitlines() if len(cells := line.split("|")) == 5}
    for name, definition in CHECKS.items():
        assert all(f"`{parameter}" in rows[name] for parameter in definition.model_fields)


def test_the_references_python_runs() -> None:
    """The Python of docs/checks.md does what it asserts."""
    block = reference().partition("```python\n")[2].partition("```")[0]
    assert "assert" in block
    exec(compile(block, "docs/checks.md", "exec"), {})
