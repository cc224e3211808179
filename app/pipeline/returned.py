"""The rates at which buyers return leads, for auctions: looked at now and then, since they change by the day."""

from collections.abc import Mapping
from decimal import Decimal

from app.core.world import World
from app.store import returned
from app.store.database import Database

_LIVES = 600.0  # seconds


class Returned:
    def __init__(self, database: Database, world: World) -> None:
        self._database, self._world = database, world
        self._rates: Mapping[str, Decimal] = {}
        self._until = 0.0

    async def rates(self) -> Mapping[str, Decimal]:
        """Contract → the share of its leads that come back. Of one that has sold nothing yet, nothing is known."""
        now = self._world.monotonic()
        if now >= self._until:
            async with self._database.acquire() as conn:
                self._rates = await returned.rates(conn)
            self._until = now + _LIVES
        return self._rates
