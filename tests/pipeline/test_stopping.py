"""A person who is not to be called: nobody else gets the lead, at whatever moment its buyer tells."""

import asyncio
import json
from uuid import UUID

import pytest

from app.core.errors import Conflict
from app.followup.item import item_of
from app.pipeline.faults import Retrying
from app.pipeline.replaying import Replayer
from app.store import leads, pool, stopping
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import House, lead, source
from tests.pipeline.pools import pooling
from tests.pipeline.test_callbacks import told as tell_all
from tests.pipeline.test_returning import Desk, desk, selling

STOP = {"code": "bad.dnc"}


def busy(buyer: Buyer, id_: str = "b2", more: str = "") -> str:
    """A contract whose buyer has no time at this moment; what it is offered waits."""
    return selling(buyer, more=more, id_=id_, price="30.00").replace("/ok", "/503")


async def ends(house: House, lead_id: UUID) -> dict[str, tuple[str, str | None]]:
    rows = await house.rows("select contract, state, reason from delivery where lead_id = $1", lead_id)
    return {row[0]: (row[1], row[2]) for row in rows}


async def stopped(open_: Desk, lead_id: UUID, buyer: str = "b1") -> None:
    delivery = await open_.house.value(
        "select id from delivery where lead_id = $1 and buyer = $2 and state = 'accepted'", lead_id, buyer
    )
    (result,) = await open_.tell({"delivery_id": str(delivery), **STOP}, buyer=buyer)
    assert result.outcome == "accepted", result


@pytest.mark.parametrize("code", ["bad.dnc", "bad.no_consent", "bad.never_asked"])
async def test_copies_that_wait_are_cancelled_and_sold_ones_stay(
    database: Database, buyer: Buyer, code: str
) -> None:
    cap = "caps: [{per: day, leads: 1}]"
    async with desk(database, source(), selling(buyer), busy(buyer, more=cap), sell="shared(2)") as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        assert await open_.house.state(lead_id) == "delivering"
        assert await open_.house.counters() == {"b2": 1}
        await open_.tell({"delivery_id": str(await open_.delivery(lead_id)), "code": code})
        assert await ends(open_.house, lead_id) == {
            "b1": ("accepted", ""),
            "b2": ("cancelled", "stopped"),
        }
        assert await open_.house.state(lead_id) == "sold"
        assert await open_.house.counters() == {"b2": 0}
        await open_.house.due_now()
        asked = len(buyer.received)
        await open_.house.due_now()
        assert len(buyer.received) == asked
        assert (await open_.books())["buyer:b1"] == 42


async def test_any_other_word_cancels_nothing(database: Database, buyer: Buyer) -> None:
    async with desk(database, source(), selling(buyer), busy(buyer), sell="shared(2)") as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        delivery = str(await open_.delivery(lead_id))
        await open_.tell(
            {"delivery_id": delivery, "code": "bad.wrong_number"},
            {"delivery_id": delivery, "code": "lost.price"},
        )
        assert (await ends(open_.house, lead_id))["b2"][0] == "waiting"


async def test_a_dry_word_stops_nothing(database: Database, buyer: Buyer) -> None:
    async with desk(database, source(), selling(buyer), busy(buyer), sell="shared(2)") as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        item = item_of({"delivery_id": str(await open_.delivery(lead_id)), **STOP})
        await open_.feedback.take([item], "b1", by="buyer b1", dry=True)
        assert (await ends(open_.house, lead_id))["b2"][0] == "waiting"


async def test_a_copy_under_way_ends_without_a_successor(database: Database, buyer: Buyer) -> None:
    """Somebody has it in hand at the moment of the word; what it comes to is written down, and nobody is next."""
    third = selling(buyer, id_="b3", price="20.00")
    async with desk(database, source(), selling(buyer), busy(buyer), third, sell="shared(2)") as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        await open_.house.run("update delivery set state = 'sending' where contract = 'b2'")
        await stopped(open_, lead_id)
        assert (await ends(open_.house, lead_id))["b2"][0] == "sending"
        assert await open_.house.state(lead_id) == "delivering"
        await open_.house.run(
            "update delivery set state = 'rejected', ended_at = now() where contract = 'b2'"
        )
        async with database.acquire() as conn:
            context = (await leads.contexts(conn, [lead_id]))[lead_id]
        await open_.house.engine.recorder.resume([open_.house.engine.tracker.track(context)])
        assert set(await ends(open_.house, lead_id)) == {"b1", "b2"}
        assert await open_.house.state(lead_id) == "sold"


async def test_what_a_buyer_may_have_stays_unclear_and_keeps_its_place(
    database: Database, buyer: Buyer
) -> None:
    more = "idempotent: true\n        caps: [{per: day, leads: 1}]"
    perhaps = busy(buyer, more=more).replace("/503", "/500")
    async with desk(database, source(), selling(buyer), perhaps, sell="shared(2)") as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        assert (await ends(open_.house, lead_id))["b2"][0] == "waiting"  # it is asked again
        await stopped(open_, lead_id)
        assert (await ends(open_.house, lead_id))["b2"][0] == "unclear"
        assert await open_.house.state(lead_id) == "unclear"
        assert await open_.house.counters() == {"b2": 1}


async def test_a_stopped_lead_is_not_asked_for_again_by_hand(database: Database, buyer: Buyer) -> None:
    async with desk(database, source(), selling(buyer), busy(buyer), sell="shared(2)") as open_:
        house = open_.house
        lead_id = (await house.one(lead())).lead_id
        await house.run("update delivery set state = 'dead', ended_at = now() where contract = 'b2'")
        await stopped(open_, lead_id)
        dead = await house.value("select id from delivery where contract = 'b2'")
        retrying = Retrying(house.world, house.metrics, patience=2)
        replayer = Replayer(database, house.world, house.engine.chooser, retrying, lambda: house.plans)
        with pytest.raises(Conflict, match="not to be called"):
            await replayer.ask(dead, by="ann")


