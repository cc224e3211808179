import asyncio
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest

from app.store import database as module
from app.store.database import Away, Database, TooOld, WaitCancelled, hosts_of, is_ambiguous, is_away, marked
from app.store.embedded import EmbeddedPostgres

SMALL = {"shared_buffers": "16MB", "fsync": "off"}


class Server:
    """One that a test may stop, kill and start; in the same place each time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running = EmbeddedPostgres.start(folder, settings=SMALL)
        self.dsn = self.running.dsn

    def stop(self) -> None:
        self.running.stop()

    def start(self) -> None:
        self.running = EmbeddedPostgres.start(self.folder, settings=SMALL)

    def run(self, *statements: str) -> Any:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            for statement in statements:
                found = connection.execute(statement)
            return found.fetchall() if found.description else None


@pytest.fixture(scope="module")
def _own_server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="leadgate-database-", dir="/tmp"))
    server = Server(folder / "data")
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def server(_own_server: Server) -> Server:
    if not _own_server.running.alive():
        _own_server.stop()
        _own_server.start()
    return _own_server


async def _pid(database: Database) -> int:
    async with database.acquire() as connection:
        return int(connection.get_server_pid())


async def test_json_comes_back_as_values_and_written_json_is_taken_as_it_is(database: Database) -> None:
    sent = [{"a": [1, None, "ü"]}, b'{"b": 2}', '{"c": 3}', None]
    async with database.acquire() as connection:
        assert await connection.fetchval("select $1::jsonb", {"price": 12.5}) == {"price": 12.5}
        rows = await connection.fetch("select doc from unnest($1::jsonb[]) as doc", sent)
    assert [row["doc"] for row in rows] == [{"a": [1, None, "ü"]}, {"b": 2}, {"c": 3}, None]


async def test_no_statement_lock_or_forgotten_transaction_may_last(database: Database) -> None:
    async with database.acquire() as connection:
        rows = await connection.fetch("select name, setting from pg_settings where name = any($1)", SESSION)
    assert {row["name"]: row["setting"] for row in rows} == {
        "statement_timeout": "10000",
        "lock_timeout": "5000",
        "idle_in_transaction_session_timeout": "10000",
        "application_name": "test",
    }


SESSION = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "application_name"]


async def test_a_connection_is_used_again(database: Database) -> None:
    assert await _pid(database) == await _pid(database)


async def test_there_are_never_more_connections_than_agreed(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = await Database.open(database_url, size=2)
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    async with database.acquire(), database.acquire():
        with pytest.raises(Away, match=r"no database connection within 0\.05 seconds"):
            await _pid(database)
    assert await _pid(database)
    await database.close()


async def test_who_waits_gets_the_connection_that_is_given_back(database_url: str) -> None:
    database = await Database.open(database_url, size=1)
    async with database.acquire() as connection:
        waiting = asyncio.create_task(_pid(database))
        await asyncio.sleep(0)
        first = connection.get_server_pid()
    assert await waiting == first
    await database.close()


async def test_an_unfinished_transaction_is_not_handed_on(database: Database) -> None:
    async with database.acquire() as connection:
        await connection.execute("begin")
        first = connection.get_server_pid()
    assert await _pid(database) != first


async def test_a_refused_statement_does_not_cost_its_connection(database: Database) -> None:
    first = await _pid(database)
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with database.acquire() as connection, connection.transaction():
            await connection.fetchval("select 1 / 0")
    assert await _pid(database) == first


async def test_a_connection_that_was_cut_short_is_not_handed_on(database: Database) -> None:
    first = await _pid(database)

    async def sleep() -> None:
        async with database.acquire() as connection:
            await connection.execute("select pg_sleep(60)")

    task = asyncio.create_task(sleep())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await _pid(database) != first


async def test_a_sign_of_an_outage_empties_the_pool(database: Database) -> None:
    async with database.acquire() as one, database.acquire() as other:
        before = {one.get_server_pid(), other.get_server_pid()}
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with database.acquire():
            raise asyncpg.ReadOnlySQLTransactionError("a primary that was demoted")
    async with database.acquire() as one, database.acquire() as other:
        assert before.isdisjoint({one.get_server_pid(), other.get_server_pid()})


async def test_a_closed_one_says_so(database_url: str) -> None:
    database = await Database.open(database_url)
    await database.close()
    with pytest.raises(Away, match="is closed"):
        await _pid(database)


async def test_ping_tells_the_seconds_of_a_round_trip(database: Database) -> None:
    assert 0 < await database.ping() < 5


async def test_a_database_that_cannot_be_written_is_away(server: Server) -> None:
    server.run("alter database leadgate set default_transaction_read_only = on")
    try:
        with pytest.raises(Away):
            await Database.open(server.dsn)
    finally:
        server.run("set transaction_read_only = off; alter database leadgate reset all")
    await (await Database.open(server.dsn)).close()


async def test_one_that_becomes_read_only_is_away_at_the_next_ping(database: Database) -> None:
    async with database.acquire() as connection:
        await connection.execute("set default_transaction_read_only = on")
    with pytest.raises(Away, match="read-only"):
        await database.ping()


async def test_a_stopped_server_is_away_at_once_and_back_when_it_is(server: Server) -> None:
    database = await Database.open(server.dsn)
    async with database.acquire(), database.acquire():
        pass  # two idle connections, which the stop cuts
    await asyncio.to_thread(server.stop)
    async with asyncio.timeout(2.5):
        for _ in range(3):
            with pytest.raises(Away, match="can't be reached"):
                await _pid(database)
        with pytest.raises(Away):
            await database.ping()
    server.start()
    assert await database.ping() > 0
    await database.close()


async def test_a_statement_that_a_killed_server_cut_is_ambiguous(server: Server) -> None:
    database = await Database.open(server.dsn)
    with pytest.raises(Exception) as caught:  # noqa: PT012
        async with database.acquire() as connection:
            sleeping = asyncio.create_task(connection.execute("select pg_sleep(60)"))
            await asyncio.sleep(0)
            os.kill(server.running.pid, signal.SIGKILL)
            await sleeping
    assert is_ambiguous(caught.value)
    assert is_away(caught.value)
    await database.close()


async def test_a_connection_lost_between_two_statements_kept_nothing(database: Database) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT012
        async with database.acquire() as connection, connection.transaction():
            gone = asyncio.Event()
            connection.add_termination_listener(lambda _: gone.set())
            async with database.acquire() as other:
                await other.execute("select pg_terminate_backend($1)", connection.get_server_pid())
            await gone.wait()
            await connection.execute("create table never ()")
    assert is_away(caught.value)
    async with database.acquire() as connection:
        assert await connection.fetchval("select to_regclass('never')") is None


async def test_an_unreachable_address_is_away_and_says_why() -> None:
    with pytest.raises(Away, match="can't be reached"):
        await Database.open("postgresql://leadgate@127.0.0.1:1/leadgate")


async def test_a_database_that_does_not_exist_says_so(server: Server) -> None:
    with pytest.raises(Away, match='database "nowhere" does not exist'):
        await Database.open(server.dsn.replace("/leadgate?", "/nowhere?"))


async def test_an_old_server_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OLDEST", 99)
    with pytest.raises(TooOld, match="PostgreSQL 99 or later is needed; this server is"):
        await Database.open(database_url)


async def test_a_silent_first_host_is_not_waited_for(postgres: EmbeddedPostgres) -> None:
    with socket.socket() as hole:  # accepts, never answers
        hole.bind(("127.0.0.1", 0))
        hole.listen(8)
        hosts = f"host=127.0.0.1,{postgres.socket_dir}&port={hole.getsockname()[1]},{postgres.port}"
        async with asyncio.timeout(module.PATIENCE_S):
            database = await Database.open(f"postgresql://leadgate@/leadgate?{hosts}")
        await database.close()


@pytest.mark.parametrize(
    "dsn, hosts",
    [
        ("postgresql://u:p@db:5433/lg", [(None, None)]),
        ("postgresql://u@/lg?host=/run/pg&port=5432", [(None, None)]),
        ("postgresql://u:p@a:1,b:2/lg", [("a", 1), ("b", 2)]),
        ("postgresql://u:p@a,b/lg?target_session_attrs=any", [("a", None), ("b", None)]),
        ("postgresql://u@[::1]:1,[fe80::2]/lg", [("::1", 1), ("fe80::2", None)]),
        ("postgresql://u@/lg?host=a,/run/pg&port=7,8", [("a", 7), ("/run/pg", 8)]),
        ("postgresql://u@/lg?host=a,b&port=7", [("a", 7), ("b", 7)]),
    ],
)
def test_each_host_of_an_address_is_asked(dsn: str, hosts: list[tuple[str | None, int | None]]) -> None:
    assert hosts_of(dsn) == hosts


@pytest.mark.parametrize(
    "error, ambiguous, away",
    [
        (asyncpg.ConnectionDoesNotExistError("cut"), True, True),
        (ConnectionRefusedError(), True, True),
        (TimeoutError(), True, True),
        (asyncpg.CannotConnectNowError("starting up"), True, True),
        (asyncpg.AdminShutdownError("stopped"), True, True),
        (asyncpg.ReadOnlySQLTransactionError("demoted"), True, True),
        (asyncpg.InternalClientError("?"), True, True),
        (WaitCancelled(), True, True),
        (Away(), False, True),
        (asyncpg.TooManyConnectionsError("full"), False, True),
        (asyncpg.DiskFullError("full"), False, True),
        (asyncpg.QueryCanceledError("too slow"), False, True),
        (asyncpg.UniqueViolationError("twice"), False, False),
        (asyncpg.DeadlockDetectedError("order of locks"), False, False),
        (asyncpg.DataError("NUL"), False, False),
        (ValueError(), False, False),
    ],
)
def test_what_may_have_been_committed_and_what_may_be_tried_later(
    error: Exception, ambiguous: bool, away: bool
) -> None:
    assert (is_ambiguous(error), is_away(error)) == (ambiguous, away)


async def test_a_marked_transaction_writes_to_the_log_though_it_changes_no_row(database: Database) -> None:
    wrote = "select pg_current_xact_id_if_assigned() is not null"
    async with database.acquire() as connection, connection.transaction():
        assert await connection.fetchval(wrote) is False
        await marked(connection)
        assert await connection.fetchval(wrote) is True


async def test_a_commit_that_stopped_waiting_for_its_standby_is_ambiguous(server: Server) -> None:
    database = await Database.open(server.dsn)

    async def keep() -> None:
        while True:  # the reload reaches each process of the server at a moment of its own
            async with database.acquire() as connection:
                await connection.execute(
                    "create table if not exists waited (n int); insert into waited values (1)"
                )

    server.run("alter system set synchronous_standby_names = 'nobody'", "select pg_reload_conf()")
    try:
        flush = asyncio.create_task(keep())
        waiting = "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'"
        while not await asyncio.to_thread(server.run, waiting):
            assert not flush.done()
        with pytest.raises(WaitCancelled):
            await flush
    finally:
        server.run("alter system reset synchronous_standby_names", "select pg_reload_conf()")
    assert await database.ping() > 0
    await database.close()


async def test_a_cancellation_is_not_taken_for_an_outage_where_its_rollback_fails(database: Database) -> None:
    held = asyncio.Event()

    async def cut_short() -> None:
        while True:  # as whoever waits for the database to come back
            with suppress(asyncpg.QueryCanceledError):
                async with database.acquire():
                    held.set()
                    try:
                        await asyncio.Event().wait()
                    except asyncio.CancelledError:
                        raise asyncpg.QueryCanceledError(
                            "what was sent to stop one statement stops the next"
                        ) from None

    task = asyncio.create_task(cut_short())
    await held.wait()
    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([task])
    assert task.cancelled()
    assert await database.ping() > 0


class _Ear:
    def __init__(self) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    async def next(self) -> str:
        async with asyncio.timeout(10):
            return await self.heard.get()


async def _say(database: Database, payload: str) -> None:
    async with database.acquire() as connection:
        await connection.execute("select pg_notify('changes', $1)", payload)


async def test_a_listener_hears_what_is_said_and_after_a_cut_is_told_to_look(database: Database) -> None:
    ear = _Ear()
    await database.listen("changes", ear.heard.put_nowait)
    await _say(database, "one")
    assert await ear.next() == "one"
    async with database.acquire() as connection:
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and query ilike 'listen%'"
        )
    assert await ear.next() == ""
    await _say(database, "two")
    assert await ear.next() == "two"
    await database.close()
    assert ear.heard.empty()


async def test_a_listener_outlives_a_stop_of_the_server(server: Server) -> None:
    database, ear = await Database.open(server.dsn), _Ear()
    await database.listen("changes", ear.heard.put_nowait)
    await asyncio.to_thread(server.stop)
    with pytest.raises(Away):
        await database.ping()
    server.start()
    assert await ear.next() == ""
    await _say(database, "again")
    assert await ear.next() == "again"
    await database.close()


async def test_a_listener_of_a_silent_server_is_cut_and_tries_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.01)
    ear = _Ear()
    await database.listen("changes", ear.heard.put_nowait)
    with psycopg.connect(database._dsn) as other:
        found = other.execute(
            "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() "
            "and query ~* '^(listen|select$|select pg_catalog)'"
        ).fetchall()
    monkeypatch.setattr(module, "PATIENCE_S", 0.2)
    for (pid,) in found:
        os.kill(pid, signal.SIGSTOP)
    try:
        assert await ear.next() == ""
    finally:
        for (pid,) in found:
            os.kill(pid, signal.SIGCONT)
