"""Revise: what came back is cleaned, and its defect is named."""

from __future__ import annotations

import pytest
from hypothesis import given

from constitution.engine import Answer, Completion
from constitution.records import REASONS, Revision
from constitution.steps.filter import copied_share, leaks, same_text
from constitution.steps.revise import judge_revision, revise_request
from tests.strategies import answer_texts, finding_text, simple, texts

DRAFT = (
    "People who cannot sleep should try to keep their bedroom dark and cool. They should also avoid coffee in the "
    "evening, since caffeine stays in the blood for hours. A short walk after dinner helps a lot of people."
)
CRITIQUE = (
    'The answer talks about "people who cannot sleep" in general and does not speak to the reader. The sentence "They '
    'should also avoid coffee in the evening" would be friendlier if it said what you can do tonight.'
)
GOOD = (
    "Keep your bedroom dark and cool. You should also avoid coffee in the evening, since caffeine stays in your blood "
    "for hours. If you can, take a short walk after dinner."
)
REQUEST = (
    'Rewrite your answer so that it speaks to the reader with the word "you".\n\nWrite only the new answer itself.'
)


def judged(text: str, *, draft: str = DRAFT, critique: str | None = CRITIQUE) -> Revision:
    return judge_revision(
        Answer("key", Completion(text)), draft=draft, before=draft, critique=critique, requests=("Ask?", REQUEST)
    )


QUOTING = DRAFT + " That does not speak to you."
COPIES = {
    "the critique itself": CRITIQUE,
    "the critique in other spaces": CRITIQUE.replace(" ", "\n"),
    "the critique in capitals": CRITIQUE.upper(),
    "the critique and a remark": CRITIQUE + " I will keep that in mind.",
    "the beginning of the critique": CRITIQUE[:120],
    "the critique, then a sentence": CRITIQUE + " Keep your bedroom dark and cool.",
    "the critique after an introduction": "Here is the revised answer:\n\n" + CRITIQUE,
    "a critique that mostly quotes the draft": QUOTING,
    "the critique as a promise": "You are right. " + CRITIQUE.replace("does not speak", "did not speak"),
}
NO_COPIES = {
    "a good revision": GOOD,
    "a revision that quotes the draft": DRAFT.replace("People who cannot sleep", "You"),
    "one sentence more": DRAFT + " You can try this tonight.",
    "one word of the critique": GOOD + " It will feel friendlier.",
    "something else": "Try a warm bath.",
    "a revision with a short piece of the critique": GOOD + " Here is what you can do tonight: read a book in bed.",
    "the part of the critique that quotes the draft": "They should also avoid coffee in the evening.",
}


@pytest.mark.parametrize("text", COPIES.values(), ids=COPIES)
def test_a_copy_of_the_critique(text: str) -> None:
    """What mostly repeats the critique, and not the draft, is no revision."""
    assert judged(text, critique=QUOTING if text is QUOTING else CRITIQUE).defect == "copies_critique"


@pytest.mark.parametrize("text", NO_COPIES.values(), ids=NO_COPIES)
def test_no_copy_of_the_critique(text: str) -> None:
    """A revision may keep the draft, take words of the critique, and quote what the critique quotes."""
    assert judged(text).defect is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Here is the revised answer:",
        "...",
        "\u200b",
        "Keep warm.</think>",
        REQUEST,
        REQUEST + " You.",
        'Sure! Rewrite your answer so that it speaks to the reader with the word "you".',
        finding_text(critique="The answer is too long."),
        "<|im_start|>assistant",
    ],
    ids=lambda text: text[:25] or "empty",
)
def test_leaks(text: str) -> None:
    """Nothing after a preamble, a finding, tags of the machinery and the repeated request are leaks."""
    assert judged(text).defect == "leak"


@pytest.mark.parametrize("text", [DRAFT, f"  {DRAFT}\n", f"“{DRAFT}”", f"Here is the revised answer:\n\n{DRAFT}"])
def test_equal(text: str) -> None:
    """The draft again, but for spaces, punctuation at the ends and a preamble, is equal."""
    assert judged(text).defect == "equal"


def test_a_text_that_the_draft_shares_with_the_request_is_no_leak() -> None:
    """Where the draft itself says what the request says, a revision may go on saying it."""
    assert judged(REQUEST + " Please.", draft=REQUEST).defect is None


@given(answer_texts, texts, texts)
def test_good_revisions_pass_law_8(text: str, draft: str, critique: str) -> None:
    """A revision without a defect differs from the draft, is no leak, and is not the critique."""
    revision = judged(text, draft=draft, critique=critique)
    if revision.good:
        assert not same_text(revision.text, draft)
        assert not leaks(revision.text)
        assert revision.text.strip() == revision.text != ""
        assert copied_share(revision.text, critique, draft) <= 0.5
    else:
        assert revision.defect in REASONS


def test_similarity_and_attempts() -> None:
    """Similarity is measured against the text under revision; attempts and thoughts come from the answer."""
    answer = Answer("key", Completion(GOOD, reasoning="Hm."), attempts=3)
    revision = judge_revision(answer, draft=DRAFT, before=GOOD, critique=None, requests=())
    assert (revision.similarity, revision.attempts, revision.reasoning) == (1.0, 3, "Hm.")
    assert revision.good


@pytest.mark.parametrize("direct", [False, True])
def test_request(direct: bool) -> None:
    """The request asks for the rewrite; only where no critique stands before it does it say context and principle."""
    request = revise_request(simple(1, context="A school."), simple(1).principles[0], direct=direct)
    assert "Revision 0!" in request
    assert ("A school." in request) is direct
    assert ("Text 0." in request) is direct
