"""A lead that nobody took, as people see it: waiting, in a further round, sold or expired."""

from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.counting import CountingBuyer, rejects

HOURLY = "price], requeue: {every: 1h, for: 72h, price: {after: 1h, factor: 0.5}}, then: ["


async def test_it_is_told_that_it_waits_and_for_how_long(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    buyer.says["sunco-west"] = rejects
    await gate.configure(source(), contract("sunco-west", buyer.url("sunco-west")), rank=HOURLY)
    lead = await gate.post()
    story = (await leadgate("trace", lead)).stdout
    assert "delivering" in story.splitlines()[0]
    assert "201 failure" in story
    assert "◷ waits" in story
    assert "nobody took it; offered again at " in story
    (told,) = objects(await leadgate("trace", lead, "--json"))
    assert told["waiting"]["looks"] == 0
    (row,) = objects(await leadgate("report", "--json"))
    assert (row["open"], row["waiting"], row["unsold"]) == (1, 1, 0)


async def test_a_further_round_stands_after_the_one_that_has_ended(
    gate: Gate, buyer: CountingBuyer, leadgate: Leadgate
) -> None:
    buyer.says["sunco-west"] = rejects
    first = contract("sunco-west", buyer.url("sunco-west"))
    await gate.configure(source(), first, rank=HOURLY)
    lead = await gate.post()
    late = contract("helio-us", buyer.url("helio-us"), price="30.00")
    await gate.configure(source(), first, late, rank=HOURLY)
    async with gate.database.acquire() as conn:
        await conn.execute("update requeue set since = since - interval '2 hours', due_at = now()")
    await gate.becomes(lead, "sold")
    story = (await leadgate("trace", lead)).stdout
    for earlier, later in (
        ("checked", "Rejected"), ("Rejected", "round 1"), ("round 1", "routed"), ("routed", "Accepted")
    ):  # fmt: skip
        assert story.index(earlier) < story.index(later), story
    assert "15.00 USD" in story
    assert "requeued     round 2 at 0.5 of each price" in story
    assert story.count("201") == 0, "what its source was told stands with the first round"
    assert "waits" not in story
