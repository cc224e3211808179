"""What nobody took is offered again, round after round, and what its source was told stands."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from app.pipeline.requeuer import Requeuer
from app.store.database import Database
from tests.bidders import Bidders, bidder, campaign, market
from tests.buyer import Buyer, reply, says
from tests.pipeline.house import House, contract, lead, opened, source
from tests.pipeline.test_auction import auctions
from tests.pipeline.test_selling import CAP, aged, with_distribution

HOURLY = ", requeue: {every: 1h, for: 72h}"
NOBODY = 'when: lead.email == "nobody@example.com"'


class Waiting:
    """A house whose leads wait; the test says when an hour has passed."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.requeuer = Requeuer(
            house.database, house.engine, house.world, house.metrics, plans=lambda: house.plans
        )

    async def hours_pass(self, n: int = 1) -> None:
        """For whatever waits."""
        for name in ("since", "until", "due_at"):
            await self.house.run(f"update requeue set {name} = {name} - interval '{n} hours'")
        await self.requeuer.further()

    async def standing(self) -> Any:
        rows = await self.house.rows("select * from requeue")
        return rows[0] if rows else None


@asynccontextmanager
async def waiting(database: Database, yaml: str) -> AsyncIterator[Waiting]:
    async with opened(database, yaml) as house:
        yield Waiting(house)


async def told(house: House) -> tuple[str, str, str, int]:
    """(state, the source's answer, its price, round)."""
    row = (await house.rows("select state, outcome, price, round from lead"))[0]
    return row[0], row[1], str(row[2]), row[3]


async def test_a_lead_that_nobody_took_waits_and_its_source_is_told_no(
    database: Database, buyer: Buyer
) -> None:
    yaml = with_distribution(source(), contract("b1", buyer.url("/reject")), more=HOURLY)
    async with waiting(database, yaml) as at:
        answer = await at.house.one(lead())
        assert (answer.outcome, answer.state) == ("failure", "delivering")
        assert await told(at.house) == ("delivering", "failure", "0", 1)
        row = await at.standing()
        assert (row["first_round"], row["looks"]) == (1, 0)
        assert (row["until"] - row["since"]).total_seconds() == 72 * 3600
        assert (row["due_at"] - row["since"]).total_seconds() == 3600
        assert at.house.at_rest()


async def test_so_does_one_that_nobody_even_wanted(database: Database, buyer: Buyer) -> None:
    yaml = with_distribution(source(), contract("b1", buyer.url("/ok"), more=NOBODY), more=HOURLY)
    async with waiting(database, yaml) as at:
        answer = await at.house.one(lead())
        assert (answer.outcome, answer.state) == ("failure", "delivering")
        assert await at.standing() is not None


async def test_nobody_looks_before_its_time_and_no_round_is_made_where_nobody_is_there(
    database: Database, buyer: Buyer
) -> None:
    yaml = with_distribution(source(), contract("b1", buyer.url("/reject")), more=HOURLY)
    async with waiting(database, yaml) as at:
        await at.house.one(lead())
        assert not await at.requeuer.further()
        assert (await at.standing())["looks"] == 0
        await at.hours_pass()
        row = await at.standing()
        assert row["looks"] == 1
        assert row["due_at"] > row["since"]
        assert await told(at.house) == ("delivering", "failure", "0", 1)
        assert len(buyer.received) == 1  # who refused is not asked again


async def test_a_later_round_sells_it_and_pays_the_source_nothing(database: Database, buyer: Buyer) -> None:
    first = contract("b1", buyer.url("/reject"))
    yaml = with_distribution(source(), first, more=HOURLY)
    async with waiting(database, yaml) as at:
        answer = await at.house.one(lead())
        await at.house.configure(
            with_distribution(source(), first, contract("b2", buyer.url("/ok"), price="20.00"), more=HOURLY)
        )
        await at.hours_pass()
        await at.house.ends(answer.lead_id, "sold")
        assert await told(at.house) == ("sold", "failure", "0", 2)
        rows = await at.house.rows("select contract, round, slot, price, state from delivery order by round")
        assert [(r[0], r[1], r[2], str(r[3]), r[4]) for r in rows] == [
            ("b1", 1, 1, "42.00", "rejected"), ("b2", 2, 1, "20.00", "accepted")
        ]  # fmt: skip
        former = (await at.house.rows("select round, state, outcome from lead_round"))[0]
        assert tuple(former) == (1, "unsold", "failure")
        entries = await at.house.rows("select kind, amount from entry")
        assert [(r[0], str(r[1])) for r in entries] == [("sale", "20.00")]
        await at.requeuer.sweep()
        assert await at.standing() is None


