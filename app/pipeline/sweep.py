"""The slow side of the engine: stay alive, take what is due, take what the dead left, keep house."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.errors import Refused
from app.core.events import Code, DatabaseAway, DatabaseBack, Recovered, bug, emit
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.batching import gathering
from app.ingest.reading import Reader
from app.model import Submission
from app.pipeline.bundle_changes import PERHAPS, perhaps_left
from app.pipeline.engine import Engine
from app.pipeline.pieces import Pieces
from app.pipeline.tracks import Job
from app.pipeline.work import Work
from app.store import deliveries, in_line, leads, processes, upkeep
from app.store.database import Database, is_ambiguous, is_away
from app.store.deliveries import DeliveryRow
from app.store.faults import cause_of

_DUE_EVERY, _INBOX_EVERY, _GAUGES_EVERY, _SWEEP_EVERY, _DAYS_EVERY = 0.25, 0.25, 5.0, 60.0, 3600.0
_TAKE = 256
_TAKE_OF_BATCHES, _MOST_OF_BATCHES = 16, 1_000
_PER_CONTRACT = 32


class Identity:
    """The id under which this process holds leases; a new one after it was taken for dead."""

    def __init__(self, world: World, role: str) -> None:
        self._world = world
        self.role = role
        self.current = world.new_id()

    def __call__(self) -> UUID:
        return self.current

    def renew(self) -> None:
        self.current = self._world.new_id()


class Upkeep:
    """Loops that poll; each failure for an outage is quiet and tried again, each bug is told."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        reader: Reader,
        identity: Identity,
        world: World,
        metrics: Metrics,
        *,
        lease_seconds: float,
        takes_work: bool = True,
    ) -> None:
        self._database = database
        self._engine = engine
        self._reader = reader
        self._pieces = Pieces(reader, world, engine.plans)
        self._also: list[tuple[float, Callable[[], Awaitable[object]], bool]] = []
        self._identity = identity
        self._world = world
        self._metrics = metrics
        self._lease = lease_seconds
        self.takes_work = takes_work
        self._lost_submissions: set[UUID] = set()
        self._lost_deliveries: set[UUID] = set()
        self._seen_since = 0.0
        self._away_since: float | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._takers: list[asyncio.Task[None]] = []
        self._resting = asyncio.Event()

    async def start(self) -> None:
        await self._hello()
        await self._days_first()
        self._every(self._lease / 4, self.heartbeat)
        self._every(_GAUGES_EVERY, self.gauges)
        self._every(_SWEEP_EVERY, self.sweep)
        self._every(_DAYS_EVERY, self.days)
        if self.takes_work:
            self._every(_DUE_EVERY, self.due, takes=True)
            self._every(_INBOX_EVERY, self.inbox, takes=True)
            self._every(_INBOX_EVERY, self.of_batches, takes=True)
            self._every(self._lease / 2, self.recover, takes=True)
            self._every(self._lease / 2, self.lost, takes=True)
        for seconds, work, takes in self._also:
            if self.takes_work or not takes:
                self._every(seconds, work, takes=takes)

    def also(self, seconds: float, work: Callable[[], Awaitable[object]], *, takes: bool = True) -> None:
        """More to do every so often, at once again where `work` answers true; only in a process that takes
        work, unless it `takes` none. Told before `start`."""
        self._also.append((seconds, work, takes))

    async def rest(self) -> None:
        """Before the engine stops: take nothing more. What is being taken is taken whole, never half."""
        self._resting.set()
        if self._takers:
            await asyncio.wait(self._takers, timeout=self._lease / 4)

    async def stop(self) -> None:
        """After the engine has stopped: whatever is still leased is free at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with self._database.acquire() as conn:
                await processes.farewell(conn, self._identity())
        except Exception as error:
            if not (is_away(error) or is_ambiguous(error)):
                raise

    def _every(self, seconds: float, work: Callable[[], Awaitable[object]], *, takes: bool = False) -> None:
        async def loop() -> None:
            while not (takes and self._resting.is_set()):
                try:
                    more = await work()
                except Exception as error:
                    more = None
                    if not (is_away(error) or is_ambiguous(error)):
                        emit(bug(error, "sweep"))
                if more:
                    continue
                if not takes:
                    await asyncio.sleep(seconds)
                    continue
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._resting.wait()

        task = asyncio.create_task(loop())
        self._tasks.append(task)
        if takes:
            self._takers.append(task)

    async def _hello(self) -> None:
        async with self._database.acquire() as conn:
            await processes.hello(
                conn, self._identity(), self._identity.role, socket.gethostname(), os.getpid()
            )
        self._seen_since = self._world.monotonic()

    async def heartbeat(self) -> None:
        """Be seen. Who was buried while the database or this process was away starts as somebody new."""
        me = self._identity()
        try:
            async with self._database.acquire() as conn:
                unseen = await processes.seen(conn, me)
                others = await processes.others(conn, self._lease, me)
        except Exception as error:
            if is_away(error) or is_ambiguous(error):
                self._metrics.gauge("leadgate_database_up", (), 0)
                self._seen_since = self._world.monotonic()
                self._tell_away(error)
            raise
        self._metrics.gauge("leadgate_database_up", (), 1)
        if self._away_since is not None:
            emit(DatabaseBack(away_s=round(self._world.monotonic() - self._away_since, 1)))
            self._away_since = None
        self._engine.chooser.alone = unseen is not None and not others
        if unseen is None and me == self._identity():
            self._identity.renew()
            await self._hello()
        elif unseen is not None and unseen > self._lease:  # it was stopped, and the others perhaps with it
            self._seen_since = self._world.monotonic()

    def _tell_away(self, error: Exception) -> None:
        """Once, when it begins; an outage is no reason for a flood of lines."""
        if self._away_since is None:
            self._away_since = self._world.monotonic()
            emit(DatabaseAway(cause=Code(cause_of(error))))

    async def inbox(self) -> bool:
        """Submissions that nobody holds: receipts that found no room, and what the dead left undecided."""
        if self._engine.backlog > _TAKE:
            return False
        return await self._taken(_TAKE, of_batches=False) == _TAKE

    async def of_batches(self) -> bool:
        """The same for the rows of batches, a thousand or two in memory at a time."""
        if self._engine.deciding.bulk > _MOST_OF_BATCHES:
            return False
        return await self._taken(_TAKE_OF_BATCHES, of_batches=True) == _TAKE_OF_BATCHES

    async def _taken(self, limit: int, *, of_batches: bool) -> int:
        async with self._database.acquire() as conn:
            taken = await self._engine.intake.take(conn, self._identity(), limit, of_batches=of_batches)
            # Who was away long enough to be taken for dead finds his own work free, and has it still.
            found = [one for one in taken if one.id not in self._engine.in_hand]
            links = await self._pieces.links(conn, found) if found else None
        works, unreadable = [], []
        for submission in found:
            try:
                whole = links and links.work(submission)
                works.append(whole or self._work(submission))
            except Refused:
                unreadable.append(submission.id)
            except Exception as error:  # its neighbours are not to blame
                emit(bug(error, "read"))
                unreadable.append(submission.id)
        if unreadable:
            async with self._database.acquire() as conn:
                await self._engine.intake.park(conn, unreadable, "unreadable")
        self._engine.later(works, of_batches=of_batches)
        return len(taken)

    def _work(self, submission: Submission) -> Work:
        """As if it came just now, but for the time that it has waited."""
        waited = (self._world.now() - submission.received_at).total_seconds()
        records = self._reader.read(submission.body, submission.content_type)
        return Work(submission, records, began=self._world.monotonic() - waited)

    async def due(self) -> bool:
        """Deliveries whose next attempt is due; contracts that are paused, rest, have a line or send many at once are
        left out."""
        sender = self._engine.sender
        contracts = self._engine.plans().snapshot.contracts
        without = [c.id for c in contracts.values() if c.paused or gathering(c.settings) is not None]
        return await self._taken_due([*without, *sender.full(), *sender.health.shut], _PER_CONTRACT)

    async def try_one(self, contract: str) -> bool:
        """A contract that rested is asked once; False where nothing of it is due."""
        return await self._taken_due([], 1, contract)

    async def _taken_due(self, without: Sequence[str], per_contract: int, only: str | None = None) -> bool:
        # One transaction: what was claimed but could not be read would look like sent.
        async with self._database.acquire() as conn, conn.transaction():
            rows = await deliveries.claim_due(conn, self._identity(), per_contract, without, only)
            contexts = await leads.contexts(conn, [row.lead_id for row in rows]) if rows else {}
            jobs = await self.of_people_awake(conn, self._engine.tracker.jobs(rows, contexts))
            perhaps = await perhaps_left(conn, jobs)
            lined = [job for job in jobs if job.stands_in_line and job.delivery_id not in perhaps]
            if lined:
                turns = [(job.delivery_id, job.attempt) for job in lined]
                await in_line.stand(conn, turns, self._identity())
        sender = self._engine.sender
        for job in jobs:
            if job.delivery_id not in perhaps:
                sender.start(job)
            elif job.delivery_id not in sender.in_hand:
                sender.in_hand.add(job.delivery_id)
                sender.told(job, PERHAPS, 0.0)
        return bool(rows)

    async def of_people_awake(self, conn: Any, jobs: list[Job]) -> list[Job]:
        """A contract that minds when people may be called does so at every try; the others wait as if never taken."""
        now = self._world.now()
        asleep: list[tuple[Job, datetime]] = []
        for job in jobs:
            if job.contract.doc.consumer_hours is not None:
                opens = job.track.plan.campaign.opens_at(job.contract.id, job.track.normals, now)
                if opens > now:
                    asleep.append((job, opens))
        if not asleep:
            return jobs
        await deliveries.put_off(conn, [(j.delivery_id, j.track.lead_id, j.attempt, at) for j, at in asleep])
        off = {job.delivery_id for job, _ in asleep}
        return [job for job in jobs if job.delivery_id not in off]

    async def recover(self) -> None:
        """What dead processes left in the middle of a conversation, and leads whose next step is missing.

        Others are judged dead only after this process itself was seen for a whole lease: after an outage
        everybody's heartbeat is old. So is its own where it was stopped: it must not take itself for dead.
        """
        await self.heartbeat()
        if self._world.monotonic() - self._seen_since < self._lease:
            return
        async with self._database.acquire() as conn:
            await processes.bury(conn, self._lease, self._identity())
        while await self._orphans(None):
            pass
        async with self._database.acquire() as conn:
            if freed := await in_line.free(conn, self._lease, 1_000):
                emit(Recovered(what=Code("in_line"), count=freed))
        async with self._database.acquire() as conn:
            stranded = await deliveries.stranded(conn, 1_000)
        if stranded:
            await self._engine.resume(stranded)
            emit(Recovered(what=Code("stranded"), count=len(stranded)))

    async def _orphans(self, ids: list[UUID] | None) -> bool:
        """An attempt that was begun and never ended may have handed the lead over."""
        async with self._database.acquire() as conn, conn.transaction():
            rows = (
                await deliveries.orphans(conn, self._lease, 500)
                if ids is None
                else await deliveries.some(conn, ids)
            )
            if not rows:
                return False
            await deliveries.end_orphans(conn, [self._orphan_end(row) for row in rows])
            await deliveries.reflect(conn, [row.lead_id for row in rows])
        emit(Recovered(what=Code("orphans"), count=len(rows)))
        return True

    def _orphan_end(self, row: DeliveryRow) -> tuple[UUID, str, float | None]:
        contract = self._engine.plans().snapshot.contracts.get(row.contract)
        if contract is not None and (contract.doc.idempotent or contract.adapter == "internal"):
            return row.id, "waiting", 0.0
        return row.id, "unclear", None

    async def lost(self) -> None:
        """What this process holds in the database but not in hand, twice in a row: a commit in doubt."""
        async with self._database.acquire() as conn:
            submissions = set(await deliveries.inbox_ids(conn, self._identity())) - self._engine.in_hand
            sending = set(await deliveries.claimed_ids(conn, self._identity())) - self._engine.sender.in_hand
            again = submissions & self._lost_submissions
            if again:
                await deliveries.disown(conn, self._identity(), list(again))
                emit(Recovered(what=Code("submissions"), count=len(again)))
        found = sending & self._lost_deliveries
        if found:
            await self._found(found)
        self._lost_submissions, self._lost_deliveries = submissions - again, sending - found

    async def _found(self, ids: set[UUID]) -> None:
        """What was never begun is sent now; what was spoken of, but could not be written down, is an orphan."""
        spoiled = ids & self._engine.sender.spoiled
        if spoiled:
            await self._orphans(sorted(spoiled))
            self._engine.sender.spoiled -= spoiled
        if unsent := sorted(ids - spoiled):
            async with self._database.acquire() as conn:
                rows = await deliveries.some(conn, unsent)
            await self._engine.adopt([row.lead_id for row in rows])
            emit(Recovered(what=Code("deliveries"), count=len(rows)))

    async def gauges(self) -> None:
        async with self._database.acquire() as conn:
            found = await deliveries.queues(conn)
        self._metrics.gauge("leadgate_inflight", (), len(self._engine.in_hand))
        for queue in ("inbox", "sending", "waiting", "unclear", "dead"):
            depth, oldest = found.get(queue, (0, 0.0))
            self._metrics.gauge("leadgate_queue_depth", (queue,), depth)
            self._metrics.gauge("leadgate_queue_oldest_seconds", (queue,), max(0.0, oldest))

    async def sweep(self) -> None:
        async with self._database.acquire() as conn:
            await upkeep.sweep(conn)

    async def _days_first(self) -> None:
        """Before anything comes: rows that had to go into the default partition keep their day from being made."""
        try:
            await self.days()
        except Exception as error:
            if not (is_away(error) or is_ambiguous(error)):
                emit(bug(error, "days"))

    async def days(self) -> None:
        async with self._database.acquire() as conn:
            await upkeep.make_days(conn)
