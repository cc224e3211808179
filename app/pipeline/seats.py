"""Pings and postbacks hold one of their contract's places each while they are spoken, as a hand-over does."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from app.catalog.snapshot import Contract
from app.core.loop import running_loop

Waiting = tuple[Contract, asyncio.Future[None]]


class Room(Protocol):
    """Where the hand-overs of this process have their places."""

    def take_place(self, contract: Contract) -> bool: ...

    def leave_place(self, contract: Contract) -> None: ...


class Seats:
    """Of one process. Who asks beside the hand-overs waits in a line of its own, and goes before theirs: a bid has a
    deadline. A contract that says no `concurrency` costs one look at that."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._lines: dict[str, deque[Waiting]] = {}

    @asynccontextmanager
    async def at(self, contract: Contract | None) -> AsyncIterator[None]:
        """Waits for a place, and holds it."""
        if contract is None or contract.concurrency is None:
            yield
            return
        await self._sit(contract)
        try:
            yield
        finally:
            self._room.leave_place(contract)

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

    async def _sit(self, contract: Contract) -> None:
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
