"""Makes the pairs that ship for the examination of judges: `src/constitution/shipped/examination/checks.jsonl`.

    python -m benchmarks.examination_pairs

Answers are put together by code from sentences of ours (`examination_texts.py`): some tips, as prose or as a list, with
or without a greeting, a question at the end, an example, a reason, a word to the reader, a word of oneself, digits. All
of that is drawn by hash. Two answers to one question make a pair for a principle of `verifiable` if its check holds for
exactly one of them; in all else they differ as it falls, so that nobody can tell the better one without the principle.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

from benchmarks.examination_texts import (
    ENDINGS,
    GREETINGS,
    OF_ONESELF,
    SUBJECTS,
    TO_THE_READER,
    Subject,
)

from constitution.checks import Check, keeps
from constitution.checks.reading import sentences, words
from constitution.digest import uniform
from constitution.run.resolve import build_checks
from constitution.sources.constitution_file import read_constitution
from constitution.steps.filter import trigram_jaccard

TARGET = Path(__file__).parents[1] / "src" / "constitution" / "shipped" / "examination" / "checks.jsonl"
EACH = len(SUBJECTS)
"""Pairs of each principle: one of each question."""
DRAWS = 160
"""Answers to each question for each principle, of which pairs are chosen."""
SHORT_SIDE = 0.45
"""Least length of the shorter answer against the longer one, so that no side is a stump; not for `sixty-words`."""
APART: Mapping[str, tuple[int, int]] = {"sixty-words": (52, 66), "four-sentences": (4, 6)}
"""At most so many in the answer that keeps the principle, at least so many in the other: nobody should have to count
to the very word."""
ALIKE = 0.5
"""Share of word trigrams from which two answers are too much alike."""


class Draws:
    """Choices in one answer, each a hash of its place."""

    def __init__(self, *place: str | int) -> None:
        self._place = place
        self._number = 0

    def __call__(self) -> float:
        self._number += 1
        return uniform("examination pairs", *self._place, self._number)

    def one(self, of: tuple[str, ...]) -> str:
        return of[int(self() * len(of))]


def answer(subject: Subject, draws: Draws) -> str:
    """One answer, put together by hash."""
    tips = sorted(subject.tips, key=lambda _: draws())[: 1 + int(draws() * 5)]
    asides = [text for text in (subject.example, subject.reason, subject.number) if draws() < 0.3]
    asides += [draws.one(texts) for texts in (TO_THE_READER, OF_ONESELF) if draws() < 0.35]
    opening = draws.one(GREETINGS) if draws() < 0.3 else ""
    ending = draws.one(ENDINGS) if draws() < 0.3 else ""
    asides.sort(key=lambda _: draws())
    form = draws()
    if form < 0.25 and len(tips) > 1:
        mark = draws.one(("- ", "* "))
        listed = "\n".join(f"{mark}{_bold(tip) if form < 0.08 else tip}" for tip in tips)
        return _blocks(opening, listed, " ".join((*asides, ending)))
    if form < 0.4 and len(tips) > 1:
        listed = "\n".join(f"{number}. {tip}" for number, tip in enumerate(tips, start=1))
        return _blocks(opening, listed, " ".join((*asides, ending)))
    return " ".join(part for part in (opening, *tips, *asides, ending) if part)


def _bold(tip: str) -> str:
    first, _, rest = tip.partition(" ")
    return f"**{first}** {rest}"


def _blocks(*parts: str) -> str:
    return "\n\n".join(part.strip() for part in parts if part.strip())


def pair_of(subject: Subject, name: str, checks: tuple[Check, ...], *, longer: bool) -> tuple[str, str] | None:
    """Two answers to one question of which the first keeps a principle and the second does not, drawn by hash.

    Args:
        subject: the question.
        name: of the principle.
        checks: its own.
        longer: whether the better answer is to be the longer one.
    """
    texts = [answer(subject, Draws(name, subject.question, number)) for number in range(DRAWS)]
    keeping = [text for text in texts if keeps(checks, text)]
    breaking = [text for text in texts if not keeps(checks, text)]
    fitting = [pair for pair in product(keeping, breaking) if (len(pair[0]) > len(pair[1])) == longer]
    fitting.sort(key=lambda pair: uniform("pair", name, *pair))
    return next((pair for pair in fitting if apart(name, *pair)), None)


def apart(name: str, better: str, worse: str) -> bool:
    """Whether two answers differ enough, and not by length alone."""
    short, long = sorted((len(better), len(worse)))
    if (
        short == long
        or trigram_jaccard(better, worse) >= ALIKE
        or (name != "sixty-words" and short < SHORT_SIDE * long)
    ):
        return False
    return name not in APART or (size(name, better) <= APART[name][0] and size(name, worse) >= APART[name][1])


def size(name: str, text: str) -> int:
    """What a principle counts in a text: words or sentences."""
    return len(list(words(text) if name == "sixty-words" else sentences(text)))


def chosen() -> Iterator[tuple[str, str, str, str]]:
    """Principle, question, better and worse answer; of all pairs the better one is the longer one in half."""
    checks = build_checks(read_constitution("verifiable"), {})
    found = {
        name: [(pair_of(each, name, own, longer=True), pair_of(each, name, own, longer=False)) for each in SUBJECTS]
        for name, own in checks.items()
    }
    can = {name: sum(pairs[0] is not None for pairs in each) for name, each in found.items()}
    wanted = {name: min(EACH // 2, can[name] // 2) for name in found}
    while (
        sum(wanted.values()) < EACH * len(found) // 2
    ):  # short answers keep some principles: the others make up for it
        least = min((name for name in found if wanted[name] < can[name]), key=lambda name: (wanted[name], name))
        wanted[least] += 1
    for name, each in found.items():
        order = sorted(range(EACH), key=lambda place: (each[place][0] is None, uniform("longer", name, place)))
        for rank, place in enumerate(order):
            pair = each[place][0 if rank < wanted[name] else 1]
            if pair is None:
                raise SystemExit(f"{name}: no pair for {SUBJECTS[place].question}; draw more answers")
            yield name, SUBJECTS[place].question, *pair


def main() -> None:
    pairs = sorted(chosen())
    TARGET.parent.mkdir(exist_ok=True)
    with TARGET.open("w", encoding="utf-8") as file:
        for name, question, better, worse in pairs:
            row = {"principle": name, "prompt": question, "better": better, "worse": worse}
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
    longer = Counter(name for name, _, *both in pairs if len(both[0]) > len(both[1]))
    for name, number in Counter(name for name, *_ in pairs).items():
        print(f"{name}: {number}, the better one longer in {longer[name]}")
    print(f"{len(pairs)} pairs, the better one longer in {longer.total()}; {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
