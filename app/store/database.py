"""The way to PostgreSQL: a small pool that notices an outage at once and comes back by itself.

Three kinds of trouble: *away* (nothing was kept: say so quickly, try later), *ambiguous* (a commit may or may
not have happened: do the same again with the same ids, in a transaction that is `marked`), and bugs.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import orjson

from app.core.loop import running_loop
from app.store import arrays

arrays.quicken()

OLDEST = 15
PATIENCE_S = 2.0  # for a free connection and for connecting, together
COMMAND_S = 15.0  # a server that is silent this long is taken for lost
PROMPT_S = 3.0  # as long as somebody who waits for an answer is kept waiting for the server's
HEARTBEAT_S = 30.0
BACK_OFF_S = (0.05, 1.0)

SESSION = {
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
    "jit": "off",
}


class Away(Exception):
    """The database can't be reached, or can't write now; nothing was kept. It may work again in seconds."""


class WaitCancelled(Exception):
    """A commit stopped waiting for its standby: it stands here, and could be lost with this server."""


class TooOld(Exception):
    """The server's version is not supported."""


# After one of these a commit that was under way may or may not have happened.
AMBIGUOUS: tuple[type[Exception], ...] = (
    WaitCancelled,
    OSError,  # ConnectionRefusedError and TimeoutError too
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
)
# These say for certain that nothing was kept, and that it isn't the statement's fault.
_UNABLE: tuple[type[Exception], ...] = (
    Away,
    asyncpg.InsufficientResourcesError,  # disk full, too many connections, out of memory
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)
TROUBLE: tuple[type[Exception], ...] = AMBIGUOUS + _UNABLE


def is_ambiguous(error: BaseException) -> bool:
    """Whether a commit that ended so may have happened: retry the same ids, `marked`, before answering."""
    return isinstance(error, AMBIGUOUS)


def is_away(error: BaseException) -> bool:
    """Whether the database is to blame and not the statement: the same may work in seconds."""
    return isinstance(error, TROUBLE)


async def marked(connection: asyncpg.Connection) -> None:
    """Write a record to the log in this transaction, so that its commit waits for the standbys.

    For each retry after an ambiguous commit and each answer "already there": `on conflict do nothing` alone
    writes nothing, waits for nobody, and what it saw could be lost with this server.
    """
    await connection.execute("select pg_logical_emit_message(true, 'leadgate', '')")


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg is untyped
    """Remembers the warning of a commit that stopped waiting for its standby, which reports success."""

    __slots__ = ("doubtful",)


def _doubt(connection: _Connection, message: asyncpg.PostgresLogMessage) -> None:
    # By code, since texts are translated: 01000 is what that warning has when a user cancels, 57P01 when the
    # server stops. Any other bare warning costs one needless retry.
    if message.severity_en == "WARNING" and message.sqlstate in ("01000", "57P01"):
        connection.doubtful = True


def _to_jsonb(value: Any) -> bytes:
    """bytes and str are taken for JSON text that somebody has written already; all else is written here."""
    if type(value) is bytes:
        return b"\x01" + value
    return b"\x01" + (value.encode() if isinstance(value, str) else orjson.dumps(value))


def _from_jsonb(wire: bytes) -> Any:
    return orjson.loads(wire[1:])


