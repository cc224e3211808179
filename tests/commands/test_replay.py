"""Asking again is safe: the same id, today's caps, and never a lead that somebody else has."""

from uuid import UUID

from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.counting import CountingBuyer, Delivery

DELIVERY = "select * from delivery where lead_id = $1::text::uuid and contract = $2"


def busy(delivery: Delivery) -> tuple[int, dict[str, str]]:
    return 503, {"status": "down"}


def giving_up(id_: str, url: str, **more: str) -> str:
    """A contract whose first try is its last."""
    return contract(id_, url, **more).replace("schedule: [1s, 1s, 1s]", "schedule: []")


async def a_dead_one(gate: Gate, buyer: CountingBuyer, *more: str, caps: str = "[]") -> tuple[str, str]:
    """(lead, its dead delivery to solarnow-az)"""
    buyer.says["solarnow-az"] = busy
    await gate.configure(
        source(), giving_up("solarnow-az", buyer.url("solarnow-az"), price="50.00", caps=caps), *more
    )
    lead = await gate.post()
    [row] = await gate.fetch(DELIVERY, lead, "solarnow-az")
    assert row["state"] == "dead"
    del buyer.says["solarnow-az"]
    return lead, str(row["id"])


async def test_a_dead_delivery_is_asked_again_with_its_id_and_sells_its_lead(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    lead, delivery = await a_dead_one(gate, buyer)
    assert await gate.one("select state from lead where id = $1", UUID(lead)) == "unsold"
    told = await leadgate("replay", delivery[-8:])
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("1 delivery, oldest ")
    await gate.becomes(lead, "sold")
    assert buyer.accepted("solarnow-az") == {delivery}
    story = (await leadgate("trace", lead)).stdout
    assert "· replayed      solarnow-az, was dead, by " in story
    assert story.index("201 failure") < story.index("replayed") < story.index("Accepted")


async def test_it_takes_of_todays_caps_again(gate: Gate, buyer: CountingBuyer, leadgate: Leadgate) -> None:
    lead, _ = await a_dead_one(gate, buyer, caps="[{per: day, leads: 1}]")
    counter = "select value from counter where key like 'cap:solarnow-az:%'"
    assert await gate.one(counter) == 0
    assert (await leadgate("replay", "--contract", "solarnow-az", "--yes")).exit_code == 0
    await gate.becomes(lead, "sold")
    assert await gate.one(counter) == 1
    other = await gate.post(email="eve@example.org")
    assert await gate.one("select state from lead where id = $1", UUID(other)) == "unsold"


async def test_what_dies_again_gives_back_what_it_took(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    lead, delivery = await a_dead_one(gate, buyer, caps="[{per: day, leads: 1}]")
    buyer.says["solarnow-az"] = busy
    assert (await leadgate("replay", delivery)).exit_code == 0
    await gate.becomes(lead, "unsold")
    assert await gate.one("select attempts from delivery where id = $1", UUID(delivery)) == 2
    assert await gate.one("select value from counter where key like 'cap:solarnow-az:%'") == 0


async def test_a_full_cap_leaves_it_dead(gate: Gate, buyer: CountingBuyer, leadgate: Leadgate) -> None:
    lead, delivery = await a_dead_one(gate, buyer, caps="[{per: day, leads: 1}]")
    other = await gate.post(email="eve@example.org")
    await gate.becomes(other, "sold")
    told = await leadgate("replay", delivery)
    assert told.exit_code == 1
    assert f"not …{delivery[-8:]}: solarnow-az's cap per day is full (1)" in told.stderr
    assert await gate.one("select state from delivery where id = $1", UUID(delivery)) == "dead"
    assert await gate.one("select state from lead where id = $1", UUID(lead)) == "unsold"
    assert await gate.one("select value from counter where key like 'cap:solarnow-az:%'") == 1


async def test_a_lead_that_was_sold_elsewhere_stays_there(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    lead, delivery = await a_dead_one(gate, buyer, contract("sunco-west", buyer.url("sunco-west")))
    await gate.becomes(lead, "sold")
    told = await leadgate("replay", delivery, "--yes")
    assert told.exit_code == 1
    assert f"not …{delivery[-8:]}: its lead was sold to sunco-west since" in told.stderr
    assert buyer.sold_twice() == {}
    assert await gate.one("select state from delivery where id = $1", UUID(delivery)) == "dead"


async def test_a_dry_run_says_how_many_how_long_and_changes_nothing(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await a_dead_one(gate, buyer, caps="[{per: day, leads: 9}]")
    buyer.says["solarnow-az"] = busy
    for name in ("b", "c"):
        await gate.post(email=f"{name}@example.org")
    told = await leadgate(
        "replay", "--contract", "solarnow-az", "--outcome", "dead", "--since", "2h", "--dry-run"
    )
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("3 deliveries, oldest ")
    assert told.stdout.endswith(". Cap leaves room for 9. At 60/m: 3.00 s. Run without --dry-run to start.\n")
    assert await gate.one("select count(*) from delivery where state = 'dead'") == 3


async def test_those_of_yesterday_are_asked_again_without_todays(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await a_dead_one(gate, buyer)
    buyer.says["solarnow-az"] = busy
    await gate.post(email="b@example.org")
    old, young = (
        str(row[0]) for row in await gate.fetch("select id from delivery where state = 'dead' order by id")
    )
    await gate.one(
        "update delivery set ended_at = ended_at - interval '1 day' where id = $1::text::uuid", old
    )
    [told] = objects(await leadgate("replay", "--since", "30h", "--until", "12h", "--dry-run", "--json"))
    assert told["deliveries"] == [old]
    [told] = objects(await leadgate("replay", "--since", "12h", "--dry-run", "--json"))
    assert told["deliveries"] == [young]
    assert (await leadgate("replay", "--until", "soon")).exit_code == 2


async def test_several_are_spread_over_the_time_that_the_rate_gives_them(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await a_dead_one(gate, buyer)
    buyer.says["solarnow-az"] = busy
    await gate.post(email="b@example.org")
    assert (await leadgate("replay", "--contract", "solarnow-az", "--rate", "6/h", "--yes")).exit_code == 0
    apart = await gate.one(
        "select extract(epoch from max(next_at) - now()) from delivery where state = 'waiting'"
    )
    assert 590 < apart <= 600
    assert await gate.one("select count(*) from lead where state = 'delivering' and ended_at is null") == 2


async def test_an_unclear_one_is_refused_with_what_to_do_unless_it_is_wanted(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    buyer.slowness["horizon-ca"] = 0.6
    await gate.configure(
        source(deadline="300ms"), contract("horizon-ca", buyer.url("horizon-ca"), timeout="200ms")
    )
    lead = await gate.post()
    await gate.becomes(lead, "unclear")
    no = await leadgate("replay", "--contract", "horizon-ca", "--outcome", "unclear")
    assert no.exit_code == 1
    assert "does not say `idempotent: true`" in no.stderr
    assert "leadgate settle DELIVERY" in no.stderr
    buyer.slowness.clear()
    assert (await leadgate("replay", "--outcome", "unclear", "--even-unclear")).exit_code == 0
    await gate.becomes(lead, "sold")


async def test_what_ended_or_is_nothing_is_told(gate: Gate, buyer: CountingBuyer, leadgate: Leadgate) -> None:
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")))
    lead = await gate.post()
    await gate.becomes(lead, "sold")
    [row] = await gate.fetch(DELIVERY, lead, "sunco-west")
    told = await leadgate("replay", str(row["id"]))
    assert told.exit_code == 1
    assert "it ended as accepted; that is not asked again" in told.stderr
    assert (await leadgate("replay")).exit_code == 2
    assert (await leadgate("replay", "--outcome", "accepted")).exit_code == 2
    assert (await leadgate("replay", "--contract", "sunco-west", "--rate", "fast")).exit_code == 2
    nothing = await leadgate("replay", "--contract", "sunco-west")
    assert (nothing.exit_code, nothing.stderr) == (0, "nothing to ask again\n")
    assert "known: sunco-west" in (await leadgate("replay", "--contract", "sunco-wset")).stderr


async def test_programs_are_told_what_would_be_asked_again(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    lead, delivery = await a_dead_one(gate, buyer, caps="[{per: day, leads: 7}]")
    [dry] = objects(await leadgate("replay", "--contract", "solarnow-az", "--dry-run", "--json"))
    assert (dry["deliveries"], dry["room"], dry["asked"], dry["dry_run"]) == ([delivery], 7, 0, True)
    [done] = objects(await leadgate("replay", delivery, "--json"))
    assert (done["asked"], done["refused"]) == (1, [])
    await gate.becomes(lead, "sold")
    again = await leadgate("replay", delivery, "--json")
    [refused] = objects(again)
    assert (again.exit_code, refused["deliveries"], refused["refused"][0]["delivery"]) == (1, [], delivery)
