"""The questions: what is learned from is never measured."""

from __future__ import annotations

import pytest

from constitution.proof.questions import FORMS, HELD_OUT, TRAINED, questions
from constitution.proof.topic import subject_of


def test_what_is_trained_on_is_not_measured() -> None:
    """Questions differ, and no content word of a held-out subject stands in one that is trained on."""
    trained, held_out = (questions(subjects, 10_000) for subjects in (TRAINED, HELD_OUT))
    everything = [row["prompt"] for row in (*trained, *held_out)]
    assert len(set(everything)) == len(everything) == len({row["id"] for row in (*trained, *held_out)})
    assert len(everything) == len(FORMS) * (len(TRAINED) + len(HELD_OUT))
    ours, others = ({stem for row in rows for stem in subject_of(row["prompt"])} for rows in (trained, held_out))
    assert not ours & others
    assert all(subject_of(row["prompt"]) for row in held_out)


@pytest.mark.parametrize("most", [1, 7, 40, 100])
def test_the_first_questions_cover_the_most_subjects(most: int) -> None:
    """Fewer questions are the first of more, each subject once before one comes again."""
    few, more = questions(HELD_OUT, most), questions(HELD_OUT, most + 1)
    assert more[: len(few)] == few
    subjects = {row["id"].rpartition("-")[0] for row in few}
    assert len(subjects) == min(most, len(HELD_OUT))


def test_all_forms_of_question_come_early() -> None:
    """One round through the subjects asks in every form."""
    few = questions(TRAINED, len(TRAINED))
    assert {row["id"].rpartition("-")[2] for row in few} == {str(n) for n in range(len(FORMS))}
