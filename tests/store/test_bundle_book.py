"""What a person does to files of many: neither another contract's leads nor a file under way are touched."""

from typing import Any
from uuid import UUID

from app.core.world import World
from app.store import bundle_book, bundles
from app.store.database import Database

WORLD = World()


async def delivery(conn: Any, contract: str, state: str = "waiting") -> tuple[UUID, UUID]:
    ids = WORLD.new_id(), WORLD.new_id()
    await conn.execute(
        """insert into delivery (id, lead_id, round, slot, rank, campaign, contract, buyer, state, price, next_at)
           values ($1, $2, 1, 1, 1, 'solar', $3, 'sunco', $4, 0, now() + interval '1 hour')""",
        *ids, contract, state,
    )  # fmt: skip
    return ids


async def test_a_file_is_made_sooner_of_its_own_contract_alone(database: Database) -> None:
    async with database.acquire() as conn:
        mine, _ = await delivery(conn, "west")
        await delivery(conn, "east")
        assert (await bundle_book.early(conn, "west"))[0] == 1
        due = await conn.fetch("select id from delivery where next_at <= now()")
    assert [row[0] for row in due] == [mine]


async def test_a_file_that_somebody_sends_or_begins_is_not_said_not_to_be_there(database: Database) -> None:
    bundle = WORLD.new_id()
    async with database.acquire() as conn, database.acquire() as other:
        sending = await delivery(conn, "west", "sending")
        await bundles.new(conn, bundle, "west", "leads.csv", [sending])
        assert not await bundle_book.not_there(conn, bundle, "west")
        await conn.execute("update delivery set state = 'unclear'")
        async with other.transaction():
            assert await bundles.alone(other, "west")
            assert not await bundle_book.not_there(conn, bundle, "west")
        assert await bundle_book.not_there(conn, bundle, "west")
