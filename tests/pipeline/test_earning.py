"""A source that has its part of each sale: it is owed with the sale, and goes back with the sale's return, no more."""

import asyncio
from collections import Counter
from decimal import Decimal
from uuid import UUID

import pytest

from app.catalog.problems import CatalogueErrors
from app.core.money import of_units
from app.model import Accepted
from app.store import booked, profit
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import contract, lead, source
from tests.pipeline.test_returning import Desk, desk, selling
from tests.pipeline.test_stopping import busy


def sharing(percent: str = "60", **more: str) -> str:
    return source(**more).replace('price: "12.50"', f'revenue_share: "{percent}"')


async def sold(open_: Desk, n: int = 1) -> UUID:
    lead_id = (await open_.house.one(lead())).lead_id
    await open_.house.ends(lead_id, "sold")
    found = await open_.house.value("select count(*) from delivery where state = 'accepted'")
    assert found == n
    return lead_id


async def delivery_to(open_: Desk, buyer: str) -> UUID:
    found = await open_.house.value("select id from delivery where buyer = $1", buyer)
    assert isinstance(found, UUID)
    return found


async def is_booked_as_told(open_: Desk) -> None:
    day = await open_.house.value("select (now() at time zone 'UTC')::date")
    async with open_.house.database.acquire() as conn:
        assert await booked.unlike_leads(conn, day) == []
        assert await booked.unlike_deliveries(conn, day) == []


async def test_its_part_of_a_sale_is_its_price(database: Database, buyer: Buyer) -> None:
    async with desk(database, sharing(), selling(buyer)) as open_:
        answer = await open_.house.one(lead())
        assert (answer.outcome, answer.price) == ("success", Decimal("25.20"))
        assert await open_.books() == {
            "buyer:b1": Decimal("42.00"), "cost:solar": Decimal("25.20"), "revenue:solar": Decimal("-42.00"),
            "source:acme": Decimal("-25.20"),
        }  # fmt: skip
        assert await open_.house.value("select price from lead") == Decimal("25.20")
        await is_booked_as_told(open_)


async def test_it_has_its_part_of_each_copy(database: Database, buyer: Buyer) -> None:
    parts = (selling(buyer), selling(buyer, id_="b2", price="30.00"))
    async with desk(database, sharing(), *parts, sell="shared(2)") as open_:
        await sold(open_, 2)
        assert (await open_.books())["source:acme"] == Decimal("-43.20")
        assert await open_.house.value("select price from lead") == Decimal("43.20")
        await is_booked_as_told(open_)


async def test_a_return_takes_back_its_part_of_that_sale_and_of_no_other(
    database: Database, buyer: Buyer
) -> None:
    """Pro rata: whatever its own rule of who must have given a lead back, which is of one price for all copies."""
    parts = (selling(buyer), selling(buyer, id_="b2", price="30.00"))
    async with desk(database, sharing(), *parts, sell="shared(2)") as open_:
        await sold(open_, 2)
        one = await open_.returns.approve(
            await open_.requested(await delivery_to(open_, "b2"), buyer="b2"), by="ann"
        )
        assert (one.credited, one.price_back, one.absorbed) == (Decimal("30.00"), Decimal("18.00"), False)
        assert (await open_.books())["source:acme"] == Decimal("-25.20")
        two = await open_.returns.approve(await open_.requested(await delivery_to(open_, "b1")), by="ann")
        assert two.price_back == Decimal("25.20")
        assert await open_.books() == {}
        await is_booked_as_told(open_)


@pytest.mark.parametrize(
    ("terms", "own", "back"),
    [
        ("source: never", "", False),
        ("source: own_policy", ", returns: {reasons: [fake]}", False),
        ("source: own_policy", ", returns: {reasons: [wrong_number]}", True),
        ("source: same", ", returns: {reasons: [fake]}", True),
    ],
)
async def test_the_terms_say_who_bears_it_as_of_any_price(
    database: Database, buyer: Buyer, terms: str, own: str, back: bool
) -> None:
    async with desk(database, sharing(more=own), selling(buyer, terms)) as open_:
        await sold(open_)
        one = await open_.returns.approve(await open_.requested(await delivery_to(open_, "b1")), by="ann")
        assert (one.price_back, one.absorbed) == ((Decimal("25.20"), False) if back else (None, True))


