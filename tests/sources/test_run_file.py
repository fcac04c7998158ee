"""Run files and settings over them: what is wrong is told with what was meant."""

from __future__ import annotations

import pytest

from constitution.errors import RunFileError
from constitution.sources.run_file import read_run


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("roles.draft.temprature=0.5", "roles.draft.temprature: unknown setting, did you mean 'temperature'?"),
        ("roles.draft.rounds=2", "roles.draft.rounds: unknown setting, expected one of chat_template_kwargs, "),
        ("rols.draft.temperature=1", "rols: unknown setting, did you mean 'roles'?"),
        ("prompts.sauce=x", "prompts.0.sauce: unknown setting, did you mean 'source'?"),
    ],
)
def test_an_unknown_setting_is_told_with_the_nearest_of_its_place(setting: str, told: str) -> None:
    """Inside a role the keys of a role, at the top those of the file."""
    with pytest.raises(RunFileError) as caught:
        read_run(None, [setting], constitution="balanced", model="scripted", out="x")
    assert any(line.startswith(told) for line in str(caught.value).splitlines())
