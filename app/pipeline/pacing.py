"""Lets hand-overs of a contract with a rate begin, never more in a second or a minute than it says, over all processes."""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import islice
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.catalog.snapshot import Contract
from app.core.events import bug, emit
from app.core.world import World
from app.pipeline.tracks import Job
from app.store import in_line, pace, resting
from app.store.database import Database, is_ambiguous, is_away

_AWAY = 1.0  # seconds until a database that was away is asked again
_LAST_WORDS = 1.0  # seconds to put back what waited when the process ends


class _Waiting(Struct, frozen=True, eq=False):
    job: Job
    may_begin: asyncio.Future[bool]


class Paces:
    """Whoever waits here holds nothing but its place: its attempt is begun in the database with its turn, so that
    what a dead process had in line was certainly not sent. At most a window's worth of a contract waits; what comes
    beyond goes back into the database, where it is of use to others."""

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
        self._waiting: dict[str, deque[_Waiting]] = defaultdict(deque)
        self._standing: Counter[str] = Counter()
        self._sharing: dict[str, tuple[str, ...]] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._back: list[Job] = []
        self._returning: asyncio.Task[None] | None = None

    def stand(self, contract: Contract) -> None:
        """Somebody is about to ask for a `turn`."""
        self._standing[contract.place] += 1
        self._sharing[contract.place] = contract.sharing

    def waiting(self, place: str) -> int:
        return self._standing[place]

    def full(self) -> list[str]:
        """Contracts of which somebody waits, or of whose endpoint."""
        return [contract for place, n in self._standing.items() if n for contract in self._sharing[place]]

    async def turn(self, job: Job) -> bool:
        """True once its attempt is begun; False where this process ends before, or it is somebody else's by now.
        Whoever asks has said so by `stand`."""
        try:
            return await self._turn(job.contract.place, job)
        finally:
            self._standing[job.contract.place] -= 1

    async def _turn(self, place: str, job: Job) -> bool:
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[place].append(_Waiting(job, future))
        asking = self._asking.get(place)
        if asking is None or asking.done():
            self._asking[place] = asyncio.create_task(self._ask(place))
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
                one = line.popleft()
                _answer(one, False)
                self.put_back(one.job)
        for task in self._asking.values():
            task.cancel()
        self._asking.clear()

    async def close(self) -> None:
        """What can't be put back now is free when others miss this process."""
        self.abandon()
        if self._returning is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS):
                    await self._returning

    async def _ask(self, place: str) -> None:
        line = self._waiting[place]
        while line:
            rate, want = line[0].job.contract.rate, len(line)
            assert rate is not None, "only whose contract has a rate stands in line"
            asked = self._world.monotonic()
            try:
                async with self._database.acquire() as conn:
                    granted, left = await pace.take(conn, place, seconds=rate.seconds, n=rate.n, want=want)
                    await self._admit(conn, line, granted, asked + left)
            except Exception as error:
                if not (is_away(error) or is_ambiguous(error)):
                    emit(bug(error, "pace"))
                await self._sleep(_AWAY)
                continue
            if line and granted < want:
                await self._sleep(max(0.0, asked + left - self._world.monotonic()))

    async def _admit(self, conn: Any, line: deque[_Waiting], granted: int, until: float) -> None:
        """Counted from when it was asked: the window has ended by `until` at the latest, whatever the answer took.

        Who is begun too late for it stands in line again."""
        first = list(islice(line, granted))
        if not first:
            return
        turns = [(one.job.delivery_id, one.job.attempt) for one in first]
        begun = await in_line.begin(conn, turns, self._process_id())
        if begun and self._world.monotonic() >= until:
            await in_line.stand(conn, [turn for turn in turns if turn[0] in begun], self._process_id())
            return
        for one in first:
            line.popleft()
            _answer(one, one.job.delivery_id in begun)
            if one.job.delivery_id not in begun:
                self._gone(one.job)

    async def _return(self) -> None:
        while self._back:
            jobs, self._back = self._back, []
            lined = [(job.delivery_id, job.attempt) for job in jobs]
            wait = max(
                (job.contract.rate.seconds for job in jobs if job.contract.rate is not None),
                default=0.0,
            )
            try:
                async with self._database.acquire() as conn:
                    await resting.put_back(conn, lined, self._process_id(), in_seconds=wait)
            except Exception as error:
                if not (is_away(error) or is_ambiguous(error)):
                    emit(bug(error, "pace"))
                self._back = jobs + self._back
                await self._sleep(_AWAY)
                continue
            for job in jobs:
                self._gone(job)


def _answer(one: _Waiting, may_begin: bool) -> None:
    if not one.may_begin.done():
        one.may_begin.set_result(may_begin)
