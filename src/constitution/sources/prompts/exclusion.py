"""Decontamination: inputs that repeat prompts of an evaluation, found by runs of words.

Source: n-gram overlap with evaluation texts, runs of 13 words, as in Brown et al. 2020, "Language Models are Few-Shot
Learners" (arXiv 2005.14165), appendix C. A shorter evaluation prompt is one run as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from unicodedata import normalize

from constitution.digest import digest
from constitution.messages import Prompt

RUN = 13
"""Words of a run."""
WHOLE_TURN = 5
"""An evaluation prompt of fewer words is found only where it is a whole turn: "thank you" stands in many others."""

_EXCLUSION_VERSION = 1
# Scripts that put no spaces between words count by the character.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f]|[^\W_]+(?:['\u2019][^\W_]+)*")


def words(text: str) -> list[str]:
    """The words of a text, whatever their case, punctuation and Unicode form."""
    return [word.replace("\u2019", "'") for word in _WORD.findall(normalize("NFKC", text).casefold())]


class Exclusion:
    """Texts of an evaluation, as runs of words."""

    def __init__(self, prompts: Iterable[Prompt], run: int = RUN) -> None:
        """Take in evaluation prompts: of each the last user turn, and every other user turn of at least `run` words.

        Args:
            prompts: read once; about 100 bytes a word stay in memory.
            run: words of a run.
        """
        self.run = run
        self.prompts = 0
        """How many evaluation prompts it holds."""
        self._turns: set[str] = set()
        self._runs: set[str] = set()
        self._lengths: dict[str, set[int]] = {}
        """By the first word of a run: how many words the runs have that begin with it."""
        for prompt in prompts:
            self.prompts += 1
            for said in self._texts(prompt):
                self._add(said)

    def _texts(self, prompt: Prompt) -> Iterator[list[str]]:
        turns = [words(message.content) for message in prompt.conversation if message.role == "user"]
        if turns:
            yield turns[-1]
        yield from (turn for turn in turns[:-1] if len(turn) >= self.run)

    def _add(self, said: list[str]) -> None:
        if not said:
            return
        if len(said) < WHOLE_TURN:
            self._turns.add(" ".join(said))
            return
        length = min(self.run, len(said))
        for start in range(len(said) - length + 1):
            self._runs.add(" ".join(said[start : start + length]))
            self._lengths.setdefault(said[start], set()).add(length)

    @property
    def digest(self) -> str:
        """What it excludes: the same for the same evaluation prompts in any order."""
        return digest("exclusion", _EXCLUSION_VERSION, self.run, tuple(sorted(self._turns)), tuple(sorted(self._runs)))

    def found_in(self, prompt: Prompt) -> str | None:
        """The first run of words that a turn of the prompt has in common with the evaluation, or None."""
        texts = [message.content for message in prompt.conversation]
        if prompt.response is not None:
            texts.append(prompt.response)
        for text in texts:
            said = words(text)
            if len(said) < WHOLE_TURN:
                if " ".join(said) in self._turns:
                    return " ".join(said)
                continue
            for start, first in enumerate(said):
                for length in sorted(self._lengths.get(first, ())):
                    if start + length <= len(said) and (run := " ".join(said[start : start + length])) in self._runs:
                        return run
        return None

    def contaminates(self, prompt: Prompt) -> bool:
        """Whether a turn of the prompt, or the answer it comes with, has a run of words of the evaluation."""
        return self.found_in(prompt) is not None