async def test_a_sale_in_a_later_round_brings_its_part_too(database: Database, buyer: Buyer) -> None:
    """Sold, given back, sold once more for less: the answer of the first round grows by what the second one brought."""
    terms = "reasons: [other], resale: true"
    parts = (selling(buyer, terms), selling(buyer, id_="b2", price="30.00"))
    async with desk(database, sharing(), *parts) as open_:
        lead_id = await sold(open_)
        await open_.returns.approve(await open_.requested(await delivery_to(open_, "b1"), "other"), by="ann")
        await open_.returns.resell()
        await open_.house.ends(lead_id, "sold")
        assert await open_.books() == {
            "buyer:b2": Decimal("30.00"), "cost:solar": Decimal("18.00"), "revenue:solar": Decimal("-30.00"),
            "source:acme": Decimal("-18.00"),
        }  # fmt: skip
        await is_booked_as_told(open_)


async def test_what_is_settled_by_a_person_brings_its_part_of_the_price_that_was_said(
    database: Database, buyer: Buyer
) -> None:
    perhaps = busy(buyer, "b1").replace("/503", "/500")
    async with desk(database, sharing("33.333333"), perhaps) as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        await open_.house.ends(lead_id, "unclear")
        delivery = await delivery_to(open_, "b1")
        await open_.house.settler.settle(delivery, Accepted(price=Decimal("0.5")), by="ann")
        assert await open_.house.state(lead_id) == "sold"
        assert (await open_.books())["source:acme"] == Decimal("-0.166667")
        await is_booked_as_told(open_)


async def test_who_is_answered_by_the_verdict_is_owed_when_it_is_sold(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, sharing(reply="verdict"), selling(buyer)) as open_:
        answer = await open_.house.one(lead())
        assert (answer.outcome, answer.price) == ("success", None)
        await open_.house.ends(answer.lead_id, "sold")
        assert (await open_.books())["source:acme"] == Decimal("-25.20")
        await is_booked_as_told(open_)


async def test_a_test_and_a_lead_that_costs_nothing_bring_nothing(database: Database, buyer: Buyer) -> None:
    async with desk(database, sharing(), selling(buyer, price="0")) as open_:
        await open_.house.one(lead("t@example.com"), test=True)
        await open_.house.one(lead())
        assert await open_.books() == {}
        await is_booked_as_told(open_)


async def test_each_buyer_bears_what_his_own_sale_cost(database: Database, buyer: Buyer) -> None:
    parts = (selling(buyer), selling(buyer, id_="b2", price="30.00"))
    async with desk(database, sharing(), *parts, sell="shared(2)") as open_:
        await sold(open_, 2)
        first = await open_.house.value("select now() - interval '1 day'")
        past = await open_.house.value("select now() + interval '1 day'")
        async with database.acquire() as conn:
            by_buyer = {one.name: one.cost for one in await profit.between(conn, "buyer", first, past)}
            by_source = {one.name: one.margin for one in await profit.between(conn, "source", first, past)}
        assert by_buyer == {"b1": Decimal("25.20"), "b2": Decimal("18.00")}
        assert by_source == {"acme": Decimal("28.80")}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ('revenue_share: "0"', "more than 0"),
        ('revenue_share: "100.5"', "at most 100"),
        ('price: "1", revenue_share: "60"', "write one of them"),
    ],
)
async def test_what_can_not_be_shared_is_refused_when_it_is_saved(
    database: Database, wrong: str, why: str
) -> None:
    with pytest.raises(CatalogueErrors) as refused:
        async with desk(database, source().replace('price: "12.50"', wrong)):
            pass
    assert why in " ".join(f"{one.message} {one.hint}" for one in refused.value.problems)


