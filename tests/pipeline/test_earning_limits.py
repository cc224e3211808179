"""What a source may cost that has a part of each sale: what is on its way holds its part, and gives it back."""

from decimal import Decimal
from uuid import UUID

import pytest

from app.core.errors import Conflict
from app.core.money import of_units
from app.model import Accepted, Rejected
from app.pipeline.choosing import Chooser
from app.pipeline.faults import Retrying
from app.pipeline.replaying import Replayer
from app.store import health
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, lead, source
from tests.pipeline.test_earning import capped, delivery_to, sharing, spent
from tests.pipeline.test_returning import Desk, desk, selling


def perhaps(buyer: Buyer, id_: str = "b1", price: str = "42.00", **more: str) -> str:
    """Whoever is offered a lead gives no readable answer."""
    return contract(id_, buyer.url("/500"), price=price, **more)


async def posted(open_: Desk, n: int, state: str) -> UUID:
    answer = await open_.house.one(lead(f"ann{n}@example.com"))
    await open_.house.ends(answer.lead_id, state)
    return answer.lead_id


async def of_lead(open_: Desk, lead_id: UUID) -> UUID:
    found = await open_.house.value("select id from delivery where lead_id = $1", lead_id)
    assert isinstance(found, UUID)
    return found


async def test_what_is_on_its_way_holds_its_part_and_a_refusal_gives_it_back(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, capped("30"), perhaps(buyer)) as open_:
        first = await posted(open_, 1, "unclear")
        assert await spent(open_) == [Decimal("25.20")]
        refused = await open_.house.one(lead("bob@example.com"))
        assert (refused.state, refused.reasons[0]["code"]) == ("rejected", "source_cap")
        await open_.house.settler.settle(await of_lead(open_, first), Rejected(reason="no"), by="ann")
        assert await spent(open_) == [Decimal(0)]
        second = await posted(open_, 2, "unclear")
        await open_.house.settler.settle(await of_lead(open_, second), Accepted(), by="ann")
        assert await spent(open_) == [Decimal("25.20")]


async def test_a_buyer_whose_sale_would_pass_the_budget_is_passed_over_for_one_who_pays_less(
    database: Database, buyer: Buyer
) -> None:
    """25.20 and 18.00: the second lead goes to the cheaper one, and the third to nobody."""
    parts = (selling(buyer), selling(buyer, id_="b2", price="30.00"))
    async with desk(database, capped("45"), *parts) as open_:
        answers = [await open_.house.one(lead(f"ann{n}@example.com")) for n in range(3)]
        assert [one.state for one in answers] == ["sold", "sold", "rejected"]
        to = await open_.house.rows("select buyer from delivery order by id")
        assert [row[0] for row in to] == ["b1", "b2"]
        assert await spent(open_) == [Decimal("43.20")]
        full = await open_.house.value(
            "select routing::jsonb ->> 'full' from lead_detail where lead_id = $1", answers[1].lead_id
        )
        assert "budget:source/acme" in full


async def test_the_next_buyer_holds_the_part_of_his_own_price(database: Database, buyer: Buyer) -> None:
    parts = (contract("b1", buyer.url("/reject")), perhaps(buyer, "b2", "30.00"))
    async with desk(database, capped("26"), *parts) as open_:
        await posted(open_, 1, "unclear")
        assert await spent(open_) == [Decimal("18.00")]


async def test_of_several_copies_only_those_are_sold_for_which_there_is_room(
    database: Database, buyer: Buyer
) -> None:
    parts = (selling(buyer), selling(buyer, id_="b2", price="30.00"))
    async with desk(database, capped("40"), *parts, sell="shared(2)") as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        await open_.house.ends(lead_id, "sold")
        assert await spent(open_) == [Decimal("25.20")]
        assert (await open_.books())["source:acme"] == Decimal("-25.20")


