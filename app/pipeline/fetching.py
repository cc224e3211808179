"""Fetches the leads that platforms only name, deletes those they want deleted, and looks for what they never named."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.catalog.documents import Retry
from app.core import events
from app.core.errors import NotDurable, Refused
from app.core.events import bug, emit
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.schedule import next_try
from app.distribute.wire import Wire
from app.ingest.platform import Gone, Later, Platform, platforms
from app.pipeline.asking import ask
from app.pipeline.engine import Engine
from app.pipeline.faults import Retrying
from app.pipeline.plans import SourcePlan
from app.pipeline.platform_door import PlatformDoor, key_of
from app.store import erasing, fetches
from app.store.database import Database, is_ambiguous, is_away, marked
from app.store.fetches import Named, Place, State

AT_ONCE = 16
SCHEDULE = Retry()
"""As a buyer's: 5 s, 5 min, 30 min … and for eight days."""
LONGEST_AFTER = 3600.0  # seconds that a platform may ask to be left alone
DAYS_KEPT = 100
"""How long a lead that was fetched is known: no platform shows one for longer."""
_EVERY, _TIDY_EVERY = 1.0, 15.0
_BUSY = 2.0  # seconds until a lead that somebody has in hand is looked at again


class Ended(Struct, frozen=True, kw_only=True):
    """How one turn of a named lead ended. `word` is what is counted."""

    word: str
    state: State = "done"
    reason: str = ""
    submission_id: UUID | None = None
    next_in: float = 0.0
    after: float | None = None


