"""Looks into the folder on a buyer's server, or the mailbox, where his own files lie: which there are, what is in one, and away with it."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from msgspec.structs import replace

from app.core.registry import Settings
from app.distribute import xml
from app.distribute.acknowledging import Acknowledge, AcknowledgeByFile, AcknowledgeByMail
from app.distribute.adapter import Call
from app.distribute.filing import FileServer
from app.distribute.letterbox import Letterbox
from app.distribute.packed import MOST_BYTES, Unpackable
from app.distribute.place import MOST_FILES, Enclosed, Found, Place
from app.distribute.wire import Wire
from app.remote.account import FtpAccount, SftpAccount
from app.remote.folder import Changed, Denied, Listed, Remote, Trouble
from app.remote.line import connected

_PAGES = 20
_BLOCK = 200_000
"""Of an object at a time: what the wire takes of one reply."""
_TOLD = ("Key", "Size", "LastModified")


class _Folder:
    """A Place on a server of files."""

    def __init__(self, remote: Remote, told: AcknowledgeByFile) -> None:
        self._remote, self._told = remote, told

    async def files(self) -> AsyncGenerator[list[Found]]:
        """All at once: nothing else can be asked while a server lists."""
        found: list[Found] = []
        async for one in self._remote.listing():
            if self._told.answers(one.name) is not None and not one.name.startswith("."):
                found.append(_found(one))
            if len(found) == MOST_FILES:
                break
        yield found

    async def inside(self, found: Found) -> list[Enclosed] | None:
        if found.size > MOST_BYTES:
            raise Unpackable("too_large")
        body = bytearray()

        async def put(block: bytes) -> None:
            body.extend(block)
            if len(body) > found.size:
                raise Changed

        with suppress(Changed):
            await self._remote.fetch(found.raw, put)
        if len(body) != found.size:
            return None
        return [Enclosed(found.name, self._told.answers(found.name) or (), bytes(body))]

    async def away(self, found: Found) -> None:
        if not self._told.done:
            return
        done = self._told.done.encode()
        with suppress(Denied):
            await self._remote.make(done)
        with suppress(Denied):
            await self._remote.replace(found.raw, done + b"/" + found.raw)


@runtime_checkable
class Store(Protocol):
    """What the settings of an object store can ask it."""

    def listing(self, folder: str, after: str, at: datetime) -> Call: ...

    def getting(self, key: str, first: int, last: int, at: datetime) -> Call: ...


class _Bucket:
    """A Place in an object store: what was read stays there, and is remembered."""

    def __init__(
        self, wire: Wire, store: Store, told: AcknowledgeByFile, now: Callable[[], datetime]
    ) -> None:
        self._wire, self._store, self._told, self._now = wire, store, told, now

    async def files(self) -> AsyncGenerator[list[Found]]:
        after, n = "", 0
        for _ in range(_PAGES):
            body = await self._asked(
                self._store.listing((self._told.folder or "").strip("/"), after, self._now())
            )
            try:
                page = xml.read(body)
            except ValueError:
                raise Trouble("the store's listing can't be read", code="not_understood") from None
            found = [one for entry in page.iterchildren("{*}Contents") if (one := self._known(entry))]
            yield found[: MOST_FILES - n]
            n += len(found)
            after = page.findtext("{*}NextContinuationToken") or ""
            if not after or n >= MOST_FILES:
                return

    def _known(self, entry: Any) -> Found | None:
        key, size, modified = (entry.findtext(f"{{*}}{name}") or "" for name in _TOLD)
        if self._told.answers(_name(key)) is None or not size.isdecimal():
            return None
        return _found(Listed(key.encode(), int(size), re.sub(r"\D", "", modified)[:14]))

    async def inside(self, found: Found) -> list[Enclosed] | None:
        size, body = found.size, bytearray()
        if size > MOST_BYTES:
            raise Unpackable("too_large")
        while len(body) < size:
            last = min(size, len(body) + _BLOCK) - 1
            got = await self._asked(self._store.getting(found.name, len(body), last, self._now()))
            if len(got) != last + 1 - len(body):
                return None
            body += got
        return [Enclosed(found.name, self._told.answers(_name(found.name)) or (), bytes(body))]

    async def away(self, found: Found) -> None:
        """Nothing is deleted in a buyer's bucket."""

    async def _asked(self, call: Call) -> bytes:
        reply = await self._wire.ask(replace(call, hands_over=False))
        if reply.status not in (200, 206):
            raise Trouble(f"the store says {reply.status}", code=f"http_{reply.status}")
        return reply.body


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _found(one: Listed) -> Found:
    return Found(one.raw, one.size, one.name, one.mark)


@asynccontextmanager
async def looked_into(
    wire: Wire, settings: Settings, told: Acknowledge, seconds: float, *, now: Callable[[], datetime]
) -> AsyncIterator[Place]:
    """Raises WireFault, Trouble, TimeoutError."""
    if isinstance(told, AcknowledgeByMail):
        async with _mailbox(wire, told, seconds) as place:
            yield place
        return
    assert isinstance(told, AcknowledgeByFile)
    if isinstance(settings, Store):
        yield _Bucket(wire, settings, told, now)
        return
    assert isinstance(settings, FtpAccount | SftpAccount)
    folder = settings.folder if told.folder is None else told.folder
    server: FileServer = settings.model_copy(update={"folder": folder})
    async with wire.standing_in(server, seconds) as remote:
        yield _Folder(remote, told)


@asynccontextmanager
async def _mailbox(wire: Wire, told: AcknowledgeByMail, seconds: float) -> AsyncIterator[Place]:
    account = told.mailbox
    async with asyncio.timeout(seconds):
        address = await wire.reach(account.host, account.dialled)
        async with connected(account, address) as line:
            yield Letterbox(line, told)
