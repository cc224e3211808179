"""Never more begin in a window than its rate says, whoever asks."""

import asyncio

from app.store import pace
from app.store.database import Database

_BEFORE = "update pace set began = began - interval '2 minutes'"


async def still(database: Database) -> None:
    """A window that does not end while the test runs: the clock does not go back behind it."""
    async with database.acquire() as conn:
        await conn.execute("insert into pace values ('west', now() + interval '1 hour', 0)")


async def test_a_window_grants_what_its_rate_says_and_no_more(database: Database) -> None:
    await still(database)
    granted = [await _taken(database, want) for want in (3, 3, 3)]
    assert granted == [3, 2, 0]


async def _taken(database: Database, want: int) -> int:
    async with database.acquire() as conn:
        return (await pace.take(conn, "west", seconds=60, n=5, want=want))[0]


async def test_the_next_window_begins_anew(database: Database) -> None:
    await _taken(database, 5)
    async with database.acquire() as conn:
        await conn.execute(_BEFORE)
    assert await _taken(database, 2) == 2


async def test_many_who_ask_at_once_get_no_more_together(database: Database) -> None:
    await still(database)
    assert sum(await asyncio.gather(*(_taken(database, 2) for _ in range(8)))) == 5


async def test_what_is_left_of_the_window_is_told(database: Database) -> None:
    async with database.acquire() as conn:
        for seconds in (1, 60):
            _, left = await pace.take(conn, f"every-{seconds}", seconds=seconds, n=1, want=1)
            assert 0 <= left <= seconds


async def test_contracts_do_not_take_from_each_other(database: Database) -> None:
    async with database.acquire() as conn:
        await pace.take(conn, "east", seconds=60, n=5, want=5)
    assert await _taken(database, 1) == 1
