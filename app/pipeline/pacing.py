"""Lets hand-overs of a contract with a rate begin, never more in a second or a minute than it says, over all processes."""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable
from uuid import UUID

from app.catalog.limits import Rate
from app.core.events import bug, emit
from app.core.world import World
from app.pipeline.tracks import Job
from app.store import pace, resting
from app.store.database import Database, is_ambiguous, is_away

_AWAY = 1.0  # seconds until a database that was away is asked again


class Paces:
    """Whoever waits here holds nothing but its place. At most a window's worth of a contract does; what comes beyond
    goes back into the database, where it is of use to others and survives this process."""

    def __init__(
        self,
        database: Database,
        world: World,
        *,
        process_id: Callable[[], UUID],
        gone: Callable[[Job], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`gone` hears of jobs that are not this process's any more."""
        self._database = database
        self._world = world
        self._process_id = process_id
        self._gone = gone
        self._sleep = sleep
        self._waiting: dict[str, deque[tuple[Rate, asyncio.Future[bool]]]] = defaultdict(deque)
        self._standing: Counter[str] = Counter()
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._back: list[Job] = []
        self._returning: asyncio.Task[None] | None = None

    def stand(self, contract: str) -> None:
        """Somebody is about to ask for a `turn`."""
        self._standing[contract] += 1

    def waiting(self, contract: str) -> int:
        return self._standing[contract]

    def full(self) -> list[str]:
        """Contracts of which somebody waits."""
        return [contract for contract, n in self._standing.items() if n]

    async def turn(self, contract: str, rate: Rate) -> bool:
        """True once it may begin; False where this process ends before. Whoever asks has said so by `stand`."""
        try:
            return await self._turn(contract, rate)
        finally:
            self._standing[contract] -= 1

    async def _turn(self, contract: str, rate: Rate) -> bool:
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[contract].append((rate, future))
        asking = self._asking.get(contract)
        if asking is None or asking.done():
            self._asking[contract] = asyncio.create_task(self._ask(contract))
        return await future

    def put_back(self, job: Job) -> None:
        """Its attempt was not begun; it is due again when the window is over."""
        self._back.append(job)
        if self._returning is None or self._returning.done():
            self._returning = asyncio.create_task(self._return())

    def abandon(self) -> None:
        """Nobody's turn comes any more."""
        for line in self._waiting.values():
            while line:
                _, future = line.popleft()
                if not future.done():
                    future.set_result(False)
        for task in self._asking.values():
            task.cancel()
        self._asking.clear()

    async def close(self) -> None:
        self.abandon()
        if self._returning is not None:
            self._returning.cancel()
            await asyncio.gather(self._returning, return_exceptions=True)

    async def _ask(self, contract: str) -> None:
        line = self._waiting[contract]
        while line:
            rate, want = line[0][0], len(line)
            asked = self._world.monotonic()
            try:
                async with self._database.acquire() as conn:
                    granted, left = await pace.take(conn, contract, seconds=rate.seconds, n=rate.n, want=want)
            except Exception as error:
                if not (is_away(error) or is_ambiguous(error)):
                    emit(bug(error, "pace"))
                await self._sleep(_AWAY)
                continue
            self._admit(line, granted, asked + left)
            if line and granted < want:
                await self._sleep(max(0.0, asked + left - self._world.monotonic()))

    def _admit(self, line: deque[tuple[Rate, asyncio.Future[bool]]], granted: int, until: float) -> None:
        """Counted from when it was asked: the window has ended by `until` at the latest, whatever the answer took."""
        while granted and line and self._world.monotonic() < until:
            _, future = line.popleft()
            if not future.done():
                future.set_result(True)
                granted -= 1

    async def _return(self) -> None:
        while self._back:
            jobs, self._back = self._back, []
            begun = [(job.delivery_id, job.attempt) for job in jobs]
            wait = max(job.contract.doc.rate.seconds for job in jobs if job.contract.doc.rate is not None)
            try:
                async with self._database.acquire() as conn:
                    await resting.put_back(conn, begun, self._process_id(), in_seconds=wait)
            except Exception as error:
                if not (is_away(error) or is_ambiguous(error)):
                    emit(bug(error, "pace"))
                self._back = jobs + self._back
                await self._sleep(_AWAY)
                continue
            for job in jobs:
                self._gone(job)
