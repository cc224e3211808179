"""Limits on the way of real leads: reserved with the choice, given back with a no, settled where a price differs."""

import json
from decimal import Decimal
from typing import Any

from app.core.money import of_units
from app.model import Accepted, Rejected
from app.store import balances
from app.store.database import Database
from app.store.ledger import Entry, post
from tests.buyer import Buyer, reply, says
from tests.pipeline.house import ON_EMAIL, House, catalogue, contract, lead, opened, source

PREPAID = {"terms": "prepaid"}


def with_buyer(text: str, buyer: str, **more: Any) -> str:
    """The catalogue with more said of one buyer."""
    begins = f"\n  - id: {buyer}\n"
    assert text.count(begins) == 1
    return text.replace(
        begins, begins + "".join(f"    {key}: {json.dumps(it)}\n" for key, it in more.items())
    )


async def deposit(house: House, amount: str, *, buyer: str = "b1", key: str = "a") -> None:
    entry = Entry(
        kind="deposit", debit="cash", credit=f"buyer:{buyer}", amount=Decimal(amount), currency="USD", key=key,
        buyer=buyer,
    )  # fmt: skip
    async with house.database.acquire() as conn, conn.transaction():
        await post(conn, [entry])
        await balances.change(conn, {buyer: -Decimal(amount)})
    house.engine.decider._chooser._hints.clear()  # a second passes


async def owes(house: House, buyer: str = "b1") -> Decimal:
    async with house.database.acquire() as conn:
        assert await balances.differing(conn) == []
        return of_units((await balances.there(conn, [buyer]))[buyer])


def leads(n: int) -> list[dict[str, str]]:
    return [lead(f"ann{i}@example.com") for i in range(n)]


async def test_who_pays_beforehand_gets_what_was_paid_for(database: Database, buyer: Buyer) -> None:
    text = with_buyer(catalogue(source(), contract("b1", buyer.url("/ok"))), "b1", money=PREPAID)
    async with opened(database, text) as house:
        assert (await house.one(leads(1)[0])).state == "unsold"
        await deposit(house, "100")
        assert [answer.state for answer in await house.post(*leads(4))] == [
            "sold",
            "sold",
            "unsold",
            "unsold",
        ]
        assert await owes(house) == Decimal("-16")


async def test_a_refused_lead_costs_nothing(database: Database, buyer: Buyer) -> None:
    text = with_buyer(catalogue(source(), contract("b1", buyer.url("/reject"))), "b1", money=PREPAID)
    async with opened(database, text) as house:
        await deposit(house, "42")
        assert (await house.one(lead())).state == "unsold"
        assert await owes(house) == -42


async def test_another_price_in_the_reply_is_what_is_owed_and_what_the_budget_counts(
    database: Database, buyer: Buyer
) -> None:
    more = 'caps: [{per: total, amount: "100"}]'
    text = catalogue(source(), contract("b1", buyer.url("/dearer"), more=more))
    text = text.replace(
        "reference: reply.json.id", "price: reply.json.price\n          reference: reply.json.id"
    )
    text = with_buyer(text, "b1", money={"terms": "credit", "credit_limit": "1000"})
    says("/dearer", reply(200, b'{"status": "accepted", "id": "1", "price": "12.3456"}'))
    async with opened(database, text) as house:
        assert (await house.one(lead())).state == "sold"
        assert await owes(house) == Decimal("12.3456")
        assert await house.counters() == {}
        assert await house.value("select value from counter where key like 'budget:%'") == 123_456


async def test_what_is_on_its_way_is_owed_until_somebody_says_how_it_ended(
    database: Database, buyer: Buyer
) -> None:
    text = with_buyer(catalogue(source(), contract("b1", buyer.url("/503"))), "b1", money=PREPAID)
    async with opened(database, text) as house:
        await deposit(house, "84")
        first, second = [await house.waiting(one) for one in leads(2)]
        assert await owes(house) == 0
        ids = [
            await house.value("select id from delivery where lead_id = $1", one) for one in (first, second)
        ]
        await house.settler.settle(ids[0], Rejected(reason="no"), by="dana")
        assert await owes(house) == -42
        await house.settler.settle(ids[1], Accepted(price=Decimal("40")), by="dana")
        assert await owes(house) == -44


