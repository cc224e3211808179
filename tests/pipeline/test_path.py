"""What becomes of a lead: sold, refused, passed on, asked again; and what its source hears."""

import asyncio

from app.pipeline.work import lead_id_of
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import ON_EMAIL, catalogue, contract, lead, opened, source


async def test_a_lead_that_its_buyer_takes_is_sold(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/ok")))) as house:
        answer = await house.one(lead())
        assert (answer.outcome, answer.state, str(answer.price)) == ("success", "sold", "12.50")
        row = (await house.rows("select state, outcome, revenue, ended_at from lead"))[0]
        assert (row["state"], row["outcome"], str(row["revenue"])) == ("sold", "success", "42.00")
        assert row["ended_at"] is not None
        delivery = (await house.rows("select state, reference, price, attempts, lease_id from delivery"))[0]
        assert tuple(delivery)[:2] == ("accepted", "SC-88213")
        assert (str(delivery["price"]), delivery["attempts"], delivery["lease_id"]) == ("42.00", 1, None)
        assert await house.value("select count(*) from inbox") == 0
        assert house.at_rest()
    assert len(buyer.received) == 1


async def test_what_one_buyer_rejects_goes_to_the_next(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(
        source(),
        contract("first", buyer.url("/reject"), price="50.00"),
        contract("second", buyer.url("/duplicate"), price="45.00"),
        contract("third", buyer.url("/ok"), price="40.00"),
    )
    async with opened(database, yaml) as house:
        answer = await house.one(lead())
        assert answer.state == "sold"
        assert await house.deliveries(answer.lead_id) == [
            ("first", "rejected"),
            ("second", "duplicate"),
            ("third", "accepted"),
        ]
        assert [row["rank"] for row in await house.rows("select rank from delivery order by rank")] == [
            1,
            2,
            3,
        ]


async def test_a_lead_that_nobody_takes_is_unsold_and_costs_nothing(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/reject")))) as house:
        answer = await house.one(lead())
        assert (answer.outcome, answer.state, str(answer.price)) == ("failure", "unsold", "0")
        assert [reason["code"] for reason in answer.reasons] == ["no_buyer"]
        assert house.at_rest()


async def test_a_lead_without_a_contract_is_unsold_at_once(database: Database) -> None:
    async with opened(database, catalogue(source())) as house:
        answer = await house.one(lead())
        assert (answer.outcome, answer.state) == ("failure", "unsold")


async def test_a_rejected_lead_says_why_field_by_field(database: Database) -> None:
    async with opened(database, catalogue(source())) as house:
        answer = await house.one({"first_name": "Ann", "email": "no address"})
        assert (answer.outcome, answer.state) == ("failure", "rejected")
        assert [(reason["code"], reason["field"]) for reason in answer.reasons] == [("invalid", "email")]


async def test_a_source_that_is_told_little_hears_one_reason(database: Database) -> None:
    async with opened(database, catalogue(source(more=", reasons: coarse"))) as house:
        answer = await house.one({"first_name": "Ann"})
        assert [reason["code"] for reason in answer.reasons] == ["refused"]


async def test_a_held_lead_is_pending_and_keeps_nobody_waiting(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(
        source(),
        contract("b1", buyer.url("/ok")),
        checks="[{check: email, role: hold}]",
    )
    async with opened(database, yaml) as house:
        answer = await house.one(lead("info@example.com"))
        assert (answer.outcome, answer.state) == ("pending", "held")
        assert house.at_rest()
    assert buyer.received == []


async def test_on_the_verdict_the_source_is_paid_whoever_buys(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(source(reply="verdict"), contract("b1", buyer.url("/reject")))
    async with opened(database, yaml) as house:
        answer = await house.one(lead())
        assert (answer.outcome, answer.state, str(answer.price)) == ("success", "delivering", "12.50")
        await house.ends(answer.lead_id, "unsold")
        row = (await house.rows("select outcome, price, reasons from lead"))[0]
        assert (row["outcome"], str(row["price"]), row["reasons"]) == ("success", "12.50", None)


async def test_at_the_deadline_the_answer_is_what_is_known(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/black-hole")))) as house:
        work = house.work(lead())
        await house.keep(work)
        asked = asyncio.create_task(house.engine.decided(work, house.world.monotonic() + 60))
        await house.ends(work.submission.id, "delivering")
        await house.until(lambda: asyncio.sleep(0, work.submission.id not in house.engine.in_hand))
        house.engine._give_up(work)  # as its timer does
        (answer,) = await asked
        assert (answer.outcome, answer.state) == ("pending", "delivering")
        assert len(house.engine.waiting) == 0


async def test_a_deadline_before_the_decision_says_received(database: Database) -> None:
    async with opened(database, catalogue(source())) as house:
        answer = await house.one(lead(), within=-1)
        assert (answer.outcome, answer.state) == ("pending", "received")
        await house.ends(answer.lead_id, "unsold")


async def test_a_source_that_hangs_up_leaves_nothing_behind(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/503")))) as house:
        work = house.work(lead())
        await house.keep(work)
        waiting = asyncio.create_task(house.engine.decided(work, house.world.monotonic() + 60))
        await house.ends(work.submission.id, "delivering")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert len(house.engine.waiting) == 0


async def test_several_records_are_several_leads_with_answers_in_order(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/ok")))) as house:
        work = house.work(lead("a@example.com"), {"first_name": "B"}, lead("c@example.com"))
        await house.keep(work)
        answers = await house.engine.decided(work, house.world.monotonic() + 10)
        assert [answer.state for answer in answers] == ["sold", "rejected", "sold"]
        assert [answer.lead_id for answer in answers] == [lead_id_of(work.submission.id, n) for n in range(3)]
        assert len({answer.lead_id for answer in answers}) == 3
        assert house.at_rest()


async def test_a_shared_lead_goes_to_as_many_buyers_as_it_may(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(
        source(),
        contract("a", buyer.url("/ok"), price="30.00"),
        contract("b", buyer.url("/reject"), price="20.00"),
        contract("c", buyer.url("/ok"), price="10.00"),
        contract("d", buyer.url("/ok"), price="5.00"),
        sell="shared(2)",
    )
    async with opened(database, yaml) as house:
        answer = await house.one(lead())
        assert answer.outcome == "success"
        await house.ends(answer.lead_id, "sold")
        assert sorted(await house.deliveries(answer.lead_id)) == [
            ("a", "accepted"),
            ("b", "rejected"),
            ("c", "accepted"),
        ]
        assert str(await house.value("select revenue from lead")) == "40.00"


async def test_a_test_lead_takes_the_real_path_and_counts_nothing(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(
        source(),
        contract("b1", buyer.url("/reject"), price="50.00", more="caps: [{per: day, leads: 1}]"),
        contract("b2", buyer.url("/ok"), more="caps: [{per: day, leads: 1}]"),
        checks=ON_EMAIL,
    )
    async with opened(database, yaml) as house:
        for n in range(2):
            answer = await house.one(lead(f"t{n}@example.com"), test=True)
            assert answer.state == "sold"
        assert await house.counters() == {}
        real = await house.one(lead("t0@example.com"))
        assert real.state == "sold"


async def test_a_paused_contract_gets_nothing(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(source(), contract("b1", buyer.url("/ok"), more="paused: true"))
    async with opened(database, yaml) as house:
        assert (await house.one(lead())).state == "unsold"
    assert buyer.received == []


async def test_a_swapped_catalogue_holds_for_the_next_lead(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source())) as house:
        assert (await house.one(lead())).state == "unsold"
        await house.configure(catalogue(source(), contract("b1", buyer.url("/ok"))))
        assert (await house.one(lead())).state == "sold"