async def test_who_was_full_is_asked_in_a_later_round_and_who_refused_is_not(
    database: Database, buyer: Buyer
) -> None:
    yaml = with_distribution(
        source(),
        contract("capped", buyer.url("/ok"), price="50.00", more=CAP),
        contract("refuses", buyer.url("/reject"), price="10.00"),
        more=HOURLY,
    )
    async with waiting(database, yaml) as at:
        await at.house.one(lead("first@example.com"))
        second = await at.house.one(lead("second@example.com"))
        assert second.state == "delivering"
        await at.house.run("update counter set value = 0 where key like 'cap:%'")  # the next day
        at.house.engine.decider._chooser._hints.clear()
        await at.hours_pass()
        await at.house.ends(second.lead_id, "sold")
        assert await at.house.deliveries(second.lead_id) == [("refuses", "rejected"), ("capped", "accepted")]
        assert await at.house.counters() == {"capped": 1}


async def test_a_refusal_lasts_through_all_later_rounds(database: Database, buyer: Buyer) -> None:
    parts = [contract("b1", buyer.url("/reject"))]
    async with waiting(database, with_distribution(source(), *parts, more=HOURLY)) as at:
        answer = await at.house.one(lead())
        for n in (2, 3):
            parts.append(contract(f"b{n}", buyer.url("/reject"), price="5.00"))
            await at.house.configure(with_distribution(source(), *parts, more=HOURLY))
            await at.hours_pass()

            async def waits() -> bool:
                row = await at.standing()
                return row["due_at"] is not None

            await at.house.until(waits)
        rows = await at.house.rows("select round, contract from delivery order by round")
        assert [tuple(row) for row in rows] == [(1, "b1"), (2, "b2"), (3, "b3")]
        assert await told(at.house) == ("delivering", "failure", "0", 3)
        assert await at.house.state(answer.lead_id) == "delivering"


async def test_when_its_time_is_up_it_is_unsold_for_good(database: Database, buyer: Buyer) -> None:
    yaml = with_distribution(source(), contract("b1", buyer.url("/reject")), more=HOURLY)
    async with waiting(database, yaml) as at:
        answer = await at.house.one(lead())
        await at.hours_pass(72)
        assert await at.house.state(answer.lead_id) == "unsold"
        assert await at.standing() is None
        assert await at.house.value("select ended_at is not null from lead")
        kinds = [row[0] for row in await at.house.rows("select kind from lead_event")]
        assert kinds == ["expired"]


async def test_a_round_that_ends_after_its_time_is_the_last(database: Database, buyer: Buyer) -> None:
    says("/slowly", reply(503))
    first, late = contract("b1", buyer.url("/reject")), contract("b2", buyer.url("/slowly"), price="5.00")
    async with waiting(database, with_distribution(source(), first, more=HOURLY)) as at:
        answer = await at.house.one(lead())
        await at.house.configure(with_distribution(source(), first, late, more=HOURLY))
        await at.hours_pass()

        async def waits() -> bool:
            return dict(await at.house.deliveries(answer.lead_id))["b2"] == "waiting"

        await at.house.until(waits)
        assert (await at.standing())["due_at"] is None  # a round is under way
        await at.house.run("update requeue set until = now()")
        says("/slowly", reply(200, b'{"status": "rejected", "reason": "no"}'))
        await at.house.due_now()
        await at.house.ends(answer.lead_id, "unsold")
        assert await at.standing() is None