async def test_an_account_that_begins_while_a_lead_is_on_its_way_owes_it_too(
    database: Database, buyer: Buyer
) -> None:
    plain = catalogue(source(), contract("b1", buyer.url("/503")))
    async with opened(database, plain) as house:
        lead_id = await house.waiting(lead())
        await house.configure(with_buyer(plain, "b1", money={"terms": "credit", "credit_limit": "1000"}))
        await deposit(house, "1")
        delivery = await house.value("select id from delivery where lead_id = $1", lead_id)
        await house.settler.settle(delivery, Accepted(), by="dana")
        assert await owes(house) == 41


async def test_a_test_lead_is_held_against_no_account(database: Database, buyer: Buyer) -> None:
    text = with_buyer(catalogue(source(), contract("b1", buyer.url("/ok"))), "b1", money=PREPAID)
    async with opened(database, text) as house:
        assert (await house.one(lead(), test=True)).state == "sold"
        assert await house.value("select count(*) from counter") == 0


async def test_a_buyers_cap_lets_the_next_buyer_have_the_lead(database: Database, buyer: Buyer) -> None:
    text = catalogue(
        source(), contract("b1", buyer.url("/ok"), price="50"), contract("b2", buyer.url("/ok"), price="40")
    )
    text = with_buyer(text, "b1", caps=[{"per": "day", "leads": 1}])
    async with opened(database, text) as house:
        await house.post(*leads(2))
        sold = await house.rows("select contract from delivery order by contract")
        assert [row[0] for row in sold] == ["b1", "b2"]


async def test_a_full_campaign_sells_nothing_more_and_says_why(database: Database, buyer: Buyer) -> None:
    text = catalogue(source(), contract("b1", buyer.url("/ok")))
    text = text.replace("rank: [price, priority]", "rank: [price, priority], caps: [{per: day, leads: 1}]")
    async with opened(database, text) as house:
        assert [one.state for one in await house.post(*leads(2))] == ["sold", "unsold"]
        full = await house.rows("select routing->>'full' from lead_detail")
        assert sorted(row[0][:28] for row in full) == ['[["","cap:campaign/solar:day', "[]"]


# what a source may bring -----------------------------------------------------------------------------


async def test_a_source_over_its_cap_is_refused_with_a_reason_of_its_own(
    database: Database, buyer: Buyer
) -> None:
    text = catalogue(source(more=", caps: [{per: day, leads: 1}]"), contract("b1", buyer.url("/ok")))
    async with opened(database, text) as house:
        first, second = await house.post(*leads(2))
        assert (first.state, second.state, second.outcome) == ("sold", "rejected", "failure")
        assert [(reason["code"], reason["message"]) for reason in second.reasons] == [
            ("source_cap", "no more is taken from this source per day")
        ]


async def test_a_lead_that_was_too_many_may_come_again(database: Database, buyer: Buyer) -> None:
    text = catalogue(
        source(more=", caps: [{per: day, leads: 0}]"), contract("b1", buyer.url("/ok")), checks=ON_EMAIL
    )
    async with opened(database, text) as house:
        assert (await house.one(lead())).state == "rejected"
        assert await house.value("select count(*) from dedupe_key") == 0
        await house.configure(text.replace("leads: 0", "leads: 1"))
        assert (await house.one(lead())).state == "sold"
        assert [r["code"] for r in (await house.one(lead())).reasons] == ["duplicate"]


async def test_what_a_source_is_paid_can_be_limited(database: Database, buyer: Buyer) -> None:
    text = catalogue(source(more=', caps: [{per: month, amount: "25"}]'), contract("b1", buyer.url("/ok")))
    async with opened(database, text) as house:
        answers = await house.post(*leads(3))
        assert [one.state for one in answers] == ["sold", "sold", "rejected"]
        assert answers[2].reasons[0]["message"] == "no more is spent on this source per month"


async def test_what_is_refused_by_a_check_uses_up_no_cap_of_its_source(
    database: Database, buyer: Buyer
) -> None:
    text = catalogue(source(more=", caps: [{per: day, leads: 1}]"), contract("b1", buyer.url("/ok")))
    async with opened(database, text) as house:
        assert (await house.one({"first_name": "Ann"})).state == "rejected"
        assert (await house.one(lead())).state == "sold"
