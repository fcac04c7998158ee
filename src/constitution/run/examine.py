"""Run an examination: ask a judge about every pair of some sets, and keep what it said."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from constitution.engine import Completion, Engine, Request, Sampling
from constitution.engines.models import Named
from constitution.errors import EngineDeadError, InputError, RecordError, RunLocked, SettingsError, StoreError
from constitution.examination.decision import AT_LEAST
from constitution.examination.items import JudgedSet, drawn
from constitution.examination.questions import Examiner, judge_digest, prompts_digest
from constitution.examination.reads import ItemReads
from constitution.examination.record import Examination, Judge, examination_of
from constitution.principles import Principles
from constitution.recipes.judging import JUDGE_SAMPLING
from constitution.records import ChainResult, Failure
from constitution.run.budget import Budget
from constitution.run.chain import AnswerBook, Chains, Memory, Served, refuse_impossible
from constitution.run.serving import pool
from constitution.steps.judge import JudgeMode
from constitution.store.disk import write_atomically
from constitution.store.journal import AnswerEvent, JournalContent, Journals
from constitution.store.sums import Sums
from constitution.verdicts import BAND, JudgeRead

RECORD = "examination.json"
READS = "reads.jsonl"
"""What was said of each pair, in the order of the sets."""
JOURNAL = "journal.jsonl"
LOCK = "examination.lock"


@dataclass
class Examining:
    """One examination that is to be made."""

    sets: Sequence[JudgedSet]
    model: Named | Engine
    name: str
    """Of the judge, for people."""
    principles: Principles
    """In whose words the judge is asked."""
    band: float = BAND
    """A margin nearer to 0 than this is a tie, as in the labels."""
    mode: JudgeMode = "direct"
    read: JudgeRead = "pairwise"
    at_least: float = AT_LEAST
    limit: int | None = None
    """At most so many pairs, by hash, balanced over the sets."""
    seed: int = 0
    sampling: Sampling = JUDGE_SAMPLING
    """Of thoughts."""
    lora: str | None = None
    out: Path | None = None
    """A folder where answers are kept, so that an examination that was interrupted asks nothing again."""
    budget: Budget | None = None
    """The most that may be paid for."""
    on_progress: Callable[[int, int], None] = field(default=lambda _done, _total: None)
    """Is told how many pairs are done, of how many."""

    def __post_init__(self) -> None:
        if not 0 < self.at_least < 1:
            raise SettingsError(f"at_least is {self.at_least}, expected an accuracy between 0 and 1, like 0.6")
        if self.limit is not None and self.limit < 1:
            raise SettingsError(f"limit is {self.limit}, expected at least one pair")


class _Kept:
    """An answer book on disk: a journal in the examination's folder."""

    def __init__(self, journals: Journals, content: JournalContent) -> None:
        self._journals = journals
        self._known = {key: event.completion for key, event in content.answers.items()}
        self.sums = Sums()
        for event in content.answers.values():
            self.sums.count_event(event)

    def get(self, request: Request, _: int) -> Completion | None:
        """The answer that was given before."""
        return self._known.get(request.key)

    def put(self, request: Request, attempt: int, completion: Completion) -> None:
        """Journal an answer."""
        event = AnswerEvent(request.key, request.record, request.stage, attempt, completion)
        self._journals.append(0, event.line())
        self._known[request.key] = completion
        self.sums.count_event(event)


