"""What a return comes to later, or together with another, is owed by nobody: neither more nor less than was charged."""

import asyncio
from decimal import Decimal

from app.model import Accepted
from app.store import balances
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import House, catalogue, contract, lead, source
from tests.pipeline.test_returning import TERMS, Desk, desk, selling

LATER = f"{TERMS}, remedy: replace"


def on_account(written: str) -> str:
    money = "    money: {terms: credit, credit_limit: '1000.00'}\n    contracts:"
    return written.replace("    contracts:", money)


async def owed(open_: Desk) -> Decimal:
    """By the counter that offers are held against, which must say what the books do."""
    await open_.books()
    async with open_.house.database.acquire() as conn:
        assert await balances.differing(conn) == []
    return Decimal(await open_.house.value("select value from counter where key = 'balance:b1'")).scaleb(-4)


async def test_a_lead_that_stands_in_is_taken_back_at_its_own_price_and_from_the_balance(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), on_account(selling(buyer, LATER))) as open_:
        await open_.returns.approve(await open_.requested(await open_.sold()), by="ann")
        cheaper = on_account(selling(buyer, LATER, price="40.00"))
        await open_.house.configure(catalogue(source(), cheaper))
        second = await open_.sold("bob@example.com")
        assert await owed(open_) == Decimal("82.00")
        await open_.returns.replace()
        assert await open_.house.value("select refunded from delivery where id = $1", second) == 40
        assert await owed(open_) == await open_.balance("buyer:b1") == Decimal("42.00")


async def test_a_price_that_goes_back_because_no_other_lead_came_is_no_more_in_the_balance(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), on_account(selling(buyer, LATER))) as open_:
        first = await open_.sold()
        await open_.returns.approve(await open_.requested(first), by="ann")
        await open_.house.run("update return_request set replace_until = now()")
        await open_.returns.replace()
        assert await open_.house.value("select refunded from delivery where id = $1", first) == 42
        assert await owed(open_) == await open_.balance("buyer:b1") == 0


async def test_several_in_one_body_are_each_credited_with_their_own_price(
    database: Database, buyer: Buyer
) -> None:
    terms = f'{TERMS}, auto: [{{when: "true", do: approve}}]'
    async with desk(database, source(), on_account(selling(buyer, terms))) as open_:
        one = await open_.sold()
        dearer = on_account(selling(buyer, terms, price="50.00"))
        await open_.house.configure(catalogue(source(), dearer))
        two = await open_.sold("bob@example.com")
        await open_.sold("cy@example.com")
        told = await open_.tell(
            *({"type": "return", "delivery_id": str(id_), "reason": "wrong_number"} for id_ in (one, two))
        )
        assert [result.code for result in told] == ["approved", "approved"]
        rows = await open_.house.rows("select credited, price_back from return_request order by sold_at")
        assert [tuple(row) for row in rows] == [(42, Decimal("12.5")), (50, Decimal("12.5"))]
        assert await owed(open_) == await open_.balance("buyer:b1") == 50
        assert await open_.balance("source:acme") == Decimal("-12.50")


async def test_only_a_later_sale_of_the_same_contract_that_is_paid_for_stands_in(
    database: Database, buyer: Buyer
) -> None:
    beside = contract("beside", buyer.url("/ok"), price="60.00", more='when: lead.state == "NV"')
    also = beside.split("    contracts:\n")[1]
    free = selling(buyer, LATER, price="0.00")
    async with desk(database, source(), selling(buyer, LATER) + also) as open_:
        await open_.sold("before@example.com")
        await open_.returns.approve(await open_.requested(await open_.sold()), by="ann")
        await open_.house.one(lead("test@example.com"), test=True)
        await open_.sold("beside@example.com", state="NV")
        await open_.house.configure(catalogue(source(), free))
        await open_.sold("free@example.com")
        await open_.returns.replace()
        assert await open_.house.value("select replaced_by from return_request") is None
        await open_.house.configure(catalogue(source(), selling(buyer, LATER)))
        last = await open_.sold("last@example.com")
        await open_.returns.replace()
        assert await open_.house.value("select replaced_by from return_request") == last
        await open_.books()


