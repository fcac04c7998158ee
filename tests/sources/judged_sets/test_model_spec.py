"""A specification in Markdown: sections, turns, comparisons, and what of them is no pair."""

from __future__ import annotations

from pathlib import Path

import pytest

from constitution.errors import PromptFileError
from constitution.examination.items import JudgedSet
from constitution.messages import Message, user
from constitution.sources.judged_sets.model_spec import CALLS, MOST_CHARACTERS, ONE_SIDED, UNASKED, read_model_spec

SPEC = """\
# Overview {#overview}

Words that no example follows.

## Be kind {#be_kind authority=user}

The answer is *kind*[^ab12], see [?](#be_brief) and [the style](#style).

It does not scold.

**Example**: a mistake

~~~xml
<system comment="setting">
You work in a shop.
</system>
<user>
I broke it, is 1 &lt; 2?
</user>
<comparison>
<assistant> <!-- BAD: scolds -->
Why did you do that?
</assistant>
<assistant> <!-- OK -->
Hm.
</assistant>
<assistant> <!-- GOOD -->
That happens.

Let me help.
</assistant>
<assistant> <!-- GOOD: too -->
Never mind.
</assistant>
</comparison>
~~~

More of the rule behind the example.

## Be brief {#be_brief authority=guideline tags=a}

The answer is brief.

~~~xml
<user>
Hi
</user>
<assistant>
Hello.
</assistant>
<user>
How are you?
</user>
<comparison>
<assistant> <!-- GOOD, given the hour -->
Fine.
 </assistant>
<assistant> <!-- BAD[#be_kind]: unkind -->
None of your business.
</assistant>
</comparison>
~~~

~~~xml
<user>
Only one side
</user>
<comparison>
<assistant> <!-- GOOD -->
Fine.
</assistant>
</comparison>
~~~

~~~xml
<user>
With a call
</user>
<comparison>
<assistant recipient="functions.ask"> <!-- GOOD -->
{}
</assistant>
<assistant> <!-- BAD -->
No.
</assistant>
</comparison>
~~~

~~~xml
<comparison>
<assistant> <!-- GOOD -->
Yes.
</assistant>
<assistant> <!-- BAD -->
No.
</assistant>
</comparison>
~~~
"""


def read(folder: Path, text: str) -> JudgedSet:
    """A specification from a file."""
    path = folder / "spec.md"
    path.write_text(text)
    return read_model_spec(str(path))


def test_comparisons_are_pairs(tmp_path: Path) -> None:
    """The turns before them, the first good answer and the first bad one, with their places."""
    found = read(tmp_path, SPEC)
    first, second = found.items
    assert first.conversation == (Message("system", "You work in a shop."), user("I broke it, is 1 < 2?"))
    assert (first.better, first.worse) == ("That happens.\n\nLet me help.", "Why did you do that?")
    assert (first.id, first.place) == ("be_kind/1", f"{tmp_path}/spec.md:20")
    assert [turn.role for turn in second.conversation] == ["user", "assistant", "user"]
    assert (second.id, second.better) == ("be_brief/1", "Fine.")


def test_sections_are_principles(tmp_path: Path) -> None:
    """Their words without footnotes, links and examples; an answer that is bad by another section has that one."""
    first, second = read(tmp_path, SPEC).items
    assert first.principle is not None
    assert second.principle is not None
    assert first.principle.id == second.principle.id == "be_kind"
    assert first.principle.text == (
        "Be kind\n\nThe answer is *kind*, see another section and the style.\n\nIt does not scold.\n\n"
        "More of the rule behind the example."
    )


def test_what_is_no_pair_is_counted(tmp_path: Path) -> None:
    """By reason."""
    assert dict(read(tmp_path, SPEC).left_out) == {ONE_SIDED: 1, CALLS: 1, UNASKED: 1}


def test_a_long_section_is_cut_behind_a_paragraph(tmp_path: Path) -> None:
    """So that it fits beside two answers."""
    words = "\n\n".join(f"Paragraph {n} " + "word " * 40 for n in range(20))
    (item, _) = read(tmp_path, SPEC.replace("It does not scold.", words)).items
    assert item.principle is not None
    assert len(item.principle.text) <= MOST_CHARACTERS
    assert item.principle.text.endswith("word")


@pytest.mark.parametrize(
    ("cut", "line", "what"),
    [
        ("</comparison>\n~~~\n\nMore", 20, "the comparison does not end"),
        ("</user>\n<comparison>\n<assistant> <!-- BAD: scolds", 17, "the turn does not end: </user> is missing"),
        ("<user>\nI broke it", 17, "cannot be understood: expected <system>"),
    ],
)
def test_blocks_that_cannot_be_understood(tmp_path: Path, cut: str, line: int, what: str) -> None:
    """Are told with their line."""
    assert cut in SPEC
    broken = {
        20: SPEC.replace(cut, cut.replace("</comparison>\n", "")),
        17: SPEC.replace(cut, cut.replace("</user>\n", "", 1) if "does not end" in what else "<usr>\nI broke it"),
    }[line]
    with pytest.raises(PromptFileError, match=f"spec.md:{line}: {what}"):
        read(tmp_path, broken)


def test_a_block_that_does_not_end(tmp_path: Path) -> None:
    """Would swallow the rest."""
    with pytest.raises(PromptFileError, match=r"spec\.md:1: the block does not end"):
        read(tmp_path, "~~~xml\n<user>\nx\n</user>\n")


def test_a_section_stands_once(tmp_path: Path) -> None:
    """An id that repeats would lend one rule to the examples of another."""
    with pytest.raises(PromptFileError, match="the section #be_kind stands twice"):
        read(tmp_path, SPEC + "\n## Again {#be_kind}\n")


@pytest.mark.parametrize("text", ["", "# A {#a}\n\nNo example.\n", "plain"])
def test_a_file_without_comparisons_is_refused(tmp_path: Path, text: str) -> None:
    """With what was looked for."""
    with pytest.raises(PromptFileError, match="no comparison of a good and a bad answer"):
        read(tmp_path, text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """Missing, or no UTF-8."""
    with pytest.raises(PromptFileError, match="no such file"):
        read_model_spec(str(tmp_path / "none.md"))
    (tmp_path / "bad.md").write_bytes(b"# \xff\xfa {#a}")
    with pytest.raises(PromptFileError, match="cannot be read"):
        read_model_spec(str(tmp_path / "bad.md"))
