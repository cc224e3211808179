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
_SILENCE = 2.0  # seconds that one attempt may take where somebody waits
_MOST_CONFLICTS = 20
_MOST_AGAINS = 100  # a choice learns from each, so a few suffice


class Retrying:
    """Durable work is never given up for an outage: it waits, and goes on when the database is back.

    What loses against others every time is given up after a while: then it is no race but a bug.
    """

    def __init__(self, world: World, metrics: Metrics, *, patience: float | None = None) -> None:
        """`patience` seconds are for what somebody waits for: after them the outage is raised, and no attempt
        waits longer than a moment for a server that says nothing."""
        self._world = world
        self._metrics = metrics
        self._patience = patience

    async def run(self, attempt: Callable[[bool], Awaitable[T]]) -> T:
        """`attempt(again)` is one whole transaction; `again` after a commit that may have happened."""
        again, pause, began = False, _PAUSE[0], self._world.monotonic()
        conflicts, agains = 0, 0
        while True:
            try:
                if self._patience is None:
                    return await attempt(again)
                async with asyncio.timeout(_SILENCE):
                    return await attempt(again)
            except Again:
                agains += 1
                if agains >= _MOST_AGAINS:
                    raise
                continue
            except Exception as error:
                if is_conflict(error):
                    conflicts += 1
                    if conflicts >= _MOST_CONFLICTS:
                        raise
                    self._metrics.count("leadgate_retries_total", ("conflict",))
                elif is_ambiguous(error) or is_away(error):
                    again = again or is_ambiguous(error)
                    self._metrics.count("leadgate_retries_total", ("away",))
                    if self._patience is not None and self._world.monotonic() - began >= self._patience:
                        raise
                else:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, _PAUSE[1])