async def test_a_price_that_the_buyer_names_changes_what_its_delivery_held_in_its_own_window(
    database: Database, buyer: Buyer
) -> None:
    """The month in which it was handed over is over: nothing of it is counted in the new one."""
    async with desk(database, capped("1000"), perhaps(buyer)) as open_:
        delivery = await of_lead(open_, await posted(open_, 1, "unclear"))
        old = "regexp_replace({}, '(budget:source/acme:month:[0-9a-f]+:)[^\\t\\n]+', '\\12020-01-01T00:00Z')"
        await open_.house.run(f"update counter set key = {old.format('key')}")
        await open_.house.run(f"update delivery set reserved = {old.format('reserved')}")
        await open_.house.settler.settle(delivery, Accepted(price=Decimal("10.00")), by="ann")
        rows = await open_.house.rows("select right(key, 17), value from counter where key like 'budget:%'")
        assert [(row[0], of_units(row[1])) for row in rows] == [("2020-01-01T00:00Z", Decimal("6.00"))]


async def test_a_budget_that_is_newer_than_the_delivery_counts_its_sale(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, sharing(), perhaps(buyer)) as open_:
        delivery = await of_lead(open_, await posted(open_, 1, "unclear"))
        await open_.house.configure(catalogue(capped("1000"), perhaps(buyer)))
        await open_.house.settler.settle(delivery, Accepted(), by="ann")
        assert await spent(open_) == [Decimal("25.20")]


@pytest.mark.parametrize("quick", [False, True])
async def test_a_source_that_has_no_part_any_more_holds_nothing(
    database: Database, buyer: Buyer, quick: bool
) -> None:
    """What was decided without a price owes none; whether the sale is told by a person, or by the buyer's next answer."""
    first = perhaps(buyer) if not quick else contract("b1", buyer.url("/503"))
    async with desk(database, capped("1000"), first) as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        await open_.house.ends(lead_id, "delivering" if quick else "unclear")
        assert await spent(open_) == [Decimal("25.20")]
        await open_.house.configure(catalogue(source(), selling(buyer)))
        if quick:
            await open_.house.run("update delivery set next_at = now() where state = 'waiting'")
            await open_.house.upkeep.due()
        else:
            await open_.house.settler.settle(await of_lead(open_, lead_id), Accepted(), by="ann")
        await open_.house.ends(lead_id, "sold")
        assert await spent(open_) == [Decimal(0)]
        assert "source:acme" not in await open_.books()


async def test_who_is_asked_again_after_he_was_given_up_takes_of_what_is_left(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, capped("30"), perhaps(buyer, more="idempotent: false")) as open_:
        house = open_.house
        dead = await of_lead(open_, await posted(open_, 1, "unclear"))
        await house.run("update delivery set state = 'dead', reserved = ''")
        await house.run("update counter set value = 0")
        await house.run("update lead set state = 'unsold'")
        replayer = Replayer(
            database,
            house.world,
            Chooser(house.world),
            Retrying(house.world, house.metrics),
            lambda: house.plans,
        )
        await replayer.ask(dead, by="ann", in_seconds=60)
        assert await spent(open_) == [Decimal("25.20")]
        await house.run("update delivery set state = 'dead'")
        with pytest.raises(Conflict, match=r"no more is spent on its source per month \(30.00\)"):
            await replayer.ask(dead, by="ann", in_seconds=60)


async def test_a_contract_that_costs_nothing_takes_leads_while_anything_is_left(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, capped("0.01"), selling(buyer, price="0")) as open_:
        assert [(await open_.house.one(lead(f"a{n}@example.com"))).state for n in range(3)] == ["sold"] * 3


async def test_a_buyer_with_an_account_owes_his_price_and_the_source_has_its_part(
    database: Database, buyer: Buyer
) -> None:
    """Both are counted in money, and each in its own."""
    account = selling(buyer).replace(
        "- id: b1\n", "- id: b1\n    money: {terms: credit, credit_limit: '500', currency: USD}\n", 1
    )
    async with desk(database, capped("1000"), account) as open_:
        await posted(open_, 1, "sold")
        counted = {
            row[0]: of_units(row[1])
            for row in await open_.house.rows(
                "select split_part(key, ':', 1), value from counter where key like any('{balance:%,budget:%}')"
            )
        }
        assert counted == {"balance": Decimal("42.00"), "budget": Decimal("25.20")}
        async with database.acquire() as conn:
            assert await health.uneven(conn) == []
        assert await delivery_to(open_, "b1")
