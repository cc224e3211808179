"""Sees to it that an unclear hand-over is proved by the time that was agreed: told once, or the lead goes on."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from app.core.contract_events import ProofOverdue
from app.core.events import Code, Id, emit
from app.core.metrics import Metrics
from app.core.world import World
from app.pipeline.noticing import BuyerNotices
from app.pipeline.plans import Plans
from app.store import leads, overdue
from app.store.database import Database
from app.store.deliveries import DeliveryRow
from app.store.overdue import Overdue

LOOK_EVERY = 2.0
_AT_ONCE = 200
BY = "leadgate"


class Proving:
    """`look` is called by every process that takes work; each delivery is told by one of them."""

    def __init__(
        self,
        database: Database,
        world: World,
        metrics: Metrics,
        *,
        plans: Callable[[], Plans],
        give_up: Callable[[UUID, str, Callable[[DeliveryRow], bool]], Awaitable[None]],
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._plans = plans
        self._give_up = give_up
        self._notices = BuyerNotices(world, plans)

    async def look(self) -> bool:
        """True where there is more at once."""
        agreed = {
            id_: one.doc.confirm
            for id_, one in self._plans().snapshot.contracts.items()
            if one.doc.confirm is not None
        }
        if not agreed:
            return False
        within = {id_: doc.within.seconds for id_, doc in agreed.items()}
        async with self._database.acquire() as conn:
            found = await overdue.found(conn, within, _AT_ONCE)
        told = [(one, agreed[one.contract].then) for one in found]
        await self._tell([one for one, then in told if then == "alarm"])
        for one, then in told:
            if then == "reroute":
                await self._give_up(one.delivery_id, "not_confirmed", lambda row: row.state == "unclear")
                emit(_event(one, then))
        return len(found) >= _AT_ONCE

    async def _tell(self, ones: list[Overdue]) -> None:
        if not ones:
            return
        async with self._database.acquire() as conn, conn.transaction():
            mine = await overdue.tell(conn, ones)
            for one in ones:
                if one.delivery_id in mine:
                    await leads.note(conn, one.lead_id, "overdue", one.delivery_id, BY, {})
                    late = {"delivery": str(one.delivery_id)}
                    await self._notices.tell(conn, one.contract, "proof_overdue", one.lead_id, late)
        for one in ones:
            if one.delivery_id in mine:
                emit(_event(one, "alarm"))

    async def gauges(self) -> None:
        async with self._database.acquire() as conn:
            await overdue.tidy(conn)
            counts = await overdue.counts(conn)
        self._metrics.forget("leadgate_proof_overdue")
        for contract, n in counts.items():
            self._metrics.gauge("leadgate_proof_overdue", (contract,), float(n))


def _event(one: Overdue, then: str) -> ProofOverdue:
    return ProofOverdue(
        delivery=one.delivery_id, lead=one.lead_id, contract=Id(one.contract), then=Code(then)
    )
