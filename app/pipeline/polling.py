"""Looks platforms through for leads whose webhook never came: what is missing is named, and then fetched as usual."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from app.core.errors import Refused
from app.core.events import bug, emit
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.wire import Wire
from app.ingest.platform import Gone, Later, platforms
from app.pipeline.asking import ask
from app.pipeline.engine import Engine
from app.pipeline.faults import Retrying
from app.pipeline.platform_door import PlatformDoor
from app.store import polls
from app.store.database import Database, is_ambiguous, is_away
from app.store.polls import Place, Poll

EVERY = 900.0
OVERLAP = 3600.0
"""Seconds before the last look that are looked at again: a lead may be listed later than it was made."""
MOST_PAGES = 200
_LONGEST = 4 * EVERY
_LOOK_EVERY = 10.0
_AT_ONCE = 4


class Poller:
    """One process at a time looks; a page's leads are durable before the next page is asked for."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        wire: Wire,
        door: PlatformDoor,
        world: World,
        metrics: Metrics,
        *,
        process_id: Callable[[], UUID],
        lease_seconds: float,
    ) -> None:
        self._database = database
        self._engine = engine
        self._wire = wire
        self._door = door
        self._metrics = metrics
        self._process_id = process_id
        self._lease = lease_seconds
        self._retrying = Retrying(world, metrics)
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._loop = asyncio.create_task(self._often())

    async def stop(self) -> None:
        """In the middle of a page if need be: the next look begins where this one did."""
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop

    async def _often(self) -> None:
        while True:
            try:
                await self.due()
            except Exception as error:
                if not (is_away(error) or is_ambiguous(error)):
                    emit(bug(error, "polling"))
            await asyncio.sleep(_LOOK_EVERY)

    async def due(self) -> int:
        """Every look that is due, to its end; how many there were."""
        places = self._places()
        if not places:
            return 0
        async with self._database.acquire() as conn:
            await polls.make(conn, places)
            found = await polls.take(conn, self._process_id(), places, _AT_ONCE, self._lease)
        await asyncio.gather(*(self._turn(poll) for poll in found))
        return len(found)

    def _places(self) -> list[Place]:
        snapshot = self._engine.plans().snapshot
        return [
            (source, name, what)
            for source, parts in snapshot.source_parts.items()
            if parts.platforms and not snapshot.sources[source].paused
            for name, settings in parts.platforms.items()
            if name in platforms
            for what in platforms[name].polled(settings)
        ]

    async def _turn(self, poll: Poll) -> None:
        reason, wait = "", EVERY
        try:
            await self._look(poll)
        except Gone:
            reason = "gone"
        except Later as later:
            reason, wait = later.reason, max(EVERY, min(later.after or 0.0, _LONGEST))
        except Refused as refused:
            reason = refused.reason
        except Exception as error:
            emit(bug(error, "polling"))
            reason = "internal"
        self._metrics.count(
            "leadgate_fetches_total", (poll.platform, "looked" if not reason else "look_failed")
        )
        await self._retrying.run(lambda _: self._end(poll, wait, reason))

    async def _end(self, poll: Poll, wait: float, reason: str) -> None:
        async with self._database.acquire() as conn:
            await polls.end(conn, poll, wait, reason, since=poll.began - OVERLAP)

    async def _look(self, poll: Poll) -> None:
        platform = platforms[poll.platform]
        parts = self._engine.plans().snapshot.source_parts[poll.source]
        settings, cursor = parts.platforms[poll.platform], ""
        for _ in range(MOST_PAGES):
            page = await ask(self._wire, platform.polling(poll.what, poll.since, cursor, settings))
            await self._door.name(platform, poll.source, fetch=page.leads)
            cursor = page.cursor
            if not cursor:
                return
        raise Later("pages_without_end")