# what may be spent on it ----------------------------------------------------------------------------


def capped(amount: str, percent: str = "60", more: str = "") -> str:
    return sharing(percent, more=f', caps: [{{per: month, amount: "{amount}"{more}}}]')


async def spent(open_: Desk) -> list[Decimal]:
    rows = await open_.house.rows("select value from counter where key like 'budget:source/acme:month:%'")
    return [of_units(row[0]) for row in rows]


@pytest.mark.parametrize("budget", ["50.40", "75.59"])
async def test_what_it_has_of_its_sales_uses_its_budget_up_and_the_next_lead_is_refused(
    database: Database, buyer: Buyer, budget: str
) -> None:
    """25.20 a lead: what is left after two of them is not enough for a third."""
    async with desk(database, capped(budget), selling(buyer)) as open_:
        states = [(await open_.house.one(lead(f"ann{n}@example.com"))).state for n in range(2)]
        last = await open_.house.one(lead("bob@example.com"))
        assert (states, last.state, await spent(open_)) == (["sold", "sold"], "rejected", [Decimal("50.40")])
        assert last.reasons[0]["code"] == "source_cap"
        assert last.reasons[0]["message"] == "no more is spent on this source per month"


async def test_what_nobody_bought_costs_it_nothing(database: Database, buyer: Buyer) -> None:
    async with desk(database, capped("30"), contract("b1", buyer.url("/reject"))) as open_:
        states = [(await open_.house.one(lead(f"ann{n}@example.com"))).state for n in range(3)]
        assert (states, await spent(open_)) == (["unsold"] * 3, [Decimal(0)])


async def test_each_copy_is_counted_at_what_was_paid_for_it(database: Database, buyer: Buyer) -> None:
    parts = (selling(buyer), selling(buyer, id_="b2", price="30.00"))
    async with desk(database, capped("1000"), *parts, sell="shared(2)") as open_:
        await sold(open_, 2)
        assert await spent(open_) == [Decimal("43.20")]


async def test_only_leads_that_its_cap_names_are_counted(database: Database, buyer: Buyer) -> None:
    yaml = capped("30", more=", when: 'lead.state == \"TX\"'")
    async with desk(database, yaml, selling(buyer)) as open_:
        for n, state in enumerate(("CA", "TX", "CA", "TX")):
            answer = await open_.house.one(lead(f"ann{n}@example.com", state=state))
            assert answer.state == ("rejected" if n == 3 else "sold")
        assert await spent(open_) == [Decimal("25.20")]


async def test_a_test_spends_nothing(database: Database, buyer: Buyer) -> None:
    async with desk(database, capped("10"), selling(buyer)) as open_:
        await open_.house.one(lead(), test=True)
        assert await spent(open_) == []


async def test_the_price_that_a_buyer_names_is_what_it_has_its_part_of(
    database: Database, buyer: Buyer
) -> None:
    perhaps = busy(buyer, "b1").replace("/503", "/500")
    async with desk(database, capped("1000", "50"), perhaps) as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        await open_.house.settler.settle(
            await delivery_to(open_, "b1"), Accepted(price=Decimal("10.00")), by="ann"
        )
        assert (await open_.house.state(lead_id), await spent(open_)) == ("sold", [Decimal("5.00")])


async def test_sales_at_once_lose_nothing_of_what_was_spent(database: Database, buyer: Buyer) -> None:
    """What is on its way counts: no budget is passed, in whichever batch its leads come."""
    async with desk(database, capped("100"), selling(buyer)) as open_:
        posts = (open_.house.post(*(lead(f"ann{n}.{m}@example.com") for n in range(10))) for m in range(3))
        answers = [one for some in await asyncio.gather(*posts) for one in some]
        assert Counter(one.state for one in answers) == {"sold": 3, "rejected": 27}
        assert await spent(open_) == [Decimal("75.60")]
