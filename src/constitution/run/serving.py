"""Engines by role: one running engine for each model string and its options, shared by the whole process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from types import MappingProxyType

from constitution.engine import Capabilities, Engine, ModelRole
from constitution.engines.memory import refuse_crowded
from constitution.engines.models import Named, check_model, make_engine
from constitution.run.background import after_fork, at_exit
from constitution.run.chain import Served

NO_LABELS: Mapping[ModelRole, tuple[str, ...]] = MappingProxyType({})


class EnginePool:
    """Starts engines once; they live on the background loop until `close`."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know no engine any more: in a forked child they are the parent's, and so is the loop they live on."""
        self._running: dict[str, tuple[Engine, Capabilities]] = {}
        self._named: dict[str, Named] = {}
        self._own: dict[int, tuple[Engine, Capabilities]] = {}
        self._lock: asyncio.Lock | None = None
        self._registered = False

    async def serve(
        self, models: Mapping[ModelRole, Named | Engine], labels: Mapping[ModelRole, tuple[str, ...]] = NO_LABELS
    ) -> Served:
        """The engines of the roles, started where they are not running yet.

        Args:
            models: by role a model string with its options, or an engine object that the user made and closes. Roles
                with the same one share an engine.
            labels: by role the labels that are read of its model.

        Raises:
            SettingsError, EngineStartError: if one cannot be started; strings are looked at before any is.
        """
        async with self._locked():
            await self._refuse([model for model in models.values() if isinstance(model, Named)])
            return _served({role: await self._serving(model, labels.get(role, ())) for role, model in models.items()})

    async def _refuse(self, wanted: list[Named]) -> None:
        """Refuse what cannot be started, or not beside what runs."""
        new = {named.identity: named for named in wanted if named.identity not in self._running}
        for named in new.values():
            check_model(named.model)
        if new:
            await asyncio.to_thread(refuse_crowded, list(new.values()), list(self._named.values()))

    async def _serving(self, model: Named | Engine, labels: tuple[str, ...]) -> tuple[Engine, Capabilities]:
        if not isinstance(model, Named):
            if id(model) in self._own:
                return await _with_labels(self._own[id(model)], labels)
            self._own[id(model)] = (model, await _started(model, labels))
            return self._own[id(model)]
        name = model.identity
        if name in self._running:
            return await _with_labels(self._running[name], labels)
        engine = await asyncio.to_thread(make_engine, model.model, model.options)
        self._running[name] = (engine, await _started(engine, labels))
        self._named[name] = model
        self._close_at_exit()
        return self._running[name]

    def _close_at_exit(self) -> None:
        """Register after an engine's own exit handlers, so that it is closed before they tear it down."""
        if not self._registered:
            self._registered = True
            at_exit(self.close)

    def _locked(self) -> asyncio.Lock:
        if self._lock is None:
            self._lock = asyncio.Lock()
        return self._lock

    async def drop_dead(self, served: Served) -> None:
        """Close and forget the engines that died, so that the next call starts fresh ones.

        Others of the same call may be at work for somebody else; only where none is known to be dead all are dropped.
        """
        dead = served.dead or set(map(id, served.engines.values()))
        for name, (engine, _) in list(self._running.items()):
            if id(engine) in dead:
                del self._running[name], self._named[name]
                with contextlib.suppress(Exception):  # it is dead: whatever closing says, the run says more
                    await engine.close()
        for own in list(self._own):
            if own in dead:
                del self._own[own]

    async def close(self) -> None:
        """Close all engines that were started by name."""
        engines = [engine for engine, _ in self._running.values()]
        self._running.clear()
        self._named.clear()
        self._own.clear()
        for engine in engines:
            await engine.close()


async def _started(engine: Engine, labels: tuple[str, ...]) -> Capabilities:
    try:
        return await engine.start(labels)
    except BaseException:
        with contextlib.suppress(Exception):
            await engine.close()
        raise


async def _with_labels(running: tuple[Engine, Capabilities], labels: tuple[str, ...]) -> tuple[Engine, Capabilities]:
    """An engine that runs, for a role that reads labels: one that cannot be read is refused, and the engine goes on."""
    if labels:
        await running[0].start(labels)
    return running


def _served(started: Mapping[ModelRole, tuple[Engine, Capabilities]]) -> Served:
    return Served(
        {role: engine for role, (engine, _) in started.items()},
        {role: capabilities for role, (_, capabilities) in started.items()},
    )


pool = EnginePool()
after_fork(pool.forget)
