"""In a contract's line, and among what is due, the earliest priority goes first."""

import asyncio
from typing import Any

from app.store import deliveries
from app.store.database import Database
from tests.buyer import Buyer, reply, says
from tests.pipeline.house import House, catalogue, contract, lead, opened, source

WORTH = """    score: {start: 0, rules: [{when: lead.state == "CA", points: 90, why: sunny}]}
    distribution:"""


def yaml(*parts: str) -> str:
    return catalogue(source(), *parts).replace("    distribution:", WORTH)


async def priorities(house: House) -> dict[str, float]:
    rows = await house.rows(
        "select d.reason, l.score, extract(epoch from d.priority - l.received_at)::float8 from delivery d "
        "join lead l on l.id = d.lead_id"
    )
    return {str(row[1]): row[2] for row in rows}


async def test_a_delivery_keeps_its_priority(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(contract("b1", buyer.url("/ok"), price="50.00"))) as house:
        await house.one(lead(state="CA"))
        await house.one(lead("bob@example.com", state="TX"))
        assert await priorities(house) == {"90": (15 - 9 - 2.5) * 60, "0": (15 - 2.5) * 60}


async def test_of_what_is_due_the_worthier_goes_first_and_the_oldest_before_it(
    database: Database, buyer: Buyer
) -> None:
    says("/priority-503", reply(503))
    async with opened(database, yaml(contract("b1", buyer.url("/priority-503")))) as house:
        old = await house.waiting(lead("old@example.com", state="TX"))
        await house.waiting(lead("bob@example.com", state="TX"))
        worthy = await house.waiting(lead(state="CA"))
        await house.run("update delivery set next_at = now() - interval '1 second'")
        # The first has been waiting for longer than a score of 90 is worth.
        await house.run("update delivery set priority = priority - interval '1 hour' where lead_id = $1", old)

        async def next_one() -> Any:
            async with house.database.acquire() as conn:
                (row,) = await deliveries.claim_due(conn, house.identity(), 1, [])
            return row.lead_id

        assert [await next_one(), await next_one()] == [old, worthy]


async def test_what_was_written_before_there_were_priorities_goes_by_its_age(
    database: Database, buyer: Buyer
) -> None:
    says("/priority-503", reply(503))
    async with opened(database, yaml(contract("b1", buyer.url("/priority-503")))) as house:
        first = await house.waiting(lead("old@example.com", state="TX"))
        await house.waiting(lead(state="CA"))
        await house.run("update delivery set next_at = now() - interval '1 second'")
        await house.run("update delivery set priority = null where lead_id = $1", first)
        await house.run("update delivery set created_at = now() - interval '1 day' where lead_id = $1", first)
        async with house.database.acquire() as conn:
            (row,) = await deliveries.claim_due(conn, house.identity(), 1, [])
        assert row.lead_id == first


async def test_in_line_for_a_slow_buyer_the_worthier_lead_is_sent_first(
    database: Database, buyer: Buyer
) -> None:
    more = "concurrency: 1"
    async with opened(database, yaml(contract("b1", buyer.url("/ok"), more=more))) as house:
        sent: list[int] = []
        converse = house.engine.sender._converse
        go = asyncio.Event()

        async def noted(job: Any) -> Any:
            await go.wait()
            sent.append(job.track.worth.score)
            return await converse(job)

        house.engine.sender._converse = noted  # type: ignore[method-assign]  # where a conversation would begin
        states = ["TX", "TX", "CA", "TX", "CA"]
        posts = []
        for i, state in enumerate(states):
            posts.append(asyncio.create_task(house.one(lead(f"p{i}@example.com", state=state))))

            async def held(n: int = i + 1) -> bool:
                return len(house.engine.sender.in_hand) == n

            await house.until(held)
        go.set()
        await asyncio.gather(*posts)
        assert sent == [0, 90, 90, 0, 0]
