"""What a buyer bid is durable before his lead leaves, so that it is booked whoever is killed in between."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from app.model import Accepted
from app.store import bids
from app.store.database import Away, Database
from tests.bidders import Bidders, campaign, market
from tests.buyer import Received, Stream
from tests.pipeline.house import House, opened

ANN = {"first_name": "Ann", "email": "ann@example.com", "state": "CA"}


class Watched(Bidders):
    """What stands in the database when a lead comes; it is answered once the test says so."""

    def __init__(self) -> None:
        super().__init__({"volta": "15.00"})
        self.looks: Any = None
        self.seen: list[Any] = []
        self.pinged = asyncio.Event()
        self.bids_now = asyncio.Event()
        self.answers = asyncio.Event()

    async def answer(self, request: Received, stream: Stream) -> None:
        if request.path.startswith("/ping/"):
            self.pinged.set()
            await self.bids_now.wait()
        else:
            self.seen.append(await self.looks())
            await self.answers.wait()
        await super().answer(request, stream)


@pytest.fixture
async def buyer() -> AsyncIterator[Watched]:
    async with Watched() as listening:
        listening.bids_now.set()
        yield listening
        listening.answers.set()


@pytest.fixture
async def house(database: Database, buyer: Watched) -> AsyncIterator[House]:
    asked = f"""
  - id: volta
    contracts:
      - id: volta
        campaign: solar
        price: "1.00"
        caps: [{{per: day, amount: "500"}}]
        deliver:
          adapter: ping_post
          ping: {{url: {buyer.url("/ping/volta")}, accepted: has(reply.json.price), price: reply.json.price}}
          post: {{url: {buyer.url("/lead/volta")}, accepted: reply.json.status == "accepted"}}
"""
    async with opened(database, market(asked, campaign=campaign())) as house:
        buyer.looks = lambda: house.value("select bid from attempt")
        yield house
        buyer.answers.set()


async def posting(house: House) -> "asyncio.Task[Any]":
    work = house.work(ANN)
    await house.keep(work)
    return asyncio.create_task(house.engine.decided(work, house.world.monotonic() + 20))


async def test_it_stands_there_when_the_lead_leaves(house: House, buyer: Watched) -> None:
    buyer.answers.set()
    await (await posting(house))
    assert buyer.seen == [Decimal("15.00")]
    assert await house.value("select price from delivery where state = 'accepted'") == Decimal("15.00")


async def test_who_settles_what_a_killed_process_left_books_the_bid(house: House, buyer: Watched) -> None:
    asked = await posting(house)

    async def left() -> bool:
        return bool(buyer.seen)

    await house.until(left)
    await house.run("update process set seen_at = now() - interval '1 hour'")
    await house.upkeep._orphans(None)  # as another process does it
    delivery_id = await house.value("select id from delivery where state = 'unclear'")
    step = await house.settler.settle(delivery_id, Accepted(), by="ann")
    assert step is not None
    assert await house.value("select price from delivery") == Decimal("15.00")
    assert await house.value("select amount from entry where kind = 'sale'") == Decimal("15.00")
    assert await house.value("select value from counter where key like 'budget:%'") == 150_000
    asked.cancel()


async def test_another_price_that_is_said_goes_before_it(house: House, buyer: Watched) -> None:
    asked = await posting(house)

    async def left() -> bool:
        return bool(buyer.seen)

    await house.until(left)
    delivery_id = await house.value("select id from delivery")
    await house.settler.settle(delivery_id, Accepted(price=Decimal("9.00")), by="ann")
    assert await house.value("select price from delivery") == Decimal("9.00")
    asked.cancel()


async def test_a_lead_that_is_this_processs_no_more_does_not_leave(house: House, buyer: Watched) -> None:
    buyer.bids_now.clear()
    asked = await posting(house)
    await buyer.pinged.wait()
    await house.run("update delivery set lease_id = $1", house.world.new_id())
    buyer.bids_now.set()

    async def over() -> bool:
        return not house.engine.sender.tasks

    await house.until(over)
    assert buyer.seen == []
    asked.cancel()


async def test_without_a_database_to_keep_it_the_lead_waits(
    house: House, buyer: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise Away("gone")

    monkeypatch.setattr(bids, "keep", away)
    asked = await posting(house)

    async def waits() -> bool:
        return bool(await house.value("select state = 'waiting' from delivery"))

    await house.until(waits)
    assert (buyer.seen, await house.value("select reason from attempt_end")) == ([], "bid_not_kept")
    asked.cancel()