async def test_a_lead_that_has_waited_is_offered_at_a_part_of_the_price_to_all_of_its_round(
    database: Database, buyer: Buyer
) -> None:
    policy = ", requeue: {every: 1h, for: 72h, price: {after: 2h, factor: 0.5}}"
    parts = [contract("b1", buyer.url("/reject"))]
    async with waiting(database, with_distribution(source(), *parts, more=policy)) as at:
        answer = await at.house.one(lead())
        parts += [
            contract("b2", buyer.url("/reject"), price="20.00"),
            contract("b3", buyer.url("/ok"), price="9.99", more='caps: [{per: day, amount: "5.00"}]'),
        ]
        await at.hours_pass()  # too young
        await at.house.configure(with_distribution(source(), *parts, more=policy))
        await at.hours_pass(2)
        await at.house.ends(answer.lead_id, "sold")
        rows = await at.house.rows("select contract, price from delivery where round = 2 order by rank")
        assert [(r[0], str(r[1])) for r in rows] == [("b2", "10.00"), ("b3", "5.00")]
        assert str(await at.house.value("select revenue from lead")) == "5.00"


async def test_a_test_lead_does_not_wait(database: Database, buyer: Buyer) -> None:
    yaml = with_distribution(source(), contract("b1", buyer.url("/reject")), more=HOURLY)
    async with waiting(database, yaml) as at:
        assert (await at.house.one(lead(), test=True)).state == "unsold"
        assert await at.standing() is None


async def test_a_lead_that_waits_is_not_taken_for_one_whose_next_step_is_missing(
    database: Database, buyer: Buyer
) -> None:
    yaml = with_distribution(source(), contract("b1", buyer.url("/reject")), more=HOURLY)
    async with waiting(database, yaml) as at:
        await at.house.one(lead())
        due_at = (await at.standing())["due_at"]
        assert due_at is not None
        at.house.upkeep._seen_since = -1e9
        await at.house.upkeep.recover()
        assert (await at.standing())["due_at"] == due_at  # put off with each look it would never come
        assert await told(at.house) == ("delivering", "failure", "0", 1)


async def test_a_full_cap_wakes_it_when_it_begins_anew(database: Database, buyer: Buyer) -> None:
    policy = ", requeue: {every: 30h, for: 72h, on: [cap_reset]}"
    yaml = with_distribution(
        source(), contract("capped", buyer.url("/ok"), more="caps: [{per: hour, leads: 0}]"), more=policy
    )
    async with waiting(database, yaml) as at:
        await at.house.one(lead())
        due, next_hour = (
            await at.house.rows("select due_at, date_trunc('hour', since) + interval '1 hour' from requeue")
        )[0]
        assert due == next_hour


async def test_a_changed_contract_wakes_those_who_wait_for_that_once(
    database: Database, buyer: Buyer
) -> None:
    policy = ", requeue: {every: 30h, for: 72h, on: [contract_change]}"
    none = contract("b1", buyer.url("/ok"), more=NOBODY)
    async with waiting(database, with_distribution(source(), none, more=policy)) as at:
        answer = await at.house.one(lead())
        await at.requeuer.further()
        assert (await at.standing())["looks"] == 0
        await at.house.configure(
            with_distribution(source(), none, more=policy).replace("nobody@", "somebody@")
        )
        await at.requeuer.further()
        await at.requeuer.further()
        assert (await at.standing())["looks"] == 1
        await at.house.configure(with_distribution(source(), contract("b1", buyer.url("/ok")), more=policy))
        await at.requeuer.further()
        await at.house.ends(answer.lead_id, "sold")


