from collections import deque
from uuid import UUID

import asyncpg
import pytest

from app.store.database import Database

ID = UUID("01938d1c-7d2f-7c3a-9c1e-5f0e2a6b7c8d")


async def test_lists_and_tuples_are_arrays_whatever_they_hold(database: Database) -> None:
    said = "select $1::text[], $2::uuid[], $3::bytea[], $4::int[], $5::text[], $6::text[][]"
    deep = [["a", "b"], ["c", None]]
    async with database.acquire() as conn:
        row = await conn.fetchrow(said, ["a", None, "ä,{}"], (ID,), [b"\x00", None], [1, None], [], deep)
    assert tuple(row) == (["a", None, "ä,{}"], [ID], [b"\x00", None], [1, None], [], deep)


@pytest.mark.parametrize("other", ["text", {"a"}, {"a": 1}, 7])
async def test_what_is_no_list_is_no_array(database: Database, other: object) -> None:
    async with database.acquire() as conn:
        with pytest.raises(asyncpg.DataError):
            await conn.fetchval("select $1::text[]", other)


async def test_elements_are_not_asked_whether_they_could_be_iterated(database: Database) -> None:
    """Where this is red asyncpg asks otherwise now, and each statement takes twice as long to encode."""
    async with database.acquire() as conn:
        with pytest.raises(asyncpg.DataError):
            await conn.fetchval("select $1::text[]", [deque(["a"])])