class Database:
    """At most `size` connections, made when needed. Nothing that outlives an `acquire` may be set on one:
    no SET, no LISTEN, no session lock; for a connection is handed on without a reset, which would cost a round trip.
    """

    def __init__(self, dsn: str, *, size: int, application_name: str) -> None:
        self._dsn = dsn
        self._hosts = hosts_of(dsn)
        self._session = {**SESSION, "application_name": application_name}
        self._free = asyncio.Semaphore(size)
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._listeners: set[asyncio.Task[None]] = set()
        self._closed = False

    @classmethod
    async def open(cls, dsn: str, *, size: int = 8, application_name: str = "leadgate") -> "Database":
        """Raises Away where nobody answers, TooOld where an old server does."""
        self = cls(dsn, size=size, application_name=application_name)
        await self.ping()
        return self

    async def close(self) -> None:
        """Ends the listeners and the idle connections; one in use is cut, so be done first."""
        self._closed = True
        for task in tuple(self._listeners):
            task.cancel()
        await asyncio.gather(*self._listeners, return_exceptions=True)
        idle, self._idle = self._idle, []
        for connection in idle:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await connection.close(timeout=1.0)
        for connection in tuple(self._busy):
            connection.terminate()

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of one's own. Away within two seconds if there is none to be had.

        WaitCancelled at the end if a commit inside did not reach its standbys.
        """
        connection, task = await self._take(), asyncio.current_task(running_loop())
        asked = task.cancelling() if task else 0
        try:
            yield connection
        except BaseException as error:
            if task is not None and task.cancelling() > asked and isinstance(error, Exception):
                # The cancellation of one statement may reach the rollback behind it; who fails there is cancelled,
                # and would try again for ever if it took that for an outage.
                self._put_after(asyncio.CancelledError(), connection)
                raise asyncio.CancelledError from error
            self._put_after(error, connection)
            if isinstance(error, asyncpg.InterfaceError) and connection.is_closed():
                raise Away("the connection was lost between two statements") from error
            raise
        self._put(connection)
        if connection.doubtful:
            connection.doubtful = False
            raise WaitCancelled("the commit did not wait for its standby")

    @asynccontextmanager
    async def promptly(self) -> AsyncIterator[asyncpg.Connection]:
        """`acquire` for what somebody waits for: TimeoutError, trouble as any, where it takes too long in all."""
        async with asyncio.timeout(PROMPT_S), self.acquire() as connection:
            yield connection

    async def ping(self) -> float:
        """Seconds for one round trip to a server that can write; Away else."""
        loop = asyncio.get_running_loop()
        async with self.acquire() as connection:
            start = loop.time()
            try:
                read_only = await connection.fetchval("show transaction_read_only", timeout=PATIENCE_S)
            except TROUBLE as error:
                raise Away(f"the database does not answer ({type(error).__name__})") from error
            if read_only != "off":
                raise Away("the database is read-only: a standby, or a primary that was demoted")
            return loop.time() - start

    async def listen(self, channel: str, callback: Callable[[str], object]) -> None:
        """Call back with each payload, and with "" after each reconnect, when notices may have been missed.

        Returns when it listens (so: listen first, then read what is there); goes on until `close`. Away if it
        can't begin.
        """
        connection = await self._listening(channel, callback)
        task = asyncio.create_task(self._keep_listening(connection, channel, callback))
        self._listeners.add(task)
        task.add_done_callback(self._listeners.discard)

    # the pool ------------------------------------------------------------------------------------

    async def _take(self) -> _Connection:
        connection = None
        if not self._free.locked():  # the common case, which waits for nothing and so needs no timer
            await self._free.acquire()
            connection = self._rested()
            if connection is None:
                self._free.release()
        if connection is None:
            connection = await self._awaited()
        self._busy.add(connection)
        return connection

    def _rested(self) -> _Connection | None:
        """An open connection, the last one used first: the others may rest."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    async def _awaited(self) -> _Connection:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._free.acquire()
                try:
                    return self._rested() or await self._connect()
                except BaseException:
                    self._free.release()
                    raise
        except TimeoutError:
            raise Away(f"no database connection within {PATIENCE_S:g} seconds") from None

    def _put(self, connection: _Connection) -> None:
        self._busy.discard(connection)
        if not connection.is_closed():
            if self._closed or connection.is_in_transaction():
                connection.terminate()
            else:
                self._idle.append(connection)
        self._free.release()

    def _put_after(self, error: BaseException, connection: _Connection) -> None:
        """What was cut short is thrown away; after a sign of an outage the idle ones too, silent as they are."""
        lost = is_ambiguous(error)
        if lost or not isinstance(error, Exception):
            connection.terminate()
        connection.doubtful = False
        self._put(connection)
        if lost:
            idle, self._idle = self._idle, []
            for other in idle:
                other.terminate()

    async def _connect(self) -> _Connection:
        if self._closed:
            raise Away("this database is closed")
        try:
            connection = await self._first_writable()
        except (*TROUBLE, asyncpg.PostgresError) as error:
            said = str(error) or type(error).__name__
            raise Away(f"the database can't be reached: {said}") from error
        version = connection.get_server_version()
        if version.major < OLDEST:
            connection.terminate()
            raise TooOld(f"PostgreSQL {OLDEST} or later is needed; this server is {version.major}")
        connection.doubtful = False
        connection.add_log_listener(_doubt)
        await connection.set_type_codec(
            "jsonb", schema="pg_catalog", format="binary", encoder=_to_jsonb, decoder=_from_jsonb
        )
        return connection

    async def _first_writable(self) -> _Connection:
        """Ask all hosts at once: asyncpg asks one after the other, and hangs on a silent first one."""
        asked = [asyncio.create_task(self._ask(host, port)) for host, port in self._hosts]
        first: _Connection | None = None
        error: BaseException = OSError("no host is named")
        try:
            for answer in asyncio.as_completed(asked):
                try:
                    first = await answer
                    return first
                except (*TROUBLE, asyncpg.PostgresError) as problem:
                    error = problem
            raise error
        finally:
            for task in asked:
                task.cancel()
                task.add_done_callback(lambda late: _hang_up(late, first))

    async def _ask(self, host: str | None, port: int | None) -> _Connection:
        connection: _Connection = await asyncpg.connect(
            self._dsn,
            host=host,
            port=port,
            timeout=PATIENCE_S,
            command_timeout=COMMAND_S,
            max_cached_statement_lifetime=0,
            server_settings=self._session,
            target_session_attrs="read-write",
            connection_class=_Connection,
        )
        return connection

    # listening -----------------------------------------------------------------------------------

    async def _listening(self, channel: str, callback: Callable[[str], object]) -> _Connection:
        def heard(*notice: Any) -> None:  # connection, process, channel, payload
            callback(notice[3])

        async with asyncio.timeout(PATIENCE_S * 2):
            connection = await self._connect()
            try:
                await connection.add_listener(channel, heard)
            except BaseException as error:
                connection.terminate()
                if isinstance(error, (*TROUBLE, asyncpg.InterfaceError)):
                    raise Away("the connection was lost before it could listen") from error
                raise
        return connection

    async def _keep_listening(
        self, connection: _Connection, channel: str, callback: Callable[[str], object]
    ) -> None:
        try:
            while True:
                await _until_lost(connection)
                connection = await self._listening_again(channel, callback)
                callback("")
        finally:
            connection.terminate()

    async def _listening_again(self, channel: str, callback: Callable[[str], object]) -> _Connection:
        pause, longest = BACK_OFF_S
        while True:
            try:
                return await self._listening(channel, callback)
            except (Away, TooOld, TimeoutError):
                await asyncio.sleep(pause)
                pause = min(2 * pause, longest)


