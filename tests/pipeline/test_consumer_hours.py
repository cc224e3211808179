"""A person who sleeps is not called: the delivery waits, or another contract has the lead.

The clock of the house is the test's, in a year in which nothing is due for the database, whose clock is its own.
"""

from datetime import UTC, datetime
from typing import Any

from app.core.world import World
from app.store.database import Database
from tests.buyer import Buyer, says
from tests.pipeline.house import House, catalogue, contract, lead, opened, source

NIGHT = datetime(2040, 7, 1, 6, tzinfo=UTC)  # 02:00 in New York
MORNING = datetime(2040, 7, 1, 12, tzinfo=UTC)
HOURS = 'consumer_hours: {open: {daily: "08:00-21:00"}}'
PASSING = 'consumer_hours: {open: {daily: "08:00-21:00"}, otherwise: leave_out}'


class Clock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def world(self) -> World:
        return World(now=lambda: self.at)


async def row(house: House) -> tuple[Any, ...]:
    ((*found,),) = await house.rows("select contract, state, attempts, next_at, lease_id from delivery")
    return tuple(found)


async def test_a_delivery_waits_until_the_person_may_be_called(database: Database, buyer: Buyer) -> None:
    clock = Clock(NIGHT)
    yaml = catalogue(source(), contract("b1", buyer.url("/ok"), more=HOURS))
    async with opened(database, yaml, world=clock.world()) as house:
        answer = await house.one(lead(state="NY"))
        assert (answer.outcome, answer.state) == ("pending", "delivering")
        assert await row(house) == ("b1", "waiting", 0, MORNING, None)
        assert await house.value("select count(*) from attempt") == 0
        clock.at = MORNING
        await house.due_now()
        await house.ends(answer.lead_id, "sold")
        assert len(buyer.received) == 1
        assert await house.value("select attempts from delivery") == 1


async def test_by_day_it_is_handed_over_at_once(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(source(), contract("b1", buyer.url("/ok"), more=HOURS))
    async with opened(database, yaml, world=Clock(MORNING).world()) as house:
        assert (await house.one(lead(state="NY"))).outcome == "success"


async def test_another_contract_has_it_where_the_first_says_so(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(
        source(),
        contract("b1", buyer.url("/ok"), price="50.00", more=PASSING),
        contract("b2", buyer.url("/ok")),
    )
    async with opened(database, yaml, world=Clock(NIGHT).world()) as house:
        answer = await house.one(lead(state="NY"))
        assert answer.outcome == "success"
        assert await house.deliveries(answer.lead_id) == [("b2", "accepted")]
        routing = await house.value("select routing->'left_out'->>'consumer_hours' from lead_detail")
        assert routing == "1"


async def test_the_next_contract_waits_after_a_no(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(
        source(reply="verdict"),
        contract("b1", buyer.url("/reject"), price="50.00"),
        contract("b2", buyer.url("/ok"), more=HOURS),
    )
    async with opened(database, yaml, world=Clock(NIGHT).world()) as house:
        answer = await house.one(lead(state="NY"))

        async def waits() -> bool:
            return await house.deliveries(answer.lead_id) == [("b1", "rejected"), ("b2", "waiting")]

        await house.until(waits)
        assert await house.value("select next_at from delivery where contract = 'b2'") == MORNING
        assert len(buyer.received) == 1


async def test_what_falls_due_at_night_is_put_off_as_if_nobody_had_taken_it(
    database: Database, buyer: Buyer
) -> None:
    says("/busy", b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")
    clock = Clock(MORNING)
    yaml = catalogue(
        source(),
        contract("b1", buyer.url("/busy"), more=f"{HOURS}\n        caps: [{{per: total, leads: 9}}]"),
    )
    async with opened(database, yaml, world=clock.world()) as house:
        await house.waiting(lead(state="NY"))
        clock.at = NIGHT
        await house.due_now()
        assert await row(house) == ("b1", "waiting", 1, MORNING, None)
        assert await house.value("select count(*) from attempt") == 1
        assert len(buyer.received) == 1
        assert await house.counters() == {"b1": 1}
        assert house.at_rest()


async def test_a_night_is_no_failure_of_the_buyers(database: Database, buyer: Buyer) -> None:
    """The schedule of `contract` gives a delivery up after 90 minutes; the night is longer."""
    says("/busy", b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")
    clock = Clock(NIGHT)
    yaml = catalogue(source(), contract("b1", buyer.url("/busy"), more=HOURS, schedule="1m"))
    async with opened(database, yaml, world=clock.world()) as house:
        answer = await house.one(lead(state="NY"))
        await house.run("update delivery set created_at = $1", NIGHT)
        clock.at = MORNING
        await house.due_now()

        async def tried() -> bool:
            return await house.value("select state = 'waiting' and attempts = 1 from delivery")

        await house.until(tried)
        assert await house.state(answer.lead_id) == "delivering"
