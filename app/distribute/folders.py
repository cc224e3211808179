"""Puts files on servers for the wire, knowing at each step whether a file may have its name already.

A file belongs to the buyer once it has its name, and to nobody before: what breaks earlier is NotSent, and the
server's no is an answer. When the reply to the rename is missing, the server is asked once more, on a new
connection, and nearly always that tells: the name is there with our size, or the part could be taken away, after which
nothing can rename it any more. Only what neither tells is PerhapsSent.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from typing import Any

from app.distribute.addresses import FILE_PORTS, refuse_port
from app.distribute.faults import (
    AddressRefused,
    Broken,
    BrokenOff,
    ConnectFailed,
    HungUp,
    NoAnswer,
    NotSent,
    Refused,
    TlsFailed,
    WireFault,
)
from app.distribute.filing import Filed, FileServer, Put
from app.distribute.pool import Pool
from app.remote.account import FtpAccount
from app.remote.folder import Denied, Remote, Trouble

SECONDS = 60.0
LOOK_SECONDS = 15.0
"""For asking whether a file is there; kept free at the end of a conversation."""

_NOT_THERE = -1
_UNREACHED: dict[str, type[NotSent]] = {
    "tls_failed": TlsFailed,
    "connect_failed": ConnectFailed,
    "timed_out": NoAnswer,
}


class Folders:
    """Each file on a connection of its own: the log-in is most of the cost, and servers end it when it idles."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put(self, put: Put, ends: float) -> Filed:
        """What became of it. Raises WireFault."""
        now = asyncio.get_running_loop().time()
        until = min(ends - min(LOOK_SECONDS, (ends - now) / 2), now + (put.timeout or SECONDS))
        await self._pool.enter(until)
        try:
            return await self._held(put, until, ends)
        finally:
            self._pool.leave()

    @asynccontextmanager
    async def standing_in(self, server: FileServer, seconds: float) -> AsyncIterator[Remote]:
        """To look there. Raises WireFault, Trouble, TimeoutError."""
        until = asyncio.get_running_loop().time() + seconds
        await self._pool.enter(until)
        try:
            async with asyncio.timeout_at(until), self._standing_in(server, until) as folder:
                yield folder
        finally:
            self._pool.leave()

    async def _held(self, put: Put, until: float, ends: float) -> Filed:
        placing = _Placing(put)
        try:
            async with asyncio.timeout_at(until), self._standing_in(put.server, until) as folder:
                await placing.place(folder)
        except (Trouble, TimeoutError) as error:
            if placing.filed is None and not placing.perhaps:
                raise _not_sent(error, begun=placing.begun) from None
        if placing.filed is not None:
            return placing.filed
        return await self._looked_for(put, ends)

    async def _looked_for(self, put: Put, ends: float) -> Filed:
        until = min(ends, asyncio.get_running_loop().time() + LOOK_SECONDS)
        try:
            async with asyncio.timeout_at(until), self._standing_in(put.server, until) as folder:
                found = await folder.size(put.name.encode())
                if found == len(put.body):
                    return Filed(whole=True, code=_done(put.server))
                if found is None and put.atomic:
                    await folder.remove(put.part.encode())
                    raise BrokenOff("before it had its name")
        except BrokenOff:
            raise
        except (WireFault, Trouble, Denied, TimeoutError):
            pass
        raise Broken("nobody can tell whether the file has its name")

    @asynccontextmanager
    async def _standing_in(self, server: FileServer, until: float) -> AsyncIterator[Remote]:
        if (why := refuse_port(server.dialled, usual=FILE_PORTS)) is not None:
            raise AddressRefused(why)
        address = (await self._pool.checked(server.host, server.dialled, until))[0]
        protocol = "ftp" if isinstance(server, FtpAccount) else "sftp"
        spoken: Any = await asyncio.to_thread(import_module, f"app.remote.{protocol}")  # takes a second, once
        async with spoken.connected(server, address) as folder:
            yield folder


class _Placing:
    """One file on its way. `begun`: some of it may be there; `perhaps`: it may have its name already, or be in
    hands that are not ours."""

    def __init__(self, put: Put) -> None:
        self._put = put
        self._part, self._name = put.part.encode(), put.name.encode()
        self.filed: Filed | None = None
        self.begun = self.perhaps = False

    async def place(self, folder: Remote) -> None:
        """Ends with `filed`, or without where the server has to be asked again."""
        self.begun, self.perhaps = True, not self._put.atomic
        try:
            await folder.write(self._part, self._put.body)
            size = await self._size(folder)
            if size not in (None, _NOT_THERE, len(self._put.body)):
                raise Denied(lasting=False, code="cut_short")
        except Denied as denied:
            await self._clear(folder)
            self.filed = Filed(code=denied.code)
            return
        if not self._put.atomic:
            self.filed = Filed(whole=True, code=_done(self._put.server))
            return
        self.perhaps = True
        await self._rename(folder)

    async def _rename(self, folder: Remote) -> None:
        try:
            await folder.replace(self._part, self._name)
        except Denied as denied:
            if await self._size(folder) == _NOT_THERE:
                return  # somebody took it away, whatever its name
            await self._clear(folder)
            self.filed = Filed(code=denied.code)
        else:
            self.filed = Filed(whole=True, code=_done(self._put.server))

    async def _size(self, folder: Remote) -> int | None:
        """None where the server can't tell."""
        try:
            size = await folder.size(self._part)
        except Denied:
            return None
        return _NOT_THERE if size is None else size

    async def _clear(self, folder: Remote) -> None:
        with suppress(Denied):
            await folder.remove(self._part)


def _done(server: FileServer) -> str:
    """What servers say to a rename."""
    return "ftp_250" if isinstance(server, FtpAccount) else "sftp_0"


def _not_sent(error: Exception, *, begun: bool) -> NotSent:
    code = error.code if isinstance(error, Trouble) else "timed_out"
    if begun:
        return BrokenOff(str(error))
    if code.startswith(("ftp_", "sftp_", "login_", "host_key_")):
        return Refused(str(error))
    return _UNREACHED.get(code, HungUp)(str(error))
