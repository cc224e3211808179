"""Pings, postbacks, files of many and looks for answers hold one of their contract's places each while they last, as a hand-over does."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from app.catalog.snapshot import Contract
from app.core.loop import running_loop

_PATIENCE = 60.0  # seconds that who can come again waits for a place
_LOOK = 1.0  # from one question to the next whether it is still there

Waiting = tuple[Contract, asyncio.Future[None]]


class Room(Protocol):
    """Where the hand-overs of this process have their places."""

    def take_place(self, contract: Contract) -> bool: ...

    def leave_place(self, contract: Contract) -> None: ...

    def holds_place(self, contract: Contract, since: float) -> bool: ...


class Seats:
    """Of one process. Who asks beside the hand-overs waits in a line of its own, and goes before theirs: a bid has a
    deadline. A contract that says no `concurrency` costs one look at that."""

    def __init__(self, room: Room, monotonic: Callable[[], float]) -> None:
        self._room = room
        self._monotonic = monotonic
        self._lines: dict[str, deque[Waiting]] = {}

    @asynccontextmanager
    async def at(self, contract: Contract | None) -> AsyncIterator[None]:
        """Waits for a place, and holds it."""
        if contract is None or contract.concurrency is None:
            yield
            return
        await self.sit(contract)
        try:
            yield
        finally:
            self.leave(contract)

    async def during(self, contract: Contract, work: Callable[[], Awaitable[None]]) -> bool:
        """`work`, which may last, on a place; False where none was free for long, or it was broken off, because nobody
        can say any more whose the place is."""
        if contract.concurrency is None:
            await work()
            return True
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.sit(contract)
        except TimeoutError:
            return False
        since, task = self._monotonic(), asyncio.ensure_future(work())
        try:
            while not (await asyncio.wait({task}, timeout=_LOOK))[0]:
                if not self.holds(contract, since):
                    return False
            await task
            return True
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.leave(contract)

    def waiting(self, place: str) -> int:
        line = self._lines.get(place)
        return len(line) if line else 0

    def admit(self, place: str) -> None:
        """Those for whom there is room sit down, in the order in which they came."""
        line = self._lines.get(place)
        if line is None:
            return
        while line:
            of, seated = line[0]
            if not seated.done():
                if not self._room.take_place(of):
                    return
                seated.set_result(None)
            line.popleft()
        del self._lines[place]

    async def sit(self, contract: Contract) -> None:
        """Waits for a place of a contract that counts them; whoever has it is to `leave` it."""
        if not self.waiting(contract.place) and self._room.take_place(contract):
            return
        one = contract, running_loop().create_future()
        self._lines.setdefault(contract.place, deque()).append(one)
        try:
            await one[1]
        except BaseException:
            if not one[1].cancelled():  # it was given its place at that very moment
                self._room.leave_place(contract)
            elif one in self._lines.get(contract.place, ()):
                self._lines[contract.place].remove(one)
            raise

    def leave(self, contract: Contract) -> None:
        self._room.leave_place(contract)

    def holds(self, contract: Contract, since: float) -> bool:
        """Whether a place that was taken then (`world.monotonic`) is still this process's, and nobody else's."""
        return contract.concurrency is None or self._room.holds_place(contract, since)
