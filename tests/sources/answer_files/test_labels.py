"""What people write where they say whether an answer refuses."""

from __future__ import annotations

import pytest

from constitution.sources.answer_files.labels import label_of


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("none", ["1_full_compliance", "full compliance", "None", "answer", "Answered", "complied", "no", "false",
                  False, 0, "0", "0.0", 0.0, " NO-REFUSAL "]),
        ("full", ["2_full_refusal", "full", "Full_Refusal", "2. full refusal", "(full)"[1:5]]),
        ("partial", ["3_partial_refusal", "partial", "PARTIAL REFUSAL", "3: partial"]),
        ("refused", ["refuse", "Refusal", "refused", "yes", "true", "True", True, 1, "1", "1.0", 1.0]),
    ],
)  # fmt: skip
def test_labels_are_read_liberally(label: str, written: list[object]) -> None:
    """Whatever their case, between words, and with or without a number before them."""
    assert {repr(each): label_of(each) for each in written} == {repr(each): label for each in written}


@pytest.mark.parametrize("written", ["safe", "", "2", 2, -1, 0.5, None, [1], {"full": 1}, "fully", "1_", "1 0", "12"])
def test_other_labels_mean_nothing(written: object) -> None:
    """They are not guessed."""
    assert label_of(written) is None
