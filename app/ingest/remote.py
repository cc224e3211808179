"""Takes the files of a folder on another machine, whatever protocol leads there."""

from collections.abc import Iterator
from contextlib import aclosing, suppress
from itertools import islice
from typing import Any

from pydantic import Field

from app.core.duration import Duration
from app.core.errors import NotDurable, Refused, TooLarge, Unreadable
from app.ingest.catch import Catch, catching
from app.ingest.channel import ChannelSettings, Door, Every, Trouble, Visit
from app.ingest.named import type_of
from app.ingest.pickup import (
    AT_ONCE,
    LARGEST,
    REASON,
    Below,
    Match,
    identity_of,
    is_body,
    is_wanted,
    numbered,
    reason_of,
    rows_refused,
    settled,
    waiting,
)
from app.remote.folder import Changed, Denied, Listed, Remote

MOST_LISTED = 20_000
"""Entries of a folder; a listing that goes on is broken off."""
MOST_LEFT = 9_000
"""Taken files that may stay where they are, since the server lets nobody move them."""
_LONGEST_NAME = 255
_SAME_NAMES = 100


class RemoteSettings(ChannelSettings):
    """What is told of picking up; each protocol adds the account."""

    every: Every = Field(Duration("1m"), description="How long between two looks.")
    match: Match = ("*",)
    done: Below = "done"
    failed: Below = "failed"
    largest: int = Field(
        1_000_000_000,
        ge=10_000,
        le=100_000_000_000,
        description="Bytes of the largest table; it is kept on the disk.",
    )


class _NotNow(Exception):
    """It is the same file, and can't be read."""


async def pick_up(remote: Remote, settings: RemoteSettings, door: Door) -> Visit:
    """One visit. What it has learnt is remembered also where it ends in trouble."""
    found, strange = await _listed(remote, settings)
    round_ = _Round(remote, settings, door, found)
    try:
        await round_.go()
    except Trouble:
        await door.remember(round_.state())
        raise
    await door.remember(round_.state())
    if strange:
        round_.troubles.append(f"{strange} entries of the listing have names that no file has")
    if round_.troubles:
        raise Trouble(f"{remote.host}: {'; '.join(dict.fromkeys(round_.troubles))}")
    return Visit(kept=round_.kept, known=round_.known, refused=round_.refused, more=round_.more)


async def _listed(remote: Remote, settings: RemoteSettings) -> tuple[list[Listed], int]:
    """What is to be taken, the oldest first, and how many names are none."""
    found, strange, n = [], 0, 0
    async with aclosing(remote.listing()) as listing:
        async for one in listing:
            n += 1
            if n > MOST_LISTED:
                raise Trouble(f"{remote.host}: the folder has more than {MOST_LISTED:,} entries")
            if not _is_name(one.raw):
                strange += 1
            elif is_wanted(one.name, settings.match):
                found.append(one)
    return sorted(found, key=lambda one: (one.modified, one.raw)), strange


def _is_name(raw: bytes) -> bool:
    return (
        0 < len(raw) <= _LONGEST_NAME
        and raw not in (b".", b"..")
        and not any(byte < 32 or byte in b"/\\\x7f" for byte in raw)
    )


