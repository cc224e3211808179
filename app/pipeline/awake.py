"""Claims the next lead of a person who may be called now, where contracts mind the hours of those whom they call."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.world import World
from app.distribute.consumer_hours import named, written
from app.pipeline.plans import Plans
from app.pipeline.tracking import Tracker
from app.store import leads, pool, pool_zones
from app.store.database import Database
from app.store.leads import Context
from app.store.pool import Pooled, Rules
from app.store.pool_zones import UNKNOWN, Kind

_AT_ONCE = 500
"""Leads of which it is looked up at once where their persons may be."""


class Awake:
    """Nobody is handed out blindly who may not be called yet. Those leads wait where they are: an hour that strikes
    changes no row."""

    def __init__(self, tracker: Tracker, world: World, *, plans: Callable[[], Plans]) -> None:
        self._tracker = tracker
        self._world = world
        self._plans = plans

    async def look_up(self, database: Database, contracts: Iterable[str]) -> None:
        """Where those may be whose leads came to lie there before anybody minded. What is known of some stays known."""
        minding = [one for one in contracts if self._minds(one)]
        if not minding:
            return
        async with database.acquire() as conn:
            while rows := await pool_zones.unknown(conn, minding, _AT_ONCE):
                contexts = await leads.contexts(conn, [lead_id for _, lead_id in rows])
                told = [
                    (delivery_id, self._whereabouts(contexts.get(lead_id))) for delivery_id, lead_id in rows
                ]
                if not await pool_zones.tell(conn, told):
                    return  # others are at it

    def _whereabouts(self, context: Context | None) -> str:
        if context is None:
            return ""
        track = self._tracker.track(context)
        return written(track.plan.campaign.zones(track.normals))

    async def claim(self, conn: Any, rules: Rules, claim_id: UUID, *, by: str) -> Pooled | None:
        """The next free lead; where all may be called now, or nobody minds, by one statement."""
        open_, asleep = await self._kinds(conn, rules)
        if not asleep:
            return await pool.claim(conn, rules, claim_id, by=by)
        for kind in await pool_zones.first(conn, rules, open_):
            row = await pool_zones.claim(conn, rules, claim_id, kind, by=by)
            if row is not None:
                return row
        return None

    async def first_opens(self, conn: Any, rules: Rules) -> datetime | None:
        """When the first of those may be called who wait for that; None where nobody does."""
        _, asleep = await self._kinds(conn, rules)
        there = await pool_zones.first(conn, rules, list(asleep)) if asleep else []
        return min((asleep[kind] for kind in there), default=None)

    async def _kinds(self, conn: Any, rules: Rules) -> tuple[list[Kind], dict[Kind, datetime]]:
        """What may be called now, and what may from when on."""
        if not any(map(self._minds, rules.contracts)):
            return [], {}
        found = await pool_zones.kinds(conn, list(rules.contracts))
        now = self._world.now()
        opens = {one: self._opens_at(one, now) for one in found}
        return [one for one, at in opens.items() if at <= now], {
            one: at for one, at in opens.items() if at > now
        }

    def _minds(self, contract: str) -> bool:
        found = self._plans().snapshot.contracts.get(contract)
        return found is not None and found.doc.consumer_hours is not None

    def _opens_at(self, kind: Kind, at: datetime) -> datetime:
        plans = self._plans()
        if not self._minds(kind.contract):
            return at
        zones = named(kind.zones) if kind.zones != UNKNOWN else ()
        return plans.campaign(plans.snapshot.contracts[kind.contract].doc.campaign).opens_in(
            kind.contract, zones, at
        )
