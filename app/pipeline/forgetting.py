"""Forgets leads that their campaign need not keep any longer: a few at a time, by one process, up to a mark."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.catalog.documents import CampaignDoc
from app.catalog.snapshot import Snapshot
from app.core.world import World
from app.store import erasing, forgetting
from app.store.database import Database

EVERY = 60.0
AT_ONCE = 100
_BY = "retention"
_WHY = "its campaign keeps leads no longer"


class Forgetting:
    """What is being handed over is not forgotten, and holds up what is younger: it ends within a lease."""

    def __init__(
        self, database: Database, world: World, *, snapshot: Callable[[], Snapshot], lease_seconds: float
    ) -> None:
        self._database = database
        self._world = world
        self._snapshot = snapshot
        self._lease = lease_seconds

    async def round(self) -> bool:
        """Whether there is more to forget at once."""
        campaigns = [one for one in self._snapshot().campaigns.values() if one.retention is not None]
        if not campaigns:
            return False
        async with self._database.acquire() as conn:
            if not await forgetting.alone(conn):
                return False
            try:
                return any([await self._forget(conn, one) for one in campaigns])
            finally:
                if not conn.is_closed():
                    await forgetting.done(conn)

    async def _forget(self, conn: Any, campaign: CampaignDoc) -> bool:
        assert campaign.retention is not None
        what = campaign.retention.what
        before = _first_id(self._world.now() - timedelta(days=campaign.retention.days))
        after = await forgetting.mark(conn, campaign.id, what)
        ids = await forgetting.old(conn, campaign.id, after, before, AT_ONCE)
        if what == "bytes" and ids:
            async with conn.transaction():
                await forgetting.blank_bytes(conn, ids)
                await forgetting.marked(conn, campaign.id, what, ids[-1])
            return len(ids) == AT_ONCE
        for lead_id in ids:
            if not await self._erase(conn, campaign.id, lead_id):
                return False
        return len(ids) == AT_ONCE

    async def _erase(self, conn: Any, campaign: str, lead_id: UUID) -> bool:
        """With all that came with it, in a transaction of its own: nobody waits long for a row."""
        async with conn.transaction():
            over = await erasing.erase(conn, lead_id, lease_seconds=self._lease, by=_BY, why=_WHY)
            if over:
                await forgetting.marked(conn, campaign, "person", lead_id)
        return over


def _first_id(at: datetime) -> UUID:
    """The least id that could have been made then: ids begin with their milliseconds."""
    return UUID(int=int(at.timestamp() * 1000) << 80)