async def test_two_processes_that_look_at_once_make_one_round(database: Database, buyer: Buyer) -> None:
    parts = [contract("b1", buyer.url("/reject"))]
    async with waiting(database, with_distribution(source(), *parts, more=HOURLY)) as at:
        for n in range(20):
            await at.house.one(lead(f"w{n}@example.com"))
        parts.append(contract("b2", buyer.url("/ok"), price="5.00", more="caps: [{per: day, leads: 7}]"))
        more = with_distribution(source(), *parts, more=HOURLY)
        async with opened(database, more) as other:
            await at.house.configure(more)
            second = Waiting(other)
            second.house.plans = at.house.plans
            await at.house.run("update requeue set due_at = now()")
            await asyncio.gather(*(one.requeuer.further() for one in (at, second) for _ in range(3)))

            async def sold() -> bool:
                return bool(await at.house.value("select count(*) = 7 from lead where state = 'sold'"))

            await at.house.until(sold)
        assert await at.house.counters() == {"b2": 7}
        assert await at.house.value("select count(*) from delivery where contract = 'b2'") == 7
        rounds = await at.house.rows("select round, count(*) from lead group by 1 order by 1")
        assert [tuple(row) for row in rounds] == [(1, 13), (2, 7)]


async def test_a_waiting_lead_goes_along_its_chain_again(database: Database, buyer: Buyer) -> None:
    policy = ", then: [{campaign: solar-aged}], requeue: {every: 1h, for: 72h}"
    first = contract("b1", buyer.url("/reject"))
    async with waiting(database, with_distribution(source(), first, more=policy)) as at:
        answer = await at.house.one(lead())
        old = aged("old", buyer.url("/ok"), price="3.00")
        await at.house.configure(with_distribution(source(), first, old, more=policy))
        await at.hours_pass()
        await at.house.ends(answer.lead_id, "sold")
        assert (await at.house.deliveries(answer.lead_id))[-1] == ("old", "accepted")


async def test_a_dead_delivery_that_is_asked_again_while_it_waits_is_no_further_round(
    database: Database, buyer: Buyer
) -> None:
    yaml = with_distribution(source(), contract("b1", buyer.url("/503")), more=HOURLY)
    async with waiting(database, yaml) as at:
        lead_id = await at.house.waiting(lead())
        await at.house.run("update delivery set created_at = now() - interval '2 hours'")
        await at.house.due_now()

        async def waits() -> bool:
            return await at.standing() is not None

        await at.house.until(waits)
        await at.house.run("update delivery set state = 'waiting', next_at = now() + interval '1 hour'")
        await at.hours_pass()
        row = await at.standing()
        assert (row["due_at"], await told(at.house)) == (None, ("delivering", "failure", "0", 1))
        assert await at.house.deliveries(lead_id) == [("b1", "waiting")]


async def test_it_is_looked_at_no_later_than_when_its_time_is_up(database: Database, buyer: Buyer) -> None:
    yaml = with_distribution(source(), contract("b1", buyer.url("/reject")), more=HOURLY)
    async with waiting(database, yaml) as at:
        await at.house.one(lead())
        await at.house.run("update requeue set until = now() + interval '90 minutes'")
        await at.hours_pass()
        row = await at.standing()
        assert (row["looks"], row["due_at"]) == (1, row["until"])


async def test_nor_after_another_round_that_nobody_took_it_in(database: Database, buyer: Buyer) -> None:
    first, second = contract("b1", buyer.url("/reject")), contract("b2", buyer.url("/reject"))
    async with waiting(database, with_distribution(source(), first, more=HOURLY)) as at:
        lead_id = (await at.house.one(lead())).lead_id
        await at.house.configure(with_distribution(source(), first, second, more=HOURLY))
        await at.house.run("update requeue set until = now() + interval '90 minutes'")
        await at.hours_pass()
        await at.house.until(lambda: at.house.value("select due_at from requeue"))
        assert await at.house.deliveries(lead_id) == [("b1", "rejected"), ("b2", "rejected")]
        row = await at.standing()
        assert row["due_at"] == row["until"]


async def test_a_lead_that_was_auctioned_is_offered_to_nobody_else_later(database: Database) -> None:
    async with Bidders({"sunco": "12.00"}) as bidders:
        bidders.refusing.add("sunco")
        auctioned = campaign("{on: post}").replace("priority]}", "priority]" + HOURLY + "}")
        async with auctions(database, market(bidder(bidders, "sunco"), campaign=auctioned)) as house:
            assert (await house.one(lead())).state == "unsold"
            assert len(bidders.leads("sunco")) == 1
            assert await house.rows("select * from requeue") == []