async def test_what_a_lead_stands_in_for_ends_there(database: Database, buyer: Buyer) -> None:
    """One sale stands in for one return, and one return has one: the next waits for the next sale."""
    async with desk(database, source(), selling(buyer, LATER)) as open_:
        for email in ("ann@example.com", "bob@example.com"):
            await open_.returns.approve(await open_.requested(await open_.sold(email)), by="ann")
        standing_in = []
        for email in ("cy@example.com", "dan@example.com", "eve@example.com"):
            standing_in.append(await open_.sold(email))
            await open_.returns.replace()
            await open_.returns.replace()
        rows = await open_.house.rows("select replaced_by from return_request order by decided_at")
        assert [row[0] for row in rows] == standing_in[:2]
        assert await open_.balance("buyer:b1") == 3 * 42
        await open_.books()


async def test_what_cost_nothing_is_given_back_for_no_other_lead(database: Database, buyer: Buyer) -> None:
    async with desk(database, source(), selling(buyer, LATER, price="0.00")) as open_:
        done = await open_.returns.approve(await open_.requested(await open_.sold()), by="ann")
        assert (done.credited, done.replace_until) == (Decimal(0), None)
        await open_.house.configure(catalogue(source(), selling(buyer, LATER)))
        await open_.sold("bob@example.com")
        await open_.returns.replace()
        assert await open_.balance("buyer:b1") == 42


async def test_a_balance_that_is_there_is_kept_right_also_where_nobody_is_held_to_it_any_more(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), on_account(selling(buyer))) as open_:
        request = await open_.requested(await open_.sold())
        await open_.house.configure(catalogue(source(), selling(buyer)))
        await open_.returns.approve(request, by="ann")
        assert await owed(open_) == 0


async def test_a_balance_that_is_counted_anew_at_the_same_moment_knows_of_the_return(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), on_account(selling(buyer))) as open_:
        request = await open_.requested(await open_.sold())
        await open_.house.run("delete from counter where key = 'balance:b1'")
        async with database.acquire() as conn, conn.transaction():
            await balances.make(conn, ["b1"])
            approving = asyncio.create_task(open_.returns.approve(request, by="ann"))
            await waits(open_.house)
        await approving
        assert await owed(open_) == 0


async def test_a_test_that_is_given_back_goes_to_nobody_else(database: Database, buyer: Buyer) -> None:
    parts = (selling(buyer, f"{TERMS}, resale: true"), selling(buyer, id_="b2", price="30.00"))
    async with desk(database, source(), *parts) as open_:
        lead_id = (await open_.house.one(lead(), test=True)).lead_id
        request = await open_.requested(await open_.delivery(lead_id), "outside_area")
        await open_.returns.approve(request, by="ann")
        await open_.returns.resell()
        assert await open_.house.state(lead_id) == "returned"
        assert await open_.house.deliveries(lead_id) == [("b1", "accepted")]


async def test_while_a_copy_is_unclear_a_lead_is_not_returned_and_its_source_is_paid(
    database: Database, buyer: Buyer
) -> None:
    perhaps = selling(buyer, id_="b2", price="30.00").replace("/ok", "/500")
    async with desk(database, source(), selling(buyer), perhaps, sell="shared(2)") as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        done = await open_.returns.approve(await open_.requested(await open_.delivery(lead_id)), by="ann")
        assert (done.resale, done.price_back) == ("waits", None)
        assert await open_.house.state(lead_id) != "returned"
        ((second,),) = await open_.house.rows("select id from delivery where buyer = 'b2'")
        await open_.house.settler.settle(second, Accepted(), by="ann")
        await open_.returns.resell()
        assert await open_.house.state(lead_id) == "sold"
        assert (await open_.books())["source:acme"] == Decimal("-12.50")


async def waits(house: House, n: int = 1) -> None:
    """Until so many wait for a lock."""

    async def they_do() -> bool:
        query = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        return bool(await house.value(query) >= n)

    await house.until(they_do)
