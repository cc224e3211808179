"""A turn belongs to one process, and who lost it writes nothing."""

import asyncio
from uuid import UUID

from app.core.world import uuid7
from app.store import channels
from app.store.channels import Turn
from app.store.database import Database

PLACES = [("acme", f"feed-{n:02}") for n in range(40)]


async def process(database: Database) -> UUID:
    id_ = uuid7()
    async with database.acquire() as conn:
        await conn.execute("insert into process (id, role, host, pid) values ($1, 'test', 'h', 1)", id_)
    return id_


async def claimed(database: Database, me: UUID, limit: int = 100) -> list[Turn]:
    async with database.acquire() as conn:
        return await channels.claim(conn, me, PLACES, limit, 20)


async def test_of_processes_that_claim_at_once_each_place_goes_to_one(database: Database) -> None:
    async with database.acquire() as conn:
        await channels.make(conn, PLACES)
    processes = [await process(database) for _ in range(4)]
    for n in range(1, 6):
        turns = [
            turn
            for found in await asyncio.gather(*(claimed(database, me) for me in processes))
            for turn in found
        ]
        assert sorted((turn.source, turn.key) for turn in turns) == PLACES
        assert {turn.visit for turn in turns} == {n}
        async with database.acquire() as conn:
            for turn in turns:
                assert await channels.finish(conn, turn, 0, None)


async def test_who_lost_the_turn_writes_nothing(database: Database) -> None:
    async with database.acquire() as conn:
        await channels.make(conn, PLACES[:1])
    me = await process(database)
    (first,) = await claimed(database, me)
    (second,) = await claimed(database, me)  # the same process: its first claim's commit was in doubt
    async with database.acquire() as conn:
        assert not await channels.remember(conn, first, {"at": 1})
        assert not await channels.finish(conn, first, 900, "late")
        await channels.release(conn, first, 900)
        assert await channels.remember(conn, second, {"at": 2})
        assert await channels.finish(conn, second, 0, None)
    (third,) = await claimed(database, me)
    assert third.state == {"at": 2}
    assert (third.failures, third.visit) == (0, 3)


async def test_a_row_is_made_once(database: Database) -> None:
    async with database.acquire() as conn:
        await channels.make(conn, PLACES)
        await channels.make(conn, PLACES)
        assert len(await channels.standings(conn)) == len(PLACES)
