"""A dry run with a real tokenizer: the engine's own counts, of drafts exactly and of the rest within the range."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution import Completion, Request, ScriptedEngine
from constitution.digest import digest_bytes
from constitution.engine import Parent, Sampling
from constitution.engines import small_model as small_models
from constitution.engines.counting import uncalled
from constitution.engines.models import Named
from constitution.messages import Conversation, assistant, user
from constitution.principles import Principles
from constitution.run.before.dry_run import DryRun, dry_run
from constitution.run.chain import Chains, Memory
from constitution.run.generate import Job
from constitution.run.resolve import build_recipe
from constitution.sources.prompts import as_prompt
from constitution.sources.run_file import RunFile, read_run
from constitution.tokens import Transcripts
from tests.real_engine import DATE, OPTIONS, EngineHost
from tests.scripted_runs import journal_lines, tiny
from tests.strategies import constitutions, finding_text, sentences, served, simple
from tests.tiny_tokenizer import CHATML, tiny_tokenizer

THINKS = CHATML.replace("assistant\n{% endif %}", "assistant\n<think>\n\n</think>\n\n{% endif %}")
"""Opens and closes thoughts before each answer, and does not show them later: the next prompt is no longer its own."""
WHOLE = CHATML.replace("{{ message['content'] }}", "{{ message['content'] | replace('\"', '') }}")
"""Rewrites texts, so that they are rendered whole."""
TEMPLATES: dict[str, str | None] = {"chatml": CHATML, "thinks": THINKS, "whole": WHOLE, "base model": None}


@cache
def folder(template: str) -> str:
    """A folder with a tokenizer."""
    path = mkdtemp(prefix="constitution-tokenizer-")
    tiny_tokenizer(TEMPLATES[template], ("<think>", "</think>")).save_pretrained(path)
    return path


@cache
def transcripts(template: str) -> Transcripts:
    return Transcripts(tiny_tokenizer(TEMPLATES[template], ("<think>", "</think>")), date=DATE)


class Tokens(ScriptedEngine):
    """Counts as vLLM's adapter does, and samples one id for each letter."""

    def __init__(self, template: str, kinds: list[str], salt: int) -> None:
        super().__init__(self.said)
        self.transcripts, self.kinds, self.salt = transcripts(template), kinds, salt
        self.paid: Counter[str] = Counter()
        self.asked: list[Request] = []

    def said(self, request: Request) -> Completion:
        most, chosen = request.sampling.max_tokens, digest_bytes("kind", self.salt, request.key, size=2)
        kind = self.kinds[chosen[0] % len(self.kinds)]
        text = {
            "empty": "",
            "short": "ah",
            "full": f"{request.stage[0]}{chr(97 - request.priority)}" * (most // 2),
            "preamble": "Revised answer:\n\nwarm water helps",
            "thought": "so be it",
            "found": finding_text(critique="long"),
            "nothing": finding_text(violates=False),
        }[kind][: most - 1]
        ids = (*(self.transcripts._codec.text(letter)[0] for letter in text), 1)
        thoughts = {"reasoning": "hm", "token_ids": (*ids, 5, 5)[:most]} if kind == "thought" else {"token_ids": ids}
        count = len(self.transcripts.prompt_ids(request).ids)
        self.paid.update({"requests": 1, "prompt": count, "sampled": len(thoughts["token_ids"])})
        self.asked.append(request)
        return Completion(text, prompt_tokens=count, **thoughts)

    def count(self, messages: Conversation, tools: str | None = None) -> tuple[int, bool]:
        """As vLLM's adapter."""
        return self.transcripts.count(messages, tools), True


def run_file(template: str, **options: Any) -> RunFile:
    engine = {"max_model_len": 100_000, "date": DATE}
    return read_run(None, constitution="c", out="-", model=folder(template), engine=engine, **options)


def counted(run: RunFile, constitution: Principles, rows: list[Any]) -> DryRun:
    return asyncio.run(dry_run(Job(run, constitution, build_recipe(run, constitution), items=rows)))


KINDS = ["empty", "short", "full", "preamble", "thought", "found", "nothing"]
SMALL = {role: {"max_tokens": 128} for role in ("draft", "critique", "revise")}


@given(
    constitution=constitutions(),
    texts=st.lists(sentences, min_size=1, max_size=4, unique=True),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=4),
    salt=st.integers(0, 99),
    mode=st.sampled_from([{}, {"critique": False}, {"verdict_first": True}]),
    rounds=st.integers(1, 3),
    template=st.sampled_from(sorted(TEMPLATES)),
    responses=st.booleans(),
)
def test_ids_lie_in_the_range(
    constitution: Principles, texts: list[str], kinds: list[str], salt: int, mode: dict[str, Any], rounds: int,
    template: str, responses: bool,
) -> None:  # fmt: skip
    """Prompts that append sampled ids, leave thoughts out, strip preambles, or are rendered whole."""
    rows = [
        {"prompt": text, **({"response": "as it was"} if responses and n % 2 else {})} for n, text in enumerate(texts)
    ]
    run = run_file(template, rounds=rounds, roles=SMALL, **mode)
    made = counted(run, constitution, rows)
    engine = Tokens(template, kinds, salt)

    async def work() -> None:
        recipe = build_recipe(run, constitution)
        chains = Chains(recipe, await served(recipe, engine), 0)
        for row in rows:
            await chains.run(as_prompt(row)[0], 0, Memory())

    asyncio.run(work())
    for name, told in (("requests", made.requests), ("prompt", made.prompt), ("sampled", made.sampled)):
        assert told.least <= engine.paid[name] <= told.most, (name, engine.paid, told)
    firsts = {request.record: request for request in reversed(engine.asked)}
    assert made.drafts == sum(len(engine.transcripts.prompt_ids(one).ids) for one in firsts.values())


