from app.core.world import World
from app.store import letting_go
from app.store.database import Database

WORLD = World()


async def test_a_lead_that_is_let_go_is_auctioned_by_one_process_at_a_time(database: Database) -> None:
    lead_id = WORLD.new_id()
    async with database.acquire() as one, database.acquire() as other:
        await letting_go.ask(one, lead_id, "ann")
        await letting_go.ask(one, lead_id, "bob")
        await other.execute("set lock_timeout = '2s'")
        async with one.transaction():
            assert await letting_go.take(one, 20, 90) == [(lead_id, "ann")]
            assert await letting_go.take(other, 20, 90) == []
        assert await letting_go.take(other, 20, 90) == []
        await one.execute("update let_go set due_at = now()")  # who took it has died
        assert await letting_go.take(other, 20, 90) == [(lead_id, "ann")]


async def test_of_two_who_have_done_with_it_one_did(database: Database) -> None:
    lead_id = WORLD.new_id()
    async with database.acquire() as conn:
        await letting_go.ask(conn, lead_id, "ann")
        assert [await letting_go.forget(conn, lead_id) for _ in range(2)] == [True, False]
