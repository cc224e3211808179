"""What ends a claim or pulls a lead back, and whom it leaves alone: another's claim, a quota, a hand-over under way."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.core.errors import NotFound, NotYours
from app.pipeline.faults import Retrying
from app.pipeline.replaying import Replayer
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import House, lead, opened
from tests.pipeline.pools import Desk, house_yaml, pooling
from tests.pipeline.test_offers import pushing
from tests.pipeline.test_returning import Desk as Hearing
from tests.pipeline.test_returning_money import waits


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with opened(database, house_yaml()) as house:
        yield house


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


async def test_of_a_paused_contract_nothing_is_claimed(house: House, desk: Desk) -> None:
    (lead_id,) = await desk.pooled()
    await house.configure(house_yaml(pooling(more="paused: true")))
    with pytest.raises(NotFound):
        await desk.claim("dana")
    await house.configure(house_yaml())
    assert (await desk.claim("dana")).lead_id == lead_id


async def test_a_claim_that_ends_while_its_close_waits_closes_nothing(house: House, desk: Desk) -> None:
    (lead_id,) = await desk.pooled()
    await desk.claim("dana")
    async with house.database.acquire() as conn, conn.transaction():
        await conn.execute("select from delivery for update")
        closing = asyncio.create_task(desk.close("dana", lead_id))
        await waits(house)
        await house.run("update pool set expires_at = now()")
        await desk.offers.expire()
        await desk.claim("sam")
    with pytest.raises(NotYours):
        await closing
    assert await house.state(lead_id) == "pooled"
    assert await desk.close("sam", lead_id) == "sold"


async def test_from_whom_it_was_moved_away_it_may_be_claimed_again(house: House, desk: Desk) -> None:
    (lead_id,) = await desk.pooled()
    await desk.claim("dana")
    await desk.pool.move(lead_id, "all", by="ops")
    assert (await desk.claim("dana")).lead_id == lead_id


async def test_what_was_pushed_to_a_person_uses_nothing_of_its_quota_up(
    database: Database, buyer: Buyer
) -> None:
    people = "[{id: dana, quota: [{leads: 1, per: day}]}, {id: sam}]"
    text = pushing(buyer, "{no_action: 30m, to: inside-pool, person: dana}", people)
    async with opened(database, house_yaml(text)) as house:
        first, second = [(await house.one(lead(f"ann{n}@example.com"))).lead_id for n in range(2)]
        desk = Desk(house)
        await house.run("update pull_watch set due_at = now() where lead_id = $1", first)
        await desk.offers.along()
        await house.ends(first, "pooled")
        await house.run("delete from pool_claim where lead_id = $1", second)
        await house.configure(house_yaml(pooling(people=people)))
        third = (await house.one(lead("ann3@example.com"))).lead_id
        assert (await desk.claim("dana")).lead_id == third


async def test_a_word_that_was_taken_back_keeps_no_push(database: Database, buyer: Buyer) -> None:
    text = pushing(buyer, "{no_action: 30m, to: inside-pool}", "[{id: dana}]")
    async with opened(database, house_yaml(text)) as house:
        answer = await house.one(lead())
        told = {"delivery_id": str(await house.value("select id from delivery")), "code": "contacted"}
        await Hearing(house).tell(told, buyer="inside")
        await house.run("update feedback set voided = true")
        await house.run("update pull_watch set due_at = now()")
        await Desk(house).offers.along()
        await house.ends(answer.lead_id, "pooled")


async def test_what_is_asked_again_meanwhile_is_not_pulled_back(database: Database, buyer: Buyer) -> None:
    text = pushing(buyer, "{no_action: 30m, to: inside-pool}", "[{id: dana}]", path="/500")
    async with opened(database, house_yaml(text)) as house:
        answer = await house.one(lead())
        assert answer.state == "unclear"
        replayer = Replayer(
            house.database, house.world, house.engine.chooser, Retrying(house.world, house.metrics), lambda: house.plans
        )  # fmt: skip
        delivery = await house.value("select id from delivery")
        await replayer.ask(delivery, by="ann", in_seconds=3600, even_unclear=True)
        await house.run("update pull_watch set due_at = now()")
        await Desk(house).offers.along()
        assert await house.deliveries(answer.lead_id) == [("push", "waiting")]
