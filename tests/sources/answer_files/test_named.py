"""Which column is what: by its name, or as the user says."""

from __future__ import annotations

import pytest

from constitution.sources.answer_files import Named
from constitution.sources.answer_files.named import Found, columns_of
from constitution.sources.prompts.json_lines import LineError


@pytest.mark.parametrize(
    ("names", "answers"),
    [
        ("prompt completion", "completion"),
        ("instruction input output", "output"),
        ("question answer", "answer"),
        ("prompt Response ", "Response"),
        ("messages id", "messages"),
        ("prompt messages completion", "completion"),
        ("prompt chosen rejected", "chosen rejected"),
        ("prompt chosen", None),
        ("text label", "text"),
        ("text output", "output"),
        ("prompt draft", "draft"),
    ],
)
def test_the_answer_is_found(names: str, answers: str | None) -> None:
    """The surest name wins; one side alone is no preference row."""
    if answers is None:
        with pytest.raises(LineError, match='no column is known to hold the answer; there are "prompt", "chosen"'):
            columns_of(names.split(" "), Named())
    else:
        found = columns_of([name + " " * (name == "Response") for name in names.split()], Named())
        assert [name.strip() for name in found.answers] == answers.split()


@pytest.mark.parametrize("names", ["completion response", "response chosen rejected", "output prediction"])
def test_two_that_could_be_meant(names: str) -> None:
    """Nobody guesses; the error names the option, and with it all is well."""
    first, *_ = names.split()
    with pytest.raises(LineError, match=f"could both be the answer; name the one: --text {first}"):
        columns_of(names.split(), Named())
    assert columns_of(names.split(), Named(text=first)).answers == (first,)


def test_all_of_a_row() -> None:
    """As the published answers of XSTest have them, with a model beside."""
    names = ["id", "type", "prompt", "completion", "annotation_1", "agreement", "final_label", "model", "label"]
    assert columns_of(names, Named()) == Found(("completion",), "final_label", None, "model", "type", "id")
    assert columns_of(names, Named(label="annotation_1", against="label")).label == "annotation_1"


@pytest.mark.parametrize(
    ("label", "found"), [(None, "final_label"), ("-", None), ("kind", "kind")], ids=["found", "none", "named"]
)
def test_labels(label: str | None, found: str | None) -> None:
    """Found, left alone, or named."""
    assert columns_of(["text", "kind", "final_label"], Named(label=label)).label == found


def test_a_column_is_one_thing() -> None:
    """What is named as the answer or as the other tagger's is no label."""
    assert columns_of(["answer", "label", "kind"], Named(against="label")).label == "kind"
    assert columns_of(["answer", "label"], Named(text="label")).label is None


def test_preference_rows_have_no_labels_of_their_own() -> None:
    """A label beside two answers says which is better, not whether one refuses."""
    assert columns_of(["chosen", "rejected", "label"], Named()).label is None
    with pytest.raises(LineError, match=r'two answers, in "chosen", "rejected"; name the one .*--text chosen'):
        columns_of(["chosen", "rejected", "label"], Named(label="label"))
    assert columns_of(["chosen", "rejected", "label"], Named(text="rejected")).label == "label"


@pytest.mark.parametrize("option", ["text", "label", "against"])
def test_a_named_column_must_be_there(option: str) -> None:
    """The message lists what is."""
    with pytest.raises(LineError, match=f'there is no column "x" \\(--{option}\\); there are "answer", "label"'):
        columns_of(["answer", "label"], Named(**{option: "x"}))


def test_another_tagger_needs_people() -> None:
    """It is compared on what people say."""
    with pytest.raises(LineError, match=r"--against other: .*--label"):
        columns_of(["answer", "other"], Named(against="other"))


@pytest.mark.parametrize(
    ("names", "own"), [("messages wanted refusal", "refusal"), ("text kind language points cues", "kind")]
)
def test_tags_of_ours_are_no_labels(names: str, own: str) -> None:
    """The tagger agrees with itself always; who names the column gets it."""
    found = columns_of(names.split(), Named())
    assert (found.label, found.own) == (None, own)
    named = columns_of(names.split(), Named(label=own))
    assert (named.label, named.own) == (own, None)
    assert columns_of(names.split(), Named(), own).label is None
    people = columns_of([*names.split(), "label"], Named())
    assert (people.label, people.own) == ("label", None)
    assert columns_of(["text", own], Named()).label == own
