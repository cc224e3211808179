"""Looks into the folder on a buyer's server where his own files lie: which there are, what is in one, and away with it."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct
from msgspec.structs import replace

from app.core.registry import Settings
from app.distribute import xml
from app.distribute.acknowledging import Acknowledge
from app.distribute.adapter import Call
from app.distribute.filing import FileServer
from app.distribute.packed import MOST_BYTES
from app.distribute.wire import Wire
from app.remote.account import FtpAccount, SftpAccount
from app.remote.folder import Changed, Denied, Listed, Remote, Trouble

_PAGES = 20
_BLOCK = 200_000
"""Of an object at a time: what the wire takes of one reply."""
_TOLD = ("Key", "Size", "LastModified")


class Found(Struct, frozen=True):
    """A file of the buyer's, as it is now; which file of ours it answers, or none."""

    listed: Listed
    answers: str

    @property
    def name(self) -> str:
        return self.listed.name

    @property
    def mark(self) -> str:
        return self.listed.mark


class Place(Protocol):
    def files(self, most: int) -> AsyncGenerator[Found]: ...

    async def body(self, file: Found) -> bytes | None:
        """None where it is not the file any more that was found."""

    async def away(self, file: Found) -> None:
        """Where the server lets us; it is remembered as read in any case."""


class _Folder:
    """A Place on a server of files."""

    def __init__(self, remote: Remote, told: Acknowledge) -> None:
        self._remote, self._told = remote, told

    async def files(self, most: int) -> AsyncGenerator[Found]:
        n = 0
        async for listed in self._remote.listing():
            answers = self._told.answers(listed.name)
            if answers is not None and not listed.name.startswith("."):
                yield Found(listed, answers)
                n += 1
            if n == most:
                return

    async def body(self, file: Found) -> bytes | None:
        body = bytearray()

        async def put(block: bytes) -> None:
            body.extend(block)
            if len(body) > MOST_BYTES:
                raise Changed

        try:
            await self._remote.fetch(file.listed.raw, put)
        except Changed:
            raise Trouble(f"{self._remote.host}: a file is too large", code="too_large") from None
        return bytes(body) if len(body) == file.listed.size else None

    async def away(self, file: Found) -> None:
        if not self._told.done:
            return
        done = self._told.done.encode()
        with suppress(Denied):
            await self._remote.make(done)
        with suppress(Denied):
            await self._remote.replace(file.listed.raw, done + b"/" + file.listed.raw)


@runtime_checkable
class Store(Protocol):
    """What the settings of an object store can ask it."""

    def listing(self, folder: str, after: str, at: datetime) -> Call: ...

    def getting(self, key: str, first: int, last: int, at: datetime) -> Call: ...


class _Bucket:
    """A Place in an object store: what was read stays there, and is remembered."""

    def __init__(self, wire: Wire, store: Store, told: Acknowledge, now: Callable[[], datetime]) -> None:
        self._wire, self._store, self._told, self._now = wire, store, told, now

    async def files(self, most: int) -> AsyncGenerator[Found]:
        after, n = "", 0
        for _ in range(_PAGES):
            body = await self._asked(
                self._store.listing((self._told.folder or "").strip("/"), after, self._now())
            )
            try:
                page = xml.read(body)
            except ValueError:
                raise Trouble("the store's listing can't be read", code="not_understood") from None
            for one in page.iterchildren("{*}Contents"):
                key, size, modified = (one.findtext(f"{{*}}{name}") or "" for name in _TOLD)
                answers = self._told.answers(key.rpartition("/")[2])
                if answers is not None and size.isdecimal():
                    yield Found(Listed(key.encode(), int(size), re.sub(r"\D", "", modified)[:14]), answers)
                    n += 1
                if n == most:
                    return
            after = page.findtext("{*}NextContinuationToken") or ""
            if not after:
                return

    async def body(self, file: Found) -> bytes | None:
        size, body = file.listed.size, bytearray()
        if size > MOST_BYTES:
            raise Trouble("a file is too large", code="too_large")
        while len(body) < size:
            last = min(size, len(body) + _BLOCK) - 1
            got = await self._asked(self._store.getting(file.name, len(body), last, self._now()))
            if len(got) != last + 1 - len(body):
                return None
            body += got
        return bytes(body)

    async def away(self, file: Found) -> None:
        """Nothing is deleted in a buyer's bucket."""

    async def _asked(self, call: Call) -> bytes:
        reply = await self._wire.ask(replace(call, hands_over=False))
        if reply.status not in (200, 206):
            raise Trouble(f"the store says {reply.status}", code=f"http_{reply.status}")
        return reply.body


@asynccontextmanager
async def looked_into(
    wire: Wire, settings: Settings, told: Acknowledge, seconds: float, *, now: Callable[[], datetime]
) -> AsyncIterator[Place]:
    """Raises WireFault, Trouble, TimeoutError."""
    if isinstance(settings, Store):
        yield _Bucket(wire, settings, told, now)
        return
    assert isinstance(settings, FtpAccount | SftpAccount)
    folder = settings.folder if told.folder is None else told.folder
    server: FileServer = settings.model_copy(update={"folder": folder})
    async with wire.standing_in(server, seconds) as remote:
        yield _Folder(remote, told)
