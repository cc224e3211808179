"""Lets files of many begin as their contract's rate says: one file is one hand-over, and whoever has the turn claims it."""

import asyncio
import math
from collections.abc import Awaitable, Callable

from app.catalog.snapshot import Contract
from app.core.metrics import Metrics
from app.core.world import World
from app.pipeline.faults import Retrying
from app.store import pace
from app.store.database import Database

ANY_TIME = math.inf


class Turns:
    """A turn is taken before anything is claimed for it: who dies while there is none has begun nothing."""

    def __init__(
        self,
        database: Database,
        world: World,
        metrics: Metrics,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._world = world
        self._retrying = Retrying(world, metrics)
        self._sleep = sleep

    async def take(self, contract: Contract) -> float | None:
        """Until when (`world.monotonic`) one file may begin; None: no more in this window."""
        granted, until = await self._asked(contract)
        return until if granted else None

    async def hold(self, contract: Contract, until: float) -> None:
        """Ends when the file may begin: at once, but where it took longer to write than its window was."""
        while self._world.monotonic() >= until:
            granted, until = await self._retrying.run(lambda _: self._asked(contract))
            if not granted:
                await self._sleep(max(0.0, until - self._world.monotonic()))

    async def _asked(self, contract: Contract) -> tuple[int, float]:
        """Counted from when it was asked: the window has ended by then at the latest."""
        rate, asked = contract.rate, self._world.monotonic()
        if rate is None:
            return 1, ANY_TIME
        async with self._database.acquire() as conn:
            granted, left = await pace.take(conn, contract.place, seconds=rate.seconds, n=rate.n, want=1)
        return granted, asked + left
