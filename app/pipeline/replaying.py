"""Asks buyers again, with the same delivery ids: what waits, what died, and what is unclear if somebody says so."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.conditions import facts_of
from app.core.errors import Conflict, NotFound
from app.core.money import of_units, units, written
from app.core.reserved import MONEY, OF_SOURCES, line
from app.core.world import World
from app.distribute.caps import Use, cap_of
from app.distribute.chain import share
from app.pipeline.choosing import Again, Chooser
from app.pipeline.faults import Retrying
from app.pipeline.gate import shared
from app.pipeline.plans import Plans
from app.store import balances, decisions, deliveries, leads, replays
from app.store.database import Database, marked
from app.store.deliveries import DeliveryRow
from app.store.leads import Context

_OVER = ("accepted", "rejected", "duplicate", "cancelled")
_REVIVABLE = ("unsold", "sold", "delivering", "unclear")


class PerhapsTaken(Conflict):
    """The buyer may have this lead, and would perhaps take it twice."""


class Replayer:
    """One delivery at a time, each in its own transaction; it sends nothing, the service takes what is due."""

    def __init__(
        self,
        database: Database,
        world: World,
        chooser: Chooser,
        retrying: Retrying,
        plans: Callable[[], Plans],
    ) -> None:
        self._database = database
        self._world = world
        self._chooser = chooser
        self._retrying = retrying
        self._plans = plans

    async def ask(
        self,
        delivery_id: UUID,
        *,
        by: str,
        in_seconds: float = 0,
        even_unclear: bool = False,
        dry: bool = False,
    ) -> DeliveryRow:
        """The delivery as it was. Raises NotFound, and Conflict with what stands against it; `dry` only looks."""
        return await self._retrying.run(
            lambda retry: self._attempt(delivery_id, by, in_seconds, even_unclear, dry, retry)
        )

    async def _attempt(
        self, delivery_id: UUID, by: str, in_seconds: float, even_unclear: bool, dry: bool, retry: bool
    ) -> DeliveryRow:
        try:
            async with self._database.acquire() as conn, conn.transaction():
                if retry:
                    await marked(conn)
                row = await deliveries.find(conn, delivery_id, locked=not dry)
                if row is None:
                    raise NotFound("there is no such delivery")
                reserved = await self._room(conn, row, even_unclear, dry)
                if not dry:
                    await replays.again(conn, row.id, row.lead_id, in_seconds=in_seconds, reserved=reserved)
                    await leads.note(conn, row.lead_id, "replayed", row.id, by, {"was": row.state})
                return row
        except decisions.MissingCounters as missing:
            async with self._database.acquire() as conn:
                await self._chooser.prepare(conn, missing.keys)
            raise Again from None

    async def _room(self, conn: Any, row: DeliveryRow, even_unclear: bool, dry: bool) -> list[str]:
        """The counters that it holds from now on; Conflict where it can't be asked again."""
        contract = self._plans().snapshot.contracts.get(row.contract)
        if row.state in _OVER:
            raise Conflict(f"it ended as {row.state}; that is not asked again")
        if row.state == "pooled":
            raise Conflict("its lead lies in the pool; `leadgate pool move` offers it to others")
        if await leads.is_erased(conn, row.lead_id):
            raise Conflict("its lead was deleted at the request of who sent it")
        if await leads.is_stopped(conn, row.lead_id):
            raise Conflict("its person is not to be called: nobody else gets this lead")
        if row.state == "sending":
            raise Conflict("it is being asked at this moment")
        if contract is None:
            raise Conflict(f"its contract {row.contract} is no longer configured")
        if row.state == "unclear" and not contract.doc.idempotent and not even_unclear:
            raise PerhapsTaken(
                f"it is unclear: {row.contract} may have the lead, and does not say `idempotent: true`"
            )
        if row.state != "dead":
            return row.counters
        if not dry:
            await leads.lock(conn, [row.lead_id])
        await self._unsold(conn, row)
        return await self._reserve(conn, row, dry)

    async def _unsold(self, conn: Any, row: DeliveryRow) -> None:
        """A dead delivery has given its place up: it gets it back only while nobody else has it."""
        state, round_ = await replays.lead_standing(conn, row.lead_id)
        if round_ != row.round:
            raise Conflict(f"it belongs to round {row.round}; its lead is in round {round_}")
        for holder in await replays.holders(conn, row.lead_id, row.round, row.id):
            if holder.slot == row.slot or holder.buyer == row.buyer or not self._share(row, holder):
                has = "was sold to" if holder.state == "accepted" else "is with"
                raise Conflict(f"its lead {has} {holder.contract} since")
        if state not in _REVIVABLE:
            raise Conflict(f"its lead is {state}")

    def _share(self, row: DeliveryRow, holder: replays.Holder) -> bool:
        """Whether both may have the lead: not where one of them would be its only buyer."""
        plans = self._plans()
        legs = plans.campaign(row.campaign).legs if row.campaign in plans.snapshot.campaigns else ()
        return not legs or share(legs, (row.contract, row.slot), (holder.contract, holder.slot))

    async def _reserve(self, conn: Any, row: DeliveryRow, dry: bool) -> list[str]:
        """What it had reserved was given back when it died, so it takes of today's caps; a test takes none."""
        if row.test:
            return []
        context = (await leads.contexts(conn, [row.lead_id])).get(row.lead_id)
        if context is None:
            raise Conflict("its lead's fields were dropped by retention")
        contract = self._plans().snapshot.contracts[row.contract]
        index = self._plans().campaign(contract.doc.campaign).index
        uses = index.uses(
            index.number[row.contract], _normals(context), context.source, self._world.now(), units(row.price)
        )
        uses += self._of_source(context, self._world.now(), row.price)
        keys = [key for use in uses for key in use.keys]
        values = await (replays.counted(conn, keys) if dry else decisions.lock(conn, keys))
        for use in uses:
            if use.full(sum(values.get(key, 0) for key in use.keys)):
                raise Conflict(_full(row, use))
        if not dry:
            await decisions.count(conn, {use.key: use.by for use in uses})
        return [line(use.key, use.by) for use in uses if use.by]

    def _of_source(self, context: Context, at: datetime, price: Decimal) -> tuple[Use, ...]:
        """What a sale would take of its source's budgets, where that has a part of each."""
        plan = self._plans().source(context.source)
        if plan is None or context.agreed is not None:
            return ()
        told = shared(plan, facts_of(_normals(context), context.worth), at, plan.share)
        return () if told is None else told.uses(price)


def _full(row: DeliveryRow, use: Use) -> str:
    if use.key.startswith(balances.PREFIX):
        return f"{row.buyer} may owe no more than it does"
    if use.key.startswith(OF_SOURCES):
        return f"no more is spent on its source per {cap_of(use.key)} ({written(of_units(use.limit))})"
    limit = written(of_units(use.limit)) if use.key.startswith(MONEY) else f"{use.limit:,}"
    return f"{row.contract}'s cap per {cap_of(use.key)} is full ({limit})"


def _normals(context: Context) -> dict[str, Any]:
    return {name: value[1] for name, value in context.fields.items() if len(value) < 3 or value[2]}
