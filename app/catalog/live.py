"""The current snapshot in each process: swapped within a second of a change, kept when a new one is broken."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import suppress

from app.catalog.kinds import Kinds
from app.catalog.modelling import Model, read_model
from app.catalog.sealing import Sealer
from app.catalog.snapshot import Builder, Snapshot, Unbuildable
from app.core.world import World
from app.store import models
from app.store.catalogue import CatalogueStore
from app.store.database import Database, is_away
from app.store.keys import KeyStore

CHANNEL = "catalogue"
SLICE_S = 0.005  # of building, before the leads in flight get their turn


class LiveCatalogue:
    """`current` is always whole. `report` is told, loudly and once each, why a newer one is not used."""

    def __init__(
        self,
        database: Database,
        kinds: Kinds,
        sealer: Sealer,
        *,
        world: World,
        report: Callable[[str], object],
        poll_s: float = 5.0,
    ) -> None:
        self.current = Snapshot()
        self._database, self._world, self._report, self._poll_s = database, world, report, poll_s
        self._store, self._keys = CatalogueStore(database), KeyStore(database, world)
        self._builder = Builder(kinds, sealer)
        self._subscribers: list[Callable[[Snapshot], object]] = []
        self._stamp: tuple[object, ...] | None = None
        self._refused: tuple[object, ...] | None = None
        self._lock, self._woken = asyncio.Lock(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._troubled = False

    def subscribe(self, callback: Callable[[Snapshot], object]) -> None:
        """Called with each new snapshot, after it is `current`, in the event loop; it must be quick."""
        self._subscribers.append(callback)

    async def start(self) -> None:
        """Listen, then read, so that nothing is missed. Raises Unbuildable: there is none to fall back on."""
        await self._database.listen(CHANNEL, lambda _: self._woken.set())
        await self.refresh()
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def refresh(self) -> bool:
        """Take up what is new; False when nothing is. Raises Unbuildable, and `current` stays as it was."""
        async with self._lock:
            async with self._database.acquire() as conn:
                fitted = await models.stamp(conn)
            stamp = (await self._store.version(), *await self._keys.stamp(), fitted)
            if stamp in (self._stamp, self._refused):
                return False
            version, rows = await self._store.load()
            keys = await self._keys.load()
            try:
                steps = self._builder.steps(version, rows, keys, await self._models())
                snapshot = await self._breathing(steps)
            except Unbuildable:
                self._refused = stamp
                raise
            self._stamp, self.current = stamp, snapshot
        for callback in self._subscribers:
            self._tell(callback, snapshot)
        return True

    async def _models(self) -> list[Model]:
        """Those in force. One that this version can't read is told and left out: leads keep their points."""
        async with self._database.acquire() as conn:
            rows = await models.in_force(conn)
        read = {
            f"{campaign}@{version}": read_model(campaign, version, doc) for campaign, version, doc in rows
        }
        for id_ in sorted(id_ for id_, model in read.items() if model is None):
            self._report(f"the model {id_} can't be read by this version; its campaign has none in force")
        return [model for model in read.values() if model is not None]

    async def _breathing(self, steps: Generator[None, None, Snapshot]) -> Snapshot:
        until = self._world.monotonic() + SLICE_S
        while True:
            try:
                next(steps)
            except StopIteration as done:
                snapshot: Snapshot = done.value
                return snapshot
            if self._world.monotonic() >= until:
                await asyncio.sleep(0)
                until = self._world.monotonic() + SLICE_S

    def _tell(self, callback: Callable[[Snapshot], object], snapshot: Snapshot) -> None:
        try:
            callback(snapshot)
        except Exception as error:  # one that fails must not keep the others from the new catalogue
            self._report(f"a reader of catalogue v{snapshot.version} failed: {type(error).__name__}")

    async def _follow(self) -> None:
        """NOTIFY wakes; the poll backs it up. Nothing ends this but `close`."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self.refresh()
                self._troubled = False
            except Unbuildable as error:
                kept = self.current.version
                self._report(f"the catalogue can't be used: {error}; v{kept} stays in force")
            except Exception as error:
                self._say_once(error)

    def _say_once(self, error: Exception) -> None:
        """An outage is told when it begins, not with every poll."""
        if not self._troubled:
            what = "the database is away" if is_away(error) else f"a fault in reading it ({error!r})"
            self._report(f"the catalogue can't be refreshed: {what}; v{self.current.version} stays in force")
        self._troubled = True
