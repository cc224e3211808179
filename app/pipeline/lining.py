"""Writes down who waits for a place with a contract as not begun: whoever dies, they were certainly not sent.

Who waits for a moment is left alone, since that would cost two statements for nothing. Who waits longer holds its
place and no attempt; that begins with its turn, many in one statement.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from uuid import UUID

from app.core.events import bug, emit
from app.core.metrics import Metrics
from app.core.world import World
from app.pipeline.faults import Retrying
from app.pipeline.flush import Batcher
from app.pipeline.tracks import Job
from app.store import in_line
from app.store.database import Database, is_ambiguous, is_away

_MOMENT = 0.1
_MOST = 1_000


class Lining:
    """Of one process. `waiting` gives those in line now."""

    def __init__(
        self, database: Database, world: World, metrics: Metrics, *, process_id: Callable[[], UUID]
    ) -> None:
        self._database = database
        self._process_id = process_id
        self._retrying = Retrying(world, metrics)
        self._turns: Batcher[Job, bool] = Batcher(self._begin)
        self._lock = asyncio.Lock()
        self._stood: set[UUID] = set()
        self._looking: asyncio.Task[None] | None = None
        self.waiting: Callable[[], Iterable[Job]] = tuple
        self.gone: Callable[[Job], None] = lambda _: None

    def start(self) -> None:
        self._turns.start()

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._turns.cancel()

    def note(self) -> None:
        """Somebody has to wait."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())

    def stands(self, job: Job) -> bool:
        return job.delivery_id in self._stood

    def forget(self, job: Job) -> None:
        """It waits in the database, for whoever has room."""
        self._stood.discard(job.delivery_id)

    async def turn(self, job: Job) -> bool:
        """Begins its attempt; False where it is not this process's any more."""
        return await self._turns.put(job)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_MOMENT)
            if not any(True for _ in self.waiting()):
                return
            try:
                while await self._stand():
                    pass
            except Exception as error:
                if not (is_away(error) or is_ambiguous(error)):
                    emit(bug(error, "line"))

    async def _stand(self) -> bool:
        """Whether there may be more of them."""
        async with self._lock:
            new = (job for job in self.waiting() if not (self.stands(job) or job.stands_in_line))
            jobs = list(islice(new, _MOST))
            # Before the statement: whose turn comes meanwhile waits for its end, and begins whatever became of it.
            self._stood.update(job.delivery_id for job in jobs)
            if jobs:
                async with self._database.acquire() as conn:
                    turns = [(job.delivery_id, job.attempt) for job in jobs]
                    await in_line.stand(conn, turns, self._process_id())
        return len(jobs) == _MOST

    async def _begin(self, jobs: Sequence[Job]) -> Sequence[bool]:
        async def begin(_: bool) -> set[UUID]:
            async with self._lock, self._database.acquire() as conn:
                turns = [(job.delivery_id, job.attempt) for job in jobs]
                return await in_line.begin(conn, turns, self._process_id())

        begun = await self._retrying.run(begin)
        for job in jobs:
            self.forget(job)
            if job.delivery_id not in begun:
                self.gone(job)
        return [job.delivery_id in begun for job in jobs]
