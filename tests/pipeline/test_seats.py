"""A contract's `concurrency` counts pings and postbacks too: who asks waits for a place, or does not bid."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.core.metrics import expose
from app.pipeline.auctioneer import Auctioneer
from app.store import callbacks
from app.store.callbacks import Later
from app.store.database import Database
from tests.bidders import Bidders, bidder, campaign, market, standing
from tests.pipeline.house import House, catalogue, contract, lead, opened, source
from tests.pipeline.test_auction import ANN, Market, auctions, who
from tests.pipeline.test_callbacks import callbacks_of
from tests.slow import Slow

LONG, SHORT = "{deadline: 20s}", "{deadline: 300ms}"


class SlowBidders(Slow, Bidders):
    """One of them, who is to have many at once."""


@pytest.fixture
async def buyer() -> AsyncIterator[SlowBidders]:
    async with SlowBidders({"volta": "15.00"}) as listening:
        yield listening
        listening.go.set()


def seated(house: Market) -> Market:
    house.auctioneer = Auctioneer(
        house.database, house.auctioneer._wire, house.world, house.metrics, plans=lambda: house.plans,
        seats=lambda: house.engine.sender.seats,
    )  # fmt: skip
    return house


def written(buyer: SlowBidders, auction: str, most: int) -> str:
    return market(
        bidder(buyer, "volta", more=f"concurrency: {most}"), standing(buyer, "house", "4.00", more="concurrency: 1"),
        campaign=campaign(auction),
    )  # fmt: skip


async def handing_over(house: Market, buyer: SlowBidders) -> "asyncio.Task[Any]":
    """volta has its one lead."""
    work = house.work(ANN)
    await house.keep(work)
    task = asyncio.create_task(house.engine.decided(work, house.world.monotonic() + 60))
    await buyer.has(1)
    return task


async def test_who_has_no_place_until_the_deadline_is_not_asked_and_it_is_said(
    database: Database, buyer: SlowBidders
) -> None:
    yaml = written(buyer, SHORT, 1).replace('price: "1.00"', 'price: "9.00"')
    async with auctions(database, yaml) as house:
        selling = await handing_over(house, buyer)
        hammer = await seated(house).hold()
        assert (buyer.pings(), hammer.silent) == ([], {"volta": "no_place"})
        assert [name for name, _ in who(hammer)] == ["house"]
        shown = expose([house.metrics.snapshot()]).decode()
        assert 'leadgate_bids_total{contract="volta",outcome="no_place"} 1' in shown
        buyer.go.set()
        await selling
        assert [name for name, _ in who(await house.hold())] == ["volta", "house"]


async def test_who_gets_a_place_in_time_bids(database: Database, buyer: SlowBidders) -> None:
    yaml = written(buyer, LONG, 1).replace('price: "1.00"', 'price: "9.00"')
    async with auctions(database, yaml) as house:
        selling = await handing_over(house, buyer)
        asked = asyncio.create_task(seated(house).hold())
        while not house.engine.sender.seats.waiting("volta"):
            await asyncio.sleep(0)
        buyer.go.set()
        assert [name for name, _ in who(await asked)] == ["volta", "house"]
        await selling
    assert buyer.most == 1


async def test_any_number_of_pings_take_turns(database: Database, buyer: SlowBidders) -> None:
    async with auctions(database, written(buyer, LONG, 2)) as house:
        seated(house)
        asked = [asyncio.create_task(house.hold()) for _ in range(7)]
        await buyer.has(2)
        buyer.go.set()
        hammers = await asyncio.gather(*asked)
    assert [[name for name, _ in who(one)] for one in hammers] == [["volta", "house"]] * 7
    assert (buyer.most, len(buyer.pings())) == (2, 7)


async def test_a_lead_waits_for_the_end_of_a_ping(database: Database, buyer: SlowBidders) -> None:
    yaml = written(buyer, LONG, 1).replace('price: "1.00"', 'price: "9.00"')
    async with auctions(database, yaml) as house:
        asked = asyncio.create_task(seated(house).hold())
        await buyer.has(1)
        work = house.work(ANN)
        await house.keep(work)
        selling = asyncio.create_task(house.engine.decided(work, house.world.monotonic() + 60))
        while not house.engine.sender._line["volta"]:
            await asyncio.sleep(0)
        buyer.go.set()
        await asyncio.gather(asked, selling)
    assert (buyer.most, len(buyer.leads("volta"))) == (1, 1)


async def test_whoever_gives_up_leaves_no_place_taken(database: Database, buyer: SlowBidders) -> None:
    async with auctions(database, written(buyer, SHORT, 1)) as house:
        seated(house)
        hammers = await asyncio.gather(*(house.hold() for _ in range(3)))
        assert sorted(one.silent["volta"] for one in hammers) == ["late", "no_place", "no_place"]
        while house.engine.sender.busy("volta"):
            await asyncio.sleep(0)
        assert house.engine.sender.seats.waiting("volta") == 0
        buyer.go.set()
        assert len(who(await house.hold())) == 2


async def test_processes_share_the_places(database: Database, buyer: SlowBidders) -> None:
    yaml = written(buyer, LONG, 1)
    async with auctions(database, yaml) as one, auctions(database, yaml) as other:
        asked = [asyncio.create_task(seated(each).hold()) for each in (one, other)]
        await buyer.has(1)
        buyer.go.set()
        assert [len(who(hammer)) for hammer in await asyncio.gather(*asked)] == [2, 2]
    assert buyer.most == 1


async def owe(house: House, n: int) -> None:
    """Its buyer is to hear of as many decisions."""
    (lead_id,) = (await house.rows("select id from lead"))[0]
    new = house.world.new_id
    decided = [
        Later(
            id=new(), lead_id=lead_id, round=1, party="contract volta", event="return_approved", about=new(), document="{}"
        )
        for _ in range(n)
    ]  # fmt: skip
    async with house.database.acquire() as conn:
        await callbacks.tell(conn, decided)


async def test_a_postback_waits_for_a_place_and_takes_one(database: Database, buyer: SlowBidders) -> None:
    more = f"concurrency: 1\n        postback: {{url: {buyer.url('/lead/told')}}}"
    async with opened(database, catalogue(source(), contract("volta", buyer.url("/lead/volta"), more=more))) as house:  # fmt: skip
        work = house.work(lead())
        await house.keep(work)
        selling = asyncio.create_task(house.engine.decided(work, house.world.monotonic() + 60))
        await buyer.has(1)
        await owe(house, 3)
        telling = callbacks_of(house)
        await telling.due()
        while house.engine.sender.seats.waiting("volta") < 3:
            await asyncio.sleep(0)
        assert buyer.leads("told") == []
        buyer.go.set()
        await asyncio.gather(selling, *telling.tasks)
        assert await house.value("select count(*) from callback where state = 'told'") == 3
    assert (buyer.most, len(buyer.leads("told"))) == (1, 3)


async def test_a_postback_that_waits_when_the_process_ends_is_told_by_another(
    database: Database, buyer: SlowBidders
) -> None:
    more = f"concurrency: 1\n        postback: {{url: {buyer.url('/lead/told')}}}"
    async with opened(database, catalogue(source(), contract("volta", buyer.url("/lead/volta"), more=more))) as house:  # fmt: skip
        work = house.work(lead())
        await house.keep(work)
        selling = asyncio.create_task(house.engine.decided(work, house.world.monotonic() + 60))
        await buyer.has(1)
        await owe(house, 1)
        telling = callbacks_of(house)
        await telling.due()
        while not house.engine.sender.seats.waiting("volta"):
            await asyncio.sleep(0)
        await telling.stop(0.0)
        assert house.engine.sender.seats.waiting("volta") == 0
        buyer.go.set()
        await selling
        await house.run("update process set seen_at = now() - interval '1 hour'")
        other = callbacks_of(house)
        await other.recover()
        await other.due()
        await asyncio.gather(*other.tasks)
    assert len(buyer.leads("told")) == 1
