"""Pairs that a trainer cuts to the same tokens: as TRL's DPO trainer prepares rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constitution.errors import InputError, SettingsError
from constitution.formats.truncation import MAX_LENGTH, Cut, cut_of
from constitution.messages import assistant, system, user
from constitution.records import PreferencePair
from constitution.steps.filter import sieve_of
from tests.formats.made import exported, revised, run_of
from tests.strategies import sentences
from tests.tiny_tokenizer import CHATML, tiny_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tokenizer on disk, by bytes mostly."""
    path = tmp_path_factory.mktemp("tokenizers") / "tiny"
    tiny_tokenizer(CHATML).save_pretrained(path)
    return str(path)


def pair(chosen: str, rejected: str, asked: str = "What helps?") -> PreferencePair:
    return PreferencePair("r", 0, 0, (user(asked),), chosen, rejected, (), (0, 1), 0.0)


def by_characters(messages: list[dict[str, Any]], tools: list[Any] | None) -> list[int]:
    return [ord(letter) for turn in messages for letter in turn["content"]] + [0] * len(tools or ())


def test_where_a_trainer_cuts_if_nobody_says() -> None:
    """At TRL's own default."""
    trl = pytest.importorskip("trl")
    assert trl.DPOConfig.__dataclass_fields__["max_length"].default == MAX_LENGTH
    assert trl.DPOConfig.__dataclass_fields__["truncation_mode"].default == "keep_start"


@pytest.mark.parametrize(
    ("chosen", "rejected", "asked", "cut"),
    [
        ("12345a", "12345b", "12345", True),
        ("1234a", "1234b", "12345", False),
        ("12345", "123456", "12345", True),
        ("1234", "12345", "12345", False),
        ("a", "b", "1234567890", True),
        ("a", "b", "123456789", False),
        ("a", "b", "12345678901234", True),
    ],
)
def test_prompt_and_answer_are_cut_together_at_the_end(chosen: str, rejected: str, asked: str, cut: bool) -> None:
    """What stands after the cut makes no pair; a prompt that fills it leaves nothing."""
    found = Cut("letters", 10, by_characters).filter()(pair(chosen, rejected, asked))
    assert (found is not None) == cut


@given(sentences, sentences, st.integers(1, 120))
@settings(max_examples=60)
def test_longer_cuts_see_less(one: str, other: str, length: int) -> None:
    """What a cut sees, every shorter one sees; both sides are alike; equal texts are always seen."""
    filter, shorter = Cut("x", length, by_characters).filter(), Cut("x", max(1, length - 1), by_characters).filter()
    seen = filter(pair(one, other)) is not None
    assert seen == (filter(pair(other, one)) is not None)
    assert not seen or shorter(pair(one, other)) is not None
    assert filter(pair(one, one)) is not None


def test_the_ids_are_those_of_the_trainer(folder: str) -> None:
    """The chat template, tools and all, with nothing begun behind it."""
    cut = cut_of(folder, None)
    assert cut is not None
    assert cut.max_length == MAX_LENGTH
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    expected = tiny_tokenizer(CHATML).apply_chat_template(messages, return_dict=True)["input_ids"]
    assert list(cut.ids(messages, None)) == expected


def test_an_export_drops_them_with_their_reason(folder: str, tmp_path: Path) -> None:
    """Only there, counted in its sums, told in the card with the command, without the tokenizer's place."""
    same = "The beginning is the same. " * 10
    chains = [revised("a", draft=same + "Then it ends.", text=same + "Then it goes on."), revised("b")]
    run = run_of(chains)
    plain = exported(tmp_path / "plain", run)
    assert plain.sums.pairs_kept == 2
    done = exported(tmp_path / "cut", run, cut=cut_of(folder, 200))
    assert dict(done.sums.pairs_dropped) == {"equal_truncated": 1}
    assert dict(done.configs["preference"]) == {"train": 1}
    card = (tmp_path / "cut" / "README.md").read_text()
    assert "| `equal_truncated` | both texts are the same in the 200 tokens that a trainer keeps | drop | 1 |" in card
    assert "--tokenizer tiny --max-length 200" in card
    assert str(Path(folder).parent) not in card


def test_settings_that_are_none(tmp_path: Path) -> None:
    """A length without a tokenizer, a length that is none, a tokenizer that is not there or has no template."""
    assert cut_of(None, None) is None
    with pytest.raises(SettingsError, match="--max-length"):
        cut_of(None, 512)
    with pytest.raises(SettingsError, match="--max-length 0"):
        cut_of("demo", 0)
    tiny_tokenizer(None).save_pretrained(tmp_path / "plain")
    with pytest.raises(SettingsError, match="no chat template"):
        cut_of(str(tmp_path / "plain"), None)


def test_a_conversation_that_the_template_refuses(tmp_path: Path) -> None:
    """The record is named: the trainer would stop there too."""
    strict = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system turn') }}{% endif %}" + CHATML
    tiny_tokenizer(strict).save_pretrained(tmp_path / "strict")
    cut = cut_of(str(tmp_path / "strict"), 100)
    assert cut is not None
    refused = PreferencePair("r7", 0, 0, (system("Be brief."), user("Q?")), "a", "b", (), (0, 1), 0.0)
    with pytest.raises(InputError, match=r"'r7': the chat template of .* refuses the conversation: .*no system turn"):
        sieve_of({cut.filter(): "drop"})(refused)
    talked = PreferencePair("r8", 0, 0, (user("Q?"), assistant("A."), user("And?")), "a", "b", (), (0, 1), 0.0)
    assert isinstance(sieve_of({cut.filter(): "drop"})(talked), PreferencePair)
