"""A run folder as an object: what it is, its sums, its traces."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from constitution.errors import InputError, SettingsError, StoreError
from constitution.principles import Principles
from constitution.records import OUTCOMES, ChainResult
from constitution.run.drops import causes
from constitution.run.labels import label_card
from constitution.run.prices import cost, prices
from constitution.run.refusals import refusal_card
from constitution.run.replay import replay
from constitution.run.resolve import OwnChecks, build_checks
from constitution.sources.constitution_file import read_constitution
from constitution.sources.run_file import read_run
from constitution.steps.filter import Sieve, sieve_of
from constitution.steps.label_card import LabelCard
from constitution.steps.policies import pairing_of
from constitution.steps.refusal_card import RefusalCard
from constitution.steps.settle import Settler
from constitution.steps.two_judges import VerdictIndex
from constitution.store.folder import Manifest, RunFolder
from constitution.store.journal import read_journal
from constitution.store.shards import read_shard, read_sums
from constitution.store.sums import Sums


@dataclass(frozen=True)
class OpenedRun:
    """A run that exists."""

    folder: RunFolder
    manifest: Manifest
    principles: Principles
    settler: Settler

    @classmethod
    def read(cls, path: str | os.PathLike[str], own: OwnChecks | None = None) -> OpenedRun:
        """Open a run folder; nothing is locked or changed.

        Raises:
            StoreError: if it is no run, or a newer version wrote it.
        """
        folder = RunFolder(path)
        if not folder.has_run:
            raise StoreError(f"{folder.path}: no run here (no manifest.json); name the folder given to --out")
        manifest = Manifest.read(folder.file("manifest.json"))
        principles = read_constitution(Path(folder.file("constitution.yaml")).absolute(), checks=own)
        settings = manifest.settings
        pairing = replace(pairing_of(settings), sieve=_sieve(folder.path, settings), respond=principles.respond)
        return cls(folder, manifest, principles, Settler(pairing, build_checks(principles, own or {})))

    @property
    def chunks(self) -> range:
        """The numbers of its chunks; of a shard its own."""
        return self.manifest.chunks

    @property
    def inputs(self) -> int:
        """How many inputs it has."""
        return sum(int(self.manifest.plan["chunks"][chunk]["records"]) for chunk in self.chunks)

    @property
    def complete(self) -> bool:
        """Whether every chunk is sealed."""
        return all(self.folder.sealed(chunk) for chunk in self.chunks)

    @property
    def tools(self) -> bool:
        """Whether an input has tools, calls or reasoning."""
        return bool(self.manifest.plan.get("tools"))

    def traces(self) -> Iterator[ChainResult]:
        """Finished chains in input order: of sealed chunks from their shards, of the others from their journals.

        Raises:
            StoreError: if a shard or a journal cannot be read.
            InputError: if the input of an unfinished run is not there any more.
        """
        for chunk in self.chunks:
            if self.folder.sealed(chunk):
                yield from read_shard(self.folder.shard(chunk))
            else:
                yield from replay(self.folder, self.manifest, self.principles, chunk)

    def sums(self) -> Sums:
        """Sums of sealed chunks, and of what the journals of the others say is finished."""
        totals = Sums()
        for chunk in self.chunks:
            if self.folder.sealed(chunk):
                totals.add(read_sums(self.folder.shard(chunk)))
            elif self.folder.journal(chunk).exists():
                content = read_journal(self.folder.journal(chunk))
                for done in content.done.values():
                    totals.count_done(done)
                for event in content.answers.values():
                    totals.count_event(event)
        return totals

    def causes(self) -> dict[str, str]:
        """Why inputs of sealed chunks failed: one message of each class of error."""
        return causes(self.folder)

    def labels(self) -> LabelCard | None:
        """What its labels are worth, by its sealed chunks; None where no judge was asked.

        Raises:
            StoreError: a seal, a shard or the examination cannot be read.
        """
        return label_card(self.folder, self.manifest)

    def refusals(self) -> RefusalCard:
        """What was wanted and what was given, by its sealed chunks.

        Raises:
            StoreError: a seal or a shard cannot be read.
        """
        return refusal_card(self.folder, self.manifest, self.settler)

    def verdicts(self) -> VerdictIndex:
        """Its verdicts by what was compared; 9 bytes a pair.

        Raises:
            StoreError: if a shard or a journal cannot be read.
            InputError: if the input of an unfinished run is not there any more.
        """
        index = VerdictIndex(self.settler.pairing.labelling)
        for result in self.traces():
            index.count(result)
        return index

    def outcomes(self, sums: Sums | None = None) -> dict[str, int]:
        """Its inputs by outcome: inputs = paired + fine + dropped + failed + pending."""
        found = (sums or self.sums()).outcomes
        finished: dict[str, int] = {outcome: found[outcome] for outcome in OUTCOMES}
        return {"inputs": self.inputs, **finished, "pending": self.inputs - sum(finished.values())}

    def summary(self) -> dict[str, Any]:
        """What `constitution show --json` prints; inputs = paired + fine + dropped + failed + pending.

        `cost` is there where the run began with prices, `labels` where a judge was asked.
        """
        labels = self.labels()
        sums = self.sums()
        plain = sums.to_json()
        return {
            **self.outcomes(sums),
            "reasons": plain["reasons"],
            "pairs": plain["pairs"],
            "tokens": plain["tokens"],
            **({} if (money := self._cost(sums)) is None else {"cost": money}),
            "seconds": self.seconds(),
            **({"checks": plain["checks"]} if self.settler.checks else {}),
            "signs": plain["signs"],
            **({} if labels is None else {"labels": labels.to_json()}),
            "refusals": self.refusals().to_json(),
            "constitution": dict(self.manifest.constitution),
            "complete": self.complete,
            "recipe": self.manifest.settings["recipe"],
            "rounds": self.manifest.settings.get("rounds"),
            "models": {role: model["model"] for role, model in self.manifest.models.items()},
            "schema_version": self.manifest.schema_version,
        }

    def _cost(self, sums: Sums) -> float | None:
        """Money for what was paid for, by the prices that the run began with; None where a role had none."""
        try:
            found = prices(read_run(self.folder.file("run.yaml")), tuple(self.manifest.models))
        except InputError:
            return None
        return None if found is None else cost(found, sums.tokens)

    def seconds(self) -> float:
        """Time of all sessions that ended by themselves."""
        path = self.folder.file("sessions.jsonl")
        if not path.exists():
            return 0.0
        total: Counter[str] = Counter()
        for line in path.read_bytes().splitlines():
            try:
                total["ms"] += int(1000 * orjson.loads(line)["seconds"])
            except (orjson.JSONDecodeError, KeyError, TypeError):
                continue
        return total["ms"] / 1000


def _sieve(path: Path, settings: Mapping[str, Any]) -> Sieve:
    """The filters of a run; one that was made before there were filters has none."""
    try:
        return sieve_of({"all": "keep", **settings.get("filters", {})})
    except SettingsError as error:
        raise StoreError(f"{path}: {error} A newer version made this run: update constitution-rlaif") from None