async def test_a_lead_that_came_back_and_waits_for_its_next_buyer_is_stopped_too(
    database: Database, buyer: Buyer
) -> None:
    """Given back for another reason, offered once more; then its first buyer says that the person wants no calls."""
    terms = "reasons: [other, dnc], resale: true"
    async with desk(database, source(), selling(buyer, terms), busy(buyer)) as open_:
        delivery = await open_.sold()
        await open_.returns.approve(await open_.requested(delivery, "other"), by="ann")
        await open_.returns.resell()
        lead_id = await open_.house.value("select id from lead")

        async def waits() -> bool:
            return (await ends(open_.house, lead_id)).get("b2", ("",))[0] == "waiting"

        await open_.house.until(waits)
        await open_.tell({"delivery_id": str(delivery), **STOP})
        assert (await ends(open_.house, lead_id))["b2"] == ("cancelled", "stopped")
        assert await open_.house.state(lead_id) == "returned"


async def test_given_back_for_it_a_lead_goes_to_nobody_else_and_its_waiting_copy_ends(
    database: Database, buyer: Buyer
) -> None:
    terms = "reasons: [dnc], resale: true, auto: [{when: attempts == 0, do: approve}]"
    async with desk(database, source(), selling(buyer, terms), busy(buyer), sell="shared(2)") as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        result = await open_.give_back(await open_.delivery(lead_id), "dnc")
        assert (result.outcome, result.code) == ("accepted", "approved")
        assert (await ends(open_.house, lead_id))["b2"] == ("cancelled", "stopped")
        assert await open_.house.state(lead_id) == "returned"
        assert await open_.house.value("select resale from return_request") is None
        assert await open_.books() == {}


async def test_a_lead_that_waits_to_be_offered_again_waits_no_longer(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        await open_.house.run("update lead set state = 'delivering', round = 2, ended_at = null")
        await open_.house.run(
            "insert into requeue (lead_id, campaign, first_round, until, due_at, catalogue) "
            "values ($1, 'solar', 2, now() + interval '1 day', now(), 1)",
            lead_id,
        )
        await stopped(open_, lead_id)
        assert await open_.house.rows("select 1 from requeue") == []
        assert await open_.house.state(lead_id) == "sold"


async def test_whoever_has_the_lead_beside_hears_that_its_person_is_not_to_be_called(
    database: Database, buyer: Buyer
) -> None:
    async with Buyer() as hears:
        to = f'url: "{hears.url("/ok")}"'
        parts = (
            selling(buyer, more=f"postback: {{{to}}}"),
            selling(buyer, id_="b2", price="30.00", more=f"postback: {{{to}, on: [do_not_call]}}"),
            selling(buyer, id_="b3", price="20.00", more=f"postback: {{{to}, on: [return_denied]}}"),
        )
        async with desk(database, source(), *parts, sell="shared(3)") as open_:
            lead_id = (await open_.house.one(lead())).lead_id
            await open_.house.ends(lead_id, "sold")
            await stopped(open_, lead_id)
            await stopped(open_, lead_id, "b2")  # who says it second tells nobody anew
            assert set(await tell_all(open_.house)) == {"told"}
            second = await open_.house.value("select id from delivery where contract = 'b2'")
        (said,) = [json.loads(one.body) for one in hears.received]
        assert said == {
            "event": "do_not_call", "delivery": {"id": str(second), "reference": "SC-88213"},
        }  # fmt: skip


async def test_all_buyers_of_a_lead_who_say_so_at_the_same_moment_stop_it_once(
    database: Database, buyer: Buyer
) -> None:
    parts = [selling(buyer, id_=f"b{n}", price=f"{40 - n}.00") for n in range(1, 5)]
    async with desk(database, source(), *parts, busy(buyer, "b9"), sell="shared(5)") as open_:
        lead_ids = [(await open_.house.one(lead(f"{n}@example.com"))).lead_id for n in range(3)]
        await asyncio.gather(
            *(stopped(open_, lead_id, f"b{n}") for n in range(1, 5) for lead_id in lead_ids[:1]),
            *(stopped(open_, lead_id, "b1") for lead_id in lead_ids[1:]),
        )
        for lead_id in lead_ids:
            assert (await ends(open_.house, lead_id))["b9"] == ("cancelled", "stopped")
            assert await open_.house.state(lead_id) == "sold"
        events = await open_.house.rows("select data ->> 'cancelled' from lead_event where kind = 'stopped'")
        assert [row[0] for row in events] == ["1", "1", "1"]


async def test_stopping_a_lead_twice_stops_it_once(database: Database, buyer: Buyer) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        async with database.acquire() as conn, conn.transaction():
            assert await stopping.stop(conn, [lead_id], "ann", "do_not_call") == {lead_id}
            assert await stopping.stop(conn, [lead_id], "ann", "do_not_call") == set()


async def test_a_copy_in_the_pool_is_offered_to_nobody_any_more(database: Database, buyer: Buyer) -> None:
    async with desk(database, source(), selling(buyer), pooling(), sell="shared(2)") as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        assert dict(await open_.house.deliveries(lead_id)) == {"b1": "accepted", "inside-pool": "pooled"}
        await stopped(open_, lead_id)
        assert (await ends(open_.house, lead_id))["inside-pool"] == ("cancelled", "stopped")
        assert await open_.house.state(lead_id) == "sold"
        async with database.acquire() as conn:
            assert await pool.astray(conn) == (0, 0)
