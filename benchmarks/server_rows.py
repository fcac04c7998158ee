"""500 records through vLLM's server and through vLLM in this process: which rows differ, and by how much?

Both in float32 on a CPU with the same arguments (`tests/real_server.py`); the small model, one round, short answers.
For each unequal record it tells the first answer and token that differ, and how far apart the two tokens were in
log-probability, as the server reads it: a gap near 0 is a tie that rounding decides, a large one is a fault.

    python -m benchmarks.server_rows [--records 500]
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from constitution import Capabilities, Completion, Constitution, Request
from constitution.engines.openai import OpenAIEngine
from constitution.engines.small_model import prepare_small_model
from constitution.engines.vllm import VLLMEngine
from constitution.messages import Conversation
from constitution.run.background import background
from tests.real.test_runs import PROMPTS, SETTINGS, rows
from tests.real_engine import DATE, OPTIONS
from tests.real_server import NAME, RealServer

PLACES = ("at home", "at work", "on a train", "in winter", "by the sea", "in a small town", "abroad", "at school")
Place = tuple[str, str, int]
"""Record, stage, and the how-manieth answer there."""


@dataclass(frozen=True)
class Said:
    """One answer, and what it answers."""

    prompt: tuple[int, ...]
    ids: tuple[int, ...]


class Keeping:
    """An engine that keeps prompts and answers as ids."""

    def __init__(self, engine: VLLMEngine | OpenAIEngine, prompt: Callable[[Request], tuple[int, ...]]) -> None:
        self.engine, self._prompt = engine, prompt
        self.said: dict[Place, Said] = {}
        self._times: Counter[tuple[str, str]] = Counter()

    async def start(self, labels: tuple[str, ...] = ()) -> Capabilities:
        return await self.engine.start(labels)

    async def answer(self, request: Request) -> Completion:
        completion = await self.engine.answer(request)
        self._times[request.record, request.stage] += 1
        place = (request.record, request.stage, self._times[request.record, request.stage])
        self.said[place] = Said(self._prompt(request), completion.token_ids)
        return completion

    def count(self, messages: Conversation, tools: str | None = None) -> tuple[int, bool]:
        return self.engine.count(messages, tools)

    async def close(self) -> None:
        await self.engine.close()


def inputs(number: int) -> list[str]:
    """So many different questions."""
    found = [
        f"{prompt} I am {place}, {age} years old." for age in range(20, 90) for place in PLACES for prompt in PROMPTS
    ]
    return found[:number]


def made(engine: Keeping, out: Path, number: int) -> tuple[list[dict[str, Any]], float]:
    """The rows of a run, and its seconds."""
    before = time.monotonic()
    settings = {**SETTINGS, "chunk_size": 100}
    Constitution.load("verifiable").generate(inputs(number), out, model=engine, **settings)
    background.submit(engine.close()).result(60)
    return rows(out), time.monotonic() - before


def first_difference(record: str, here: Keeping, there: Keeping) -> tuple[Place, int] | None:
    """The first answer of a record that differs, and the first token in it."""
    for stage in ("draft", "critique", "revise"):
        for attempt in (1, 2, 3):
            place = (record, stage, attempt)
            one, other = here.said.get(place), there.said.get(place)
            if one is None or other is None:
                break
            if one.ids != other.ids:
                together = zip(one.ids, other.ids, strict=False)
                return place, next(
                    (at for at, (a, b) in enumerate(together) if a != b), min(len(one.ids), len(other.ids))
                )
    return None


async def gap(url: str, said: Said, other: Said, at: int) -> float | None:
    """How far apart the two tokens are in log-probability, after what both had said before."""
    import openai

    pair = [*said.ids[at : at + 1], *other.ids[at : at + 1]]
    if len(pair) < 2:
        return None  # one of them ends there
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:
        body = {
            "model": NAME, "prompt": [*said.prompt, *said.ids[:at]], "max_tokens": 1, "temperature": 0, "logprobs": 1,
            "logprob_token_ids": pair, "return_tokens_as_token_ids": True,
        }  # fmt: skip
        answer: Any = await client.post("/completions", body=body, cast_to=object)
    found = answer["choices"][0]["logprobs"]["top_logprobs"][0]
    return abs(float(found[f"token_id:{pair[0]}"]) - float(found[f"token_id:{pair[1]}"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=500)
    number = parser.parse_args().records
    model = prepare_small_model(log=print)
    with tempfile.TemporaryDirectory() as folder:
        inside = VLLMEngine(str(model), date=DATE, **OPTIONS)
        here = Keeping(inside, lambda request: inside._spliced().prompt_ids(request).ids)  # noqa: SLF001 - ids are asked for nowhere else
        ours, seconds = made(here, Path(folder, "here"), number)
        print(f"in this process: {len(ours)} rows in {seconds:.0f} s", flush=True)
        server = RealServer(model, Path(folder, "server.log"))
        try:
            outside = OpenAIEngine(NAME, base_urls=[server.url], tokenizer=str(model), date=DATE)
            there = Keeping(outside, lambda request: outside._speech.transcripts.prompt_ids(request).ids)  # type: ignore[union-attr]  # noqa: SLF001 - as above
            theirs, seconds = made(there, Path(folder, "there"), number)
            print(f"through the server: {len(theirs)} rows in {seconds:.0f} s", flush=True)
            tell(ours, theirs, here, there, server.url)
        finally:
            server.kill()


def tell(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], here: Keeping, there: Keeping, url: str) -> None:
    """What differs, as a table."""
    unequal = [str(a["id"]) for a, b in zip(ours, theirs, strict=True) if a != b]
    print(f"\n{datetime.now(UTC).date()}: {len(unequal)} of {len(ours)} rows differ\n")
    if unequal:
        print("| record | answer | token | in-process | server | gap in log-probability |\n|---|---|--:|--:|--:|--:|")
    for record in unequal:
        found = first_difference(record, here, there)
        if found is None:
            print(f"| {record} | the same ids | | | | |")
            continue
        place, at = found
        one, other = here.said[place], there.said[place]
        apart = asyncio.run(gap(url, one, other, at))
        shown = "an end" if apart is None else f"{apart:.6f}"
        print(
            f"| {record} | {place[1]} {place[2]} | {at} | {one.ids[at : at + 1]} | {other.ids[at : at + 1]} | {shown} |"
        )


if __name__ == "__main__":
    main()
