"""Splits: on which side of a data set the rows of a prompt stand. Pure; a prompt is never on two sides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from constitution.digest import digest_bytes, uniform
from constitution.errors import SettingsError
from constitution.messages import Conversation

TRAIN = "train"
"""What is in no other split."""

_NAME = re.compile("[a-z][a-z0-9_]{0,39}")
_TAKEN = frozenset({TRAIN, "all"})
"""`train` is the rest; `all` means every split to `datasets`."""
_SETTING = frozenset({"system", "developer"})


def prompt_key(conversation: Conversation) -> bytes:
    """Digest of what is asked, 16 bytes.

    In it: role and text of each turn, in lower case and with spaces folded. Not in it: system and developer turns that
    come first, what a turn says besides text, tools, and whatever else a row has (id, tags, response, metadata).
    """
    return digest_bytes("prompt", asked(conversation))


def asked(conversation: Conversation) -> tuple[tuple[str, str], ...]:
    """Role and text of each turn but leading system and developer turns, in lower case and with spaces folded."""
    first = next((n for n, turn in enumerate(conversation) if turn.role not in _SETTING), len(conversation))
    return tuple((turn.role, " ".join(turn.content.casefold().split())) for turn in conversation[first:])


@dataclass(frozen=True, slots=True)
class Splits:
    """Named shares of all prompts; the rest is `train`.

    A prompt has a place in (0, 1), a hash of `prompt_key` and nothing else. The first split takes places from 0
    upwards, the second from 1 downwards, the third upwards from the end of the first, and so on. Hence: other rows,
    runs and filters never move a row. With one or two splits, one that grows takes rows out of `train` only and loses
    none. A split that is added behind the others takes rows out of `train` only.
    """

    shares: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        """Refuse names and shares that are none.

        Raises:
            SettingsError: a name that `datasets` does not take or that stands twice, or shares that leave no `train`.
        """
        names = [name for name, _ in self.shares]
        for name, share in self.shares:
            if not _NAME.fullmatch(name) or name in _TAKEN:
                raise SettingsError(
                    f"--split {name}: expected a name of small letters, digits and _ other than train and all "
                    "(what is in no other split is train)"
                )
            if names.count(name) > 1:
                raise SettingsError(f"--split {name}: stands twice")
            if not 0 < share < 1:
                raise SettingsError(f"--split {name}={share}: expected a share between 0 and 1, like test=0.05")
        if sum(share for _, share in self.shares) >= 1:
            raise SettingsError("the shares of --split leave nothing for train: their sum must be below 1")

    @classmethod
    def of(cls, given: Iterable[str] | Mapping[str, float]) -> Splits:
        """Read `NAME=SHARE`, or a mapping of names to shares.

        Raises:
            SettingsError: as above, or a share is no number.
        """
        if isinstance(given, Mapping):
            return cls(tuple((name, float(share)) for name, share in given.items()))
        shares = []
        for text in given:
            name, _, share = text.partition("=")
            try:
                shares.append((name, float(share)))
            except ValueError:
                raise SettingsError(f"--split {text}: expected NAME=SHARE, like test=0.05") from None
        return cls(tuple(shares))

    @property
    def names(self) -> tuple[str, ...]:
        """`train` first."""
        return (TRAIN, *(name for name, _ in self.shares))

    def place(self, key: bytes) -> str:
        """The split of a prompt, by its `prompt_key`."""
        if not self.shares:
            return TRAIN
        at = uniform("split", key.hex())
        low, high = 0.0, 1.0
        for number, (name, share) in enumerate(self.shares):
            if number % 2 == 0:
                start, low = low, low + share
                if start <= at < low:
                    return name
            else:
                end, high = high, high - share
                if high <= at < end:
                    return name
        return TRAIN
