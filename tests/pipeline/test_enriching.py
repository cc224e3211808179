"""Leads that are enriched on their way: what fills them, who sees it, and what it costs the path."""

import asyncio
from decimal import Decimal
from typing import Any

from app.commands.steps import Setting, decided
from app.ingest.fieldtype import fieldtypes
from app.pipeline.plans import Plans
from app.pipeline.story import story
from app.store.database import Database
from app.store.leads import decode
from app.validate.check import checks
from tests.buyer import Buyer, Stream, reply, says, way
from tests.pipeline.house import House, contract, lead, opened, source

says("/credit", reply(200, b'{"band": "A", "income": {"yearly": 91000}, "email": "other@example.com"}'))
says("/liar", reply(200, b'{"band": 7, "income": {"yearly": "a lot"}}'))
GO: dict[str, asyncio.Event] = {}


@way("/slow-credit")
async def _slow(stream: Stream) -> None:
    await GO["on"].wait()
    await stream.send_all(reply(200, b'{"band": "A"}'))


HOUSE = """
enrichers:%s
campaigns:
  - id: solar
    fields:
      first_name: {type: name, required: true}
      email:      {type: email, required: true}
      phone:      {type: phone, country: US}
      postal_code: {type: postal_code, country: US}
      state:      {type: state, country: US}
      band:       {type: choice, values: [A, B, C]}
      income:     {type: number}
    enrich: [%s]
    checks: %s
    score: {start: 50, rules: %s}
sources:%s
buyers:%s
"""


def credit(url: str, *, id_: str = "credit", more: str = "") -> str:
    return f"""
  - id: {id_}
    ask: {{enricher: http, method: POST, url: "{url}", send: {{mail: email}},
           fields: {{band: reply.json.band, income: income.yearly}}, deadline: 300ms{more}}}"""


def yaml(
    enrichers: str = " []", *, enrich: str = "", checks: str = "[]", rules: str = "[]", buyers: str = " []"
) -> str:
    return HOUSE % (enrichers, enrich, checks, rules, source(), buyers)


async def found(house: House) -> dict[str, Any]:
    row = (await house.rows("select fields, extra, findings from lead_detail order by lead_id limit 1"))[0]
    return {
        "fields": {name: value[1] for name, value in decode(row[0]).items()},
        "notes": {name: value[4] for name, value in decode(row[0]).items() if len(value) > 4},
        "extra": decode(row[1]),
        "findings": decode(row[2]),
    }


