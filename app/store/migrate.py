"""Brings a database's tables to the form that this version of the code needs.

`python -m app.store.migrate "why it is needed"` writes an empty next migration.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

LOCK = 0x6C656164_67617465  # the advisory lock of whoever migrates: «leadgate»
_one_at_a_time = threading.Lock()  # alembic keeps what it is doing in a module


class NewerDatabase(Exception):
    """A newer version of the code has migrated this database; going on would harm its rows."""


def migrate(dsn: str) -> tuple[str, str]:
    """Bring it to the newest form: (revision before, revision after), "" where there was none.

    Blocks, so call it in a thread. Of several that start at once, one migrates and the others wait.
    """
    config = _config()
    newest = head()
    with _one_at_a_time, _connected(dsn) as connection:
        _be_alone(connection)
        before = _revision(connection)
        _refuse_newer(before, newest)
        if before != newest:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return before, _revision(connection)


def current(dsn: str) -> str:
    """The revision that the database is at; "" where it has no tables of ours."""
    with _connected(dsn) as connection:
        return _revision(connection)


def head() -> str:
    """The revision that this code needs."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def check(dsn: str) -> str:
    """What stands between this database and this code, in a sentence; "" where nothing does."""
    at, newest = current(dsn), head()
    try:
        _refuse_newer(at, newest)
    except NewerDatabase as error:
        return str(error)
    return (
        "" if at == newest else f"the database is at {at or 'nothing'}, the code needs {newest}: migrate it"
    )


def _refuse_newer(at: str, newest: str) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if at and at not in known:
        raise NewerDatabase(
            f"the database is at revision {at}, which this version of leadgate (at {newest}) does not know: "
            "a newer one has migrated it. Run that version, or restore a backup from before"
        )


def _folder() -> Path:
    """In the wheel beside this package, in a checkout beside `app`."""
    app = Path(__file__).resolve().parents[1]
    packed = app / "_migrations"
    return packed if packed.is_dir() else app.parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    return config


def _revision(connection: Connection) -> str:
    found = MigrationContext.configure(connection).get_current_revision() or ""
    connection.rollback()  # the look itself began a transaction
    return found


@contextmanager
def _connected(dsn: str) -> Iterator[Connection]:
    """libpq reads the URL itself: sockets, several hosts and TLS mean what they mean to asyncpg."""

    def connect() -> Any:
        return psycopg.connect(
            dsn, connect_timeout=5, target_session_attrs="read-write", application_name="leadgate migrate"
        )

    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _be_alone(connection: Connection) -> None:
    """The lock is the session's and ends with it. Asked for again and again, because waiting inside one
    statement would hold a snapshot, and with it any `create index concurrently` of the one who migrates.
    """
    while not connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": LOCK}):
        connection.rollback()
        time.sleep(0.05)
    connection.rollback()


def _write_next(message: str) -> None:
    command.revision(_config(), message, rev_id=f"{int(head() or 0) + 1:04}")


if __name__ == "__main__":
    _write_next(" ".join(sys.argv[1:]))
