"""Chooses contracts for a batch of leads over locked counters, inside the batch's transaction."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from app.core.reserved import MONEY
from app.core.world import World
from app.distribute.allocate import SPARE, Rehearsal, allocate, rehearse
from app.distribute.route import RouteIndex
from app.distribute.wanting import Choice, Want
from app.store import balances, decisions

_GIVEN_BACK = ("cap:", *MONEY)
_HINTS_LIVE = 1.0  # seconds: a cap that another process gave back to must not look full for longer
_HINTS_MOST = 20_000  # windows that are over are never asked for again
_EXPIRY = {
    "hour": timedelta(days=2),
    "day": timedelta(days=4),
    "week": timedelta(days=10),
    "month": timedelta(days=40),
}


class Again(Exception):
    """The choice needs counters that this transaction has not locked; roll back and run the batch again."""


class _Kept(Struct):
    """What one transaction that chooses saw of counters, and adds to them."""

    seen: Mapping[str, int] = {}
    by: Mapping[str, int] = {}


class _Coming(Struct, frozen=True):
    """What counters will be once one transaction is committed; it chose among the contracts of these campaigns."""

    indexes: Set[RouteIndex[Any]]
    values: Mapping[str, int]


class Chooser:
    """Shared by everything in a process that hands leads out; what it remembers only saves locks."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._hints: dict[str, int] = {}
        self._extra: set[str] = set()
        self._full: set[str] = set()
        self._fresh_until = 0.0
        self.alone = False
        """Whether no other process is alive that takes turns; told with each heartbeat."""
        self._kept: dict[asyncio.Task[Any] | None, _Kept] = {}
        self._coming: dict[asyncio.Task[Any] | None, _Coming] = {}

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Around a transaction that chooses: once it is committed its own sums are known, and need not be seen again;
        until then whoever chooses next reckons with them."""
        task = asyncio.current_task()
        mine = self._kept[task] = _Kept()
        try:
            yield
        finally:
            del self._kept[task]
            self._coming.pop(task, None)
        for key, n in mine.by.items():
            if self._hints.get(key) == mine.seen.get(key):  # else somebody saw a later value meanwhile
                self._hints[key] = mine.seen[key] + n

    async def choose(
        self,
        conn: Any,
        wants: Sequence[Want],
        give_back: Mapping[str, int] | None = None,
        *,
        left: dict[str, int] | None = None,
    ) -> Sequence[Choice]:
        """Lock in sorted order, give back, choose, and count; all in the caller's transaction. Into `left` goes what the
        caller counts himself, in a statement that he has to make anyway.

        Raises Again or `decisions.MissingCounters`: the caller rolls back, calls `prepare`, runs again.
        """
        back = give_back or {}
        self._forget()
        indexes = {want.match.index for want in wants}
        tried, told = self._rehearse(wants, indexes, back)
        task = asyncio.current_task()
        mine = None if back else self._kept.get(task)
        if mine is not None:
            self._coming[task] = _Coming(indexes, tried.ahead)
        seen = await decisions.lock(conn, {*tried.keys, *told, *back, *self._extra})
        locked = {**seen, **{key: seen[key] - n for key, n in back.items()}} if back else seen
        true = told.items() <= seen.items() and tried.holds(locked)
        done = tried.allocation if true else allocate(wants, locked, self._hints)
        self._full.update(tried.allocation.full, done.full)
        # What was there before this batch: its own changes may yet be rolled back.
        self._hints.update(seen)
        for key in back:  # room again: a hint that says full would be believed
            self._hints.pop(key, None)
        missing = {key for choice in done.choices for key in choice.again}
        if missing:
            self._extra |= missing
            raise Again
        by = dict(done.increments)
        for key, n in back.items():
            by[key] = by.get(key, 0) - n
        if left is None:
            await decisions.count(conn, by)
        else:
            left |= by
        self._extra -= seen.keys()
        if mine is not None:
            mine.seen, mine.by = seen, by
            self._coming[task] = _Coming(indexes, {key: seen[key] + n for key, n in by.items()})
        return done.choices

    def _rehearse(
        self, wants: Sequence[Want], indexes: Set[RouteIndex[Any]], back: Mapping[str, int]
    ) -> tuple[Rehearsal, Mapping[str, int]]:
        """Over what transactions under way in this process will leave, too, as far as they choose among the same
        contracts. They are committed if each key that comes with the rehearsal has the value told once it is locked:
        one for each of them."""
        beside = self._coming.values() if self.alone else ()
        coming = [one.values for one in beside if one.values and not one.indexes.isdisjoint(indexes)]
        ahead = {key: value for one in coming for key, value in one.items()}
        hints = {**self._hints, **ahead}
        for key, n in back.items():
            if key in hints:  # what comes free here is not full
                hints[key] -= n
        tried = rehearse(wants, hints, 1 if self.alone else SPARE)
        return tried, {(key := min(one)): ahead[key] for one in coming}

    async def prepare(self, conn: Any, keys: Collection[str]) -> None:
        """Make counters exist, in a transaction of their own."""
        now = self._world.now()
        owed = [key for key in keys if key.startswith(balances.PREFIX)]
        if owed:
            await balances.make(conn, [key.removeprefix(balances.PREFIX) for key in owed])
        plain = [key for key in keys if not key.startswith(balances.PREFIX)]
        await decisions.ensure(conn, plain, {}, {key: _expiry(key, now) for key in plain})

    def _forget(self) -> None:
        """Of limits that looked full; another that is lower or higher than it was seen last is found out once locked."""
        now = self._world.monotonic()
        if now < self._fresh_until:
            return
        for key in self._full:
            self._hints.pop(key, None)
        self._full.clear()
        if len(self._hints) > _HINTS_MOST:
            self._hints = {k: v for k, v in self._hints.items() if not k.startswith(_GIVEN_BACK)}
        self._fresh_until = now + _HINTS_LIVE


def _expiry(key: str, now: datetime) -> datetime | None:
    """Counters of a period outlive it by a margin for late refusals; turns and totals stay."""
    parts = key.split(":")
    span = _EXPIRY.get(parts[2]) if parts[0] in ("cap", "budget") else None
    return now + span if span else None
