"""Makes submissions durable: group commit, admission control, and no yes before the commit."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

from app.core.errors import NotDurable
from app.core.metrics import Metrics
from app.core.world import World
from app.pipeline.flush import Batcher, Full
from app.store.database import Database, is_ambiguous, is_away
from app.store.intake import Arrival, IntakeStore, Kept, Refusal

RETRY_AFTER = 2
_PATIENCE = 1.5  # seconds that a flush is tried again before its sources are told 503
_SILENCE = 2.0  # seconds that one try may take: a server behind a broken network says nothing for ever


class Receiver:
    """`keep` returns when the arrival is committed, or raises NotDurable; never before, never both."""

    def __init__(
        self,
        database: Database,
        store: IntakeStore,
        world: World,
        metrics: Metrics,
        *,
        process_id: Callable[[], UUID],
        most_queued: int = 2_000,
    ) -> None:
        self._database = database
        self._store = store
        self._world = world
        self._metrics = metrics
        self._process_id = process_id
        self.arrived = 0
        self._arrivals: Batcher[Arrival, Kept] = Batcher(
            self._flush, most=128, flushers=2, beside=24, limit=most_queued
        )
        self._refusals: Batcher[Refusal, None] = Batcher(self._note, most=100, limit=200)

    def start(self) -> None:
        self._arrivals.start()
        self._refusals.start()

    async def stop(self) -> None:
        await self._arrivals.stop()
        await self._refusals.stop()

    async def cancel(self) -> None:
        await self._arrivals.cancel()
        await self._refusals.cancel()

    @property
    def queued(self) -> int:
        return len(self._arrivals)

    def keep(self, arrival: Arrival) -> "asyncio.Future[Kept]":
        """Committed when it resolves. Raises NotDurable at once where the queue is full."""
        try:
            return self._arrivals.put(arrival)
        except Full:
            raise NotDurable(
                "too much is waiting to be stored; send it again", retry_after=RETRY_AFTER
            ) from None

    def note_refusal(self, refusal: Refusal) -> None:
        """Keep what was refused for a person to see; under pressure it is the first thing to go."""
        if len(self._refusals) < 200:
            self._refusals.send(refusal)

    async def _flush(self, arrivals: list[Arrival]) -> Sequence[Kept | Exception]:
        began = self._world.monotonic()
        self.arrived += len(arrivals)
        kept = await self._persist(arrivals, began + _PATIENCE)
        self._metrics.observe("leadgate_stage_seconds", ("receive",), self._world.monotonic() - began)
        self._metrics.observe("leadgate_flush_rows", ("receive",), len(arrivals))
        return kept

    async def _persist(self, arrivals: Sequence[Arrival], until: float) -> Sequence[Kept | Exception]:
        again = False
        while True:
            try:
                async with asyncio.timeout(_SILENCE), self._database.acquire() as conn:
                    return await self._store.keep(conn, arrivals, self._process_id(), again=again)
            except Exception as error:
                away = is_ambiguous(error) or is_away(error)
                if not away and len(arrivals) > 1:
                    return await self._bisect(arrivals, until)
                if not away:
                    raise
                if self._world.monotonic() >= until:
                    raise NotDurable(
                        "the database does not answer; send it again", retry_after=RETRY_AFTER
                    ) from error
                again = True
            await asyncio.sleep(0.05)

    async def _bisect(self, arrivals: Sequence[Arrival], until: float) -> Sequence[Kept | Exception]:
        """One row that PostgreSQL refuses must not take its neighbours with it."""
        kept: list[Kept | Exception] = []
        for arrival in arrivals:
            try:
                kept.extend(await self._persist([arrival], until))
            except Exception as error:
                kept.append(error)
        return kept

    async def _note(self, refusals: list[Refusal]) -> Sequence[None]:
        try:
            async with self._database.acquire() as conn:
                await self._store.note_refusals(conn, refusals)
        except Exception as error:
            if not (is_ambiguous(error) or is_away(error)):
                raise
        return [None] * len(refusals)