class _Round:
    """One visit: what it found, and what became of it."""

    def __init__(self, remote: Remote, settings: RemoteSettings, door: Door, found: list[Listed]) -> None:
        self.kept = self.known = self.refused = 0
        self.troubles: list[str] = []
        self._remote, self._settings, self._door, self._found = remote, settings, door, found
        self._seen = set(door.state.get("seen", ()))
        marks = {one.mark for one in found}
        self._left, self._hard = (
            {mark: into for mark, into in door.state.get(name, {}).items() if mark in marks}
            for name in ("left", "hard")
        )
        self._ready = sorted(settled(found, self._seen), key=lambda one: one.mark in self._hard)
        self.more = len(self._ready) == AT_ONCE
        self._ended: list[Listed] = []
        self._made: set[str] = set()
        self._stuck = False

    def state(self) -> dict[str, Any]:
        """`seen` once; `left` where they are though taken (1: refused); `hard` to take, so that they come last."""
        there = [one for one in self._found if one.mark not in self._left]
        seen = waiting(there, self._ended, self._seen, more=self.more)
        left = dict(islice(self._left.items(), MOST_LEFT))
        return {"seen": seen, "left": left, "hard": dict(islice(self._hard.items(), AT_ONCE))}

    async def go(self) -> None:
        for one in self._ready:
            try:
                await self._take(one)
            except (Trouble, _NotNow) as error:
                self._hard[one.mark] = 1
                if isinstance(error, Trouble):
                    raise
                self.troubles.append("a file can't be read to its end, or is not as long as it is said to be")
            else:
                self._hard.pop(one.mark, None)
        await self._clear()
        if len(self._left) > MOST_LEFT:
            self.troubles.append(f"more than {MOST_LEFT:,} taken files lie there, and can't be moved")

    async def _take(self, one: Listed) -> None:
        """Durable first, put away second."""
        into, said = self._settings.done, ""
        try:
            async with catching(self._door.spool) as catch:
                await self._fetch(one, catch)
                said = await self._keep(one, catch)
        except Changed:
            self._ended.append(one)
            return
        except NotDurable:
            raise
        except Refused as refused:
            self.refused += 1
            into, said = self._settings.failed, reason_of(refused)
        self._ended.append(one)
        try:
            await self._put_away(one, into, said)
        except Denied:
            self._stuck = True
            self._left[one.mark] = int(into == self._settings.failed)
            if self._left[one.mark]:
                self.troubles.append(f"a file was refused and can't be moved to {into}: {said}")

    async def _fetch(self, one: Listed, catch: Catch) -> None:
        """Whole, and the same before and after. Raises Changed, Refused, _NotNow."""
        most = LARGEST if is_body(one.name) else self._settings.largest
        if one.size > most:
            raise await self._unread(one, TooLarge(f"a file of this kind has at most {most:,} bytes"))

        async def put(block: bytes) -> None:
            if catch.size + len(block) > one.size:
                raise Changed
            await catch.put(block)

        denied = None
        try:
            await self._remote.fetch(one.raw, put)
        except Changed:
            pass
        except Denied as error:
            denied = error
        else:
            if catch.size == one.size and await self._is_still(one):
                return
        if not await self._is_still(one):
            raise Changed
        if denied and denied.lasting:
            never = Unreadable("the server does not hand the file out", code="unreadable")
            raise await self._unread(one, never)
        raise _NotNow

    async def _unread(self, one: Listed, refused: Refused) -> Refused:
        await self._door.refuse(refused, identity=one.mark, name=one.name)
        return refused

    async def _is_still(self, one: Listed) -> bool:
        now = await self._remote.look_at(one.raw)
        return now is not None and now.mark == one.mark

    async def _keep(self, one: Listed, catch: Catch) -> str:
        """What is to stand beside it. Raises Refused, NotDurable."""
        identity = identity_of(one.name, one.size, one.modified if one.exact else "", catch.digest)
        if not is_body(one.name):
            said = rows_refused(await self._door.keep_file(catch.path, identity=identity, name=one.name))
            self.kept += 1
            return said
        new = await self._door.keep(catch.content(), type_of(one.name), identity=identity, name=one.name)
        self.kept, self.known = self.kept + new, self.known + (not new)
        return ""

    # putting away -----------------------------------------------------------------------------------

    async def _clear(self) -> None:
        """What earlier visits could not move, until it can't be moved again."""
        for one in self._found:
            if self._stuck:
                return
            if one.mark not in self._left:
                continue
            into = self._settings.failed if self._left[one.mark] else self._settings.done
            try:
                await self._put_away(one, into, "")
            except Denied:
                return
            del self._left[one.mark]

    async def _put_away(self, one: Listed, into: str, said: str) -> None:
        """Out of the way, with a reason beside it. What was put in its place meanwhile is another file."""
        if self._stuck:
            raise Denied(lasting=False)
        if not await self._is_still(one):
            return
        if into not in self._made:
            with suppress(Denied):
                await self._remote.make(into.encode())
            self._made.add(into)
        path = await self._free(one, into)
        if said:
            with suppress(Denied):
                await self._remote.write(path + REASON.encode(), f"{said}\n".encode(errors="replace"))
        await self._remote.move(one.raw, path)
        now = await self._remote.look_at(path)
        if now is not None and (now.size, now.modified) != (one.size, one.modified):
            with suppress(Denied):  # another one, put there while we looked away: it is still to be taken
                await self._remote.move(path, one.raw)

    async def _free(self, one: Listed, into: str) -> bytes:
        for name in islice(_names(one), _SAME_NAMES):
            path = into.encode() + b"/" + name
            if not await self._remote.there(path):
                return path
        raise Denied(lasting=True)


def _names(one: Listed) -> Iterator[bytes]:
    """`leads.csv`, `leads-20260131120000.csv`, `leads-20260131120000-2.csv`, …"""
    name = one.raw.decode("latin-1")
    yield one.raw
    stem, dot, ending = name.rpartition(".")
    later = f"{stem}-{one.modified}{dot}{ending}" if stem and one.modified else name
    for other in numbered(later):
        if other != name:
            yield other.encode("latin-1")
