"""Moves leads of pools along while nobody claims them: claims that expire, groups whose time is over, pushes without an answer."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from app.catalog.snapshot import Contract
from app.core.events import bug, emit
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.offering import NEXT, InternalSettings, left, settings_of
from app.distribute.offering import Step as Offered
from app.model import Rejected
from app.pipeline.choosing import Again
from app.pipeline.faults import Retrying
from app.pipeline.plans import Plans
from app.pipeline.record import Ended, Recorder
from app.pipeline.tracking import Tracker
from app.pipeline.tracks import Step
from app.store import decisions, deliveries, leads, pool, pulling
from app.store.database import Database, is_ambiguous, is_away, marked
from app.store.deliveries import DeliveryRow
from app.store.pool import Pooled

EVERY = 1.0
BY = "offer"
UNCLAIMED = Rejected(reason="nobody_claimed")
NO_ACTION = Rejected(reason="no_action")
_TAKE = 200
_SELDOM = 60
"""Where no contract pools, what earlier ones left there is looked for only every so many times."""


class Offers:
    """Any process may do any of it, and may die in the middle: each lead moves in a transaction of its own, under the
    lock of its delivery, and only if it is still due then."""

    def __init__(
        self,
        database: Database,
        recorder: Recorder,
        tracker: Tracker,
        retrying: Retrying,
        world: World,
        metrics: Metrics,
        *,
        plans: Callable[[], Plans],
        follow: Callable[[Step], None],
    ) -> None:
        self._database = database
        self._recorder = recorder
        self._tracker = tracker
        self._retrying = retrying
        self._world = world
        self._metrics = metrics
        self._plans = plans
        self._follow = follow
        self._rounds = 0
        self._known: tuple[object, tuple[Contract, ...]] = (None, ())

    def pooling(self) -> tuple[Contract, ...]:
        """The contracts that have to do with a pool, looked for once per catalogue."""
        snapshot = self._plans().snapshot
        if self._known[0] is not snapshot:
            found = [c for c in snapshot.contracts.values() if _pools(c) or c.doc.pull_after is not None]
            self._known = snapshot, tuple(found)
        return self._known[1]

    async def along(self) -> bool:
        """Whether there may be more."""
        self._rounds += 1
        if not self.pooling() and self._rounds % _SELDOM:
            return False
        expired = await self.expire()
        async with self._database.acquire() as conn:
            due, late = await pool.due(conn, _TAKE), await pulling.due(conn, _TAKE)
        moved = [await self._moved(one, self._go_on) for one in due]
        moved += [await self._moved(one, self._pull_back) for one in late]
        return any(moved) and (expired == _TAKE or len(due) == _TAKE or len(late) == _TAKE)

    async def expire(self) -> int:
        """Claims whose time is over; the leads are free again, for others."""
        async with self._database.acquire() as conn, conn.transaction():
            over = await pool.expire(conn, _TAKE)
            await self.offered_on(conn, over)
        for row in over:
            self._metrics.count("leadgate_pool_claims_total", (row.contract, "expired"))
        return len(over)

    async def offered_on(self, conn: Any, rows: list[Pooled]) -> None:
        """Where nobody of their group may have them any more, these are due at once."""
        idle = [row.delivery_id for row in rows if not self._anybody(row)]
        if idle:
            await pool.nobody_left(conn, idle)

    def _anybody(self, row: Pooled) -> bool:
        contract = self._contract(row.contract)
        if contract is None:
            return False
        settings = settings_of(contract)
        return left(contract.people, tuple(row.owners), settings.excluded, Offered(row.team))

    def _contract(self, contract_id: str) -> Contract | None:
        contract = self._plans().snapshot.contracts.get(contract_id)
        return contract if contract is not None and _pools(contract) else None

    async def _moved(self, delivery_id: UUID, how: Callable[[Any, UUID], Any]) -> bool:
        """What one lead is at fault for holds up no other."""
        try:
            step = await self._retrying.run(lambda again: self._attempt(delivery_id, how, again))
        except Exception as error:
            if is_away(error) or is_ambiguous(error):
                raise
            emit(bug(error, "pool"))
            return False
        if step is not None:
            self._follow(step)
        return True

    async def _attempt(self, delivery_id: UUID, how: Callable[[Any, UUID], Any], again: bool) -> Step | None:
        try:
            async with self._database.acquire() as conn, conn.transaction():
                if again:
                    await marked(conn)
                step: Step | None = await how(conn, delivery_id)
                return step
        except decisions.MissingCounters as missing:
            await self._recorder.prepare(missing.keys)
            raise Again from None

    async def _go_on(self, conn: Any, delivery_id: UUID) -> Step | None:
        """To the next group that has anybody who may have it; after the last one on to the next contract."""
        delivery = await deliveries.find(conn, delivery_id, locked=True)
        row = await pool.due_now(conn, delivery_id)
        if row is None:
            return None
        if delivery is None or delivery.state != "pooled":
            await pool.leave(conn, [delivery_id])
            return None
        contract = self._contract(row.contract)
        if contract is None:
            return await self._unclaimed(conn, delivery, NEXT)
        settings = settings_of(contract)
        for n, step in enumerate(settings.steps[row.step + 1 :], row.step + 1):
            if left(contract.people, tuple(row.owners), settings.excluded, step):
                await pool.go_on(conn, delivery_id, n, step.team, step.seconds)
                await leads.note(conn, row.lead_id, "offered", delivery_id, BY, {"to": step.team or "all"})
                return None
        return await self._unclaimed(conn, delivery, settings.onward)

    async def _unclaimed(self, conn: Any, delivery: DeliveryRow, to: str) -> Step | None:
        await pool.leave(conn, [delivery.id])
        self._metrics.count("leadgate_pool_claims_total", (delivery.contract, "unclaimed"))
        return await self._refused(conn, delivery, UNCLAIMED, to, "unclaimed")

    async def _pull_back(self, conn: Any, delivery_id: UUID) -> Step | None:
        """A lead that was pushed to people and on which nobody acted goes to the pool; who has paid keeps it."""
        delivery = await deliveries.find(conn, delivery_id, locked=True)
        if not await pulling.taken(conn, delivery_id) or delivery is None:
            return None
        contract = self._plans().snapshot.contracts.get(delivery.contract)
        pull = contract.doc.pull_after if contract is not None else None
        if (
            pull is None
            or contract is None
            or delivery.state not in ("accepted", "unclear")
            or delivery.price
        ):
            return None
        if await pulling.has_acted(conn, delivery.lead_id, delivery_id):
            return None
        if pull.person and pull.exclude:
            await pulling.pushed(
                conn, self._world.new_id(), delivery_id=delivery_id, lead_id=delivery.lead_id, buyer=delivery.buyer,
                contract=delivery.contract, person=pull.person, test=delivery.test,
            )  # fmt: skip
        return await self._refused(conn, delivery, NO_ACTION, pull.to, "pulled_back")

    async def _refused(
        self, conn: Any, delivery: DeliveryRow, why: Rejected, to: str, kind: str
    ) -> Step | None:
        """The delivery ends as a no, and its lead goes where it is directed; not one that was erased meanwhile."""
        contexts = await leads.contexts(conn, [delivery.lead_id])
        jobs = self._tracker.jobs([delivery], contexts)
        await deliveries.settle(conn, delivery.id, "rejected", why.reason, None, None)
        await leads.note(conn, delivery.lead_id, kind, delivery.id, BY, {"reason": why.reason})
        if not jobs:
            return None
        ended = Ended(jobs[0], "rejected", why, "" if to == NEXT else to)
        return (await self._recorder.follow(conn, [ended]))[0]

    async def gauges(self) -> None:
        """How many stand in each contract's pool, and since when; an empty pool says 0."""
        if not self.pooling():
            return
        async with self._database.acquire() as conn:
            sizes = await pool.sizes(conn)
        for contract in self.pooling():
            if _pools(contract):
                free, held, oldest = sizes.get(contract.id, (0, 0, 0.0))
                self._metrics.gauge("leadgate_pool_leads", (contract.id, "free"), free)
                self._metrics.gauge("leadgate_pool_leads", (contract.id, "claimed"), held)
                self._metrics.gauge("leadgate_pool_oldest_seconds", (contract.id,), max(0.0, oldest))


def _pools(contract: Contract) -> bool:
    return isinstance(contract.settings, InternalSettings)
