"""What tests stand on: a real PostgreSQL per test process, and a migrated database per test."""

import fcntl
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from app.store import migrate
from app.store.database import Database
from app.store.embedded import EmbeddedPostgres

# A crash of the machine may cost a test run its rows, so tests needn't wait for the disk. Never in the product.
QUICK = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "shared_buffers": "32MB"}
_NUMBER = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One server for this test process; it ends with it, however that ends."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix="leadgate-pytest-", dir="/tmp"))
    server = EmbeddedPostgres.start(folder / "data", settings=QUICK)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _administration(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def template_db(postgres: EmbeddedPostgres, _administration: psycopg.Connection) -> str:
    """The name of a database that is migrated once and only copied."""
    _administration.execute("create database migrated")
    migrate.migrate(_named(postgres, "migrated"))
    return "migrated"


@pytest.fixture
def empty_database_url(postgres: EmbeddedPostgres, _administration: psycopg.Connection) -> Iterator[str]:
    """A database without our tables."""
    yield from _database(postgres, _administration, template="template0")


@pytest.fixture
def database_url(
    postgres: EmbeddedPostgres, _administration: psycopg.Connection, template_db: str
) -> Iterator[str]:
    """A migrated database of this test's own."""
    yield from _database(postgres, _administration, template=template_db)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open pool on `database_url`."""
    opened = await Database.open(database_url, size=4, application_name="test")
    yield opened
    await opened.close()


def _sweep() -> None:
    """What runs that were killed have left: a folder whose lock nobody holds."""
    for lock in Path("/tmp").glob("leadgate-pytest-*/data/lock"):
        try:
            with lock.open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parents[1], ignore_errors=True)
        except OSError:
            pass  # in use, or another user's


def _database(
    postgres: EmbeddedPostgres, administration: psycopg.Connection, *, template: str
) -> Iterator[str]:
    name = f"test_{next(_NUMBER)}"
    administration.execute(f"create database {name} template {template}")
    yield _named(postgres, name)
    administration.execute(f"drop database {name} with (force)")


def _named(postgres: EmbeddedPostgres, name: str) -> str:
    return postgres.dsn.replace("/leadgate?", f"/{name}?", 1)
