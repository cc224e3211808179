"""`leadgate reprocess`: an operator's wish, carried out by the service that runs; beforehand, without it."""

import getpass

from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.counting import CountingBuyer


async def unsold(gate: Gate, buyer: CountingBuyer, name: str = "dana") -> str:
    """A lead of a state that nobody buys, until `open_up`."""
    lead = await gate.post(email=f"{name}@example.org", state="TX")
    await gate.becomes(lead, "unsold")
    return lead


def only_california(buyer: CountingBuyer) -> str:
    return contract("sunco-west", buyer.url("sunco-west"), more='when: lead.state == "CA"')


async def open_up(gate: Gate, buyer: CountingBuyer) -> None:
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")))
    await gate.process.catalogue.refresh()


async def test_what_would_come_of_it_is_told_without_a_service_and_nothing_stays(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), only_california(buyer))
    lead = await unsold(gate, buyer)
    told = await leadgate("reprocess", lead[-8:], "--dry-run")
    assert (told.exit_code, told.stdout) == (
        0,
        f"…{lead[-8:]} would be unsold in round 2: no buyer took this lead\n",
    )
    await open_up(gate, buyer)
    told = await leadgate("reprocess", lead, "--dry-run")
    assert told.stdout == f"…{lead[-8:]} would be delivering in round 2, and go to sunco-west\n"
    (one,) = objects(await leadgate("reprocess", lead, "--dry-run", "--json"))
    assert (one["lead"], one["was"], one["asked"], one["dry_run"]) == (lead, "unsold", ["sunco-west"], True)
    assert await gate.one("select state || round from lead") == "unsold1"
    assert await gate.one("select count(*) from delivery") == 0
    assert await gate.one("select count(*) from api_key where kind = 'user'") == 0


async def test_each_goes_on_by_itself_and_its_trail_says_who_wished_that(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), only_california(buyer))
    address = await gate.serve()
    first, second = await unsold(gate, buyer, "ann"), await unsold(gate, buyer, "bo")
    sold = await gate.post(email="cy@example.org")
    await open_up(gate, buyer)
    told = await leadgate("reprocess", first[-8:], sold, second, "--url", address)
    assert told.exit_code == 1
    assert [line.split("        ")[0] for line in told.stdout.splitlines()] == [
        f"…{one[-8:]} is sold in round 2, to sunco-west 42.00" for one in (first, second)
    ]
    assert (
        told.stderr
        == f"not …{sold[-8:]}: this lead is sold: what was handed over can't be corrected from here\n"
    )
    who = await gate.fetch("select by_whom from lead_event where kind = 'reprocessed'")
    assert [tuple(row) for row in who] == [(f"user {getpass.getuser()}",)] * 2
    trace = " ".join((await leadgate("trace", first)).stdout.split())
    assert f"reprocessed was unsold, by user {getpass.getuser()}" in trace
    assert await gate.one("select count(*) from api_key where kind = 'user' and revoked_at is null") == 0


async def test_of_one_that_can_not_go_on_a_program_reads_why(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), only_california(buyer))
    sold = await gate.post(email="cy@example.org")
    await gate.becomes(sold, "sold")
    for words in (("--dry-run",), ("--url", await gate.serve())):
        told = await leadgate("reprocess", sold, "--json", *words)
        assert (told.exit_code, [(one["lead"], one["refused"]) for one in objects(told)]) == (
            1,
            [(sold, "sold")],
        )


async def test_without_a_service_nothing_is_begun(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    await gate.configure(source(), only_california(buyer))
    lead = await unsold(gate, buyer)
    told = await leadgate("reprocess", lead, "--url", "http://127.0.0.1:1")
    assert (told.exit_code, told.stdout) == (3, "")
    assert "nothing answers at http://127.0.0.1:1" in told.stderr
    assert await gate.one("select count(*) from api_key where kind = 'user' and revoked_at is null") == 0
