"""Checks of principles that were made in Python, which no file's reading has looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from constitution import Constitution, Principle, Principles, ScriptedEngine
from constitution.errors import SettingsError
from constitution.principles import CheckSpec
from constitution.rewards import Reward


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (CheckSpec("wrods"), "principle 'short' of 'own': no check is called 'wrods'; did you mean 'words'?"),
        (CheckSpec("words", '{"max": "ten"}'), "principle 'short' of 'own': check 'words'"),
    ],
)
def test_a_check_that_cannot_be_built_is_told_before_anything_is_asked(
    spec: CheckSpec, message: str, tmp_path: Path
) -> None:
    """As a setting that is wrong, with its principle, wherever checks are used."""
    principle = Principle("short", "Be short.", "Is it short?", "Shorten it.", checks=(spec,))
    constitution = Constitution(Principles("own", "1", (principle,)))
    engine = ScriptedEngine()
    with pytest.raises(SettingsError, match=message.replace("?", r"\?")):
        constitution.generate(["Hello?"], tmp_path / "run", model=engine)
    with pytest.raises(SettingsError, match=message.replace("?", r"\?")):
        Reward(constitution, checks=True)
    assert engine.requests == 0
    assert not (tmp_path / "run").exists()
