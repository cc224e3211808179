"""Keeps a contract's `concurrency` over all processes: each begins a conversation only on a lane that it holds.

A process takes lanes in portions, beside the leads, and keeps them while it has use for them; so a lead costs no look
at the database. What it can't use it leaves to others, and where there are fewer lanes than processes they go round.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from app.catalog.snapshot import Contract
from app.core.events import bug, emit
from app.core.world import World
from app.distribute.posting import Posting
from app.store import lanes
from app.store.database import Database, is_ambiguous, is_away
from app.store.lanes import Lane, Renewal

_LOOK, _STARVING, _LEAST = 0.5, 0.1, 0.05  # seconds from one look to the next: usually, without any, at least
_SLOW = 60.0  # seconds that mails and files may take where nothing is said
_ASKED = 30.0  # as long as an auction may wait for a bid
_IDLE = 5.0  # seconds that a lane is kept without use
_LATELY = 3.0  # seconds without a look after which nobody waits for a process to take its share
_LAST_WORDS = 1.0


class Line(Protocol):
    """What this process has to do with a contract, or an endpoint of several: conversations that it holds, and such that wait for a lane."""

    def busy(self, place: str) -> int: ...

    def waiting(self, place: str) -> int: ...

    def admit(self, place: str) -> None: ...


class _Lanes(Struct):
    """`held` is what the database knows at least; `limit` is how many of those may be used."""

    most: int
    lasts: float
    used: float
    contracts: set[str]
    held: int = 0
    limit: int = 0
    sure_since: float = 0.0
    sure_until: float = 0.0


class Lanes:
    """What is held is sure for half a lease from the question on. In the database it lasts for as long again as a
    conversation may, so one that this process began, cut off from the database, is over before its lane is another's."""

    def __init__(
        self,
        database: Database,
        world: World,
        *,
        process_id: Callable[[], UUID],
        lease_seconds: float,
        longest: float,
    ) -> None:
        """`longest`: seconds that a conversation lasts at most, whatever its contract says."""
        self._database = database
        self._world = world
        self._process_id = process_id
        self._lease = lease_seconds
        self._longest = longest
        self._line: Line | None = None
        self._of: dict[str, _Lanes] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def attend(self, line: Line) -> None:
        self._line = line

    def room(self, contract: Contract, most: int) -> int:
        """How many conversations this process may hold with it now; asked before each begins."""
        mine, now = self._of.get(contract.place), self._world.monotonic()
        if mine is None:
            mine = self._of[contract.place] = _Lanes(most, self._lasts(contract), now, {contract.id})
            self._begin()
        elif contract.id not in mine.contracts:
            mine.contracts.add(contract.id)
            mine.lasts = max(mine.lasts, self._lasts(contract))
        mine.most, mine.used = most, now
        limit = mine.limit if now < mine.sure_until else 0
        if not limit or limit < mine.held:
            self._wake.set()
        return limit

    def sure(self, place: str, since: float) -> bool:
        """Whether what was held then is held now, without a moment in between when others may have taken it."""
        mine = self._of.get(place)
        return mine is not None and mine.sure_since <= since and self._world.monotonic() < mine.sure_until

    async def close(self) -> None:
        """What conversations may still be going on about is left to its time."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._line is not None and not any(map(self._line.busy, self._of)):
            with suppress(Exception):
                async with asyncio.timeout(_LAST_WORDS), self._database.acquire() as conn:
                    await lanes.leave(conn, self._process_id())

    def _lasts(self, contract: Contract) -> float:
        """Seconds of one conversation, for whoever is cut off in the midst of it."""
        timeout = getattr(contract.settings, "timeout", None)
        usual = 0.0 if isinstance(contract.settings, Posting) else _SLOW
        said: float = usual if timeout is None else 2 * timeout.seconds  # a ping and a post, say
        told = getattr(contract.postback, "timeout", None)
        said = max(said, _ASKED if contract.bid is not None else 0.0, 0.0 if told is None else told.seconds)
        return max(self._lease, min(said, self._longest))

    # looking --------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._rest()):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self.look()
            except Exception as error:
                if not (is_away(error) or is_ambiguous(error)):
                    emit(bug(error, "lanes"))
            await asyncio.sleep(_LEAST)

    def _rest(self) -> float | None:
        if not self._of:
            return None
        line = self._line
        starving = line is not None and any(
            not mine.limit and line.waiting(name) for name, mine in self._of.items()
        )
        return _STARVING if starving else _LOOK

    async def look(self) -> None:
        """Renew what is held, take what is free, leave what others need more."""
        line, asked = self._line, self._world.monotonic()
        if line is None or not self._of:
            return
        wanted = {name: self._wants(line, name) for name in sorted(self._of)}
        idle = [name for name, n in wanted.items() if not n and asked - self._of[name].used > _IDLE]
        for name in idle:
            self._of[name].limit = 0
        async with self._database.acquire() as conn, conn.transaction():
            found = await lanes.locked(conn, list(wanted), _LATELY)
            kept = [name for name in wanted if name not in idle]
            renewals, limits = self._divided(line, found, {name: wanted[name] for name in kept})
            await lanes.renew(conn, self._process_id(), renewals, idle)
        self._given_back(line, idle)
        for one in renewals:
            mine = self._of[one.contract]
            mine.held, mine.limit = one.held, min(limits[one.contract], one.held)
            if self._world.monotonic() >= mine.sure_until:
                mine.sure_since = asked
            mine.sure_until = asked + self._lease / 2
            line.admit(one.contract)

    def _wants(self, line: Line, name: str) -> int:
        return min(self._of[name].most, line.busy(name) + line.waiting(name))

    def _divided(
        self, line: Line, found: Sequence[Lane], wanted: dict[str, int]
    ) -> tuple[list[Renewal], dict[str, int]]:
        """What this process holds from now on. What it is to have less of it does not use from this moment: until the
        commit no conversation begins that would not be counted."""
        me, renewals, limits = self._process_id(), [], {}
        for name, wants in wanted.items():
            mine = self._of[name]
            others = [one for one in found if one.contract == name and one.process_id != me]
            own = next((one for one in found if one.contract == name and one.process_id == me), None)
            fed = own.fed if own is not None else self._world.now().timestamp()
            standing = [*others, Lane(name, me, own.held if own is not None else mine.held, wants, fed)]
            limits[name] = shares(mine.most, standing)[me]
            mine.limit = min(mine.limit, limits[name])
            free = mine.most - sum(one.held for one in others)
            held = max(min(limits[name], free), line.busy(name), 0)
            seconds = self._lease / 2 + mine.lasts if held else _LATELY
            renewals.append(Renewal(name, held, wants, seconds))
        return renewals, limits

    def _given_back(self, line: Line, idle: Sequence[str]) -> None:
        for name in idle:
            if line.waiting(name):  # somebody came meanwhile
                self._of[name].held = 0
                self._wake.set()
            else:
                del self._of[name]


def shares(most: int, standing: Sequence[Lane]) -> dict[UUID, int]:
    """Who should have how many of `most`: each as many as it wants, level by level; of what doesn't go round those
    who have none come first, who had none for longest before all. What nobody wants is everybody's alike, so that
    the next lead finds a lane wherever it comes."""
    order = sorted(
        (one for one in standing if one.lately), key=lambda one: (one.held > 0, one.fed, one.process_id)
    )
    given, left = {one.process_id: 0 for one in order}, most
    while hungry := [one for one in order if given[one.process_id] < one.wants]:
        if not left:
            return given
        least = min(one.wants - given[one.process_id] for one in hungry)
        step = max(1, min(left // len(hungry), least))
        for one in hungry[:left]:
            given[one.process_id] += step
            left -= step
    each, rest = divmod(left, len(order))
    for n, one in enumerate(order):
        given[one.process_id] += each + (n < rest)
    return given
