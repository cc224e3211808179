"""Runs a batch until it is committed: what PostgreSQL does to it is retried, what we do to it is raised."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.core.metrics import Metrics
from app.core.world import World
from app.pipeline.choosing import Again
from app.store.database import is_ambiguous, is_away
from app.store.faults import is_conflict

T = TypeVar("T")
_PAUSE = (0.02, 1.0)


class Retrying:
    """Durable work is never given up for an outage: it waits, and goes on when the database is back."""

    def __init__(self, world: World, metrics: Metrics) -> None:
        self._world = world
        self._metrics = metrics

    async def run(self, attempt: Callable[[bool], Awaitable[T]]) -> T:
        """`attempt(again)` is one whole transaction; `again` after a commit that may have happened."""
        again, pause = False, _PAUSE[0]
        while True:
            try:
                return await attempt(again)
            except Again:
                continue
            except Exception as error:
                if is_conflict(error):
                    self._metrics.count("leadgate_retries_total", ("conflict",))
                elif is_ambiguous(error) or is_away(error):
                    again = again or is_ambiguous(error)
                    self._metrics.count("leadgate_retries_total", ("away",))
                else:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, _PAUSE[1])
