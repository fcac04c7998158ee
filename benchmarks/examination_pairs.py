"""Makes the pairs that ship for the examination of judges: `src/constitution/shipped/examination/checks.jsonl`.

    python -m benchmarks.examination_pairs answers ANSWERS.jsonl     # the small model, ten minutes on two cores
    python -m benchmarks.examination_pairs choose ANSWERS.jsonl      # writes the pairs

The small model answers mild questions in several manners (in short, as a list, with an example ...); the manner is
asked for in the question, and no pair shows it. It seldom greets, asks, gives an example or a reason: there sentences
of ours are put to its answers. Of two answers to the same question exactly one keeps a principle of `verifiable`, by
its check. What a person found ugly when reading all of them stands in REFUSED and comes in no pair.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.examination_texts import ENDINGS, EXAMPLES_AND_REASONS, GREETINGS, MANNERS, QUESTIONS

from constitution import shipped
from constitution.checks import Check, keeps
from constitution.checks.reading import sentences, words
from constitution.digest import digest, uniform
from constitution.engine import Request, Sampling, seeded
from constitution.engines.models import make_engine
from constitution.messages import user
from constitution.run.background import background
from constitution.run.resolve import build_checks
from constitution.sources.constitution_file import read_constitution
from constitution.steps.filter import leaks, strip_preamble, trigram_jaccard

TARGET = Path(__file__).parents[1] / "src" / "constitution" / "shipped" / "examination" / "checks.jsonl"
EACH = 44
"""Pairs of each principle."""
MINUTES = 10.0
SAMPLING = Sampling(max_tokens=230, temperature=0.8, top_k=40)

SHORT_SIDE = 0.45
"""Least length of the shorter answer against the longer one, so that no side is a stump; not for `sixty-words`."""
APART: Mapping[str, tuple[int, int]] = {"sixty-words": (55, 75), "four-sentences": (4, 6)}
"""At most so many in the answer that keeps the principle, at least so many in the other: nobody should have to count
to the very word."""
REFUSED: frozenset[str] = frozenset()
"""Digests of answers that a person would not want to ship."""

_UGLY = re.compile(
    r"\[[A-Za-z]|\bAI\b|language model|SmolLM|assistant|https?:|www\.|\$|_{2,}|[^\x00-\x7f’“”–—é°]"
    r"|\b(\w+(?: \w+){5,})\b.*\b\1\b"
    r"|\b(suicide|kill|drugs?|alcohol|wine|beer|sex|naked|dies|dead|death|doctor|medic|pills?|weapon|guns?|God)\w*\b",
    re.IGNORECASE | re.DOTALL,
)
"""Placeholders, talk of itself, addresses, a run of six words that comes again, and what is not mild."""


@dataclass(frozen=True)
class Said:
    """One answer that may stand in a pair."""

    question: str
    text: str
    source: str = ""
    """What the model wrote, where a sentence of ours was put to it."""

    @property
    def digest(self) -> str:
        return digest("examination answer", self.question, self.text, size=6)

    @property
    def written(self) -> tuple[str, str]:
        return self.question, self.source or self.text


def questions() -> tuple[str, ...]:
    """All that is asked."""
    everyday = shipped.read("prompts", "everyday.jsonl").decode().splitlines()
    return (*(json.loads(row)["prompt"] for row in everyday), *QUESTIONS)


async def ask(out: Path, minutes: float) -> None:
    """Answers of the small model, one a line as they come; stops asking when the time is over."""
    engine = make_engine("demo", {"max_model_len": 1024})
    capabilities = await engine.start()
    places = [(question, manner) for question in questions() for manner in MANNERS]
    places.sort(key=lambda place: digest(*place))
    room = asyncio.Semaphore(capabilities.max_in_flight)
    ends = asyncio.get_running_loop().time() + 60 * minutes
    with out.open("w", encoding="utf-8") as file:

        async def one(number: int, question: str, manner: str) -> None:
            async with room:
                if asyncio.get_running_loop().time() > ends:
                    return
                wanted = f"{question} {MANNERS[manner]}".strip()
                sampling = seeded(SAMPLING, int(uniform("examination", question, manner) * 2**40))
                completion = await engine.answer(
                    Request(f"{number}", f"{number}", (user(wanted),), "draft", "draft", sampling)
                )
            row = {"question": question, "manner": manner, "text": completion.text, "end": completion.finish_reason}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()

        await asyncio.gather(*(one(number, *place) for number, place in enumerate(places)))
    await engine.close()


def usable(row: Mapping[str, Any]) -> bool:
    """Whether an answer is whole, mild, and no trouble to read."""
    text = row["text"]
    words = len(text.split())
    return (
        row["end"] == "stop"
        and 12 <= words <= 180
        and text.rstrip()[-1] not in ":,;-("
        and not leaks(text)
        and strip_preamble(text)[1] is None
        and _UGLY.search(text) is None
    )


def answers(path: Path) -> list[Said]:
    """The usable answers, each text once, in an order that is a hash's."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    found = {Said(row["question"], row["text"].strip()) for row in rows if usable(row)}
    return sorted((said for said in found if said.digest not in REFUSED), key=lambda said: said.digest)


