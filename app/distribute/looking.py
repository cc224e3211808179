"""Looks into the folder on a buyer's server where his own files lie: which there are, what is in one, and away with it."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from msgspec import Struct

from app.core.registry import Settings
from app.distribute.acknowledging import Acknowledge
from app.distribute.filing import FileServer
from app.distribute.wire import Wire
from app.remote.account import FtpAccount, SftpAccount
from app.remote.folder import Changed, Denied, Listed, Remote, Trouble

MOST_BYTES = 32_000_000


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


@asynccontextmanager
async def looked_into(
    wire: Wire, settings: Settings, told: Acknowledge, seconds: float
) -> AsyncIterator[Place]:
    """Raises WireFault, Trouble, TimeoutError."""
    assert isinstance(settings, FtpAccount | SftpAccount)
    folder = settings.folder if told.folder is None else told.folder
    server: FileServer = settings.model_copy(update={"folder": folder})
    async with wire.standing_in(server, seconds) as remote:
        yield _Folder(remote, told)
