"""Keeps what a buyer has bid before his lead leaves: whoever is killed in between, what he owes is known."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from uuid import UUID

from app.core.events import bug, emit
from app.pipeline.flush import Batcher, Full
from app.pipeline.tracks import Job
from app.store import bids
from app.store.bids import Bidden
from app.store.database import Database, is_ambiguous, is_away

Keep = Callable[[Decimal], Awaitable[bool]]
_PATIENCE = 3.0


class Bidding:
    """Those that bid at the same moment are written by one statement; nothing runs where no contract asks beforehand."""

    def __init__(self, database: Database, *, process_id: Callable[[], UUID]) -> None:
        self._database = database
        self._process_id = process_id
        self._bids: Batcher[Bidden, bool] = Batcher(self._write)
        self._started = False

    def of(self, job: Job) -> Keep:
        """True once it is durable; else the lead must not leave: its delivery is not this process's any more, or
        nobody would know what is owed for it."""

        async def keep(bid: Decimal) -> bool:
            if not self._started:
                self._started = True
                self._bids.start()
            kept = Bidden(job.delivery_id, job.track.lead_id, job.attempt, bid)
            try:
                async with asyncio.timeout(_PATIENCE):
                    return await self._bids.put(kept)
            except Exception as error:
                if not (isinstance(error, Full | TimeoutError) or is_away(error) or is_ambiguous(error)):
                    emit(bug(error, "bid"))
                return False

        return keep

    async def close(self) -> None:
        await self._bids.cancel()

    async def _write(self, bidden: Sequence[Bidden]) -> Sequence[bool]:
        async with self._database.acquire() as conn:
            kept = await bids.keep(conn, bidden, self._process_id())
        return [one.delivery_id in kept for one in bidden]
