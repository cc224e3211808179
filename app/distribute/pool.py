"""Connections to buyers: looked up, checked, dialled, kept, and never used when they may be closing."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from msgspec import Struct

from app.core.loop import running_loop
from app.distribute.addresses import refuse
from app.distribute.faults import (
    AddressRefused,
    ConnectFailed,
    ConnectTimedOut,
    Crowded,
    NameUnknown,
    TlsFailed,
)
from app.distribute.http1 import Connection
from app.distribute.identity import Identity
from app.distribute.targets import Line, Target

IDLE_SECONDS = 4.0
"""How long a connection is kept: the commonest servers close after five, and a request that meets a
closing connection is one of which nobody can tell whether it was read."""
NAMES_SECONDS = 10.0
IDENTITIES = 1_024
"""How many certificates of ours are kept ready."""
DIALLED = 3
"""How many of a name's addresses are tried; each has its share of the time to connect."""

Resolve = Callable[[str, int], Awaitable[list[str]]]


class Limits(Struct, frozen=True, kw_only=True):
    """Seconds and bytes. `total` holds for one call, `longest` for a conversation whatever its contract says."""

    dns: float = 5.0
    connect: float = 5.0
    total: float = 15.0
    longest: float = 120.0
    reply_bytes: int = 262_144  # decoded


class Pool:
    """All connections of one process. `at_once` conversations run; the others wait for a place."""

    def __init__(
        self,
        *,
        allow_private: bool,
        limits: Limits,
        at_once: int = 512,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._limits = limits
        self._tls = tls or ssl.create_default_context()
        self._tls.set_alpn_protocols(["http/1.1"])
        self._places = asyncio.Semaphore(at_once)
        self._at_once = at_once
        self._idle: dict[Line, list[Connection]] = {}
        self._identified: dict[str, ssl.SSLContext] = {}
        self._kept = 0
        self._names: dict[tuple[str, int], tuple[float, asyncio.Task[list[str]]]] = {}
        self._threads = ThreadPoolExecutor(16, thread_name_prefix="leadgate-dns")
        self._resolve = resolve or self._look_up

    async def close(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()
        self._kept = 0
        for _, task in self._names.values():
            task.cancel()
        self._names.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.sleep(0)  # let the transports say goodbye

    async def enter(self, until: float) -> None:
        """A place among the conversations, or Crowded."""
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout_at(until):
                await self._places.acquire()
        except TimeoutError:
            raise Crowded from None

    def leave(self) -> None:
        self._places.release()

    def kept(self, target: Target) -> Connection | None:
        """An idle connection that is certainly open, as far as this side can know."""
        connections = self._idle.get(target.line)
        while connections:
            connection = connections.pop()
            self._kept -= 1
            fresh = running_loop().time() - connection.idle_since < IDLE_SECONDS
            if fresh and connection.quiet():
                return connection
            connection.close()
        return None

    def keep(self, target: Target, connection: Connection) -> None:
        if connection.closed or self._kept >= self._at_once:
            connection.close()
            return
        connection.idle_since = running_loop().time()
        self._idle.setdefault(target.line, []).append(connection)
        self._kept += 1

    def sweep(self) -> None:
        """Close what was kept too long; the wire calls it now and then."""
        oldest = running_loop().time() - IDLE_SECONDS
        for line in list(self._idle):
            fresh = [c for c in self._idle[line] if c.idle_since > oldest and not c.closed]
            for connection in self._idle[line]:
                if connection not in fresh:
                    connection.close()
            self._kept -= len(self._idle[line]) - len(fresh)
            if fresh:
                self._idle[line] = fresh
            else:
                del self._idle[line]

    async def dial(self, target: Target, until: float) -> Connection:
        """A new connection to an address that was checked; NotSent whatever goes wrong."""
        _, name, port = target.place
        context = self._context(target)
        addresses = await self.checked(name, port, until)
        share = self._limits.connect / min(len(addresses), DIALLED)
        failed: ConnectFailed | ConnectTimedOut = ConnectFailed()
        for address in addresses[:DIALLED]:
            try:
                return await self._connect(name, address, port, context, share, until)
            except (ConnectFailed, ConnectTimedOut) as error:
                failed = error
        raise failed

    def _context(self, target: Target) -> ssl.SSLContext | None:
        """How a connection there is secured. Raises TlsFailed."""
        if target.place[0] != "https":
            return None
        return self._tls if target.identity is None else self._identity(target.identity)

    def _identity(self, identity: Identity) -> ssl.SSLContext:
        context = self._identified.get(identity.id)
        if context is None:
            try:
                context = identity.context()
            except (ssl.SSLError, OSError, ValueError):
                raise TlsFailed("our own certificate can't be loaded") from None
            if len(self._identified) >= IDENTITIES:
                self._identified.clear()
            self._identified[identity.id] = context
        return context

    async def checked(self, name: str, port: int, until: float, *, guarded: bool = True) -> list[str]:
        """All addresses of a name, if every one may be dialled. Raises AddressRefused, NameUnknown."""
        addresses = await self._addresses(name, port, until)
        for address in addresses if guarded else ():
            if (why := refuse(address, allow_private=self._allow_private)) is not None:
                raise AddressRefused(why)
        return addresses

    async def _connect(
        self,
        name: str,
        address: str,
        port: int,
        context: ssl.SSLContext | None,
        share: float,
        until: float,
    ) -> Connection:
        loop = running_loop()
        limit = self._limits.reply_bytes
        try:
            async with asyncio.timeout_at(min(until, loop.time() + share)):
                _, connection = await loop.create_connection(
                    lambda: Connection(limit),
                    address,
                    port,
                    ssl=context,
                    server_hostname=name if context else None,
                )
                return connection
        except TimeoutError:
            raise ConnectTimedOut from None
        except (ssl.SSLError, ssl.CertificateError):
            raise TlsFailed from None
        except OSError as error:
            raise ConnectFailed(type(error).__name__) from None

    async def _addresses(self, name: str, port: int, until: float) -> list[str]:
        try:
            return [str(ip_address(name))]
        except ValueError:
            pass
        loop = running_loop()
        try:
            async with asyncio.timeout_at(min(until, loop.time() + self._limits.dns)):
                addresses = await asyncio.shield(self._asked(name, port, loop.time()))
        except TimeoutError:
            raise NameUnknown("timed_out") from None
        except (OSError, UnicodeError) as error:
            raise NameUnknown(type(error).__name__) from None
        if not addresses:
            raise NameUnknown("no_address")
        return addresses

    def _asked(self, name: str, port: int, now: float) -> asyncio.Task[list[str]]:
        """One question at a time per name; the answer is kept for some seconds, a failure is not."""
        kept = self._names.get((name, port))
        if kept is not None:
            since, task = kept
            failed = task.done() and (task.cancelled() or task.exception() is not None)
            if not failed and now - since < NAMES_SECONDS:
                return task
        if len(self._names) > 4096:
            self._names.clear()
        task = asyncio.ensure_future(self._ask(name, port))
        task.add_done_callback(lambda t: t.cancelled() or t.exception())  # nobody may be waiting any more
        self._names[name, port] = (now, task)
        return task

    async def _ask(self, name: str, port: int) -> list[str]:
        return await self._resolve(name, port)

    async def _look_up(self, name: str, port: int) -> list[str]:
        ascii_name = name if name.isascii() else name.encode("idna").decode()
        found = await running_loop().run_in_executor(
            self._threads,
            lambda: socket.getaddrinfo(ascii_name, port, type=socket.SOCK_STREAM),
        )
        return list(dict.fromkeys(str(info[4][0]) for info in found))
