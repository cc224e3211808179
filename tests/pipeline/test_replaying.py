"""A dead delivery that is asked again gets nothing that somebody else has by then, also at the same moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from app.core.errors import Conflict
from app.pipeline.faults import Retrying
from app.pipeline.replaying import PerhapsTaken, Replayer
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import House, catalogue, contract, lead, opened, source
from tests.pipeline.test_returning_money import waits


def giving_up(buyer: Buyer, id_: str, **more: str) -> str:
    """A contract whose first try is its last."""
    written = contract(id_, buyer.url("/503"), **more)
    return written.replace("schedule: [1h]", "schedule: []")


class Desk:
    def __init__(self, house: House) -> None:
        self.house = house
        retrying = Retrying(house.world, house.metrics, patience=2)
        self.replayer = Replayer(
            house.database, house.world, house.engine.chooser, retrying, lambda: house.plans
        )

    async def again(self, contract_id: str) -> Any:
        return await self.replayer.ask(await self.dead(contract_id), by="ann")

    async def dead(self, contract_id: str) -> UUID:
        (row,) = await self.house.rows("select id, state from delivery where contract = $1", contract_id)
        assert row["state"] == "dead"
        assert isinstance(row["id"], UUID)
        return row["id"]


@asynccontextmanager
async def desk(database: Database, *parts: str, **more: str) -> AsyncIterator[Desk]:
    async with opened(database, catalogue(source(), *parts, **more)) as house:
        yield Desk(house)


async def test_of_two_that_are_asked_again_at_once_one_is(database: Database, buyer: Buyer) -> None:
    parts = giving_up(buyer, "b1"), giving_up(buyer, "b2", price="30.00")
    async with desk(database, *parts) as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        async with database.acquire() as conn, conn.transaction():
            await conn.execute("select from lead where id = $1 for update", lead_id)
            both = [asyncio.create_task(open_.again(one)) for one in ("b1", "b2")]
            await waits(open_.house, 2)
        found = await asyncio.gather(*both, return_exceptions=True)
        assert sorted(isinstance(one, Conflict) for one in found) == [False, True]
        assert await open_.house.value("select count(*) from delivery where state = 'waiting'") == 1


async def test_a_buyer_who_has_a_copy_by_another_contract_gets_no_second_one(
    database: Database, buyer: Buyer
) -> None:
    beside = contract("beside", buyer.url("/ok"), price="30.00").split("    contracts:\n")[1]
    async with desk(database, giving_up(buyer, "b1") + beside, sell="shared(2)") as open_:
        await open_.house.one(lead())
        states = await open_.house.rows("select contract, slot, state from delivery order by contract")
        assert [(row[0], row[2]) for row in states] == [("b1", "dead"), ("beside", "accepted")]
        await open_.house.run("update delivery set slot = 2 where contract = 'beside'")
        with pytest.raises(Conflict, match="was sold to beside since"):
            await open_.again("b1")


async def test_a_lead_that_was_given_back_or_is_in_a_later_round_is_not_revived(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, giving_up(buyer, "b1")) as open_:
        await open_.house.one(lead())
        await open_.house.run("update lead set state = 'returned'")
        with pytest.raises(Conflict, match="its lead is returned"):
            await open_.again("b1")
        await open_.house.run("update lead set state = 'unsold', round = 2")
        with pytest.raises(Conflict, match="its lead is in round 2"):
            await open_.again("b1")


async def test_a_test_that_is_asked_again_takes_of_no_cap(database: Database, buyer: Buyer) -> None:
    caps = "caps: [{per: day, leads: 1}]"
    async with desk(database, giving_up(buyer, "b1", more=caps)) as open_:
        await open_.house.one(lead(), test=True)
        await open_.again("b1")
        assert await open_.house.value("select reserved from delivery") == ""
        assert sum((await open_.house.counters()).values()) == 0


async def test_whoever_would_be_its_only_buyer_does_not_get_what_was_sold_in_copies_since(
    database: Database, buyer: Buyer
) -> None:
    copies = [
        contract(id_, buyer.url("/ok"), price="0", more='shared_price: "15.00"') for id_ in ("b2", "b3")
    ]
    parts = giving_up(buyer, "b1"), *copies
    async with desk(database, *parts, sell="hybrid(2)") as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        await open_.house.ends(lead_id, "sold")
        assert dict(await open_.house.deliveries(lead_id))["b2"] == "accepted"
        with pytest.raises(Conflict, match="its lead was sold to b"):
            await open_.again("b1")


@pytest.mark.parametrize("idempotent", [True, False])
async def test_what_is_unclear_is_asked_again_only_of_whom_nothing_comes_twice(
    database: Database, buyer: Buyer, idempotent: bool
) -> None:
    async with desk(database, giving_up(buyer, "b1", more=f"idempotent: {idempotent}")) as open_:
        await open_.house.one(lead())
        delivery = await open_.dead("b1")
        await open_.house.run("update delivery set state = 'unclear'")
        if not idempotent:
            with pytest.raises(PerhapsTaken):
                await open_.replayer.ask(delivery, by="ann")
        await open_.replayer.ask(delivery, by="ann", even_unclear=not idempotent)
        assert await open_.house.value("select state from delivery") == "waiting"


async def test_of_a_lead_that_was_erased_nothing_is_sent_again(database: Database, buyer: Buyer) -> None:
    async with desk(database, giving_up(buyer, "b1")) as open_:
        await open_.house.one(lead())
        delivery = await open_.dead("b1")
        await open_.house.run("update delivery set state = 'unclear'")
        await open_.house.run("update lead set erased_at = now()")
        with pytest.raises(Conflict, match="deleted at the request"):
            await open_.replayer.ask(delivery, by="ann", even_unclear=True)
