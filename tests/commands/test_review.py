"""Held leads are shown with why, and the running service does what a person's word makes of them."""

from datetime import datetime, timedelta

import pytest

from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e import catalogues
from tests.e2e.counting import CountingBuyer


async def a_held_one(gate: Gate, buyer: CountingBuyer) -> str:
    await gate.configure(
        source(), contract("sunco-west", buyer.url("sunco-west")), check="{check: email, role: hold}"
    )
    lead = await gate.post(email="info@dana.example")
    await gate.becomes(lead, "held")
    return lead


async def test_what_waits_is_shown_with_why_and_without_the_person(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    lead = await a_held_one(gate, buyer)
    told = await leadgate("review")
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith(f"{lead[-8:]}  acme  solar  ")
    assert "email: " in told.stdout
    assert "dana" not in told.output
    assert (await leadgate("review", "--source", "other")).stderr == "no lead waits for a person\n"
    listed = await leadgate("review", "--json")
    assert listed.exit_code == 0, listed.exception
    [found] = objects(listed)
    assert (found["id"], found["findings"][0]["action"]) == (lead, "hold")


async def test_what_becomes_of_it_by_itself_is_shown(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_held_one(gate, buyer)
    assert "  no time-out  " in (await leadgate("review")).stdout
    monkeypatch.setattr(
        catalogues, "_CAMPAIGN", catalogues._CAMPAIGN + "    review: {within: 4h, then: accept}\n"
    )
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")))
    assert "  goes on in " in (await leadgate("review")).stdout
    [found] = objects(await leadgate("review", "--json"))
    gone_on = datetime.fromisoformat(found["ends_at"]) - datetime.fromisoformat(found["held_at"])
    assert (found["then"], gone_on) == ("accept", timedelta(hours=4))


async def test_approved_twice_it_is_sold_once(gate: Gate, buyer: CountingBuyer, leadgate: Leadgate) -> None:
    lead = await a_held_one(gate, buyer)
    dry = await leadgate("review", "approve", lead[-8:], "--dry-run")
    assert dry.stdout == f"…{lead[-8:]} would be approved and goes to sunco-west\n"
    said = [await leadgate("review", "approve", lead[-8:]) for _ in range(2)]
    assert [one.exit_code for one in said] == [0, 1]
    assert said[0].stdout == f"…{lead[-8:]} is approved and goes to sunco-west\n"
    await gate.becomes(lead, "sold")
    assert len(buyer.accepted("sunco-west")) == 1
    assert "· approved" in (await leadgate("trace", lead)).stdout


async def test_rejected_its_source_finds_the_reason(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    lead = await a_held_one(gate, buyer)
    assert (await leadgate("review", "reject", lead)).exit_code == 2  # without a reason
    told = await leadgate("review", "reject", lead, "--reason", "an office's mailbox")
    assert told.stdout == f"…{lead[-8:]} is rejected: an office's mailbox\n"
    view = (await gate.http.get(f"/v1/leads/{lead}")).json()
    assert (view["state"], view["reasons"]) == (
        "rejected", [{"code": "review", "field": "", "message": "an office's mailbox"}],
    )  # fmt: skip
    late = await leadgate("review", "approve", lead)
    assert (late.exit_code, late.stderr) == (
        1,
        "error: this lead is rejected, not held: nobody waits for a word on it\n",
    )


async def test_a_lead_that_is_auctioned_first_waits_for_that_and_the_running_service_sells_it(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogues, "_CAMPAIGN", catalogues._CAMPAIGN + "    auction: {on: post}\n")
    lead = await a_held_one(gate, buyer)
    tried = await leadgate("review", "approve", lead[-8:], "--dry-run")
    assert tried.stdout.endswith(
        " would be approved, and goes to whoever bids most: the running service holds its auction\n"
    )
    [said] = objects(await leadgate("review", "approve", lead, "--json"))
    assert (said["state"], said["asked"]) == ("held", [])
    await gate.becomes(lead, "sold")
    assert "auctioned    once it was let go: sunco-west 42.00" in (await leadgate("trace", lead)).stdout


async def test_who_waits_for_its_auction_waits_for_no_person(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    lead = await a_held_one(gate, buyer)
    for task in gate.process.upkeep._takers:
        task.cancel()
    await gate.one("insert into let_go (lead_id, by_whom) values ($1::text::uuid, 'ann')", lead)
    assert "  waits for its auction  " in (await leadgate("review")).stdout
    [found] = objects(await leadgate("review", "--json"))
    assert found["let_go"] == "ann"
