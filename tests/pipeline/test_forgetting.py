"""Leads are forgotten when their campaign's time is over, and not before."""

from datetime import timedelta

import pytest

from app.core.world import World, utc_now
from app.pipeline import forgetting
from app.pipeline.forgetting import Forgetting
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import House, catalogue, contract, lead, opened, source
from tests.pipeline.test_persons import traces


def keeping(days: int, what: str, *parts: str) -> str:
    said = f"    retention: {{days: {days}, what: {what}}}\n    distribution:"
    return catalogue(*parts).replace("    distribution:", said)


def after(house: House, days: float) -> Forgetting:
    """As if so many days had gone by."""
    world = World(now=lambda: utc_now() + timedelta(days=days))
    return Forgetting(house.database, world, snapshot=lambda: house.plans.snapshot, lease_seconds=20)


async def test_a_lead_is_forgotten_when_its_time_is_over_and_the_books_stay(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, keeping(30, "person", source(), contract("b1", buyer.url("/ok")))) as house:
        await house.post(lead(), lead("bob@example.com"))
        assert not await after(house, 29.9).round()
        assert "ann@example.com" in await traces(house)
        assert not await after(house, 30.1).round()
        left = await traces(house)
        assert "example.com" not in left
        assert "ann" not in left
        rows = await house.rows("select state, revenue from lead where erased_at is not null")
        assert [(row[0], str(row[1])) for row in rows] == [("sold", "42.00")] * 2
        events = await house.rows("select by_whom, count(*) from lead_event group by 1")
        assert [tuple(row) for row in events] == [("retention", 2)]
        await after(house, 30.1).round()
        assert await house.value("select count(*) from lead_event") == 2


async def test_of_bytes_alone_what_was_understood_stays(database: Database, buyer: Buyer) -> None:
    async with opened(database, keeping(30, "bytes", source(), contract("b1", buyer.url("/ok")))) as house:
        await house.one(lead())
        await after(house, 31).round()
        assert bytes(await house.value("select body from submission")) == b""
        assert await house.value("select exchanges::text from attempt_end") == "[]"
        assert "ann@example.com" in await house.value("select fields::text from lead_detail")
        assert await house.value("select erased_at from lead") is None


async def test_what_waits_is_over_then_and_what_is_being_handed_over_is_waited_for(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, keeping(1, "person", source(), contract("b1", buyer.url("/429")))) as house:
        first, second = await house.waiting(lead()), await house.waiting(lead("bob@example.com"))
        await house.run("update delivery set state = 'sending' where lead_id = $1", first)
        await after(house, 2).round()
        assert await house.state(second) == "delivering"  # behind the one that holds it up
        await house.run("update delivery set state = 'waiting' where lead_id = $1", first)
        await after(house, 2).round()
        assert [await house.state(one) for one in (first, second)] == ["rejected", "rejected"]
        assert [row[0] for row in await house.rows("select state from delivery")] == ["cancelled"] * 2


async def test_many_are_forgotten_a_few_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "AT_ONCE", 2)
    async with opened(database, keeping(1, "person", source())) as house:
        for _ in range(3):
            await house.one(lead())
        assert await after(house, 2).round()
        assert await house.value("select count(*) from lead where erased_at is null") == 1
        assert not await after(house, 2).round()
        assert await house.value("select count(*) from lead where erased_at is null") == 0


async def test_a_campaign_that_says_nothing_forgets_nothing(database: Database) -> None:
    async with opened(database, catalogue(source())) as house:
        await house.one(lead())
        assert not await after(house, 3_000).round()
        assert "ann@example.com" in await traces(house)
