"""What tests stand on: a real PostgreSQL per test process, and a migrated database per test."""

import fcntl
import gc
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from app.store import migrate
from app.store.database import Database
from app.store.embedded import EmbeddedPostgres

# A crash of the machine may cost a test run its rows, so tests needn't wait for the disk. Never in the product.
QUICK = {
    "fsync": "off", "full_page_writes": "off", "autovacuum": "off", "shared_buffers": "32MB", "max_wal_size": "128MB",
}  # fmt: skip
# A database is 800 files: in memory its copy costs a tenth. A container's 64 MB are too few for it.
MEMORY, DISK = Path("/dev/shm"), Path("/tmp")
ENOUGH = 2 * 2**30
_NUMBER = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One server for this test process; it ends with it, however that ends."""
    with _alone():
        _sweep()
        folder = Path(tempfile.mkdtemp(prefix="leadgate-pytest-", dir=_fastest()))
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


@pytest.fixture
def untouched_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process does to its heap is not done to that of the tests, where one collection takes 0.4 s."""
    monkeypatch.setattr(gc, "collect", lambda: 0)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    monkeypatch.setattr(gc, "set_threshold", lambda *_: None)


def _fastest() -> Path:
    roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH
    return MEMORY if roomy else DISK


@contextmanager
def _alone() -> Iterator[None]:
    """No other run sweeps meanwhile: a server that is just starting doesn't hold its lock yet."""
    with (DISK / f"leadgate-pytest.{os.getuid()}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sweep() -> None:
    """What runs that were killed have left: a folder whose lock nobody holds."""
    for lock in itertools.chain.from_iterable(
        root.glob("leadgate-pytest-*/data/lock") for root in (MEMORY, DISK)
    ):
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
    administration.execute(f"create database {name} template {template} strategy file_copy")
    yield _named(postgres, name)
    administration.execute(f"drop database {name} with (force)")


def _named(postgres: EmbeddedPostgres, name: str) -> str:
    return postgres.dsn.replace("/leadgate?", f"/{name}?", 1)
