"""Replay: the finished chains of a chunk that is not sealed, made from its journal without an engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from constitution.engine import Capabilities, Completion, Request
from constitution.errors import EngineDeadError, SettingsError
from constitution.messages import Conversation, Prompt
from constitution.records import ChainResult, Failure
from constitution.run.chain import Chains, Served
from constitution.run.inputs import planned_file
from constitution.run.resolve import build_recipe
from constitution.sources.run_file import RunFile, read_run
from constitution.store.folder import Manifest, RunFolder
from constitution.store.journal import DoneEvent, JournalContent, read_journal
from constitution.store.plan import read_chunk

if TYPE_CHECKING:
    from constitution.principles import Principles


@dataclass(frozen=True)
class _Journalled:
    """Stands for an engine and an answer book: it knows what the journal holds, and asks nobody."""

    content: JournalContent

    async def start(self, labels: tuple[str, ...] = ()) -> Capabilities:
        raise NotImplementedError  # a replay starts nothing; the method is here for the seam's type

    async def answer(self, request: Request) -> Completion:
        raise EngineDeadError(f"the journal holds no answer to {request.stage} of '{request.record}'")

    def count(self, messages: Conversation, tools: str | None = None) -> tuple[int, bool]:  # noqa: ARG002 - the seam's
        return 0, False

    async def close(self) -> None:
        pass

    def get(self, request: Request, attempt: int) -> Completion | None:
        event = self.content.answers.get(request.key)
        return None if event is None or event.attempt != attempt else event.completion

    def put(self, request: Request, attempt: int, completion: Completion) -> None:
        pass


def replay(folder: RunFolder, manifest: Manifest, principles: Principles, chunk: int) -> Iterator[ChainResult]:
    """Finished chains of one chunk, in input order.

    A record whose conversation was shortened, or turned away as too long, comes when its chunk is sealed: only the
    engine counts tokens. So do the records of a recipe that was given as an object.

    Raises:
        InputError: if the input is not there any more, or is another one.
        StoreError: if the journal cannot be read.
    """
    run = read_run(folder.file("run.yaml"))
    if run.recipe != manifest.settings.get("recipe") or not folder.journal(chunk).exists():
        return
    plan = manifest.planned()
    source = planned_file(run, folder, plan)
    book = _Journalled(read_journal(folder.journal(chunk)))
    try:
        chains = _chains(run, manifest, principles, book)
    except SettingsError:
        return
    for record in read_chunk(source, plan, plan.chunks[chunk]):
        done = book.content.done.get(record.prompt.id)
        if done is not None and record.dropped is None:
            yield from _results(chains, record.prompt, run.samples, done, book)


def _chains(run: RunFile, manifest: Manifest, principles: Principles, book: _Journalled) -> Chains:
    recipe = build_recipe(run, principles)
    can = {
        role: Capabilities(manifest.models[role]["model"], manifest.models[role]["max_context"], 1)
        for role in recipe.roles
    }
    return Chains(recipe, Served(dict.fromkeys(recipe.roles, book), can), run.seed, in_turn=True)


def _results(
    chains: Chains, prompt: Prompt, samples: int, done: DoneEvent, book: _Journalled
) -> tuple[ChainResult, ...]:
    failed = {failure[0]: Failure(prompt.id, *failure, prompt.preferred) for failure in done.failures}
    try:
        return tuple(failed.get(sample) or _run(chains, prompt, sample, book) for sample in range(samples))
    except EngineDeadError:
        return ()


def _run(chains: Chains, prompt: Prompt, sample: int, book: _Journalled) -> ChainResult:
    """Drive a chain that has all of its answers: it never waits."""
    chain = chains.run(prompt, sample, book)
    try:
        chain.send(None)
    except StopIteration as stop:
        result: ChainResult = stop.value
        return result
    chain.close()
    raise EngineDeadError(f"the journal does not hold the whole chain of '{prompt.id}'")