def looked(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [one["facts"] | {"check": one["check"]} for one in told["findings"] if one["code"] == "looked_up"]


async def test_what_a_service_says_is_scored_routed_delivered_and_marked(
    database: Database, buyer: Buyer
) -> None:
    mine = contract("sunco", buyer.url("/ok"), more='when: lead.band == "A"').replace(
        "{email: email}", "{email: email, band: band, income: income}"
    )
    rules = '[{when: lead.band == "A", points: 30, why: good credit}]'
    text = yaml(
        credit(buyer.url("/credit"), more=', cost: "0.05"'), enrich="credit", rules=rules, buyers=mine
    )
    async with opened(database, text) as house:
        answer = await house.one(lead())
        assert answer.outcome == "success"
        told = await found(house)
        assert await house.value("select score from lead") == 80
    assert (told["fields"]["band"], told["fields"]["income"]) == ("A", 91000)
    assert told["notes"] == {"band": "enriched by credit", "income": "enriched by credit"}
    (one,) = looked(told)
    assert (one["check"], one["became"], one["cost"], one["currency"]) == (
        "credit",
        "answered",
        "0.05",
        "USD",
    )
    assert one["filled"] == ["band", "income"]
    assert one["ms"] > 0
    asked, delivered = buyer.received
    assert asked.body == b'{"mail":"ann@example.com"}'
    assert decode(delivered.body) == {"email": "ann@example.com", "band": "A", "income": 91000}


async def test_only_gaps_are_filled_unless_its_word_is_taken_over_the_leads(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, yaml(credit(buyer.url("/credit")), enrich="credit")) as house:
        await house.one(lead(band="C"))
        assert (await found(house))["fields"]["band"] == "C"
    more = ", overwrite: true"
    async with opened(database, yaml(credit(buyer.url("/credit"), more=more), enrich="credit")) as house:
        await house.run("delete from lead_detail")
        await house.one(lead("bob@example.com", band="C"))
        told = await found(house)
        assert (told["fields"]["band"], told["extra"]) == ("A", {"band": "C"})


async def test_a_lead_that_has_it_all_asks_nobody(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(credit(buyer.url("/credit")), enrich="credit")) as house:
        await house.one(lead(band="C", income="5"))
        assert buyer.received == []


async def test_a_services_slip_is_held_against_no_lead(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(credit(buyer.url("/liar")), enrich="credit")) as house:
        await house.one(lead())
        told = await found(house)
        assert "band" not in told["fields"]
        assert looked(told)[0]["left_out"] == ["band", "income"]
        assert await house.value("select state from lead") == "unsold"


async def test_a_dead_service_costs_leads_its_deadline_once(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(credit(buyer.url("/black-hole")), enrich="credit")) as house:
        for n in range(4):
            await house.one(lead(f"ann{n}@example.com"))
        rows = await house.rows("select findings from lead_detail order by lead_id")
        became = [
            one["facts"]["became"] for row in rows for one in decode(row[0]) if one["code"] == "looked_up"
        ]
    assert became == ["late", "resting", "resting", "resting"]
    assert len(buyer.received) == 1


async def test_what_is_not_sellable_is_not_paid_for(database: Database, buyer: Buyer) -> None:
    checks = '[{check: duplicate, on: [email], within: "30d"}]'
    text = yaml(credit(buyer.url("/credit"), more=', cost: "1"'), enrich="credit", checks=checks)
    async with opened(database, text) as house:
        await house.one({"first_name": "Ann"})  # no e-mail: `required` rejects, and nothing could be asked
        await house.one({"first_name": "", "email": "ann@example.com"})
        await house.one(lead())
        await house.one(lead())  # a duplicate
        rows = await house.rows("select findings from lead_detail order by lead_id")
        became = [
            [one["facts"]["became"] for one in decode(row[0]) if one["code"] == "looked_up"] for row in rows
        ]
        assert became == [[], ["unsellable"], ["answered"], ["unsellable"]]
        assert await house.value("select sum(cost) from look_up_cost") == 1


async def test_only_leads_that_need_a_slow_service_wait_for_it(database: Database, buyer: Buyer) -> None:
    GO["on"] = asyncio.Event()
    more = ", when: has(lead.state)"
    text = yaml(credit(buyer.url("/slow-credit"), more=more).replace("300ms", "20s"), enrich="credit")
    async with opened(database, text) as house:
        slow = asyncio.create_task(house.one(lead(state="CA")))
        while not buyer.received:
            await asyncio.sleep(0)
        assert (await house.one(lead("quick@example.com"))).outcome == "failure"  # nobody buys here
        assert not slow.done()
        GO["on"].set()
        await slow


async def test_an_enricher_may_build_on_another(database: Database, buyer: Buyer) -> None:
    second = f"""
  - id: second
    ask: {{enricher: http, method: POST, url: "{buyer.url("/credit")}", send: {{band: band}},
           fields: {{state: '"CA"'}}}}"""
    async with opened(
        database, yaml(credit(buyer.url("/credit")) + second, enrich="second, credit")
    ) as house:
        await house.one(lead())
        assert [one.body for one in buyer.received] == [
            b'{"mail":"ann@example.com"}'
        ]  # in the order of `enrich`
    async with opened(
        database, yaml(credit(buyer.url("/credit")) + second, enrich="credit, second")
    ) as house:
        await house.one(lead("bob@example.com"))
        assert buyer.received[-1].body == b'{"band":"A"}'


async def test_a_cache_serves_all_leads_of_one_question_and_a_budget_ends_it(
    database: Database, buyer: Buyer
) -> None:
    more = ', cost: "0.40", budget: "1", cache: 1d'
    async with opened(database, yaml(credit(buyer.url("/credit"), more=more), enrich="credit")) as house:
        await house.post(*(lead(f"ann{n % 5}@example.com") for n in range(20)))
        spent = await house.value("select cost from look_up_cost")
        assert spent == Decimal("0.80")
        assert len(buyer.received) == 2


# offline -------------------------------------------------------------------------------------------


async def test_what_is_known_offline_can_be_scored_and_routed_by_and_is_not_sent_unasked(
    database: Database, buyer: Buyer
) -> None:
    rules = '[{when: lead.phone_state == "CA" && lead.email_kind == "free", points: 7, why: here}]'
    mine = contract("sunco", buyer.url("/ok"), more='when: lead.postal_code_state == "CA"').replace(
        "          fields: {email: email}\n", ""
    )
    async with opened(database, yaml(rules=rules, buyers=mine)) as house:
        await house.one(lead("ann@gmail.com", phone="415 555 2671", postal_code="94110"))
        told = await found(house)
        assert await house.value("select score from lead") == 57
    assert (
        told["fields"] | {"phone_state": "CA", "email_kind": "free", "postal_code_state": "CA"}
        == told["fields"]
    )
    assert "phone_zone" not in told["fields"]  # nobody asks for it
    assert told["notes"]["phone_state"] == "known offline"
    assert "phone_state" not in decode(buyer.received[0].body)


async def test_a_lead_that_names_a_city_and_no_code_is_placed_scored_and_sent_by_it(
    database: Database, buyer: Buyer
) -> None:
    rules = '[{when: lead.city_county == "Los Angeles", points: 7, why: county}]'
    mine = contract(
        "sunco", buyer.url("/ok"), more='area: {near: [{postal_code: "90210", miles: 10}]}'
    ).replace("{email: email}", "{email: email, zips: city_postal_codes}")
    text = yaml(rules=rules, buyers=mine).replace("      band:", "      city: {type: text}\n      band:", 1)
    async with opened(database, text) as house:
        sold = await house.one(lead(city="Beverly Hills", state="CA"))
        assert sold.outcome == "success"
        assert await house.value("select score from lead") == 57
        assert (await house.one(lead("b@example.com", city="Reno", state="NV"))).outcome == "failure"
        assert (await house.one(lead("c@example.com", city="Beverly Hills"))).outcome == "failure"
    assert decode(buyer.received[0].body) == {"email": "ann@example.com", "zips": "90210, 90211, 90212"}


async def test_how_often_a_person_was_bought_before_is_counted_by_any_contact(
    database: Database, buyer: Buyer
) -> None:
    rules = "[{when: lead.sold_before > 0, points: 9, why: a customer}]"
    mine = contract("sunco", buyer.url("/ok"))
    async with opened(database, yaml(rules=rules, buyers=mine)) as house:
        await house.one(lead(phone="415 555 2671"))
        await house.one(lead("else@example.com", phone="(415) 555-2671"))
        await house.one(lead("ELSE@example.com"))
        await house.one(lead("new@example.com"))
        rows = await house.rows("select fields from lead_detail order by lead_id")
        assert [decode(row[0])["sold_before"][1] for row in rows] == [0, 1, 1, 0]


async def test_a_campaign_that_uses_nothing_of_it_asks_nothing(database: Database) -> None:
    async with opened(database, yaml()) as house:
        await house.one(lead(phone="415 555 2671"))
        assert await house.value("select count(*) from contact_lead") == 0
        assert set((await found(house))["fields"]) == {"first_name", "email", "phone"}


async def test_the_trace_tells_who_filled_what_how_long_it_took_and_what_it_cost(
    database: Database, buyer: Buyer
) -> None:
    rules = '[{when: lead.email_kind == "company", points: 1, why: a firm}]'
    text = yaml(credit(buyer.url("/credit"), more=', cost: "0.05"'), enrich="credit", rules=rules)
    async with opened(database, text) as house:
        await house.one(lead())
        async with database.acquire() as conn:
            told = await story(conn, await house.value("select id from lead"))
    assert told is not None
    lines = {
        entry.name: entry.lines for entry in decided(told, Setting(now=house.world.now(), everything=True))
    }
    assert lines["mapped"] == ["2 keys: 2 mapped"]
    assert lines["enriched"] == ["email_kind known offline", "band, income by credit"]
    (said,) = [line for line in lines["checked"] if "credit" in line]
    assert "answered: the service said something; filled band, income; 0.05 USD" in said
    assert said.endswith(" ms")


async def test_a_changed_enricher_holds_for_the_next_lead(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(credit(buyer.url("/500")), enrich="credit")) as house:
        former = house.plans
        await house.configure(yaml(credit(buyer.url("/credit")), enrich="credit"))
        plans = Plans(house.plans.snapshot, fieldtypes, checks, former)
        kept = plans.campaign("solar").enrichment.parts
    assert [str(one.settings.url) for one in kept] == [buyer.url("/credit")]  # type: ignore[attr-defined]


async def test_a_lead_survives_the_process_that_asked_for_it_and_is_asked_for_once_more(
    database: Database, buyer: Buyer
) -> None:
    GO["on"] = asyncio.Event()
    text = yaml(
        credit(buyer.url("/slow-credit"), more=', cost: "1"').replace("300ms", "20s"), enrich="credit"
    )
    async with opened(database, text) as dying:
        work = dying.work(lead())
        await dying.keep(work)
        asked = asyncio.create_task(dying.engine.decided(work, dying.world.monotonic() + 60))
        while not buyer.received:
            await asyncio.sleep(0)
        await dying.evidence.close()  # its answer never comes
        asked.cancel()
        await dying.run("update inbox set lease_id = null")
        await dying.run("update look_up set asked_at = now() - interval '1 minute'")
    GO["on"].set()
    async with opened(database, text) as house:
        await house.upkeep.inbox()
        await house.until(lambda: house.value("select count(*) from lead"))
        told = await found(house)
        assert (told["fields"]["band"], looked(told)[0]["became"]) == ("A", "answered")
        assert await house.value("select tries from look_up") == 2
    assert len(buyer.received) == 2


async def test_a_lead_that_is_only_rehearsed_is_enriched_and_not_remembered(
    database: Database, buyer: Buyer
) -> None:
    rules = "[{when: lead.sold_before > 0, points: 9, why: a customer}]"
    text = yaml(credit(buyer.url("/credit")), enrich="credit", rules=rules)
    async with opened(database, text) as house:
        (draft,) = house.engine.decider.draft(house.work(lead()))
        await house.evidence.foresee(draft)
        assert draft.lead.normal("sold_before") == 0
        assert await house.value("select count(*) from contact_lead") == 0
        assert buyer.received == []
