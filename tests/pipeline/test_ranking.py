"""Whom a lead comes to on the whole path: who has its person, who has least to do, who is expected to bring most."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.core.world import World
from app.pipeline.expecting import Expecting
from app.store import openings
from app.store.database import Database
from app.store.erasing import erase
from tests.buyer import Buyer, reply, says
from tests.pipeline.house import House, catalogue, contract, lead, opened, source
from tests.pipeline.test_returning import TERMS, Desk

PAST = """
insert into delivery (id, lead_id, round, slot, rank, campaign, contract, buyer, state, price, ended_at, returned_at)
select id, id, 1, 1, 1, 'solar', case when n <= 100 then 'dear' else 'cheap' end, 'b',
       case when n <= 60 then 'rejected' else 'accepted' end, 1, now() - interval '10 days',
       case when n between 81 and 100 then now() end
  from unnest($1::uuid[]) with ordinality as t(id, n)
"""
NO = b'{"status": "rejected", "reason": "full"}'


def yaml(rank: str, *parts: str, sell: str = "exclusive") -> str:
    return catalogue(source(), *parts, sell=sell).replace("rank: [price, priority]", f"rank: [{rank}]")


async def who(house: House, record: dict[str, str], **more: Any) -> str:
    (first, *_) = await house.deliveries((await house.one(record, **more)).lead_id)
    return first[0]


async def open_leads(house: House) -> dict[str, int]:
    rows = await house.rows("select key, value from counter where key like 'open:%'")
    return {row[0].removeprefix("open:"): row[1] for row in rows}


def two(buyer: Buyer, **more: str) -> tuple[str, str]:
    return (
        contract("dear", buyer.url("/ok"), price="50.00", more=more.get("dear", "")),
        contract("cheap", buyer.url("/ok"), price="20.00", more=more.get("cheap", "")),
    )


# sticky ---------------------------------------------------------------------------------------------


async def test_a_person_comes_back_to_the_contract_that_has_it(database: Database, buyer: Buyer) -> None:
    only = 'when: lead.state == "CA"'
    async with opened(database, yaml("sticky, price", *two(buyer, dear=only))) as house:
        phone = {"phone": "+14155550123"}
        assert await who(house, lead(state="NV", **phone)) == "cheap"
        assert await who(house, lead("other@example.com", state="CA", **phone)) == "cheap"
        assert await who(house, lead("ANN@example.com", state="CA")) == "cheap"
        assert await who(house, lead("bob@example.com", state="CA")) == "dear"


async def test_who_refused_a_person_does_not_have_it(database: Database, buyer: Buyer) -> None:
    says("/sticky-no", reply(200, NO))
    parts = (
        contract("no", buyer.url("/sticky-no"), price="9.00", more='when: lead.state == "NV"'),
        contract("dear", buyer.url("/ok"), price="50.00", more='when: lead.state == "CA"'),
        contract("cheap", buyer.url("/ok"), price="5.00"),
    )
    async with opened(database, yaml("sticky, price", *parts)) as house:
        answer = await house.one(lead(state="NV"))
        assert await house.deliveries(answer.lead_id) == [("no", "rejected"), ("cheap", "accepted")]
        assert await who(house, lead(state="NV")) == "cheap"
        assert await who(house, lead(state="CA")) == "cheap"
        await house.run("update delivery set returned_at = now() where contract = 'cheap'")
        assert await who(house, lead(state="CA")) == "dear"


async def test_another_contract_of_its_buyer_comes_next_and_what_it_saw_is_kept(
    database: Database, buyer: Buyer
) -> None:
    mine = contract("mine", buyer.url("/ok"), price="5.00", more='when: lead.state == "NV"').replace(
        "        deliver:",
        f"""        deliver: {{adapter: webhook, url: "{buyer.url("/ok")}", body: json, accepted: "true"}}
      - id: mine-too
        campaign: solar
        price: "1.00"
        deliver:""",
    )
    async with opened(database, yaml("sticky, price", mine, *two(buyer))) as house:
        assert await who(house, lead(state="NV")) == "dear"
        await house.run("update delivery set contract = 'mine', buyer = 'mine'")
        answer = await house.one(lead(state="CA"))
        assert (await house.deliveries(answer.lead_id))[0][0] == "mine-too"
        routing = await house.value("select routing from lead_detail where lead_id = $1", answer.lead_id)
        assert '"why":{"sticky":{"mine-too":1}}' in routing


async def test_where_no_ranking_minds_nothing_is_noted_of_contacts(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml("price", *two(buyer))) as house:
        await house.one(lead())
        assert await house.value("select count(*) from contact_lead") == 0


# load -----------------------------------------------------------------------------------------------


async def test_work_is_open_from_the_hand_over_until_it_is_closed_and_closed_once(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, yaml("load, price", *two(buyer))) as house:
        assert [await who(house, lead(f"{n}@example.com")) for n in range(3)] == ["dear", "cheap", "dear"]
        assert await open_leads(house) == {"dear": 2, "cheap": 1}
        ids = [row[0] for row in await house.rows("select id from delivery where contract = 'dear'")]

        async def close() -> int:
            async with house.database.acquire() as conn, conn.transaction():
                return await openings.close(conn, ids)

        assert [await close(), await close()] == [2, 0]
        assert await open_leads(house) == {"dear": 0, "cheap": 1}
        assert [await who(house, lead(f"x{n}@example.com")) for n in range(2)] == ["dear", "dear"]


async def test_a_no_is_no_work(database: Database, buyer: Buyer) -> None:
    says("/load-no", reply(200, NO))
    parts = (
        contract("no", buyer.url("/load-no"), price="9.00"),
        contract("yes", buyer.url("/ok"), price="5.00"),
    )
    async with opened(database, yaml("load, price", *parts)) as house:
        for n in range(3):
            await house.one(lead(f"{n}@example.com"))
        assert await open_leads(house) == {"no": 0, "yes": 3}


@pytest.mark.parametrize("code", ["won", "lost.price", "bad.fake", "recycled"])
async def test_a_lead_that_its_buyer_has_ended_is_no_work_any_more(
    database: Database, buyer: Buyer, code: str
) -> None:
    async with opened(database, yaml("load", contract("b1", buyer.url("/ok")))) as house:
        desk = Desk(house)
        told = {"type": "disposition", "delivery_id": str(await desk.sold())}
        await desk.sold("bob@example.com")
        await desk.tell({**told, "code": "contacted"})
        assert await open_leads(house) == {"b1": 2}
        for _ in range(2):
            await desk.tell({**told, "code": code})
        assert await open_leads(house) == {"b1": 1}


async def test_a_returned_lead_is_no_work_any_more(database: Database, buyer: Buyer) -> None:
    terms = f'returns: {{{TERMS}, auto: [{{when: "true", do: approve}}]}}'
    async with opened(database, yaml("load", contract("b1", buyer.url("/ok"), more=terms))) as house:
        desk = Desk(house)
        result = await desk.give_back(await desk.sold())
        assert (result.code, await open_leads(house)) == ("approved", {"b1": 0})


async def test_a_closed_lead_keeps_what_it_holds_of_caps(database: Database, buyer: Buyer) -> None:
    capped = contract("a", buyer.url("/ok"), more="caps: [{per: total, leads: 5}]")
    async with opened(database, yaml("load", capped)) as house:
        await house.one(lead())
        (id_,) = [row[0] for row in await house.rows("select id from delivery")]
        async with house.database.acquire() as conn, conn.transaction():
            await openings.close(conn, [id_])
        kept = await house.value("select reserved from delivery")
        assert kept.startswith("cap:a:total")
        assert "open:" not in kept
        assert await house.counters() == {"a": 1}


async def test_an_erased_lead_is_no_work_any_more(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml("load", contract("a", buyer.url("/ok")))) as house:
        lead_id: UUID = (await house.one(lead())).lead_id
        assert await open_leads(house) == {"a": 1}
        for _ in range(2):
            async with house.database.acquire() as conn, conn.transaction():
                await erase(conn, lead_id, lease_seconds=20, by="test")
        assert await open_leads(house) == {"a": 0}


async def test_a_test_is_no_work(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml("load", contract("a", buyer.url("/ok")))) as house:
        await house.one(lead(), test=True)
        assert await open_leads(house) == {}


# shares ---------------------------------------------------------------------------------------------


async def test_shares_hold_over_batches_and_refusals_give_none_back(database: Database, buyer: Buyer) -> None:
    parts = (
        contract("half", buyer.url("/ok"), more="percent: 50"),
        contract("rest", buyer.url("/ok"), price="1.00"),
    )
    async with opened(database, yaml("percentage, price", *parts)) as house:
        await house.post(*(lead(f"{n}@example.com") for n in range(7)))
        for n in range(3):
            await house.one(lead(f"x{n}@example.com"))
        rows = await house.rows("select contract, count(*) from delivery group by 1 order by 1")
        assert [tuple(row) for row in rows] == [("half", 5), ("rest", 5)]


# what is expected -----------------------------------------------------------------------------------


async def test_who_takes_and_keeps_more_comes_before_who_pays_more(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml("expected_value, price", *two(buyer))) as house:
        expecting = Expecting(database, World(), plans=lambda: house.plans)
        await expecting.look()
        assert await who(house, lead()) == "dear"
        ids = [house.world.new_id() for _ in range(200)]
        await house.run(PAST, ids)
        await Expecting(database, World(), plans=lambda: house.plans).look()
        of = house.plans.expectations.of
        assert of["dear"].accepts < of["cheap"].accepts
        assert of["dear"].returns > of["cheap"].returns
        answer = await house.one(lead("bob@example.com"))
        assert (await house.deliveries(answer.lead_id))[0][0] == "cheap"
        routing = await house.value("select routing from lead_detail where lead_id = $1", answer.lead_id)
        assert f'"expected_value":{{"cheap":"{of["cheap"].value}","dear":"{of["dear"].value}"}}' in routing


async def test_where_no_ranking_asks_for_it_nothing_is_looked_up(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml("price", *two(buyer))) as house:
        await Expecting(database, World(), plans=lambda: house.plans).look()
        assert house.plans.expectations.of == {}


# places ---------------------------------------------------------------------------------------------


async def test_an_area_is_kept_on_the_whole_path(database: Database, buyer: Buyer) -> None:
    there = two(buyer, dear="area: {states: [CA]}", cheap="except_sources: []")
    async with opened(database, yaml("price", *there)) as house:
        assert await who(house, lead(state="CA")) == "dear"
        answer = await house.one(lead("bob@example.com", state="NV"))
        assert (await house.deliveries(answer.lead_id))[0][0] == "cheap"
        routing = await house.value("select routing from lead_detail where lead_id = $1", answer.lead_id)
        assert '"area":1' in routing


async def test_a_sale_counts_as_kept_once_its_own_contract_takes_it_back_no_more(
    database: Database, buyer: Buyer
) -> None:
    """Of sales ten days old: a week is over, thirty days are not."""
    longer = "returns: {window: 30d}"
    async with opened(database, yaml("expected_value", *two(buyer, dear=longer))) as house:
        await house.run(PAST, [house.world.new_id() for _ in range(200)])
        expecting = Expecting(database, house.world, plans=lambda: house.plans)
        await expecting.look()
        of = house.plans.expectations.of
        assert (of["dear"].returns, of["cheap"].returns) == (0, 0)
        await house.configure(yaml("expected_value", *two(buyer, dear="returns: {open_days: 5}")))
        await Expecting(database, house.world, plans=lambda: house.plans).look()
        assert house.plans.expectations.of["dear"].returns > Decimal("0.38")