async def _until_lost(connection: _Connection) -> None:
    """Until it closes, or a server that has gone silent misses a heartbeat."""
    closed = asyncio.Event()
    connection.add_termination_listener(lambda _: closed.set())
    while not connection.is_closed():
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                await closed.wait()
        except TimeoutError:
            try:
                await connection.execute("select", timeout=PATIENCE_S)
            except (*TROUBLE, asyncpg.InterfaceError):
                connection.terminate()


def _hang_up(asked: asyncio.Task[_Connection], first: _Connection | None) -> None:
    """Whoever answers after the first is hung up on."""
    if not asked.cancelled() and asked.exception() is None and asked.result() is not first:
        asked.result().terminate()


_HOST = re.compile(r"(?:\[([^\]]+)\]|([^:]*|/.*))(?::(\d+))?")


def hosts_of(dsn: str) -> list[tuple[str | None, int | None]]:
    """Each host of a DSN that names several, `[(None, None)]` (as the DSN says) for one."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    written = parts.netloc.rpartition("@")[2] or query.get("host", [""])[-1]
    if "," not in written:
        return [(None, None)]
    hosts = written.split(",")
    ports = query.get("port", [""])[-1].split(",")
    found: list[tuple[str | None, int | None]] = []
    for at, host in enumerate(hosts):
        match = _HOST.fullmatch(host)
        if match is None:
            raise ValueError("the database URL names a host that can't be read")
        port = match[3] or ports[min(at, len(ports) - 1)]
        found.append((unquote(match[1] or match[2]), int(port) if port else None))
    return found
