"""What an Unclear was is a person's word, and the running service does what follows from it."""

from uuid import UUID

from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.counting import CountingBuyer

STATE = "select state from delivery where lead_id = $1::text::uuid and contract = $2"


async def an_unclear(gate: Gate, buyer: CountingBuyer, *more: str) -> tuple[str, str]:
    """(lead, delivery): horizon-ca is asked, and says nothing in time."""
    buyer.slowness["horizon-ca"] = 0.6
    await gate.configure(
        source(deadline="300ms"),
        contract("horizon-ca", buyer.url("horizon-ca"), price="45.00", timeout="200ms"),
        *more,
    )
    lead = await gate.post()
    await gate.becomes(lead, "unclear")
    return lead, str(await gate.one("select id from delivery where lead_id = $1::text::uuid", lead))


async def test_sold_books_the_contracts_price(gate: Gate, buyer: CountingBuyer, leadgate: Leadgate) -> None:
    lead, delivery = await an_unclear(gate, buyer)
    told = await leadgate("settle", delivery[-8:], "sold", "--reference", "HC-55102")
    assert told.exit_code == 0, told.output
    assert told.stdout == f"…{delivery[-8:]} was sold: horizon-ca owes 45.00 USD; lead …{lead[-8:]} is sold\n"
    [row] = await gate.fetch("select state, reference, price from delivery where id = $1", UUID(delivery))
    assert (row["state"], row["reference"], str(row["price"])) == ("accepted", "HC-55102", "45.00")
    [row] = await gate.fetch("select state, revenue, outcome from lead where id = $1", UUID(lead))
    assert (row["state"], str(row["revenue"]), row["outcome"]) == ("sold", "45.00", "success")


async def test_not_sold_goes_to_the_next_contract_which_the_running_service_asks(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    lead, delivery = await an_unclear(gate, buyer, contract("sunco-west", buyer.url("sunco-west")))
    told = await leadgate("settle", delivery, "not-sold", "--reason", "never_arrived")
    assert told.stdout == f"…{delivery[-8:]} was not sold: lead …{lead[-8:]} goes on to sunco-west\n"
    await gate.becomes(lead, "sold")
    assert await gate.one(STATE, lead, "sunco-west") == "accepted"
    assert await gate.one(STATE, lead, "horizon-ca") == "rejected"
    assert len(buyer.accepted("sunco-west")) == 1
    [attempt] = await gate.fetch(
        "select n from attempt a join delivery d on d.id = a.delivery_id where d.contract = 'sunco-west'"
    )
    assert attempt["n"] == 1
    story = (await leadgate("trace", lead)).stdout
    assert "settled      horizon-ca, Rejected never_arrived, was unclear, by " in story


async def test_what_a_word_would_bring_about_is_told_and_nothing_of_it_stays(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    lead, delivery = await an_unclear(gate, buyer, contract("sunco-west", buyer.url("sunco-west")))
    sold = await leadgate("settle", delivery[-8:], "sold", "--dry-run")
    assert sold.stdout == (
        f"…{delivery[-8:]} would be sold: horizon-ca would owe 45.00 USD; lead …{lead[-8:]} would be sold\n"
    )
    [not_sold] = objects(await leadgate("settle", delivery, "not-sold", "--dry-run", "--json"))
    assert (not_sold["asked"], not_sold["changed"], not_sold["dry_run"]) == (["sunco-west"], True, True)
    assert "would be asked again" in (await leadgate("settle", delivery, "again", "--dry-run")).stdout
    assert await gate.one(STATE, lead, "horizon-ca") == "unclear"
    assert await gate.one(STATE, lead, "sunco-west") is None
    assert await gate.one("select count(*) from entry where kind = 'sale'") == 0
    [done] = objects(await leadgate("settle", delivery, "sold", "--json"))
    assert (done["lead"], done["state"], done["dry_run"]) == (lead, "sold", False)


async def test_not_sold_with_nobody_left_is_unsold(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    lead, delivery = await an_unclear(gate, buyer)
    told = await leadgate("settle", delivery, "not-sold")
    assert "nobody is left to ask" in told.stdout
    assert await gate.one("select state from lead where id = $1", UUID(lead)) == "unsold"


async def test_again_asks_first_and_then_asks_the_buyer_with_the_same_id(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    lead, delivery = await an_unclear(gate, buyer)
    buyer.slowness.clear()
    no = await leadgate("settle", delivery, "again", answer="n\n")
    assert no.exit_code == 1
    assert await gate.one("select state from delivery where id = $1", UUID(delivery)) == "unclear"
    assert (await leadgate("settle", delivery, "again", "--yes")).exit_code == 0
    await gate.becomes(lead, "sold")
    assert {a.delivery.id for a in buyer.answered} == {delivery}


async def test_a_repeat_changes_nothing_and_a_contradiction_is_refused(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    _, delivery = await an_unclear(gate, buyer)
    await leadgate("settle", delivery, "sold")
    again = await leadgate("settle", delivery, "sold")
    assert again.exit_code == 0
    assert "nothing changed" in again.stdout
    other = await leadgate("settle", delivery, "not-sold")
    assert other.exit_code == 1
    assert "ended as accepted" in other.stderr


async def test_what_is_no_end_no_delivery_or_no_price_is_told(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    assert (await leadgate("settle", "b5590ef2", "perhaps")).exit_code == 2
    assert (await leadgate("settle", "b5590ef2", "not-sold", "--price", "3")).exit_code == 2
    assert (await leadgate("settle", "b5590ef2", "sold", "--price", "cheap")).exit_code == 2
    assert (await leadgate("settle", "12", "sold")).exit_code == 2
    missing = await leadgate("settle", "b5590ef2", "sold")
    assert missing.exit_code == 1
    assert "no delivery has an id that ends in 'b5590ef2'" in missing.stderr
