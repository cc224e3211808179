"""What certainly did not arrive is tried again; what may have arrived is not, unless the buyer allows it."""

from app.store.database import Database
from tests.buyer import WAYS, Buyer, reply, says
from tests.pipeline.house import catalogue, contract, lead, opened, source

CAP = "caps: [{per: day, leads: 1}]"


async def test_a_buyer_that_is_busy_is_asked_again_and_buys(database: Database, buyer: Buyer) -> None:
    says("/turns", reply(503))
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/turns")))) as house:
        lead_id = await house.waiting(lead())
        says("/turns", reply())
        await house.due_now()
        await house.ends(lead_id, "sold")
        row = (await house.rows("select id, attempts, state from delivery"))[0]
        assert (row["attempts"], row["state"]) == (2, "accepted")
        ended = await house.rows("select n, outcome, late from attempt_end order by n")
        assert [tuple(one) for one in ended] == [(1, "TryLater", False), (2, "Accepted", False)]
        assert {got.headers["webhook-id"] for got in buyer.received if "webhook-id" in got.headers} <= {
            str(row["id"])
        }
        assert house.at_rest()


async def test_nothing_is_asked_before_its_time(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/503")))) as house:
        await house.waiting(lead())
        assert not await house.upkeep.due()
    assert len(buyer.received) == 1


async def test_after_the_schedule_a_delivery_is_dead_and_the_lead_goes_on(
    database: Database, buyer: Buyer
) -> None:
    yaml = catalogue(
        source(),
        contract("busy", buyer.url("/503"), price="50.00", more=CAP),
        contract("next", buyer.url("/ok")),
    )
    async with opened(database, yaml) as house:
        lead_id = await house.waiting(lead())
        assert await house.counters() == {"busy": 1}
        await house.run("update delivery set created_at = now() - interval '2 hours'")
        await house.due_now()
        await house.ends(lead_id, "sold")
        assert await house.deliveries(lead_id) == [("busy", "dead"), ("next", "accepted")]
        assert await house.counters() == {"busy": 0}


async def test_a_paused_contract_is_not_asked_until_it_goes_on(database: Database, buyer: Buyer) -> None:
    says("/pauses", reply(503))
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/pauses")))) as house:
        lead_id = await house.waiting(lead())
        says("/pauses", reply())
        await house.configure(catalogue(source(), contract("b1", buyer.url("/pauses"), more="paused: true")))
        await house.due_now()
        assert await house.deliveries(lead_id) == [("b1", "waiting")]
        await house.configure(catalogue(source(), contract("b1", buyer.url("/pauses"))))
        await house.due_now()
        await house.ends(lead_id, "sold")


async def test_a_contract_that_is_removed_ends_its_waiting_deliveries_as_dead(
    database: Database, buyer: Buyer
) -> None:
    yaml = catalogue(source(), contract("gone", buyer.url("/503"), price="50.00", more=CAP))
    async with opened(database, yaml) as house:
        lead_id = await house.waiting(lead())
        await house.configure(catalogue(source(), contract("stays", buyer.url("/ok"))))
        await house.due_now()
        await house.ends(lead_id, "sold")
        assert await house.deliveries(lead_id) == [("gone", "dead"), ("stays", "accepted")]
        assert await house.value("select reason from delivery where contract = 'gone'") == "contract_gone"
        assert await house.counters() == {"gone": 0}
    assert len(buyer.received) == 2


async def test_a_source_that_is_removed_leaves_its_leads_in_hand_to_be_sold(
    database: Database, buyer: Buyer
) -> None:
    says("/orphan-source", reply(503))
    b1 = contract("b1", buyer.url("/orphan-source"))
    async with opened(database, catalogue(source(), b1)) as house:
        lead_id = await house.waiting(lead())
        says("/orphan-source", reply())
        await house.configure(catalogue(b1))
        await house.due_now()
        await house.ends(lead_id, "sold")


async def test_a_lead_whose_campaign_is_removed_comes_to_an_end(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/503")))) as house:
        lead_id = await house.waiting(lead())
        await house.configure("campaigns: [{id: other, fields: {email: {type: email}}}]")
        await house.due_now()
        await house.ends(lead_id, "unsold")
        assert await house.deliveries(lead_id) == [("b1", "dead")]
        assert await house.value("select outcome from lead") == "failure"


async def test_what_may_have_arrived_is_unclear_and_stays_so(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(
        source(), contract("b1", buyer.url("/reset")), contract("b2", buyer.url("/ok"), price="1.00")
    )
    async with opened(database, yaml) as house:
        answer = await house.one(lead())
        assert (answer.outcome, answer.state) == ("pending", "unclear")
        await house.due_now()
        assert await house.deliveries(answer.lead_id) == [("b1", "unclear")]
        assert await house.value("select ended_at from lead") is None
        assert house.at_rest()
    assert len(buyer.received) == 1


async def test_an_unclear_one_is_asked_again_where_the_buyer_ignores_repeats(
    database: Database, buyer: Buyer
) -> None:
    WAYS["/idempotent"] = WAYS["/reset"]
    yaml = catalogue(source(), contract("b1", buyer.url("/idempotent"), more="idempotent: true"))
    async with opened(database, yaml) as house:
        lead_id = await house.waiting(lead())
        says("/idempotent", reply())
        await house.due_now()
        await house.ends(lead_id, "sold")


async def test_what_was_unclear_once_is_not_given_to_another_because_later_tries_do_not_get_through(
    database: Database, buyer: Buyer
) -> None:
    WAYS["/perhaps"] = WAYS["/reset"]
    yaml = catalogue(
        source(), contract("b1", buyer.url("/perhaps"), more="idempotent: true"),
        contract("b2", buyer.url("/ok"), price="1.00"),
    )  # fmt: skip
    async with opened(database, yaml) as house:
        lead_id = await house.waiting(lead())
        says("/perhaps", reply(503, b"busy"))
        await house.run(
            "update delivery set created_at = created_at - interval '2 hours'"
        )  # its schedule ends
        await house.due_now()
        await house.ends(lead_id, "unclear")
        assert await house.deliveries(lead_id) == [("b1", "unclear")]


async def test_caps_hold_and_what_a_rejection_reserved_is_given_back(
    database: Database, buyer: Buyer
) -> None:
    says("/capped", reply(200, b'{"status": "rejected", "reason": "no"}'))
    yaml = catalogue(source(), contract("b1", buyer.url("/capped"), more="caps: [{per: day, leads: 2}]"))
    async with opened(database, yaml) as house:
        for n in range(3):
            assert (await house.one(lead(f"r{n}@example.com"))).state == "unsold"
        assert await house.counters() == {"b1": 0}
        says("/capped", reply())
        answers = [await house.one(lead(f"s{n}@example.com")) for n in range(3)]
        assert [answer.state for answer in answers] == ["sold", "sold", "unsold"]
        assert await house.counters() == {"b1": 2}
        full = await house.value(
            "select routing->'full' from lead_detail where lead_id = $1", answers[2].lead_id
        )
        assert '"b1"' in full


async def test_room_that_a_rejection_gave_back_is_used_by_the_very_next_lead(
    database: Database, buyer: Buyer
) -> None:
    yaml = catalogue(source(), contract("b1", buyer.url("/reject"), more=CAP))
    async with opened(database, yaml) as house:
        for n in range(4):
            answer = await house.one(lead(f"r{n}@example.com"))
            assert await house.deliveries(answer.lead_id) == [("b1", "rejected")]


async def test_a_buyers_odd_reference_does_not_lose_the_sale(database: Database, buyer: Buyer) -> None:
    says("/odd", reply(200, b'{"status": "accepted", "id": "A\\u0000B"}'))
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/odd")))) as house:
        answer = await house.one(lead())
        assert answer.state == "sold"
        assert await house.value("select reference from delivery") == "AB"


async def test_a_contract_with_one_line_sends_one_after_the_other(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(source(), contract("b1", buyer.url("/ok"), more="concurrency: 1"))
    async with opened(database, yaml) as house:
        answers = await house.post(*(lead(f"c{n}@example.com") for n in range(5)))
        assert {answer.state for answer in answers} == {"sold"}
        assert house.at_rest()
    assert {got.connection for got in buyer.received} == {1}
