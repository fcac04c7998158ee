"""How fast refusals are tagged: answers of 400 words each, on one core, against the clock and against one regex.

Run: python benchmarks/refusals_rate.py [--answers 1000000]

The other side is what string matchers do: one expression of twenty phrases, searched in the whole answer in any case.
Both sides see the same answers in turns, three rounds; the medians and their ratio are printed.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from constitution.steps.refusals import tag_refusal

WORDS = 400
EXAMPLES = Path(__file__).parent.parent / "tests" / "data" / "refusals" / "examples" / "en.jsonl"
PHRASES = (
    "i'm sorry", "i am sorry", "i apologize", "as an ai", "i cannot", "i can't", "i can not", "i am unable",
    "i'm unable", "i am not able", "i'm not able", "i won't", "i will not", "i must decline", "not appropriate",
    "unethical", "illegal", "my programming", "not comfortable", "i don't have access",
)  # fmt: skip
BATCH = 2_000
ROUNDS = 3


def answers(count: int, seed: int = 0) -> list[str]:
    """Answers of WORDS words: one example each, filled up with such as hold no cue."""
    draw = random.Random(seed)
    rows = [json.loads(line) for line in EXAMPLES.read_text("utf-8").splitlines()]
    filling = [row["text"] for row in rows if len(row["text"]) > 80 and not tag_refusal(row["text"]).cues]
    made = []
    for _ in range(count):
        text = draw.choice(rows)["text"]
        while len(text.split()) < WORDS:
            text += draw.choice(("\n\n", " ")) + draw.choice(filling)
        made.append(" ".join(text.split(" ")[: WORDS + text.count("\n\n")]))
    return made


def seconds(side: Callable[[str], object], texts: list[str]) -> float:
    """Processor time of one pass."""
    begun = time.process_time()
    for text in texts:
        side(text)
    return time.process_time() - begun


def main() -> None:
    """Print both rates, their ratio, and what a million answers take."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=60_000, help="how many in each round, in all three")
    given = parser.parse_args()
    matcher = re.compile("|".join(map(re.escape, PHRASES)), re.IGNORECASE)
    tagged: list[float] = []
    matched: list[float] = []
    for number in range(ROUNDS):
        total = {"tag": 0.0, "match": 0.0}
        for start in range(0, given.answers, BATCH):
            texts = answers(min(BATCH, given.answers - start), seed=number * given.answers + start)
            total["tag"] += seconds(tag_refusal, texts)
            total["match"] += seconds(matcher.search, texts)
        tagged.append(total["tag"] / given.answers)
        matched.append(total["match"] / given.answers)
    tag, match = statistics.median(tagged), statistics.median(matched)
    print(f"{given.answers:,} answers of {WORDS} words, {ROUNDS} rounds")
    print(f"tag_refusal {tag * 1e6:.0f} us, one regex {match * 1e6:.0f} us, ratio {tag / match:.2f}")
    print(f"a million answers: {tag * 1e6 / 60:.1f} minutes on one core")


if __name__ == "__main__":
    main()