async def examine(job: Examining) -> Examination:
    """Ask a judge about every pair, and tell what it is worth. With a folder the record is written there.

    Raises:
        InputError: there is no pair, or settings cannot work; nothing was paid for.
        RecordError: not one pair could be asked, with the first reason.
        RunLocked: another process works in the folder.
        StoreError: the folder cannot be written, or its journal is damaged.
        EngineStartError, EngineDeadError: with a folder the same call goes on.
    """
    asked = drawn(job.sets, job.limit)
    examiner = Examiner(asked, job.principles, job.mode, job.read, {"judge": job.sampling}, job.lora, job.seed)
    prompts = examiner.prompts()
    if not prompts:
        raise InputError("there is no pair to examine the judge on; name a set that holds some")
    with _folder(job.out):
        served = await pool.serve({"judge": job.model}, examiner.labels)
        refuse_impossible(examiner, served, prompts[0])
        with _book(job.out) as book:
            chains = Chains(examiner, served, job.seed, budget=job.budget)
            results = await _asked(chains, served, book, lambda done: job.on_progress(done, len(prompts)))
        reads, unasked = _told(job, examiner, results)
        model = served.capabilities["judge"].model
        judge = Judge(
            job.name, model, job.mode, job.read, job.lora, prompts_digest(job.principles),
            judge_digest(model, job.principles, job.mode, job.read, job.sampling, job.lora),
        )  # fmt: skip
        tokens = book.sums.to_json()["tokens"]
        made = examination_of(
            judge, job.sets, asked, reads, at_least=job.at_least, band=job.band, unasked=unasked, tokens=tokens
        )
        if job.out is not None:
            rows = (orjson.dumps(each.to_json(), option=orjson.OPT_APPEND_NEWLINE) for each in reads)
            write_atomically(job.out / READS, b"".join(rows))
            write_atomically(job.out / RECORD, orjson.dumps(made.to_json(), option=orjson.OPT_INDENT_2))
    return made


async def _asked(chains: Chains, served: Served, book: AnswerBook, on_done: Callable[[int], None]) -> list[ChainResult]:
    examiner = chains.recipe
    assert isinstance(examiner, Examiner)
    prompts = examiner.prompts()
    try:
        return await chains.run_all(prompts, [book] * len(prompts), on_done)
    except EngineDeadError:
        await pool.drop_dead(served)
        raise


def _told(job: Examining, examiner: Examiner, results: Sequence[ChainResult]) -> tuple[list[ItemReads], Counter[str]]:
    """The reads of all items that have some, and why others have none."""
    reads: list[ItemReads] = []
    unasked: Counter[str] = Counter()
    for result in results:
        item = examiner.items[result.record]
        if isinstance(result, Failure):
            unasked[result.error] += 1
        elif result.reason is not None:
            unasked[result.reason] += 1
        else:
            reads.append(ItemReads.of(item, tuple(examiner.questions[result.record]), result, job.band))
    if not reads:
        failed = next((result for result in results if isinstance(result, Failure)), None)
        why = (
            "every pair is too long for the judge's context" if failed is None else f"{failed.error}: {failed.message}"
        )
        raise RecordError(f"not one of {len(results):,} pairs could be asked: {why}")
    return reads, unasked


@contextmanager
def _folder(out: Path | None) -> Iterator[None]:
    """The examination's folder, made and locked."""
    if out is None:
        yield
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / LOCK, timeout=0)
        lock.acquire()
    except Timeout:
        raise RunLocked(f"{out}: another process examines into this folder; wait for it, or name another") from None
    except OSError as error:
        raise StoreError(f"{out}: cannot make the folder: {error.strerror}; name one that can be written") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _book(out: Path | None) -> Iterator[_Kept | Memory]:
    """The answer book; on the way out all that was answered is on disk."""
    if out is None:
        yield Memory()
        return
    journals = Journals(asyncio.get_running_loop())
    try:
        yield _Kept(journals, journals.open(0, out / JOURNAL))
    finally:
        journals.close()


def read_examination(folder: Path) -> Examination:
    """The record in an examination's folder, or in a file.

    Raises:
        StoreError: it cannot be read.
        InputError: it holds no examination.
    """
    path = folder / RECORD if folder.is_dir() else folder
    try:
        data = orjson.loads(path.read_bytes())
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise InputError(f"{path}: is no JSON: {error}") from None
    try:
        return Examination.from_json(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
