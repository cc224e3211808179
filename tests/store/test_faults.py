"""An outage is told by one word, whatever it is wrapped in, and by no text that somebody else wrote."""

import socket
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from app.store.database import Away, Database
from app.store.faults import CAUSES, cause_of


@pytest.mark.parametrize(
    "error, word",
    [
        (asyncpg.DiskFullError("could not extend file: No space left on device"), "disk_full"),
        (asyncpg.TooManyConnectionsError("sorry, too many clients already"), "too_many_connections"),
        (asyncpg.OutOfMemoryError("out of memory"), "no_resources"),
        (asyncpg.CannotConnectNowError("the database system is starting up"), "starting"),
        (asyncpg.ReadOnlySQLTransactionError("ann@example.com"), "read_only"),
        (asyncpg.ConnectionDoesNotExistError("x"), "lost"),
        (ConnectionResetError(), "lost"),
        (TimeoutError(), "timeout"),
        (OSError(113, "No route to host"), "unreachable"),
        (socket.gaierror(-2, "Name or service not known"), "unknown_host"),
        (Away("this database is closed"), "away"),
    ],
)
def test_each_kind_of_trouble_has_its_word(error: Exception, word: str) -> None:
    assert cause_of(error) == word
    assert word in CAUSES


async def cause(dsn: str) -> str:
    with pytest.raises(Away) as met:
        await Database.open(dsn, size=1)
    return cause_of(met.value)


async def test_what_really_happens_is_called_by_its_name(database_url: str, tmp_path: Path) -> None:
    parts = urlsplit(database_url)
    assert await cause("postgresql://127.0.0.1:1/none") == "refused"
    assert await cause(f"postgresql:///none?host={tmp_path}") == "refused"
    assert await cause(urlunsplit(parts._replace(path="/no_such_one"))) == "no_such_database"


async def test_who_says_nothing_is_a_timeout() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert await cause(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/none") == "timeout"
