"""All that a process does for platforms: their door, and what goes on behind it."""

from collections.abc import Callable
from uuid import UUID

from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.wire import Wire
from app.pipeline.engine import Engine
from app.pipeline.fetching import Fetcher
from app.pipeline.platform_door import PlatformDoor
from app.pipeline.polling import Poller
from app.store.database import Database


class PlatformDesk:
    """A process that `takes_work` fetches, deletes and looks for what was missed; the door is every process's."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        wire: Wire,
        world: World,
        metrics: Metrics,
        *,
        process_id: Callable[[], UUID],
        lease_seconds: float,
        takes_work: bool = True,
    ) -> None:
        self._takes_work = takes_work
        self.door = PlatformDoor(database, engine, world, metrics, woken=lambda: self.fetcher.wake())
        self.fetcher = Fetcher(
            database, engine, wire, self.door, world, metrics,
            process_id=process_id, lease_seconds=lease_seconds,
        )  # fmt: skip
        self.poller = Poller(
            database, engine, wire, self.door, world, metrics,
            process_id=process_id, lease_seconds=lease_seconds,
        )  # fmt: skip

    def start(self) -> None:
        if self._takes_work:
            self.fetcher.start()
            self.poller.start()

    async def stop(self) -> None:
        """Before the engine stops, which what was fetched goes into."""
        await self.poller.stop()
        await self.fetcher.stop()
