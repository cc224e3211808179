"""A buyer who fails is left alone, in all processes, and asked once when the rest is over; a missing proof is told."""

from functools import partial
from pathlib import Path
from uuid import UUID

from app.main import Process
from app.pipeline.resting import _waits
from app.settings import Settings
from app.store import resting
from tests.commands.conftest import Gate, Leadgate, contract, source
from tests.e2e.books import until
from tests.e2e.counting import CountingBuyer, Delivery

RESTING = "select state from resting where contract = $1"
STATES = "select state from delivery where lead_id = $1::text::uuid order by rank"


def down(_: Delivery) -> tuple[int, dict[str, str]]:
    return 503, {"status": "down"}


def later(_: Delivery) -> tuple[int, dict[str, str]]:
    return 200, {"status": "we will see"}


def breaking(more: str = "", *, rest: str = "1s", schedule: str = "[1s]") -> str:
    return f"breaker: {{failures: 2, over: 0s, rest: {rest}{more}}}"


async def rests(gate: Gate, contract_id: str) -> None:
    async def so() -> bool:
        shut = gate.process.engine.sender.health.shut
        return contract_id in shut

    await until(so, within=10, what=f"{contract_id} rests")


async def test_a_contract_whose_buyer_fails_gets_nothing_until_one_delivery_has_tried(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    buyer.says["west"] = down
    await gate.configure(
        source(deadline="1s"), contract("west", buyer.url("west"), price="50.00", more=breaking(rest="2s")),
        contract("east", buyer.url("east"), price="40.00"),
    )  # fmt: skip
    stuck = [await gate.post(email=f"ann{n}@example.org") for n in range(2)]
    await rests(gate, "west")

    aside = await gate.post(email="bea@example.org")
    await gate.becomes(aside, "sold")
    assert buyer.accepted("east")
    assert not buyer.accepted("west")
    told = (await leadgate("trace", aside, "--all")).stdout
    assert "left out: 1 resting" in told
    assert "it rested, for its buyer had failed time and again" in told
    doctor = (await leadgate("doctor")).stdout
    assert "contract west" in doctor
    assert "failures in a row, the last http_503" in doctor

    asked = len([one for one in buyer.answered if one.delivery.contract == "west"])
    del buyer.says["west"]
    for lead in stuck:
        await gate.becomes(lead, "sold")
    first = [one for one in buyer.answered if one.delivery.contract == "west"][asked:]
    assert first[0].accepted
    await until(lambda: _gone(gate, "west"), within=10)
    again = await gate.post(email="cyd@example.org")
    await gate.becomes(again, "sold")
    assert len(buyer.accepted("west")) == 3


async def _gone(gate: Gate, contract_id: str) -> bool:
    return await gate.one(RESTING, contract_id) is None and not gate.process.engine.sender.health.shut


async def test_a_lead_that_only_a_resting_contract_wants_waits_for_it(
    gate: Gate, buyer: CountingBuyer
) -> None:
    buyer.says["west"] = down
    await gate.configure(
        source(deadline="1s"), contract("west", buyer.url("west"), more=breaking(rest="2s"), caps="[{per: day, leads: 3}]"),
    )  # fmt: skip
    for n in range(2):
        await gate.post(email=f"ann{n}@example.org")
    await rests(gate, "west")
    asked = len(buyer.answered)
    late, beyond = await gate.post(email="bea@example.org"), await gate.post(email="cyd@example.org")
    rows = await gate.fetch("select state, attempts from delivery where lead_id = $1::text::uuid", late)
    assert [tuple(row) for row in rows] == [("waiting", 0)]
    assert len(buyer.answered) <= asked + 1  # the one that tries
    assert (
        await gate.one("select state from lead where id = $1::text::uuid", beyond) == "unsold"
    )  # the cap holds
    del buyer.says["west"]
    await gate.becomes(late, "sold")
    assert len(buyer.accepted("west")) == 3


async def test_its_owner_hears_of_it_where_the_contract_says_where(gate: Gate, buyer: CountingBuyer) -> None:
    buyer.says["west"] = down
    told = 'postback: {url: "https://sunco.example/leadgate", on: [contract_rests, contract_recovered]}'
    await gate.configure(
        source(deadline="1s"),
        contract("west", buyer.url("west"), more=f"{breaking()}\n        {told}"),
    )
    leads = [await gate.post(email=f"ann{n}@example.org") for n in range(2)]
    await rests(gate, "west")
    del buyer.says["west"]
    for lead in leads:
        await gate.becomes(lead, "sold")

    async def owed() -> list[str]:
        rows = await gate.fetch("select event from callback where event like 'contract_%' order by id")
        events = [row[0] for row in rows]
        return events if len(events) == 2 else []

    assert await until(owed, within=10) == ["contract_rests", "contract_recovered"]


async def test_a_try_that_fails_doubles_the_rest_and_is_a_failure_more(
    gate: Gate, buyer: CountingBuyer
) -> None:
    buyer.says["west"] = down
    told = 'postback: {url: "https://sunco.example/leadgate", on: [contract_rests]}'
    await gate.configure(
        source(deadline="1s"),
        contract("west", buyer.url("west"), more=f"{breaking(rest='300ms')}\n        {told}"),
    )
    for n in range(2):
        await gate.post(email=f"ann{n}@example.org")
    await rests(gate, "west")

    async def four_times() -> bool:
        return bool((await gate.one("select times from resting where contract = 'west'") or 0) >= 4)

    await until(four_times, within=20)
    tries = [one for one in buyer.answered if one.delivery.contract == "west"]
    assert 4 <= len(tries) <= 6  # the two that broke it, and one a rest
    rows = await gate.fetch("select (document ->> 'failures')::int from callback order by id limit 3")
    assert [row[0] for row in rows] == [2, 3, 4]


async def test_it_holds_in_every_process(
    gate: Gate, buyer: CountingBuyer, database_url: str, settings: Settings, tmp_path: Path
) -> None:
    buyer.says["west"] = down
    await gate.configure(source(deadline="1s"), contract("west", buyer.url("west"), more=breaking(rest="1h")))
    folder = tmp_path / "metrics of the other"
    folder.mkdir()
    other = Process(settings, database_url, folder, role="api")
    await other.open()
    try:
        for n in range(2):
            await gate.post(email=f"ann{n}@example.org")

        async def there_too() -> bool:
            return "west" in other.engine.sender.health.shut

        await until(there_too, within=10)
        campaign = other.current_plans().campaign("solar")
        at = other.world.now()
        match = campaign.match({"state": "CA"}, source="acme", at=at)
        assert (match.ranked(), match.left_out.resting) == ([], ("west",))
        assert match.last_resort.ranked() == ["west"]
    finally:
        await other.close()


async def test_what_waits_goes_on_to_the_next_buyer_where_the_contract_says_so(
    gate: Gate, buyer: CountingBuyer
) -> None:
    buyer.says["west"] = down
    await gate.configure(
        source(deadline="1s"),
        contract("west", buyer.url("west"), price="50.00", more=breaking(", waiting: reroute", rest="1h")),
        contract("east", buyer.url("east"), price="40.00"),
    )
    leads = [await gate.post(email=f"ann{n}@example.org") for n in range(2)]
    for lead in leads:
        await gate.becomes(lead, "sold")
    assert [tuple(row) for lead in leads for row in await gate.fetch(STATES, lead)] == [
        ("dead",), ("accepted",), ("dead",), ("accepted",),
    ]  # fmt: skip
    assert not buyer.accepted("west")


async def test_what_waits_and_may_have_been_handed_over_stays_with_the_buyer(
    gate: Gate, buyer: CountingBuyer
) -> None:
    buyer.says["west"] = lambda _: (500, {"status": "?"})
    more = breaking(", waiting: reroute", rest="1h") + "\n        idempotent: true"
    await gate.configure(
        source(deadline="1s"), contract("west", buyer.url("west"), price="50.00", more=more),
        contract("east", buyer.url("east"), price="40.00"),
    )  # fmt: skip
    leads = [await gate.post(email=f"ann{n}@example.org") for n in range(2)]
    await rests(gate, "west")
    async with gate.process.database.acquire() as conn:
        assert await resting.waiting(conn, "west", 0, 10) == []
    await gate.becomes(await gate.post(email="bea@example.org"), "sold")
    assert {row[0] for lead in leads for row in await gate.fetch(STATES, lead)} == {"waiting"}


async def test_what_another_process_has_begun_to_send_since_is_not_given_up(
    gate: Gate, buyer: CountingBuyer
) -> None:
    buyer.says["west"] = down
    later = contract("west", buyer.url("west")).replace("[1s, 1s, 1s]", "[1h]").replace("60s", "2h")
    await gate.configure(source(deadline="1s"), later)
    lead = await gate.post()
    ((delivery, seen),) = await gate.fetch("select id, attempts from delivery")
    async with gate.process.database.acquire() as conn:
        await conn.execute("update delivery set attempts = attempts + 1")
    breakers = gate.process.attended.breakers
    await breakers._give_up(delivery, "buyer_rests", partial(_waits, seen))
    assert [row[0] for row in await gate.fetch(STATES, lead)] == ["waiting"]
    await breakers._give_up(delivery, "buyer_rests", partial(_waits, seen + 1))
    assert [row[0] for row in await gate.fetch(STATES, lead)] == ["dead"]


def owing(url: str, then: str, price: str = "50.00") -> str:
    made = contract("west", url, price=price, more=f"confirm: {{within: 1s, then: {then}}}")
    return made.rstrip() + "\n          unclear: reply.json.status == 'we will see'\n"


async def test_a_hand_over_that_nobody_confirms_in_time_is_told_once(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    buyer.says["west"] = later
    await gate.configure(source(deadline="1s"), owing(buyer.url("west"), "alarm"))
    lead = await gate.post()

    async def told() -> bool:
        return bool(await gate.one("select count(*) from overdue") == 1)

    await until(told, within=10)
    await gate.process.attended.proving.look()
    events = "select count(*) from lead_event where kind = 'overdue' and lead_id = $1"
    assert await gate.one(events, UUID(lead)) == 1
    assert "1 hand-over not confirmed in time" in (await leadgate("doctor")).stdout
    delivery = await gate.one("select id::text from delivery where contract = 'west'")
    assert (await leadgate("settle", delivery, "sold", "--yes")).exit_code == 0
    await gate.process.attended.proving.gauges()
    assert await gate.one("select count(*) from overdue") == 0
    await gate.becomes(lead, "sold")


async def test_what_was_asked_again_is_waited_for_again(gate: Gate, buyer: CountingBuyer) -> None:
    buyer.says["west"] = later
    hour = owing(buyer.url("west"), "alarm").replace("within: 1s", "within: 1h")
    await gate.configure(source(deadline="1s"), hour)
    await gate.becomes(await gate.post(), "unclear")
    for table, column, told in (("delivery", "created_at", 0), ("attempt", "started_at", 1)):
        await gate.one(f"update {table} set {column} = {column} - interval '2 hours' returning 1")
        await gate.process.attended.proving.look()
        assert await gate.one("select count(*) from overdue") == told


async def test_where_silence_means_no_the_lead_goes_on_and_a_late_yes_is_refused(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    buyer.says["west"] = later
    await gate.configure(
        source(deadline="1s"), owing(buyer.url("west"), "reroute"),
        contract("east", buyer.url("east"), price="40.00"),
    )  # fmt: skip
    lead = await gate.post()
    await gate.becomes(lead, "sold")
    rows = await gate.fetch("select contract, state, reason from delivery order by rank")
    assert [tuple(row) for row in rows] == [("west", "dead", "not_confirmed"), ("east", "accepted", "")]
    late = await gate.one("select id::text from delivery where contract = 'west'")
    told = await leadgate("settle", late, "sold", "--yes")
    assert told.exit_code == 1
    assert "ended as dead" in told.output
