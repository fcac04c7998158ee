"""A constitution is written as one text that reads back the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from constitution import shipped
from constitution.messages import Conversation, Message, assistant, system, user
from constitution.principles import Case, CheckSpec, FewShots, JudgeShot, Principle, Principles, Reply
from constitution.sources.constitution_file import dump_constitution, parse_constitution, read_constitution

FULL = read_constitution(Path(__file__).with_name("full.yaml"))
ODD = [
    "no", "y", "1.10", "012", "12:30", "2024-01-01", "null", "~", "true", ".nan", "1e3", "0x1F", "=", "<<",
    "a: b", "a #b", "# a", "- a", "? a", "! a", "!!str a", "&a", "*a", "|", "> x", "%a", "@a", "`a", "'a'",
    '"a"', "{a: b}", "[a]", "{{ a }}", "  leading", "trailing  ", "\tx", "a\n", "a\n\n", "\na", "\n\n a",
    " a\nb", "a\n  b\nc", "a\n \nb", "a\nb  \nc", "a\r\nb", "a\rb", "a\x85b", "a\u2028b", "\ufeffa", "a\x07b",
    "a\x7f", "a\ufffe", "a\U0001f600b", "e\u0301", "\u202ex", "---", "...", "--- a", "a\n---\nb\n...\n",
    "a\n# b\nc", "a\n\tb\n", "x" * 300, "x " * 300 + "x", "\\", "a\\n", "\xa0a", "a\n\xa0\nb",
]  # fmt: skip

texts = (
    st.sampled_from(ODD)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=30)
    | st.text("ab:#-\n \t'\"|>&*!%{}[],?.1é", min_size=1, max_size=30)
).filter(lambda text: bool(text.strip()))
maybe = st.just("") | texts
ids = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,10}", fullmatch=True)
tags = st.lists(texts, max_size=2).map(tuple)


def alternating(turns: list[str], *, start: bool, last: str) -> Conversation:
    """The texts as turns of user and assistant, with a system turn first if wanted."""
    first = [system(turns[0])] if start else []
    rest = turns[1:] if len(turns) % 2 == (0 if last == "user" else 1) else turns
    return tuple(first + [user(text) if at % 2 == 0 else assistant(text) for at, text in enumerate(rest)])


def conversations(last: str) -> st.SearchStrategy[Conversation]:
    """Conversations that end with one role."""
    return st.builds(
        lambda turns, start: alternating(turns, start=start, last=last),
        st.lists(texts, min_size=2, max_size=5),
        st.booleans(),
    )


cases = st.builds(
    lambda situation, good, bad, note: Case(situation, good=good, bad=bad or (None if good else "b"), note=note),
    texts.map(lambda text: (user(text),)) | conversations("user"),
    st.none() | texts,
    st.none() | texts,
    maybe,
)
checks = st.sampled_from(
    [
        (),
        (CheckSpec("no_digits"),),
        (CheckSpec("contains_any", '{"of":["no","1.10","a: b\\n"]}'), CheckSpec("words", '{"max":60,"min":1}')),
    ]
)


@st.composite
def principles(draw: st.DrawFn, levels: tuple[str, ...]) -> Principle:
    """A principle that a file can hold."""
    loop = draw(st.booleans())
    preference = draw(maybe)
    return Principle(
        id=draw(ids),
        text=draw(maybe),
        critique=draw(texts) if loop else "",
        revision=draw(texts) if loop else "",
        preference=preference,
        asks=draw(maybe if loop or preference else texts),
        asks_broken=draw(maybe),
        checks=draw(checks),
        why=draw(maybe),
        level=draw(st.sampled_from([None, *levels])),
        weight=draw(st.just(1.0) | st.floats(0, exclude_min=True, allow_infinity=False)),
        tags=draw(tags),
        applies_to=draw(tags),
        negation=draw(maybe),
        cases=tuple(draw(st.lists(cases, max_size=2))),
        source=draw(maybe),
    )


@st.composite
def constitutions(draw: st.DrawFn) -> Principles:
    """A constitution that a file can hold."""
    levels = tuple(draw(st.lists(texts, max_size=3, unique=True)))
    replies: st.SearchStrategy[Reply] = st.sampled_from(["answer", "partial", "refuse"])
    shots = st.builds(JudgeShot, texts, texts, texts, st.sampled_from(["a", "b"]))
    return Principles(
        name=draw(texts),
        version=draw(texts),
        principles=tuple(draw(st.lists(principles(levels), min_size=1, max_size=3, unique_by=lambda p: p.id))),
        description=draw(maybe),
        language=draw(texts),
        license=draw(maybe),
        context=draw(maybe),
        levels=levels,
        respond=MappingProxyType(draw(st.dictionaries(maybe, replies, max_size=3))),
        few_shots=FewShots(
            tuple(draw(st.lists(conversations("assistant"), max_size=2))), tuple(draw(st.lists(shots, max_size=2)))
        ),
        templates=MappingProxyType(
            draw(st.sampled_from([{}, {"critique": "{{ context }}\n\n  {{ principle.why }}\n"}]))
        ),
    )


@settings(deadline=None, max_examples=80)
@given(constitutions())
@example(FULL)
def test_what_is_written_reads_back_the_same(found: Principles) -> None:
    """Any constitution, whatever its texts look like, with the same digest."""
    again = parse_constitution(dump_constitution(found))
    assert again == found
    assert again.digest == found.digest


@pytest.mark.parametrize("text", ODD)
def test_odd_text_survives_everywhere(text: str) -> None:
    """As a value, in a list, as a key and in a message."""
    one = Principle(
        "p", asks=text, tags=(text, text), cases=(Case((user(text), assistant(text), user(text)), bad=text),)
    )
    found = Principles(text, text, (one,), respond=MappingProxyType({text: "answer"}), levels=(text,))
    written = dump_constitution(found)
    assert parse_constitution(written) == found
    assert not any(line.endswith((" ", "\t")) for line in written.split("\n"))  # editors would cut them


@pytest.mark.parametrize("name", shipped.names("principles", ".yaml"))
def test_what_ships_survives(name: str) -> None:
    """Every shipped constitution reads, and reads back the same."""
    found = read_constitution(name)
    assert parse_constitution(dump_constitution(found)) == found


def test_a_long_key_survives() -> None:
    """YAML reads a key past 1,024 characters only where it is marked."""
    found = replace(FULL, respond=MappingProxyType({"k" * 2000: "refuse"}))
    assert parse_constitution(dump_constitution(found)) == found


def test_what_is_written_is_made_to_be_read() -> None:
    """Long texts stand as blocks, plain words without quotes, defaults not at all."""
    one = Principle("p", text="Be kind.", asks="Is it kind?\nReally?\n")
    assert dump_constitution(Principles("house", "1.0", (one,))) == (
        'schema: 1\nname: house\nversion: "1.0"\nlanguage: en\nprinciples:\n'
        "  - id: p\n    text: Be kind.\n    asks: |\n      Is it kind?\n      Really?\n"
    )


def test_readers_of_yaml_1_1_see_the_same() -> None:
    """Words that they take for truth values are quoted, and an exponent has its dot."""
    one = Principle("p", asks="Yes", weight=1e-7, tags=("off",))
    written = dump_constitution(Principles("no", "v", (one,)))
    assert all(part in written for part in ('name: "no"', 'asks: "Yes"', '- "off"', "weight: 1.0e-07"))


def test_parents_are_written_out(tmp_path: Path) -> None:
    """The text needs no other file."""
    (tmp_path / "a.yaml").write_text("name: a\nversion: v\nprinciples: [{id: p, asks: q}]\n")
    child = tmp_path / "b.yaml"
    child.write_text("name: b\nversion: v\nextends: a.yaml\nprinciples: [{id: p, weight: 3}]\n")
    written = dump_constitution(read_constitution(child))
    assert "extends" not in written
    assert parse_constitution(written) == read_constitution(child)


def test_two_checks_of_one_name_are_refused() -> None:
    """A mapping cannot hold them, and one of them is never dropped in silence."""
    one = Principle("p", asks="q", checks=(CheckSpec("words", '{"max":3}'), CheckSpec("words", '{"min":1}')))
    with pytest.raises(ValueError, match="principle 'p' has two checks of one name"):
        dump_constitution(Principles("n", "v", (one,)))


def test_a_lone_system_turn_stays_a_message() -> None:
    """Only a single user turn is written as text."""
    one = Principle("p", asks="q", cases=(Case((Message("system", "s"), user("u")), good="g"),))
    found = Principles("n", "v", (one,))
    assert parse_constitution(dump_constitution(found)) == found