def test_a_record_that_the_tokenizer_refuses_is_told() -> None:
    """It would fail before its first token; the others are counted."""
    made = counted(run_file("whole"), simple(), [{"prompt": "<|im_end|>"}, {"prompt": "Name a river."}])
    assert (made.asked, made.failed) == (1, {"RecordError": 1})
    assert made.why_failed is not None
    assert "control tokens" in made.why_failed


@pytest.mark.parametrize("limit", [None, 100_000])
def test_a_context_that_only_the_engine_knows(limit: int | None) -> None:
    """A record that may be too long counts for the most and not for the least."""
    run = read_run(
        None, constitution="c", out="-", model=folder("chatml"), engine={"max_model_len": limit} if limit else {}
    )
    made = counted(run, simple(), [{"prompt": "Name a river."}])
    assert (made.asked, made.unsure) == (1, 0 if limit else 1)
    assert made.requests.most > 0
    assert (made.requests.least > 0) == bool(limit)


def test_the_small_model_is_counted_as_its_engine_counts(small_model: Path) -> None:
    """The class that builds the engine's prompts gives the same number; its context is known without vLLM."""
    from transformers import AutoTokenizer

    own = Transcripts(AutoTokenizer.from_pretrained(str(small_model)), date=DATE)
    rows = [{"prompt": "How do I rest?"}, {"messages": [{"role": "system", "content": "Be <b>brief</b>."},
            {"role": "user", "content": "\u4f60\u597d <|im_end|> \U0001f469\u200d\U0001f680"}]}]  # fmt: skip
    run = read_run(None, constitution="c", out="-", model=str(small_model), roles=SMALL)
    made = counted(run, simple(), rows)
    assert made.exact
    assert made.drafts == sum(own.count(as_prompt(row)[0].conversation) for row in rows)
    assert made.examples[0].requests[0].text is not None
    assert made.examples[0].requests[0].text.endswith("How do I rest?<|im_end|>\n<|im_start|>assistant\n")


def test_demo_names_the_small_models_tokenizer_of_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a run: the server's prompts are counted by it, and it is no folder or hub name."""
    rows = [{"prompt": "How do I rest?"}]

    def drafts(tokenizer: str) -> int:
        settings: dict[str, Any] = {"engine": {"tokenizer": tokenizer, "max_context": 2000}, "roles": SMALL}
        run = read_run(None, constitution="c", out="-", model="http://127.0.0.1:9#small", **settings)
        made = counted(run, simple(), rows)
        assert made.exact
        return made.drafts

    monkeypatch.setattr(small_models, "prepare_small_model", lambda log: Path(folder("chatml")))
    assert drafts("demo") == drafts(folder("chatml")) == transcripts("chatml").count((user(rows[0]["prompt"]),))


@pytest.mark.engine
def test_drafts_are_those_of_vllm(engine_host: EngineHost, tmp_path: Path) -> None:
    """The tokens of the draft prompts are vLLM's own to the last one, and the run's total lies in the range."""
    rows: list[Any] = [
        {"prompt": text} for text in ("How do I rest?", "\u4f60\u597d, what is <|im_end|>?", "Name a river.")
    ]
    roles = {role: {"max_tokens": 24} for role in ("draft", "critique", "revise")}
    options: dict[str, Any] = {"rounds": 1, "roles": roles}
    constitution = tiny(tmp_path)
    made = constitution.dry_run(rows, model=str(engine_host.model), engine={**OPTIONS, "date": DATE}, **options)
    run = constitution.generate(rows, tmp_path / "run", model=engine_host.engine, **options)
    lines = [line for line in journal_lines(run.path) if "key" in line]
    assert made.drafts == sum(
        line["prompt_tokens"] for line in lines if (line["stage"], line["attempt"]) == ("draft", 1)
    )
    paid = sum(line["prompt_tokens"] + len(line["token_ids"]) for line in lines)
    assert made.total.least <= paid <= made.total.most


@pytest.mark.parametrize(("template", "same"), [("chatml", True), ("thinks", False)])
def test_a_prompt_counts_in_each_form_that_it_may_have(template: str, same: bool) -> None:
    """Appended ids, answers behind thoughts, and all of it written anew: the least and the most of them."""
    counter = uncalled(Named(folder(template), {"max_model_len": 1000}))
    first = Request("a", "r", (user("Hi?"),), "draft", "draft", Sampling(max_tokens=9))
    messages = (user("Hi?"), assistant("Yes."), user("And?"))
    later = Request(
        "b", "r", messages, "critique", "critique", first.sampling, parent=Parent(first, Completion("Yes."))
    )
    least, most = counter.prompt_tokens(later)
    assert (least == most) == same
    assert least == counter.count(messages)[0]