def with_ours(said: Said, name: str) -> Iterator[Said]:
    """The answer with a sentence of ours, for principles that the small model seldom keeps; plain prose only."""
    text = said.text
    if "\n" in text or text[-1] not in ".!" or not text[0].isupper():
        return
    added = ""
    if name == "greet-the-reader":
        added = f"{_one(GREETINGS, said)} {text}"
    elif name == "end-with-a-question":
        added = f"{text} {_one(ENDINGS, said)}"
    elif said.question in EXAMPLES_AND_REASONS and name in ("give-an-example", "give-a-reason"):
        added = f"{text} {EXAMPLES_AND_REASONS[said.question][name == 'give-a-reason']}"
    if added:
        yield Said(said.question, added, text)


def _one(of: tuple[str, ...], said: Said) -> str:
    return of[int(uniform("ours", said.digest) * len(of))]


def candidates(said: list[Said], name: str, checks: tuple[Check, ...]) -> Iterator[tuple[Said, Said]]:
    """Pairs of answers to one question of which the first keeps a principle and the second does not."""
    keeping = [one for one in said if keeps(checks, one.text)]
    breaking = [one for one in said if not keeps(checks, one.text)]
    keeping += [ours for one in breaking for ours in with_ours(one, name) if keeps(checks, ours.text)]
    for better, worse in product(keeping, breaking):
        if better.question != worse.question or better.written == worse.written:
            continue
        if name in APART and (size(name, better.text) > APART[name][0] or size(name, worse.text) < APART[name][1]):
            continue
        short, long = sorted((len(better.text), len(worse.text)))
        if short == long or (name != "sixty-words" and short < SHORT_SIDE * long):
            continue
        if trigram_jaccard(better.text, worse.text) < 0.5:
            yield better, worse


def size(name: str, text: str) -> int:
    """What a principle counts in a text: words or sentences."""
    return len(list(words(text) if name == "sixty-words" else sentences(text)))


def chosen(said: list[Said]) -> Iterator[tuple[str, Said, Said]]:
    """EACH pairs of each principle; of all of them the better answer is the longer one in half."""
    checks = build_checks(read_constitution("verifiable"), {})
    found = {name: list(candidates(said, name, own)) for name, own in checks.items()}
    longer = {name: sum(len(one.text) > len(other.text) for one, other in pairs) for name, pairs in found.items()}
    most = {name: longer[name] * 2 // 3 for name in found}
    wanted = {name: min(EACH // 2, most[name]) for name in found}
    while sum(wanted.values()) < EACH * len(found) // 2:  # what principles lack that short answers keep, others make up
        least = min(
            (name for name in found if wanted[name] < min(EACH, most[name])), key=lambda name: (wanted[name], name)
        )
        wanted[least] += 1
    used: Counter[tuple[str, str]] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    for name in sorted(found, key=lambda name: len(found[name])):
        for side, number in ((True, wanted[name]), (False, EACH - wanted[name])):
            left = [pair for pair in found[name] if (len(pair[0].text) > len(pair[1].text)) == side]
            for _ in range(number):
                if not left:
                    raise SystemExit(
                        f"{name}: too few pairs whose better answer is the {'longer' if side else 'shorter'}"
                    )
                best = min(
                    left,
                    key=lambda pair: (
                        used[pair[0].written] + used[pair[1].written],
                        asked[name, pair[0].question],
                        digest("pair", name, pair[0].digest, pair[1].digest),
                    ),
                )
                left.remove(best)
                used.update((best[0].written, best[1].written))
                asked[name, best[0].question] += 1
                yield name, *best


def choose(path: Path) -> None:
    """Write the pairs that ship, and tell what they are like."""
    said = answers(path)
    pairs = sorted(chosen(said), key=lambda pair: (pair[0], pair[1].question, pair[1].digest, pair[2].digest))
    TARGET.parent.mkdir(exist_ok=True)
    with TARGET.open("w", encoding="utf-8") as file:
        for name, better, worse in pairs:
            row = {"principle": name, "prompt": better.question, "better": better.text, "worse": worse.text}
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
    uses = Counter(one.written for _, *both in pairs for one in both)
    longer = Counter(name for name, better, worse in pairs if len(better.text) > len(worse.text))
    print(f"{len(said)} answers, {len(pairs)} pairs of {len(uses)} of them, one in at most {max(uses.values())}")
    for name, number in Counter(name for name, *_ in pairs).items():
        print(f"  {name}: {number}, the better one longer in {longer[name]}")
    print(f"{TARGET.stat().st_size:,} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("answers", "choose"))
    parser.add_argument("answers", type=Path)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    given = parser.parse_args()
    if given.what == "answers":
        background.call(ask(given.answers, given.minutes))
    else:
        choose(given.answers)


if __name__ == "__main__":
    main()