class Fetcher:
    """Any process may do any of it: rows are leased, and what is fetched is kept under the lead's own id once."""

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
        self._world = world
        self._metrics = metrics
        self._process_id = process_id
        self._lease = lease_seconds
        self._retrying = Retrying(world, metrics)
        self._woken = asyncio.Event()
        self._taking = asyncio.Lock()  # what one take got must be in hand before the next looks
        self._loops: list[asyncio.Task[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_hand: set[Place] = set()

    # life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._loops = [
            asyncio.create_task(self._often(self.due, self._pause)),
            asyncio.create_task(self._often(self.tidy, lambda: asyncio.sleep(_TIDY_EVERY))),
        ]

    def wake(self) -> None:
        self._woken.set()

    async def stop(self, within: float = 5.0) -> None:
        """What is being fetched ends, or is begun anew by another process: nothing of it is lost."""
        for task in self._loops:
            task.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=within)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def settled(self) -> None:
        """Until nothing is in hand."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    async def _often(
        self, work: Callable[[], Awaitable[object]], pause: Callable[[], Awaitable[object]]
    ) -> None:
        while True:
            try:
                await work()
            except Exception as error:
                if not (is_away(error) or is_ambiguous(error)):
                    emit(bug(error, "fetching"))
            await pause()

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_EVERY):
                await self._woken.wait()

    # what is due ------------------------------------------------------------------------------------

    async def due(self) -> int:
        """Begin what is due, as far as there is room; how much that was."""
        self._woken.clear()
        async with self._taking:
            room = AT_ONCE - len(self._tasks)
            if room <= 0:
                return 0
            async with self._database.acquire() as conn:
                found = await fetches.take(conn, self._process_id(), room, self._lease, self._in_hand)
            for one in found:
                self._begin(one)
        return len(found)

    def _begin(self, one: Named) -> None:
        self._in_hand.add(one.place)
        task = asyncio.create_task(self._turn(one))
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, one.place))

    def _done(self, place: Place, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._in_hand.discard(place)
        if len(self._tasks) == AT_ONCE - 1:
            self._woken.set()

    async def tidy(self) -> None:
        """Say how much waits, and forget what ended long ago."""
        async with self._database.acquire() as conn:
            waiting, overdue, dead = await fetches.queues(conn)
            await fetches.sweep(conn, DAYS_KEPT)
        self._metrics.gauge("leadgate_queue_depth", ("fetching",), waiting)
        self._metrics.gauge("leadgate_queue_oldest_seconds", ("fetching",), max(0.0, overdue))
        self._metrics.gauge("leadgate_queue_depth", ("fetch_dead",), dead)

    async def _turn(self, one: Named) -> None:
        try:
            ended = await (self._fetch(one) if one.want == "fetch" else self._delete(one))
        except Exception as error:
            emit(bug(error, "fetching"))
            ended = self._again(one, "internal")
        await self._retrying.run(lambda again: self._end(one, ended, again))
        self._metrics.count("leadgate_fetches_total", (one.platform, ended.word))
        if ended.word in ("later", "dead"):
            emit(_trouble(one, ended))

    async def _end(self, one: Named, ended: Ended, again: bool) -> None:
        async with self._database.acquire() as conn, conn.transaction():
            if again:
                await marked(conn)
            await fetches.end(
                conn, one, ended.state, ended.reason,
                submission_id=ended.submission_id, next_in=ended.next_in,
            )  # fmt: skip
            if ended.after:
                await fetches.postpone(conn, one.source, one.platform, ended.next_in)

    def _again(self, one: Named, reason: str, after: float | None = None) -> Ended:
        now = self._world.now()
        at = next_try(
            SCHEDULE, attempt=one.tries, first_at=one.created_at, now=now, chance=self._world.chance()
        )
        if at is None:
            return Ended(word="dead", state="dead", reason=reason)
        wait = max((at - now).total_seconds(), min(after or 0.0, LONGEST_AFTER))
        return Ended(word="later", state="waiting", reason=reason, next_in=wait, after=after)

    # fetching ---------------------------------------------------------------------------------------

    async def _fetch(self, one: Named) -> Ended:
        try:
            platform, plan, settings = self._told(one)
            body = await ask(self._wire, platform.fetching(one.lead, settings))
            landed = await self._door.keep(
                platform, plan, body, one.lead, test=platform.is_test(body), remote=platform.name
            )
        except Gone:
            return Ended(word="gone", reason="gone")
        except Later as later:
            return self._again(one, later.reason, later.after)
        except NotDurable:
            return self._again(one, "not_durable")
        except Refused as refused:
            return Ended(word="dead", state="dead", reason=refused.reason)
        return Ended(word="kept" if landed.first else "known", submission_id=landed.submission_id)

    def _told(self, one: Named) -> tuple[Platform, SourcePlan, Any]:
        """As it is configured now. Raises Later: it may be configured again."""
        plans = self._engine.plans()
        plan, platform = plans.source(one.source), platforms.get(one.platform)
        parts = plans.snapshot.source_parts.get(one.source)
        if plan is None or platform is None or parts is None or one.platform not in parts.platforms:
            raise Later("not_configured")
        if plan.paused:
            raise Later("source_off")
        return platform, plan, parts.platforms[one.platform]

    # deleting ---------------------------------------------------------------------------------------

    async def _delete(self, one: Named) -> Ended:
        return await self._retrying.run(lambda again: self._erase(one, again))

    async def _erase(self, one: Named, again: bool) -> Ended:
        async with self._database.acquire() as conn, conn.transaction():
            if again:
                await marked(conn)
            submission_id = one.submission_id or await erasing.submission_of(
                conn, one.source, key_of(one.platform, one.lead)
            )
            if submission_id is None:
                return Ended(word="unknown", reason="unknown")
            by = f"platform:{one.platform}"
            if not await erasing.erase(conn, submission_id, lease_seconds=self._lease, by=by):
                return Ended(word="busy", state="waiting", next_in=_BUSY, submission_id=submission_id)
        return Ended(word="erased", submission_id=submission_id)


def _trouble(one: Named, ended: Ended) -> events.Event:
    kind = events.FetchGivenUp if ended.state == "dead" else events.FetchFailed
    return kind(
        source=events.Id(one.source),
        platform=events.Code(one.platform),
        reason=events.Code(ended.reason),
        tries=one.tries,
    )
